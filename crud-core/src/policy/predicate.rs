//! [`Predicate`]: a scope without its types. Rendered as SQL here, and judged on a kept row in [`super::judge`]: the two
//! must always agree.

use std::fmt;

use crate::db::{Frag, Stmt};

/// A condition on a row that can be rendered as SQL, compared and hashed.
#[derive(Clone)]
pub(crate) enum Predicate {
    Always,
    Never,
    Equals(Operand),
    Differs(Operand),
    OneOf(&'static str, &'static str, Vec<(Frag, serde_json::Value)>),
    IsNull(&'static str, &'static str),
    IsNotNull(&'static str, &'static str),
    All(Vec<Self>),
    Any(Vec<Self>),
    Related(Box<Relation>),
}

#[derive(Clone)]
pub(crate) struct Operand {
    pub(super) table: &'static str,
    pub(crate) column: &'static str,
    pub(super) bind: Frag,
    pub(super) value: serde_json::Value,
}

#[derive(Clone)]
pub(crate) struct Relation {
    pub(super) table: &'static str,
    pub(crate) column: &'static str,
    pub(crate) target_table: &'static str,
    pub(crate) target_column: &'static str,
    pub(crate) rule: Predicate,
}

impl Predicate {
    /// Appends the condition as SQL, in parentheses where it needs them.
    pub(crate) fn render(&self, sql: Stmt) -> Stmt {
        match self {
            // `1 = 1`, since SQLite's and PostgreSQL's literals differ nowhere else.
            Self::Always => sql.sql("1 = 1"),
            Self::Never => sql.sql("1 = 0"),
            Self::Equals(o) => column(sql, o.table, o.column)
                .sql(" = ")
                .frag(o.bind.clone()),
            Self::Differs(o) => column(sql, o.table, o.column)
                .sql(" IS DISTINCT FROM ")
                .frag(o.bind.clone()),
            Self::OneOf(table, name, values) => {
                let mut sql = column(sql, table, name).sql(" IN (");
                for (i, (bind, _)) in values.iter().enumerate() {
                    if i > 0 {
                        sql = sql.sql(", ");
                    }
                    sql = sql.frag(bind.clone());
                }
                sql.sql(")")
            }
            Self::IsNull(table, name) => column(sql, table, name).sql(" IS NULL"),
            Self::IsNotNull(table, name) => column(sql, table, name).sql(" IS NOT NULL"),
            Self::All(many) => join(sql, many, " AND "),
            Self::Any(many) => join(sql, many, " OR "),
            Self::Related(relation) => {
                let sql = sql
                    .sql("EXISTS (SELECT 1 FROM ")
                    .ident(relation.target_table)
                    .sql(" WHERE ");
                let sql = column(sql, relation.target_table, relation.target_column).sql(" = ");
                let sql = column(sql, relation.table, relation.column);
                if matches!(relation.rule, Self::Always) {
                    return sql.sql(")");
                }
                relation.rule.render(sql.sql(" AND (")).sql("))")
            }
        }
    }

    /// Whether the predicate depends on one of these columns of its own table.
    pub(crate) fn mentions(&self, is_changed: &dyn Fn(&str) -> bool) -> bool {
        match self {
            Self::Always | Self::Never => false,
            Self::Equals(o) | Self::Differs(o) => is_changed(o.column),
            Self::OneOf(_, name, _) | Self::IsNull(_, name) | Self::IsNotNull(_, name) => {
                is_changed(name)
            }
            Self::All(many) | Self::Any(many) => many.iter().any(|p| p.mentions(is_changed)),
            Self::Related(relation) => is_changed(relation.column),
        }
    }
}

fn column(sql: Stmt, table: &'static str, name: &'static str) -> Stmt {
    sql.ident(table).sql(".").ident(name)
}

fn join(mut sql: Stmt, many: &[Predicate], word: &'static str) -> Stmt {
    sql = sql.sql("(");
    for (i, one) in many.iter().enumerate() {
        if i > 0 {
            sql = sql.sql(word);
        }
        sql = one.render(sql);
    }
    sql.sql(")")
}

/// The scope in words: equal scopes print equally, so lists may be shared by it.
impl fmt::Display for Predicate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |f: &mut fmt::Formatter<'_>, many: &[Self], word: &str| {
            let mut parts: Vec<_> = many.iter().map(ToString::to_string).collect();
            parts.sort();
            write!(f, "({})", parts.join(word))
        };
        match self {
            Self::Always => f.write_str("all"),
            Self::Never => f.write_str("none"),
            Self::Equals(o) => write!(f, "{}.{}={}", o.table, o.column, o.value),
            Self::Differs(o) => write!(f, "{}.{}!={}", o.table, o.column, o.value),
            Self::OneOf(table, name, values) => {
                write!(f, "{table}.{name}=[")?;
                for (_, value) in values {
                    write!(f, "{value},")?;
                }
                f.write_str("]")
            }
            Self::IsNull(table, name) => write!(f, "{table}.{name}=null"),
            Self::IsNotNull(table, name) => write!(f, "{table}.{name}!=null"),
            Self::All(many) => list(f, many, "&"),
            Self::Any(many) => list(f, many, "|"),
            Self::Related(r) => write!(
                f,
                "{}.{}->{}.{}:{}",
                r.table, r.column, r.target_table, r.target_column, r.rule
            ),
        }
    }
}
