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
            schema: || schemars::schema_for!(B).into(),
            validator: OnceLock::new(),
        }
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

/// Reads and checks a body.
///
/// # Errors
/// 400 if it is no JSON; 422 with every fault.
pub(crate) fn read<B>(bytes: &[u8], shape: &BodyShape) -> Result<B>
where
    B: DeserializeOwned + Validate,
{
    let body: B = serde_json::from_slice(bytes).map_err(|e| explain(bytes, shape, &e))?;
    check(&body)?;
    Ok(body)
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

/// Says what is wrong with a body that serde refused.
fn explain(bytes: &[u8], shape: &BodyShape, refusal: &serde_json::Error) -> Error {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Error::bad_request("malformed_json", "The body is empty: send a JSON object");
    }
    let mut value: Value = match serde_json::from_slice(bytes) {
        Ok(value) => value,
        Err(error) => {
            let detail = format!("The body is not valid JSON: {error}");
            return Error::bad_request("malformed_json", detail);
        }
    };
    if let Value::Object(object) = &mut value {
        for field in shape.fields.iter().filter(|f| f.trimmed) {
            if let Some(Value::String(text)) = object.get_mut(field.name) {
                *text = text.trim().to_owned();
            }
        }
    }
    let mut faults = Vec::new();
    if let Some(validator) = shape.validator() {
        for error in validator.iter_errors(&value) {
            schema_fault(&error, shape, &mut faults);
        }
    }
    if faults.is_empty() {
        // A rule that the schema can't tell: a repeated key, a NUL character.
        faults.push(FieldError::at("", "type", plain(refusal)));
    }
    Error::Invalid(faults)
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
