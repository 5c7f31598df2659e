//! Bodies in: bytes become a checked DTO, or an error that names every fault at once. The happy way
//! is one pass of serde and one of the DTO's rules; only a refused body is looked at again, as plain
//! JSON against the DTO's own schema, to say all that is wrong with it.

use std::{borrow::Cow, sync::OnceLock};

use jsonschema::{
    Validator,
    error::{TypeKind, ValidationErrorKind},
};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;
use validator::{Validate, ValidationErrors, ValidationErrorsKind};

use crate::{
    Result,
    db::digits_of,
    dto::Field,
    error::{Error, FieldError},
};

/// What is known of a body's type, beside the type itself.
pub(crate) struct BodyShape {
    pub(crate) fields: &'static [Field],
    schema: fn() -> Value,
    validator: OnceLock<Option<Validator>>,
}

impl BodyShape {
    pub(crate) fn of<B: JsonSchema>(fields: &'static [Field]) -> Self {
        Self {
            fields,
            schema: || crate::openapi::clean(schemars::schema_for!(B)),
            validator: OnceLock::new(),
        }
    }

    /// Whether a field may be a text.
    pub(crate) fn takes_text(&self, name: &str) -> bool {
        let schema = (self.schema)();
        is_text(&schema["properties"][name], &schema["$defs"])
    }

    fn trims(&self, name: &str) -> bool {
        self.fields.iter().any(|f| f.trimmed && f.name == name)
    }

    /// The fields' names.
    fn names(&self) -> Vec<String> {
        let schema = (self.schema)();
        let properties = schema.get("properties").and_then(Value::as_object);
        properties
            .map(|p| p.keys().cloned().collect())
            .unwrap_or_default()
    }

    fn validator(&self) -> Option<&Validator> {
        let build = || jsonschema::validator_for(&(self.schema)()).ok();
        self.validator.get_or_init(build).as_ref()
    }
}

/// Whether a schema accepts some text.
fn is_text(schema: &Value, definitions: &Value) -> bool {
    if let Some(to) = schema["$ref"].as_str() {
        let name = to.rsplit('/').next().unwrap_or_default();
        return is_text(&definitions[name], definitions);
    }
    let is = |kind: &Value| kind == "string";
    match &schema["type"] {
        Value::Array(kinds) => kinds.iter().any(is),
        Value::Null => ["anyOf", "oneOf", "allOf"].iter().any(|of| {
            let choices = schema[of].as_array().into_iter().flatten();
            choices
                .into_iter()
                .any(|choice| is_text(choice, definitions))
        }),
        kind => is(kind),
    }
}

/// Reads and checks a body.
///
/// # Errors
/// 400 if it is no JSON; 422 with every fault.
pub(crate) fn read<B>(bytes: &[u8], shape: &BodyShape) -> Result<B>
where
    B: DeserializeOwned + Validate,
{
    let body = match parse::<B>(bytes) {
        Ok(body) if is_object(bytes) => body,
        // Serde reads a struct from a list too, by position: past every check that goes by name.
        Ok(_) => return Err(Error::invalid("", "type", "The body must be an object")),
        Err(refusal) => {
            let text = explain(&refusal, bytes, shape, |text| parse::<B>(text).err())?;
            parse(text.as_bytes()).map_err(Error::internal)?
        }
    };
    check(&body)?;
    Ok(body)
}

/// Serde's reader of a body, which is much code for each DTO: written once, for the second look at a body too.
#[inline(never)]
fn parse<B: DeserializeOwned>(bytes: &[u8]) -> serde_json::Result<B> {
    serde_json::from_slice(bytes)
}

/// Whether JSON begins as an object does.
fn is_object(bytes: &[u8]) -> bool {
    bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{')
}

/// Checks a DTO's own rules.
///
/// # Errors
/// 422 with every fault.
pub(crate) fn check(body: &impl Validate) -> Result<()> {
    body.validate().map_err(|errors| {
        let mut faults = Vec::new();
        collect(&errors, "", &mut faults);
        Error::Invalid(faults)
    })
}

/// Says what is wrong with a body that serde refused; or gives it as `fault` finds nothing wrong with it.
fn explain(
    refusal: &serde_json::Error,
    bytes: &[u8],
    shape: &BodyShape,
    fault: fn(&[u8]) -> Option<serde_json::Error>,
) -> Result<String> {
    // As plain JSON the last one would win, unnoticed.
    if refusal.to_string().starts_with("duplicate field") {
        return Err(Error::invalid("", "repeated_field", plain(refusal)));
    }
    if bytes.iter().all(u8::is_ascii_whitespace) {
        let detail = "The body is empty: send a JSON object";
        return Err(Error::bad_request("malformed_json", detail));
    }
    let mut value: Value = serde_json::from_slice(bytes).map_err(|error| {
        let detail = format!("The body is not valid JSON: {error}");
        Error::bad_request("malformed_json", detail)
    })?;
    if let Value::Object(object) = &mut value {
        for (name, field) in object {
            match field {
                Value::String(text) if shape.trims(name) => *text = text.trim().to_owned(),
                // `1.0` is a whole number to JSON Schema, but not to serde.
                Value::Number(number) => {
                    if let Some(whole) = whole(number) {
                        *number = whole.into();
                    }
                }
                _ => {}
            }
        }
    }
    let mut faults = Vec::new();
    if let Some(validator) = shape.validator() {
        for error in validator.iter_errors(&value) {
            schema_fault(&error, shape, &mut faults);
        }
    }
    if !faults.is_empty() {
        return Err(Error::Invalid(faults));
    }
    let text = value.to_string();
    match fault(text.as_bytes()) {
        None => Ok(text),
        Some(error) => Err(Error::invalid(
            &place(&value, fault),
            "value",
            plain(&error),
        )),
    }
}

/// The JSON pointer to what serde refuses of a value. It tells the line, so each value gets one of its own.
fn place(value: &Value, fault: fn(&[u8]) -> Option<serde_json::Error>) -> String {
    let text = format!("{value:#}");
    let mut line = fault(text.as_bytes()).map_or(1, |error| error.line().max(1));
    // What is wrong with the last value of an object is told at the object's end.
    let ends = text.match_indices('\n').map(|(at, _)| at);
    let before = ends.take(line - 1).last().unwrap_or_default();
    if fault(&text.as_bytes()[..before]).is_some_and(|error| error.is_data()) {
        line -= 1;
    }
    at_line(value, &mut 1, line).unwrap_or_default()
}

/// The pointer to the value that begins or ends in a line. It begins in the line `now`, which becomes that of its end.
fn at_line(value: &Value, now: &mut usize, line: usize) -> Option<String> {
    if *now == line {
        return Some(String::new());
    }
    let mut inside = |name: &str, value| {
        *now += 1;
        Some(format!("/{}{}", escape(name), at_line(value, now, line)?))
    };
    let found = match value {
        Value::Object(members) if !members.is_empty() => {
            members.iter().find_map(|(name, value)| inside(name, value))
        }
        Value::Array(items) if !items.is_empty() => {
            let mut items = items.iter().enumerate();
            items.find_map(|(i, value)| inside(&i.to_string(), value))
        }
        _ => return None,
    };
    found.or_else(|| {
        *now += 1;
        (*now == line).then(String::new)
    })
}

/// A number with a fraction of zero, as an integer; `None` where that would lose anything.
fn whole(number: &serde_json::Number) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let float = number.as_f64().filter(|_| number.is_f64())?;
    let is_whole = float.fract() == 0.0 && float.abs() <= EXACT;
    // In range, as was just asked.
    #[expect(clippy::cast_possible_truncation, reason = "whole, and within 2^53")]
    is_whole.then_some(float as i64)
}

/// Serde's sentence, without the position, which means nothing after the fact.
fn plain(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let end = text.rfind(" at line ").unwrap_or(text.len());
    let mut text = text[..end].to_owned();
    if let Some(first) = text.get_mut(0..1) {
        first.make_ascii_uppercase();
    }
    text
}

fn schema_fault(
    error: &jsonschema::ValidationError<'_>,
    shape: &BodyShape,
    faults: &mut Vec<FieldError>,
) {
    let pointer = error.instance_path().as_str().to_owned();
    let label = label(&pointer);
    let fault = |code: &'static str, detail: String| FieldError::at(pointer.clone(), code, detail);
    match error.kind() {
        ValidationErrorKind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            let at = format!("{pointer}/{name}");
            let detail = format!("{} is required", self::label(&at));
            faults.push(FieldError::at(at, "required", detail));
        }
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            let accepted = shape.names().join(", ");
            for name in unexpected {
                let detail = format!("Unknown field `{name}`: accepted are {accepted}");
                let at = format!("{pointer}/{}", escape(name));
                faults.push(FieldError::at(at, "unknown_field", detail));
            }
        }
        ValidationErrorKind::Type { kind } => {
            let expected = expected(kind);
            faults.push(fault("type", format!("{label} must be {expected}")));
        }
        // `Option<Enum>` is "one of these, or null".
        ValidationErrorKind::AnyOf { context } => match context.iter().flatten().next() {
            Some(first) => {
                let mut inner = Vec::new();
                schema_fault(first, shape, &mut inner);
                for fault in &mut inner {
                    fault.pointer = Some(pointer.clone());
                }
                faults.append(&mut inner);
            }
            None => faults.push(fault("type", format!("{label} is not accepted"))),
        },
        ValidationErrorKind::Enum { options } => {
            faults.push(fault("enum", format!("{label} must be one of {options}")));
        }
        ValidationErrorKind::MinLength { limit } => {
            faults.push(fault(
                "length",
                too_short(&label, Some(*limit), error.instance()),
            ));
        }
        ValidationErrorKind::MaxLength { limit } => {
            faults.push(fault("length", too_long(&label, *limit)));
        }
        ValidationErrorKind::Minimum { limit } => {
            faults.push(fault("range", format!("{label} must be at least {limit}")));
        }
        ValidationErrorKind::Maximum { limit } => {
            faults.push(fault("range", format!("{label} must be at most {limit}")));
        }
        ValidationErrorKind::Pattern { pattern } => {
            if let Some((_, _, expected)) = digits_of(pattern) {
                faults.push(fault("decimal", format!("{label}: {expected}")));
                return;
            }
            let detail = format!("{label} must match the pattern {pattern}");
            faults.push(fault("regex", detail));
        }
        ValidationErrorKind::Format { format } => {
            faults.push(fault("format", format!("{label} must be a valid {format}")));
        }
        _ => faults.push(fault(
            "type",
            format!("{label} has a value that is not accepted"),
        )),
    }
}

fn expected(kind: &TypeKind) -> String {
    match kind {
        TypeKind::Single(one) => self::kind(&one.to_string()).to_owned(),
        TypeKind::Multiple(many) => {
            let names: Vec<_> = many.iter().map(|one| one.to_string()).collect();
            let names: Vec<_> = names.iter().map(|name| self::kind(name)).collect();
            names.join(" or ")
        }
    }
}

fn kind(name: &str) -> &str {
    match name {
        "string" => "text",
        "integer" => "a whole number",
        "number" => "a number",
        "boolean" => "true or false",
        "object" => "an object",
        "array" => "a list",
        "null" => "null",
        other => other,
    }
}

fn collect(errors: &ValidationErrors, at: &str, faults: &mut Vec<FieldError>) {
    let mut found: Vec<_> = errors.errors().iter().collect();
    found.sort_by(|a, b| a.0.cmp(b.0));
    for (field, kind) in found {
        let pointer = format!("{at}/{field}");
        match kind {
            ValidationErrorsKind::Struct(inner) => collect(inner, &pointer, faults),
            ValidationErrorsKind::List(items) => {
                for (i, inner) in items {
                    collect(inner, &format!("{pointer}/{i}"), faults);
                }
            }
            ValidationErrorsKind::Field(list) => {
                for error in list {
                    let detail = match &error.message {
                        Some(message) => message.clone().into_owned(),
                        None => rule_sentence(&label(&pointer), error),
                    };
                    faults.push(FieldError::at(pointer.clone(), error.code.clone(), detail));
                }
            }
        }
    }
}

/// The sentence for a rule of the `validator` crate.
fn rule_sentence(label: &str, error: &validator::ValidationError) -> String {
    let param = |name: &str| error.params.get(name);
    let number = |name: &str| param(name).and_then(Value::as_u64);
    match error.code.as_ref() {
        "length" => {
            let value = param("value").cloned().unwrap_or_default();
            let length = value.as_str().map(|text| text.chars().count() as u64);
            match (length, number("max")) {
                (Some(length), Some(max)) if length > max => too_long(label, max),
                _ => too_short(label, number("min"), &value),
            }
        }
        "range" => match (param("min"), param("max")) {
            (Some(min), Some(max)) => format!("{label} must be from {min} to {max}"),
            (Some(min), None) => format!("{label} must be at least {min}"),
            (None, Some(max)) => format!("{label} must be at most {max}"),
            (None, None) => format!("{label} is out of range"),
        },
        "email" => format!("{label} must be an email address"),
        "url" => format!("{label} must be a URL"),
        "regex" => format!("{label} is not of the accepted form"),
        _ => format!("{label} is not valid"),
    }
}

fn too_short(label: &str, min: Option<u64>, value: &Value) -> String {
    match (value.as_str(), min) {
        (Some(""), _) | (_, None) => format!("{label} cannot be empty or whitespace"),
        (_, Some(min)) => format!("{label} must have at least {min} characters"),
    }
}

fn too_long(label: &str, max: u64) -> String {
    format!("{label} must have at most {max} characters")
}

/// `/estimated_duration_minutes` → `Estimated duration minutes`.
fn label(pointer: &str) -> String {
    let name = pointer.rsplit('/').next().unwrap_or_default();
    if name.is_empty() {
        return "The body".to_owned();
    }
    let mut label = name.replace('_', " ");
    if let Some(first) = label.get_mut(0..1) {
        first.make_ascii_uppercase();
    }
    label
}

/// A name as a segment of a JSON pointer (RFC 6901).
fn escape(name: &str) -> Cow<'_, str> {
    if name.contains(['~', '/']) {
        name.replace('~', "~0").replace('/', "~1").into()
    } else {
        name.into()
    }
}

#[cfg(test)]
mod tests {
    use schemars::JsonSchema;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize, JsonSchema, Validate)]
    #[serde(deny_unknown_fields)]
    struct Body {
        #[validate(length(min = 1, max = 5))]
        #[serde(deserialize_with = "crate::dto::de::trimmed")]
        name: String,
        #[validate(range(min = 1))]
        size: i32,
        #[expect(dead_code, reason = "only its type is looked at")]
        note: Option<String>,
    }

    const FIELDS: &[Field] = &[Field {
        name: "name",
        trimmed: true,
    }];

    fn faults(body: &str) -> Vec<(String, String)> {
        match read::<Body>(body.as_bytes(), &BodyShape::of::<Body>(FIELDS)) {
            Err(Error::Invalid(faults)) => faults
                .into_iter()
                .map(|f| (f.pointer.unwrap_or_default(), f.code.into_owned()))
                .collect(),
            other => panic!("{body}: {other:?}"),
        }
    }

    fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
        let owned = |(a, b): &(&str, &str)| ((*a).to_owned(), (*b).to_owned());
        expected.iter().map(owned).collect()
    }

    #[test]
    fn every_fault_of_a_body_is_named_at_once() {
        let mut found = faults(r#"{"name": "   ", "size": "x", "note": 1, "more": true}"#);
        found.sort();
        let expected = [
            ("/more", "unknown_field"),
            ("/name", "length"),
            ("/note", "type"),
            ("/size", "type"),
        ];
        assert_eq!(found, pairs(&expected));
    }

    #[test]
    fn what_only_serde_refuses_is_named_by_its_place() {
        #[derive(Debug, Deserialize, JsonSchema, Validate)]
        #[expect(dead_code, reason = "only its types are looked at")]
        struct Body {
            before: Value,
            notes: Vec<Note>,
        }
        #[derive(Debug, Deserialize, JsonSchema)]
        #[expect(dead_code, reason = "only its types are looked at")]
        struct Note {
            #[serde(rename = "a/b", deserialize_with = "crate::dto::de::text")]
            text: String,
            #[schemars(with = "Value")]
            more: crate::Json,
        }
        let shape = BodyShape::of::<Body>(&[]);
        let place = |text: &str, more: &str| {
            let body = format!(
                r#"{{"before": {{"a": [{{}}, [1], []]}}, "notes": [{{"a/b": "", "more": {{}}}}, {{"a/b": "{text}", "more": {more}}}]}}"#
            );
            match read::<Body>(body.as_bytes(), &shape) {
                Err(Error::Invalid(faults)) => faults[0].pointer.clone().unwrap_or_default(),
                other => panic!("{body}: {other:?}"),
            }
        };
        assert_eq!(place(r"\u0000", "1"), "/notes/1/a~1b");
        assert_eq!(place("", r#"{"a": "\u0000", "b": 1}"#), "/notes/1/more");
        assert_eq!(place("", r#"["\u0000"]"#), "/notes/1/more");
        assert_eq!(place("", r#""\u0000""#), "/notes/1/more");
    }

    #[test]
    fn a_rule_is_checked_after_trimming() {
        let shape = BodyShape::of::<Body>(FIELDS);
        let body = read::<Body>(br#"{"name": "  abcde  ", "size": 1}"#, &shape);
        assert_eq!(body.expect("fits once trimmed").name, "abcde");
        assert_eq!(
            faults(r#"{"name": "abcdef", "size": 0}"#),
            pairs(&[("/name", "length"), ("/size", "range"),])
        );
    }

    #[test]
    fn a_whole_number_may_be_written_with_a_fraction_of_zero() {
        let shape = BodyShape::of::<Body>(FIELDS);
        let body = read::<Body>(br#"{"name": "a", "size": 7.0}"#, &shape);
        assert_eq!(body.expect("7.0 is whole").size, 7);
        assert_eq!(
            faults(r#"{"name": "a", "size": 7.5}"#),
            pairs(&[("/size", "type")])
        );
    }

    #[test]
    fn a_repeated_field_is_refused() {
        let body = r#"{"name": "a", "size": 1, "size": 2}"#;
        assert_eq!(faults(body), pairs(&[("", "repeated_field")]));
    }

    #[test]
    fn what_is_no_json_is_a_bad_request() {
        for body in ["", "  ", "{", "{} x", r#"{"name": "a""#, "[[[["] {
            let shape = BodyShape::of::<Body>(FIELDS);
            let refused = read::<Body>(body.as_bytes(), &shape).expect_err("no JSON");
            assert_eq!(refused.code(), "malformed_json", "{body}");
        }
    }
}
