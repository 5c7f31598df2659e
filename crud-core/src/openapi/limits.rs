//! What the server refuses although a type's schema alone would let it pass: numbers beyond the type,
//! text that is empty once trimmed, the character NUL. The document says so, so that every value it
//! allows is accepted.

use schemars::Schema;
use serde_json::{Value, json};

use crate::dto::Field;

/// States the limits of a number's type, where nothing narrower is declared.
pub(super) fn number(schema: &mut Schema) {
    let Some(Value::String(format)) = schema.get("format") else {
        return;
    };
    let (min, max) = match format.as_str() {
        "int32" => (json!(i32::MIN), json!(i32::MAX)),
        "int64" | "int" => (json!(i64::MIN), json!(i64::MAX)),
        "uint32" => (json!(0), json!(u32::MAX)),
        "uint64" | "uint" => (json!(0), json!(u64::MAX)),
        "float" => (json!(f64::from(f32::MIN)), json!(f64::from(f32::MAX))),
        _ => return,
    };
    for (limit, exclusive, value) in [
        ("minimum", "exclusiveMinimum", min),
        ("maximum", "exclusiveMaximum", max),
    ] {
        if schema.get(limit).is_none() && schema.get(exclusive).is_none() {
            schema.insert(limit.to_owned(), value);
        }
    }
}

/// States what text the fields of an entity's body take.
pub(super) fn body(schema: &mut Value, fields: Option<&'static [Field]>) {
    let Some(properties) = schema.get_mut("properties") else {
        return;
    };
    for field in fields.unwrap_or_default() {
        if let Some(property) = properties.get_mut(field.name) {
            text(property, field.trimmed);
        }
    }
}

/// States that a text holds no NUL and, if it is trimmed first, what is left is long enough.
pub(super) fn text(schema: &mut Value, trimmed: bool) {
    let own = ["format", "enum", "const", "pattern"]
        .iter()
        .any(|key| schema.get(key).is_some());
    let is_text = match &schema["type"] {
        Value::String(one) => one == "string",
        Value::Array(many) => many.iter().any(|one| one == "string"),
        _ => false,
    };
    if own || !is_text {
        return;
    }
    let min = schema["minLength"].as_u64().unwrap_or_default();
    schema["pattern"] = pattern(if trimmed { min } else { 0 }).into();
}

/// No NUL, and from the first to the last character that is no white space at least so many.
fn pattern(min: u64) -> String {
    const ANY: &str = r"[^\u0000]";
    const INK: &str = r"[^\s\u0000]";
    match min {
        0 => format!("^{ANY}*$"),
        1 => format!("^{ANY}*{INK}{ANY}*$"),
        more => format!("^{ANY}*{INK}{ANY}{{{},}}{INK}{ANY}*$", more - 2),
    }
}

/// What a header's value may be: the server reads it as text.
pub(super) const HEADER_TEXT: &str = r"^[\t\x20-\x7e]*$";

#[cfg(test)]
mod tests {
    use super::*;

    fn accepts(schema: &Value, text: &str) -> bool {
        jsonschema::is_valid(schema, &json!(text))
    }

    #[test]
    fn trimmed_text_must_have_something_left() {
        let mut one = json!({ "type": "string", "minLength": 1 });
        text(&mut one, true);
        assert!(accepts(&one, "  a "));
        assert!(!accepts(&one, "   "));
        assert!(!accepts(&one, "a\0"));
        let mut three = json!({ "type": ["string", "null"], "minLength": 3 });
        text(&mut three, true);
        assert!(accepts(&three, " a b "));
        assert!(!accepts(&three, "  ab  "));
    }

    #[test]
    fn a_declared_limit_is_narrower_than_the_type() {
        let mut schema =
            Schema::try_from(json!({ "type": "integer", "format": "int32", "minimum": 1 }));
        let schema = schema.as_mut().expect("is a schema");
        number(schema);
        assert_eq!(schema.get("minimum"), Some(&json!(1)));
        assert_eq!(schema.get("maximum"), Some(&json!(i32::MAX)));
    }
}
