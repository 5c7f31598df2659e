use super::*;

fn tables(sql: &str) -> Vec<String> {
    let table = |written: Written| written.dep.table().unwrap_or("*").to_owned();
    written(sql).into_iter().map(table).collect()
}

#[test]
fn a_write_is_known_by_its_text() {
    for (sql, expected) in [
        ("INSERT INTO \"users\" (\"id\") VALUES ($1)", &["users"][..]),
        ("insert or ignore into users values (1)", &["users"]),
        (
            "UPDATE \"users\" SET \"role\" = $1 WHERE \"users\".\"id\" = $2",
            &["users"],
        ),
        (
            "UPDATE ONLY public.\"Users\" SET a = 'INSERT INTO x'",
            &["Users"],
        ),
        ("UPDATE OR IGNORE users SET a = 1", &["users"]),
        (
            "DELETE  FROM \"refresh_tokens\" WHERE 1 = 1",
            &["refresh_tokens"],
        ),
        (
            "INSERT INTO a VALUES (1) ON CONFLICT (id) DO UPDATE SET x = 1",
            &["a"],
        ),
        (
            "WITH gone AS (DELETE FROM a RETURNING *) INSERT INTO b SELECT * FROM gone",
            &["a", "b"],
        ),
        ("SELECT 1 FROM \"users\" FOR UPDATE", &[]),
        ("SELECT 1 FROM \"users\" FOR NO KEY UPDATE", &[]),
        ("SELECT \"update\" FROM t -- UPDATE x\n", &[]),
        ("TRUNCATE TABLE a", &["a"]),
        ("UPDATE a SET x = 1; DELETE FROM b", &["a", "b"]),
        ("ALTER TABLE a ADD COLUMN b int", &["*"]),
        ("DO $$ BEGIN UPDATE x SET y = 1; END $$", &["*"]),
        ("CALL something()", &["*"]),
    ] {
        assert_eq!(tables(sql), expected, "{sql}");
    }
}

#[test]
fn a_delete_is_told_from_an_update() {
    for (sql, deletes) in [
        ("INSERT INTO a VALUES (1)", false),
        ("INSERT OR REPLACE INTO a VALUES (1)", true),
        ("REPLACE INTO a VALUES (1)", true),
        ("UPDATE a SET x = 1", false),
        ("DELETE FROM a", true),
        ("TRUNCATE a", true),
    ] {
        assert_eq!(written(sql)[0].deletes, deletes, "{sql}");
    }
}

#[test]
fn a_read_is_made_of_the_tables_it_names() {
    let sql = "SELECT \"a\".\"x\" FROM \"a\" WHERE 1 = 1 AND (EXISTS (SELECT 1 FROM \"b\" WHERE \"b\".\"id\" = \
               \"a\".\"b_id\" AND (\"b\".\"y\" IS DISTINCT FROM $1 OR \"b\".\"y\" IS DISTINCT FROM \"a\".\"y\" OR \"b\".\"z\" IN ($2, $3))))";
    let found = mentioned(sql).unwrap();
    assert_eq!(found.tables, ["a", "b"]);
    assert!(!found.is_self_related);
    let sql = "SELECT 1 FROM (\"a\" INNER JOIN \"c\" AS \"d\" ON 1 = 1) , e";
    let found = mentioned(sql).unwrap();
    assert_eq!(found.tables, ["a", "c"]);
    assert!(found.names.iter().any(|name| name == "e"));
    let sql = "SELECT 1 FROM \"a\" WHERE \"a\".\"id\" IN (SELECT \"a\".\"id\" FROM \"a\" LIMIT $1)";
    assert!(mentioned(sql).unwrap().is_self_related);
    assert_eq!(
        mentioned("SELECT 1 FROM a, public.\"b\"").unwrap().tables,
        ["a", "b"]
    );
}

#[test]
fn a_read_of_the_clock_or_of_what_is_not_known_is_not_cached() {
    for sql in [
        "SELECT 1 FROM a WHERE x < now()",
        "SELECT 1 FROM a WHERE x < CURRENT_TIMESTAMP",
        "SELECT 1 FROM a ORDER BY random()",
        "SELECT my_function(x) FROM a",
        "SELECT \"my_function\"(x) FROM a",
        "SELECT datetime('now')",
        "SELECT 1 FROM a; SELECT 2",
    ] {
        assert_eq!(mentioned(sql), None, "{sql}");
    }
}
