//! A filter on one column: its operators, and the condition that a value makes.

use std::{any::TypeId, sync::Arc};

use diesel::{Column, sql_types::Text};

use super::{FilterAs, Op, json};
use crate::{
    db::{ColumnKind, ColumnType, Frag, Stmt, bind, column},
    entity::Named,
    query::Params,
};

/// The values of `in` and `not_in`.
pub(crate) const MOST_VALUES: usize = 100;
/// The characters of `contains` and `starts_with`.
pub(crate) const LONGEST_PART: usize = 200;

/// A column with what its values are read as.
#[derive(Clone)]
pub(crate) struct FilterColumn {
    /// The column's name, which masks go by.
    pub(crate) column: &'static str,
    pub(crate) kind: ColumnKind,
    pub(crate) ops: Arc<[Op]>,
    nullable: bool,
    frag: Frag,
    bind: fn(&str) -> Result<Frag, String>,
}

/// Why a value is refused: code and sentence.
pub(crate) type Refused = (&'static str, String);

impl FilterColumn {
    pub(super) fn of<C, T>() -> Self
    where
        C: Column<Table: Named, SqlType: ColumnType>,
        T: FilterAs<C::SqlType>,
    {
        let kind = <C::SqlType as ColumnType>::KIND;
        let nullable = <C::SqlType as ColumnType>::NULLABLE;
        let is_text = TypeId::of::<T>() == TypeId::of::<String>();
        Self {
            column: C::NAME,
            kind,
            ops: Op::of(kind, is_text, nullable).into(),
            nullable,
            frag: column::<C>(),
            bind: |text| Params::value::<T>(text).map(T::bound),
        }
    }

    /// Whether its filter goes into a JSON document.
    pub(crate) fn is_json(&self) -> bool {
        self.kind == ColumnKind::Jsonb
    }

    /// The condition `column op text`; for JSON, of the value at `path`.
    pub(super) fn condition(
        &self,
        path: Option<&str>,
        op: Op,
        text: &str,
    ) -> Result<Frag, Refused> {
        if let Some(path) = path {
            return json::condition(&self.frag, path, op, text);
        }
        let column = || Stmt::new().frag(self.frag.clone());
        let value = |text: &str| (self.bind)(text).map_err(|why| ("type", why));
        let sql = match op {
            Op::Eq => column().sql(" = ").frag(value(text)?),
            Op::Ne if self.nullable => column().sql(" IS DISTINCT FROM ").frag(value(text)?),
            Op::Ne => column().sql(" <> ").frag(value(text)?),
            Op::Gt => column().by_bytes(self.kind).sql(" > ").frag(value(text)?),
            Op::Gte => column().by_bytes(self.kind).sql(" >= ").frag(value(text)?),
            Op::Lt => column().by_bytes(self.kind).sql(" < ").frag(value(text)?),
            Op::Lte => column().by_bytes(self.kind).sql(" <= ").frag(value(text)?),
            Op::In => column().sql(" IN ").among(&values(text, value)?),
            Op::NotIn => {
                let sql = column().sql(" NOT IN ").among(&values(text, value)?);
                match self.nullable {
                    true => sql.sql(" OR ").frag(self.frag.clone()).sql(" IS NULL"),
                    false => sql,
                }
            }
            Op::Contains | Op::StartsWith => column()
                .per_backend(" COLLATE \"C\" ILIKE ", " LIKE ")
                .frag(bind::<Text, _>(pattern(op, text)?))
                .sql(" ESCAPE '\\'"),
            Op::IsNull => column().sql(match truth(text)? {
                true => " IS NULL",
                false => " IS NOT NULL",
            }),
        };
        Ok(Arc::new(sql))
    }
}

/// `true` or `false`.
pub(super) fn truth(text: &str) -> Result<bool, Refused> {
    Params::value(text).map_err(|why| ("type", why))
}

/// The values of a list, each as `read` has it.
pub(super) fn values<V>(
    text: &str,
    read: impl Fn(&str) -> Result<V, Refused>,
) -> Result<Vec<V>, Refused> {
    let parts = split(text, ',');
    if parts.len() > MOST_VALUES {
        let given = parts.len();
        let detail = format!("at most {MOST_VALUES} values, not {given}");
        return Err(("length", detail));
    }
    parts.into_iter().map(|part| read(&plain(part)?)).collect()
}

/// The text as a LIKE pattern, in which `%`, `_` and `\` stand for themselves.
pub(super) fn pattern(op: Op, text: &str) -> Result<String, Refused> {
    if text.chars().nth(LONGEST_PART).is_some() {
        let detail = format!("at most {LONGEST_PART} characters");
        return Err(("length", detail));
    }
    let mut pattern = String::with_capacity(text.len() + 2);
    if op == Op::Contains {
        pattern.push('%');
    }
    for letter in text.chars() {
        if matches!(letter, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern.push('%');
    Ok(pattern)
}

/// The parts between separators that no `\` stands before.
pub(super) fn split(text: &str, separator: char) -> Vec<&str> {
    let (mut parts, mut start, mut is_escaped) = (Vec::new(), 0, false);
    for (at, letter) in text.char_indices() {
        if letter == separator && !is_escaped {
            parts.push(&text[start..at]);
            start = at + separator.len_utf8();
        }
        is_escaped = letter == '\\' && !is_escaped;
    }
    parts.push(&text[start..]);
    parts
}

/// A part without its escapes: `\` stands before `,`, `|`, `;` or itself, and nothing else.
pub(super) fn plain(part: &str) -> Result<String, Refused> {
    let mut text = String::with_capacity(part.len());
    let mut letters = part.chars();
    while let Some(letter) = letters.next() {
        text.push(match letter {
            '\\' => match letters.next() {
                Some(escaped @ (',' | '|' | ';' | '\\')) => escaped,
                _ => {
                    let detail = "a `\\` stands before `,`, `|`, `;` or another `\\`";
                    return Err(("escape", detail.to_owned()));
                }
            },
            other => other,
        });
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_split_at_commas_that_are_not_escaped() {
        assert_eq!(split("a,b", ','), ["a", "b"]);
        assert_eq!(split(r"a\,b,c\\,d", ','), [r"a\,b", r"c\\", "d"]);
        assert_eq!(split("", ','), [""]);
        assert_eq!(plain(r"a\,b\\\|"), Ok(r"a,b\|".to_owned()));
        assert!(plain(r"a\b").is_err() && plain("a\\").is_err());
    }

    #[test]
    fn wildcards_stand_for_themselves() {
        assert_eq!(pattern(Op::Contains, r"5%_\"), Ok(r"%5\%\_\\%".to_owned()));
        assert_eq!(pattern(Op::StartsWith, "a"), Ok("a%".to_owned()));
        assert!(pattern(Op::Contains, &"ä".repeat(201)).is_err());
    }
}
