//! The declaration of an entity that is there gets its reference to the new one: a field, and the import of its type. What
//! does not look as expected is left alone.

use crate::{declaration, entity::EntityPlan, format::formatted};

/// Keys of `#[entity(…)]` that name what the short form writes by itself: what is written by hand may list the fields.
const EXPLICIT: &[&str] = &["create", "get", "list", "update", "query", "search"];

/// The file with the fields of `child`, which it has not. `None` if it is not in the short form, or not as expected.
pub(crate) fn with_references(text: &str, child: &EntityPlan) -> Option<String> {
    let text = with_fields(text, child)?;
    let mut targets = child.targets.values();
    targets.try_fold(text, |text, (module, entity)| {
        with_import(&text, &format!("{module}::{entity}"))
    })
}

fn with_fields(text: &str, child: &EntityPlan) -> Option<String> {
    let keys_at = text.find("#[entity(")? + "#[entity(".len();
    let keys = inside(&text[keys_at..])?;
    let is_explicit = |key: &str| {
        let name = key.split('=').next().unwrap_or(key).split_whitespace();
        name.last().is_some_and(|name| EXPLICIT.contains(&name))
    };
    if parts(keys).into_iter().any(is_explicit) {
        return None;
    }
    let declared = &text[keys_at + keys.len()..];
    let opening = format!("\npub struct {} {{\n", child.entity);
    let fields_at = text.len() - declared.len() + declared.find(&opening)? + opening.len();
    let fields = &text[fields_at..];
    let fields = &fields[..fields.find("\n}\n")?];
    let is_there = |name: &str| {
        keys.contains(&format!("{name} =")) || fields.contains(&format!("pub {name}:"))
    };
    let twice =
        (child.fields.iter()).any(|field| is_there(&field.name) || is_there(&field.column()));
    if twice || !fields.ends_with(',') {
        return None;
    }
    let end = fields_at + fields.len() + 1;
    // In a struct of their own, for rustfmt.
    let new = formatted(format!("struct New {{\n{}}}\n", declaration::fields(child)));
    let new = new.strip_prefix("struct New {\n")?.strip_suffix("}\n")?;
    Some(format!("{}{new}{}", &text[..end], &text[end..]))
}

/// The first `use crate::…` names one entity more.
fn with_import(text: &str, entity: &str) -> Option<String> {
    const USE: &str = "\nuse crate::";
    let at = text.find(USE)? + 1;
    let end = at + text[at..].find(";\n")? + 2;
    let used = text[at..end].strip_prefix(USE.trim_start())?;
    let used = used.strip_suffix(";\n")?;
    if used.contains("//") {
        return None;
    }
    let list = match used.strip_prefix('{') {
        Some(list) => inside(list)?,
        None => used,
    };
    let mut list: Vec<_> = parts(list)
        .into_iter()
        .map(|part| part.trim().to_owned())
        .filter(|part| !part.is_empty())
        .collect();
    match list.iter_mut().find(|part| part.starts_with("entities::")) {
        Some(entities) => {
            let others = &entities["entities::".len()..];
            let others = match others.strip_prefix('{') {
                Some(others) => inside(others)?,
                None => others,
            };
            *entities = format!("entities::{{{entity}, {others}}}");
        }
        None => list.push(format!("entities::{entity}")),
    }
    let used = formatted(format!("use crate::{{{}}};\n", list.join(", ")));
    Some(format!("{}{used}{}", &text[..at], &text[end..]))
}

/// What stands before the bracket that closes, of any kind.
fn inside(text: &str) -> Option<&str> {
    let mut depth = 1_usize;
    let end = text.find(|letter| {
        depth = deeper(depth, letter);
        depth == 0
    })?;
    Some(&text[..end])
}

/// The parts between commas that stand in no bracket.
fn parts(text: &str) -> Vec<&str> {
    let mut depth = 1_usize;
    let is_end = |letter| {
        depth = deeper(depth, letter);
        depth == 1 && letter == ','
    };
    text.split(is_end).collect()
}

const fn deeper(depth: usize, letter: char) -> usize {
    match letter {
        '(' | '{' | '[' => depth + 1,
        ')' | '}' | ']' => depth.saturating_sub(1),
        _ => depth,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entity_is_named_beside_what_is_used_already() {
        for (used, expected) in [
            (
                "schema::books",
                "{entities::publisher::Publisher, schema::books}",
            ),
            (
                "entities::author::Author",
                "entities::{author::Author, publisher::Publisher}",
            ),
            (
                "{entities::author::{Author, Pen}, roles, schema::{authors, books}}",
                "{\n    entities::{\n        author::{Author, Pen},\n        publisher::Publisher,\n    },\n    roles,\n    \
                 schema::{authors, books},\n}",
            ),
            (
                "{\n    entities::{\n        author::Author, topic::Topic,\n    },\n    schema::books,\n}",
                "{\n    entities::{author::Author, publisher::Publisher, topic::Topic},\n    schema::books,\n}",
            ),
        ] {
            let file = |used| format!("//! Books.\n\nuse crate::{used};\n\nuse crate::roles;\n");
            let named = with_import(&file(used), "publisher::Publisher");
            assert_eq!(named, Some(file(expected)));
        }
        assert_eq!(with_import("//! Books.\n", "publisher::Publisher"), None);
    }
}
