//! The description of `GET /things/aggregate`, as `query::aggregate` reads and `operations::aggregate` answers it.

use serde_json::{Map, Value, json};

use super::{
    Info, filters,
    operations::{Read, callers, masked},
    parameters, responses,
    schemas::Schemas,
};
use crate::{
    db::ColumnKind, operations::MOST_GROUPS, policy::Action, query::Function, registry::Resource,
};

const HEADERS: &[&str] = &["Cache-Control", "Vary"];

/// What the route takes and answers.
pub(super) fn read(r: &Resource, get: &Value, info: &Info<'_>, schemas: &mut Schemas) -> Read {
    let mut parameters = vec![parameters::flag(
        "count",
        "How many rows there are; also if nothing else is asked for.",
    )];
    let (mut properties, mut functions) = (Map::new(), Map::new());
    for (function, name) in Function::ALL {
        let fields: Vec<_> = r.aggregates_of(function).collect();
        if fields.is_empty() {
            continue;
        }
        let text = match function {
            Function::Avg => "The averages of these fields.",
            Function::Sum => "The sums of these fields.",
            Function::Min => "The smallest values of these fields.",
            Function::Max => "The greatest values of these fields.",
        };
        parameters.push(parameters::names(name, text, &fields));
        let value = |field: &&'static str| ((*field).to_owned(), number(function, r.kind(field)));
        let values: Map<_, _> = fields.iter().map(value).collect();
        functions.insert(
            name.to_owned(),
            object(values, "Of null values only, or of none: null."),
        );
    }
    if !r.groups.is_empty() {
        let text = "The fields by which rows are grouped; without them all rows are one group.";
        parameters.push(parameters::names("group_by", text, r.groups));
    }
    let groups = r.groups.iter().map(|field| {
        let schema = schemas.field(get, field).unwrap_or_else(|| json!({}));
        ((*field).to_owned(), schema)
    });
    properties.insert(
        "group".to_owned(),
        object(groups.collect(), "The values that its rows have in common."),
    );
    let count = json!({ "type": "integer", "format": "int64", "minimum": 0 });
    properties.insert("count".to_owned(), count);
    properties.append(&mut functions);
    parameters.extend(parameters::archived(r));
    parameters.extend(filters::of(r, &masked(r, info), &callers(info), schemas));
    let answer = json!({
        "type": "object",
        "properties": {
            "items": {
                "description": "The groups, in the order of their values.",
                "type": "array",
                "maxItems": MOST_GROUPS,
                "items": {
                    "type": "object",
                    "properties": properties,
                    "required": ["group"],
                    "additionalProperties": false,
                },
            },
            "more": { "description": "Whether there are more groups than these.", "type": "boolean" },
        },
        "required": ["items", "more"],
        "additionalProperties": false,
    });
    let answer = responses::success("The numbers of each group.", HEADERS, Some(answer));
    Read {
        parameters,
        answers: vec![(200, answer)],
        errors: &[400, 403, 422],
        public: r.is_public(Action::List),
    }
}

fn object(properties: Map<String, Value>, description: &str) -> Value {
    json!({
        "description": description,
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    })
}

fn number(function: Function, kind: ColumnKind) -> Value {
    match (function, kind) {
        (Function::Min | Function::Max, ColumnKind::Timestamptz) => {
            json!({ "type": ["string", "null"], "format": "date-time" })
        }
        (Function::Min | Function::Max | Function::Sum, ColumnKind::Decimal { .. }) => {
            json!({ "type": ["string", "null"], "format": "decimal" })
        }
        (Function::Avg, _) | (_, ColumnKind::Float4 | ColumnKind::Float8) => {
            json!({ "type": ["number", "null"] })
        }
        _ => json!({ "type": ["integer", "null"], "format": "int64" }),
    }
}
