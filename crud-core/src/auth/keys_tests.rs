//! The keys in `test_keys/` were made for these tests and are used nowhere else.

use std::{sync::Arc, time::Duration};

use jsonwebtoken::{Algorithm, EncodingKey, Header, jwk::Jwk};
use serde_json::{Value, json};

use super::super::{AuthError, Jwt, JwtConfig, KeySet, KeySource};

const SUBJECT: &str = "01890a5d-ac96-774b-bcce-b302099a8057";
const ISSUER: &str = "https://id.example";
const SECRET: &str = "a secret of exactly 32 bytes ...";

fn key(algorithm: Algorithm) -> EncodingKey {
    let ed25519 = include_bytes!("test_keys/ed25519.pem");
    let rsa = include_bytes!("test_keys/rsa2048.pem");
    let p256 = include_bytes!("test_keys/p256.pem");
    match algorithm {
        Algorithm::EdDSA => EncodingKey::from_ed_pem(ed25519).unwrap(),
        Algorithm::ES256 => EncodingKey::from_ec_pem(p256).unwrap(),
        _ => EncodingKey::from_rsa_pem(rsa).unwrap(),
    }
}

fn jwk(algorithm: Algorithm, id: &str) -> Value {
    let jwk = Jwk::from_encoding_key(&key(algorithm), algorithm).unwrap();
    let mut jwk = serde_json::to_value(jwk).unwrap();
    jwk["kid"] = json!(id);
    jwk
}

fn set(keys: &[Value]) -> KeySet {
    KeySet::from_jwks(json!({ "keys": keys }).to_string().as_bytes()).unwrap()
}

fn token(algorithm: Algorithm, id: Option<&str>, claims: &Value) -> String {
    let mut header = Header::new(algorithm);
    header.kid = id.map(str::to_owned);
    jsonwebtoken::encode(&header, claims, &key(algorithm)).unwrap()
}

fn claims() -> Value {
    let now = std::time::SystemTime::UNIX_EPOCH
        .elapsed()
        .unwrap()
        .as_secs();
    json!({"sub": SUBJECT, "iat": now, "exp": now + 60, "iss": ISSUER})
}

fn jwt() -> Jwt {
    Jwt::new(JwtConfig::new(SECRET)).unwrap()
}

#[test]
fn tokens_of_every_kind_of_trusted_key_are_taken_beside_our_own() {
    let kinds = [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA];
    for algorithm in kinds {
        let jwt = jwt();
        let foreign = token(algorithm, Some("a"), &claims());
        assert_eq!(
            jwt.verify(&foreign),
            Err(AuthError::Header),
            "{algorithm:?}"
        );
        jwt.trust(set(&[jwk(algorithm, "a")]));
        let known = jwt.verify(&foreign).unwrap();
        assert_eq!((known.sub.as_str(), known.foreign), (SUBJECT, true));
        let (own, _) = jwt.issue(SUBJECT.parse().unwrap(), "student");
        assert!(!jwt.verify(&own).unwrap().foreign);
    }
}

#[test]
fn a_key_that_is_taken_back_is_refused_at_once() {
    let jwt = jwt();
    jwt.trust(set(&[jwk(Algorithm::EdDSA, "old")]));
    let foreign = token(Algorithm::EdDSA, Some("old"), &claims());
    assert!(jwt.verify(&foreign).is_ok());
    // The token itself is remembered; its key is no more trusted.
    jwt.trust(set(&[jwk(Algorithm::RS256, "new")]));
    assert_eq!(jwt.verify(&foreign), Err(AuthError::Key));
}

#[test]
fn a_token_is_verified_by_the_key_it_names_or_by_the_only_one() {
    let jwt = jwt();
    jwt.trust(set(&[jwk(Algorithm::EdDSA, "a")]));
    assert!(
        jwt.verify(&token(Algorithm::EdDSA, None, &claims()))
            .is_ok()
    );
    let other = token(Algorithm::EdDSA, Some("b"), &claims());
    assert_eq!(jwt.verify(&other), Err(AuthError::Key));
    jwt.trust(set(&[
        jwk(Algorithm::EdDSA, "a"),
        jwk(Algorithm::EdDSA, "b"),
    ]));
    let unnamed = token(Algorithm::EdDSA, None, &claims());
    assert_eq!(jwt.verify(&unnamed), Err(AuthError::Key));
    assert!(jwt.verify(&other).is_ok());
}

#[test]
fn a_public_key_is_no_secret() {
    let jwt = jwt();
    jwt.trust(set(&[jwk(Algorithm::RS256, "a")]));
    // HS256, signed with what everyone knows of the RSA key.
    let modulus = jwk(Algorithm::RS256, "a")["n"].as_str().unwrap().to_owned();
    let mut header = Header::new(Algorithm::HS256);
    header.kid = Some("a".to_owned());
    let public = EncodingKey::from_secret(modulus.as_bytes());
    let forged = jsonwebtoken::encode(&header, &claims(), &public).unwrap();
    assert_eq!(jwt.verify(&forged), Err(AuthError::Signature));
}

#[test]
fn a_key_speaks_for_its_issuer_only() {
    let jwt = jwt();
    jwt.trust(set(&[jwk(Algorithm::EdDSA, "a")]).issued_by(ISSUER));
    assert!(
        jwt.verify(&token(Algorithm::EdDSA, Some("a"), &claims()))
            .is_ok()
    );
    let mut other = claims();
    other["iss"] = json!("https://other.example");
    let other = token(Algorithm::EdDSA, Some("a"), &other);
    assert_eq!(jwt.verify(&other), Err(AuthError::Issuer));
}

#[test]
fn the_purpose_of_a_foreign_token_is_looked_at() {
    let jwt = jwt();
    jwt.trust(set(&[jwk(Algorithm::EdDSA, "a")]));
    for (typ, good) in [
        ("Bearer", true),
        ("access", true),
        ("ID", false),
        ("Refresh", false),
    ] {
        let mut claims = claims();
        claims["typ"] = json!(typ);
        let token = token(Algorithm::EdDSA, Some("a"), &claims);
        assert_eq!(jwt.verify(&token).is_ok(), good, "{typ}");
    }
    let (own, _) = jwt.issue(SUBJECT.parse().unwrap(), "student");
    assert!(jwt.verify(&own).is_ok());
}

#[test]
fn what_cannot_be_used_is_left_out_and_nothing_left_is_an_error() {
    let short = include_bytes!("test_keys/rsa1024.pem");
    let short = EncodingKey::from_rsa_pem(short).unwrap();
    let short = serde_json::to_value(Jwk::from_encoding_key(&short, Algorithm::RS256).unwrap());
    let secret = json!({"kty": "oct", "k": "c2VjcmV0", "alg": "HS256"});
    let mut encrypts = jwk(Algorithm::RS256, "e");
    encrypts["use"] = json!("enc");
    let mut other = jwk(Algorithm::RS256, "o");
    other["alg"] = json!("RS512");
    let useless = [short.unwrap(), secret, encrypts, other];
    let document = json!({ "keys": useless }).to_string();
    let error = KeySet::from_jwks(document.as_bytes())
        .unwrap_err()
        .to_string();
    assert!(error.contains("no usable key among its 4"), "{error}");
    let mut keys = useless.to_vec();
    keys.push(jwk(Algorithm::EdDSA, "a"));
    assert_eq!(set(&keys).keys.len(), 1);
    assert!(
        KeySet::from_jwks(b"[]")
            .unwrap_err()
            .to_string()
            .contains("no JSON Web Key Set")
    );
}

#[test]
fn a_source_is_a_file_or_an_address_that_nobody_can_change_on_the_way() {
    for good in [
        "keys.json",
        "/etc/keys.json",
        "https://id.example/keys",
        "http://127.0.0.1:9/k",
    ] {
        assert!(good.parse::<KeySource>().is_ok(), "{good}");
    }
    for bad in [
        "",
        "http://id.example/keys",
        "ftp://id.example/keys",
        "https://",
    ] {
        assert!(bad.parse::<KeySource>().is_err(), "{bad}");
    }
}

#[tokio::test]
async fn keys_come_from_an_address_and_errors_say_why_not() {
    use axum::{Router, http::StatusCode, routing::get};

    let document = json!({ "keys": [jwk(Algorithm::EdDSA, "a")] }).to_string();
    let long = "x".repeat(2 << 20);
    let router = Router::new()
        .route("/keys", get(async || document))
        .route("/gone", get(async || StatusCode::NOT_FOUND))
        .route("/long", get(async || long));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    tokio::spawn(async { axum::serve(listener, router).await });
    let fetch = async |path: &str| {
        let source: KeySource = format!("http://{at}/{path}").parse().unwrap();
        source.fetch().await
    };
    assert_eq!(fetch("keys").await.unwrap().keys.len(), 1);
    assert!(
        fetch("gone")
            .await
            .unwrap_err()
            .to_string()
            .contains("fetched")
    );
    assert!(
        fetch("long")
            .await
            .unwrap_err()
            .to_string()
            .contains("1 MiB")
    );
    let file: KeySource = "no such file".parse().unwrap();
    assert!(file.fetch().await.unwrap_err().to_string().contains("read"));
}

#[tokio::test(start_paused = true)]
async fn an_unknown_key_makes_us_look_again() {
    let folder = std::env::temp_dir().join(format!("keys-{}", uuid::Uuid::now_v7()));
    let write = |key: Value| std::fs::write(&folder, json!({ "keys": [key] }).to_string());
    write(jwk(Algorithm::EdDSA, "old")).unwrap();
    let source = KeySource::File(folder.clone());
    let jwt = Arc::new(jwt());
    jwt.trust(source.fetch().await.unwrap());
    let kept = Arc::clone(&jwt);
    let keeper = tokio::spawn(async move { source.keep(&kept, None).await });
    write(jwk(Algorithm::EdDSA, "new")).unwrap();
    let fresh = token(Algorithm::EdDSA, Some("new"), &claims());
    assert_eq!(jwt.verify(&fresh), Err(AuthError::Key));
    // Half a minute later at most, on a clock that jumps.
    tokio::time::sleep(Duration::from_secs(31)).await;
    assert!(jwt.verify(&fresh).is_ok());
    keeper.abort();
    std::fs::remove_file(folder).unwrap();
}
