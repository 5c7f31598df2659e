//! A file as bodies of `POST`, row by row: lines of JSON, or the records of a CSV file (RFC 4180), as an export writes
//! them. What the server sets by itself stands in an export, and is passed over here: such a row is a new one.

use bytes::{Buf, Bytes, buf::Reader};
use serde_json::{Map, Value};

use super::items::{Fields, object};
use crate::{
    Error, Result,
    error::FieldError,
    operations::{Format, told},
    registry::Resource,
};

/// The rows of a file that is there as a whole; each with the number of its line, from 1.
pub(super) struct Lines<'r> {
    r: &'r Resource,
    source: Source,
}

enum Source {
    Ndjson {
        rest: Bytes,
        line: u64,
    },
    Csv {
        records: csv::StringRecordsIntoIter<Reader<Bytes>>,
        columns: Vec<Column>,
    },
}

/// A column of a CSV file.
struct Column {
    name: String,
    /// What its cells are; nothing, if they are passed over.
    cells: Option<Cells>,
}

#[derive(Clone, Copy)]
enum Cells {
    Text,
    Json,
}

impl<'r> Lines<'r> {
    /// # Errors
    /// 422 for a CSV file whose first line does not name fields.
    pub(super) fn new(r: &'r Resource, format: Format, body: Bytes) -> Result<Self> {
        let source = match format {
            Format::Ndjson => Source::Ndjson {
                rest: body,
                line: 0,
            },
            Format::Csv => {
                let mut reader = csv::ReaderBuilder::new().from_reader(body.reader());
                let names = reader.headers().map_err(|error| unreadable(1, &error))?;
                let columns = columns(r, names)?;
                Source::Csv {
                    records: reader.into_records(),
                    columns,
                }
            }
        };
        Ok(Self { r, source })
    }
}

impl Iterator for Lines<'_> {
    type Item = (u64, Result<Vec<u8>>);

    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.source {
            Source::Ndjson { rest, line } => loop {
                if rest.is_empty() {
                    return None;
                }
                *line += 1;
                let end = rest.iter().position(|byte| *byte == b'\n');
                let mut row = rest.split_to(end.map_or(rest.len(), |end| end + 1));
                if row.iter().all(u8::is_ascii_whitespace) {
                    continue;
                }
                if row.ends_with(b"\n") {
                    row.truncate(row.len() - 1);
                }
                return Some((*line, Ok(own_fields(self.r, &row))));
            },
            Source::Csv { records, columns } => {
                let line = records.reader().position().line();
                Some(match records.next()? {
                    Ok(record) => (
                        record.position().map_or(line, csv::Position::line),
                        Ok(row(columns, &record)),
                    ),
                    Err(error) => (line, Err(unreadable(line, &error))),
                })
            }
        }
    }
}

/// Whether an export has the field, and a body has not.
fn is_passed_over(r: &Resource, name: &str) -> bool {
    let is_taken = r.create_shape.fields.iter().any(|field| field.name == name);
    !is_taken && r.list.has(name)
}

/// A row without what is passed over; what is no object is left for who reads bodies.
fn own_fields(r: &Resource, row: &[u8]) -> Vec<u8> {
    match serde_json::from_slice::<Fields<'_>>(row) {
        Ok(Fields(mut fields)) => {
            fields.retain(|(name, _)| !is_passed_over(r, name));
            object(&fields)
        }
        Err(_) => row.to_vec(),
    }
}

fn columns(r: &Resource, names: &csv::StringRecord) -> Result<Vec<Column>> {
    let mut faults = Vec::new();
    let mut columns: Vec<Column> = Vec::with_capacity(names.len());
    for (i, name) in names.iter().enumerate() {
        // Spreadsheets put a mark before the first.
        let name = match i {
            0 => name.trim_start_matches('\u{feff}'),
            _ => name,
        };
        let is_taken = r.create_shape.fields.iter().any(|field| field.name == name);
        let cells = match r.create_shape.takes_text(name) {
            true => Cells::Text,
            false => Cells::Json,
        };
        if columns.iter().any(|known| known.name == name) {
            let detail = format!("The column `{name}` is there twice");
            faults.push(FieldError::at("/1", "repeated_field", detail));
        } else if !is_taken && !is_passed_over(r, name) {
            let known = r.create_shape.fields.iter().map(|field| field.name);
            let known = known.collect::<Vec<_>>().join(", ");
            let detail = format!("Unknown column `{name}`: accepted are {known}");
            faults.push(FieldError::at("/1", "unknown_field", detail));
        }
        columns.push(Column {
            name: name.to_owned(),
            cells: is_taken.then_some(cells),
        });
    }
    match faults.is_empty() {
        true => Ok(columns),
        false => Err(Error::Invalid(faults)),
    }
}

/// A record as JSON. An empty cell is nothing, as null is in an export.
fn row(columns: &[Column], record: &csv::StringRecord) -> Vec<u8> {
    let mut row = Map::new();
    for (column, cell) in columns.iter().zip(record) {
        let Some(cells) = column.cells.filter(|_| !cell.is_empty()) else {
            continue;
        };
        let text = || Value::from(told(cell));
        let value = match cells {
            Cells::Text => text(),
            Cells::Json => serde_json::from_str(cell).unwrap_or_else(|_| text()),
        };
        row.insert(column.name.clone(), value);
    }
    Value::from(row).to_string().into_bytes()
}

fn unreadable(line: u64, error: &csv::Error) -> Error {
    let detail = match error.kind() {
        csv::ErrorKind::UnequalLengths {
            expected_len, len, ..
        } => {
            format!("The record has {len} cells, and the first line {expected_len}")
        }
        csv::ErrorKind::Utf8 { .. } => "The record is not UTF-8".to_owned(),
        _ => "The record cannot be read".to_owned(),
    };
    let at = if line == 1 { "/1" } else { "" };
    Error::invalid(at, "csv", detail)
}
