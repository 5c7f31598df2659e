//! The streaming reader of one table: CSV bytes in, typed records or sentences about a wrong row out.
//!
//! `Source` makes it and the import iterates over it. It takes quoted and bare fields, LF and CRLF, a
//! byte order mark and any order of the columns; it never skips a row or a column silently.

use std::error::Error;
use std::fmt;
use std::io::Read;
use std::marker::PhantomData;

use csv::{ErrorKind, ReaderBuilder, StringRecord, Terminator, Trim};

use super::row::{Record, Row};

/// What is wrong in a file, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowError {
    /// The file, as the user knows it.
    pub file: String,
    /// The line in the uncompressed file, from 1; `None` when the file as a whole is the trouble.
    pub line: Option<u64>,
    /// A sentence that names the column, the value and what is accepted.
    pub message: String,
}

impl fmt::Display for RowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}, line {line}: {}", self.file, self.message),
            None => write!(f, "{}: {}", self.file, self.message),
        }
    }
}

impl Error for RowError {}

/// The records of one file, in its order.
///
/// A wrong row is an `Err` and the next call goes on after it; an unreadable file ends the iteration.
pub struct Rows<R> {
    file: String,
    reader: csv::Reader<Box<dyn Read + Send>>,
    /// Where each of `R::COLUMNS` stands in this file.
    places: Vec<usize>,
    fields: StringRecord,
    position: i32,
    done: bool,
    kind: PhantomData<fn() -> R>,
}

impl<R: Record> Rows<R> {
    /// Reads the header of `input`, uncompressed CSV that the user knows as `file`.
    ///
    /// # Errors
    /// When the header cannot be read, or has not exactly the columns of `R`.
    pub fn new(file: String, input: Box<dyn Read + Send>) -> Result<Self, RowError> {
        // A record ends at its LF, the last one too, so that `line` is exact; the CR before it is a space to `trim`.
        let input: Box<dyn Read + Send> = Box::new(input.chain(&b"\n"[..]));
        let mut reader = ReaderBuilder::new()
            .flexible(true)
            .terminator(Terminator::Any(b'\n'))
            .trim(Trim::All)
            .from_reader(input);
        let header = match reader.headers() {
            Ok(header) => header,
            Err(error) => {
                let (line, message) = unreadable(&error, 1);
                return Err(RowError {
                    file,
                    line,
                    message,
                });
            }
        };
        let places = match places::<R>(header) {
            Ok(places) => places,
            Err(message) => {
                return Err(RowError {
                    file,
                    line: Some(1),
                    message,
                });
            }
        };
        Ok(Self {
            file,
            reader,
            places,
            fields: StringRecord::new(),
            position: 0,
            done: false,
            kind: PhantomData,
        })
    }
}

impl<R: Record> Iterator for Rows<R> {
    type Item = Result<R, RowError>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.done {
            match self.reader.read_record(&mut self.fields) {
                Ok(true) if self.fields.len() == 1 && self.fields[0].is_empty() => {}
                Ok(true) => {
                    self.position += 1;
                    return Some(
                        self.record()
                            .map_err(|message| self.fault(Some(self.line()), message)),
                    );
                }
                Ok(false) => self.done = true,
                Err(error) => {
                    self.position += 1;
                    self.done = error.is_io_error();
                    let (line, message) = unreadable(&error, self.line());
                    return Some(Err(self.fault(line, message)));
                }
            }
        }
        None
    }
}

impl<R: Record> Rows<R> {
    /// The file, as the user knows it.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The line of the row that was read last, from 1.
    pub fn line(&self) -> u64 {
        self.reader.position().line() - 1
    }

    /// What is wrong with the row that was read last, as only who knows other rows can tell.
    pub fn wrong(&self, message: String) -> RowError {
        self.fault(Some(self.line()), message)
    }

    /// Turns the row that was read last into a record.
    fn record(&self) -> Result<R, String> {
        let (found, expected) = (self.fields.len(), self.places.len());
        if found != expected {
            return Err(format!(
                "the row has {found} fields, but must have {expected}, as the header has"
            ));
        }
        R::read(&Row::new(
            R::COLUMNS,
            &self.places,
            &self.fields,
            self.position,
        ))
    }

    fn fault(&self, line: Option<u64>, message: String) -> RowError {
        RowError {
            file: self.file.clone(),
            line,
            message,
        }
    }
}

/// Finds each column of `R` in the header, or says how the header differs.
fn places<R: Record>(header: &StringRecord) -> Result<Vec<usize>, String> {
    let wrong = || {
        let found: Vec<&str> = header.iter().collect();
        format!(
            "the header is {:?}, but must hold exactly the columns {}",
            found.join(","),
            R::COLUMNS.join(",")
        )
    };
    if header.len() != R::COLUMNS.len() {
        return Err(wrong());
    }
    R::COLUMNS
        .iter()
        .map(|column| {
            header
                .iter()
                .position(|found| found == *column)
                .ok_or_else(wrong)
        })
        .collect()
}

/// Puts the CSV reader's error into a sentence, with `line` where it is about that line.
fn unreadable(error: &csv::Error, line: u64) -> (Option<u64>, String) {
    match error.kind() {
        ErrorKind::Io(cause) => (
            None,
            format!("cannot be read to its end ({cause}); is the file complete?"),
        ),
        ErrorKind::Utf8 { .. } => (Some(line), "the row is not text in UTF-8".to_owned()),
        _ => (Some(line), error.to_string()),
    }
}
