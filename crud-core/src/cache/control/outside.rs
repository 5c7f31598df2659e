//! Writes from outside: psql, a batch job, another program, the cascades of their deletes.
//!
//! A trigger on each table with an entity puts the table's name into an outbox, in the writer's own transaction, and
//! sends word of it; the control plane gives the table a new stamp and empties the outbox. Sessions of the framework
//! have `crud.framework = 'on'` and fire nothing: they mark what they write. Whoever switches triggers off, or sets
//! `session_replication_role`, goes unseen.

use std::collections::BTreeSet;
use std::sync::Arc;

use diesel::sql_query;
use diesel::sql_types::{Array, Text};
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};

use super::session::{Asked, Session};
use crate::cache::store::Dep;

/// Begins to make triggers and functions, one process at a time. A table's trigger waits for the transactions that write
/// it; a server that starts has the time.
pub(super) const BEGIN: &str = "BEGIN; SET LOCAL statement_timeout = 20000; SET LOCAL lock_timeout = 10000; \
     SELECT pg_advisory_xact_lock(x'637275647472'::bigint);";

const FUNCTION: &str = "CREATE OR REPLACE FUNCTION crud_cache_outside() RETURNS trigger LANGUAGE plpgsql \
     SECURITY DEFINER SET search_path FROM CURRENT AS $$ BEGIN \
     INSERT INTO crud_cache_outbox (changed) VALUES (TG_TABLE_NAME); \
     PERFORM pg_notify('crud_cache', ''); RETURN NULL; END $$";

#[derive(diesel::QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

/// Puts the trigger on every one of these tables that has none.
///
/// # Errors
/// A sentence, when there is no such table, or this user does not own it.
pub(super) async fn install(session: &mut Session, tables: &[String]) -> Asked<()> {
    let missing = sql_query(
        "SELECT t AS name FROM unnest($1) AS t WHERE NOT EXISTS (SELECT FROM pg_trigger \
         WHERE tgname = 'crud_cache_outside' AND tgrelid = to_regclass(quote_ident(t)))",
    )
    .bind::<Array<Text>, _>(tables);
    let missing: Vec<Name> = missing
        .load(&mut session.conn)
        .await
        .map_err(|error| error.to_string())?;
    if missing.is_empty() {
        return Ok(());
    }
    let mut sql = format!("{BEGIN} {FUNCTION};");
    for Name { name } in missing {
        let table = name.replace('"', "\"\"");
        sql.push_str(&format!(
            "DROP TRIGGER IF EXISTS crud_cache_outside ON \"{table}\"; \
             CREATE TRIGGER crud_cache_outside AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON \"{table}\" \
             FOR EACH STATEMENT WHEN (current_setting('crud.framework', true) IS DISTINCT FROM 'on') \
             EXECUTE FUNCTION crud_cache_outside();"
        ));
    }
    sql.push_str("COMMIT");
    let done = session.conn.batch_execute(&sql).await;
    done.map_err(|error| format!("the triggers for writes from outside cannot be made: {error}"))
}

/// Begins a transaction that takes from the outbox what is there; gives what it says. Rolled back, it is there again.
pub(super) async fn take(session: &mut Session) -> Asked<Arc<[Dep]>> {
    let conn = &mut session.conn;
    let failed = |error: diesel::result::Error| error.to_string();
    conn.batch_execute("BEGIN").await.map_err(failed)?;
    let taken = sql_query(
        "DELETE FROM crud_cache_outbox WHERE id IN (SELECT id FROM crud_cache_outbox \
         ORDER BY id LIMIT 5000 FOR UPDATE SKIP LOCKED) RETURNING changed AS name",
    );
    let taken: Result<Vec<Name>, _> = taken.load(conn).await;
    let names: BTreeSet<_> = match taken {
        Ok(names) => names.into_iter().map(|name| name.name).collect(),
        Err(error) => {
            tracing::warn!(%error, "the outbox of writes from outside cannot be emptied");
            BTreeSet::new()
        }
    };
    let table = |name: String| Dep::Table(name.into());
    Ok(names.into_iter().map(table).collect())
}
