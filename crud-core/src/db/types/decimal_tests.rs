//! What a decimal number reads, says and accepts.

use super::*;

type Price = Decimal<10, 2>;

#[test]
fn a_text_is_read_exactly_or_refused() {
    for (text, told) in [
        ("19.99", "19.99"),
        ("0", "0.00"),
        ("-0", "0.00"),
        ("-0.5", "-0.50"),
        ("99999999.99", "99999999.99"),
        ("-99999999.99", "-99999999.99"),
    ] {
        let price: Price = text.parse().expect(text);
        assert_eq!(price.to_string(), told);
        assert_eq!(serde_json::to_value(price).unwrap(), told);
    }
    let odd = [
        "",
        "-",
        ".5",
        "5.",
        "1.999",
        "01",
        "-01",
        "+1",
        "1e3",
        "1_0",
        " 1",
        "1 ",
        "1,5",
        "NaN",
        "100000000",
        "99999999999999999999999999",
        "--1",
        "1.-5",
        "0x1",
        "١",
    ];
    for text in odd {
        let told = text.parse::<Price>().expect_err(text).to_string();
        assert!(told.contains("up to \"99999999.99\""), "{told}");
    }
    assert_eq!(Decimal::<18, 18>::MAX.to_string(), "0.999999999999999999");
    assert_eq!(Decimal::<18, 0>::MIN.to_string(), "-999999999999999999");
    assert!("1".parse::<Decimal<2, 2>>().is_err());
    for nines in 19..40 {
        assert!("9".repeat(nines).parse::<Decimal<18, 0>>().is_err());
    }
    assert!(serde_json::from_str::<Price>("19.99").is_err());
}

#[test]
fn the_pattern_accepts_what_is_read() {
    fn same<const D: u8, const S: u8>() {
        let schema = serde_json::json!({ "pattern": pattern(D, S) });
        let (digits, scale, _) = digits_of(&pattern(D, S)).expect("it is its own");
        assert_eq!((digits, scale), (D, S));
        for text in [
            "0", "-0", "00", "1", "-1", "10", "123", "1234", "0.1", "-0.12", "0.123", "1.23",
            "12.3", "12.", ".1", "", "a", "1e1",
        ] {
            let read = text.parse::<Decimal<D, S>>().is_ok();
            assert_eq!(
                jsonschema::is_valid(&schema, &text.into()),
                read,
                "{text} of {D}, {S}"
            );
        }
    }
    same::<3, 0>();
    same::<3, 1>();
    same::<3, 2>();
    same::<2, 2>();
    same::<18, 9>();
    assert!(digits_of("^[a-z]*$").is_none());
}

#[test]
fn limits_are_exact_as_they_are_written() {
    let price = Price::exactly("0.1");
    assert!(price.validate_range(Some(0.1), None, None, None));
    assert!(!price.validate_range(Some(0.11), None, None, None));
    assert!(!price.validate_range(None, None, Some(0.1), None));
    assert!(price.validate_range(Some(-1), Some(1), None, None));
    assert!(!price.validate_range(Some(1), None, None, None));
    assert!(Price::MAX.validate_range(None, Some(99_999_999.99), None, None));
}

#[test]
fn nothing_is_rounded_on_the_way() {
    let third = rust_decimal::Decimal::ONE / rust_decimal::Decimal::from(3);
    assert!(Price::try_from(third).is_err());
    assert_eq!(
        Price::try_from(third.round_dp(2)),
        Ok(Price::exactly("0.33"))
    );
    assert_eq!(Price::from_units(1990), Some(Price::exactly("19.9")));
    assert_eq!(Price::from_units(10_000_000_000), None);
    assert_eq!(Scaled::new(1990, 3).units(2), Ok(199));
    assert!(Scaled::new(1999, 3).units(2).is_err());
}
