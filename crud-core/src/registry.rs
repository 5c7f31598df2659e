//! The entities of an application.
//!
//! `.entity::<Course>()` erases a declaration into a [`Resource`];
//! routes, operations, the OpenAPI document, claims, the drift check and the conformance tests all
//! read the same list.

use std::{
    collections::HashMap,
    sync::{Arc, OnceLock, PoisonError, RwLock},
    time::Duration,
};

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::Value;

use crate::{
    Error, Result, Uuid,
    body::{self, BodyShape},
    cache::{Dep, mentioned},
    db::{DbKind, Frag, Rendered, TableShape, text},
    dto::{Assignment, Assignments, CreateDto, QueryDto, RowDto, UpdateDto},
    entity::{EntityInterface, Named, SortColumn},
    file::FileFormat,
    hook::{self, AfterFn, BeforeFn, Fault},
    operations::Projection,
    policy::{self, Action, Mask, Policy, Rule},
    principal::Principal,
    query::{Params, sort_keys},
    relation::Relation,
    row::WholeRow,
    search::Search,
};

/// The entities of an application, in the order of their registration.
#[derive(Default)]
pub struct Registry {
    resources: Vec<Arc<Resource>>,
    /// What statements are made of, by their text; `None`: they are not cached.
    made_of: RwLock<HashMap<String, Option<Arc<[Dep]>>>>,
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
        let resource = Resource::of::<E>();
        if let Some(other) = self.get(resource.endpoint) {
            panic!(
                "`{}` and `{}` both declare the endpoint `{}`: give one of them another",
                other.name, resource.name, resource.endpoint
            );
        }
        if let Err(error) = sort_keys(&resource, &Mask::default(), resource.default_sort) {
            panic!(
                "`{}` declares an impossible default_sort: {error}",
                resource.name
            );
        }
        for relation in &resource.relations {
            let name = relation.name;
            let taken = resource.get.has(name) || resource.list.has(name);
            assert!(
                !taken,
                "`{}` has a relation and a field of the name `{name}`: give one of them another",
                resource.name
            );
        }
        self.resources.push(Arc::new(resource));
        self
    }

    /// Gives the rows of an entity, which is registered already, another form: `GET /things/{id}.<extension>`, for
    /// whoever may read the row.
    ///
    /// # Panics
    /// If the entity is not registered, or has the form already.
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
            resource.file(extension).is_none(),
            "`{}` has two files `.{extension}`",
            E::NAME
        );
        let format = FileFormat::of::<E>(extension, media_type, render);
        resource.files.push(format);
        self
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

    /// What a `SELECT` is made of; `None` if that is not only rows of declared tables.
    pub(crate) fn made_of(&self, sql: &str) -> Option<Arc<[Dep]>> {
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

    fn read_text(&self, sql: &str) -> Option<Arc<[Dep]>> {
        let found = mentioned(sql)?;
        let is_known = |table: &str| self.resources.iter().any(|r| r.shape.name == table);
        if !found.tables.iter().all(|table| is_known(table)) {
            return None;
        }
        let tables = self.resources.iter().map(|r| r.shape.name);
        let tables = tables.filter(|table| found.names.iter().any(|name| name == table));
        let deps = tables.flat_map(|table| [Dep::Table(table.into()), Dep::List(table.into())]);
        Some(deps.collect())
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

    /// The declared tables, for [`Db::drift`](crate::db::Db::drift).
    pub fn tables(&self) -> Vec<TableShape> {
        self.resources.iter().map(|r| r.shape.clone()).collect()
    }
}

/// Texts of statements that are remembered. There are as many as there are combinations of filters, orders and roles.
const MAX_TEXTS: usize = 2000;

/// An entity without its types: everything about it that the framework's code, which is compiled
/// once, needs to know.
pub struct Resource {
    /// `Course`.
    pub name: &'static str,
    /// The name in a sentence: `course`, `lesson progress`.
    pub noun: String,
    /// The declaration's doc comment.
    pub description: &'static str,
    /// `courses`.
    pub endpoint: &'static str,
    /// Seconds; `None`: never cached.
    pub cache_ttl: Option<u64>,
    /// Whether its rows can be archived: the table has `archived_at`.
    pub archivable: bool,
    /// The declared table.
    pub shape: TableShape,
    /// The sortable columns.
    pub sorts: Vec<SortColumn>,
    /// The order of a list that names none.
    pub default_sort: &'static str,
    /// The filters' names.
    pub query_fields: &'static [&'static str],
    /// The DTOs' schemas, for the OpenAPI document.
    pub schemas: Schemas,
    /// The forms that a row has beside JSON.
    pub files: Vec<FileFormat>,
    pub(crate) table: Frag,
    pub(crate) get: Arc<Projection>,
    pub(crate) list: Arc<Projection>,
    pub(crate) create_shape: BodyShape,
    pub(crate) update_shape: BodyShape,
    pub(crate) search: SearchFn,
    pub(crate) before_write: Option<BeforeFn>,
    pub(crate) after_write: Option<AfterFn>,
    /// What it belongs together with.
    pub relations: Vec<Relation>,
    pub(crate) numbered: &'static [&'static str],
    /// What anonymous callers may do; policies are pure, so once asked is enough.
    public: Vec<Action>,
    pub(crate) explain: fn(&Fault) -> Option<Error>,
    create: BodyFn,
    replace: BodyFn,
    update: BodyFn,
    scope: fn(&Principal, Action) -> Rule,
    mask: fn(&Principal) -> Mask,
    /// What a whole row is made of, found when the first is read; `None`: it is not kept.
    whole: OnceLock<Option<Vec<Dep>>>,
}

/// Builds an entity's conditions from its filters.
type SearchFn = fn(&mut Params) -> Vec<Frag>;
/// Reads, checks and completes a body.
type BodyFn = fn(&[u8], &BodyShape, &Principal) -> Result<Vec<Assignment>>;

/// The schemas of an entity's DTOs.
pub struct Schemas {
    /// The body of `POST` and `PUT`.
    pub create: fn(&mut SchemaGenerator) -> Schema,
    /// The body of `PATCH`.
    pub update: fn(&mut SchemaGenerator) -> Schema,
    /// A row.
    pub get: fn(&mut SchemaGenerator) -> Schema,
    /// A row of a list.
    pub list: fn(&mut SchemaGenerator) -> Schema,
    /// The filters: an object whose properties are the parameters.
    pub query: fn() -> Value,
}

impl Resource {
    fn of<E: EntityInterface>() -> Self {
        let shape = TableShape::of::<E::Table>(E::Table::NAME);
        let table: Frag = Rendered::frag(Arc::new(E::Table::default()));
        Self {
            name: E::NAME,
            noun: words(E::NAME),
            description: E::DESCRIPTION,
            endpoint: E::ENDPOINT,
            cache_ttl: E::CACHE_TTL,
            archivable: shape.columns.iter().any(|c| c.name == "archived_at"),
            sorts: E::sorts(),
            default_sort: E::DEFAULT_SORT,
            query_fields: E::Query::FIELDS,
            schemas: Schemas {
                create: subschema::<E::Create>,
                update: subschema::<E::Update>,
                get: subschema::<E::Get>,
                list: subschema::<E::List>,
                query: || schemars::schema_for!(E::Query).into(),
            },
            files: Vec::new(),
            table,
            get: Arc::new(Projection::new(E::Get::columns(), E::Get::computed())),
            list: Arc::new(Projection::new(E::List::columns(), E::List::computed())),
            create_shape: BodyShape::of::<E::Create>(E::Create::FIELDS),
            update_shape: BodyShape::of::<E::Update>(E::Update::FIELDS),
            search: |params| {
                let query = E::Query::parse(params);
                E::search(Search::new(), &query).into_conditions()
            },
            create: |bytes, shape, principal| {
                create_assignments::<E>(body::read(bytes, shape)?, principal)
            },
            replace: |bytes, shape, principal| {
                // What the hook sets beside the body is for new rows: their owner, for one, stays.
                // What is made of the body is made anew.
                let mut body = body::read(bytes, shape)?;
                let mut set = Assignments::of_row();
                E::before_create(&mut body, &mut set, principal)?;
                set.retain(|column| E::NUMBERED.contains(&column));
                body.replace(&mut set);
                Ok(set.into_list())
            },
            update: |bytes, shape, principal| {
                update_assignments::<E>(body::read(bytes, shape)?, principal)
            },
            before_write: hook::before::<E>(),
            after_write: hook::after::<E>(),
            relations: E::relations(),
            numbered: E::NUMBERED,
            public: Action::ALL
                .into_iter()
                .filter(|action| {
                    let scope = E::Policy::scope(&Principal::anonymous(), *action);
                    !scope.erase().is_never()
                })
                .collect(),
            explain: E::explain,
            scope: |principal, action| E::Policy::scope(principal, action).erase(),
            mask: |principal| E::Policy::fields(principal).erase(),
            whole: OnceLock::new(),
            shape,
        }
    }

    /// The form of a row that has this extension.
    fn file(&self, extension: &str) -> Option<&FileFormat> {
        self.files.iter().find(|file| file.extension == extension)
    }

    /// What `{id}.pdf` asks for: the row and its form.
    pub(crate) fn id_of_file(&self, name: &str) -> Option<(crate::Uuid, &FileFormat)> {
        let (id, extension) = name.rsplit_once('.')?;
        Some((id.parse().ok()?, self.file(extension)?))
    }

    /// The actions that its routes offer.
    pub fn actions(&self) -> impl Iterator<Item = Action> {
        let archivable = self.archivable;
        Action::ALL
            .into_iter()
            .filter(move |a| archivable || !matches!(a, Action::Archive | Action::Restore))
    }

    pub(crate) fn cache_ttl(&self) -> Option<Duration> {
        self.cache_ttl.map(Duration::from_secs)
    }

    /// What a whole row depends on; `None` if rows of this entity are not kept.
    pub(crate) fn row_deps(&self, registry: &Registry, id: Uuid) -> Option<Vec<Dep>> {
        let others = self.whole.get_or_init(|| self.made_of(registry)).as_ref()?;
        let mut deps = Vec::with_capacity(others.len() + 1);
        deps.extend_from_slice(others);
        deps.push(Dep::Row(self.shape.name.into(), id));
        Some(deps)
    }

    /// Its own table, and all of those that its fields are computed from.
    fn made_of(&self, registry: &Registry) -> Option<Vec<Dep>> {
        // The dialects differ in nothing that matters here.
        let sql = text(DbKind::Postgres, &crate::operations::whole_of(self)).ok()?;
        let found = mentioned(&sql)?;
        let deps = registry.read_text(&sql)?;
        let own = Dep::List(self.shape.name.into());
        // Other rows of the same table matter only if a field is computed from them.
        let kept = deps
            .iter()
            .filter(|dep| found.is_self_related || **dep != own);
        Some(kept.cloned().collect())
    }

    /// The value of a column of a kept row, if it is kept as the database has it.
    pub(crate) fn value<'r>(&self, row: &'r WholeRow, column: &str) -> Option<policy::Value<'r>> {
        let json = row.value(self.get.exact(column)?)?;
        let kind = self.shape.columns.iter().find(|c| c.name == column)?.kind;
        policy::Value::of_json(kind, json)
    }

    /// Whether a write needs a transaction for what the entity does around it.
    pub(crate) fn has_hooks(&self) -> bool {
        self.before_write.is_some() || self.after_write.is_some()
    }

    /// Whether someone who is not signed in may do this on some row.
    pub fn is_public(&self, action: Action) -> bool {
        self.public.contains(&action)
    }

    /// The noun at the beginning of a sentence: `Course`, `Lesson progress`.
    pub(crate) fn title(&self) -> String {
        let mut title = self.noun.clone();
        if let Some(first) = title.get_mut(0..1) {
            first.make_ascii_uppercase();
        }
        title
    }

    /// The sentence of a 404.
    pub(crate) fn missing(&self, id: impl std::fmt::Display) -> crate::Error {
        crate::Error::NotFound(format!("{} {id} not found", self.title()))
    }

    pub(crate) fn rule(&self, principal: &Principal, action: Action) -> Rule {
        if principal.is_system() {
            return Rule::ALWAYS;
        }
        (self.scope)(principal, action)
    }

    pub(crate) fn mask(&self, principal: &Principal) -> Mask {
        if principal.is_system() {
            return Mask::default();
        }
        (self.mask)(principal)
    }

    /// Reads the body of a `POST`.
    ///
    /// # Errors
    /// 400, 403 for a field that the caller may not set, 422.
    pub(crate) fn read_create(&self, bytes: &[u8], by: &Principal) -> Result<Vec<Assignment>> {
        self.refuse_read_only(bytes, by)?;
        (self.create)(bytes, &self.create_shape, by)
    }

    /// Reads the body of a `PUT`.
    ///
    /// # Errors
    /// As [`read_create`](Self::read_create).
    pub(crate) fn read_replace(&self, bytes: &[u8], by: &Principal) -> Result<Vec<Assignment>> {
        self.refuse_read_only(bytes, by)?;
        let mask = self.mask(by);
        let mut set = (self.replace)(bytes, &self.create_shape, by)?;
        // What the caller may not set is not reset to its default either.
        set.retain(|a| !mask.read_only.contains(&a.column));
        Ok(set)
    }

    /// Reads the body of a `PATCH`.
    ///
    /// # Errors
    /// As [`read_create`](Self::read_create).
    pub(crate) fn read_update(&self, bytes: &[u8], by: &Principal) -> Result<Vec<Assignment>> {
        self.refuse_read_only(bytes, by)?;
        (self.update)(bytes, &self.update_shape, by)
    }

    /// Refuses a body that names a field which the caller may not set.
    fn refuse_read_only(&self, bytes: &[u8], by: &Principal) -> Result<()> {
        let mask = self.mask(by);
        if mask.read_only.is_empty() {
            return Ok(());
        }
        // A body that is no JSON object is refused by its own reader.
        let sent: serde_json::Map<String, Value> =
            serde_json::from_slice(bytes).unwrap_or_default();
        let refused: Vec<_> = mask
            .read_only
            .iter()
            .filter(|name| sent.contains_key(**name))
            .map(|name| {
                let detail = format!("You may not set `{name}`");
                crate::error::FieldError::at(format!("/{name}"), "forbidden_field", detail)
            })
            .collect();
        if refused.is_empty() {
            Ok(())
        } else {
            Err(crate::Error::ForbiddenFields(refused))
        }
    }
}

/// `LessonProgress` → `lesson progress`.
fn words(name: &str) -> String {
    let mut words = String::with_capacity(name.len() + 4);
    for (i, letter) in name.char_indices() {
        if letter.is_ascii_uppercase() && i > 0 && !words.ends_with(' ') {
            words.push(' ');
        }
        words.push(letter.to_ascii_lowercase());
    }
    words
}

fn subschema<B: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<B>()
}

/// The columns of a new row.
pub(crate) fn create_assignments<E: EntityInterface>(
    mut body: E::Create,
    principal: &Principal,
) -> Result<Vec<Assignment>> {
    let mut set = Assignments::default();
    E::before_create(&mut body, &mut set, principal)?;
    body.insert(&mut set);
    Ok(set.into_list())
}

/// The columns of a change.
pub(crate) fn update_assignments<E: EntityInterface>(
    mut body: E::Update,
    principal: &Principal,
) -> Result<Vec<Assignment>> {
    let mut set = Assignments::default();
    E::before_update(&mut body, &mut set, principal)?;
    body.assign(&mut set);
    Ok(set.into_list())
}
