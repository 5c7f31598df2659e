//! The entity's lines in `schema.rs`: its `table!`, and how it joins. Pure.

use std::fmt::Write as _;

use crud_core::db::ColumnKind;

use crate::{entity::EntityPlan, field::FieldType, names::capital, table::Column};

/// The `diesel::table!` of the entity.
pub(crate) fn table(plan: &EntityPlan, authors: Option<&str>) -> String {
    let mut rust = format!(
        "diesel::table! {{\n    use crud_core::sql_types::*;\n\n    /// {}.\n    {} (id) {{\n",
        capital(&plan.plural()),
        plan.table
    );
    for column in plan.table(authors).columns {
        let field = plan
            .fields
            .iter()
            .find(|field| field.column() == column.name);
        if let Some(FieldType::Enum(values)) = field.map(|field| &field.kind) {
            let _ = writeln!(rust, "        /// `{}`.", values.join("`, `"));
        }
        let _ = writeln!(rust, "        {}", line(&column));
    }
    rust.push_str("    }\n}\n");
    rust
}

/// `title -> Text,`
pub(crate) fn line(column: &Column) -> String {
    format!("{} -> {},", column.name, sql_type(column))
}

fn sql_type(column: &Column) -> String {
    let decimal;
    let ty = match column.kind {
        ColumnKind::Decimal { digits, scale } => {
            decimal = format!("Decimal<{digits}, {scale}>");
            &*decimal
        }
        ColumnKind::Uuid => "Uuid",
        ColumnKind::Text => "Text",
        ColumnKind::Bool => "Bool",
        ColumnKind::Int2 => "SmallInt",
        ColumnKind::Int4 => "Integer",
        ColumnKind::Int8 => "BigInt",
        ColumnKind::Float4 => "Float",
        ColumnKind::Float8 => "Double",
        ColumnKind::Timestamptz => "Timestamptz",
        ColumnKind::Date => "Date",
        ColumnKind::Jsonb => "Jsonb",
        ColumnKind::Binary => "Binary",
    };
    if column.nullable {
        format!("Nullable<{ty}>")
    } else {
        ty.to_owned()
    }
}

/// A `joinable!` for each table that exactly one column leads to or from: Diesel joins over one key per pair.
pub(crate) fn joinables(plan: &EntityPlan) -> Vec<String> {
    let own = plan
        .references()
        .map(|(field, to)| (to, &*plan.table, field, to));
    let children = plan.children().flat_map(|(_, child)| {
        let references = child.references();
        references.map(|(field, to)| (&*child.table, &*child.table, field, to))
    });
    let pairs: Vec<_> = own.chain(children).collect();
    let once = |table: &str| pairs.iter().filter(|(other, ..)| *other == table).count() == 1;
    pairs
        .iter()
        .filter(|(other, ..)| *other != plan.table && once(other))
        .map(|(_, from, field, to)| {
            format!("diesel::joinable!({from} -> {to} ({}));", field.column())
        })
        .collect()
}
