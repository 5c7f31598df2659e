//! The entity's `mod.rs`: its declaration, in the short form. Pure; rustfmt lays it out afterwards.

use std::{collections::BTreeSet, fmt::Write as _};

use crud_core::IdKind;

use crate::{
    entity::EntityPlan,
    field::{Field, FieldType},
    has_many::HasMany,
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
    let _ = write!(
        rust,
        "/// {} {one}.\n#[derive(EntityInterface)]\n#[entity(\n    endpoint = \"{}\",\n    table = {},\n    \
         policy = {entity}Policy,\n    cache_ttl = 300,\n    archivable{}{}\n)]\npub struct {entity} {{\n",
        capital(a),
        plan.endpoint,
        plan.table,
        match &plan.words()[..] {
            [] => String::new(),
            words => format!(",\n    full_text({})", words.join(", ")),
        },
        relations(plan)
    );
    if plan.ids == IdKind::Text {
        rust.push_str(
            "    /// What it is named by.\n    #[field(create, filter, validate(length(min = 1, max = 255)))]\n    \
             pub id: String,\n",
        );
    }
    rust.push_str(&fields(plan));
    rust.push_str("}\n");
    rust
}

/// The lines of the entity's own fields.
pub(crate) fn fields(plan: &EntityPlan) -> String {
    let lines = plan.fields.iter().map(|field| {
        format!(
            "    /// {}\n    #[field({})]\n    pub {}: {},\n",
            about(field),
            words_of(plan, field).join(", "),
            field.column(),
            column_type(plan, field)
        )
    });
    lines.collect()
}

/// The key `relations`, if rows of other entities refer to it. Those that it refers to are told by its fields.
fn relations(plan: &EntityPlan) -> String {
    let relations = plan
        .children()
        .flat_map(|(HasMany { name, table }, child)| {
            let columns = child.fields.iter().map(Field::column);
            columns.map(move |column| {
                format!("{name} = has_many({table}::{column} -> {})", child.entity)
            })
        });
    match &relations.collect::<Vec<_>>()[..] {
        [] => String::new(),
        [one] => format!(",\n    relations({one})"),
        many => format!(
            ",\n    relations(\n        {}\n    )",
            many.join(",\n        ")
        ),
    }
}

/// The words of `#[field(…)]`. Long texts and documents are not in lists.
fn words_of(plan: &EntityPlan, field: &Field) -> Vec<String> {
    let is_long = matches!(field.kind, FieldType::Text | FieldType::Json);
    let mut words = vec![if is_long { "write, get" } else { "all" }.to_owned()];
    match field.kind {
        FieldType::String => words.push("filter = contains_ci".to_owned()),
        FieldType::Bool
        | FieldType::Ref(_)
        | FieldType::Int
        | FieldType::BigInt
        | FieldType::Decimal { .. }
        | FieldType::Uuid
        | FieldType::Enum(_) => words.push("filter".to_owned()),
        FieldType::Text | FieldType::Float | FieldType::Time | FieldType::Json => {}
    }
    if sorts(field) {
        words.push("sort".to_owned());
    }
    if let FieldType::Ref(table) = &field.kind {
        words.push(format!("belongs_to({})", target(plan, field, table)));
    }
    words.extend(default(plan, field));
    words.extend(limits(field));
    words
}

fn imports(plan: &EntityPlan) -> String {
    let parents = plan
        .references()
        .filter(|(field, _)| !plan.is_to_itself(field))
        .filter_map(|(_, table)| plan.targets.get(table))
        .map(|(module, entity)| format!("{module}::{entity}"));
    let children = plan
        .children()
        .map(|(_, child)| format!("{}::{}", child.module, child.entity));
    let tables = plan.children().map(|(_, child)| &child.table);
    let tables: BTreeSet<_> = tables.chain([&plan.table]).cloned().collect();
    let schema = format!("schema::{}", one_or_many(&tables));
    match parents.chain(children).collect::<BTreeSet<_>>() {
        none if none.is_empty() => format!("use crate::{schema};\n"),
        used => format!(
            "use crate::{{entities::{}, {schema}}};\n",
            one_or_many(&used)
        ),
    }
}

/// Names as `use` has them.
fn one_or_many(names: &BTreeSet<String>) -> String {
    let list = names.iter().map(|name| &**name).collect::<Vec<_>>();
    match &list[..] {
        [one] => (*one).to_owned(),
        many => format!("{{{}}}", many.join(", ")),
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

/// The entity that a reference leads to.
fn target<'a>(plan: &'a EntityPlan, field: &Field, table: &str) -> &'a str {
    match plan.targets.get(table) {
        Some((_, entity)) if !plan.is_to_itself(field) => entity,
        _ => &plan.entity,
    }
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
        FieldType::Decimal { digits, scale } => format!("Decimal<{digits}, {scale}>"),
        FieldType::Bool => "bool".to_owned(),
        FieldType::Time => "Timestamp".to_owned(),
        FieldType::Json => "Json".to_owned(),
        FieldType::Uuid => "Uuid".to_owned(),
        FieldType::Ref(ref table) => match plan.ids_of(table) {
            IdKind::Uuid => "Uuid".to_owned(),
            IdKind::Int => "i64".to_owned(),
            IdKind::Text => "String".to_owned(),
        },
        FieldType::Enum(_) => field.enum_name(&plan.entity),
    }
}

/// What the column holds: an `Option` where it may be NULL.
pub(crate) fn column_type(plan: &EntityPlan, field: &Field) -> String {
    let ty = rust_type(plan, field);
    if field.nullable() {
        format!("Option<{ty}>")
    } else {
        ty
    }
}

fn limits(field: &Field) -> Option<String> {
    let (least, most) = field.lengths();
    let least = least.map(|n| format!("min = {n}"));
    let most = most.map(|n| format!("max = {n}"));
    let limits: Vec<_> = least.into_iter().chain(most).collect();
    (!limits.is_empty()).then(|| format!("validate(length({}))", limits.join(", ")))
}

fn default(plan: &EntityPlan, field: &Field) -> Option<String> {
    let default = field.default.as_ref()?;
    let expression = match &field.kind {
        FieldType::Enum(_) => format!("{}::{}", field.enum_name(&plan.entity), pascal(default)),
        FieldType::String => format!("\"{default}\""),
        FieldType::Decimal { .. } => format!("Decimal::exactly(\"{default}\")"),
        FieldType::Float => format!("{:?}", default.parse::<f64>().unwrap_or_default()),
        _ => default.clone(),
    };
    let is_plain = matches!(&*expression, "false" | "0" | "0.0");
    Some(match is_plain {
        true => "default".to_owned(),
        false => format!("default = {expression}"),
    })
}

const fn sorts(field: &Field) -> bool {
    matches!(
        field.kind,
        FieldType::String
            | FieldType::Int
            | FieldType::BigInt
            | FieldType::Decimal { .. }
            | FieldType::Float
            | FieldType::Time
    )
}
