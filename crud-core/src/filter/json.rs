//! Conditions on a value within a JSON document, alike on both databases.
//!
//! A value of the request is a text, which equals a JSON text; if it is written as a JSON number, `true` or `false`, it
//! equals that too. `gt`, `gte`, `lt` and `lte` compare numbers if it is a number, else texts, by bytes.

use std::sync::Arc;

use diesel::{
    QueryResult,
    query_builder::{AstPass, QueryFragment},
    serialize::ToSql,
    sql_types::{BigInt, Double, HasSqlType, Text},
};

use super::{
    Op,
    column::{Refused, pattern, truth, values},
};
use crate::db::{Dialect, Frag};

/// Keys of a path.
const DEEPEST: usize = 8;
/// A key of a path, as a regular expression. Not a number: that would be a place in a list on one database only.
pub(crate) const KEY: &str = "[A-Za-z_][A-Za-z0-9_-]{0,63}";

/// What of a JSON value is compared.
#[derive(Debug, Clone)]
enum Scalar {
    Text(String),
    Int(i64),
    Number(f64),
    Bool(bool),
}

#[derive(Debug, Clone)]
enum Test {
    Among(Vec<Scalar>),
    NotAmong(Vec<Scalar>),
    Compare(&'static str, Scalar),
    Like(String),
    IsNull(bool),
}

/// A test of the value at a path of a column.
struct JsonTest {
    column: Frag,
    /// `{"a","b"}`
    pg: String,
    /// `$."a"."b"`
    sqlite: String,
    test: Test,
}

/// The condition that `op text` makes of the value at `path`.
pub(super) fn condition(column: &Frag, path: &str, op: Op, text: &str) -> Result<Frag, Refused> {
    let test = match op {
        Op::Eq => Test::Among(scalars(text)),
        Op::Ne => Test::NotAmong(scalars(text)),
        Op::In => Test::Among(all(text)?),
        Op::NotIn => Test::NotAmong(all(text)?),
        Op::Gt => Test::Compare(" > ", ordered(text)),
        Op::Gte => Test::Compare(" >= ", ordered(text)),
        Op::Lt => Test::Compare(" < ", ordered(text)),
        Op::Lte => Test::Compare(" <= ", ordered(text)),
        Op::Contains | Op::StartsWith => Test::Like(pattern(op, text)?),
        Op::IsNull => Test::IsNull(truth(text)?),
    };
    let keys: Vec<_> = path.split('.').map(|key| format!("\"{key}\"")).collect();
    Ok(Arc::new(JsonTest {
        column: column.clone(),
        pg: format!("{{{}}}", keys.join(",")),
        sqlite: format!("$.{}", keys.join(".")),
        test,
    }))
}

/// Whether a path is one: keys with dots between them.
pub(super) fn is_path(path: &str) -> bool {
    let keys: Vec<_> = path.split('.').collect();
    let is_key = |key: &&str| {
        let begins = |c: char| c.is_ascii_alphabetic() || c == '_';
        key.starts_with(begins)
            && key.len() <= 64
            && key
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
    };
    keys.len() <= DEEPEST && keys.iter().all(is_key)
}

/// What a text may be in JSON, beside the text.
fn other(text: &str) -> Option<Scalar> {
    match serde_json::from_str(text).ok()? {
        serde_json::Value::Bool(yes) => Some(Scalar::Bool(yes)),
        serde_json::Value::Number(number) => match number.as_i64() {
            Some(int) => Some(Scalar::Int(int)),
            None => number.as_f64().map(Scalar::Number),
        },
        _ => None,
    }
}

fn scalars(text: &str) -> Vec<Scalar> {
    let text_itself = Scalar::Text(text.to_owned());
    other(text).into_iter().chain([text_itself]).collect()
}

fn all(text: &str) -> Result<Vec<Scalar>, Refused> {
    let each = values(text, |text| Ok(scalars(text)))?;
    Ok(each.into_iter().flatten().collect())
}

fn ordered(text: &str) -> Scalar {
    match other(text) {
        Some(number @ (Scalar::Int(_) | Scalar::Number(_))) => number,
        _ => Scalar::Text(text.to_owned()),
    }
}

impl JsonTest {
    /// The value itself; on SQLite as SQL's own value.
    fn value<'b, DB>(&'b self, out: &mut AstPass<'_, 'b, DB>) -> QueryResult<()>
    where
        DB: Dialect + HasSqlType<Text>,
        String: ToSql<Text, DB>,
    {
        if DB::IS_PG {
            out.push_sql("(");
            DB::walk(&*self.column, out.reborrow())?;
            out.push_sql(" #> CAST(");
            out.push_bind_param::<Text, String>(&self.pg)?;
            out.push_sql(" AS text[]))");
            return Ok(());
        }
        out.push_sql("json_extract(");
        DB::walk(&*self.column, out.reborrow())?;
        out.push_sql(", ");
        out.push_bind_param::<Text, String>(&self.sqlite)?;
        out.push_sql(")");
        Ok(())
    }

    /// The JSON type of the value, as the database calls it; SQL's null if there is no value.
    fn kind<'b, DB>(&'b self, out: &mut AstPass<'_, 'b, DB>) -> QueryResult<()>
    where
        DB: Dialect + HasSqlType<Text>,
        String: ToSql<Text, DB>,
    {
        if DB::IS_PG {
            out.push_sql("jsonb_typeof(");
            self.value(out)?;
            out.push_sql(")");
            return Ok(());
        }
        out.push_sql("json_type(");
        DB::walk(&*self.column, out.reborrow())?;
        out.push_sql(", ");
        out.push_bind_param::<Text, String>(&self.sqlite)?;
        out.push_sql(")");
        Ok(())
    }

    /// `type is … AND value <operator> scalar`
    fn compare<'b, DB>(
        &'b self,
        operator: &'static str,
        scalar: &'b Scalar,
        out: &mut AstPass<'_, 'b, DB>,
    ) -> QueryResult<()>
    where
        DB: Dialect + HasSqlType<Text> + HasSqlType<BigInt> + HasSqlType<Double>,
        String: ToSql<Text, DB>,
        i64: ToSql<BigInt, DB>,
        f64: ToSql<Double, DB>,
    {
        out.push_sql("(");
        self.kind(out)?;
        out.push_sql(match (scalar, DB::IS_PG) {
            (Scalar::Text(_), true) => " = 'string' AND (",
            (Scalar::Text(_), false) => " = 'text' AND ",
            (Scalar::Int(_) | Scalar::Number(_), true) => " = 'number' AND ",
            (Scalar::Int(_) | Scalar::Number(_), false) => " IN ('integer', 'real') AND ",
            (Scalar::Bool(_), true) => " = 'boolean' AND ",
            (Scalar::Bool(true), false) => " = 'true')",
            (Scalar::Bool(false), false) => " = 'false')",
        });
        if let (Scalar::Bool(_), false) = (scalar, DB::IS_PG) {
            return Ok(());
        }
        self.value(out)?;
        let is_text = matches!(scalar, Scalar::Text(_));
        if is_text && DB::IS_PG {
            out.push_sql(" #>> '{}') COLLATE \"C\"");
        }
        out.push_sql(operator);
        let is_json = DB::IS_PG && !is_text;
        if is_json {
            out.push_sql("to_jsonb(");
        }
        match scalar {
            Scalar::Text(text) => out.push_bind_param::<Text, String>(text)?,
            Scalar::Int(int) => out.push_bind_param::<BigInt, i64>(int)?,
            Scalar::Number(number) => out.push_bind_param::<Double, f64>(number)?,
            Scalar::Bool(yes) => out.push_sql(if *yes { "true" } else { "false" }),
        }
        out.push_sql(if is_json { "))" } else { ")" });
        Ok(())
    }
}

impl<DB> QueryFragment<DB> for JsonTest
where
    DB: Dialect + HasSqlType<Text> + HasSqlType<BigInt> + HasSqlType<Double>,
    String: ToSql<Text, DB>,
    i64: ToSql<BigInt, DB>,
    f64: ToSql<Double, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        match &self.test {
            Test::Among(scalars) | Test::NotAmong(scalars) => {
                out.push_sql("(");
                for (i, scalar) in scalars.iter().enumerate() {
                    out.push_sql(if i == 0 { "" } else { " OR " });
                    self.compare(" = ", scalar, &mut out)?;
                }
                out.push_sql(match &self.test {
                    Test::NotAmong(_) => ") IS NOT TRUE",
                    _ => ")",
                });
                Ok(())
            }
            Test::Compare(operator, scalar) => self.compare(operator, scalar, &mut out),
            Test::Like(pattern) => {
                out.push_sql("(");
                self.kind(&mut out)?;
                out.push_sql(match DB::IS_PG {
                    true => " = 'string' AND (",
                    false => " = 'text' AND ",
                });
                self.value(&mut out)?;
                out.push_sql(match DB::IS_PG {
                    true => " #>> '{}') COLLATE \"C\" ILIKE ",
                    false => " LIKE ",
                });
                out.push_bind_param::<Text, String>(pattern)?;
                out.push_sql(" ESCAPE '\\')");
                Ok(())
            }
            Test::IsNull(yes) => {
                out.push_sql("coalesce(");
                self.kind(&mut out)?;
                out.push_sql(match yes {
                    true => ", 'null') = 'null'",
                    false => ", 'null') <> 'null'",
                });
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_made_of_names() {
        for path in ["a", "a.b_c.d-e", "_x1", "a.b.c.d.e.f.g.h"] {
            assert!(is_path(path), "{path}");
        }
        for path in [
            "",
            "a.",
            ".a",
            "0",
            "a.0",
            "a b",
            "a\"b",
            "$",
            "ä",
            "a.b.c.d.e.f.g.h.i",
        ] {
            assert!(!is_path(path), "{path}");
        }
        assert!(is_path(&"k".repeat(64)) && !is_path(&"k".repeat(65)));
    }

    #[test]
    fn a_value_is_what_json_may_call_it() {
        let said = |text| format!("{:?}", scalars(text));
        assert_eq!(said("5"), r#"[Int(5), Text("5")]"#);
        assert_eq!(said("1e2"), r#"[Number(100.0), Text("1e2")]"#);
        assert_eq!(said("true"), r#"[Bool(true), Text("true")]"#);
        assert_eq!(said("007"), r#"[Text("007")]"#);
        assert_eq!(said("null"), r#"[Text("null")]"#);
    }
}
