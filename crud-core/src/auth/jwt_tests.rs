use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, crypto};
use serde_json::{Value, json};

use super::{super::keys::USUAL_HEADERS, *};

const SECRET: &[u8] = b"a secret of exactly 32 bytes ...";
const NOW: i64 = 1_800_000_000;
const SUBJECT: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

fn jwt() -> Jwt {
    Jwt::new(JwtConfig::new(SECRET)).unwrap()
}

fn claims() -> Value {
    json!({"sub": SUBJECT, "role": "student", "iat": NOW - 60, "exp": NOW + 60})
}

fn without(name: &str) -> Value {
    let mut claims = claims();
    claims.as_object_mut().unwrap().remove(name);
    claims
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

/// A token with any header and any payload, signed with `secret` by `algorithm`.
fn sign(header: &str, payload: &str, algorithm: Algorithm, secret: &[u8]) -> String {
    let [header, payload] = [header, payload].map(|part| URL_SAFE_NO_PAD.encode(part));
    let message = format!("{header}.{payload}");
    let key = EncodingKey::from_secret(secret);
    let signature = crypto::sign(message.as_bytes(), &key, algorithm).unwrap();
    format!("{message}.{signature}")
}

fn token(claims: &Value) -> String {
    let header = r#"{"alg":"HS256","typ":"JWT"}"#;
    sign(header, &claims.to_string(), Algorithm::HS256, SECRET)
}

fn with_header(header: &str) -> String {
    sign(header, &claims().to_string(), Algorithm::HS256, SECRET)
}

#[track_caller]
fn refused(token: &str, why: AuthError) {
    assert_eq!(jwt().verify_at(token, NOW), Err(why), "{token}");
}

#[test]
fn an_issued_token_verifies_and_says_who() {
    let subject = SUBJECT.parse().unwrap();
    let (token, expires_in) = jwt().issue(subject, "instructor");
    assert_eq!(expires_in, 900);
    let claims = jwt().verify(&token).unwrap();
    assert_eq!(claims.sub, SUBJECT);
    assert_eq!(claims.role.as_deref(), Some("instructor"));
    assert_eq!(claims.exp - claims.iat.unwrap(), 900);
    assert!(USUAL_HEADERS.iter().any(|header| token.starts_with(header)));
}

#[test]
fn a_token_says_its_generation_if_it_has_one() {
    let subject = SUBJECT.parse().unwrap();
    let (with, _) = jwt().issue_in(7, subject, "student");
    let (without, _) = jwt().issue(subject, "student");
    assert_eq!(jwt().verify(&with).unwrap().generation, Some(7));
    assert_eq!(jwt().verify(&without).unwrap().generation, None);
}

#[test]
fn a_foreign_token_with_the_four_usual_claims_verifies() {
    let claims = jwt().verify_at(&token(&claims()), NOW).unwrap();
    assert_eq!((claims.sub.as_str(), claims.exp), (SUBJECT, NOW + 60));
    for header in [
        r#"{"typ":"JWT","alg":"HS256"}"#,
        r#"{"alg":"HS256"}"#,
        r#"{ "alg": "HS256", "typ": "at+jwt", "kid": "1" }"#,
    ] {
        assert!(
            jwt().verify_at(&with_header(header), NOW).is_ok(),
            "{header}"
        );
    }
}

#[test]
fn the_times_hold_to_the_second() {
    // The default leeway is 5 s, and a token is over at its `exp`.
    for (name, at, expected) in [
        ("exp", NOW - 4, Ok(())),
        ("exp", NOW - 5, Err(AuthError::Expired)),
        ("exp", NOW - 6, Err(AuthError::Expired)),
        ("nbf", NOW + 5, Ok(())),
        ("nbf", NOW + 6, Err(AuthError::NotYetValid)),
        ("iat", NOW + 5, Ok(())),
        ("iat", NOW + 6, Err(AuthError::NotYetValid)),
    ] {
        let verified = jwt().verify_at(&token(&with(name, json!(at))), NOW);
        assert_eq!(verified.map(drop), expected, "{name} {}", at - NOW);
    }
}

#[test]
fn no_time_overflows() {
    for exp in [i64::MIN, i64::MAX, 0, -1] {
        let verified = jwt().verify_at(&token(&with("exp", json!(exp))), NOW);
        assert_eq!(verified.is_ok(), exp == i64::MAX);
    }
    let fraction = jwt().verify_at(&token(&with("exp", json!(1_800_000_060.9))), NOW);
    assert_eq!(fraction.unwrap().exp, NOW + 60);
}

#[test]
fn the_algorithm_is_the_keys_not_the_tokens() {
    let payload = claims().to_string();
    for alg in [
        "none", "None", "NONE", "nOnE", "", "HS384", "HS512", "RS256", "ES256", "EdDSA", "hs256",
    ] {
        let header = json!({"alg": alg, "typ": "JWT"}).to_string();
        let signed = with_header(&header);
        refused(&signed, AuthError::Header);
        let (message, _) = signed.rsplit_once('.').unwrap();
        refused(&format!("{message}."), AuthError::Header);
        refused(message, AuthError::Malformed);
    }
    for algorithm in [Algorithm::HS384, Algorithm::HS512] {
        let usual = r#"{"alg":"HS256","typ":"JWT"}"#;
        refused(
            &sign(usual, &payload, algorithm, SECRET),
            AuthError::Signature,
        );
        let honest = json!({"alg": algorithm, "typ": "JWT"}).to_string();
        refused(
            &sign(&honest, &payload, algorithm, SECRET),
            AuthError::Header,
        );
    }
}

#[test]
fn a_header_that_is_not_understood_is_refused() {
    for (header, why) in [
        (r#"{"typ":"JWT"}"#, AuthError::Malformed),
        (r#"{"alg":null}"#, AuthError::Malformed),
        (r#"{"alg":["HS256"]}"#, AuthError::Malformed),
        (r#"{"alg":"none","alg":"HS256"}"#, AuthError::Malformed),
        (r#"{"alg":"HS256"}x"#, AuthError::Malformed),
        ("", AuthError::Malformed),
        (r#"{"alg":"HS256","crit":["exp"]}"#, AuthError::Header),
        (
            r#"{"alg":"HS256","crit":["b64"],"b64":false}"#,
            AuthError::Header,
        ),
        (r#"{"alg":"HS256","typ":"JWE"}"#, AuthError::Header),
        (r#"{"alg":"HS256","typ":"dpop+jwt"}"#, AuthError::Header),
    ] {
        refused(&with_header(header), why);
    }
}

#[test]
fn a_token_that_brings_its_own_key_gains_nothing_by_it() {
    let payload = claims().to_string();
    for extra in [
        r#""jku":"http://127.0.0.1/keys""#,
        r#""jwk":{"kty":"oct","k":"YXR0YWNrZXI"}"#,
        r#""x5u":"http://127.0.0.1/cert""#,
        r#""kid":"../../../dev/null""#,
        r#""kid":"' UNION SELECT 'attacker""#,
    ] {
        let header = format!(r#"{{"alg":"HS256",{extra}}}"#);
        let forged = sign(&header, &payload, Algorithm::HS256, b"attacker");
        refused(&forged, AuthError::Signature);
    }
}

#[test]
fn a_signature_by_another_secret_is_refused() {
    let header = r#"{"alg":"HS256","typ":"JWT"}"#;
    let payload = claims().to_string();
    for secret in [
        &b""[..],
        b"secret",
        b"a secret of exactly 32 bytes ..",
        SUBJECT.as_bytes(),
    ] {
        refused(
            &sign(header, &payload, Algorithm::HS256, secret),
            AuthError::Signature,
        );
    }
}

#[test]
fn every_changed_bit_of_a_token_is_noticed() {
    let token = token(&claims());
    for at in 0..token.len() {
        for flip in [1_u8, 2, 32] {
            let mut bytes = token.clone().into_bytes();
            bytes[at] ^= flip;
            let forged = String::from_utf8(bytes).unwrap();
            assert!(jwt().verify_at(&forged, NOW).is_err(), "{at} {forged}");
        }
    }
}

#[test]
fn claims_of_another_token_do_not_fit_this_ones_signature() {
    let [mine, admins] = [token(&claims()), token(&with("role", json!("admin")))];
    let (_, signature) = mine.rsplit_once('.').unwrap();
    let (message, _) = admins.rsplit_once('.').unwrap();
    refused(&format!("{message}.{signature}"), AuthError::Signature);
}

#[test]
fn garbage_is_refused() {
    let good = token(&claims());
    let (message, signature) = good.rsplit_once('.').unwrap();
    for garbage in [
        "",
        ".",
        "..",
        "...",
        "a",
        "a.b",
        "a.b.c",
        "null",
        "\0.\0.\0",
        "ä.ö.ü",
        &good[..good.len() - 1],
        &good[1..],
        &format!("{good}."),
        &format!("{good}.x"),
        &format!(".{good}"),
        &format!("{good}="),
        &format!(" {good}"),
        &format!("{good}\n"),
        &format!("{message}.{signature}A"),
        &"a".repeat(MAX_TOKEN_BYTES + 1),
        &"a.".repeat(2000),
    ] {
        assert!(jwt().verify_at(garbage, NOW).is_err(), "{garbage}");
    }
    let long = token(&with("role", json!("x".repeat(MAX_TOKEN_BYTES))));
    refused(&long, AuthError::Malformed);
}

#[test]
fn a_token_names_its_subject_and_its_end() {
    for claims in [
        without("sub"),
        without("exp"),
        with("sub", json!("")),
        with("sub", json!(null)),
        with("sub", json!(7)),
        with("exp", json!(null)),
        with("exp", json!("1900000000")),
        with("exp", json!(1e300)),
        with("exp", json!(u64::MAX)),
        with("exp", json!([NOW + 60])),
        with("nbf", json!("soon")),
        with("iat", json!(false)),
        with("iat", json!(null)),
        with("role", json!(["admin"])),
        with("typ", json!(1)),
        with("aud", json!({})),
        json!([]),
        json!("x"),
        json!(null),
    ] {
        refused(&token(&claims), AuthError::Claims);
    }
    let twice = claims().to_string().replacen('{', r#"{"role":"admin","#, 1);
    let header = r#"{"alg":"HS256","typ":"JWT"}"#;
    refused(
        &sign(header, &twice, Algorithm::HS256, SECRET),
        AuthError::Claims,
    );
    refused(
        &sign(header, r#"{"exp":"#, Algorithm::HS256, SECRET),
        AuthError::Claims,
    );
    refused(
        &sign(header, "", Algorithm::HS256, SECRET),
        AuthError::Claims,
    );
}

#[test]
fn a_token_for_another_purpose_is_refused() {
    assert!(
        jwt()
            .verify_at(&token(&with("typ", json!("access"))), NOW)
            .is_ok()
    );
    for typ in ["refresh", "Access", "", "id", "reset"] {
        refused(&token(&with("typ", json!(typ))), AuthError::Type);
    }
}

#[test]
fn issuer_and_audience_are_demanded_once_configured() {
    let mut config = JwtConfig::new(SECRET);
    config.issuer = Some("lms".to_owned());
    config.audience = Some("api".to_owned());
    let strict = Jwt::new(config).unwrap();
    let verify = |iss: Value, aud: Value| {
        let mut claims = claims();
        claims["iss"] = iss;
        claims["aud"] = aud;
        let token = token(&claims);
        assert!(jwt().verify_at(&token, NOW).is_ok(), "{claims}");
        strict.verify_at(&token, NOW).map(drop)
    };
    assert_eq!(verify(json!("lms"), json!("api")), Ok(()));
    assert_eq!(verify(json!("lms"), json!(["x", "api"])), Ok(()));
    assert_eq!(verify(json!("LMS"), json!("api")), Err(AuthError::Issuer));
    assert_eq!(verify(json!(null), json!("api")), Err(AuthError::Issuer));
    assert_eq!(
        verify(json!("lms"), json!("apis")),
        Err(AuthError::Audience)
    );
    assert_eq!(verify(json!("lms"), json!([])), Err(AuthError::Audience));
    assert_eq!(verify(json!("lms"), json!(null)), Err(AuthError::Audience));
    assert!(
        strict
            .verify(&strict.issue(SUBJECT.parse().unwrap(), "student").0)
            .is_ok()
    );
}

#[test]
fn an_unsafe_configuration_is_refused() {
    let config = |secret: &[u8]| JwtConfig::new(secret);
    let short = Jwt::new(config(&SECRET[1..])).unwrap_err();
    assert_eq!(short, JwtConfigError::ShortSecret(31));
    let mut lax = config(SECRET);
    lax.leeway = Duration::from_secs(31);
    assert!(matches!(Jwt::new(lax), Err(JwtConfigError::LongLeeway(_))));
    let mut dead = config(SECRET);
    dead.access_ttl = Duration::ZERO;
    assert!(matches!(
        Jwt::new(dead),
        Err(JwtConfigError::ShortLifetime(_))
    ));
}

#[test]
fn every_refusal_reads_the_same() {
    for error in [
        AuthError::Malformed,
        AuthError::Signature,
        AuthError::Expired,
        AuthError::Type,
    ] {
        let error = Error::from(error);
        assert_eq!(
            (error.status().as_u16(), error.to_string().as_str()),
            (401, "Invalid token")
        );
    }
}

#[test]
fn a_secret_is_never_shown() {
    let shown = format!("{:?} {:?}", JwtConfig::new(SECRET), jwt());
    assert!(
        !shown.contains("97, 32, 115") && !shown.contains("a secret"),
        "{shown}"
    );
}
