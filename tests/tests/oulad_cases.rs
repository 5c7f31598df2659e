//! Lists of the Open University's rows, asked for at random, on both databases, and compared with the same rows in memory:
//! which rows, in which order, on which page, and what belongs to them.
//!
//! `OULAD_CASES` makes the run longer; `TEST_SEED` repeats one.

use std::{cmp::Ordering, collections::BTreeMap};

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

/// What `include=` adds to a row, by the value of a field of it.
struct Relation {
    name: &'static str,
    key: &'static str,
    held: BTreeMap<String, Value>,
}

impl Relation {
    /// The field that it is answered in: that of the first relation on the way.
    fn field(&self) -> &'static str {
        self.name.split('.').next().expect("a name")
    }

    fn of(&self, row: &Value) -> Value {
        let held = row[self.key].as_str().and_then(|key| self.held.get(key));
        held.cloned().unwrap_or(Value::Null)
    }
}

/// The first hundred rows of each course, in their entity's own order.
fn by_course(name: &'static str, courses: &[Value], rows: &[Value], order: &str) -> Relation {
    let held = courses.iter().map(|course| {
        let its = rows.iter().filter(|row| row["course_id"] == course["id"]);
        let its = sorted(its.collect(), &[order.to_owned()]);
        (id_of(course), its.into_iter().take(100).cloned().collect())
    });
    let (held, key) = (held.collect(), "id");
    Relation { name, key, held }
}

fn id_of(row: &Value) -> String {
    row["id"].as_str().expect("an id").to_owned()
}

/// An endpoint, and by what its rows are filtered, sorted and added to.
struct Endpoint {
    name: &'static str,
    rows: Vec<Value>,
    filters: &'static [&'static str],
    sorts: &'static [&'static str],
    relations: Vec<Relation>,
}

impl Endpoint {
    /// One list of it. How many rows are in it, and how many relations are with them.
    async fn check(&self, by: &Client, random: &mut Random) -> (usize, usize) {
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
        let mut includes: Vec<&Relation> = Vec::new();
        for relation in &self.relations {
            let is_new = |other: &&Relation| other.field() != relation.field();
            if random.below(3) == 0 && includes.iter().all(is_new) {
                includes.push(relation);
            }
        }
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("sort", &sort.join(","));
        query.append_pair("page_size", &size.to_string());
        for filter in &filters {
            query.append_pair(&filter.name(), &filter.text());
        }
        if !includes.is_empty() {
            let names: Vec<_> = includes.iter().map(|relation| relation.name).collect();
            query.append_pair("include", &names.join(","));
        }
        let query = query.finish();
        // The same filter twice is a parameter twice.
        let twice = |n: usize| {
            filters[..n]
                .iter()
                .any(|one| one.name() == filters[n].name())
        };
        if (0..filters.len()).any(twice) {
            return (0, 0);
        }
        let kept = (self.rows.iter()).filter(|row| filters.iter().all(|filter| filter.keeps(row)));
        let expected = sorted(kept.collect(), &sort);
        // A page as it is answered.
        let shown = |from: usize| -> Vec<Value> {
            let page = expected.iter().skip(from).take(size);
            let whole = page.map(|row| {
                let mut row = (*row).clone();
                for relation in &includes {
                    row[relation.field()] = relation.of(&row);
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
        (expected.len(), includes.len())
    }
}

on_both! {
    // Kills: a filter, an order or a page that differs between the databases or from what is written of it
    async fn lists_of_real_rows_are_those_of_rows_in_memory(app: TestApp) {
        demo::load(&app.lms).await.expect("the catalogue can be loaded");
        let by = app.admin();
        let (mut courses, mut taught) = (BTreeMap::new(), BTreeMap::new());
        let mut instructors = BTreeMap::new();
        let listed = rows(&by, "courses").await;
        for course in &listed {
            // A row that is included is as it is alone.
            let alone = by.get(&format!("/courses/{}", id_of(course))).await.is(200).json;
            let mut with = alone.clone();
            with["instructor"] = Value::Null;
            if let Some(id) = course["instructor_id"].as_str() {
                with["instructor"] = by.get(&format!("/users/{id}")).await.is(200).json;
                instructors.insert(id.to_owned(), with["instructor"].clone());
            }
            courses.insert(id_of(course), alone);
            taught.insert(id_of(course), with);
        }
        let above = || {
            let relation = |name, held: &BTreeMap<_, _>| Relation { name, key: "course_id", held: held.clone() };
            vec![relation("course", &courses), relation("course.instructor", &taught)]
        };
        let lessons = Endpoint {
            name: "lessons",
            rows: rows(&by, "lessons").await,
            filters: &["course_id", "title", "content_type", "duration_minutes", "order"],
            sorts: &["title", "content_type", "duration_minutes", "order"],
            relations: above(),
        };
        let assessments = Endpoint {
            name: "assessments",
            rows: rows(&by, "assessments").await,
            filters: &["course_id", "title", "assessment_type", "due_day", "weight"],
            sorts: &["title", "due_day", "weight"],
            relations: above(),
        };
        let below = vec![
            by_course("lessons", &listed, &lessons.rows, "order"),
            by_course("assessments", &listed, &assessments.rows, "-created_at"),
            Relation { name: "instructor", key: "instructor_id", held: instructors },
        ];
        let courses = Endpoint {
            name: "courses",
            rows: listed,
            filters: &["title", "slug", "category", "difficulty_level", "estimated_duration_minutes", "instructor_id"],
            sorts: &["title", "category"],
            relations: below,
        };
        assert_eq!((courses.rows.len(), lessons.rows.len(), assessments.rows.len()), (22, 6_364, 206));
        let (mut random, cases) = (Random::new(), setting("OULAD_CASES", 100_usize));
        let (mut empty, mut included) = (0, 0);
        for _ in 0..cases {
            let endpoint = *random.pick(&[&lessons, &assessments, &assessments, &courses]);
            // A token lasts for minutes, a long run for more; without one the caller would be anybody.
            let (found, includes) = endpoint.check(&app.admin(), &mut random).await;
            empty += usize::from(found == 0);
            included += includes;
        }
        eprintln!("{:?}: {cases} cases, {empty} without a row, {included} relations with their rows", app.kind);
        assert!(empty < cases / 2 && included > 0, "{empty} without a row");
    }
}
