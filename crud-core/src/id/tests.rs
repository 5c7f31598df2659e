use super::*;

#[test]
fn an_id_has_one_form_in_an_address() {
    let id = Uuid::now_v7();
    assert_eq!(IdKind::Uuid.parse(&id.to_string()), Some(Id::Uuid(id)));
    for none in ["", "1", &id.simple().to_string(), "{}"] {
        assert_eq!(IdKind::Uuid.parse(none), None, "{none}");
    }
    for id in [0, 1, -1, i64::MAX, i64::MIN] {
        assert_eq!(IdKind::Int.parse(&id.to_string()), Some(Id::Int(id)));
    }
    for none in [
        "",
        "+1",
        "01",
        "-0",
        " 1",
        "1.0",
        "9223372036854775808",
        "x",
    ] {
        assert_eq!(IdKind::Int.parse(none), None, "{none}");
    }
    let long = "é".repeat(LONGEST_TEXT);
    for text in ["nl", "a/b", "1", "%2F", "…", " ", "a.b", &long] {
        assert_eq!(IdKind::Text.parse(text), Some(Id::from(text)));
    }
    for none in ["", ".", "..", "a\0", "a\n", &format!("{long}x")] {
        assert_eq!(IdKind::Text.parse(none), None, "{none:?}");
    }
}

#[test]
fn an_id_is_written_and_read_as_json() {
    for (kind, id) in [
        (IdKind::Uuid, Id::Uuid(Uuid::now_v7())),
        (IdKind::Int, Id::Int(-7)),
        (IdKind::Text, Id::from("a\"b")),
    ] {
        let json = serde_json::to_string(&id).expect("an id is JSON");
        assert_eq!(kind.of_json(&json), Some(id));
    }
    for (kind, json) in [
        (IdKind::Uuid, "1"),
        (IdKind::Int, "\"1\""),
        (IdKind::Int, "1.0"),
        (IdKind::Text, "1"),
        (IdKind::Text, "\"\""),
        (IdKind::Text, "\"\\u0000\""),
    ] {
        assert_eq!(kind.of_json(json), None, "{json}");
    }
}

#[test]
fn an_address_says_every_text() {
    let id = Id::from("a b/ü?#%");
    assert_eq!(id.in_path(), "a%20b%2F%C3%BC%3F%23%25");
    assert_eq!(Id::Int(-3).in_path(), "-3");
}

#[test]
fn history_keeps_each_row_under_its_own_name() {
    let id = Uuid::now_v7();
    assert_eq!(Id::Uuid(id).kept_as(), id);
    let ids = [
        Id::Int(0),
        Id::Int(1),
        Id::Int(-1),
        Id::from("0"),
        Id::from("1"),
    ];
    let names: std::collections::BTreeSet<_> = ids.iter().map(Id::kept_as).collect();
    assert_eq!(names.len(), ids.len());
    let one = "00000000-0000-0000-0000-000000000001";
    assert_eq!(Id::Int(1).kept_as().to_string(), one);
}

#[test]
fn texts_are_ordered_by_bytes() {
    let mut ids = ["b", "a", "Z", "é", "z"].map(Id::from);
    ids.sort_unstable();
    assert_eq!(ids, ["Z", "a", "b", "z", "é"].map(Id::from));
}

#[test]
fn an_id_fits_into_three_words() {
    assert!(size_of::<Id>() <= 24);
}
