//! Pages, counts, and rows that the policy's predicate cannot judge: kept under the statement that answers them.

use bytes::Bytes;

use super::{Kept, Named, database, read_into};
use crate::{
    Context, Result,
    cache::{Dep, Entry, Load, Loaded},
    db::{Executor as _, Stmt},
    id::Id,
    operations::{
        Row,
        integers::Integers,
        key::{self, Kind},
        projection::JsonRows,
        reads::Items,
    },
    registry::Resource,
};

impl Context<'_> {
    /// A row as one statement answers it, kept under the statement. `None`: not kept.
    pub(super) async fn cached_one(
        &self,
        kept: Kept<'_>,
        r: &Resource,
        id: &Id,
        sql: Stmt,
        sink: Box<JsonRows>,
    ) -> Result<Result<Option<Row>, (Stmt, Box<JsonRows>)>> {
        let name = Named::new(Kind::Get, sink.form());
        let found = self.cached_statement(kept, r, name, sql, sink, |rows: JsonRows| {
            let mut body = rows.version.to_le_bytes().to_vec();
            if rows.rows > 0 {
                body.extend_from_slice(&rows.out);
            }
            body
        });
        Ok(found.await?.map(|body| {
            let (version, json) = body.split_at_checked(8)?;
            (!json.is_empty()).then(|| Row {
                id: id.clone(),
                version: i64::from_le_bytes(version.try_into().unwrap_or_default()),
                json: body.slice(8..),
            })
        }))
    }

    /// A page and how many rows the statement gave, kept under the statement.
    pub(in crate::operations) async fn cached_page(
        &self,
        kept: Kept<'_>,
        r: &Resource,
        sql: Stmt,
        sink: Box<JsonRows>,
        backward: bool,
        part: Option<Dep>,
    ) -> Result<Result<Items, (Stmt, Box<JsonRows>)>> {
        // The same statement reads forward what another order reads backward.
        let (kind, encode): (_, fn(JsonRows) -> Vec<u8>) = match backward {
            true => (Kind::PageBack, |rows| rows.into_page(true).encode()),
            false => (Kind::Page, |rows| rows.into_page(false).encode()),
        };
        let name = Named::new(kind, sink.form()).within(part);
        let found = self.cached_statement(kept, r, name, sql, sink, encode);
        Ok(found.await?.map(|body| Items::decode(&body)))
    }

    /// How many rows there are, kept under the statement.
    pub(in crate::operations) async fn cached_count(
        &self,
        kept: Kept<'_>,
        r: &Resource,
        sql: Stmt,
        sink: Box<Integers>,
        part: Option<Dep>,
    ) -> Result<Result<i64, (Stmt, Box<Integers>)>> {
        let name = Named::new(Kind::Count, [0; 16]).within(part);
        let found = self.cached_statement(kept, r, name, sql, sink, |count: Integers| {
            count.first().unwrap_or_default().to_le_bytes().to_vec()
        });
        Ok(found.await?.map(|body| {
            body.first_chunk()
                .map_or(0, |count| i64::from_le_bytes(*count))
        }))
    }

    /// A body under its statement; the statement back if it is not kept.
    pub(in crate::operations) async fn cached_statement<S: crate::db::Sink>(
        &self,
        kept: Kept<'_>,
        r: &Resource,
        name: Named,
        sql: Stmt,
        sink: Box<S>,
        encode: fn(S) -> Vec<u8>,
    ) -> Result<Result<Bytes, (Stmt, Box<S>)>> {
        let Some(ttl) = r.cache_ttl() else {
            return Ok(Err((sql, sink)));
        };
        let (mut key, text) =
            match key::of_statement(name.kind, r.endpoint, &name.form, kept.db.kind(), &sql) {
                Ok(named) => named,
                Err(error) => return Err(database(r, self, error, &[]).await),
            };
        // A page has its cursors in it.
        if let (Kind::Page | Kind::PageBack | Kind::Keyed | Kind::KeyedBack, Some(cursors)) =
            (name.kind, self.registry.cursors())
        {
            key.extend_from_slice(cursors.fingerprint());
        }
        let Some(made_of) = self.registry.made_of(&text) else {
            return Ok(Err((sql, sink)));
        };
        let deps = name.deps(r, &made_of);
        let entry = Entry {
            of: r.endpoint,
            key: key.into(),
        };
        let load = || -> Load {
            let db = kept.db.clone();
            Box::pin(async move {
                let rows = read_into::<S>(&db, sql, sink).await?;
                let body = encode(*rows).into();
                Ok(Loaded { body, ttl })
            })
        };
        match kept.cache.through(kept.db, entry, &deps, load).await {
            Ok(body) => Ok(Ok(body)),
            Err(failed) => Err(self.failed(r, failed).await),
        }
    }
}
