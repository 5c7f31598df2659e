//! A piece of SQL that both databases can render, erased to one object, and a statement built of such pieces.
//!
//! Everything that talks to the database (operations, policies, searches) builds a [`Stmt`] and hands it to an
//! [`Executor`](super::Executor). Nothing here runs SQL, and nothing here may be generic over an entity: that is
//! what keeps compile times flat.

use std::sync::{Arc, OnceLock};

use diesel::QueryResult;
use diesel::backend::Backend;
use diesel::expression::AsExpression;
use diesel::expression::TypedExpressionType;
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, QueryBuilder, QueryFragment, QueryId};
use diesel::sql_types::{Double, SqlType, Text};
use diesel::sqlite::Sqlite;

use super::columns::ColumnKind;
use crate::{
    cache::{Dep, Fence},
    id::Id,
};

/// SQL, with its bound values, that PostgreSQL and SQLite can both render.
///
/// Implemented for every Diesel expression or query that is valid on both.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
/// # fn main() {
/// use crud_core::db::{Fragment, Stmt};
///
/// /// How many rows of a table satisfy a condition.
/// fn count(table: &'static str, condition: impl Fragment + 'static) -> Stmt {
///     Stmt::new().sql("SELECT count(*) FROM ").ident(table).sql(" WHERE ").add(condition)
/// }
/// assert_eq!(count("courses", courses::price.eq(0)).parts().len(), 4);
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not SQL that both PostgreSQL and SQLite understand",
    label = "not valid on both databases",
    note = "use only what Diesel supports on both backends, or run it on one database through `Db::postgres`"
)]
pub trait Fragment: QueryFragment<Pg> + QueryFragment<Sqlite> + Send + Sync {}
impl<T: ?Sized + QueryFragment<Pg> + QueryFragment<Sqlite> + Send + Sync> Fragment for T {}

/// A shared, erased [`Fragment`].
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
/// # fn main() {
/// use crud_core::db::{Frag, Stmt};
/// use std::sync::Arc;
///
/// let conditions: Vec<Frag> = vec![Arc::new(courses::price.eq(0)), Arc::new(courses::title.contains_ci("rust"))];
/// let sql = Stmt::new().sql("SELECT id FROM courses WHERE true");
/// let sql = conditions.into_iter().fold(sql, |sql, condition| sql.sql(" AND ").frag(condition));
/// assert_eq!(sql.parts().len(), 5);
/// # }
/// ```
pub type Frag = Arc<dyn Fragment>;

/// Pg or Sqlite: lets one generic impl walk an erased [`Fragment`].
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
/// # fn main() {
/// use crud_core::db::Dialect as _;
/// use diesel::{pg::Pg, sqlite::Sqlite};
///
/// let free = courses::price.eq(0);
/// assert_eq!(Pg::render(&free).unwrap(), r#"("courses"."price" = $1)"#);
/// assert_eq!(Sqlite::render(&free).unwrap(), "(`courses`.`price` = ?)");
/// # }
/// ```
pub trait Dialect: Backend + Default {
    /// True for PostgreSQL.
    const IS_PG: bool;
    /// Walks `fragment` for this backend.
    fn walk<'b>(fragment: &'b dyn Fragment, out: AstPass<'_, 'b, Self>) -> QueryResult<()>;
    /// Walks a fence. SQLite has none: there the store itself knows of every write.
    fn walk_fence<'b>(fence: &'b Fence, out: AstPass<'_, 'b, Self>) -> QueryResult<()>;
    /// The SQL text of `fragment`; bound values appear as placeholders only.
    fn render(fragment: &dyn Fragment) -> QueryResult<String>;
}

macro_rules! dialect {
    ($backend:ident, $is_pg:literal, $walk_fence:expr) => {
        impl Dialect for $backend {
            const IS_PG: bool = $is_pg;
            fn walk<'b>(fragment: &'b dyn Fragment, out: AstPass<'_, 'b, Self>) -> QueryResult<()> {
                QueryFragment::<$backend>::walk_ast(fragment, out)
            }
            fn walk_fence<'b>(fence: &'b Fence, out: AstPass<'_, 'b, Self>) -> QueryResult<()> {
                $walk_fence(fence, out)
            }
            fn render(fragment: &dyn Fragment) -> QueryResult<String> {
                let mut sql = <$backend as Backend>::QueryBuilder::default();
                QueryFragment::<$backend>::to_sql(fragment, &mut sql, &$backend)?;
                Ok(sql.finish())
            }
        }
    };
}
dialect!(Pg, true, walk_fence);
dialect!(Sqlite, false, |_, _| Ok(()));

/// One value more in the list of `RETURNING`, which nobody reads: `cache::control::fence`.
fn walk_fence<'b>(fence: &'b Fence, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
    out.push_sql(", CASE WHEN crud_cache_epoch() = ");
    out.push_bind_param::<Text, str>(&fence.epoch)?;
    out.push_sql(" AND statement_timestamp() < to_timestamp(");
    out.push_bind_param::<Double, f64>(&fence.before)?;
    out.push_sql(") THEN 0 ELSE crud_cache_fenced() END");
    Ok(())
}

/// One piece of a [`Stmt`].
///
/// ```
/// use crud_core::db::{Dialect as _, Part, Stmt};
/// use diesel::{pg::Pg, sqlite::Sqlite};
///
/// let hour = Part::PerBackend { pg: "date_trunc('hour', now())", sqlite: "unixepoch() / 3600" };
/// let sql = Stmt::new().sql("SELECT ").part(hour).sql(" AS ").part(Part::Ident("hour"));
/// assert_eq!(Pg::render(&sql).unwrap(), r#"SELECT date_trunc('hour', now()) AS "hour""#);
/// assert_eq!(Sqlite::render(&sql).unwrap(), r#"SELECT unixepoch() / 3600 AS "hour""#);
/// ```
#[derive(Clone)]
pub enum Part {
    /// SQL text known at compile time.
    Sql(&'static str),
    /// SQL text made at start (never from a request).
    Text(Arc<str>),
    /// A table or column name; quoted.
    Ident(&'static str),
    /// Text that differs between the databases.
    PerBackend {
        /// For PostgreSQL.
        pg: &'static str,
        /// For SQLite.
        sqlite: &'static str,
    },
    /// Any fragment, with its bound values.
    Frag(Frag),
    /// Behind the list of `RETURNING`: where the fence of a cached write goes, if there is one.
    Fence,
}

/// A statement: a list of parts. Not generic, so it is compiled once for all entities.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
/// # #[tokio::main]
/// # async fn main() {
/// use crud_core::{db::{Access, Load as _, Stmt}, sql_types::{BigInt, Text}};
///
/// let sql = Stmt::new().sql("SELECT count(*) FROM courses WHERE title <> ").bind::<Text, _>("Rust");
/// let found = app().await.db().load::<i64, BigInt>(Access::Read, sql).await;
/// assert_eq!(found.unwrap(), [0]);
/// # }
/// ```
#[derive(Clone, Default)]
pub struct Stmt {
    parts: Vec<Part>,
    uncached: bool,
    effect: Option<Effect>,
    fence: Option<Fence>,
}

/// What a statement touches, if it says so itself.
#[derive(Debug, Clone)]
pub(crate) enum Effect {
    /// Nothing: it only locks, or writes what no cached value is made of.
    Nothing,
    /// A row of this table that nobody can have asked for: only the lists, and the parts of them that it is in.
    Unheard(&'static str, Vec<Dep>),
    /// A row of this table, its lists, and the parts of them that it is in.
    Row(&'static str, Id, Vec<Dep>),
    /// The same, and whatever the database does when the row goes.
    Delete(&'static str, Id, Vec<Dep>),
}

impl Effect {
    /// What it touches by itself.
    pub(super) fn deps(&self) -> Vec<Dep> {
        match self {
            Self::Nothing => Vec::new(),
            Self::Unheard(table, parts) => {
                let mut deps = vec![Dep::List((*table).into())];
                deps.extend_from_slice(parts);
                deps
            }
            Self::Row(table, id, parts) | Self::Delete(table, id, parts) => {
                let mut deps = Vec::with_capacity(2 + parts.len());
                deps.push(Dep::Row((*table).into(), id.clone()));
                deps.push(Dep::List((*table).into()));
                deps.extend_from_slice(parts);
                deps
            }
        }
    }
}

impl Stmt {
    /// An empty statement.
    pub fn new() -> Self {
        Self::with_capacity(16)
    }

    /// An empty statement with room for this many parts.
    pub fn with_capacity(parts: usize) -> Self {
        Self {
            parts: Vec::with_capacity(parts),
            uncached: false,
            effect: None,
            fence: None,
        }
    }

    /// Says what the statement touches, for the cache; otherwise its text does.
    pub(crate) fn touching(mut self, effect: Effect) -> Self {
        self.effect = Some(effect);
        self
    }

    pub(crate) const fn effect(&self) -> Option<&Effect> {
        self.effect.as_ref()
    }

    /// Whether it has a place for a fence.
    pub(super) fn can_be_fenced(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Fence))
    }

    /// Has the statement fail ([`DbError::Serialization`](super::DbError)) unless its snapshot finds the fence true.
    pub(crate) fn fenced(mut self, fence: impl Into<Option<Fence>>) -> Self {
        self.fence = fence.into();
        self
    }

    /// Appends one part.
    pub fn part(mut self, part: Part) -> Self {
        self.parts.push(part);
        self
    }

    /// Appends SQL text known at compile time.
    pub fn sql(self, sql: &'static str) -> Self {
        self.part(Part::Sql(sql))
    }

    /// Appends SQL text made at start. Never text from a request: that is what binds are for.
    pub fn text(self, sql: Arc<str>) -> Self {
        self.part(Part::Text(sql))
    }

    /// Appends a quoted table or column name.
    pub fn ident(self, name: &'static str) -> Self {
        self.part(Part::Ident(name))
    }

    /// Appends text that differs between the databases, such as ` COLLATE "C"`.
    pub fn per_backend(self, pg: &'static str, sqlite: &'static str) -> Self {
        self.part(Part::PerBackend { pg, sqlite })
    }

    /// Has both databases compare what was appended last by bytes, if it is text: SQLite does so by itself.
    pub(crate) fn by_bytes(self, kind: ColumnKind) -> Self {
        match kind {
            ColumnKind::Text => self.per_backend(" COLLATE \"C\"", ""),
            _ => self,
        }
    }

    /// Appends `(a, b, …)`. The number of places is a power of two, so that few statements are prepared.
    pub(crate) fn among(self, values: &[Frag]) -> Self {
        let padding = values.len().next_power_of_two() - values.len();
        let padding = values.last().into_iter().cycle().take(padding);
        let values = values.iter().chain(padding).enumerate();
        let sql = values.fold(self, |sql, (i, value)| {
            sql.sql(if i == 0 { "(" } else { ", " }).frag(value.clone())
        });
        sql.sql(")")
    }

    /// Appends an erased fragment.
    pub fn frag(self, fragment: Frag) -> Self {
        self.part(Part::Frag(fragment))
    }

    /// Appends a fragment by value.
    #[expect(
        clippy::should_implement_trait,
        reason = "a builder step, not arithmetic"
    )]
    pub fn add(self, fragment: impl Fragment + 'static) -> Self {
        self.part(Part::Frag(Arc::new(fragment)))
    }

    /// Appends a bound value: `stmt.bind::<sql_types::Text, _>("x".to_owned())`.
    pub fn bind<ST, V>(self, value: V) -> Self
    where
        ST: SqlType + TypedExpressionType,
        V: AsExpression<ST, Expression: Fragment + 'static>,
    {
        self.part(Part::Frag(bind::<ST, V>(value)))
    }

    /// The connection does not keep the prepared statement: for shapes that hardly come twice.
    pub fn uncached(mut self) -> Self {
        self.uncached = true;
        self
    }

    /// The parts so far.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }
}

impl<DB: Dialect> QueryFragment<DB> for Stmt {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        if self.uncached {
            out.unsafe_to_cache_prepared();
        }
        for part in &self.parts {
            match part {
                Part::Sql(sql) => out.push_sql(sql),
                Part::Text(sql) => out.push_sql(sql),
                // What needs no escaping needs no copy.
                Part::Ident(name) if !name.contains('"') => {
                    out.push_sql("\"");
                    out.push_sql(name);
                    out.push_sql("\"");
                }
                Part::Ident(name) => out.push_identifier(name)?,
                Part::PerBackend { pg, sqlite } => {
                    out.push_sql(if DB::IS_PG { pg } else { sqlite })
                }
                Part::Frag(fragment) => DB::walk(&**fragment, out.reborrow())?,
                Part::Fence => {
                    if let Some(fence) = &self.fence {
                        DB::walk_fence(fence, out.reborrow())?;
                    }
                }
            }
        }
        Ok(())
    }
}

impl QueryId for Stmt {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl diesel::query_builder::Query for Stmt {
    type SqlType = diesel::sql_types::Untyped;
}

impl<C> diesel::RunQueryDsl<C> for Stmt {}

/// A bound value as an erased fragment: `bind::<sql_types::Text, _>(title)`.
///
/// A nullable column takes an `Option`: `bind::<Nullable<Text>, _>(Some(text))`.
///
/// ```
/// use crud_core::{db::{Dialect as _, Stmt, bind}, sql_types::Text};
///
/// let words = ["rust", "sql"].map(bind::<Text, _>);
/// let sql = words.into_iter().fold(Stmt::new().sql("SELECT 1"), |sql, word| sql.sql(", ").frag(word));
/// assert_eq!(diesel::pg::Pg::render(&sql).unwrap(), "SELECT 1, $1, $2");
/// ```
pub fn bind<ST, V>(value: V) -> Frag
where
    ST: SqlType + TypedExpressionType,
    V: AsExpression<ST, Expression: Fragment + 'static>,
{
    Arc::new(value.as_expression())
}

/// A bound `LIMIT` or `OFFSET`.
///
/// SQLite plans a bare `LIMIT ?` by the value bound to it and so prepares the statement again on every call
/// (about 14 µs); `(? + 0)` keeps the cached plan.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use crud_core::{db::{Access, NoPeek, Stmt}, sql_types::{BigInt, Text}};
///
/// let sql = Stmt::new().sql("SELECT title FROM courses LIMIT ").add(NoPeek(20_i64.into_sql::<BigInt>()));
/// let titles: Vec<String> = app().await.db().load::<_, Text>(Access::Read, sql).await?;
/// assert!(titles.is_empty());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy)]
pub struct NoPeek<E>(pub E);

impl<DB: Dialect, E: QueryFragment<DB>> QueryFragment<DB> for NoPeek<E> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        if DB::IS_PG {
            return self.0.walk_ast(out);
        }
        out.push_sql("(");
        self.0.walk_ast(out.reborrow())?;
        out.push_sql(" + 0)");
        Ok(())
    }
}

/// A fragment without bound values (a column list, a table) whose text is made once for each database.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
/// # fn main() {
/// use crud_core::db::{Dialect as _, Frag, Rendered, Stmt};
/// use std::sync::{Arc, LazyLock};
///
/// /// Made once for each database, not for each statement.
/// static COLUMNS: LazyLock<Frag> = LazyLock::new(|| Rendered::frag(Arc::new((courses::id, courses::title))));
///
/// let sql = Stmt::new().sql("SELECT ").frag(COLUMNS.clone()).sql(" FROM courses");
/// let text = diesel::pg::Pg::render(&sql).unwrap();
/// assert_eq!(text, r#"SELECT "courses"."id", "courses"."title" FROM courses"#);
/// # }
/// ```
pub struct Rendered {
    fragment: Frag,
    text: [OnceLock<String>; 2],
}

impl Rendered {
    /// Wraps `fragment`, which must have no bound values: they would be lost, and the statement would fail.
    pub fn frag(fragment: Frag) -> Frag {
        Arc::new(Self {
            fragment,
            text: Default::default(),
        })
    }
}

impl<DB: Dialect> QueryFragment<DB> for Rendered {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        let slot = &self.text[usize::from(DB::IS_PG)];
        let text = match slot.get() {
            Some(text) => text,
            None => {
                let text = DB::render(&*self.fragment)?;
                slot.get_or_init(|| text)
            }
        };
        out.push_sql(text);
        Ok(())
    }
}
