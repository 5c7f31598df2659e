//! Filters on both databases: random ones against rows in memory, and those that an attacker would send.

mod attacks;
mod library;
mod reference;
mod rows;

use self::{
    library::{Kind, registry},
    reference::{Case, Term},
    rows::{BIGS, Library, PRICES, Rows, TEXTS, TIMES},
};
use crate::{
    Context, Principal, Timestamp, Uuid,
    db::{Db, DbKind},
    registry::Registry,
    testing::Random,
};

fn person(is_admin: bool) -> Principal {
    match is_admin {
        true => Principal::user(Uuid::default(), "admin"),
        false => Principal::anonymous(),
    }
}

/// The ids of a list of books, and how many there are in all.
async fn listed(
    registry: &Registry,
    db: &Db,
    is_admin: bool,
    query: &str,
) -> crate::Result<(Vec<Uuid>, i64)> {
    let by = person(is_admin);
    let cx = Context::new(registry, db, &by);
    let listing = cx.list::<library::Book>(query, |search| search).await?;
    let json: serde_json::Value = serde_json::from_slice(&listing.json).expect("it is JSON");
    let items = json["items"].as_array().expect("it has items");
    let ids = items.iter().map(|item| {
        let id = item["id"].as_str().expect("it has an id");
        id.parse().expect("the id is one")
    });
    Ok((ids.collect(), listing.total.expect("it is counted")))
}

const NUMBERS: [&str; 8] = ["eq", "ne", "gt", "gte", "lt", "lte", "in", "not_in"];
const PARTS: [&str; 2] = ["contains", "starts_with"];
const PATHS: [&str; 8] = ["a", "a.b", "a.c-d.e", "s", "t", "_u", "s.x", "missing"];

fn value(random: &mut Random, field: &str, rows: &Rows) -> String {
    match field {
        "kind" => random.pick(Kind::ALL).to_string(),
        "pages" | "level" => random
            .pick(&["-2147483648", "-1", "0", "2", "3", "2147483647"])
            .to_string(),
        "big" => random.pick(&BIGS).to_string(),
        "price" => random.pick(&PRICES).to_string(),
        "printed" => Timestamp::from_micros(*random.pick(&TIMES))
            .expect("in range")
            .to_string(),
        "is_lent" | "is_new" => random.pick(&["true", "false"]).to_string(),
        "shelf_id" => random.pick(&rows.shelves).id.to_string(),
        "properties" => match random.below(3) {
            0 => random
                .pick(&[
                    "5",
                    "1.5",
                    "5.0",
                    "-0.25",
                    "1e20",
                    "true",
                    "null",
                    "007",
                    "9007199254740993",
                ])
                .to_string(),
            _ => random.pick(&TEXTS).to_string(),
        },
        _ => random.pick(&TEXTS).to_string(),
    }
}

fn term(random: &mut Random, is_admin: bool, rows: &Rows) -> Term {
    let relation = match random.below(4) {
        0 => Some(*random.pick(&["shelf", "parent", "parts"])),
        _ => None,
    };
    let mut fields = match relation {
        Some("shelf") => vec!["called", "name", "level"],
        _ => vec![
            "called",
            "title",
            "note",
            "kind",
            "pages",
            "big",
            "price",
            "printed",
            "is_lent",
            "is_new",
            "shelf_id",
            "properties",
        ],
    };
    if is_admin {
        fields.push("secret");
    }
    let field = *random.pick(&fields);
    let mut ops = match field {
        "called" => vec![],
        "is_lent" | "is_new" => vec!["eq", "ne"],
        "kind" | "shelf_id" => vec!["eq", "ne", "in", "not_in"],
        _ => NUMBERS.to_vec(),
    };
    if matches!(field, "title" | "note" | "name" | "secret" | "properties") {
        ops.extend(PARTS);
    }
    let is_nullable = !matches!(
        field,
        "called" | "title" | "pages" | "is_lent" | "name" | "level"
    );
    if is_nullable {
        ops.push("is_null");
    }
    let op = match ops.is_empty() || random.below(6) == 0 {
        true => None,
        false => Some(*random.pick(&ops)),
    };
    let count = match op {
        Some("in" | "not_in") => 1 + random.below(4),
        _ => 1,
    };
    let value = |random: &mut Random| match op {
        Some("is_null") => random.pick(&["true", "false"]).to_string(),
        _ => value(random, field, rows),
    };
    Term {
        relation,
        field,
        path: (field == "properties").then(|| *random.pick(&PATHS)),
        op,
        values: (0..count).map(|_| value(random)).collect(),
    }
}

impl Term {
    /// Its name in a request.
    fn name(&self) -> String {
        let mut name = self
            .relation
            .map_or_else(String::new, |relation| format!("{relation}."));
        name.push_str(self.field);
        for bracket in [self.path, self.op].into_iter().flatten() {
            name.push_str(&format!("[{bracket}]"));
        }
        name
    }

    /// Its value in a request; within `or` every value has escapes.
    fn value(&self, in_or: bool) -> String {
        let escaped = |text: &String, letters: &[char]| {
            let mut out = String::new();
            for letter in text.chars() {
                if letters.contains(&letter) {
                    out.push('\\');
                }
                out.push(letter);
            }
            out
        };
        match self.op {
            Some("in" | "not_in") => {
                let letters: &[char] = if in_or {
                    &[',', '\\', '|', ';']
                } else {
                    &[',', '\\']
                };
                let all: Vec<_> = self
                    .values
                    .iter()
                    .map(|value| escaped(value, letters))
                    .collect();
                all.join(",")
            }
            _ if in_or => escaped(&self.values[0], &['\\', '|', ';']),
            _ => self.values[0].clone(),
        }
    }
}

/// Terms of different names.
fn terms(random: &mut Random, count: u64, is_admin: bool, rows: &Rows) -> Vec<Term> {
    let mut terms: Vec<Term> = Vec::new();
    for _ in 0..count {
        let new = term(random, is_admin, rows);
        let name = |term: &Term| {
            (
                term.relation,
                term.field,
                term.path,
                term.op.unwrap_or("eq"),
            )
        };
        if !terms.iter().any(|known| name(known) == name(&new)) {
            terms.push(new);
        }
    }
    terms
}

fn case(random: &mut Random, rows: &Rows) -> Case {
    let is_admin = random.below(2) == 0;
    let count = random.below(4);
    let all = terms(random, count, is_admin, rows);
    let any = match random.below(3) {
        0 => (0..1 + random.below(3))
            .map(|_| {
                let count = 1 + random.below(2);
                terms(random, count, is_admin, rows)
            })
            .collect(),
        _ => Vec::new(),
    };
    Case {
        is_admin,
        all,
        any,
        sort: random.pick::<&str>(&[
            "title", "-title", "note", "-note", "pages", "-pages", "price", "-price",
        ]),
        archived: random.pick::<&str>(&["false", "false", "true", "any"]),
    }
}

impl Case {
    fn query(&self) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("page_size", "100");
        query.append_pair("sort", self.sort);
        query.append_pair("archived", self.archived);
        for term in &self.all {
            query.append_pair(&term.name(), &term.value(false));
        }
        if !self.any.is_empty() {
            let all = |all: &Vec<Term>| {
                let terms = all
                    .iter()
                    .map(|term| format!("{}={}", term.name(), term.value(true)));
                terms.collect::<Vec<_>>().join(";")
            };
            let any: Vec<_> = self.any.iter().map(all).collect();
            query.append_pair("or", &any.join("|"));
        }
        query.finish()
    }
}

/// How many cases there are: `FILTER_CASES`.
#[expect(
    clippy::disallowed_methods,
    reason = "a test, not a setting of the program"
)]
fn cases() -> usize {
    let given = std::env::var("FILTER_CASES").ok();
    given.and_then(|text| text.parse().ok()).unwrap_or(400)
}

#[tokio::test]
async fn both_databases_find_what_the_words_say() {
    let mut random = Random::new();
    let registry = registry();
    let (mut found, mut empty, mut full) = (0, 0, 0);
    for round in 0..cases().div_ceil(1000) {
        let rows = Rows::new(&mut random);
        let sqlite = Library::new(DbKind::Sqlite).await;
        let postgres = Library::new(DbKind::Postgres).await;
        tokio::join!(sqlite.fill(&rows), postgres.fill(&rows));
        let most = rows.books.len();
        for n in 0..cases().min(1000) {
            let case = case(&mut random, &rows);
            let (expected, query) = (case.expected(&rows), case.query());
            let (one, other) = tokio::join!(
                listed(&registry, sqlite.db(), case.is_admin, &query),
                listed(&registry, postgres.db(), case.is_admin, &query),
            );
            let total = i64::try_from(expected.len()).expect("it is small");
            for (name, answer) in [("SQLite", one), ("PostgreSQL", other)] {
                let answer =
                    answer.unwrap_or_else(|error| panic!("{name}: {error:?}\n{query}\n{case:#?}"));
                assert_eq!(
                    answer,
                    (expected.clone(), total),
                    "{name}, round {round}, case {n}\n{query}\n{case:#?}"
                );
            }
            found += expected.len();
            empty += usize::from(expected.is_empty());
            full += usize::from(expected.len() == most);
        }
    }
    let (all, found) = (cases(), found / cases().max(1));
    #[expect(clippy::print_stdout, reason = "the test's own figures")]
    {
        println!("{all} cases, {found} rows each, {empty} without any, {full} with all");
    }
    assert!(empty < all * 2 / 3 && found > 3, "hardly anything is found");
}
