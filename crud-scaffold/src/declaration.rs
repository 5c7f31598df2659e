//! The entity's `mod.rs`: declaration, DTOs and search. Pure; rustfmt lays it out afterwards.

use std::{collections::BTreeSet, fmt::Write as _};

use crate::{
    entity::EntityPlan,
    field::{Field, FieldType},
    names::{article, capital, pascal, words},
};

/// The whole file.
pub(crate) fn declaration(plan: &EntityPlan) -> String {
    let entity = &plan.entity;
    let (one, many) = (plan.singular(), plan.plural());
    let a = article(&one);
    let mut rust = format!(
        "//! {}.\n\nmod policy;\n\nuse crud_core::prelude::*;\n\npub use self::policy::{entity}Policy;\n{}\n",
        capital(&many),
        imports(plan)
    );
    for field in &plan.fields {
        if let FieldType::Enum(values) = &field.kind {
            rust.push_str(&text_enum(plan, field, values));
        }
    }
    let attribute = attribute(plan);
    let _ = write!(
        rust,
        "/// {} {one}.\n#[derive(EntityInterface)]\n#[entity(\n    {}\n)]\npub struct {entity};\n\n",
        capital(a),
        attribute.join(",\n    ")
    );
    dto(
        &mut rust,
        &format!("What a new {one} needs."),
        "create",
        plan,
        |f| Some(create_field(plan, f)),
    );
    dto(
        &mut rust,
        &format!("{} {one}.", capital(a)),
        "get",
        plan,
        |f| Some(read_field(plan, f)),
    );
    dto(
        &mut rust,
        &format!("{} {one} in a list.", capital(a)),
        "list",
        plan,
        |f| {
            let long = matches!(f.kind, FieldType::Text | FieldType::Json);
            (!long).then(|| read_field(plan, f))
        },
    );
    dto(
        &mut rust,
        &format!("What can be changed of {a} {one}."),
        "update",
        plan,
        |f| Some(update_field(plan, f)),
    );
    dto(
        &mut rust,
        &format!("The filters of {many}."),
        "query",
        plan,
        |f| query_field(plan, f),
    );
    rust.push_str(&search(plan));
    rust
}

/// The lines of `#[entity(…)]`.
fn attribute(plan: &EntityPlan) -> Vec<String> {
    let EntityPlan {
        entity,
        table,
        endpoint,
        ..
    } = plan;
    let mut attribute = vec![
        format!("endpoint = \"{endpoint}\""),
        format!("table = {table}"),
        format!("create = {entity}Create"),
        format!("get = {entity}Get"),
        format!("list = {entity}List"),
        format!("update = {entity}Update"),
        format!("query = {entity}Query"),
        "search = search".to_owned(),
        format!("policy = {entity}Policy"),
        "cache_ttl = 300".to_owned(),
    ];
    let sorts: Vec<_> = plan
        .fields
        .iter()
        .filter(|f| sorts(f))
        .map(Field::column)
        .collect();
    if !sorts.is_empty() {
        attribute.push(format!("sort({})", sorts.join(", ")));
    }
    let relations: Vec<_> = plan
        .references()
        .map(|(field, target)| relation(plan, field, target))
        .collect();
    if !relations.is_empty() {
        attribute.push(format!(
            "relations(\n        {}\n    )",
            relations.join(",\n        ")
        ));
    }
    attribute
}

fn imports(plan: &EntityPlan) -> String {
    let used: BTreeSet<_> = plan
        .references()
        .filter(|(field, _)| !plan.is_to_itself(field))
        .filter_map(|(_, table)| plan.targets.get(table))
        .map(|(module, entity)| format!("{module}::{entity}"))
        .collect();
    let used: Vec<_> = used.into_iter().collect();
    let schema = format!("schema::{}", plan.table);
    match &used[..] {
        [] => format!("use crate::{schema};\n"),
        [one] => format!("use crate::{{entities::{one}, {schema}}};\n"),
        many => format!(
            "use crate::{{entities::{{{}}}, {schema}}};\n",
            many.join(", ")
        ),
    }
}

fn text_enum(plan: &EntityPlan, field: &Field, values: &[String]) -> String {
    let mut rust = format!(
        "text_enum! {{\n    /// The {} of {} {}.\n    pub enum {} {{\n",
        words(&field.name),
        article(&plan.singular()),
        plan.singular(),
        field.enum_name(&plan.entity)
    );
    for value in values {
        let text = value.replace(['_', '-'], " ");
        let _ = write!(
            rust,
            "        /// {}.\n        {} = \"{value}\",\n",
            capital(&text),
            pascal(value)
        );
    }
    rust.push_str("    }\n}\n\n");
    rust
}

fn relation(plan: &EntityPlan, field: &Field, target: &str) -> String {
    let entity = match plan.targets.get(target) {
        Some((_, entity)) if !plan.is_to_itself(field) => entity,
        _ => &plan.entity,
    };
    format!(
        "{} = belongs_to({}::{} -> {entity})",
        field.name,
        plan.table,
        field.column()
    )
}

/// A struct with the fields that `line` gives. Rows of both kinds end in when they were archived.
fn dto(
    rust: &mut String,
    about: &str,
    kind: &str,
    plan: &EntityPlan,
    line: impl Fn(&Field) -> Option<String>,
) {
    let table = if kind == "query" {
        String::new()
    } else {
        format!(", table = {}", plan.table)
    };
    let _ = write!(
        rust,
        "/// {about}\n#[dto({kind}{table})]\npub struct {}{} {{\n",
        plan.entity,
        capital(kind)
    );
    for field in &plan.fields {
        rust.push_str(&line(field).unwrap_or_default());
    }
    if matches!(kind, "get" | "list") {
        rust.push_str("    /// When it was archived.\n    pub archived_at: Option<Timestamp>,\n");
    }
    rust.push_str("}\n\n");
}

fn about(field: &Field) -> String {
    let text = words(&field.name);
    match field.kind {
        FieldType::Bool => format!(
            "Whether it is {}.",
            text.strip_prefix("is ").unwrap_or(&text)
        ),
        FieldType::Json => format!("Its {text}: a JSON object."),
        FieldType::Time => format!("Its {text}: a moment."),
        _ => format!("Its {text}."),
    }
}

fn rust_type(plan: &EntityPlan, field: &Field) -> String {
    match field.kind {
        FieldType::String | FieldType::Text => "String".to_owned(),
        FieldType::Int => "i32".to_owned(),
        FieldType::BigInt => "i64".to_owned(),
        FieldType::Float => "f64".to_owned(),
        FieldType::Bool => "bool".to_owned(),
        FieldType::Time => "Timestamp".to_owned(),
        FieldType::Json => "Json".to_owned(),
        FieldType::Uuid | FieldType::Ref(_) => "Uuid".to_owned(),
        FieldType::Enum(_) => field.enum_name(&plan.entity),
    }
}

/// What the column holds: an `Option` where it may be NULL.
fn column_type(plan: &EntityPlan, field: &Field) -> String {
    let ty = rust_type(plan, field);
    if field.nullable() {
        format!("Option<{ty}>")
    } else {
        ty
    }
}

fn line(about: &str, rules: &str, field: &Field, ty: &str) -> String {
    format!(
        "    /// {about}\n{rules}    pub {}: {ty},\n",
        field.column()
    )
}

fn limits(field: &Field) -> String {
    let (least, most) = field.lengths();
    let least = least.map(|n| format!("min = {n}"));
    let most = most.map(|n| format!("max = {n}"));
    let limits: Vec<_> = least.into_iter().chain(most).collect();
    if limits.is_empty() {
        return String::new();
    }
    format!("    #[validate(length({}))]\n", limits.join(", "))
}

fn create_field(plan: &EntityPlan, field: &Field) -> String {
    let mut rules = limits(field);
    if let Some(default) = &field.default {
        let expression = match &field.kind {
            FieldType::Enum(_) => format!("{}::{}", field.enum_name(&plan.entity), pascal(default)),
            FieldType::String => format!("\"{default}\""),
            FieldType::Float => format!("{:?}", default.parse::<f64>().unwrap_or_default()),
            _ => default.clone(),
        };
        let is_plain = matches!(&*expression, "false" | "0" | "0.0");
        let argument = if is_plain {
            String::new()
        } else {
            format!(" = {expression}")
        };
        let _ = writeln!(rules, "    #[dto(default{argument})]");
    }
    line(&about(field), &rules, field, &column_type(plan, field))
}

fn read_field(plan: &EntityPlan, field: &Field) -> String {
    line(&about(field), "", field, &column_type(plan, field))
}

fn update_field(plan: &EntityPlan, field: &Field) -> String {
    let mut about = about(field);
    if field.kind == FieldType::Json {
        about = about.replace(
            ": a JSON object.",
            ": a JSON object; merged into the one that is there.",
        );
    }
    line(
        &about,
        &limits(field),
        field,
        &format!("Option<{}>", column_type(plan, field)),
    )
}

fn query_field(plan: &EntityPlan, field: &Field) -> Option<String> {
    let (name, many) = (words(&field.name), plan.plural());
    let about = match field.kind {
        FieldType::String => format!("A part of the {name}, whatever the case."),
        FieldType::Bool => {
            format!(
                "Only {many} that are, or are not, {}.",
                name.strip_prefix("is ").unwrap_or(&name)
            )
        }
        FieldType::Ref(_) => format!("Only {many} of this {name}."),
        FieldType::Int | FieldType::BigInt | FieldType::Uuid | FieldType::Enum(_) => {
            format!("Only {many} with this {name}.")
        }
        FieldType::Text | FieldType::Float | FieldType::Time | FieldType::Json => return None,
    };
    Some(line(
        &about,
        "",
        field,
        &format!("Option<{}>", rust_type(plan, field)),
    ))
}

const fn sorts(field: &Field) -> bool {
    matches!(
        field.kind,
        FieldType::String | FieldType::Int | FieldType::BigInt | FieldType::Float | FieldType::Time
    )
}

fn search(plan: &EntityPlan) -> String {
    let EntityPlan { entity, table, .. } = plan;
    let filters: Vec<_> = plan
        .fields
        .iter()
        .filter(|field| query_field(plan, field).is_some())
        .map(|field| {
            let column = field.column();
            let how = if field.kind == FieldType::String {
                "contains_ci"
            } else {
                "eq"
            };
            format!(".filter_if(&query.{column}, |value| {table}::{column}.{how}(value))")
        })
        .collect();
    let query = if filters.is_empty() {
        "_query"
    } else {
        "query"
    };
    format!(
        "fn search(search: Search<{table}::table>, {query}: &{entity}Query) -> Search<{table}::table> {{\n    search{}\n}}\n",
        filters.concat()
    )
}
