//! The API's description: sound in itself, and the one that was agreed to. After a wanted change:
//! `cargo run -- openapi > tests/openapi.json`, and the diff says what clients will notice.

use crud_core::openapi;

#[test]
fn the_document_is_sound() {
    let faults = openapi::check(&lms_server::document());
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_document_is_the_one_that_was_agreed_to() {
    let agreed: serde_json::Value =
        serde_json::from_str(include_str!("../openapi.json")).expect("the snapshot is JSON");
    let now = lms_server::document();
    if now == agreed {
        return;
    }
    for (path, item) in now["paths"].as_object().expect("there are paths") {
        assert_eq!(item, &agreed["paths"][path], "{path} has changed");
    }
    assert_eq!(now, agreed, "a path is gone, or a component has changed");
}
