//! Lines that a new entity adds to an application's own files: found by what stands there, never by a line's number. Pure.

use std::ops::Range;

use crud_core::IdKind;

use crate::{entity::EntityPlan, schema};

/// The schema with one table more, and how it joins.
pub(crate) fn declared(
    text: &str,
    plan: &EntityPlan,
    authors: Option<&str>,
    path: &str,
) -> Result<String, String> {
    let declared = schema::table(plan, authors);
    let list = "allow_tables_to_appear_in_same_query!(";
    let last = text
        .rfind("diesel::table! {")
        .and_then(|at| text[at..].find("\n}\n").map(|end| at + end + 3));
    let mut text = match (last, text.find(&format!("diesel::{list}"))) {
        (Some(end), _) => format!("{}\n{declared}{}", &text[..end], &text[end..]),
        // An application's first table.
        (None, Some(list)) => format!("{}{declared}\n{}", &text[..list], &text[list..]),
        (None, None) => {
            return Err(format!(
                "{path} has no `diesel::table! {{ … }}` to put the table behind"
            ));
        }
    };
    let joinables = schema::joinables(plan);
    if !joinables.is_empty() {
        text = match text.contains("\ndiesel::joinable!(") {
            true => behind_last(&text, "diesel::joinable!(", &joinables, path)?,
            // An application's first reference.
            false => text.replacen(
                &format!("diesel::{list}"),
                &format!("{}\n\ndiesel::{list}", joinables.join("\n")),
                1,
            ),
        };
    }
    for (_, child) in plan.children() {
        for field in &child.fields {
            let line = schema::line(&child.column(field));
            text = with_column(&text, &child.table, &line, path)?;
        }
    }
    let closing = text
        .find(list)
        .and_then(|at| text[at..].find("\n);").map(|end| at + end));
    match closing {
        Some(at) => Ok(format!(
            "{}\n    {},{}",
            &text[..at],
            plan.table,
            &text[at..]
        )),
        None => Err(format!("{path} has no `{list}` with a table on each line")),
    }
}

/// Where the lines of a declared table's columns are.
fn lines_of(schema: &str, table: &str) -> Option<Range<usize>> {
    let opening = format!("\n    {table} (id) {{\n");
    let begin = schema.find(&opening)? + opening.len();
    Some(begin..begin + schema[begin..].find("    }\n")?)
}

/// The names of a declared table's columns.
pub(crate) fn columns_of<'a>(schema: &'a str, table: &str) -> Vec<&'a str> {
    let lines = lines_of(schema, table).map_or("", |lines| &schema[lines]);
    let columns = lines.lines().filter_map(|line| line.split_once(" -> "));
    columns.map(|(name, _)| name.trim()).collect()
}

/// The schema with one column more in a table: behind the entity's own ones, which the standard ones follow.
fn with_column(text: &str, table: &str, line: &str, path: &str) -> Result<String, String> {
    let Some(at) = lines_of(text, table) else {
        return Err(format!(
            "{path} has no line `{table} (id) {{` to put the column `{line}` below"
        ));
    };
    let mut lines: Vec<_> = text[at.clone()].lines().collect();
    let standard = lines
        .iter()
        .position(|line| line.trim().starts_with("version -> "));
    let mut behind = standard.unwrap_or(lines.len());
    while behind > 0 && lines[behind - 1].trim().starts_with("//") {
        behind -= 1;
    }
    let line = format!("        {line}");
    lines.insert(behind, &line);
    let (before, after) = (&text[..at.start], &text[at.end..]);
    Ok(format!("{before}{}\n{after}", lines.join("\n")))
}

/// What the rows of a declared table are named by, if that is no UUID.
pub(crate) fn ids_of(schema: &str, table: &str) -> Option<IdKind> {
    let (_, ty) = schema[lines_of(schema, table)?].split_once("id -> ")?;
    match ty.split(',').next()? {
        "BigInt" => Some(IdKind::Int),
        "Text" => Some(IdKind::Text),
        _ => None,
    }
}

/// The list of entities with one more, which may be its first.
pub(crate) fn registered(
    list: &str,
    module: &str,
    entity: &str,
    path: &str,
) -> Result<String, String> {
    let declared = format!("pub mod {module};");
    let list = match list.contains("\npub mod ") {
        true => sorted_in(list, "pub mod ", &declared, path)?,
        false => list.replacen("\nuse ", &format!("\n{declared}\n\nuse "), 1),
    };
    let line = format!("        .entity::<{module}::{entity}>()");
    match list.contains("\n        .entity::<") {
        true => behind_last(&list, "        .entity::<", &[line], path),
        false => behind_last(&list, "    Registry::new()", &[line], path),
    }
}

/// Puts a line among those that begin alike, in their order.
pub(crate) fn sorted_in(
    text: &str,
    begins: &str,
    line: &str,
    path: &str,
) -> Result<String, String> {
    let among: Vec<_> = text
        .lines()
        .filter(|other| other.starts_with(begins))
        .collect();
    let Some(last) = among.last() else {
        return Err(format!("{path} has no line that begins with `{begins}`"));
    };
    Ok(match among.iter().find(|other| ***other > *line) {
        Some(next) => text.replacen(&format!("{next}\n"), &format!("{line}\n{next}\n"), 1),
        None => text.replacen(&format!("{last}\n"), &format!("{last}\n{line}\n"), 1),
    })
}

/// The table that a declaration names, in whatever lines.
pub(crate) fn table_of(text: &str) -> Option<&str> {
    let (_, declared) = text.split_once("#[entity(")?;
    let (_, table) = declared.split_once("table = ")?;
    let end = table.find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != ':')?;
    table[..end].rsplit("::").next()
}

/// The last part of the address that a declaration names.
pub(crate) fn endpoint_of(text: &str) -> Option<&str> {
    let (_, declared) = text.split_once("#[entity(")?;
    let (_, endpoint) = declared.split_once("endpoint = \"")?;
    endpoint.split('"').next()
}

/// Puts lines behind the last one that begins so.
fn behind_last(text: &str, begins: &str, lines: &[String], path: &str) -> Result<String, String> {
    let at = text
        .rfind(&format!("\n{begins}"))
        .and_then(|at| text[at + 1..].find('\n').map(|end| at + 1 + end + 1));
    match at {
        Some(at) => Ok(format!(
            "{}{}\n{}",
            &text[..at],
            lines.join("\n"),
            &text[at..]
        )),
        None => Err(format!(
            "{path} has no line that begins with `{}`",
            begins.trim()
        )),
    }
}
