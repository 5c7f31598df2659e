//! The connection of the control plane: one statement at a time, none of them slow.

use std::collections::BTreeSet;

use diesel::sql_query;
use diesel::sql_types::{BigInt, Bool, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use futures_util::StreamExt;

use super::state::{ALIVE, Answer, GONE, LOOK, OFF, ON, OPEN, Open, QUARANTINE};
use crate::db::Db;

/// What the control plane's statements give; what went wrong is for the log.
pub(super) type Asked<T> = Result<T, String>;

/// The connection, and what it holds.
pub(super) struct Session {
    pub(super) conn: AsyncPgConnection,
    /// Whether this process decides when the cache is on again. Lost with the connection.
    leads: bool,
}

/// The lock of the one who leads.
const LEAD: i64 = 0x6372_7564_6361;

fn said(error: diesel::result::Error) -> String {
    error.to_string()
}

impl Session {
    /// A new connection, which listens.
    pub(super) async fn open(db: &Db) -> Asked<Self> {
        let mut conn = match db.postgres().await {
            Some(opened) => opened.map_err(|error| error.to_string())?,
            None => return Err("the control plane is for PostgreSQL".to_owned()),
        };
        // A statement of this connection that takes a second is worth nothing: no permit comes from it.
        conn.batch_execute(
            "SET statement_timeout = 1000; SET lock_timeout = 500; SET application_name = 'crud cache'; \
             LISTEN crud_cache",
        )
        .await
        .map_err(said)?;
        Ok(Self { conn, leads: false })
    }

    pub(super) async fn look(&mut self, me: &str) -> Asked<Answer> {
        let asked = sql_query(LOOK).bind::<Text, _>(me);
        asked.get_result(&mut self.conn).await.map_err(said)
    }

    pub(super) async fn alive(&mut self, me: &str, well: bool, retired: bool) -> Asked<()> {
        let said_so = sql_query(ALIVE)
            .bind::<Text, _>(me)
            .bind::<Bool, _>(well)
            .bind::<Bool, _>(retired);
        said_so
            .execute(&mut self.conn)
            .await
            .map(drop)
            .map_err(said)
    }

    pub(super) async fn gone(&mut self, me: &str) -> Asked<()> {
        let said_so = sql_query(GONE).bind::<Text, _>(me);
        said_so
            .execute(&mut self.conn)
            .await
            .map(drop)
            .map_err(said)
    }

    pub(super) async fn off(&mut self) -> Asked<()> {
        sql_query(OFF)
            .execute(&mut self.conn)
            .await
            .map(drop)
            .map_err(said)
    }

    /// `false`: somebody touched the switch.
    pub(super) async fn quarantine(
        &mut self,
        epoch: &str,
        owner: &str,
        change: i64,
    ) -> Asked<bool> {
        let update = sql_query(QUARANTINE)
            .bind::<Text, _>(epoch)
            .bind::<Text, _>(owner)
            .bind::<BigInt, _>(change);
        update
            .execute(&mut self.conn)
            .await
            .map(|rows| rows == 1)
            .map_err(said)
    }

    /// `false`: somebody touched the switch.
    pub(super) async fn on(&mut self, epoch: &str, change: i64) -> Asked<bool> {
        let update = sql_query(ON)
            .bind::<Text, _>(epoch)
            .bind::<BigInt, _>(change);
        update
            .execute(&mut self.conn)
            .await
            .map(|rows| rows == 1)
            .map_err(said)
    }

    /// The transactions that are open now. This session has another name than the application's, which is given.
    pub(super) async fn open_transactions(&mut self, application: &str) -> Asked<BTreeSet<String>> {
        let query = sql_query(OPEN).bind::<Text, _>(application);
        let found: Vec<Open> = query.load(&mut self.conn).await.map_err(said)?;
        Ok(found.into_iter().map(|open| open.transaction).collect())
    }

    /// Whether this process leads, which it does from now on if nobody does.
    pub(super) async fn leads(&mut self) -> Asked<bool> {
        if !self.leads {
            let tried =
                sql_query("SELECT pg_try_advisory_lock($1) AS held").bind::<BigInt, _>(LEAD);
            let held: Held = tried.get_result(&mut self.conn).await.map_err(said)?;
            self.leads = held.held;
        }
        Ok(self.leads)
    }

    /// Lets another lead.
    pub(super) async fn follow(&mut self) -> Asked<()> {
        if std::mem::take(&mut self.leads) {
            let freed = sql_query("SELECT pg_advisory_unlock($1) AS held").bind::<BigInt, _>(LEAD);
            freed
                .get_result::<Held>(&mut self.conn)
                .await
                .map_err(said)?;
        }
        Ok(())
    }

    /// Ends a transaction, one way or the other.
    pub(super) async fn end(&mut self, commit: bool) -> Asked<()> {
        let end = if commit { "COMMIT" } else { "ROLLBACK" };
        self.conn.batch_execute(end).await.map_err(said)
    }

    /// Waits for word of a write from outside.
    pub(super) async fn notified(&mut self) -> Asked<()> {
        let mut words = std::pin::pin!(self.conn.notifications_stream());
        match words.next().await {
            Some(Ok(_)) => Ok(()),
            Some(Err(error)) => Err(error.to_string()),
            None => Err("the connection is closed".to_owned()),
        }
    }
}

#[derive(diesel::QueryableByName)]
pub(super) struct Held {
    #[diesel(sql_type = Bool)]
    pub(super) held: bool,
}
