//! What a statement's fence asks (`db::fragment`): the epoch that is on, as a function whose value stands in the plan.
//!
//! A trigger on the row of the switch replaces the function, in the transaction that changes the row. PostgreSQL plans
//! anew whatever has it inlined, and a transaction hears of that when it begins, after it has taken the lock on its own
//! name. So a statement that runs by an older plan is among those that a quarantine waits for ([`super::state::OPEN`]),
//! as one with an older snapshot would be. To read the row in each statement costs it 14 µs; this, 1 to 3.

use diesel::sql_query;
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};

use super::outside::BEGIN;
use super::session::{Asked, Held, Session};

const INSTALLED: &str = "SELECT to_regprocedure('crud_cache_fenced()') IS NOT NULL \
     AND to_regprocedure('crud_cache_epoch()') IS NOT NULL AND EXISTS (SELECT FROM pg_trigger \
     WHERE tgname = 'crud_cache_switched' AND tgrelid = to_regclass('crud_cache_state')) AS held";

/// Refuses a statement whose fence is not true: to be repeated in a transaction.
const FENCED: &str = "CREATE OR REPLACE FUNCTION crud_cache_fenced() RETURNS integer LANGUAGE plpgsql AS $$ BEGIN \
     RAISE EXCEPTION 'the epoch of the cache is over' USING ERRCODE = 'serialization_failure'; END $$";

/// A STABLE function in SQL is inlined, and a plan hears of the replacement of what was inlined in it; an IMMUTABLE one
/// may be evaluated once and for all. Whoever changes the switch need not own the function.
const SWITCHED: &str = "CREATE OR REPLACE FUNCTION crud_cache_switched() RETURNS trigger LANGUAGE plpgsql \
     SECURITY DEFINER SET search_path FROM CURRENT AS $$ BEGIN EXECUTE format('CREATE OR REPLACE FUNCTION \
     crud_cache_epoch() RETURNS text LANGUAGE sql STABLE AS %L', \
     format('SELECT %L::text', CASE NEW.mode WHEN 'off' THEN '' ELSE NEW.epoch END)); RETURN NULL; END $$";

/// Makes the functions and the trigger, if they are missing.
///
/// # Errors
/// A sentence, when this user may not make them.
pub(super) async fn install(session: &mut Session) -> Asked<()> {
    let installed = sql_query(INSTALLED).get_result::<Held>(&mut session.conn);
    if installed.await.map_err(|error| error.to_string())?.held {
        return Ok(());
    }
    // The update is the trigger's first: it makes the function.
    let sql = format!(
        "{BEGIN} {FENCED}; {SWITCHED}; \
         DROP TRIGGER IF EXISTS crud_cache_switched ON crud_cache_state; \
         CREATE TRIGGER crud_cache_switched AFTER UPDATE OF mode, epoch ON crud_cache_state \
         FOR EACH ROW EXECUTE FUNCTION crud_cache_switched(); \
         UPDATE crud_cache_state SET epoch = epoch; COMMIT"
    );
    let done = session.conn.batch_execute(&sql).await;
    done.map_err(|error| format!("the fence of the cache cannot be made: {error}"))
}
