//! Lists of the Open University's rows, asked for at random, on both databases, and compared with the same rows in memory:
//! which rows, in which order, on which page, and what belongs to them.
//!
//! `OULAD_CASES` makes the run longer; `TEST_SEED` repeats one.

use std::cmp::Ordering;

use crud_core::testing::{Client, Random, on_both};
use lms_server::demo;
use serde_json::Value;
use tests::TestApp;

use crate::rig::{index, setting};

/// The rows of an endpoint as plain values, by what an export says.
async fn rows(by: &Client, endpoint: &str) -> Vec<Value> {
    let export = by.get(&format!("/{endpoint}?format=ndjson")).await.is(200);
    let lines = std::str::from_utf8(&export.bytes)
        .expect("it is text")
        .lines();
    let rows = lines.map(|line| serde_json::from_str(line).expect("it is JSON"));
    rows.collect()
}

/// One thing that is asked of a row.
struct Filter {
    field: &'static str,
    op: &'static str,
    value: Value,
}

impl Filter {
    /// A condition that some rows keep: its value is that of one of them.
    fn any(random: &mut Random, fields: &[&'static str], rows: &[Value]) -> Self {
        let field = *random.pick(fields);
        let value = random.pick(rows)[field].clone();
        let ops: &[&str] = match &value {
            Value::Null => &["is_null"],
            Value::Number(_) => &["eq", "ne", "gt", "gte", "lt", "lte", "in", "not_in"],
            _ if field.ends_with("_id") => &["eq", "ne", "in", "not_in"],
            _ => &[
                "eq",
                "ne",
                "gt",
                "lte",
                "in",
                "not_in",
                "contains",
                "starts_with",
            ],
        };
        let op = *random.pick(ops);
        let value = match (op, value) {
            ("is_null", _) => Value::Bool(random.below(2) == 0),
            ("contains" | "starts_with", Value::String(text)) => {
                let (from, length) = match op {
                    "contains" => (index(random, text.len()), 1 + index(random, 5)),
                    _ => (0, 1 + index(random, 8)),
                };
                let part: String = text.chars().skip(from).take(length).collect();
                // Texts are trimmed.
                Value::String(part.trim().to_ascii_uppercase())
            }
            ("in" | "not_in", value) => {
                let other = random.pick(rows)[field].clone();
                [value, other]
                    .into_iter()
                    .filter(|value| !value.is_null())
                    .collect()
            }
            (_, value) => value,
        };
        Self { field, op, value }
    }

    fn name(&self) -> String {
        format!("{}[{}]", self.field, self.op)
    }

    fn text(&self) -> String {
        match &self.value {
            Value::String(text) => text.clone(),
            Value::Array(values) => {
                let plain = |value: &Value| match value {
                    Value::String(text) => text.replace('\\', "\\\\").replace(',', "\\,"),
                    other => other.to_string(),
                };
                values.iter().map(plain).collect::<Vec<_>>().join(",")
            }
            other => other.to_string(),
        }
    }

    fn keeps(&self, row: &Value) -> bool {
        let (held, value) = (&row[self.field], &self.value);
        let ordered = || (!held.is_null()).then(|| compared(held, value));
        let folded = |value: &Value| value.as_str().unwrap_or_default().to_ascii_lowercase();
        let is_listed = || value.as_array().is_some_and(|values| values.contains(held));
        match self.op {
            "eq" => held == value,
            "ne" => held != value,
            "gt" => ordered() == Some(Ordering::Greater),
            "gte" => ordered().is_some_and(Ordering::is_ge),
            "lt" => ordered() == Some(Ordering::Less),
            "lte" => ordered().is_some_and(Ordering::is_le),
            "in" => is_listed(),
            "not_in" => !is_listed(),
            "contains" => folded(held).contains(&folded(value)),
            "starts_with" => folded(held).starts_with(&folded(value)),
            _ => held.is_null() == (*value == Value::Bool(true)),
        }
    }
}

/// Numbers by value, texts by bytes, nothing last.
fn compared(one: &Value, other: &Value) -> Ordering {
    match (one, other) {
        (Value::Null, _) | (_, Value::Null) => one.is_null().cmp(&other.is_null()),
        (Value::String(one), Value::String(other)) => one.as_bytes().cmp(other.as_bytes()),
        _ => {
            let (one, other) = (one.as_f64(), other.as_f64());
            one.partial_cmp(&other).expect("they are numbers")
        }
    }
}

/// The order of rows by fields, `-` before one that is turned, and at last by the id as the last field is.
fn sorted<'r>(mut rows: Vec<&'r Value>, sort: &[String]) -> Vec<&'r Value> {
    let last = sort.last().is_some_and(|field| field.starts_with('-'));
    let id = if last { "-id" } else { "id" };
    let keys: Vec<&str> = sort.iter().map(String::as_str).chain([id]).collect();
    rows.sort_by(|one, other| {
        let by = keys.iter().map(|key| match key.strip_prefix('-') {
            Some(field) => compared(&other[field], &one[field]),
            None => compared(&one[*key], &other[*key]),
        });
        by.fold(Ordering::Equal, Ordering::then)
    });
    rows
}

/// An endpoint, and by what its rows are filtered and sorted.
struct Endpoint {
    name: &'static str,
    rows: Vec<Value>,
    filters: &'static [&'static str],
    sorts: &'static [&'static str],
}

impl Endpoint {
    async fn check(&self, by: &Client, courses: &[Value], random: &mut Random) -> (usize, bool) {
        let filters: Vec<_> = (0..random.below(3))
            .map(|_| Filter::any(random, self.filters, &self.rows))
            .collect();
        let mut sort: Vec<String> = Vec::new();
        for _ in 0..=random.below(2) {
            let field = *random.pick(self.sorts);
            if sort
                .iter()
                .all(|other| other.trim_start_matches('-') != field)
            {
                let sign = if random.below(2) == 0 { "-" } else { "" };
                sort.push(format!("{sign}{field}"));
            }
        }
        let size = 1 + index(random, 100);
        let includes = random.below(3) == 0;
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("sort", &sort.join(","));
        query.append_pair("page_size", &size.to_string());
        for filter in &filters {
            query.append_pair(&filter.name(), &filter.text());
        }
        if includes {
            query.append_pair("include", "course");
        }
        let query = query.finish();
        // The same filter twice is a parameter twice.
        let twice = |n: usize| {
            filters[..n]
                .iter()
                .any(|one| one.name() == filters[n].name())
        };
        if (0..filters.len()).any(twice) {
            return (0, false);
        }
        let kept = (self.rows.iter()).filter(|row| filters.iter().all(|filter| filter.keeps(row)));
        let expected = sorted(kept.collect(), &sort);
        // A page as it is answered.
        let shown = |from: usize| -> Vec<Value> {
            let page = expected.iter().skip(from).take(size);
            let whole = page.map(|row| {
                let mut row = (*row).clone();
                if includes {
                    let course = courses
                        .iter()
                        .find(|course| course["id"] == row["course_id"]);
                    row["course"] = course.expect("it has a course").clone();
                }
                row
            });
            whole.collect()
        };
        let pages = expected.len().div_ceil(size).max(1);
        let page = 1 + index(random, pages);
        let at = (page - 1) * size;
        let path = format!("/{}?{query}&page={page}", self.name);
        let answer = by.get(&path).await.is(200);
        assert_eq!(answer["total"], expected.len(), "{path}");
        assert_eq!(answer.items(), shown(at), "{path}");
        // On from there by the cursor: what the next page by its number is.
        if let Some(cursor) = answer["next_cursor"].as_str() {
            let path = format!("/{}?{query}&cursor={cursor}", self.name);
            let answer = by.get(&path).await.is(200);
            assert_eq!(
                answer.items(),
                shown(at + size),
                "{path} behind page {page}"
            );
        } else {
            assert!(at + size >= expected.len(), "{path} has no next page");
        }
        (expected.len(), includes)
    }
}

on_both! {
    // Kills: a filter, an order or a page that differs between the databases or from what is written of it
    async fn lists_of_real_rows_are_those_of_rows_in_memory(app: TestApp) {
        demo::load(&app.lms).await.expect("the catalogue can be loaded");
        let by = app.admin();
        let mut courses = Vec::new();
        for course in rows(&by, "courses").await {
            // What is included is as it is alone.
            let path = format!("/courses/{}", course["id"].as_str().expect("an id"));
            courses.push(by.get(&path).await.is(200).json);
        }
        let lessons = Endpoint {
            name: "lessons",
            rows: rows(&by, "lessons").await,
            filters: &["course_id", "title", "content_type", "duration_minutes", "order"],
            sorts: &["title", "content_type", "duration_minutes", "order"],
        };
        let assessments = Endpoint {
            name: "assessments",
            rows: rows(&by, "assessments").await,
            filters: &["course_id", "title", "assessment_type", "due_day", "weight"],
            sorts: &["title", "due_day", "weight"],
        };
        assert_eq!((courses.len(), lessons.rows.len(), assessments.rows.len()), (22, 6_364, 206));
        let (mut random, cases) = (Random::new(), setting("OULAD_CASES", 100_usize));
        let (mut empty, mut included) = (0, 0);
        for _ in 0..cases {
            let endpoint = if random.below(3) == 0 { &lessons } else { &assessments };
            let (found, includes) = endpoint.check(&by, &courses, &mut random).await;
            empty += usize::from(found == 0);
            included += usize::from(includes);
        }
        eprintln!("{:?}: {cases} cases, {empty} without a row, {included} with their courses", app.kind);
        assert!(empty < cases / 2 && included > 0, "{empty} without a row");
    }
}
