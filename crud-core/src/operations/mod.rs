//! What can be done with an entity: policy → statement → database → row, for every transport alike
//! (HTTP, jobs, imports, tests). Knows no HTTP and no entity; every function is compiled once.

mod again;
mod around;
mod cached;
mod fault;
mod find;
mod include;
mod insert;
mod integers;
pub(crate) mod key;
mod many;
mod projection;
mod statement;
mod typed;

use std::sync::Arc;

use bytes::Bytes;

use self::{
    fault::{database, refused},
    integers::Integers,
    projection::JsonRows,
};
use crate::{
    Error, Result, Timestamp, Uuid,
    db::{Access, Db, DbError, Executor, Frag, Stmt, Tx, bind},
    dto::Assignment,
    hook::Fault,
    policy::{Action, Rule},
    principal::Principal,
    query::{Archived, ListRequest, Total},
    registry::{Registry, Resource},
    sql_types as st,
};

pub(crate) use projection::Projection;
pub(crate) use statement::whole_of;

/// On whose behalf, and where, an operation runs.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    pub(crate) registry: &'a Registry,
    pub(crate) principal: &'a Principal,
    place: Place<'a>,
    /// The database beside the transaction, to ask it why it refused something.
    beside: Option<&'a Db>,
}

#[derive(Clone, Copy)]
enum Place<'a> {
    /// Each statement by itself.
    Db(&'a Db),
    /// Everything in one transaction, which its owner commits.
    Tx(&'a Tx),
}

/// One row, as the entity's `Get` DTO shows it to this principal.
#[derive(Debug, Clone)]
pub struct Row {
    /// Its id.
    pub id: Uuid,
    /// Its version.
    pub version: i64,
    /// The DTO as JSON.
    pub json: Bytes,
}

/// A page of a list.
pub struct Listing {
    /// The whole envelope as JSON: `{"items": […], "total": …, …}`.
    pub json: Bytes,
    /// How many rows there are on all pages, if they were counted.
    pub total: Option<i64>,
    /// Whether rows follow this page.
    pub more: bool,
}

/// Pages beyond this offset are not cached.
const DEEPEST_KEPT: i64 = 10_000;

/// The versions of which `If-Match` accepts one; `None`: any.
pub(crate) type Expected<'a> = Option<&'a [i64]>;

impl<'a> Context<'a> {
    /// Runs each statement by itself on the database.
    pub const fn new(registry: &'a Registry, db: &'a Db, principal: &'a Principal) -> Self {
        Self {
            registry,
            principal,
            place: Place::Db(db),
            beside: Some(db),
        }
    }

    /// Runs every statement inside a transaction, which its owner commits.
    pub const fn within(registry: &'a Registry, tx: &'a Tx, principal: &'a Principal) -> Self {
        Self {
            registry,
            principal,
            place: Place::Tx(tx),
            beside: None,
        }
    }

    /// The transaction in which everything runs, if there is one.
    pub const fn tx(&self) -> Option<&'a Tx> {
        match self.place {
            Place::Tx(tx) => Some(tx),
            Place::Db(_) => None,
        }
    }

    /// The database, where each statement runs by itself.
    pub(crate) const fn db(&self) -> Option<&'a Db> {
        match self.place {
            Place::Db(db) => Some(db),
            Place::Tx(_) => None,
        }
    }

    /// The same place, on behalf of the server itself, whom every policy lets pass.
    #[must_use]
    pub const fn as_system(&self) -> Self {
        static SYSTEM: Principal = Principal::system();
        Self {
            registry: self.registry,
            principal: &SYSTEM,
            place: self.place,
            beside: self.beside,
        }
    }

    fn executor(&self) -> &'a dyn Executor {
        match self.place {
            Place::Db(db) => db,
            Place::Tx(tx) => tx,
        }
    }

    /// The scope of an action on rows that are not known beforehand.
    ///
    /// # Errors
    /// 401 or 403 if it is empty.
    pub(crate) fn admit(&self, r: &Resource, action: Action) -> Result<Rule> {
        let rule = r.rule(self.principal, action);
        if rule.is_never() {
            return Err(refused(r, self.principal, action, &rule));
        }
        Ok(rule)
    }

    /// Reads one row.
    ///
    /// # Errors
    /// 404 if there is none, or the principal may not see it; 401 if nobody is signed in where
    /// that is needed.
    pub(crate) async fn get_row(&self, r: &Resource, id: Uuid, archived: Archived) -> Result<Row> {
        let rule = r.rule(self.principal, Action::Get);
        if rule.is_never() {
            return Err(self.hidden(r, id));
        }
        if let Some(found) = self.cached_get(r, id, archived, &rule).await? {
            return found.ok_or_else(|| r.missing(id));
        }
        let projection = r.get.masked(&r.mask(self.principal));
        let sql = statement::get(r, &projection.select, id, archived, &rule);
        let sink = JsonRows::one(projection, false);
        let found = match self.cached_one(r, id, sql, sink).await? {
            Ok(found) => found,
            Err((sql, sink)) => row(id, *self.load(r, Access::Read, sql, sink).await?),
        };
        found.ok_or_else(|| r.missing(id))
    }

    /// Reads a page.
    ///
    /// # Errors
    /// 401 or 403 if the principal may list no row at all.
    pub(crate) async fn list_rows(&self, r: &Resource, request: &ListRequest) -> Result<Listing> {
        if let Some(include) = &request.include {
            return Box::pin(self.list_with(r, request, include)).await;
        }
        let rule = self.admit(r, Action::List)?;
        let projection = r.list.masked(&r.mask(self.principal));
        let sql = statement::list(r, &projection.select, request, &rule);
        let limit = usize::try_from(request.page.limit).unwrap_or_default();
        let items = self.items(
            r,
            sql,
            JsonRows::many(projection, limit, Vec::new()),
            request,
        );
        let (items, total) = match request.total {
            Total::None => (items.await?, None),
            Total::Exact => {
                let count = self.count(r, statement::count(r, request, &rule));
                let (items, count) = match self.place {
                    // Two connections, so neither waits for the other.
                    Place::Db(_) => tokio::try_join!(items, count)?,
                    Place::Tx(_) => (items.await?, count.await?),
                };
                (items, Some(count))
            }
        };
        Ok(envelope(items, total, request))
    }

    async fn items(
        &self,
        r: &Resource,
        sql: Stmt,
        sink: Box<JsonRows>,
        request: &ListRequest,
    ) -> Result<(usize, Bytes)> {
        // Deep pages hardly come twice.
        let found = match request.page.offset > DEEPEST_KEPT {
            true => Err((sql, sink)),
            false => self.cached_page(r, sql, sink).await?,
        };
        match found {
            Ok(found) => Ok(found),
            Err((sql, sink)) => {
                let rows = self.load(r, Access::Read, sql, sink).await?;
                Ok((rows.rows, rows.out.into()))
            }
        }
    }

    async fn count(&self, r: &Resource, sql: Stmt) -> Result<i64> {
        match self.cached_count(r, sql).await? {
            Ok(count) => Ok(count),
            Err((sql, sink)) => {
                let count = self.load(r, Access::Read, sql, sink).await?;
                Ok(count.first().unwrap_or_default())
            }
        }
    }

    /// Writes a new row.
    ///
    /// # Errors
    /// 401 or 403 if the principal may not write such a row; 409 and 422 by the database.
    pub(crate) async fn create_row(&self, r: &Resource, set: Vec<Assignment>) -> Result<Row> {
        let rule = self.admit(r, Action::Create)?;
        if let Some(tx) = self.transaction(r).await? {
            let cx = self.inside(&tx);
            let row = Box::pin(cx.create_row(r, set)).await?;
            return self.committed(r, tx, row).await;
        }
        let mut set = self.before(r, Action::Create, None, set).await?;
        let changed = columns(r, &set);
        let id = Uuid::now_v7();
        let value = self.stamp(&mut set);
        set.push(Assignment {
            column: "created_at",
            value,
        });
        let by = self.author();
        set.push(Assignment {
            column: "created_by",
            value: by,
        });
        set.push(Assignment {
            column: "id",
            value: bind::<st::Uuid, _>(id),
        });
        let projection = r.get.masked(&r.mask(self.principal));
        let check = (!rule.is_always()).then_some(&rule);
        let sql = statement::insert(r, id, &set, &projection.select, check);
        let rows = JsonRows::one(projection, check.is_some());
        let rows = self
            .write(r, Action::Create, &rule, sql, rows, &set)
            .await?;
        let row = row(id, *rows).ok_or_else(|| Error::internal("an insert returned no row"))?;
        self.after(r, Action::Create, None, Some(id), changed)
            .await?;
        Ok(row)
    }

    /// Changes a row.
    ///
    /// # Errors
    /// 404, 403, 412 and 409 as the row's state has it; 409 and 422 by the database.
    pub(crate) async fn update_row(
        &self,
        r: &Resource,
        id: Uuid,
        set: Vec<Assignment>,
        expected: Expected<'_>,
    ) -> Result<Row> {
        self.change(r, Action::Update, id, set, expected).await
    }

    /// Archives a row; one that is archived stays as it is.
    ///
    /// # Errors
    /// As [`update_row`](Self::update_row).
    pub(crate) async fn archive_row(
        &self,
        r: &Resource,
        id: Uuid,
        expected: Expected<'_>,
    ) -> Result<Row> {
        self.change(r, Action::Archive, id, Vec::new(), expected)
            .await
    }

    /// Brings an archived row back; one that is not archived stays as it is.
    ///
    /// # Errors
    /// As [`update_row`](Self::update_row).
    pub(crate) async fn restore_row(
        &self,
        r: &Resource,
        id: Uuid,
        expected: Expected<'_>,
    ) -> Result<Row> {
        let set = vec![Assignment {
            column: "archived_at",
            value: statement::null(),
        }];
        self.change(r, Action::Restore, id, set, expected).await
    }

    /// Removes a row for good.
    ///
    /// # Errors
    /// 404, 403 and 412 as the row's state has it; 409 if other rows still refer to it.
    pub(crate) async fn delete_row(
        &self,
        r: &Resource,
        id: Uuid,
        expected: Expected<'_>,
    ) -> Result<()> {
        let rule = r.rule(self.principal, Action::Delete);
        if rule.is_never() {
            return Err(self.untouched(r, Action::Delete, id, &rule, expected).await);
        }
        if let Some(tx) = self.transaction(r).await? {
            let cx = self.inside(&tx);
            Box::pin(cx.delete_row(r, id, expected)).await?;
            return self.committed(r, tx, ()).await;
        }
        let old = self.old(r, id, Archived::Any, &rule).await?;
        if old.is_some() {
            self.before(r, Action::Delete, old.clone(), Vec::new())
                .await?;
        }
        let sql = statement::delete(r, id, &rule, expected);
        let deleted = match self.executor().execute(sql).await {
            Ok(deleted) => deleted,
            Err(error) => return Err(database(r, self, error, &[]).await),
        };
        if deleted == 0 {
            return Err(self.untouched(r, Action::Delete, id, &rule, expected).await);
        }
        self.after(r, Action::Delete, old, None, Vec::new()).await
    }

    /// `UPDATE`, in whatever words.
    async fn change(
        &self,
        r: &Resource,
        action: Action,
        id: Uuid,
        set: Vec<Assignment>,
        expected: Expected<'_>,
    ) -> Result<Row> {
        let rule = r.rule(self.principal, action);
        if rule.is_never() {
            return Err(self.untouched(r, action, id, &rule, expected).await);
        }
        if let Some(tx) = self.transaction(r).await? {
            let cx = self.inside(&tx);
            let row = Box::pin(cx.change(r, action, id, set, expected)).await?;
            return self.committed(r, tx, row).await;
        }
        let archived = match action {
            Action::Restore => Archived::Only,
            _ => Archived::Hidden,
        };
        let old = self.old(r, id, archived, &rule).await?;
        let mut set = match old.is_some() {
            true => self.before(r, action, old.clone(), set).await?,
            false => set,
        };
        let written = columns(r, &set);
        let now = self.stamp(&mut set);
        if action == Action::Archive {
            set.push(Assignment {
                column: "archived_at",
                value: now,
            });
        }
        let changed = |name: &str| set.iter().any(|a| a.column == name);
        // The scope held before the write; it can only fail after it if the write touches it.
        let check = rule.predicate.mentions(&changed).then_some(&rule);
        let projection = r.get.masked(&r.mask(self.principal));
        let select = &projection.select;
        let sql = statement::update(r, id, &set, archived, &rule, expected, select, check);
        let rows = JsonRows::one(Arc::clone(&projection), check.is_some());
        let rows = self.write(r, action, &rule, sql, rows, &set).await?;
        if let Some(row) = row(id, *rows) {
            self.after(r, action, old, Some(id), written).await?;
            return Ok(row);
        }
        match Box::pin(self.untouched(r, action, id, &rule, expected)).await {
            // Archived already, or not archived: nothing to do.
            Error::Conflict {
                code: "unchanged", ..
            } => self.get_row(r, id, Archived::Any).await,
            error => Err(error),
        }
    }

    /// Why a write touched no row.
    async fn untouched(
        &self,
        r: &Resource,
        action: Action,
        id: Uuid,
        rule: &Rule,
        expected: Expected<'_>,
    ) -> Error {
        if rule.is_never() && self.principal.is_anonymous() {
            return refused(r, self.principal, action, rule);
        }
        let visible = r.rule(self.principal, Action::Get);
        if visible.is_never() {
            return self.hidden(r, id);
        }
        let sql = statement::diagnose(r, id, &visible, rule);
        let found = self.load(r, Access::Read, sql, Box::new(Integers::default()));
        let found = match found.await {
            Ok(found) => found.values,
            Err(error) => return error,
        };
        let [version, archived, allowed] = found[..] else {
            return r.missing(id);
        };
        if allowed == 0 {
            return refused(r, self.principal, action, rule);
        }
        if expected.is_some_and(|versions| !versions.contains(&version)) {
            return Error::PreconditionFailed {
                current: crate::etag::of(id, version),
            };
        }
        fault::state(r, action, archived != 0)
    }

    /// The answer for a row outside of every scope: as if it did not exist.
    fn hidden(&self, r: &Resource, id: Uuid) -> Error {
        if self.principal.is_anonymous() {
            Error::Unauthenticated("Sign in to do this".into())
        } else {
            r.missing(id)
        }
    }

    /// Sets `updated_at` and `updated_by`; gives the time of the write.
    fn stamp(&self, set: &mut Vec<Assignment>) -> Frag {
        let now = bind::<st::Timestamptz, _>(Timestamp::now());
        set.push(Assignment {
            column: "updated_at",
            value: now.clone(),
        });
        let value = self.author();
        set.push(Assignment {
            column: "updated_by",
            value,
        });
        now
    }

    fn author(&self) -> Frag {
        let id = self.principal.id();
        bind::<diesel::sql_types::Nullable<st::Uuid>, _>(id)
    }

    async fn load<S: crate::db::Sink>(
        &self,
        r: &Resource,
        access: Access,
        sql: Stmt,
        sink: Box<S>,
    ) -> Result<Box<S>> {
        match self.executor().load_into(access, sql, sink).await {
            Ok(sink) => recover(sink),
            Err(error) => Err(database(r, self, error, &[]).await),
        }
    }

    /// Runs a write; where its verdict on the new values is asked for, in a transaction that a bad
    /// verdict rolls back.
    async fn write(
        &self,
        r: &Resource,
        action: Action,
        rule: &Rule,
        sql: Stmt,
        rows: Box<JsonRows>,
        set: &[Assignment],
    ) -> Result<Box<JsonRows>> {
        if !r.numbered.is_empty() && again::is_numbered(r, set) {
            return Box::pin(self.write_numbered(r, action, rule, sql, rows, set)).await;
        }
        self.write_once(r, action, rule, sql, rows, set).await
    }

    async fn write_once(
        &self,
        r: &Resource,
        action: Action,
        rule: &Rule,
        sql: Stmt,
        rows: Box<JsonRows>,
        set: &[Assignment],
    ) -> Result<Box<JsonRows>> {
        match self.place {
            // Boxed, or each plain write would carry a transaction's future about.
            Place::Db(db) if rows.with_verdict => {
                Box::pin(self.write_judged(r, action, rule, sql, rows, set, db)).await
            }
            _ => {
                let executor = self.executor();
                self.run(r, action, rule, sql, rows, set, executor).await
            }
        }
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "one call, split off for its size"
    )]
    async fn write_judged(
        &self,
        r: &Resource,
        action: Action,
        rule: &Rule,
        sql: Stmt,
        rows: Box<JsonRows>,
        set: &[Assignment],
        db: &Db,
    ) -> Result<Box<JsonRows>> {
        let tx = match db.begin().await {
            Ok(tx) => tx,
            Err(error) => return Err(database(r, self, error, set).await),
        };
        // Dropping the transaction rolls it back.
        let rows = self.run(r, action, rule, sql, rows, set, &tx).await?;
        match tx.commit().await {
            Ok(()) => Ok(rows),
            Err(error) => Err(database(r, self, error, set).await),
        }
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "one call, split off for its two callers"
    )]
    async fn run(
        &self,
        r: &Resource,
        action: Action,
        rule: &Rule,
        sql: Stmt,
        rows: Box<JsonRows>,
        set: &[Assignment],
        executor: &dyn Executor,
    ) -> Result<Box<JsonRows>> {
        let rows = match executor.load_into(Access::Write, sql, rows).await {
            Ok(sink) => recover::<JsonRows>(sink)?,
            Err(error) if let Some(said) = Fault::of(&error).and_then(|f| (r.explain)(&f)) => {
                return Err(said);
            }
            // A row that refers to nothing, and one that refers to what the caller may not touch,
            // get the same answer, or the difference would tell what exists.
            Err(DbError::ForeignKey { .. }) if !rule.is_always() && action != Action::Delete => {
                return Err(refused(r, self.principal, action, rule));
            }
            Err(error) => return Err(database(r, self, error, set).await),
        };
        if rows.allowed {
            return Ok(rows);
        }
        if let Place::Tx(tx) = self.place {
            tx.doom();
        }
        Err(refused(r, self.principal, action, rule))
    }
}

/// The columns that a hook is told of.
fn columns(r: &Resource, set: &[Assignment]) -> Vec<&'static str> {
    match r.after_write {
        Some(_) => set.iter().map(|a| a.column).collect(),
        None => Vec::new(),
    }
}

/// The sink comes back as it went in.
fn recover<S: crate::db::Sink>(sink: Box<dyn crate::db::Sink>) -> Result<Box<S>> {
    let sink: Box<dyn std::any::Any> = sink;
    sink.downcast()
        .map_err(|_| Error::internal("a statement came back with another sink"))
}

fn row(id: Uuid, rows: JsonRows) -> Option<Row> {
    (rows.rows > 0).then(|| Row {
        id,
        version: rows.version,
        json: rows.out.into(),
    })
}

/// Closes the envelope that the sink began.
fn envelope((rows, items): (usize, Bytes), total: Option<i64>, request: &ListRequest) -> Listing {
    use std::io::Write;
    let page = request.page;
    let more = match total {
        Some(total) => page.offset.saturating_add(page.limit) < total,
        None => i64::try_from(rows).is_ok_and(|rows| rows > page.limit),
    };
    let mut json = Vec::with_capacity(items.len() + 128);
    json.extend_from_slice(b"{\"items\":[");
    json.extend_from_slice(&items);
    let pages = total.map(|total| (total + page.limit - 1) / page.limit);
    let text = |number: Option<i64>| number.map_or_else(|| "null".to_owned(), |n| n.to_string());
    // Writing to a Vec cannot fail.
    let _ = write!(
        json,
        "],\"total\":{},\"page\":{},\"page_size\":{},\"pages\":{},\"next_cursor\":null}}",
        text(total),
        page.number(),
        page.limit,
        text(pages)
    );
    Listing {
        json: json.into(),
        total,
        more,
    }
}
