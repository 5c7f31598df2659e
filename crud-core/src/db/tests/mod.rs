//! The database layer on a real SQLite file, and on PostgreSQL with the feature `testing`.

use std::time::Duration;

use diesel::prelude::*;

use super::*;
use crate::text_enum;

mod errors;
mod migrations;
mod postgres;
mod transactions;
mod values;

diesel::table! {
    use crate::db::sql_types::*;
    things (id) {
        id -> Uuid,
        slug -> Text,
        level -> Nullable<Text>,
        price -> BigInt,
        properties -> Nullable<Jsonb>,
        active -> Bool,
        created_at -> Timestamptz,
        parent_id -> Nullable<Uuid>,
    }
}

text_enum! {
    /// A level.
    pub(crate) enum Level { Low = "low", High = "high" }
}

const PG: &str = "CREATE TABLE things (
    id uuid PRIMARY KEY, slug text NOT NULL CONSTRAINT things_slug_key UNIQUE, level text,
    price bigint NOT NULL CONSTRAINT things_price_check CHECK (price >= 0), properties jsonb,
    active boolean NOT NULL DEFAULT true, created_at timestamptz NOT NULL DEFAULT now(),
    parent_id uuid CONSTRAINT things_parent_fkey REFERENCES things (id))";
const SQLITE: &str = "CREATE TABLE things (
    id BLOB PRIMARY KEY, slug TEXT NOT NULL UNIQUE, level TEXT,
    price INTEGER NOT NULL CONSTRAINT things_price_check CHECK (price >= 0), properties TEXT,
    active INTEGER NOT NULL DEFAULT 1, created_at INTEGER NOT NULL DEFAULT 0,
    parent_id BLOB REFERENCES things (id)) STRICT";

struct TestDb {
    db: Db,
    name: &'static str,
    file: Option<std::path::PathBuf>,
    _postgres: Option<PgDatabase>,
}

impl Drop for TestDb {
    fn drop(&mut self) {
        for suffix in ["", "-wal", "-shm"] {
            if let Some(file) = &self.file {
                let _ = std::fs::remove_file(format!("{}{suffix}", file.display()));
            }
        }
    }
}

/// A PostgreSQL database of its own, from the private server of the tests.
#[cfg(feature = "testing")]
type PgDatabase = crate::testing::Database;

#[cfg(feature = "testing")]
async fn postgres() -> Option<PgDatabase> {
    let server = crate::testing::Postgres::shared().expect("PostgreSQL starts");
    Some(server.database().await.expect("a database can be made"))
}

/// Without the feature that starts servers there is none.
#[cfg(not(feature = "testing"))]
struct PgDatabase;

#[cfg(not(feature = "testing"))]
impl PgDatabase {
    fn url(&self) -> &str {
        ""
    }
}

#[cfg(not(feature = "testing"))]
async fn postgres() -> Option<PgDatabase> {
    None
}

async fn databases() -> Vec<TestDb> {
    databases_with(|_| ()).await
}

async fn databases_with(change: impl Fn(&mut DbConfig)) -> Vec<TestDb> {
    let file = std::env::temp_dir().join(format!("crud-db-{}.sqlite", Uuid::now_v7()));
    let mut list = vec![];
    for (name, url) in [
        ("file", format!("sqlite://{}", file.display())),
        ("memory", "sqlite::memory:".into()),
    ] {
        let mut config = DbConfig::new(url);
        change(&mut config);
        let db = Db::connect(&config).await.unwrap();
        db.batch(SQLITE).await.unwrap();
        list.push(TestDb {
            db,
            name,
            file: (name == "file").then(|| file.clone()),
            _postgres: None,
        });
    }
    if let Some(database) = postgres().await {
        let mut config = DbConfig::new(database.url());
        change(&mut config);
        let db = Db::connect(&config).await.unwrap();
        db.batch(PG).await.unwrap();
        list.push(TestDb {
            db,
            name: "postgres",
            file: None,
            _postgres: Some(database),
        });
    }
    list
}

fn new(slug: &str, price: i64) -> (Uuid, impl Fragment + 'static) {
    let id = Uuid::now_v7();
    let insert = diesel::insert_into(things::table).values((
        things::id.eq(id),
        things::slug.eq(slug.to_owned()),
        things::level.eq(Some(Level::High)),
        things::price.eq(price),
        things::active.eq(true),
        things::created_at.eq(Timestamp::now()),
    ));
    (id, insert)
}

async fn count(db: &impl Executor) -> i64 {
    db.fetch::<i64>(things::table.count()).await.unwrap()[0]
}
