//! The filters of a list as parameters: each operator of each filter is one, as `filter::read` takes them.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{limits, parameters, schemas::Schemas};
use crate::{
    Principal,
    filter::{FilterColumn, FilterField, KEY, LONGEST_PART, MOST_TERMS, MOST_VALUES, On, Op},
    registry::Resource,
};

/// A text of a list: commas and backslashes have a backslash before them.
const ITEM: &str = r"(?:[^\\,\u0000]|\\[\\,|;])*";
/// A filter within `or`, and alternatives of such.
const WITHIN_OR: &str = r"[^=|;\u0000]+=(?:[^\\|;\u0000]|\\[\\,|;])*";

/// What is typed to look for words.
const HOW: &str = " All words must be there, in any order and any case: `word`, `begin*`, `\"a phrase\"`, `-without`. \
                   Whatever else only separates words.";

/// All parameters that filter a list.
pub(super) fn of(
    r: &Resource,
    masked: &BTreeSet<&'static str>,
    callers: &[Principal],
    schemas: &Schemas,
) -> Vec<Value> {
    let mut all = Vec::new();
    for parameter in parameters::properties(&(r.schemas.query)(), schemas) {
        let field = named(&r.filters, &parameter);
        match field.map(|field| &field.on) {
            Some(On::Relation(related)) => {
                let related = related();
                let masks = callers.iter().map(|by| (related.mask)(by));
                let masked = masks.flat_map(|mask| mask.hidden).collect();
                let text = parameter["description"].as_str().unwrap_or_default();
                for inner in parameters::properties(&related.schema, schemas) {
                    let Some(mut inner) = plain(inner, &related.filters) else {
                        continue;
                    };
                    inner["name"] = format!("{}.{}", name(&parameter), name(&inner)).into();
                    let own = inner["description"].as_str().unwrap_or_default();
                    inner["description"] = format!("{text} {own}").into();
                    operators(inner, &related.filters, &masked, &mut all);
                }
            }
            _ => operators(parameter, &r.filters, masked, &mut all),
        }
    }
    if !r.filters.is_empty() {
        all.push(either());
    }
    all
}

fn name(parameter: &Value) -> &str {
    parameter["name"].as_str().unwrap_or_default()
}

/// The declaration of a parameter, whose name may have a relation before it.
fn named<'f>(fields: &'f [FilterField], parameter: &Value) -> Option<&'f FilterField> {
    let name = name(parameter).rsplit('.').next().unwrap_or_default();
    fields.iter().find(|field| field.name == name)
}

/// A filter of a related entity goes no further.
fn plain(parameter: Value, fields: &[FilterField]) -> Option<Value> {
    let is_relation = named(fields, &parameter).is_some_and(|f| matches!(f.on, On::Relation(_)));
    (!is_relation).then_some(parameter)
}

/// The parameter, and one more for each of its operators.
fn operators(
    mut parameter: Value,
    fields: &[FilterField],
    masked: &BTreeSet<&'static str>,
    all: &mut Vec<Value>,
) {
    let field = named(fields, &parameter);
    let (column, words) = match field.map(|field| &field.on) {
        Some(On::Column(column)) => (Some(column), None),
        Some(On::Words(words)) => (None, Some(words)),
        Some(On::Relation(_)) | None => (None, None),
    };
    let own = name(&parameter).rsplit('.').next().unwrap_or_default();
    let is_masked = masked.contains(own)
        || column.is_some_and(|c| masked.contains(c.column))
        || words.is_some_and(|words| words.columns().any(|column| masked.contains(column)));
    let note = match is_masked {
        true => " Unknown to callers who may not see the field.",
        false => "",
    };
    let text = parameter["description"].as_str().unwrap_or_default();
    let how = if words.is_some() { HOW } else { "" };
    if is_masked || words.is_some() {
        parameter["description"] = format!("{text}{how}{note}").trim_start().into();
    }
    let Some(column) = column else {
        all.push(parameter);
        return;
    };
    if column.is_json() {
        all.push(document(parameter, column));
        return;
    }
    let (name, schema) = (name(&parameter).to_owned(), parameter["schema"].clone());
    all.push(parameter);
    for op in column.ops.iter() {
        let schema = match op {
            Op::In | Op::NotIn => list(&schema),
            Op::Contains | Op::StartsWith => {
                let mut part = json!({ "type": "string", "maxLength": LONGEST_PART });
                limits::text(&mut part, false);
                part
            }
            Op::IsNull => json!({ "type": "boolean" }),
            _ => schema.clone(),
        };
        let is_list = schema["type"] == "array";
        let mut one = json!({
            "name": format!("{name}[{}]", op.as_str()), "in": "query",
            "description": format!("{}{note}", op.meaning()), "schema": schema,
        });
        if is_list {
            one["style"] = "form".into();
            one["explode"] = false.into();
        }
        all.push(one);
    }
}

fn list(schema: &Value) -> Value {
    let mut item = schema.clone();
    let is_free =
        item["type"] == "string" && item.get("format").is_none() && item.get("enum").is_none();
    if is_free {
        item["pattern"] = format!("^{ITEM}$").into();
    }
    json!({ "type": "array", "items": item, "minItems": 1, "maxItems": MOST_VALUES })
}

/// `properties[a.b]=x` and `properties[a.b][gte]=1`: an object whose keys are what stands between the outer brackets.
fn document(mut parameter: Value, column: &FilterColumn) -> Value {
    let path = format!(r"{KEY}(?:\.{KEY}){{0,7}}");
    let words = |wanted: &dyn Fn(Op) -> bool| {
        let ops = column.ops.iter().filter(|op| wanted(**op));
        ops.map(|op| op.as_str()).collect::<Vec<_>>().join("|")
    };
    let is_list = |op| matches!(op, Op::In | Op::NotIn);
    let is_part = |op| matches!(op, Op::Contains | Op::StartsWith);
    let any = r"^[^\u0000]*$";
    let keys = [
        (
            format!("^{path}$"),
            json!({ "type": "string", "pattern": any }),
        ),
        (
            format!(
                r"^{path}\]\[(?:{})$",
                words(&|op| op != Op::IsNull && !is_list(op) && !is_part(op))
            ),
            json!({ "type": "string", "pattern": any }),
        ),
        (
            format!(r"^{path}\]\[(?:{})$", words(&is_part)),
            json!({ "type": "string", "pattern": any, "maxLength": LONGEST_PART }),
        ),
        (
            format!(r"^{path}\]\[(?:{})$", words(&is_list)),
            json!({ "type": "string", "pattern": format!("^{ITEM}(?:,{ITEM}){{0,{}}}$", MOST_VALUES - 1) }),
        ),
        (
            format!(r"^{path}\]\[is_null$"),
            json!({ "type": "string", "enum": ["true", "false"] }),
        ),
    ];
    let text = parameter["description"].as_str().unwrap_or_default();
    let text = format!(
        "{text} A value within the document: `{name}[path.to.key]=x`, or with an operator \
         `{name}[path.to.key][gte]=1`. A value equals a text, and the number or truth value that is written so.",
        name = name(&parameter)
    );
    parameter["description"] = text.trim_start().into();
    parameter["style"] = "deepObject".into();
    parameter["explode"] = true.into();
    parameter["schema"] = json!({
        "type": "object",
        "patternProperties": keys.into_iter().collect::<serde_json::Map<_, _>>(),
        "additionalProperties": false,
    });
    parameter
}

fn either() -> Value {
    json!({
        "name": "or", "in": "query",
        "description": format!(
            "Alternatives with `|` between them, of which one must hold: each is a filter of this list, written as in an \
             address, or several with `;` between them. `\\` stands before `|`, `;` and `\\` in a value. At most \
             {MOST_TERMS} filters."
        ),
        "schema": { "type": "string", "pattern": format!("^{WITHIN_OR}(?:[|;]{WITHIN_OR})*$") },
        "example": "score[gte]=90|score[is_null]=true;is_banked=true",
    })
}
