//! One row of a table while it is turned into a record: fields by column name, checked.
//!
//! `Rows` makes a [`Row`] for each line and hands it to the record type. Every getter's error is a
//! sentence with the column, the value and what is accepted; the file and line are added by `Rows`.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

use csv::StringRecord;

/// A type that one row of one OULAD table becomes.
pub trait Record: Sized {
    /// The table's name, which is the file's name without `.csv`.
    const TABLE: &'static str;
    /// The columns of the table, all of them.
    const COLUMNS: &'static [&'static str];

    /// Turns a row into the record.
    ///
    /// # Errors
    /// A sentence about the first wrong field.
    fn read(row: &Row<'_>) -> Result<Self, String>;
}

/// The fields of one row, without the spaces around them.
pub struct Row<'a> {
    columns: &'static [&'static str],
    places: &'a [usize],
    fields: &'a StringRecord,
    position: i32,
}

impl<'a> Row<'a> {
    pub(super) fn new(
        columns: &'static [&'static str],
        places: &'a [usize],
        fields: &'a StringRecord,
        position: i32,
    ) -> Self {
        Self {
            columns,
            places,
            fields,
            position,
        }
    }

    /// The place of this row among the file's rows, from 1, the header not counted.
    pub fn position(&self) -> i32 {
        self.position
    }

    /// A text of 1 to `most` characters.
    pub fn text(&self, column: &str, most: usize) -> Result<String, String> {
        let accepted = || format!("a text of 1 to {most} characters");
        self.optional_text(column, most)?
            .ok_or_else(|| wrong(column, "", &accepted()))
    }

    /// A text of at most `most` characters; `None` when it is empty.
    pub fn optional_text(&self, column: &str, most: usize) -> Result<Option<String>, String> {
        match self.field(column) {
            "" => Ok(None),
            value if value.chars().count() <= most => Ok(Some(value.to_owned())),
            value => Err(wrong(
                column,
                value,
                &format!("a text of at most {most} characters"),
            )),
        }
    }

    /// A number of the type `N` within `range`.
    pub fn number<N: Number>(&self, column: &str, range: RangeInclusive<N>) -> Result<N, String> {
        let value = self.field(column);
        parse(value, &range).ok_or_else(|| wrong(column, value, &accepted(&range)))
    }

    /// A number of the type `N` within `range`; `None` when the field is empty.
    pub fn optional_number<N: Number>(
        &self,
        column: &str,
        range: RangeInclusive<N>,
    ) -> Result<Option<N>, String> {
        match self.field(column) {
            "" => Ok(None),
            value => match parse(value, &range) {
                Some(number) => Ok(Some(number)),
                None => Err(wrong(
                    column,
                    value,
                    &format!("{} or empty", accepted(&range)),
                )),
            },
        }
    }

    /// One of the named choices.
    pub fn choice<T: Copy>(&self, column: &str, choices: &[(&str, T)]) -> Result<T, String> {
        let value = self.field(column);
        match choices.iter().find(|(name, _)| *name == value) {
            Some((_, choice)) => Ok(*choice),
            None => {
                let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
                Err(wrong(
                    column,
                    value,
                    &format!("one of {}", names.join(", ")),
                ))
            }
        }
    }

    fn field(&self, column: &str) -> &'a str {
        let index = self
            .columns
            .iter()
            .position(|known| *known == column)
            .expect("a record reads only the columns that it declares");
        self.fields
            .get(self.places[index])
            .expect("the reader refuses rows of another length than the header")
    }
}

/// A number type of a field: whole (`i32`) or not (`f64`).
pub trait Number: FromStr + PartialOrd + Display + Copy {
    /// What the type is called in a sentence.
    const NAME: &'static str;
}

impl Number for i32 {
    const NAME: &'static str = "a whole number";
}

impl Number for f64 {
    const NAME: &'static str = "a number";
}

fn parse<N: Number>(value: &str, range: &RangeInclusive<N>) -> Option<N> {
    value.parse().ok().filter(|number| range.contains(number))
}

fn accepted<N: Number>(range: &RangeInclusive<N>) -> String {
    format!("{} from {} to {}", N::NAME, range.start(), range.end())
}

/// The sentence about a wrong value, of which it shows the first 40 characters.
pub(super) fn wrong(column: &str, value: &str, accepted: &str) -> String {
    if value.is_empty() {
        return format!("{column} is empty, but must be {accepted}");
    }
    let shown: String = value.chars().take(40).collect();
    let more = if shown.len() < value.len() { "…" } else { "" };
    format!("{column} is {shown:?}{more}, but must be {accepted}")
}
