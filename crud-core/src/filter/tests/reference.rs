//! What filters mean, said once more over rows in memory and as plainly as possible. It shares no code with the filters.

use std::cmp::Ordering;

use serde_json::Value;

use super::rows::{BookRow, Rows, ShelfRow};
use crate::{Timestamp, Uuid};

/// A value of a row.
#[derive(Debug, Clone)]
pub(super) enum Cell {
    Null,
    Text(String),
    Bool(bool),
    Int(i64),
    Float(f64),
    Id(Uuid),
    Time(Timestamp),
    Json(Value),
}

/// `[relation.]field[path][op]=values`
#[derive(Debug, Clone)]
pub(super) struct Term {
    pub relation: Option<&'static str>,
    pub field: &'static str,
    pub path: Option<&'static str>,
    /// Nothing: the bare form.
    pub op: Option<&'static str>,
    pub values: Vec<String>,
}

/// A whole request.
#[derive(Debug, Clone)]
pub(super) struct Case {
    pub is_admin: bool,
    pub all: Vec<Term>,
    pub any: Vec<Vec<Term>>,
    pub sort: &'static str,
    pub archived: &'static str,
}

#[derive(Clone, Copy)]
pub(super) enum Row<'r> {
    Book(&'r BookRow),
    Shelf(&'r ShelfRow),
}

fn text(value: Option<&str>) -> Cell {
    value.map_or(Cell::Null, |text| Cell::Text(text.to_owned()))
}

impl Row<'_> {
    fn cell(&self, field: &str) -> Cell {
        match self {
            Self::Shelf(row) => match field {
                "name" | "called" => text(Some(row.name)),
                "level" => Cell::Int(row.level.into()),
                "secret" => text(row.secret),
                other => panic!("{other}"),
            },
            Self::Book(row) => match field {
                "title" | "called" => text(Some(row.title)),
                "note" => text(row.note),
                "kind" => text(row.kind.map(|kind| kind.as_str())),
                "pages" => Cell::Int(row.pages.into()),
                "big" => row.big.map_or(Cell::Null, Cell::Int),
                "price" => row.price.map_or(Cell::Null, Cell::Float),
                "printed" => row.printed.map_or(Cell::Null, |at| {
                    Cell::Time(Timestamp::from_micros(at).expect("it is in range"))
                }),
                "is_lent" => Cell::Bool(row.is_lent),
                "is_new" => row.is_new.map_or(Cell::Null, Cell::Bool),
                "shelf_id" => row.shelf.map_or(Cell::Null, Cell::Id),
                "properties" => row
                    .properties
                    .as_deref()
                    .map_or(Cell::Null, |json| Cell::Json(json.clone())),
                "secret" => text(row.secret),
                other => panic!("{other}"),
            },
        }
    }

    fn id(&self) -> Uuid {
        match self {
            Self::Book(row) => row.id,
            Self::Shelf(row) => row.id,
        }
    }

    /// Whether a list has it for the caller, if it has no filter.
    fn is_listed(&self, is_admin: bool) -> bool {
        match self {
            Self::Book(row) => !row.is_archived && (is_admin || !row.is_lent),
            Self::Shelf(row) => !row.is_archived && (is_admin || row.is_public),
        }
    }

    fn related<'a>(&self, relation: &str, rows: &'a Rows) -> Vec<Row<'a>> {
        let Self::Book(own) = self else {
            panic!("{relation}")
        };
        match relation {
            "shelf" => rows
                .shelves
                .iter()
                .filter(|s| Some(s.id) == own.shelf)
                .map(Row::Shelf)
                .collect(),
            "parent" => rows
                .books
                .iter()
                .filter(|b| Some(b.id) == own.parent)
                .map(Row::Book)
                .collect(),
            "parts" => rows
                .books
                .iter()
                .filter(|b| b.parent == Some(own.id))
                .map(Row::Book)
                .collect(),
            other => panic!("{other}"),
        }
    }
}

impl Case {
    /// The ids in order.
    pub(super) fn expected(&self, rows: &Rows) -> Vec<Uuid> {
        let shown = |row: &&BookRow| {
            let is_asked_for = match self.archived {
                "false" => !row.is_archived,
                "true" => row.is_archived,
                _ => true,
            };
            let row_ = Row::Book(row);
            let any = self.any.is_empty() || self.any.iter().any(|all| self.hold(row_, all, rows));
            is_asked_for
                && (self.is_admin || !row.is_lent)
                && self.hold(row_, &self.all, rows)
                && any
        };
        let mut found: Vec<_> = rows.books.iter().filter(shown).map(Row::Book).collect();
        let (field, is_turned) = match self.sort.strip_prefix('-') {
            Some(field) => (field, true),
            None => (self.sort, false),
        };
        found.sort_by(|a, b| {
            let order = match (a.cell(field), b.cell(field)) {
                (Cell::Null, Cell::Null) => Ordering::Equal,
                (Cell::Null, _) => Ordering::Greater,
                (_, Cell::Null) => Ordering::Less,
                (a, b) => compare(&a, &b).expect("one column has one type"),
            };
            let order = order.then_with(|| a.id().cmp(&b.id()));
            if is_turned { order.reverse() } else { order }
        });
        found.iter().map(Row::id).collect()
    }

    /// Whether a row has all terms. Those through one relation are of one and the same related row.
    fn hold(&self, row: Row<'_>, terms: &[Term], rows: &Rows) -> bool {
        let own = terms.iter().filter(|term| term.relation.is_none());
        let own = own.into_iter().all(|term| term.holds(row));
        own && ["shelf", "parent", "parts"].iter().all(|relation| {
            let mut through = terms
                .iter()
                .filter(|term| term.relation == Some(relation))
                .peekable();
            if through.peek().is_none() {
                return true;
            }
            let through: Vec<_> = through.collect();
            let related = row.related(relation, rows);
            related.iter().any(|other| {
                other.is_listed(self.is_admin) && through.iter().all(|term| term.holds(*other))
            })
        })
    }
}

impl Term {
    fn holds(&self, row: Row<'_>) -> bool {
        let cell = row.cell(self.field);
        if let Some(path) = self.path {
            let value = match &cell {
                Cell::Json(json) => path
                    .split('.')
                    .try_fold(json, |json, key| json.as_object()?.get(key)),
                _ => None,
            };
            return self.holds_in_json(value.filter(|value| !value.is_null()));
        }
        let value = || self.values[0].as_str();
        let equals = |value: &str| compare_text(&cell, value) == Some(Ordering::Equal);
        match self.op.unwrap_or("eq") {
            "eq" => equals(value()),
            "ne" => !equals(value()),
            "in" => self.values.iter().any(|value| equals(value)),
            "not_in" => !self.values.iter().any(|value| equals(value)),
            "gt" => compare_text(&cell, value()).is_some_and(Ordering::is_gt),
            "gte" => compare_text(&cell, value()).is_some_and(Ordering::is_ge),
            "lt" => compare_text(&cell, value()).is_some_and(Ordering::is_lt),
            "lte" => compare_text(&cell, value()).is_some_and(Ordering::is_le),
            "is_null" => matches!(cell, Cell::Null) == (value() == "true"),
            op => matches!(&cell, Cell::Text(text) if has_part(text, op, value())),
        }
    }

    fn holds_in_json(&self, json: Option<&Value>) -> bool {
        let value = || self.values[0].as_str();
        let equals = |value: &String| json.is_some_and(|json| json_equals(json, value));
        match self.op.unwrap_or("eq") {
            "eq" | "in" => self.values.iter().any(equals),
            "ne" | "not_in" => !self.values.iter().any(equals),
            "is_null" => json.is_none() == (value() == "true"),
            op @ ("gt" | "gte" | "lt" | "lte") => {
                let order = match (json, serde_json::from_str::<Value>(value())) {
                    (Some(Value::Number(one)), Ok(Value::Number(other))) => {
                        Some(numbers(one, &other))
                    }
                    (_, Ok(Value::Number(_))) => None,
                    (Some(Value::String(text)), _) => Some(text.as_bytes().cmp(value().as_bytes())),
                    _ => None,
                };
                order.is_some_and(|order| match op {
                    "gt" => order.is_gt(),
                    "gte" => order.is_ge(),
                    "lt" => order.is_lt(),
                    _ => order.is_le(),
                })
            }
            op => matches!(json, Some(Value::String(text)) if has_part(text, op, value())),
        }
    }
}

fn json_equals(json: &Value, value: &str) -> bool {
    match (json, serde_json::from_str::<Value>(value)) {
        (Value::String(text), _) => text == value,
        (Value::Bool(one), Ok(Value::Bool(other))) => *one == other,
        (Value::Number(one), Ok(Value::Number(other))) => numbers(one, &other).is_eq(),
        _ => false,
    }
}

fn numbers(one: &serde_json::Number, other: &serde_json::Number) -> Ordering {
    match (one.as_i64(), other.as_i64()) {
        (Some(one), Some(other)) => one.cmp(&other),
        // No number of the tests is near enough to another for this to matter.
        _ => one
            .as_f64()
            .partial_cmp(&other.as_f64())
            .expect("JSON has no NaN"),
    }
}

/// A value of a row and one of a request.
fn compare_text(cell: &Cell, value: &str) -> Option<Ordering> {
    let other = match cell {
        Cell::Null => return None,
        Cell::Text(_) => Cell::Text(value.to_owned()),
        Cell::Bool(_) => Cell::Bool(value == "true"),
        Cell::Int(_) => Cell::Int(value.parse().expect("a number")),
        Cell::Float(_) => Cell::Float(value.parse().expect("a number")),
        Cell::Id(_) => Cell::Id(value.parse().expect("an id")),
        Cell::Time(_) => Cell::Time(value.parse().expect("a time")),
        Cell::Json(_) => panic!("a document is not compared"),
    };
    compare(cell, &other)
}

fn compare(one: &Cell, other: &Cell) -> Option<Ordering> {
    match (one, other) {
        (Cell::Text(one), Cell::Text(other)) => Some(one.as_bytes().cmp(other.as_bytes())),
        (Cell::Bool(one), Cell::Bool(other)) => Some(one.cmp(other)),
        (Cell::Int(one), Cell::Int(other)) => Some(one.cmp(other)),
        (Cell::Float(one), Cell::Float(other)) => one.partial_cmp(other),
        (Cell::Id(one), Cell::Id(other)) => Some(one.cmp(other)),
        (Cell::Time(one), Cell::Time(other)) => Some(one.micros().cmp(&other.micros())),
        _ => panic!("{one:?} and {other:?}"),
    }
}

fn has_part(text: &str, op: &str, part: &str) -> bool {
    let (text, part) = (text.to_ascii_lowercase(), part.to_ascii_lowercase());
    match op {
        "contains" => text.contains(&part),
        "starts_with" => text.starts_with(&part),
        other => panic!("{other}"),
    }
}
