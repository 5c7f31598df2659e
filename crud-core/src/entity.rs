//! What an entity declares.
//!
//! `#[derive(EntityInterface)]` implements [`EntityInterface`] from its
//! attributes; [`crate::registry`] erases it into a [`Resource`](crate::registry::Resource), the only
//! form that operations and routes know.
//!
//! # One part by hand
//!
//! In the short form the derive writes five DTOs and a search, all of them ordinary types and functions that hooks and
//! tests may name. A key of `#[entity(…)]` puts a hand-written one in the place of any of them, and the words of
//! `#[field(…)]` go on making the rest. Here lists show less than they would, and one more filter is there:
//!
//! ```
//! # use crud_core::prelude::*;
//! # diesel::table! {
//! #     use crud_core::sql_types::*;
//! #     notes (id) {
//! #         id -> Uuid, title -> Text, pages -> Integer, version -> BigInt, created_at -> Timestamptz,
//! #         updated_at -> Timestamptz, created_by -> Nullable<Uuid>, updated_by -> Nullable<Uuid>,
//! #         properties -> Nullable<Jsonb>,
//! #     }
//! # }
//! # pub struct NotePolicy;
//! # impl Policy<notes::table> for NotePolicy {
//! #     fn scope(principal: &Principal, _: Action) -> Scope<notes::table> {
//! #         Scope::owned_by(notes::created_by, principal.id())
//! #     }
//! # }
//! /// Something worth remembering.
//! #[derive(EntityInterface)]
//! #[entity(endpoint = "notes", table = notes, policy = NotePolicy, list = NoteLine, search = search)]
//! pub struct Note {
//!     /// What it is about.
//!     #[field(write, get, filter = contains_ci, sort)]
//!     pub title: String,
//!     /// How long it is.
//!     #[field(write, get, default = 1)]
//!     pub pages: i32,
//!     /// Only notes with more pages than this.
//!     #[field(filter, not_a_column)]
//!     pub longer_than: i32,
//! }
//!
//! /// A note in a list.
//! #[dto(list, table = notes)]
//! pub struct NoteLine {
//!     /// What it is about.
//!     pub title: String,
//! }
//!
//! fn search(search: Search<notes::table>, query: &NoteQuery) -> Search<notes::table> {
//!     note_search(search, query).filter_if(&query.longer_than, |pages| notes::pages.gt(pages))
//! }
//! # let registry = crud_core::Registry::new().entity::<Note>();
//! # assert_eq!(registry.resources()[0].query_fields, ["title", "longer_than"]);
//! ```
//!
//! # Every part by hand
//!
//! A struct without fields names all of them. Which is better where DTOs differ in more than in which fields they have:
//! in types, rules or words.
//!
//! ```
//! # use crud_core::prelude::*;
//! # diesel::table! {
//! #     use crud_core::sql_types::*;
//! #     notes (id) {
//! #         id -> Uuid, title -> Text, is_public -> Bool, version -> BigInt, created_at -> Timestamptz,
//! #         updated_at -> Timestamptz, created_by -> Nullable<Uuid>, updated_by -> Nullable<Uuid>,
//! #         properties -> Nullable<Jsonb>,
//! #     }
//! # }
//! # pub struct NotePolicy;
//! # impl Policy<notes::table> for NotePolicy {
//! #     fn scope(principal: &Principal, _: Action) -> Scope<notes::table> {
//! #         Scope::owned_by(notes::created_by, principal.id())
//! #     }
//! # }
//! /// Something worth remembering.
//! #[derive(EntityInterface)]
//! #[entity(
//!     endpoint = "notes", table = notes,
//!     create = NoteCreate, get = NoteGet, list = NoteGet, update = NoteUpdate, query = NoteQuery,
//!     search = search, policy = NotePolicy, sort(title)
//! )]
//! pub struct Note;
//!
//! #[dto(create, table = notes)]
//! pub struct NoteCreate {
//!     /// What it is about.
//!     #[validate(length(min = 1, max = 255))]
//!     pub title: String,
//!     /// Whether everyone may read it.
//!     #[dto(default)]
//!     pub is_public: bool,
//! }
//!
//! #[dto(get, table = notes)]
//! pub struct NoteGet {
//!     /// What it is about.
//!     pub title: String,
//!     /// Whether everyone may read it.
//!     pub is_public: bool,
//! }
//!
//! #[dto(update, table = notes)]
//! pub struct NoteUpdate {
//!     /// What it is about.
//!     #[validate(length(min = 1, max = 255))]
//!     pub title: Option<String>,
//! }
//!
//! #[dto(query)]
//! pub struct NoteQuery {
//!     /// A part of the title.
//!     pub title: Option<String>,
//! }
//!
//! fn search(search: Search<notes::table>, query: &NoteQuery) -> Search<notes::table> {
//!     search.filter_if(&query.title, |title| notes::title.contains_ci(title))
//! }
//! # let registry = crud_core::Registry::new().entity::<Note>();
//! # assert_eq!(registry.resources()[0].endpoint, "notes");
//! ```

use diesel::{
    Column, Table,
    internal::table_macro::{Identifier, StaticQueryFragment},
    sql_types::Text,
};

use futures_util::future::BoxFuture;

use crate::{
    Error, Result,
    db::{ColumnFragment, ColumnKind, ColumnList, ColumnType, Frag, Fragment, Stmt},
    dto::{Assignments, CreateDto, QueryDto, RowDto, UpdateDto},
    hook::{After, Before, Fault},
    id::IdType,
    policy::{Action, Policy},
    principal::Principal,
    relation::Relation,
    search::Search,
};

/// A Diesel table that an entity can stand on: its columns are of types that both databases have.
/// Implemented for every such `table!`.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
/// # fn main() {
/// use crud_core::{db::TableShape, entity::EntityTable};
///
/// fn shape_of<E: EntityInterface>() -> TableShape {
///     fn shape<T: EntityTable>() -> TableShape {
///         TableShape::of::<T>(T::NAME)
///     }
///     shape::<E::Table>()
/// }
/// assert_eq!(shape_of::<Course>().name, "courses");
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the table of an entity",
    note = "write `use crud_core::sql_types::*;` inside `table!`, so that its types exist on both databases"
)]
pub trait EntityTable:
    Table<AllColumns: ColumnList> + Named + Fragment + Default + Send + Sync + 'static
{
}
impl<T> EntityTable for T where
    T: Table<AllColumns: ColumnList> + Named + Fragment + Default + Send + Sync + 'static
{
}

/// A table with a name in SQL: every `table!` that names no schema.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
/// # fn main() {
/// use crud_core::entity::Named;
///
/// assert_eq!(<courses::table as Named>::NAME, "courses");
/// # }
/// ```
pub trait Named {
    /// The name.
    const NAME: &'static str;
}
impl<T> Named for T
where
    T: StaticQueryFragment<Component = Identifier<'static>>,
{
    const NAME: &'static str = T::STATIC_COMPONENT.0;
}

/// A whole backend for one table: its DTOs, its search, its rules, its routes.
///
/// Derive it; see [`derive@crate::EntityInterface`] for the attributes.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
/// fn path<E: EntityInterface>() -> String {
///     format!("{}/{}", App::PREFIX, E::ENDPOINT)
/// }
///
/// fn main() {
///     assert_eq!(path::<Course>(), "/api/v1/courses");
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an entity",
    note = "derive it: `#[derive(EntityInterface)] #[entity(endpoint = …, table = …, …)]`"
)]
pub trait EntityInterface: Send + Sync + 'static {
    /// The table its rows live in.
    type Table: EntityTable;
    /// What its rows are named by: what the table's column `id` holds. [`Uuid`](crate::Uuid)s are made by the server,
    /// `i64`s given by the database, `String`s by the client, in a field `id` of [`Create`](Self::Create), or by
    /// [`before_create`](Self::before_create).
    type Id: IdType;
    /// The body of `POST` and `PUT`.
    type Create: CreateDto<Self::Table>;
    /// One row, as `GET /things/{id}` and every write answer it.
    type Get: RowDto<Self::Table>;
    /// One row of a list.
    type List: RowDto<Self::Table>;
    /// The body of `PATCH`.
    type Update: UpdateDto<Self::Table>;
    /// The filters of a list.
    type Query: QueryDto;
    /// Who may do what.
    type Policy: Policy<Self::Table>;

    /// The entity's name: `Course`. Error sentences and operation ids use it.
    const NAME: &'static str;
    /// What it is, for the API's documentation: the declaration's doc comment.
    const DESCRIPTION: &'static str;
    /// The last segment of its path: `courses`.
    const ENDPOINT: &'static str;
    /// How long its rows and lists may stay in the cache, in seconds; `None` turns the cache off.
    const CACHE_TTL: Option<u64>;
    /// The column whose value parts its lists, such as a parent's id: a write leaves alone what is cached of the lists
    /// of other values. A list is of one value if a filter, a route or the search says so.
    const CACHE_PARTITION: Option<&'static str> = None;
    /// The order of a list when the request names none: a `sort` value.
    const DEFAULT_SORT: &'static str = "-created_at";

    /// The actions that have routes. The others are the server's own: hooks, jobs and imports may do them.
    const ROUTES: &'static [Action] = &Action::ALL;

    /// The columns that `sort` may name.
    fn sorts() -> Vec<SortColumn>;

    /// The entities that it belongs together with.
    fn relations() -> Vec<Relation> {
        Vec::new()
    }

    /// Turns the filters into conditions: ordinary Diesel, run on both databases.
    fn search(search: Search<Self::Table>, query: &Self::Query) -> Search<Self::Table>;

    /// Completes a new row before it is written: values derived from others go into the body, what the
    /// server sets once (the owner) into `set`. A `PUT` runs it too, and keeps the body only.
    ///
    /// # Errors
    /// Whatever refuses the row.
    fn before_create(
        _new: &mut Self::Create,
        _set: &mut Assignments<Self::Table>,
        _principal: &Principal,
    ) -> Result<()> {
        Ok(())
    }

    /// Completes a change before it is written.
    ///
    /// # Errors
    /// Whatever refuses the change.
    fn before_update(
        _change: &mut Self::Update,
        _set: &mut Assignments<Self::Table>,
        _principal: &Principal,
    ) -> Result<()> {
        Ok(())
    }

    /// Says in the entity's own words why the database refused a write; `None` leaves that to the
    /// framework.
    fn explain(_fault: &Fault) -> Option<Error> {
        None
    }

    /// The unique text columns whose values the server makes: see
    /// [`Assignments::set_numbered`].
    const NUMBERED: &'static [&'static str] = &[];

    /// The unique text columns by which a row is read and put.
    const UNIQUE: &'static [UniqueColumn] = &[];

    /// Whether a change needs `If-Match`.
    const IF_MATCH_REQUIRED: bool = false;
    /// Whether it is kept what its rows were before they changed, by whom and when.
    const HISTORY: bool = false;
    /// The numbers and times of `Get` over which `GET /things/aggregate` counts, adds and compares.
    const AGGREGATES: &'static [&'static str] = &[];
    /// The fields of `Get` by which it groups rows.
    const GROUPS: &'static [&'static str] = &[];

    /// Whether [`before_write`](Self::before_write) is declared.
    const BEFORE_WRITE: bool = false;
    /// Whether [`after_write`](Self::after_write) is declared.
    const AFTER_WRITE: bool = false;

    /// Runs in the transaction of every write, before its statement.
    fn before_write<'a>(_write: &'a mut Before<'_, Self>) -> BoxFuture<'a, Result<()>>
    where
        Self: Sized,
    {
        Box::pin(async { Ok(()) })
    }

    /// Runs in the transaction of every write, after its statement.
    fn after_write<'a>(_write: &'a After<'_, Self>) -> BoxFuture<'a, Result<()>>
    where
        Self: Sized,
    {
        Box::pin(async { Ok(()) })
    }
}

/// A column that `sort` may name.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
/// # fn main() {
/// use crud_core::db::ColumnKind;
///
/// let sorts = Course::sorts();
/// let title = sorts.iter().find(|sort| sort.name == "title").unwrap();
/// assert_eq!((title.kind, title.nullable), (ColumnKind::Text, false));
/// # }
/// ```
pub struct SortColumn {
    /// Its name in the request, which is the column's.
    pub name: &'static str,
    /// What it holds: text must be ordered alike by both databases, and JSON cannot be.
    pub kind: ColumnKind,
    /// Whether it can be null.
    pub nullable: bool,
    /// The column itself.
    pub column: Frag,
}

impl SortColumn {
    /// Declares a column of the entity's table as sortable.
    pub fn of<C>(_column: C) -> Self
    where
        C: Column<Table: Named, SqlType: ColumnType>,
    {
        Self {
            name: C::NAME,
            kind: <C::SqlType as ColumnType>::KIND,
            nullable: <C::SqlType as ColumnType>::NULLABLE,
            column: crate::db::column::<C>(),
        }
    }
}

/// A text column that no two rows which are not archived have alike, by which a row is read and put.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
/// # fn main() {
/// use crud_core::entity::UniqueColumn;
///
/// /// What `unique(title)` in a declaration makes.
/// const UNIQUE: &[UniqueColumn] = &[UniqueColumn::of(courses::title)];
/// assert_eq!(UNIQUE[0].name, "title");
/// # }
/// ```
pub struct UniqueColumn {
    /// Its name, which is that of a field of the create DTO.
    pub name: &'static str,
    column: ColumnFragment,
}

impl UniqueColumn {
    /// Declares a column of the entity's table as unique, which an index of the table must keep.
    pub const fn of<C>(_column: C) -> Self
    where
        C: Column<Table: Named, SqlType = Text> + Copy,
    {
        Self {
            name: C::NAME,
            column: ColumnFragment::of::<C>(),
        }
    }

    /// Whether a row has this value.
    pub(crate) fn is(&self, value: &str) -> Frag {
        let sql = Stmt::new()
            .frag(std::sync::Arc::new(self.column))
            .sql(" = ");
        std::sync::Arc::new(sql.bind::<Text, _>(value.to_owned()))
    }

    /// Its place in an address: `by-short-name`.
    pub(crate) fn segment(&self) -> String {
        format!("by-{}", self.name.replace('_', "-"))
    }
}
