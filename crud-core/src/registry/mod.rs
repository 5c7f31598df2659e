//! The entities of an application.
//!
//! `.entity::<Course>()` erases a declaration into a [`Resource`];
//! routes, operations, the OpenAPI document, claims, the drift check and the conformance tests all
//! read the same list.

mod erase;
mod mistakes;
mod resource;

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use crate::{
    Result,
    cache::{Dep, is_own, mentioned},
    cursor::CursorKey,
    db::TableShape,
    entity::EntityInterface,
    file::FileFormat,
    filter::fts_tables,
    id::IdKind,
    policy::Action,
    principal::Principal,
    relation::{Relation, RelationKind},
};

pub(crate) use self::erase::{create_assignments, update_assignments};
pub use self::resource::{Resource, Schemas};

/// The entities of an application, in the order of their registration.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
/// # #[tokio::main]
/// # async fn main() -> crud_core::Result<()> {
/// let registry = Registry::new().entity::<Course>().entity::<Lesson>();
/// let teacher = Principal::user(Uuid::now_v7(), "teacher");
/// assert!(registry.claims(&teacher).contains(&"courses:create".to_owned()));
/// assert!(!registry.claims(&Principal::anonymous()).contains(&"courses:create".to_owned()));
/// # Ok(())
/// # }
/// ```
#[derive(Default)]
pub struct Registry {
    resources: Vec<Arc<Resource>>,
    /// What statements are made of, by their text; `None`: they are not cached.
    made_of: RwLock<HashMap<String, Option<MadeOf>>>,
    /// What seals the cursors of lists; without it there are none.
    cursors: Option<Arc<CursorKey>>,
}

/// What a `SELECT` depends on.
#[derive(Clone)]
pub(crate) struct MadeOf {
    pub(crate) deps: Arc<[Dep]>,
    /// Its first table, if it is of no row of that table but those that it selects.
    pub(crate) once: Option<&'static str>,
}

impl Registry {
    /// No entity yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Registers an entity: all its routes, its documentation and its tests follow.
    ///
    /// # Panics
    /// If another entity has the endpoint, or the declaration contradicts itself. The sentence says
    /// how; it is a mistake in the program, found at its start.
    #[must_use]
    pub fn entity<E: EntityInterface>(mut self) -> Self {
        self.push(Resource::of::<E>());
        self
    }

    fn push(&mut self, resource: Resource) {
        if let Some(other) = self.get(resource.endpoint) {
            panic!(
                "`{}` and `{}` both declare the endpoint `{}`: give one of them another",
                other.name, resource.name, resource.endpoint
            );
        }
        mistakes::refuse(&resource);
        self.resources.push(Arc::new(resource));
    }

    /// Gives the rows of an entity, which is registered already, another form: `GET /things/{id}.<extension>`, for
    /// whoever may read the row.
    ///
    /// # Panics
    /// If the entity is not registered, or has the form already.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
    /// # fn main() {
    /// fn certificate(course: &CourseGet) -> Result<Vec<u8>> {
    ///     Ok(format!("You have learnt {}.", course.title).into_bytes())
    /// }
    /// let registry = Registry::new().entity::<Course>().entity::<Lesson>();
    /// let registry = registry.file::<Course>("txt", "text/plain; charset=utf-8", certificate);
    /// assert_eq!(registry.get("courses").unwrap().files.len(), 1);
    /// # }
    /// ```
    #[must_use]
    pub fn file<E: EntityInterface>(
        mut self,
        extension: &'static str,
        media_type: &'static str,
        render: fn(&E::Get) -> Result<Vec<u8>>,
    ) -> Self {
        let mut resources = self.resources.iter_mut();
        let resource = resources.find(|r| r.endpoint == E::ENDPOINT);
        let Some(resource) = resource.and_then(Arc::get_mut) else {
            panic!(
                "`{}` is not registered: add `.entity::<{}>()` before its files",
                E::NAME,
                E::NAME
            );
        };
        assert!(
            resource.offers(Action::Get),
            "`{}` has no route `get`, and so no file of a row",
            E::NAME
        );
        assert!(
            resource.file(extension).is_none(),
            "`{}` has two files `.{extension}`",
            E::NAME
        );
        let format = FileFormat::of::<E>(extension, media_type, render);
        resource.files.push(format);
        self
    }

    /// Lists have cursors, sealed with this.
    #[must_use]
    pub(crate) fn with_cursors(mut self, key: CursorKey) -> Self {
        self.cursors = Some(Arc::new(key));
        self
    }

    pub(crate) const fn cursors(&self) -> Option<&Arc<CursorKey>> {
        self.cursors.as_ref()
    }

    /// Refuses relations that lead nowhere, once all entities are here.
    ///
    /// # Panics
    /// If one leads to an entity that is not registered, or brings rows along that cannot be created.
    pub(crate) fn check_relations(&self) {
        for resource in &self.resources {
            for relation in &resource.relations {
                assert!(
                    self.get(relation.endpoint).is_some(),
                    "`{}` has the relation `{}` to `{}`, which is not registered: add its entity",
                    resource.name,
                    relation.name,
                    relation.endpoint
                );
                if let Some(fault) = self.fault_of_nested(resource, relation) {
                    panic!(
                        "`{}` declares `{}` as `nested`, {fault}",
                        resource.name, relation.name
                    );
                }
            }
        }
    }

    /// Why a `POST` of a row cannot bring rows of this list along, if it should.
    fn fault_of_nested(&self, r: &Resource, relation: &Relation) -> Option<&'static str> {
        let of = self.get(relation.endpoint).filter(|_| relation.nested)?;
        let is_field = r
            .create_shape
            .fields
            .iter()
            .any(|f| f.name == relation.name);
        match (r.offers(Action::Create), of.offers(Action::Create)) {
            (false, _) => Some("and has no route `create`"),
            (_, false) => Some("whose entity has no route `create`"),
            _ if is_field => Some("and has a field of that name in its create DTO"),
            _ => None,
        }
    }

    /// All entities.
    pub fn resources(&self) -> &[Arc<Resource>] {
        &self.resources
    }

    /// The entity with this endpoint.
    pub fn get(&self, endpoint: &str) -> Option<&Arc<Resource>> {
        self.resources.iter().find(|r| r.endpoint == endpoint)
    }

    /// The entity whose rows live in this table.
    pub(crate) fn of_table(&self, table: &str) -> Option<&Arc<Resource>> {
        self.resources.iter().find(|r| r.shape.name == table)
    }

    /// What a column that may refer to a row holds: one of UUIDs, or the column of a relation.
    pub(crate) fn refers_by(&self, r: &Resource, column: &str) -> Option<IdKind> {
        let shape = r.shape.columns.iter().find(|c| c.name == column)?;
        let kind = IdKind::of(shape.kind)?;
        let is_own =
            |known: &Relation| matches!(known.kind, RelationKind::BelongsTo(c) if c == column);
        let is_of_parent = |known: &Relation| {
            let is_column = matches!(known.kind, RelationKind::HasMany(c) if c == column);
            is_column && known.endpoint == r.endpoint
        };
        let mut parents = self.resources.iter().flat_map(|other| &other.relations);
        let refers =
            kind == IdKind::Uuid || r.relations.iter().any(is_own) || parents.any(is_of_parent);
        refers.then_some(kind)
    }

    /// What a `SELECT` is made of; `None` if that is not only rows of declared tables.
    pub(crate) fn made_of(&self, sql: &str) -> Option<MadeOf> {
        let known = self.made_of.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(deps) = known.get(sql) {
            return deps.clone();
        }
        drop(known);
        let deps = self.read_text(sql);
        let mut known = self.made_of.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MAX_TEXTS {
            known.clear();
        }
        known.insert(sql.to_owned(), deps.clone());
        deps
    }

    fn read_text(&self, sql: &str) -> Option<MadeOf> {
        let found = mentioned(sql)?;
        // What is looked for in words is written with its table only. Nobody marks what the framework itself writes.
        let is_known = |table: &str| {
            let mut of_words = self.resources.iter().filter(|r| r.has_words());
            self.resources.iter().any(|r| r.shape.name == table)
                || of_words.any(|r| fts_tables(r.shape.name).iter().any(|fts| fts == table))
        };
        if !found
            .tables
            .iter()
            .all(|table| is_known(table) && !is_own(table))
        {
            return None;
        }
        let tables = self.resources.iter().map(|r| r.shape.name);
        let tables = tables.filter(|table| found.names.iter().any(|name| name == table));
        let deps = tables.flat_map(|table| [Dep::Table(table.into()), Dep::List(table.into())]);
        let first = found.tables.first().filter(|_| !found.is_self_related);
        let once = first.and_then(|first| self.of_table(first));
        Some(MadeOf {
            deps: deps.collect(),
            once: once.map(|r| r.shape.name),
        })
    }

    /// The claims `<endpoint>:<action>` that the policies grant a principal, on some row at least.
    pub fn claims(&self, principal: &Principal) -> Vec<String> {
        let mut claims = Vec::new();
        for resource in &self.resources {
            for action in resource.actions() {
                if !resource.rule(principal, action).is_never() {
                    claims.push(format!("{}:{}", resource.endpoint, action.as_str()));
                }
            }
        }
        claims
    }

    /// The tables in which words are looked for, with those columns, for
    /// [`Db::drift_of_words`](crate::db::Db::drift_of_words).
    pub fn words(&self) -> Vec<(&'static str, Vec<&'static str>)> {
        let words = |r: &Arc<Resource>| Some((r.shape.name, r.words()?.columns().collect()));
        self.resources.iter().filter_map(words).collect()
    }

    /// The declared tables, for [`Db::drift`](crate::db::Db::drift).
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let app = app().await;
    /// let differences = app.db().drift(&app.registry().tables()).await?;
    /// assert!(differences.is_empty(), "{differences:?}");
    /// # Ok(())
    /// # }
    /// ```
    pub fn tables(&self) -> Vec<TableShape> {
        self.resources.iter().map(|r| r.shape.clone()).collect()
    }
}

/// Texts of statements that are remembered. There are as many as there are combinations of filters, orders and roles.
const MAX_TEXTS: usize = 2000;
