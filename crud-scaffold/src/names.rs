//! Names: from the one that a developer gives to those of modules, types, tables and endpoints. Pure.

/// Words that Rust keeps for itself, in edition 2024.
const RUST: &[&str] = &[
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate",
    "do", "dyn", "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl",
    "in", "let", "loop", "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref",
    "return", "self", "static", "struct", "super", "trait", "true", "try", "type", "typeof",
    "union", "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];

/// Words that one of the databases reads as its own where a name should be.
const SQL: &[&str] = &[
    "add",
    "all",
    "alter",
    "analyse",
    "analyze",
    "and",
    "any",
    "array",
    "asc",
    "asymmetric",
    "between",
    "both",
    "by",
    "case",
    "cast",
    "check",
    "collate",
    "column",
    "commit",
    "constraint",
    "create",
    "current_date",
    "current_time",
    "current_timestamp",
    "current_user",
    "default",
    "deferrable",
    "delete",
    "desc",
    "distinct",
    "drop",
    "end",
    "escape",
    "except",
    "exists",
    "fetch",
    "foreign",
    "from",
    "grant",
    "group",
    "having",
    "index",
    "initially",
    "insert",
    "intersect",
    "into",
    "is",
    "isnull",
    "join",
    "lateral",
    "leading",
    "limit",
    "localtime",
    "localtimestamp",
    "not",
    "nothing",
    "notnull",
    "null",
    "offset",
    "on",
    "only",
    "or",
    "order",
    "placing",
    "primary",
    "references",
    "returning",
    "select",
    "session_user",
    "set",
    "some",
    "symmetric",
    "table",
    "then",
    "to",
    "trailing",
    "transaction",
    "unique",
    "update",
    "user",
    "using",
    "values",
    "variadic",
    "when",
    "window",
    "with",
];

/// Columns that every entity has.
const STANDARD: &[&str] = &[
    "id",
    "version",
    "created_at",
    "updated_at",
    "created_by",
    "updated_by",
    "properties",
    "archived_at",
];

/// Names that the parameters of lists have, or that `table!` makes.
const TAKEN: &[&str] = &[
    "page",
    "page_size",
    "limit",
    "offset",
    "skip",
    "sort",
    "total",
    "archived",
    "cursor",
    "fields",
    "include",
    "q",
    "table",
    "columns",
    "dsl",
    "star",
    "all_columns",
];

/// Whether it is `snake_case`: lower case letters, digits and single underscores, a letter first.
pub(crate) fn is_snake(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && !name.ends_with('_')
        && !name.contains("__")
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// Whether Rust takes it for something else.
pub(crate) fn is_rust_word(name: &str) -> bool {
    RUST.contains(&name)
}

/// Whether a field, or a relation, can have this name, and its column that one.
///
/// # Errors
/// A sentence that says why it cannot.
pub(crate) fn check_name(name: &str, column: &str) -> Result<(), String> {
    if !is_snake(name) {
        return Err(format!(
            "`{name}` is no name; expected lower case letters, digits and single underscores, a letter first"
        ));
    }
    if is_rust_word(name) {
        return Err(format!(
            "`{name}` is a word of Rust; choose another, such as `{name}_name` or `kind`"
        ));
    }
    if STANDARD.contains(&column) {
        return Err(format!(
            "every entity has `{column}` by itself; leave it out"
        ));
    }
    if TAKEN.contains(&column) {
        return Err(format!(
            "`{column}` has a meaning of its own in every list; choose another name"
        ));
    }
    Ok(())
}

/// The name as SQL takes it: in quotes where it is a word of SQL.
pub(crate) fn sql_name(name: &str) -> String {
    if SQL.contains(&name) {
        format!("\"{name}\"")
    } else {
        name.to_owned()
    }
}

/// `LessonPlan`, `lesson-plan` and `lesson_plan` → `lesson_plan`.
pub(crate) fn snake(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    let mut before = '_';
    for letter in name.chars() {
        let starts_word =
            letter.is_ascii_uppercase() && (before.is_ascii_lowercase() || before.is_ascii_digit());
        if starts_word {
            snake.push('_');
        }
        snake.push(if letter == '-' {
            '_'
        } else {
            letter.to_ascii_lowercase()
        });
        before = letter;
    }
    snake
}

/// `lesson_plan` → `LessonPlan`.
pub(crate) fn pascal(snake: &str) -> String {
    let words = snake.split(['_', '-']);
    words.map(capital).collect()
}

/// `lesson plan` → `Lesson plan`.
pub(crate) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_ascii_uppercase().to_string() + letters.as_str(),
        None => String::new(),
    }
}

/// `lesson_plan` → `lesson plan`.
pub(crate) fn words(snake: &str) -> String {
    snake.replace('_', " ")
}

/// `category` → `categories`, by the rules of English that have no exceptions worth a list.
pub(crate) fn plural(snake: &str) -> String {
    if let Some(stem) = snake.strip_suffix('y')
        && !stem.ends_with(['a', 'e', 'i', 'o', 'u'])
    {
        return format!("{stem}ies");
    }
    let hisses = ["s", "x", "z", "ch", "sh"]
        .iter()
        .any(|end| snake.ends_with(end));
    format!("{snake}{}", if hisses { "es" } else { "s" })
}

/// `a` or `an`, by the first letter.
pub(crate) fn article(word: &str) -> &'static str {
    if word.starts_with(['a', 'e', 'i', 'o', 'u']) {
        "an"
    } else {
        "a"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_its_other_forms() {
        for (given, module, entity, table) in [
            ("Post", "post", "Post", "posts"),
            ("LessonPlan", "lesson_plan", "LessonPlan", "lesson_plans"),
            ("lesson-plan", "lesson_plan", "LessonPlan", "lesson_plans"),
            ("category", "category", "Category", "categories"),
            ("essay", "essay", "Essay", "essays"),
            ("exam_box", "exam_box", "ExamBox", "exam_boxes"),
        ] {
            assert_eq!(snake(given), module);
            assert_eq!(pascal(&snake(given)), entity);
            assert_eq!(plural(&snake(given)), table);
        }
    }

    #[test]
    fn words_of_sql_are_quoted() {
        assert_eq!(sql_name("order"), "\"order\"");
        assert_eq!(sql_name("title"), "title");
        assert!(is_snake("a1_b") && !is_snake("1a") && !is_snake("a__b") && !is_snake("A"));
    }
}
