//! Migrations and the drift check.

use super::*;

const V1: Migration = Migration {
    version: 1,
    name: "one",
    up: "CREATE TABLE m1 (a text); CREATE TABLE m2 (a text)",
    down: "DROP TABLE m1; DROP TABLE m2",
};
const V2: Migration = Migration {
    version: 2,
    name: "two",
    up: "ALTER TABLE m1 ADD COLUMN b text",
    down: "ALTER TABLE m1 DROP COLUMN b",
};
const BAD: Migration = Migration {
    version: 3,
    name: "bad",
    up: "CREATE TABLE m3 (a text); CREATE TABLE m1 (a text)",
    down: "",
};
const CHANGED: Migration = Migration {
    up: "CREATE TABLE m1 (a integer)",
    ..V1
};

const fn both(list: &'static [Migration]) -> Migrations {
    Migrations {
        postgres: list,
        sqlite: list,
    }
}

#[tokio::test]
async fn migrations_are_applied_once_checked_and_taken_back() {
    for t in databases().await {
        let db = &t.db;
        db.batch("DROP TABLE IF EXISTS m1; DROP TABLE IF EXISTS m2; DROP TABLE IF EXISTS m3")
            .await
            .unwrap();
        assert_eq!(db.pending(&both(&[V1, V2])).await.unwrap().len(), 2);
        let first = both(&[V1]);
        let (one, two) = tokio::join!(db.migrate(&first), db.migrate(&first));
        assert_eq!(one.unwrap().len() + two.unwrap().len(), 1, "{}", t.name);
        assert_eq!(
            db.migrate(&both(&[V1, V2])).await.unwrap(),
            [(2, "two".to_owned())]
        );
        for (list, says) in [
            (both(&[CHANGED, V2]), "was changed after it was applied"),
            (both(&[V1]), "unknown to this program"),
            (both(&[V2, V1]), "versions must ascend"),
            (
                both(&[Migration { version: 0, ..V1 }, V1, V2]),
                "comes before 1 (one)",
            ),
            (both(&[V1, V2, BAD]), "migration 3 (bad) cannot be applied"),
        ] {
            let error = db.migrate(&list).await.unwrap_err().to_string();
            assert!(error.contains(says), "{}: {error}", t.name);
        }
        // What failed left nothing behind.
        assert!(db.batch("SELECT * FROM m3").await.is_err());
        assert_eq!(db.revert(&both(&[V1, V2]), 5).await.unwrap().len(), 2);
        assert!(db.batch("SELECT * FROM m1").await.is_err());
    }
}

diesel::table! {
    use crate::db::sql_types::*;
    drifted (id) {
        id -> Uuid,
        title -> Text,
        price -> Nullable<BigInt>,
        gone -> Bool,
    }
}

#[tokio::test]
async fn drift_is_told_in_sentences() {
    for t in databases().await {
        let things = TableShape::of::<things::table>("things");
        assert_eq!(
            t.db.drift(std::slice::from_ref(&things)).await.unwrap(),
            Vec::<String>::new(),
            "{}",
            t.name
        );
        let sql = match t.name {
            "postgres" => {
                "DROP TABLE IF EXISTS drifted; CREATE TABLE drifted (id uuid PRIMARY KEY, title int4, price int8 NOT NULL, extra text NOT NULL, fine text NOT NULL DEFAULT 'x')"
            }
            _ => {
                "CREATE TABLE drifted (id BLOB PRIMARY KEY, title INTEGER, price INTEGER NOT NULL, extra TEXT NOT NULL, fine TEXT NOT NULL DEFAULT 'x') STRICT"
            }
        };
        t.db.batch(sql).await.unwrap();
        let missing = TableShape {
            name: "nowhere",
            columns: vec![],
        };
        let found =
            t.db.drift(&[TableShape::of::<drifted::table>("drifted"), missing])
                .await
                .unwrap();
        let expected = [
            "the column drifted.title is ",
            "the column drifted.title may be NULL in the database, but is NOT NULL as declared",
            "the column drifted.price is NOT NULL in the database, but may be NULL as declared",
            "the column drifted.gone does not exist",
            "the column drifted.extra is not declared",
            "the table nowhere does not exist",
        ];
        assert_eq!(found.len(), expected.len(), "{}: {found:#?}", t.name);
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.starts_with(expected), "{found}");
        }
    }
}
