//! What SQL text says of tables: which a statement writes, and which a read is made of.
//!
//! Both err on the safe side. A write that is not understood touches everything; a read that names a table or a
//! function that is not known is not cached. So nothing has to be declared, and nothing can be forgotten.

mod words;

use self::words::{Token, Words};
use super::Dep;

/// A table that a text writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Written {
    /// [`Dep::Table`], or [`Dep::Everything`] if it cannot be told.
    pub(crate) dep: Dep,
    /// Whether rows may go.
    pub(crate) deletes: bool,
}

/// The tables that a text of one or more statements writes.
pub(crate) fn written(sql: &str) -> Vec<Written> {
    let mut deps = Vec::new();
    let mut words = Words(sql).peekable();
    let mut before = "";
    let mut is_first = true;
    while let Some(token) = words.next() {
        let word = match token {
            Token::Word(word) => word,
            Token::Mark(";") => {
                is_first = true;
                continue;
            }
            _ => {
                before = "";
                continue;
            }
        };
        let is = |known: &[&str]| known.iter().any(|k| word.eq_ignore_ascii_case(k));
        if is_first && !is(HARMLESS) {
            return vec![EVERYTHING];
        }
        is_first = false;
        let after = |known: &str| before.eq_ignore_ascii_case(known);
        let is_target = (is(&["into"]) && !after("vacuum"))
            || (is(&["from"]) && after("delete"))
            || is(&["truncate"])
            // `FOR UPDATE`, `FOR NO KEY UPDATE` and `DO UPDATE` name no table.
            || (is(&["update"]) && !after("for") && !after("key") && !after("do"));
        // `REPLACE` and `MERGE` may delete too.
        let is_kept = is(&["update"]) || (is(&["into"]) && after("insert"));
        before = word;
        if is_target {
            match target(&mut words) {
                Some(table) => deps.push(Written {
                    dep: Dep::Table(table.into()),
                    deletes: !is_kept,
                }),
                None => return vec![EVERYTHING],
            }
        }
    }
    deps
}

const EVERYTHING: Written = Written {
    dep: Dep::Everything,
    deletes: true,
};

/// How statements may begin that write nothing but the tables they name as a write does.
const HARMLESS: &[&str] = &[
    "select",
    "insert",
    "replace",
    "update",
    "delete",
    "merge",
    "truncate",
    "with",
    "values",
    "set",
    "show",
    "begin",
    "commit",
    "rollback",
    "savepoint",
    "release",
    "analyze",
    "vacuum",
    "lock",
    "listen",
    "notify",
    "unlisten",
    "explain",
    "pragma",
    "checkpoint",
    "reset",
];

/// The name after `INSERT INTO`, `UPDATE` and the like.
fn target<'a>(words: &mut std::iter::Peekable<Words<'a>>) -> Option<String> {
    let mut name = None;
    loop {
        match words.peek() {
            Some(Token::Word(word)) if name.is_none() => {
                let word = *word;
                words.next();
                match word.to_ascii_lowercase().as_str() {
                    "table" | "only" => {}
                    // SQLite's `UPDATE OR IGNORE t`.
                    "or" => drop(words.next()),
                    lower => name = Some(lower.to_owned()),
                }
            }
            Some(Token::Quoted(quoted)) if name.is_none() => {
                name = Some(quoted.replace("\"\"", "\""));
                words.next();
            }
            // `schema.table`
            Some(Token::Mark(".")) if name.is_some() => {
                words.next();
                name = None;
            }
            _ => return name,
        }
    }
}

/// What a read is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mentioned {
    /// Its tables, each once.
    pub(crate) tables: Vec<String>,
    /// Every name in it, of whatever: a table among them is one of its own too.
    pub(crate) names: Vec<String>,
    /// Its first table stands in it more than once.
    pub(crate) is_self_related: bool,
}

/// The tables that one `SELECT` reads; `None` if its answer depends on anything else, or that cannot be told.
pub(crate) fn mentioned(sql: &str) -> Option<Mentioned> {
    let mut tables: Vec<String> = Vec::new();
    let mut is_self_related = false;
    let names = Words(sql).filter_map(Token::name).collect();
    let mut words = Words(sql).peekable();
    let mut before = "";
    while let Some(token) = words.next() {
        let last = std::mem::replace(
            &mut before,
            if let Token::Word(word) = token {
                word
            } else {
                ""
            },
        );
        match token {
            // `IS DISTINCT FROM x`
            Token::Word(word)
                if word.eq_ignore_ascii_case("from") && last.eq_ignore_ascii_case("distinct") => {}
            Token::Word(word)
                if word.eq_ignore_ascii_case("from") || word.eq_ignore_ascii_case("join") =>
            {
                for table in sources(&mut words)? {
                    if tables.first() == Some(&table) {
                        is_self_related = true;
                    }
                    if !tables.contains(&table) {
                        tables.push(table);
                    }
                }
            }
            Token::Word(word) => {
                let lower = word.to_ascii_lowercase();
                let is_call = words.peek() == Some(&Token::Mark("("));
                if VOLATILE.contains(&lower.as_str())
                    || (is_call && !FUNCTIONS.contains(&lower.as_str()))
                {
                    return None;
                }
            }
            // A name in quotes before a parenthesis is somebody's own function, unless it is a table's column list.
            Token::Quoted(_) if words.peek() == Some(&Token::Mark("(")) => return None,
            Token::Mark(";") => return None,
            _ => {}
        }
    }
    Some(Mentioned {
        tables,
        names,
        is_self_related,
    })
}

/// The tables after `FROM` or `JOIN`.
fn sources<'a>(words: &mut std::iter::Peekable<Words<'a>>) -> Option<Vec<String>> {
    let mut tables = Vec::new();
    loop {
        while words.peek() == Some(&Token::Mark("(")) {
            words.next();
        }
        match words.peek() {
            // A subquery: its own FROM follows.
            Some(Token::Word(word)) if word.eq_ignore_ascii_case("select") => return Some(tables),
            Some(Token::Word(word)) => {
                // `extract(… FROM column)` has no table here; a name that no table has is refused by who knows them.
                tables.push(word.to_ascii_lowercase());
            }
            Some(Token::Quoted(name)) => tables.push(name.replace("\"\"", "\"")),
            _ => return None,
        }
        words.next();
        while words.peek() == Some(&Token::Mark(".")) {
            words.next();
            tables.pop();
            match words.next()? {
                Token::Quoted(name) => tables.push(name.replace("\"\"", "\"")),
                Token::Word(name) => tables.push(name.to_ascii_lowercase()),
                Token::Mark(_) | Token::Literal => return None,
            }
        }
        // `FROM a AS x, b`: an alias may stand between.
        if let Some(Token::Word(word)) = words.peek()
            && word.eq_ignore_ascii_case("as")
        {
            words.next();
            words.next();
        }
        if words.peek() != Some(&Token::Mark(",")) {
            return Some(tables);
        }
        words.next();
    }
}

/// Words whose value depends on when or by whom they are read.
const VOLATILE: &[&str] = &[
    "current_timestamp",
    "current_date",
    "current_time",
    "localtime",
    "localtimestamp",
    "current_user",
    "session_user",
    "user",
    "current_role",
    "tablesample",
];

/// Functions, and words that stand before a parenthesis, whose value follows from their arguments alone.
const FUNCTIONS: &[&str] = &[
    "abs",
    "all",
    "and",
    "any",
    "array",
    "as",
    "avg",
    "between",
    "bigint",
    "bool_and",
    "bool_or",
    "by",
    "case",
    "cast",
    "ceil",
    "coalesce",
    "concat",
    "count",
    "crud_contains_ci",
    "crud_merge_patch",
    "crud_words",
    "distinct",
    "else",
    "end",
    "exists",
    "extract",
    "filter",
    "floor",
    "from",
    "greatest",
    "group_concat",
    "having",
    "ifnull",
    "iif",
    "ilike",
    "in",
    "instr",
    "integer",
    "is",
    "json",
    "json_agg",
    "json_array",
    "json_build_object",
    "json_extract",
    "json_group_array",
    "json_object",
    "json_patch",
    "json_type",
    "jsonb_build_object",
    "jsonb_agg",
    "jsonb_typeof",
    "least",
    "left",
    "length",
    "like",
    "limit",
    "lower",
    "ltrim",
    "max",
    "min",
    "mod",
    "not",
    "nullif",
    "numeric",
    "offset",
    "on",
    "or",
    "over",
    "position",
    "replace",
    "right",
    "round",
    "row",
    "row_number",
    "rtrim",
    "select",
    "some",
    "sign",
    "strpos",
    "substr",
    "substring",
    "sum",
    "then",
    "to_json",
    "to_jsonb",
    "total",
    "trim",
    "union",
    "upper",
    "using",
    "values",
    "varchar",
    "when",
    "where",
];

#[cfg(test)]
mod tests;
