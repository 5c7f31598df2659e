//! Reads through the cache.
//!
//! A row is kept once for everyone, with all its fields, and the policy is asked about it on every request; a page and
//! a count are kept under the very statement that makes them, so that scope, filters, order and key cannot disagree.
//! What a read depends on is read off its SQL. Whatever cannot be answered so goes to the database.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;

use super::{
    Context, Place, Row,
    fault::database,
    integers::Integers,
    key::{self, Kind},
    projection::JsonRows,
    recover, statement,
};
use crate::{
    Error, Result, Uuid,
    cache::{Cache, Dep, Deps, Entry, Failed, Loaded},
    db::{Access, Db, DbError, Executor, Stmt},
    policy::{Predicate, Relation, Rule, Value, Verdict},
    query::Archived,
    registry::Resource,
    row::WholeRow,
};

/// How long it is remembered that a row is not there.
const ABSENT: std::time::Duration = std::time::Duration::from_secs(30);

/// Where a read looks.
#[derive(Clone, Copy)]
pub(super) struct Kept<'a> {
    cache: &'a Arc<Cache>,
    db: &'a Db,
}

/// A row that took part in a decision.
struct Used {
    entry: Entry,
    deps: Vec<Dep>,
    row: WholeRow,
}

impl<'a> Context<'a> {
    /// The cache, if reads of this entity may be answered from it here and now.
    fn kept(&self, r: &Resource) -> Option<Kept<'a>> {
        match self.place {
            // A transaction sees its own writes, which nobody else must.
            Place::Db(db) if r.cache_ttl.is_some() => {
                let cache = db.readable_cache()?;
                Some(Kept { cache, db })
            }
            Place::Db(_) | Place::Tx(_) => None,
        }
    }

    /// A row as the caller may see it; the inner `None` if there is none or he may not. The outer: ask the database.
    pub(super) async fn cached_get(
        &self,
        r: &Resource,
        id: Uuid,
        archived: Archived,
        rule: &Rule,
    ) -> Result<Option<Option<Row>>> {
        let Some(kept) = self.kept(r) else {
            return Ok(None);
        };
        let mut used = Vec::new();
        let Some(row) = self.whole_row(kept, r, id, &mut used).await? else {
            return Ok(None);
        };
        let verdict = match (
            row.is_there(),
            rule.predicate.judge(&|name| r.value(&row, name)),
        ) {
            (false, _) => Verdict::False,
            (true, Verdict::Pending) => {
                self.judge(kept, r, &row, &rule.predicate, &mut used)
                    .await?
            }
            (true, known) => known,
        };
        let is_seen = match verdict {
            Verdict::True => true,
            Verdict::False | Verdict::Null => false,
            Verdict::Pending | Verdict::Unknown => return Ok(None),
        };
        // Rows that were read one after the other: were they ever there together? The last one was current when the
        // others, which are still the same, were.
        used.pop();
        if !used.is_empty() && !kept.db.is_current().await {
            return Ok(None);
        }
        for used in &used {
            if !kept
                .cache
                .still(&used.entry, &used.deps, used.row.bytes())
                .await
            {
                return Ok(None);
            }
        }
        let is_asked_for = match archived {
            Archived::Any => true,
            Archived::Hidden => row.is_live(),
            Archived::Only => !row.is_live(),
        };
        if !row.is_there() || !is_seen || !(is_asked_for || !r.archivable) {
            return Ok(Some(None));
        }
        let json = r.get.cut(&row, &r.mask(self.principal));
        let version = row.version();
        Ok(Some(Some(Row { id, version, json })))
    }

    /// A row with all its fields, for the framework's own eyes. `None`: rows of this entity are not kept.
    async fn whole_row(
        &self,
        kept: Kept<'_>,
        r: &Resource,
        id: Uuid,
        used: &mut Vec<Used>,
    ) -> Result<Option<WholeRow>> {
        let (Some(ttl), Some(deps)) = (r.cache_ttl(), r.row_deps(self.registry, id)) else {
            return Ok(None);
        };
        let entry = Entry {
            of: r.endpoint,
            key: key::of_row(r.endpoint, id).into(),
        };
        let load = || -> BoxFuture<'static, Result<Loaded, Failed>> {
            let sql = statement::whole(r, id);
            let sink = JsonRows::whole(Arc::clone(&r.get), r.archivable);
            let db = kept.db.clone();
            Box::pin(async move {
                let rows = read_into::<JsonRows>(&db, sql, sink).await?;
                let body: Bytes = rows.into_whole().into();
                let ttl = if WholeRow::new(body.clone()).is_there() {
                    ttl
                } else {
                    ttl.min(ABSENT)
                };
                Ok(Loaded { body, ttl })
            })
        };
        let body = match kept
            .cache
            .through(
                kept.db.is_known_current(),
                kept.db.is_current(),
                entry.clone(),
                &deps,
                load,
            )
            .await
        {
            Ok(body) => body,
            Err(failed) => return Err(self.failed(r, failed).await),
        };
        let row = WholeRow::new(body);
        used.push(Used {
            entry,
            deps,
            row: row.clone(),
        });
        Ok(Some(row))
    }

    /// A verdict that needs other rows.
    fn judge<'f>(
        &'f self,
        kept: Kept<'f>,
        r: &'f Resource,
        row: &'f WholeRow,
        predicate: &'f Predicate,
        used: &'f mut Vec<Used>,
    ) -> BoxFuture<'f, Result<Verdict>> {
        Box::pin(async move {
            let value = |name: &str| r.value(row, name);
            let quick = predicate.judge(&value);
            match (quick, predicate) {
                (Verdict::Pending, Predicate::Related(relation)) => {
                    self.judge_related(kept, relation, value(relation.column), used)
                        .await
                }
                (Verdict::Pending, Predicate::All(many) | Predicate::Any(many)) => {
                    let is_all = matches!(predicate, Predicate::All(_));
                    let mut verdict = if is_all {
                        Verdict::True
                    } else {
                        Verdict::False
                    };
                    for one in many {
                        let next = self.judge(kept, r, row, one, used).await?;
                        verdict = if is_all {
                            verdict.and(next)
                        } else {
                            verdict.or(next)
                        };
                        if verdict
                            == (if is_all {
                                Verdict::False
                            } else {
                                Verdict::True
                            })
                        {
                            break;
                        }
                    }
                    Ok(verdict)
                }
                (known, _) => Ok(known),
            }
        })
    }

    async fn judge_related(
        &self,
        kept: Kept<'_>,
        relation: &Relation,
        value: Option<Value<'_>>,
        used: &mut Vec<Used>,
    ) -> Result<Verdict> {
        let target = self.registry.of_table(relation.target_table);
        let (Some(target), "id") = (target, relation.target_column) else {
            return Ok(Verdict::Unknown);
        };
        let id = match value {
            Some(Value::Uuid(id)) => id,
            Some(Value::Null) => return Ok(Verdict::False),
            _ => return Ok(Verdict::Unknown),
        };
        let Some(row) = self.whole_row(kept, target, id, used).await? else {
            return Ok(Verdict::Unknown);
        };
        if !row.is_there() {
            return Ok(Verdict::False);
        }
        let verdict = self.judge(kept, target, &row, &relation.rule, used).await?;
        // EXISTS is true or false, never unknown.
        Ok(if verdict == Verdict::Null {
            Verdict::False
        } else {
            verdict
        })
    }

    /// A row as one statement answers it, kept under the statement. `None`: not kept.
    pub(super) async fn cached_one(
        &self,
        r: &Resource,
        id: Uuid,
        sql: Stmt,
        sink: Box<JsonRows>,
    ) -> Result<Result<Option<Row>, (Stmt, Box<JsonRows>)>> {
        let found = self.cached_statement(r, Kind::Get, sql, sink, |rows: JsonRows| {
            let mut body = rows.version.to_le_bytes().to_vec();
            if rows.rows > 0 {
                body.extend_from_slice(&rows.out);
            }
            body
        });
        Ok(found.await?.map(|body| {
            let (version, json) = body.split_at_checked(8)?;
            (!json.is_empty()).then(|| Row {
                id,
                version: i64::from_le_bytes(version.try_into().unwrap_or_default()),
                json: body.slice(8..),
            })
        }))
    }

    /// The items of a page and how many rows the statement gave, kept under the statement.
    pub(super) async fn cached_page(
        &self,
        r: &Resource,
        sql: Stmt,
        sink: Box<JsonRows>,
    ) -> Result<Result<(usize, Bytes), (Stmt, Box<JsonRows>)>> {
        let found = self.cached_statement(r, Kind::Page, sql, sink, |rows: JsonRows| {
            let mut body = (rows.rows as u64).to_le_bytes().to_vec();
            body.extend_from_slice(&rows.out);
            body
        });
        Ok(found.await?.map(|body| {
            let rows = body
                .first_chunk()
                .map_or(0, |rows| u64::from_le_bytes(*rows));
            (usize::try_from(rows).unwrap_or(usize::MAX), body.slice(8..))
        }))
    }

    /// How many rows there are, kept under the statement.
    pub(super) async fn cached_count(
        &self,
        r: &Resource,
        sql: Stmt,
    ) -> Result<Result<i64, (Stmt, Box<Integers>)>> {
        let sink = Box::new(Integers::default());
        let found = self.cached_statement(r, Kind::Count, sql, sink, |count: Integers| {
            count.first().unwrap_or_default().to_le_bytes().to_vec()
        });
        Ok(found.await?.map(|body| {
            body.first_chunk()
                .map_or(0, |count| i64::from_le_bytes(*count))
        }))
    }

    /// A body under its statement; the statement back if it is not kept.
    async fn cached_statement<S: crate::db::Sink>(
        &self,
        r: &Resource,
        kind: Kind,
        sql: Stmt,
        sink: Box<S>,
        encode: fn(S) -> Vec<u8>,
    ) -> Result<Result<Bytes, (Stmt, Box<S>)>> {
        let (Some(kept), Some(ttl)) = (self.kept(r), r.cache_ttl()) else {
            return Ok(Err((sql, sink)));
        };
        let (key, text) = match key::of_statement(kind, r.endpoint, kept.db.kind(), &sql) {
            Ok(named) => named,
            Err(error) => return Err(database(r, self, error, &[]).await),
        };
        let Some(deps) = self.registry.made_of(&text) else {
            return Ok(Err((sql, sink)));
        };
        let entry = Entry {
            of: r.endpoint,
            key: key.into(),
        };
        let load = || -> BoxFuture<'static, Result<Loaded, Failed>> {
            let db = kept.db.clone();
            Box::pin(async move {
                let rows = read_into::<S>(&db, sql, sink).await?;
                let body = encode(*rows).into();
                Ok(Loaded { body, ttl })
            })
        };
        match kept
            .cache
            .through(
                kept.db.is_known_current(),
                kept.db.is_current(),
                entry,
                &deps,
                load,
            )
            .await
        {
            Ok(body) => Ok(Ok(body)),
            Err(failed) => Err(self.failed(r, failed).await),
        }
    }

    /// A load's failure, for one of those who waited for it.
    async fn failed(&self, r: &Resource, failed: Failed) -> Error {
        match failed {
            Failed::Db(error) => database(r, self, again(&error), &[]).await,
            Failed::Other(error) => error.again(),
            Failed::Lost => Error::internal("a load of the cache panicked"),
        }
    }

    /// A value of one's own through the cache: `load` runs if there is none that is current. Whoever reads anything but
    /// `deps` in it gets stale answers; whatever the answer depends on beside them (the caller!) belongs in `key`.
    ///
    /// Inside a transaction it always loads.
    ///
    /// # Errors
    /// Those of `load`.
    pub async fn cached<V, F>(
        &self,
        name: &'static str,
        key: &str,
        ttl: std::time::Duration,
        deps: Deps,
        load: F,
    ) -> Result<V>
    where
        V: serde::Serialize + serde::de::DeserializeOwned,
        F: Future<Output = Result<V>> + Send + 'static,
    {
        match self.place {
            Place::Db(db) => db.cached(name, key, ttl, deps, load).await,
            Place::Tx(_) => load.await,
        }
    }
}

impl Db {
    /// As [`Context::cached`], for who has no context: an authenticator, a job.
    ///
    /// # Errors
    /// Those of `load`.
    pub async fn cached<V, F>(
        &self,
        name: &'static str,
        key: &str,
        ttl: std::time::Duration,
        deps: Deps,
        load: F,
    ) -> Result<V>
    where
        V: serde::Serialize + serde::de::DeserializeOwned,
        F: Future<Output = Result<V>> + Send + 'static,
    {
        let Some(cache) = self.readable_cache() else {
            return load.await;
        };
        let mut full = Vec::with_capacity(name.len() + key.len() + 2);
        full.push(0);
        full.extend_from_slice(name.as_bytes());
        full.push(0);
        full.extend_from_slice(key.as_bytes());
        let entry = Entry {
            of: name,
            key: full.into(),
        };
        let load = || -> BoxFuture<'static, Result<Loaded, Failed>> {
            Box::pin(async move {
                let value = load.await.map_err(|error| Failed::Other(Arc::new(error)))?;
                let body = serde_json::to_vec(&value)
                    .map_err(|error| Failed::Other(Arc::new(Error::internal(error))))?;
                Ok(Loaded {
                    body: body.into(),
                    ttl,
                })
            })
        };
        match cache
            .through(
                self.is_known_current(),
                self.is_current(),
                entry,
                &deps.0,
                load,
            )
            .await
        {
            Ok(body) => serde_json::from_slice(&body).map_err(Error::internal),
            Err(Failed::Other(error)) => Err(match Arc::try_unwrap(error) {
                Ok(error) => error,
                Err(shared) => shared.again(),
            }),
            Err(Failed::Db(error)) => Err(Error::internal(again(&error))),
            Err(Failed::Lost) => Err(Error::internal("a load of the cache panicked")),
        }
    }
}

async fn read_into<S: crate::db::Sink>(db: &Db, sql: Stmt, sink: Box<S>) -> Result<Box<S>, Failed> {
    match db.load_into(Access::Read, sql, sink).await {
        Ok(sink) => recover(sink).map_err(|error| Failed::Other(Arc::new(error))),
        Err(error) => Err(Failed::Db(Arc::new(error))),
    }
}

/// The same error for another reader.
fn again(error: &DbError) -> DbError {
    match error {
        DbError::Timeout => DbError::Timeout,
        DbError::Serialization => DbError::Serialization,
        DbError::LockNotAvailable => DbError::LockNotAvailable,
        DbError::Busy(why) => DbError::Busy(why),
        DbError::Unavailable(why) => DbError::Unavailable(why.clone()),
        DbError::Value(why) => DbError::Value(why.clone()),
        other => DbError::Other(other.to_string().into()),
    }
}
