//! A file as bodies of `POST`, row by row: lines of JSON, or the records of a CSV file (RFC 4180), as an export writes
//! them. What the server sets by itself stands in an export, and is passed over here: such a row is a new one.

use bytes::{Buf, Bytes, buf::Reader};
use serde_json::value::RawValue;

use super::items::{Fields, object};
use crate::{
    Error, Result,
    error::FieldError,
    operations::{Format, told},
    registry::Resource,
};

/// What spreadsheets put before the first line.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();
/// The faults that are told of, if there are more.
pub(super) const MOST_REFUSED: usize = 100;

/// The rows of a file that is there as a whole; each with the number of its line, from 1.
pub(super) struct Lines<'r> {
    r: &'r Resource,
    source: Source,
}

enum Source {
    Ndjson {
        rest: Bytes,
        /// That of what is left.
        line: u64,
    },
    Csv {
        records: csv::StringRecordsIntoIter<Reader<Bytes>>,
        columns: Vec<Column>,
        file: Bytes,
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
    pub(super) fn new(r: &'r Resource, format: Format, mut file: Bytes) -> Result<Self> {
        if file.starts_with(BYTE_ORDER_MARK) {
            file.advance(BYTE_ORDER_MARK.len());
        }
        let source = match format {
            Format::Ndjson => Source::Ndjson {
                rest: file,
                line: 1,
            },
            Format::Csv => {
                let mut reader = csv::Reader::from_reader(file.clone().reader());
                let names = reader.headers().map_err(|error| unreadable(1, &error))?;
                let columns = columns(r, names)?;
                Source::Csv {
                    records: reader.into_records(),
                    columns,
                    file,
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
            Source::Ndjson { rest, line } => {
                let is_text = |byte: &u8| !byte.is_ascii_whitespace();
                let blank = rest.split_to(rest.iter().position(is_text)?);
                *line += ends_of_lines(&blank);
                let end = rest.iter().position(|byte| *byte == b'\n');
                let row = rest.split_to(end.unwrap_or(rest.len()));
                Some((*line, Ok(own_fields(self.r, &row))))
            }
            Source::Csv {
                records,
                columns,
                file,
            } => {
                let from = records.reader().position().clone();
                let record = records.next()?;
                // The reader stands before the end of the last record, and before empty lines.
                let rest = file.get(usize::try_from(from.byte()).ok()?..)?;
                let begin = rest.iter().position(|byte| !b"\r\n".contains(byte));
                let line = from.line() + ends_of_lines(&rest[..begin.unwrap_or_default()]);
                let row = match record {
                    Ok(record) => Ok(row(columns, &record)),
                    Err(error) => Err(unreadable(line, &error)),
                };
                Some((line, row))
            }
        }
    }
}

fn ends_of_lines(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|byte| **byte == b'\n').count() as u64
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
    let mut columns: Vec<Column> = Vec::new();
    for name in names {
        // There are only so many fields: what is behind more faults than this was not meant.
        if faults.len() == MOST_REFUSED {
            break;
        }
        let is_taken = r.create_shape.fields.iter().any(|field| field.name == name);
        if columns.iter().any(|known| known.name == name) {
            let detail = format!("The column `{name}` is there twice");
            faults.push(FieldError::at("/1", "repeated_field", detail));
        } else if !is_taken && !is_passed_over(r, name) {
            let known = r.create_shape.fields.iter().map(|field| field.name);
            let known = known.collect::<Vec<_>>().join(", ");
            let detail = format!("Unknown column `{name}`: accepted are {known}");
            faults.push(FieldError::at("/1", "unknown_field", detail));
        }
        let cells = || match r.create_shape.takes_text(name) {
            true => Cells::Text,
            false => Cells::Json,
        };
        columns.push(Column {
            name: name.to_owned(),
            cells: is_taken.then(cells),
        });
    }
    match faults.is_empty() {
        true => Ok(columns),
        false => Err(Error::Invalid(faults)),
    }
}

/// A record as JSON. An empty cell is nothing, as null is in an export.
fn row(columns: &[Column], record: &csv::StringRecord) -> Vec<u8> {
    let mut values = Vec::with_capacity(columns.len());
    for (column, cell) in columns.iter().zip(record) {
        let Some(cells) = column.cells.filter(|_| !cell.is_empty()) else {
            continue;
        };
        let json = match cells {
            Cells::Json => RawValue::from_string(cell.to_owned()).ok(),
            Cells::Text => None,
        };
        let text = || serde_json::value::to_raw_value(told(cell)).ok();
        values.extend(json.or_else(text).map(|value| (column.name.clone(), value)));
    }
    let fields: Vec<_> = values
        .iter()
        .map(|(name, value)| (name.clone(), &**value))
        .collect();
    object(&fields)
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
    // That of a row gets its place with all other faults of the row.
    let at = if line == 1 { "/1" } else { "" };
    Error::invalid(at, "csv", detail)
}
