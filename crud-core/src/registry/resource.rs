//! [`Resource`], and what is asked of one.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use schemars::{Schema, SchemaGenerator};
use serde_json::Value;

use super::Registry;
use crate::{
    Error, Result,
    body::BodyShape,
    cache::{Dep, mentioned},
    db::{ColumnKind, DbKind, Frag, Stmt, TableShape, text},
    dto::Assignment,
    entity::{SortColumn, UniqueColumn},
    file::FileFormat,
    filter::{FilterField, On, WordsFilter},
    hook::{AfterFn, BeforeFn, Fault},
    id::{Id, IdKind},
    operations::{Kept, Numbers, Phrases, Projection},
    policy::{self, Action, Mask, Rule},
    principal::Principal,
    query::{Function, Params},
    relation::Relation,
    row::WholeRow,
};

/// An entity without its types: everything about it that the framework's code, which is compiled
/// once, needs to know.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
/// # fn main() {
/// let registry = Registry::new().entity::<Course>().entity::<Lesson>();
/// let courses = registry.get("courses").unwrap();
/// assert_eq!((courses.name, courses.cache_ttl, courses.archivable), ("Course", Some(60), false));
/// assert!(courses.offers(Action::Update) && !courses.offers(Action::Archive));
/// # }
/// ```
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
    /// The column that parts its cached lists, and what it holds.
    pub(crate) partition: Option<(&'static str, IdKind)>,
    /// Whether its rows can be archived: the table has `archived_at`.
    pub archivable: bool,
    /// What its rows are named by.
    pub ids: IdKind,
    /// The declared table.
    pub shape: TableShape,
    /// The sortable columns.
    pub sorts: Vec<SortColumn>,
    /// The order of a list that names none.
    pub default_sort: &'static str,
    /// The columns by which a row is read and put.
    pub unique: &'static [UniqueColumn],
    /// Whether a change needs `If-Match`.
    pub if_match_required: bool,
    /// The names of the filters that the search function handles.
    pub query_fields: &'static [&'static str],
    /// The filters that apply by themselves.
    pub filters: Vec<FilterField>,
    /// The DTOs' schemas, for the OpenAPI document.
    pub schemas: Schemas,
    /// The forms that a row has beside JSON.
    pub files: Vec<FileFormat>,
    pub(crate) table: Frag,
    pub(crate) phrases: Phrases,
    pub(crate) numbers: Numbers,
    /// How its rows are kept when they change, if they are.
    pub(crate) history: Option<Kept>,
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
    /// The fields whose values can be aggregated.
    pub aggregates: &'static [&'static str],
    /// The fields by which rows can be grouped.
    pub groups: &'static [&'static str],
    pub(super) routes: &'static [Action],
    /// What anonymous callers may do; policies are pure, so once asked is enough.
    pub(super) public: Vec<Action>,
    pub(crate) explain: fn(&Fault) -> Option<Error>,
    pub(super) create: BodyFn,
    pub(super) replace: BodyFn,
    pub(super) update: BodyFn,
    pub(super) completed: fn(&[u8], &BodyShape, &Principal) -> Result<Value>,
    pub(super) scope: fn(&Principal, Action) -> Rule,
    pub(super) mask: fn(&Principal) -> Mask,
    /// What a whole row is made of, found when the first is read; `None`: it is not kept.
    pub(super) whole: OnceLock<Option<Vec<Dep>>>,
}

/// Builds an entity's conditions from its filters.
pub(super) type SearchFn = fn(&mut Params) -> Vec<Frag>;
/// Reads, checks and completes a body.
pub(super) type BodyFn = fn(&[u8], &BodyShape, &Principal) -> Result<Vec<Assignment>>;

/// The schemas of an entity's DTOs.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
/// # fn main() {
/// let registry = Registry::new().entity::<Course>().entity::<Lesson>();
/// let schemas = &registry.get("courses").unwrap().schemas;
/// let mut generator = schemars::SchemaGenerator::default();
/// (schemas.create)(&mut generator);
/// assert_eq!(generator.definitions()["CourseCreate"]["properties"]["title"]["maxLength"], 200);
/// # }
/// ```
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
    /// The form of a row that has this extension.
    pub(super) fn file(&self, extension: &str) -> Option<&FileFormat> {
        self.files.iter().find(|file| file.extension == extension)
    }

    /// What `{id}.pdf` asks for: the row and its form.
    pub(crate) fn id_of_file(&self, name: &str) -> Option<(Id, &FileFormat)> {
        let (id, extension) = name.rsplit_once('.')?;
        Some((self.ids.parse(id)?, self.file(extension)?))
    }

    /// Whether the path of a row with this id would be that of something else.
    pub(crate) fn has_route_named(&self, id: &Id) -> bool {
        let Id::Text(id) = id else { return false };
        let is_unique = || self.unique.iter().any(|unique| unique.segment() == **id);
        matches!(&**id, "bulk" | "aggregate" | "import")
            || is_unique()
            || self.id_of_file(id).is_some()
    }

    /// The actions that its routes offer.
    pub fn actions(&self) -> impl Iterator<Item = Action> {
        Action::ALL
            .into_iter()
            .filter(|action| self.offers(*action))
    }

    /// Whether it has routes for this.
    pub fn offers(&self, action: Action) -> bool {
        let is_possible = self.archivable || !matches!(action, Action::Archive | Action::Restore);
        is_possible && self.routes.contains(&action)
    }

    pub(crate) fn cache_ttl(&self) -> Option<Duration> {
        self.cache_ttl.map(Duration::from_secs)
    }

    /// What a whole row depends on; `None` if rows of this entity are not kept.
    pub(crate) fn row_deps(&self, registry: &Registry, id: &Id) -> Option<Vec<Dep>> {
        let others = self.whole.get_or_init(|| self.made_of(registry)).as_ref()?;
        let mut deps = Vec::with_capacity(others.len() + 1);
        deps.extend_from_slice(others);
        deps.push(Dep::Row(self.shape.name.into(), id.clone()));
        Some(deps)
    }

    /// Its own table, and all of those that its fields are computed from.
    fn made_of(&self, registry: &Registry) -> Option<Vec<Dep>> {
        // The dialects differ in nothing that matters here.
        let sql = text(DbKind::Postgres, &crate::operations::whole_of(self)).ok()?;
        let found = mentioned(&sql)?;
        let deps = registry.read_text(&sql)?.deps;
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

    /// The condition that a row's column holds this id.
    pub(crate) fn refers_to(&self, column: &'static str, id: &Id) -> Frag {
        let sql = Stmt::new().ident(self.shape.name).sql(".").ident(column);
        Arc::new(sql.sql(" = ").frag(id.bound()))
    }

    /// What a column holds; only of columns that the table has.
    pub(crate) fn kind(&self, column: &str) -> ColumnKind {
        let column = self.shape.columns.iter().find(|c| c.name == column);
        column.map_or(ColumnKind::Jsonb, |column| column.kind)
    }

    /// Its search for words.
    pub(crate) fn words(&self) -> Option<&WordsFilter> {
        self.filters.iter().find_map(|field| match &field.on {
            On::Words(words) => Some(words),
            On::Column(_) | On::Relation(_) => None,
        })
    }

    /// Whether words can be looked for in its rows.
    pub(crate) fn has_words(&self) -> bool {
        self.words().is_some()
    }

    /// Whether numbers may be asked for over its rows.
    pub(crate) const fn has_aggregates(&self) -> bool {
        !self.aggregates.is_empty() || !self.groups.is_empty()
    }

    /// The fields that a function can be asked for.
    pub(crate) fn aggregates_of(&self, function: Function) -> impl Iterator<Item = &'static str> {
        let fields = self.aggregates.iter().copied();
        fields.filter(move |field| function.takes(self.kind(field)))
    }

    /// What is wrong with the declaration of its aggregates.
    pub(super) fn fault_of_aggregates(&self) -> Option<String> {
        let is_none = |field: &&&str| !self.get.has(field);
        let mut fields = self.aggregates.iter().chain(self.groups);
        if let Some(field) = fields.find(is_none) {
            return Some(format!("`{field}`, which its get DTO does not have"));
        }
        use ColumnKind::{Float4, Float8, Int2, Int4, Int8, Jsonb, Timestamptz};
        let numbers = [Int2, Int4, Int8, Float4, Float8, Timestamptz];
        let is_other = |field: &&&str| {
            let kind = self.kind(field);
            !numbers.contains(&kind) && !matches!(kind, ColumnKind::Decimal { .. })
        };
        if let Some(field) = self.aggregates.iter().find(is_other) {
            return Some(format!(
                "`aggregates({field})`, which is no number and no time"
            ));
        }
        let field = self.groups.iter().find(|field| self.kind(field) == Jsonb)?;
        Some(format!("`groups({field})`, which is JSON"))
    }

    /// Whether a change needs a transaction: for hooks, or to keep what it replaces.
    pub(crate) fn changes_in_transaction(&self) -> bool {
        self.has_hooks() || self.history.is_some()
    }

    /// Whether the entity does something of its own around a write.
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
        self.read_create_as(bytes, bytes, by)
    }

    /// Reads the body of a `POST` to which the server adds what the caller need not be allowed to set.
    ///
    /// # Errors
    /// As [`read_create`](Self::read_create).
    pub(crate) fn read_create_as(
        &self,
        sent: &[u8],
        completed: &[u8],
        by: &Principal,
    ) -> Result<Vec<Assignment>> {
        self.refuse_read_only(sent, by)?;
        (self.create)(completed, &self.create_shape, by)
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

    /// What the body of a `POST` says after the entity completed it.
    ///
    /// # Errors
    /// As [`read_create`](Self::read_create).
    pub(crate) fn completed(&self, bytes: &[u8], by: &Principal) -> Result<Value> {
        (self.completed)(bytes, &self.create_shape, by)
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
