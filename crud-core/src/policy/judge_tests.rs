//! The predicate in Rust against the predicate in SQL, on both databases, for random rows and predicates.

use diesel::sql_types::Text;

use super::*;
use crate::{
    db::{Access, Db, DbKind, Executor as _, Load as _, Stmt, bind},
    policy::{Scope, predicate::Relation},
    sql_types as st,
    testing::{Random, TestDb, on_both},
};

diesel::table! {
    use crate::sql_types::*;
    rows (name) {
        name -> Text,
        flag -> Nullable<Bool>,
        n -> Nullable<Integer>,
        big -> Nullable<BigInt>,
        word -> Nullable<Text>,
        owner -> Nullable<Uuid>,
    }
}

const WORDS: [&str; 7] = ["", "a", "A", "a ", "ä", "a\"\\\u{1F600}\n", "b"];

/// One row, as the cache has it.
#[derive(Debug, Clone)]
struct Row {
    name: String,
    flag: Option<bool>,
    n: Option<i32>,
    big: Option<i64>,
    word: Option<&'static str>,
    owner: Option<Uuid>,
}

fn owner(n: u64) -> Uuid {
    Uuid(uuid::Uuid::from_u128(u128::from(n) + 1))
}

fn some<V>(random: &mut Random, value: impl FnOnce(&mut Random) -> V) -> Option<V> {
    (random.below(4) > 0).then(|| value(random))
}

impl Row {
    fn new(random: &mut Random, name: usize) -> Self {
        Self {
            name: name.to_string(),
            flag: some(random, |r| r.below(2) == 1),
            n: some(random, |r| {
                i32::try_from(r.below(4)).expect("it is small") - 1
            }),
            big: some(random, |r| *r.pick(&[i64::MIN, -1, 0, i64::MAX])),
            word: some(random, |r| *r.pick(&WORDS)),
            owner: some(random, |r| owner(r.below(3))),
        }
    }

    fn json(&self, column: &str) -> (ColumnKind, Vec<u8>) {
        let (kind, json) = match column {
            "flag" => (ColumnKind::Bool, serde_json::to_vec(&self.flag)),
            "n" => (ColumnKind::Int4, serde_json::to_vec(&self.n)),
            "big" => (ColumnKind::Int8, serde_json::to_vec(&self.big)),
            "word" => (ColumnKind::Text, serde_json::to_vec(&self.word)),
            "owner" => (ColumnKind::Uuid, serde_json::to_vec(&self.owner)),
            other => panic!("{other}"),
        };
        (kind, json.expect("it is JSON"))
    }

    fn insert(&self) -> Stmt {
        use diesel::sql_types::{BigInt, Bool, Integer, Nullable};
        Stmt::new()
            .sql("INSERT INTO rows VALUES (")
            .bind::<Text, _>(self.name.clone())
            .sql(", ")
            .bind::<Nullable<Bool>, _>(self.flag)
            .sql(", ")
            .bind::<Nullable<Integer>, _>(self.n)
            .sql(", ")
            .bind::<Nullable<BigInt>, _>(self.big)
            .sql(", ")
            .bind::<Nullable<Text>, _>(self.word)
            .sql(", ")
            .frag(bind::<Nullable<st::Uuid>, _>(self.owner))
            .sql(")")
    }
}

fn scope(random: &mut Random, depth: u64) -> Scope<rows::table> {
    if depth > 0 && random.below(2) == 0 {
        let (one, other) = (scope(random, depth - 1), scope(random, depth - 1));
        return if random.below(2) == 0 {
            one.and(other)
        } else {
            one.or(other)
        };
    }
    let word = |r: &mut Random| *r.pick(&WORDS);
    match random.below(14) {
        0 => Scope::eq(rows::flag, some(random, |r| r.below(2) == 1)),
        1 => Scope::ne(rows::flag, some(random, |r| r.below(2) == 1)),
        2 => Scope::eq(
            rows::n,
            some(random, |r| {
                i32::try_from(r.below(4)).expect("it is small") - 1
            }),
        ),
        3 => Scope::ne(rows::n, 1),
        4 => Scope::eq(rows::big, *random.pick(&[i64::MIN, 0, i64::MAX])),
        5 => Scope::eq(rows::word, word(random)),
        6 => Scope::ne(rows::word, some(random, word)),
        7 => Scope::one_of(rows::word, (0..random.below(3)).map(|_| word(random))),
        8 => Scope::one_of(rows::n, [some(random, |_| 1), Some(0)]),
        9 => Scope::owned_by(rows::owner, some(random, |r| owner(r.below(3)))),
        10 => Scope::is_null(rows::word),
        11 => Scope::is_not_null(rows::flag),
        12 => Scope::all(),
        _ => Scope::none(),
    }
}

struct Place(TestDb, DbKind);

impl Place {
    async fn new(kind: DbKind) -> Self {
        let uuid = if kind == DbKind::Postgres {
            "uuid"
        } else {
            "BLOB"
        };
        let sql = format!(
            "CREATE TABLE rows (name TEXT PRIMARY KEY, flag {}, n INTEGER, big {}, word TEXT, owner {uuid})",
            if kind == DbKind::Postgres {
                "boolean"
            } else {
                "INTEGER"
            },
            if kind == DbKind::Postgres {
                "bigint"
            } else {
                "INTEGER"
            },
        );
        let build = async |db: &Db| db.batch(&sql).await;
        Self(
            TestDb::from_template(kind, "judge", build)
                .await
                .expect("there is a database"),
            kind,
        )
    }
}

on_both! {
    async fn a_predicate_says_of_a_row_what_the_database_says(place: Place) {
        let (db, mut random) = (place.0.db(), Random::new());
        let known: Vec<_> = (0..60).map(|n| Row::new(&mut random, n)).collect();
        for row in &known {
            db.execute(row.insert()).await.unwrap();
        }
        let mut holds = 0;
        for _ in 0..400 {
            let predicate = scope(&mut random, 3).erase().predicate;
            let sql = predicate.render(Stmt::new().sql("SELECT name FROM rows WHERE "));
            let expected = db.load::<String, Text>(Access::Read, sql.uncached()).await.unwrap();
            for row in &known {
                let columns = ["flag", "n", "big", "word", "owner"].map(|c| (c, row.json(c)));
                let value = |name: &str| {
                    let (_, (kind, json)) = columns.iter().find(|(c, _)| *c == name)?;
                    Value::of_json(*kind, json)
                };
                let verdict = predicate.judge(&value);
                assert!(!matches!(verdict, Verdict::Unknown | Verdict::Pending), "{predicate}");
                let expected = expected.contains(&row.name);
                assert_eq!(verdict == Verdict::True, expected, "{predicate} of {row:?} in {:?}", place.1);
                holds += usize::from(expected);
            }
        }
        assert!(holds > 1000, "{holds}: nothing was compared");
    }
}

#[test]
fn what_cannot_be_said_here_is_not_guessed() {
    let unknown = |scope: Scope<rows::table>, value: Option<Value<'static>>| {
        scope.erase().predicate.judge(&|_| value.clone())
    };
    let is_a = || Scope::eq(rows::word, "a");
    assert_eq!(unknown(is_a(), None), Verdict::Unknown);
    assert_eq!(unknown(is_a(), Some(Value::Other)), Verdict::Unknown);
    assert_eq!(unknown(is_a(), Some(Value::Int(1))), Verdict::Unknown);
    assert_eq!(unknown(is_a().or(Scope::all()), None), Verdict::True);
    assert_eq!(unknown(is_a().and(Scope::none()), None), Verdict::False);
    assert_eq!(
        unknown(Scope::is_null(rows::word), Some(Value::Other)),
        Verdict::False
    );
    let related = Predicate::Related(Box::new(Relation {
        table: "rows",
        column: "owner",
        target_table: "owners",
        target_column: "id",
        rule: Predicate::Always,
    }));
    let any = Predicate::Any(vec![related.clone(), Predicate::Always]);
    assert_eq!(related.judge(&|_| None), Verdict::Pending);
    assert_eq!(any.judge(&|_| None), Verdict::True);
}
