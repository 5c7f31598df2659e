//! Lines that a new entity adds to an application's own files: found by what stands there, never by a line's number. Pure.

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

/// What the rows of a declared table are named by, if that is no UUID.
pub(crate) fn ids_of(schema: &str, table: &str) -> Option<IdKind> {
    let (_, columns) = schema.split_once(&format!("    {table} (id) {{"))?;
    let (_, ty) = columns.split_once("id -> ")?;
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
