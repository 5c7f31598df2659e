//! What can be done with an entity: policy → statement → database → row, for every transport alike
//! (HTTP, jobs, imports, tests). Knows no HTTP and no entity; every function is compiled once.

mod again;
mod aggregate;
mod around;
mod batch;
mod bulk;
mod by_key;
mod cached;
mod children;
mod export;
mod fault;
mod find;
mod history;
mod import;
mod include;
mod insert;
mod integers;
mod item;
pub(crate) mod key;
mod keyset;
mod many;
mod new_id;
mod partition;
mod projection;
mod reads;
mod statement;
mod total;
mod typed;
mod writes;

use bytes::Bytes;

use self::{
    fault::{database, refused},
    integers::Integers,
    projection::JsonRows,
};
use crate::{
    Error, Result,
    db::{Access, Db, Executor, Stmt, Tx},
    id::Id,
    policy::{Action, Rule},
    principal::Principal,
    registry::{Registry, Resource},
};

pub(crate) use self::{
    aggregate::MOST_GROUPS,
    batch::{Operation, Step},
    bulk::{Change, repeated_id},
    by_key::Wanted,
    children::Children,
    export::{Format, Part, told},
    history::Kept,
    item::{all, joined, placed},
    new_id::{Numbers, given},
};
pub(crate) use projection::Projection;
pub(crate) use statement::{Phrases, related_to, whole_of};

/// On whose behalf, and where, an operation runs.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
/// # #[tokio::main]
/// # async fn main() -> crud_core::Result<()> {
/// let app = app().await;
/// let teacher = Principal::user(Uuid::now_v7(), "teacher");
/// let cx = app.on_behalf(&teacher);
/// let new = CourseCreate { title: "Rust".into(), price: 100, is_published: false, properties: None };
/// let course = cx.create::<Course>(new).await?;
/// assert_eq!(cx.get::<Course>(course.id).await?.title, "Rust");
/// assert_eq!(cx.list::<Course>("price[gt]=10", |search| search).await?.total, Some(1));
/// // Nobody else sees the draft.
/// assert!(app.on_behalf(&Principal::anonymous()).get::<Course>(course.id).await.is_err());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy)]
pub struct Context<'a> {
    pub(crate) registry: &'a Registry,
    pub(crate) principal: &'a Principal,
    place: Place<'a>,
    /// The database beside the transaction, to ask it why it refused something.
    beside: Option<&'a Db>,
    /// A row that is new in this transaction, and so is not there beside it.
    fresh: Option<&'a Id>,
}

#[derive(Clone, Copy)]
enum Place<'a> {
    /// Each statement by itself.
    Db(&'a Db),
    /// Everything in one transaction, which its owner commits.
    Tx(&'a Tx),
}

/// One row, as the entity's `Get` DTO shows it to this principal.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
/// # fn main() {}
/// /// What a hook has: the row as its entity shows it.
/// fn title(row: &crud_core::operations::Row) -> Option<String> {
///     let json: serde_json::Value = serde_json::from_slice(&row.json).ok()?;
///     Some(json["title"].as_str()?.to_owned())
/// }
/// ```
#[derive(Debug, Clone)]
pub struct Row {
    /// Its id.
    pub id: Id,
    /// Its version.
    pub version: i64,
    /// The DTO as JSON.
    pub json: Bytes,
}

/// A page of a list.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
/// # #[tokio::main]
/// # async fn main() -> crud_core::Result<()> {
/// let app = app().await;
/// let nobody = Principal::anonymous();
/// let page = app.on_behalf(&nobody).list::<Course>("page_size=5", |search| search).await?;
/// assert_eq!((page.total, page.more), (Some(0), false));
/// # Ok(())
/// # }
/// ```
pub struct Listing {
    /// The whole envelope as JSON: `{"items": […], "total": …, …}`.
    pub json: Bytes,
    /// How many rows there are on all pages, if they were counted.
    pub total: Option<i64>,
    /// Whether rows follow this page.
    pub more: bool,
    /// The `cursor` of the page behind this one, if there is one.
    pub next_cursor: Option<String>,
    /// The `cursor` of the page before this one; `None` on the first page.
    pub prev_cursor: Option<String>,
}

impl<'a> Context<'a> {
    /// Runs each statement by itself on the database.
    pub const fn new(registry: &'a Registry, db: &'a Db, principal: &'a Principal) -> Self {
        Self {
            registry,
            principal,
            place: Place::Db(db),
            beside: Some(db),
            fresh: None,
        }
    }

    /// Runs every statement inside a transaction, which its owner commits.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
    /// # #[tokio::main]
    /// # async fn main() -> crud_core::Result<()> {
    /// let (app, teacher) = (app().await, Principal::user(Uuid::now_v7(), "teacher"));
    /// let tx = app.db().begin().await.map_err(Error::database)?;
    /// let cx = Context::within(app.registry(), &tx, &teacher);
    /// let new = CourseCreate { title: "Rust".into(), price: 100, is_published: true, properties: None };
    /// let course = cx.create::<Course>(new).await?;
    /// let first = LessonCreate { course_id: course.id, title: "Welcome".into(), properties: None };
    /// cx.create::<Lesson>(first).await?;
    /// // Both or none.
    /// tx.commit().await.map_err(Error::database)?;
    /// # Ok(())
    /// # }
    /// ```
    pub const fn within(registry: &'a Registry, tx: &'a Tx, principal: &'a Principal) -> Self {
        Self {
            registry,
            principal,
            place: Place::Tx(tx),
            beside: None,
            fresh: None,
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
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
    /// # #[tokio::main]
    /// # async fn main() -> crud_core::Result<()> {
    /// let (app, nobody) = (app().await, Principal::anonymous());
    /// let cx = app.on_behalf(&nobody);
    /// let new = || CourseCreate { title: "Rust".into(), price: 100, is_published: true, properties: None };
    /// assert!(cx.create::<Course>(new()).await.is_err());
    /// assert!(cx.as_system().create::<Course>(new()).await.is_ok());
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub const fn as_system(&self) -> Self {
        static SYSTEM: Principal = Principal::system();
        Self {
            registry: self.registry,
            principal: &SYSTEM,
            place: self.place,
            beside: self.beside,
            fresh: self.fresh,
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

    /// The answer for a row outside of every scope: as if it did not exist.
    fn hidden(&self, r: &Resource, id: &Id) -> Error {
        if self.principal.is_anonymous() {
            Error::Unauthenticated("Sign in to do this".into())
        } else {
            r.missing(id)
        }
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
            Err(error) => Err(Box::pin(database(r, self, error, &[])).await),
        }
    }
}

/// The sink comes back as it went in.
fn recover<S: crate::db::Sink>(sink: Box<dyn crate::db::Sink>) -> Result<Box<S>> {
    let sink: Box<dyn std::any::Any> = sink;
    sink.downcast()
        .map_err(|_| Error::internal("a statement came back with another sink"))
}

fn row(id: Id, rows: JsonRows) -> Option<Row> {
    (rows.rows > 0).then(|| Row {
        id,
        version: rows.version,
        json: rows.out.into(),
    })
}
