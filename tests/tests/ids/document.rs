//! What the OpenAPI document says of ids.

use crud_core::openapi::{self, Info};
use serde_json::{Value, json};

use super::registry;

fn document() -> Value {
    let info = Info {
        title: "Weather",
        version: "1",
        ..Info::default()
    };
    openapi::document(&registry(), &info, &[])
}

#[test]
fn the_document_says_what_an_id_is() {
    let document = document();
    assert_eq!(openapi::check(&document), Vec::<String>::new());
    let number = json!({
        "type": "integer", "format": "int64", "minimum": i64::MIN, "maximum": i64::MAX,
    });
    let text = json!({ "type": "string", "minLength": 1, "maxLength": 255 });
    let uuid = json!({ "type": "string", "format": "uuid" });
    for (endpoint, change, expected) in [
        ("stations", "StationChange", &number),
        ("countries", "CountryChange", &text),
        ("probes", "ProbeChange", &uuid),
    ] {
        let paths = &document["paths"];
        let one = &paths[format!("/api/v1/{endpoint}/{{id}}")];
        for method in ["get", "patch", "put", "delete"] {
            let parameters = one[method]["parameters"].as_array().expect("parameters");
            let id = parameters
                .iter()
                .map(|p| openapi::followed(&document, p))
                .find(|p| p["in"] == "path")
                .expect("an id");
            assert_eq!(&id["schema"], expected, "{method} {endpoint}");
        }
        let bulk = &paths[format!("/api/v1/{endpoint}/bulk")]["delete"]["requestBody"];
        assert_eq!(
            &bulk["content"]["application/json"]["schema"]["items"],
            expected
        );
        let mut id = document["components"]["schemas"][change]["properties"]["id"].clone();
        id.as_object_mut().map(|id| id.remove("description"));
        assert_eq!(&id, expected, "{change}");
    }
}
