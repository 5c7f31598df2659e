//! Pages, counts, and rows that the policy's predicate cannot judge: kept under the statement that answers them.

use bytes::Bytes;
use futures_util::future::BoxFuture;

use super::{database, read_into};
use crate::{
    Context, Result, Uuid,
    cache::{Entry, Failed, Loaded},
    db::{Executor as _, Stmt},
    operations::{
        Row,
        integers::Integers,
        key::{self, Kind},
        projection::JsonRows,
    },
    registry::Resource,
};

impl Context<'_> {
    /// A row as one statement answers it, kept under the statement. `None`: not kept.
    pub(in crate::operations) async fn cached_one(
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
    pub(in crate::operations) async fn cached_page(
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
    pub(in crate::operations) async fn cached_count(
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
}
