//! Numbers over the rows of a list, by groups: one statement, under the list's policy, filters and archive state, kept by
//! the cache as a page is.

use std::io::Write as _;

use bytes::Bytes;
use diesel::{
    deserialize::{self, FromSql},
    pg::Pg,
    row::{Field as _, Row as _},
    sqlite::Sqlite,
};

use super::{Context, cached::Named, key::Kind, statement};
use crate::{
    Error, Result,
    db::{Access, ColumnKind, PgRow, Scaled, Sink, SqliteRow},
    dto::ValueWriter,
    policy::Action,
    query::{AggregateRequest, Function},
    registry::Resource,
    sql_types as st,
};

/// The groups that an answer has at most.
pub(crate) const MOST_GROUPS: usize = 1000;

impl Context<'_> {
    /// The numbers as JSON: `{"items": [{"group": {…}, "count": 3, "avg": {…}}], "more": false}`.
    ///
    /// # Errors
    /// 401 or 403 if the principal may list no row at all.
    pub(crate) async fn aggregate(
        &self,
        r: &Resource,
        request: &AggregateRequest,
    ) -> Result<Bytes> {
        let rule = self.admit(r, Action::List)?;
        let sql = statement::aggregate(r, request, &rule);
        let sink = Groups::new(r, request)?;
        let encode = |groups: Groups| groups.into_json();
        let found = match self.kept(r) {
            Some(kept) => {
                let part = r.pinned(&request.conditions);
                let name = Named::new(Kind::Aggregate, [0; 16]).within(part);
                self.cached_statement(kept, r, name, sql, sink, encode)
                    .await?
            }
            None => Err((sql, sink)),
        };
        match found {
            Ok(body) => Ok(body),
            Err((sql, sink)) => {
                let groups = self.load(r, Access::Read, sql, sink).await?;
                Ok(groups.into_json().into())
            }
        }
    }
}

/// What a column of the statement is, and how its value becomes JSON.
struct Value {
    /// What stands before it: `{"group":{"course_id":`, `,"avg":{"score":`, …
    before: String,
    how: How,
}

enum How {
    /// As the row's own field.
    Field(ValueWriter),
    Whole,
    /// An exact decimal number with so many digits behind the point, as text.
    Decimal(u8),
    /// Rounded, for the databases add in different ways.
    Fraction,
}

/// Writes groups as JSON.
struct Groups {
    values: Vec<Value>,
    out: Vec<u8>,
    rows: usize,
}

impl Groups {
    fn new(r: &Resource, request: &AggregateRequest) -> Result<Box<Self>> {
        let field = |name: &str| {
            let column = r.get.column(name);
            let column = column.ok_or_else(|| Error::internal(format!("`{name}` is no field")))?;
            Ok::<_, Error>(How::Field(column.write))
        };
        let mut values = Vec::new();
        let mut open = "{\"group\":{".to_owned();
        for name in &request.by {
            let before = format!("{open}\"{name}\":");
            values.push(Value {
                before,
                how: field(name)?,
            });
            ",".clone_into(&mut open);
        }
        if request.by.is_empty() {
            open.push('}');
        } else {
            "}".clone_into(&mut open);
        }
        if request.count {
            let before = format!("{open},\"count\":");
            values.push(Value {
                before,
                how: How::Whole,
            });
            open.clear();
        }
        for (function, word) in Function::ALL {
            let mut inner = format!("{open},\"{word}\":{{");
            let of = request.of.iter().filter(|(of, _)| *of == function);
            for (_, name) in of {
                let before = format!("{inner}\"{name}\":");
                let how = match (function, r.kind(name)) {
                    (Function::Min | Function::Max, _) => field(name)?,
                    (Function::Sum, ColumnKind::Int2 | ColumnKind::Int4 | ColumnKind::Int8) => {
                        How::Whole
                    }
                    (Function::Sum, ColumnKind::Decimal { scale, .. }) => How::Decimal(scale),
                    (Function::Avg | Function::Sum, _) => How::Fraction,
                };
                values.push(Value { before, how });
                ",".clone_into(&mut inner);
                "}".clone_into(&mut open);
            }
        }
        values.push(Value {
            before: format!("{open}}}"),
            how: How::Whole,
        });
        Ok(Box::new(Self {
            values,
            out: b"{\"items\":[".to_vec(),
            rows: 0,
        }))
    }

    fn into_json(mut self) -> Vec<u8> {
        let more = self.rows > MOST_GROUPS;
        self.out
            .extend_from_slice(format!("],\"more\":{more}}}").as_bytes());
        self.out
    }
}

/// To twelve significant digits.
fn rounded(value: f64) -> f64 {
    format!("{value:.11e}").parse().unwrap_or(value)
}

macro_rules! sink {
    ($method:ident, $row:ty, $db:ty) => {
        fn $method(&mut self, row: &$row) -> deserialize::Result<()> {
            self.rows += 1;
            if self.rows > MOST_GROUPS {
                return Ok(());
            }
            if self.rows > 1 {
                self.out.push(b',');
            }
            let (end, values) = self.values.split_last().ok_or("nothing is asked for")?;
            for (i, value) in values.iter().enumerate() {
                self.out.extend_from_slice(value.before.as_bytes());
                let field = row.get(i).ok_or("a value is missing")?;
                match &value.how {
                    _ if field.is_null() => self.out.extend_from_slice(b"null"),
                    How::Field(writer) => (writer.$method)(field.value(), &mut self.out)?,
                    How::Whole => {
                        let number =
                            <i64 as FromSql<st::BigInt, $db>>::from_nullable_sql(field.value())?;
                        self.out
                            .extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
                    }
                    How::Decimal(scale) => {
                        let number =
                            <Scaled as FromSql<st::Decimal<18, 0>, $db>>::from_nullable_sql(
                                field.value(),
                            )?;
                        write!(self.out, "\"{}\"", number.at(*scale)?)?;
                    }
                    How::Fraction => {
                        let number =
                            <f64 as FromSql<st::Double, $db>>::from_nullable_sql(field.value())?;
                        serde_json::to_writer(&mut self.out, &rounded(number))?;
                    }
                }
            }
            self.out.extend_from_slice(end.before.as_bytes());
            Ok(())
        }
    };
}

impl Sink for Groups {
    sink!(pg, PgRow, Pg);
    sink!(sqlite, SqliteRow<'_, '_>, Sqlite);
}
