//! Values made of a JSON schema: one that it accepts, and one that it refuses. Pure; knows no entity.

use serde_json::{Map, Value, json};

use crate::db::{Scaled, digits_of};

/// A DTO's schema with the definitions that it refers to.
pub(super) struct BodySchema {
    definitions: Map<String, Value>,
    root: Value,
}

impl BodySchema {
    pub(super) fn new(schema: fn(&mut schemars::SchemaGenerator) -> schemars::Schema) -> Self {
        let mut generator = schemars::SchemaGenerator::default();
        let root = schema(&mut generator).into();
        let definitions = generator.take_definitions(true);
        Self { definitions, root }
    }

    /// Of a schema that holds its own definitions.
    pub(super) fn whole(root: Value) -> Self {
        let definitions = root["$defs"].as_object().cloned().unwrap_or_default();
        Self { definitions, root }
    }

    /// The fields and their schemas, in order.
    pub(super) fn fields(&self) -> Vec<(&str, &Value)> {
        let root = self.resolved(&self.root);
        let fields = root["properties"].as_object().into_iter().flatten();
        fields
            .map(|(name, schema)| (name.as_str(), schema))
            .collect()
    }

    /// Whether it has the field.
    pub(super) fn has(&self, field: &str) -> bool {
        self.fields().iter().any(|(name, _)| *name == field)
    }

    /// The names of the required fields.
    pub(super) fn required(&self) -> Vec<&str> {
        let names = self.resolved(&self.root)["required"].as_array();
        names
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect()
    }

    /// Demands that a value fits.
    #[track_caller]
    pub(super) fn accepts(&self, value: &Value) {
        let mut schema = self.resolved(&self.root).clone();
        schema["$defs"] = self.definitions.clone().into();
        let validator = jsonschema::validator_for(&schema).expect("a DTO's schema is one");
        let faults: Vec<_> = validator
            .iter_errors(value)
            .map(|fault| format!("{}: {fault}", fault.instance_path()))
            .collect();
        assert!(
            faults.is_empty(),
            "the body is not as its schema says: {faults:?}\n{value:#}"
        );
        let mut unknown = value
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, _)| name);
        let unknown = unknown.find(|name| !self.has(name));
        assert!(unknown.is_none(), "the schema does not know {unknown:?}");
    }

    /// The schema itself, behind references and `or null`.
    pub(super) fn resolved<'a>(&'a self, schema: &'a Value) -> &'a Value {
        if let Some(path) = schema["$ref"].as_str() {
            let name = path.rsplit('/').next().unwrap_or_default();
            return self.resolved(&self.definitions[name]);
        }
        for word in ["anyOf", "oneOf"] {
            let Some(choices) = schema[word].as_array() else {
                continue;
            };
            if let [one, null] = &choices[..]
                && null["type"] == "null"
            {
                return self.resolved(one);
            }
        }
        schema
    }

    /// A value that the schema accepts, other than `avoid` where there is a choice. `n` makes it unique.
    pub(super) fn value(&self, name: &str, schema: &Value, n: u64, avoid: &Value) -> Value {
        let schema = self.resolved(schema);
        if let Some(choices) = choices(schema) {
            let other = choices.iter().find(|choice| *choice != avoid);
            return other.or(choices.first()).cloned().unwrap_or_default();
        }
        match kind(schema) {
            "string" => text(name, schema, n).into(),
            "integer" => number(schema, n, avoid).into(),
            "number" => json!(number(schema, n, avoid) as f64),
            "boolean" => (*avoid != json!(true)).into(),
            "array" => json!([]),
            _ => json!({"note": format!("n-{n}"), "nested": {"n": n}}),
        }
    }

    /// Values of the right JSON type that break a rule of the field, each with the rule.
    pub(super) fn breaking(&self, schema: &Value) -> Vec<Value> {
        let schema = self.resolved(schema);
        let mut values = Vec::new();
        if choices(schema).is_some() {
            return values;
        }
        match kind(schema) {
            "string" => {
                if let Some(max) = schema["maxLength"].as_u64() {
                    values.push("é".repeat(usize::try_from(max).expect("small") + 1).into());
                }
                if schema["minLength"].as_u64() > Some(0) {
                    values.push("".into());
                }
                if schema["format"] == "decimal" {
                    values.push("0.0000000000000000001".into());
                    values.push("1000000000000000000".into());
                }
                if schema["format"] == "email" {
                    values.push("nobody".into());
                }
            }
            "integer" | "number" => {
                values.extend(schema["minimum"].as_f64().map(|min| whole(min - 1.0)));
                values.extend(schema["maximum"].as_f64().map(|max| whole(max + 1.0)));
            }
            _ => {}
        }
        values
    }

    /// A value that is not of the field's type, for a parameter too.
    pub(super) fn mistyped(&self, schema: &Value) -> Option<&'static str> {
        let schema = self.resolved(schema);
        let typed = choices(schema).is_some()
            || ["uuid", "date-time", "date", "decimal"]
                .iter()
                .any(|f| schema["format"] == *f)
            || matches!(kind(schema), "integer" | "number" | "boolean");
        typed.then_some("no-such-value")
    }

    /// Whether the field takes lists.
    pub(super) fn is_list(&self, schema: &Value) -> bool {
        kind(self.resolved(schema)) == "array"
    }

    /// Whether the field takes texts of any content.
    pub(super) fn is_free_text(&self, schema: &Value) -> bool {
        let schema = self.resolved(schema);
        kind(schema) == "string" && choices(schema).is_none() && schema["format"].is_null()
    }
}

/// The only values, if they are listed.
fn choices(schema: &Value) -> Option<Vec<Value>> {
    if let Some(values) = schema["enum"].as_array() {
        return Some(values.iter().filter(|v| !v.is_null()).cloned().collect());
    }
    let choices = schema["oneOf"].as_array()?;
    choices
        .iter()
        .map(|choice| choice.get("const").cloned())
        .collect()
}

/// The JSON type that is not null.
pub(super) fn kind(schema: &Value) -> &str {
    match &schema["type"] {
        Value::String(kind) => kind,
        Value::Array(kinds) => {
            let mut kinds = kinds.iter().filter_map(Value::as_str);
            kinds.find(|kind| *kind != "null").unwrap_or("object")
        }
        _ => "object",
    }
}

/// Lower case, so that it survives being made into an address; unique, so that it can be a key.
fn text(name: &str, schema: &Value, n: u64) -> String {
    match schema["format"].as_str() {
        Some("uuid") => return crate::Uuid::now_v7().to_string(),
        Some("email") => return format!("someone-{n}@conformance.example"),
        Some("date-time") => return "2031-02-03T04:05:06.789012Z".to_owned(),
        Some("date") => {
            let (day, month, year) = (n % 28 + 1, n / 28 % 12 + 1, n / 336 % 1000);
            return format!("2{year:03}-{month:02}-{day:02}");
        }
        Some("decimal") => {
            let pattern = schema["pattern"].as_str().unwrap_or_default();
            let (digits, scale, _) = digits_of(pattern).expect("a decimal's own pattern");
            let units = n % 10_u64.pow(digits.into());
            let units = i64::try_from(units).expect("18 digits at most");
            return Scaled::new(units, scale).to_string();
        }
        Some("uri" | "url") => return format!("https://conformance.example/{n}"),
        _ => {}
    }
    assert!(
        schema["pattern"].is_null(),
        "`{name}` has a pattern: give it a value by `seed`"
    );
    let length = |word: &str| schema[word].as_u64().and_then(|n| usize::try_from(n).ok());
    let mut text = format!("v{n}-{}", name.replace('_', "-"));
    while text.len() < length("minLength").unwrap_or(0) {
        text.push('x');
    }
    text.truncate(length("maxLength").unwrap_or(usize::MAX));
    text
}

fn number(schema: &Value, n: u64, avoid: &Value) -> i64 {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "bounds in schemas are small"
    )]
    let bound = |word: &str| schema[word].as_f64().map(|bound| bound as i64);
    let least = bound("minimum").unwrap_or(1);
    let most = bound("maximum").unwrap_or(least + 1_000_000_000).max(least);
    let room = most.saturating_sub(least).saturating_add(1);
    let n = i64::try_from(n).unwrap_or(0);
    let number = least + n % room;
    if avoid.as_f64() == Some(number as f64) {
        return least + (n + 1) % room;
    }
    number
}

fn whole(number: f64) -> Value {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "bounds in schemas are small"
    )]
    let whole = number as i64;
    whole.into()
}
