//! Statements that are marked before they run, outside of a transaction.

use std::sync::Arc;

use diesel::sql_types::BigInt;

use super::tests::{Process, connect, database};
use crate::cache::Cache;
use crate::cache::store::{Dep, Fence, Store};
use crate::db::{Access, Db, DbError, DbResult, Effect, Load, Part, Stmt};
use crate::testing::Redis;
use crate::{Uuid, sql_types as st};

fn update() -> Stmt {
    Stmt::new()
        .sql("UPDATE items SET version = version + 1 WHERE id = ")
        .bind::<BigInt, _>(1)
        .sql(" RETURNING version")
        .part(Part::Fence)
        .touching(Effect::Row(
            "items",
            Uuid(uuid::Uuid::nil()).into(),
            Vec::new(),
        ))
}

async fn run(db: &Db, stmt: Stmt) -> DbResult<Vec<i64>> {
    db.load::<i64, st::BigInt>(Access::Write, stmt).await
}

impl Process {
    /// As [`try_write`](Self::try_write), by one statement behind a fence. `None`: not marked, or refused.
    pub(super) async fn try_write_fenced(&self) -> Option<i64> {
        let deps: Arc<[Dep]> = Arc::new([Dep::Row("items".into(), Uuid(uuid::Uuid::nil()).into())]);
        let (token, fence) = self.cache.mark_fenced(deps).await?;
        let written = run(&self.db, update().fenced(fence)).await;
        self.cache.post(token).await;
        match written {
            Ok(versions) => versions.first().copied(),
            Err(DbError::Serialization) => None,
            Err(error) => panic!("{error}"),
        }
    }
}

/// Kills: a fence without the epoch; without the time; one that lets a statement through while the cache is off.
#[tokio::test]
async fn a_fence_is_true_of_its_own_epoch_only() {
    let (redis, database) = (Redis::start().unwrap(), database().await);
    let a = Process::with_redis(&database, redis.port()).await;
    assert!(a.cache.permit.fence().is_none());
    a.until_on().await;
    let fence = a.cache.permit.fence().expect("the cache is on");
    assert_eq!(
        run(&a.db, update().fenced(fence.clone())).await.unwrap(),
        [1]
    );
    let other = Fence {
        epoch: "another".into(),
        ..fence.clone()
    };
    let late = Fence {
        before: fence.before - 10.0,
        ..fence.clone()
    };
    for untrue in [other, late] {
        let refused = run(&a.db, update().fenced(untrue)).await;
        assert!(
            matches!(refused, Err(DbError::Serialization)),
            "{refused:?}"
        );
    }
    // From the sixth time on PostgreSQL may keep the statement's plan, in which the epoch stands.
    for version in 2..=10 {
        let written = run(&a.db, update().fenced(fence.clone())).await;
        assert_eq!(written.unwrap(), [version]);
    }
    let outside = connect(&database, false).await;
    for switch in ["mode = 'off'", "mode = 'on', epoch = 'another'"] {
        let switch = format!("UPDATE crud_cache_state SET {switch}");
        outside.batch(&switch).await.unwrap();
        let refused = run(&a.db, update().fenced(fence.clone())).await;
        assert!(
            matches!(refused, Err(DbError::Serialization)),
            "{refused:?}"
        );
    }
    assert_eq!(a.row().await, 10);
}

/// Kills: a function that says an epoch of before, since it was lost with its trigger; a server that does not start
/// then.
#[tokio::test]
async fn what_a_fence_asks_is_made_again_where_it_is_missing() {
    let (redis, database) = (Redis::start().unwrap(), database().await);
    let a = Process::with_redis(&database, redis.port()).await;
    a.until_on().await;
    let outside = connect(&database, false).await;
    outside
        .batch("DROP FUNCTION crud_cache_switched() CASCADE; UPDATE crud_cache_state SET epoch = 'another'")
        .await
        .unwrap();
    let _b = Process::with_redis(&database, redis.port()).await;
    let said = diesel::dsl::sql::<diesel::sql_types::Text>("SELECT crud_cache_epoch()");
    assert_eq!(outside.fetch::<String>(said).await.unwrap(), ["another"]);
}

/// Kills: a write that is given up, or done twice, because the epoch has changed between its mark and its statement.
#[tokio::test]
async fn a_write_whose_fence_is_not_true_runs_in_a_transaction() {
    let (redis, database) = (Redis::start().unwrap(), database().await);
    let a = Process::with_redis(&database, redis.port()).await;
    let last = diesel::dsl::sql::<diesel::sql_types::Text>(
        "SELECT string_agg(query, ';') FROM pg_stat_activity WHERE datname = current_database() \
         AND pid <> pg_backend_pid() AND application_name NOT LIKE 'crud cache%'",
    );
    a.db.attach(Cache::new(a.cache.clone()));
    a.until_on().await;
    let outside = connect(&database, false).await;
    assert_eq!(run(&a.db, update()).await.unwrap(), [1]);
    let said = outside.fetch::<String>(last.clone()).await.unwrap();
    assert!(said[0].contains("UPDATE items"), "{said:?}");
    assert!(!said[0].contains("COMMIT"), "{said:?}");
    outside
        .batch("UPDATE crud_cache_state SET epoch = 'another'")
        .await
        .unwrap();
    assert_eq!(run(&a.db, update()).await.unwrap(), [2]);
    let said = outside.fetch::<String>(last).await.unwrap();
    assert!(said[0].contains("COMMIT"), "{said:?}");
    assert_eq!(a.row().await, 2);
}
