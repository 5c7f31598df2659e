//! What an entity declares.
//!
//! `#[derive(EntityInterface)]` implements [`EntityInterface`] from its
//! attributes; [`crate::registry`] erases it into a [`Resource`](crate::registry::Resource), the only
//! form that operations and routes know.

use diesel::{
    Column, Table,
    internal::table_macro::{Identifier, StaticQueryFragment},
};

use futures_util::future::BoxFuture;

use crate::{
    Error, Result,
    db::{ColumnKind, ColumnList, ColumnType, Frag, Fragment},
    dto::{Assignments, CreateDto, QueryDto, RowDto, UpdateDto},
    hook::{After, Before, Fault},
    policy::Policy,
    principal::Principal,
    relation::Relation,
    search::Search,
};

/// A Diesel table that an entity can stand on: its columns are of types that both databases have.
/// Implemented for every such `table!`.
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
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an entity",
    note = "derive it: `#[derive(EntityInterface)] #[entity(endpoint = …, table = …, …)]`"
)]
pub trait EntityInterface: Send + Sync + 'static {
    /// The table its rows live in.
    type Table: EntityTable;
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
    /// The order of a list when the request names none: a `sort` value.
    const DEFAULT_SORT: &'static str = "-created_at";

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
pub struct SortColumn {
    /// Its name in the request, which is the column's.
    pub name: &'static str,
    /// Whether it is text, which both databases must order alike.
    pub text: bool,
    /// Whether it can be null.
    pub nullable: bool,
    /// The column itself.
    pub column: Frag,
}

impl SortColumn {
    /// Declares a column of the entity's table as sortable.
    pub fn of<C>(column: C) -> Self
    where
        C: Column<SqlType: ColumnType> + Fragment + 'static,
    {
        Self {
            name: C::NAME,
            text: <C::SqlType as ColumnType>::KIND == ColumnKind::Text,
            nullable: <C::SqlType as ColumnType>::NULLABLE,
            column: std::sync::Arc::new(column),
        }
    }
}
