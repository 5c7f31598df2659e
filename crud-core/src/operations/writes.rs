//! Writing rows: one statement each, and why it did not do what it should have.

use std::sync::Arc;

use super::{
    Context, Place, Row, again,
    fault::{self, database, refused},
    history,
    integers::Integers,
    new_id,
    partition::Tried,
    projection::JsonRows,
    recover, row, statement,
};
use crate::{
    Error, Result, Timestamp,
    db::{Access, Db, DbError, Effect, Executor, Frag, Stmt, bind},
    dto::Assignment,
    hook::Fault,
    id::{Id, IdKind},
    policy::{Action, Rule},
    query::Archived,
    registry::Resource,
    sql_types as st,
};

/// The versions of which `If-Match` accepts one; `None`: any.
pub(crate) type Expected<'a> = Option<&'a [i64]>;

impl Context<'_> {
    /// Writes a new row.
    ///
    /// # Errors
    /// 401 or 403 if the principal may not write such a row; 409 and 422 by the database.
    pub(crate) async fn create_row(&self, r: &Resource, set: Vec<Assignment>) -> Result<Row> {
        let id = self.new_id(r, &set).await?;
        self.create_row_as(r, id, set).await
    }

    /// Writes a new row under an id that is new as well.
    ///
    /// # Errors
    /// As [`create_row`](Self::create_row).
    pub(super) async fn create_row_as(
        &self,
        r: &Resource,
        id: Id,
        set: Vec<Assignment>,
    ) -> Result<Row> {
        let rule = self.admit(r, Action::Create)?;
        match r.has_hooks() {
            true => Box::pin(self.create_with_hooks(r, &id, set, &rule)).await,
            false => self.run_insert(r, &id, set, &rule).await,
        }
    }

    /// `INSERT`.
    pub(super) async fn run_insert(
        &self,
        r: &Resource,
        id: &Id,
        mut set: Vec<Assignment>,
        rule: &Rule,
    ) -> Result<Row> {
        let is_unheard = self.is_unheard_of(r, &set);
        self.sign(r, id, &mut set);
        let parts = r.parts_of_new(&set);
        let effect = match is_unheard {
            true => Effect::Unheard(r.shape.name, parts),
            false => Effect::Row(r.shape.name, id.clone(), parts),
        };
        let projection = r.get.masked(&r.mask(self.principal));
        let check = (!rule.is_always()).then_some(rule);
        let sql = statement::insert(r, &set, &projection.select, check, effect);
        let rows = JsonRows::one(projection, check.is_some());
        let rows = self.write(r, Action::Create, rule, sql, rows, &set).await?;
        row(id.clone(), *rows).ok_or_else(|| Error::internal("an insert returned no row"))
    }

    /// Whether nobody can ask for a new row before it is there: its id is just made, and there is no transaction in which
    /// a hook or the application is told of it.
    fn is_unheard_of(&self, r: &Resource, set: &[Assignment]) -> bool {
        matches!(self.place, Place::Db(_)) && is_just_made(r, set)
    }

    /// Changes a row.
    ///
    /// # Errors
    /// 404, 403, 412 and 409 as the row's state has it; 409 and 422 by the database.
    pub(crate) async fn update_row(
        &self,
        r: &Resource,
        id: &Id,
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
        id: &Id,
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
        id: &Id,
        expected: Expected<'_>,
    ) -> Result<Row> {
        let set = vec![Assignment::new("archived_at", statement::null())];
        self.change(r, Action::Restore, id, set, expected).await
    }

    /// Removes a row for good.
    ///
    /// # Errors
    /// 404, 403 and 412 as the row's state has it; 409 if other rows still refer to it.
    pub(crate) async fn delete_row(
        &self,
        r: &Resource,
        id: &Id,
        expected: Expected<'_>,
    ) -> Result<()> {
        let rule = r.rule(self.principal, Action::Delete);
        if rule.is_never() {
            return Err(self.untouched(r, Action::Delete, id, &rule, expected).await);
        }
        let deleted = match r.changes_in_transaction() {
            true => Box::pin(self.delete_with_hooks(r, id, expected, &rule)).await?,
            false => self.run_delete(r, id, expected, &rule).await?,
        };
        match deleted {
            true => Ok(()),
            false => Err(self.untouched(r, Action::Delete, id, &rule, expected).await),
        }
    }

    /// `DELETE`; `false`: there is no such row, or not for the caller.
    pub(super) async fn run_delete(
        &self,
        r: &Resource,
        id: &Id,
        expected: Expected<'_>,
        rule: &Rule,
    ) -> Result<bool> {
        let mut tried = Tried::default();
        while let Some(home) = self.next_home(r, id, &mut tried).await? {
            let sql = statement::delete(r, id, rule, expected, &home);
            match self.executor().execute(sql).await {
                Ok(0) => {}
                Ok(_) => return Ok(true),
                Err(error) => return Err(database(r, self, error, &[]).await),
            }
        }
        Ok(false)
    }

    async fn change(
        &self,
        r: &Resource,
        action: Action,
        id: &Id,
        mut set: Vec<Assignment>,
        expected: Expected<'_>,
    ) -> Result<Row> {
        new_id::unchanged(r, id, &mut set)?;
        let rule = r.rule(self.principal, action);
        if rule.is_never() {
            return Err(Box::pin(self.untouched(r, action, id, &rule, expected)).await);
        }
        let changed = match r.changes_in_transaction() {
            true => Box::pin(self.change_with_hooks(r, action, id, set, expected, &rule)).await?,
            false => self.run_update(r, action, id, set, expected, &rule).await?,
        };
        if let Some(row) = changed {
            return Ok(row);
        }
        match Box::pin(self.untouched(r, action, id, &rule, expected)).await {
            // Archived already, or not archived: nothing to do.
            Error::Conflict {
                code: "unchanged", ..
            } => Box::pin(self.get_row(r, id, Archived::Any, None)).await,
            error => Err(error),
        }
    }

    /// `UPDATE`, in whatever words. `None`: there is no such row in such a state, or not for the caller.
    pub(super) async fn run_update(
        &self,
        r: &Resource,
        action: Action,
        id: &Id,
        mut set: Vec<Assignment>,
        expected: Expected<'_>,
        rule: &Rule,
    ) -> Result<Option<Row>> {
        let now = self.stamp(&mut set);
        if action == Action::Archive {
            set.push(Assignment::new("archived_at", now));
        }
        let changed = |name: &str| set.iter().any(|a| a.column == name);
        // The scope held before the write; it can only fail after it if the write touches it.
        let check = rule.predicate.mentions(&changed).then_some(rule);
        let archived = before_it(action);
        let projection = r.get.masked(&r.mask(self.principal));
        let select = &projection.select;
        let mut tried = Tried::default();
        while let Some(home) = self.next_home(r, id, &mut tried).await? {
            let sql =
                statement::update(r, id, &set, archived, rule, expected, select, check, &home);
            let rows = JsonRows::one(Arc::clone(&projection), check.is_some());
            let rows = self.write(r, action, rule, sql, rows, &set).await?;
            if let Some(row) = row(id.clone(), *rows) {
                return Ok(Some(row));
            }
        }
        Ok(None)
    }

    /// Why a write touched no row.
    async fn untouched(
        &self,
        r: &Resource,
        action: Action,
        id: &Id,
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
                current: Some(crate::etag::of(id, version)),
            };
        }
        fault::state(r, action, archived != 0)
    }

    /// Sets what the framework sets of every new row.
    pub(super) fn sign(&self, r: &Resource, id: &Id, set: &mut Vec<Assignment>) {
        let is_new = is_just_made(r, set);
        set.retain(|a| a.column != "id");
        if r.history.is_some() && !is_new {
            let version = Arc::new(history::first_version(r, id));
            set.push(Assignment::new("version", version));
        }
        let created_at = self.stamp(set);
        set.push(Assignment::new("created_at", created_at));
        set.push(Assignment::new("created_by", self.author()));
        set.push(Assignment::new("id", id.bound()));
    }

    /// Sets `updated_at` and `updated_by`; gives the time of the write.
    fn stamp(&self, set: &mut Vec<Assignment>) -> Frag {
        let now = bind::<st::Timestamptz, _>(Timestamp::now());
        set.push(Assignment::new("updated_at", now.clone()));
        set.push(Assignment::new("updated_by", self.author()));
        now
    }

    fn author(&self) -> Frag {
        let by = self.principal.id();
        bind::<diesel::sql_types::Nullable<st::Uuid>, _>(by)
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

    pub(super) async fn write_once(
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
        let tx = self.begin(r, db).await?;
        // Dropping the transaction rolls it back.
        let rows = self.run(r, action, rule, sql, rows, set, &tx).await?;
        self.committed(r, tx, rows).await
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
            Err(error) => return Err(Box::pin(self.said(r, action, rule, error, set)).await),
        };
        if rows.allowed {
            return Ok(rows);
        }
        if let Place::Tx(tx) = self.place {
            tx.doom();
        }
        Err(refused(r, self.principal, action, rule))
    }

    /// What the database refused a write for, in the entity's words if it has some.
    pub(super) async fn said(
        &self,
        r: &Resource,
        action: Action,
        rule: &Rule,
        error: DbError,
        set: &[Assignment],
    ) -> Error {
        if let Some(said) = Fault::of(&error).and_then(|fault| (r.explain)(&fault)) {
            return said;
        }
        // A row that refers to nothing, and one that refers to what the caller may not touch,
        // get the same answer, or the difference would tell what exists.
        let refers = matches!(error, DbError::ForeignKey { .. }) && action != Action::Delete;
        if refers && !rule.is_always() {
            return refused(r, self.principal, action, rule);
        }
        database(r, self, error, set).await
    }
}

/// Whether the row's id is a UUID that the framework makes: no other row's, and nobody's guess.
fn is_just_made(r: &Resource, set: &[Assignment]) -> bool {
    r.ids == IdKind::Uuid && !set.iter().any(|a| a.column == "id")
}

/// Whether the row of a change must be archived before it.
pub(super) fn before_it(action: Action) -> Archived {
    match action {
        Action::Restore => Archived::Only,
        _ => Archived::Hidden,
    }
}

/// The columns that a hook is told of.
pub(super) fn columns(r: &Resource, set: &[Assignment]) -> Vec<&'static str> {
    match r.after_write {
        Some(_) => set.iter().map(|a| a.column).collect(),
        None => Vec::new(),
    }
}
