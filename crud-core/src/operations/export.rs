//! All rows of a list, part by part, in the order of their ids: each part is a short read of its own that begins behind the
//! last row of the part before. So whoever reads slowly holds no connection, and no old snapshot, of the database.
//! Policy and mask are asked for each part.

use std::{collections::HashMap, sync::Arc};

use diesel::row::{Field as _, Row as _};
use serde_json::value::RawValue;

use super::{
    Context,
    projection::{JsonRows, Projection},
    statement,
};
use crate::{
    Result,
    db::{Access, ColumnKind, Frag, PgRow, Sink, SqliteRow, Stmt},
    id::{Id, IdKind},
    policy::Action,
    query::ListRequest,
    registry::Resource,
};

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// A JSON object in each line.
    Ndjson,
    /// RFC 4180, with the fields' names in the first line.
    Csv,
}

/// Rows of an export.
pub(crate) struct Part {
    pub(crate) bytes: Vec<u8>,
    pub(crate) rows: usize,
    /// The id of the last one.
    pub(crate) last: Option<Id>,
    /// Whether there are more.
    pub(crate) more: bool,
}

impl Context<'_> {
    /// Reads the next part of a list, as many rows as the request's page has; its order is not asked.
    ///
    /// # Errors
    /// 401 or 403 if the principal may list no row at all.
    pub(crate) async fn export_rows(
        &self,
        r: &Resource,
        request: &mut ListRequest,
        after: Option<&Id>,
        format: Format,
    ) -> Result<Part> {
        let rule = self.admit(r, Action::List)?;
        let projection = r.list.masked(&r.mask(self.principal));
        let select = Stmt::new().frag(projection.select.clone()).sql(", ");
        let select: Frag = Arc::new(statement::id(r, select));
        let own = request.conditions.len();
        request.conditions.extend(after.map(|id| behind(r, id)));
        let sql = statement::list(r, &select, request, None, &rule);
        request.conditions.truncate(own);
        let limit = usize::try_from(request.page.limit).unwrap_or_default();
        let mut sink = Box::new(Lines::new(r, projection, format, limit));
        if after.is_none() {
            sink.head();
        }
        let done = self.load(r, Access::Read, sql, sink).await?;
        Ok(Part {
            bytes: done.out,
            rows: done.rows.min(limit),
            last: done.last,
            more: done.rows > limit,
        })
    }
}

fn behind(r: &Resource, id: &Id) -> Frag {
    let sql = statement::ordered_id(r, Stmt::new()).sql(" > ");
    Arc::new(sql.frag(id.bound()))
}

/// Writes rows as lines; behind their columns stands the id.
struct Lines {
    projection: Arc<Projection>,
    format: Format,
    limit: usize,
    out: Vec<u8>,
    rows: usize,
    ids: IdKind,
    /// Its fields in their order, and whether one is JSON.
    fields: Vec<(&'static str, bool)>,
    last: Option<Id>,
}

impl Lines {
    fn new(r: &Resource, projection: Arc<Projection>, format: Format, limit: usize) -> Self {
        let columns = || r.shape.columns.iter();
        let is_json = |name| columns().any(|c| c.name == name && c.kind == ColumnKind::Jsonb);
        Self {
            fields: projection
                .names()
                .map(|name| (name, is_json(name)))
                .collect(),
            projection,
            format,
            limit,
            out: Vec::with_capacity(64 * 1024),
            rows: 0,
            ids: r.ids,
            last: None,
        }
    }

    /// What stands before all rows.
    fn head(&mut self) {
        if self.format == Format::Csv {
            let names = self.fields.iter().map(|(name, _)| name);
            // The names of columns are the program's own, and a Vec takes whatever is written.
            let _ = record(&mut self.out, names);
        }
    }

    fn line(&mut self, json: Vec<u8>) -> diesel::deserialize::Result<()> {
        match self.format {
            Format::Ndjson => {
                self.out = json;
                self.out.push(b'\n');
                Ok(())
            }
            Format::Csv => {
                let row: HashMap<&str, &RawValue> = serde_json::from_slice(&json)?;
                let cells = self.fields.iter().map(|(name, is_json)| {
                    let value = row.get(name).map_or("null", |value| value.get());
                    cell(value, *is_json)
                });
                record(&mut self.out, cells)
            }
        }
    }
}

fn record<C: AsRef<[u8]>>(
    out: &mut Vec<u8>,
    cells: impl IntoIterator<Item = C>,
) -> diesel::deserialize::Result<()> {
    let mut writer = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(out);
    writer.write_record(cells)?;
    writer.flush()?;
    Ok(())
}

/// A value as a cell: null is empty, a text is itself, unless its field could be any JSON; all else is JSON, as it was.
fn cell(value: &str, is_json: bool) -> String {
    match serde_json::from_str(value) {
        _ if value == "null" => String::new(),
        Ok(text) if !is_json => harmless(text),
        _ => value.to_owned(),
    }
}

/// A spreadsheet takes a text that begins so for a formula, and runs it (OWASP, CSV injection). The apostrophe makes it a
/// text again.
///
/// A text that begins so behind apostrophes of its own gets one more, so that [`told`] has it back.
fn harmless(text: String) -> String {
    match is_formula(&text) {
        true => format!("'{text}"),
        false => text,
    }
}

/// The text of a cell, as it was before it was made harmless.
pub(crate) fn told(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(text) if is_formula(text) => text,
        _ => cell,
    }
}

fn is_formula(text: &str) -> bool {
    const BEGINNINGS: [char; 10] = [
        '=', '+', '-', '@', '\t', '\r', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}',
    ];
    text.trim_start_matches('\'').starts_with(BEGINNINGS)
}

macro_rules! sink {
    ($method:ident, $row:ty) => {
        fn $method(&mut self, row: &$row) -> diesel::deserialize::Result<()> {
            self.rows += 1;
            if self.rows > self.limit {
                return Ok(());
            }
            // A line of JSON is written where it belongs; for CSV it is read again.
            let out = match self.format {
                Format::Ndjson => std::mem::take(&mut self.out),
                Format::Csv => Vec::new(),
            };
            let mut one = JsonRows::many(Arc::clone(&self.projection), 1, out);
            one.$method(row)?;
            let id = row.get(self.projection.len()).ok_or("the id is missing")?;
            self.last = self.ids.$method(id.value())?;
            self.line(one.out)
        }
    };
}

impl Sink for Lines {
    sink!(pg, PgRow);
    sink!(sqlite, SqliteRow<'_, '_>);
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn a_cell_is_no_formula_and_loses_nothing_else() {
        for (value, expected) in [
            (json!("=HYPERLINK(\"x\")"), "'=HYPERLINK(\"x\")"),
            (json!("+1"), "'+1"),
            (json!("-1"), "'-1"),
            (json!("@SUM(1)"), "'@SUM(1)"),
            (json!("\t=1"), "'\t=1"),
            (json!("\u{ff1d}1"), "'\u{ff1d}1"),
            (json!("'=1"), "''=1"),
            (json!("'a"), "'a"),
            (json!("a=1"), "a=1"),
            (json!("12"), "12"),
            (json!(-1), "-1"),
            (json!(-1.5), "-1.5"),
            (json!(null), ""),
            (json!(true), "true"),
            (json!({"a": [1]}), "{\"a\":[1]}"),
        ] {
            let text = cell(&value.to_string(), false);
            assert_eq!(text, expected);
            if let Value::String(before) = value {
                assert_eq!(told(&text), before);
            }
        }
        for json in ["\"12\"", "\"=1\"", "1e400", "0.10", "{\"b\":1,\"a\":2}"] {
            assert_eq!(cell(json, true), json);
        }
        assert_eq!(cell("null", true), "");
    }

    #[test]
    fn a_record_is_one_line_whatever_is_in_it() {
        let mut out = Vec::new();
        record(&mut out, ["a\r\nb", "\"", "c,d", ""]).expect("a Vec takes it");
        assert_eq!(out, b"\"a\r\nb\",\"\"\"\",\"c,d\",\r\n");
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .from_reader(&out[..]);
        let row = reader.records().next().expect("a row").expect("it is read");
        assert_eq!(row.iter().collect::<Vec<_>>(), ["a\r\nb", "\"", "c,d", ""]);
    }
}
