//! The rows of the library: in memory, and the same ones on a database.

use std::sync::Arc;

use serde_json::{Value, json};

use super::library::Kind;
use crate::{
    db::{Db, DbKind, Executor as _, Stmt, bind},
    prelude::*,
    sql_types as st,
    testing::{Random, TestDb},
};

/// A row in memory.
#[derive(Debug, Clone, Default)]
pub(super) struct ShelfRow {
    pub id: Uuid,
    pub name: &'static str,
    pub level: i32,
    pub is_public: bool,
    pub secret: Option<&'static str>,
    pub is_archived: bool,
}

/// A row in memory.
#[derive(Debug, Clone, Default)]
pub(super) struct BookRow {
    pub id: Uuid,
    pub shelf: Option<Uuid>,
    pub parent: Option<Uuid>,
    pub title: &'static str,
    pub note: Option<&'static str>,
    pub kind: Option<Kind>,
    pub pages: i32,
    pub big: Option<i64>,
    pub price: Option<f64>,
    pub printed: Option<i64>,
    pub is_lent: bool,
    pub is_new: Option<bool>,
    pub secret: Option<&'static str>,
    pub properties: Option<Arc<Value>>,
    pub is_archived: bool,
}

pub(super) const TEXTS: [&str; 20] = [
    "",
    "a",
    "A",
    "ab",
    "aB%",
    "a_b",
    "axb",
    "ä",
    "Ä",
    "a\\b",
    "straße",
    "STRASSE",
    "a,b",
    "x|y;z",
    "日本",
    "'; DROP TABLE books; --",
    "e\u{301}",
    "é",
    "5",
    "true",
];
pub(super) const PRICES: [f64; 7] = [0.0, 0.1, -1.5, 10.0, 1e300, 4.9e-5, 12.25];
pub(super) const BIGS: [i64; 5] = [i64::MIN, -1, 0, 9_007_199_254_740_993, i64::MAX];
/// Microseconds.
pub(super) const TIMES: [i64; 4] = [0, 1_700_000_000_000_000, 1_700_000_000_000_001, -1];

pub(super) fn some<V>(random: &mut Random, value: impl FnOnce(&mut Random) -> V) -> Option<V> {
    (random.below(4) > 0).then(|| value(random))
}

fn small(random: &mut Random, bound: u64) -> i32 {
    i32::try_from(random.below(bound)).expect("it is small")
}

fn document(random: &mut Random) -> Value {
    let scalar = |random: &mut Random| match random.below(8) {
        0 => json!(null),
        1 => json!(true),
        2 => json!(false),
        3 => json!(5),
        4 => json!(*random.pick(&[1.5, 5.0, -0.25, 1e20])),
        5 => json!(*random.pick(&BIGS)),
        6 => json!(["a"]),
        _ => json!(*random.pick(&TEXTS)),
    };
    let mut document = json!({"a": {"b": scalar(random), "c-d": {"e": scalar(random)}}});
    for key in ["s", "t", "_u"] {
        if random.below(3) > 0 {
            document[key] = scalar(random);
        }
    }
    document
}

/// Everything that is there.
#[derive(Debug, Clone)]
pub(super) struct Rows {
    pub shelves: Vec<ShelfRow>,
    pub books: Vec<BookRow>,
}

impl Rows {
    /// All books fit on one page.
    pub(super) fn new(random: &mut Random) -> Self {
        let id = |kind: u128, n: u128| Uuid(uuid::Uuid::from_u128((kind << 100) | n));
        let shelves: Vec<_> = (0..14)
            .map(|n| ShelfRow {
                id: id(1, n),
                name: random.pick::<&str>(&TEXTS),
                level: small(random, 4),
                is_public: random.below(3) > 0,
                secret: some(random, |r| *r.pick(&TEXTS)),
                is_archived: random.below(6) == 0,
            })
            .collect();
        let books = (0..95).map(|n| BookRow {
            id: id(2, n * 7 % 95),
            shelf: some(random, |r| r.pick(&shelves).id),
            parent: some(random, |r| id(2, u128::from(r.below(95)))),
            title: random.pick::<&str>(&TEXTS),
            note: some(random, |r| *r.pick(&TEXTS)),
            kind: some(random, |r| *r.pick(Kind::ALL)),
            pages: small(random, 6) - 1,
            big: some(random, |r| *r.pick(&BIGS)),
            price: some(random, |r| *r.pick(&PRICES)),
            printed: some(random, |r| *r.pick(&TIMES)),
            is_lent: random.below(4) == 0,
            is_new: some(random, |r| r.below(2) == 1),
            secret: some(random, |r| *r.pick(&TEXTS)),
            properties: some(random, |r| Arc::new(document(r))),
            is_archived: random.below(8) == 0,
        });
        Self {
            books: books.collect(),
            shelves,
        }
    }
}

/// The library on one of the databases.
pub(super) struct Library {
    place: TestDb,
}

impl Library {
    pub(super) async fn new(kind: DbKind) -> Self {
        let build = async |db: &Db| db.batch(&schema(kind)).await;
        let place = TestDb::from_template(kind, "library", build).await;
        Self {
            place: place.expect("there is a database"),
        }
    }

    pub(super) fn db(&self) -> &Db {
        self.place.db()
    }

    pub(super) async fn fill(&self, rows: &Rows) {
        for row in &rows.shelves {
            self.db()
                .execute(shelf(row))
                .await
                .expect("the shelf is new");
        }
        for row in &rows.books {
            self.db().execute(book(row)).await.expect("the book is new");
        }
    }
}

fn schema(kind: DbKind) -> String {
    let [uuid, int, text, boolean, time, json, float, end] = match kind {
        DbKind::Postgres => [
            "uuid",
            "bigint",
            "text COLLATE \"C\"",
            "boolean",
            "timestamptz",
            "jsonb",
            "double precision",
            "",
        ],
        DbKind::Sqlite => [
            "BLOB", "INTEGER", "TEXT", "INTEGER", "INTEGER", "TEXT", "REAL", "STRICT",
        ],
    };
    let standard = format!(
        "version {int} NOT NULL DEFAULT 0, created_at {time} NOT NULL, updated_at {time} NOT NULL, created_by {uuid}, \
         updated_by {uuid}, properties {json}, archived_at {time}"
    );
    format!(
        "CREATE TABLE shelves (id {uuid} PRIMARY KEY, name {text} NOT NULL, level integer NOT NULL, is_public {boolean} \
         NOT NULL, secret {text}, {standard}) {end};
         CREATE TABLE books (id {uuid} PRIMARY KEY, shelf_id {uuid}, parent_id {uuid}, title {text} NOT NULL, note {text}, \
         kind {text}, pages integer NOT NULL, big {int}, price {float}, printed_at {time}, is_lent {boolean} NOT NULL, \
         is_new {boolean}, secret {text}, {standard}) {end}"
    )
}

fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros).expect("it is in range")
}

fn standard(sql: Stmt, properties: Option<&Value>, is_archived: bool) -> Stmt {
    let properties = properties.map(|value| Json::from_value(value).expect("it can be kept"));
    let time = || bind::<st::Timestamptz, _>(at(0));
    let archived = is_archived.then(|| at(0));
    sql.sql(", ")
        .frag(time())
        .sql(", ")
        .frag(time())
        .sql(", ")
        .frag(bind::<st::Nullable<st::Jsonb>, _>(properties))
        .sql(", ")
        .frag(bind::<st::Nullable<st::Timestamptz>, _>(archived))
        .sql(")")
}

fn shelf(row: &ShelfRow) -> Stmt {
    let sql = Stmt::new()
        .sql("INSERT INTO shelves (id, name, level, is_public, secret, created_at, updated_at, properties, archived_at) VALUES (")
        .frag(bind::<st::Uuid, _>(row.id))
        .sql(", ")
        .bind::<st::Text, _>(row.name)
        .sql(", ")
        .bind::<st::Integer, _>(row.level)
        .sql(", ")
        .bind::<st::Bool, _>(row.is_public)
        .sql(", ")
        .bind::<st::Nullable<st::Text>, _>(row.secret);
    standard(sql, None, row.is_archived)
}

fn book(row: &BookRow) -> Stmt {
    let sql = Stmt::new()
        .sql("INSERT INTO books (id, shelf_id, parent_id, title, note, kind, pages, big, price, printed_at, is_lent, is_new, secret, created_at, updated_at, properties, archived_at) VALUES (")
        .frag(bind::<st::Uuid, _>(row.id))
        .sql(", ")
        .frag(bind::<st::Nullable<st::Uuid>, _>(row.shelf))
        .sql(", ")
        .frag(bind::<st::Nullable<st::Uuid>, _>(row.parent))
        .sql(", ")
        .bind::<st::Text, _>(row.title)
        .sql(", ")
        .bind::<st::Nullable<st::Text>, _>(row.note)
        .sql(", ")
        .bind::<st::Nullable<st::Text>, _>(row.kind)
        .sql(", ")
        .bind::<st::Integer, _>(row.pages)
        .sql(", ")
        .bind::<st::Nullable<st::BigInt>, _>(row.big)
        .sql(", ")
        .bind::<st::Nullable<st::Double>, _>(row.price)
        .sql(", ")
        .frag(bind::<st::Nullable<st::Timestamptz>, _>(row.printed.map(at)))
        .sql(", ")
        .bind::<st::Bool, _>(row.is_lent)
        .sql(", ")
        .bind::<st::Nullable<st::Bool>, _>(row.is_new)
        .sql(", ")
        .bind::<st::Nullable<st::Text>, _>(row.secret);
    standard(sql, row.properties.as_deref(), row.is_archived)
}
