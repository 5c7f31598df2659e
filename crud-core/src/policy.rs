//! Who may do what: an entity's policy turns the principal into a [`Scope`].
//!
//! The scope is at once the SQL predicate of every read and write, the check on the new values of a write, and the key
//! under which a list may be shared. Pure: it never touches the database and never sees a row.

use std::{fmt, marker::PhantomData, sync::Arc};

use diesel::{
    Column, Expression,
    expression::AsExpression,
    sql_types::{SingleValue, SqlType},
};
use serde::Serialize;

use crate::{
    db::{Frag, Fragment, Stmt},
    entity::Named,
    principal::Principal,
};

/// What a caller wants to do with rows of an entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Action {
    /// Read one row.
    Get,
    /// Read many.
    List,
    /// Write a new row.
    Create,
    /// Change a row (`PATCH`, `PUT`).
    Update,
    /// Hide a row without losing it.
    Archive,
    /// Bring an archived row back.
    Restore,
    /// Remove a row for good.
    Delete,
}

impl Action {
    /// Every action, in the order of the documentation.
    pub const ALL: [Self; 7] = [
        Self::Get,
        Self::List,
        Self::Create,
        Self::Update,
        Self::Archive,
        Self::Restore,
        Self::Delete,
    ];

    /// Its name in claims (`courses:update`) and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::List => "list",
            Self::Create => "create",
            Self::Update => "update",
            Self::Archive => "archive",
            Self::Restore => "restore",
            Self::Delete => "delete",
        }
    }

    /// Whether it only reads.
    pub const fn is_read(self) -> bool {
        matches!(self, Self::Get | Self::List)
    }
}

/// The rules of an entity whose table is `T`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a policy for `{T}`",
    note = "implement `Policy<{T}>` for it: `fn scope(principal, action) -> Scope<{T}>`"
)]
pub trait Policy<T>: Send + Sync + 'static {
    /// The rows on which the principal may do this. Asked on every request, cached answers included.
    fn scope(principal: &Principal, action: Action) -> Scope<T>;

    /// The fields that the principal may see and set; everything, unless said otherwise.
    fn fields(_principal: &Principal) -> Fields<T> {
        Fields::all()
    }
}

/// The rows of `T` on which something is allowed.
pub struct Scope<T> {
    erased: Rule,
    table: PhantomData<fn() -> T>,
}

/// A [`Scope`] without its table's type: what the operations know.
#[derive(Clone)]
pub struct Rule {
    pub(crate) predicate: Predicate,
    pub(crate) refusal: Option<&'static str>,
}

/// A condition on a row that can be rendered as SQL, compared and hashed.
#[derive(Clone)]
pub(crate) enum Predicate {
    Always,
    Never,
    Equals(Operand),
    Differs(Operand),
    OneOf(&'static str, &'static str, Vec<(Frag, serde_json::Value)>),
    IsNull(&'static str, &'static str),
    IsNotNull(&'static str, &'static str),
    All(Vec<Self>),
    Any(Vec<Self>),
    Related(Box<Relation>),
}

#[derive(Clone)]
pub(crate) struct Operand {
    table: &'static str,
    column: &'static str,
    bind: Frag,
    value: serde_json::Value,
}

#[derive(Clone)]
pub(crate) struct Relation {
    table: &'static str,
    column: &'static str,
    target_table: &'static str,
    target_column: &'static str,
    rule: Predicate,
}

impl<T> Scope<T> {
    fn of(predicate: Predicate) -> Self {
        Self {
            erased: Rule {
                predicate,
                refusal: None,
            },
            table: PhantomData,
        }
    }

    /// Every row.
    pub fn all() -> Self {
        Self::of(Predicate::Always)
    }

    /// No row.
    pub fn none() -> Self {
        Self::of(Predicate::Never)
    }

    /// No row, and the sentence that says why.
    pub fn forbidden(reason: &'static str) -> Self {
        Self::none().or_forbidden(reason)
    }

    /// The sentence for a caller who sees a row but is outside this scope.
    #[must_use]
    pub fn or_forbidden(mut self, reason: &'static str) -> Self {
        self.erased.refusal = Some(reason);
        self
    }

    /// Every row if `allowed`, else none.
    pub fn when(allowed: bool) -> Self {
        if allowed { Self::all() } else { Self::none() }
    }

    /// The rows whose column has this value.
    pub fn eq<C, V>(_column: C, value: V) -> Self
    where
        T: Named,
        C: Column<Table = T> + Expression<SqlType: SqlType + SingleValue>,
        V: AsExpression<C::SqlType> + Serialize,
        V::Expression: Fragment + 'static,
    {
        Self::of(Predicate::Equals(operand::<C, T, V>(value)))
    }

    /// The rows whose column has another value, or none.
    pub fn ne<C, V>(_column: C, value: V) -> Self
    where
        T: Named,
        C: Column<Table = T> + Expression<SqlType: SqlType + SingleValue>,
        V: AsExpression<C::SqlType> + Serialize,
        V::Expression: Fragment + 'static,
    {
        Self::of(Predicate::Differs(operand::<C, T, V>(value)))
    }

    /// The rows whose column has this value; none if there is no value (an anonymous caller's id).
    pub fn owned_by<C, V>(column: C, owner: Option<V>) -> Self
    where
        T: Named,
        C: Column<Table = T> + Expression<SqlType: SqlType + SingleValue>,
        V: AsExpression<C::SqlType> + Serialize,
        V::Expression: Fragment + 'static,
    {
        owner.map_or_else(Self::none, |owner| Self::eq(column, owner))
    }

    /// The rows whose column has one of these values.
    pub fn one_of<C, V>(_column: C, values: impl IntoIterator<Item = V>) -> Self
    where
        T: Named,
        C: Column<Table = T> + Expression<SqlType: SqlType + SingleValue>,
        V: AsExpression<C::SqlType> + Serialize,
        V::Expression: Fragment + 'static,
    {
        let mut values: Vec<_> = values
            .into_iter()
            .map(operand::<C, T, V>)
            .map(|operand| (operand.bind, operand.value))
            .collect();
        values.sort_by_cached_key(|(_, value)| value.to_string());
        values.dedup_by(|a, b| a.1 == b.1);
        if values.is_empty() {
            return Self::none();
        }
        Self::of(Predicate::OneOf(T::NAME, C::NAME, values))
    }

    /// The rows whose column is null.
    pub fn is_null<C: Column<Table = T>>(_column: C) -> Self
    where
        T: Named,
    {
        Self::of(Predicate::IsNull(T::NAME, C::NAME))
    }

    /// The rows whose column is not null.
    pub fn is_not_null<C: Column<Table = T>>(_column: C) -> Self
    where
        T: Named,
    {
        Self::of(Predicate::IsNotNull(T::NAME, C::NAME))
    }

    /// The rows for which a row of another table exists, whose `target` equals this `column`, inside
    /// that table's `scope`: lessons of courses that the caller may see.
    pub fn related<C, D>(_column: C, _target: D, scope: Scope<D::Table>) -> Self
    where
        T: Named,
        C: Column<Table = T>,
        D: Column<Table: Named>,
    {
        if matches!(scope.erased.predicate, Predicate::Never) {
            return Self::none();
        }
        Self::of(Predicate::Related(Box::new(Relation {
            table: T::NAME,
            column: C::NAME,
            target_table: <D::Table as Named>::NAME,
            target_column: D::NAME,
            rule: scope.erased.predicate,
        })))
    }

    /// The rows in both scopes.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        use Predicate::{All, Always, Never};
        let refusal = self.erased.refusal.or(other.erased.refusal);
        let predicate = match (self.erased.predicate, other.erased.predicate) {
            (Never, _) | (_, Never) => Never,
            (Always, one) | (one, Always) => one,
            (All(mut many), one) => {
                many.push(one);
                All(many)
            }
            (one, two) => All(vec![one, two]),
        };
        let mut scope = Self::of(predicate);
        scope.erased.refusal = refusal;
        scope
    }

    /// The rows in either scope.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        use Predicate::{Always, Any, Never};
        let refusal = self.erased.refusal.or(other.erased.refusal);
        let predicate = match (self.erased.predicate, other.erased.predicate) {
            (Always, _) | (_, Always) => Always,
            (Never, one) | (one, Never) => one,
            (Any(mut many), one) => {
                many.push(one);
                Any(many)
            }
            (one, two) => Any(vec![one, two]),
        };
        let mut scope = Self::of(predicate);
        scope.erased.refusal = refusal;
        scope
    }

    /// The scope without its type.
    pub(crate) fn erase(self) -> Rule {
        self.erased
    }
}

fn operand<C, T, V>(value: V) -> Operand
where
    T: Named,
    C: Column<Table = T> + Expression<SqlType: SqlType + SingleValue>,
    V: AsExpression<C::SqlType> + Serialize,
    V::Expression: Fragment + 'static,
{
    Operand {
        table: T::NAME,
        column: C::NAME,
        value: serde_json::to_value(&value).unwrap_or_default(),
        bind: Arc::new(value.as_expression()),
    }
}

impl Rule {
    pub(crate) const ALWAYS: Self = Self {
        predicate: Predicate::Always,
        refusal: None,
    };

    pub(crate) fn is_always(&self) -> bool {
        matches!(self.predicate, Predicate::Always)
    }

    pub(crate) fn is_never(&self) -> bool {
        matches!(self.predicate, Predicate::Never)
    }
}

impl Predicate {
    /// Appends the condition as SQL, in parentheses where it needs them.
    pub(crate) fn render(&self, sql: Stmt) -> Stmt {
        match self {
            // `1 = 1`, since SQLite's and PostgreSQL's literals differ nowhere else.
            Self::Always => sql.sql("1 = 1"),
            Self::Never => sql.sql("1 = 0"),
            Self::Equals(o) => column(sql, o.table, o.column)
                .sql(" = ")
                .frag(o.bind.clone()),
            Self::Differs(o) => column(sql, o.table, o.column)
                .sql(" IS DISTINCT FROM ")
                .frag(o.bind.clone()),
            Self::OneOf(table, name, values) => {
                let mut sql = column(sql, table, name).sql(" IN (");
                for (i, (bind, _)) in values.iter().enumerate() {
                    if i > 0 {
                        sql = sql.sql(", ");
                    }
                    sql = sql.frag(bind.clone());
                }
                sql.sql(")")
            }
            Self::IsNull(table, name) => column(sql, table, name).sql(" IS NULL"),
            Self::IsNotNull(table, name) => column(sql, table, name).sql(" IS NOT NULL"),
            Self::All(many) => join(sql, many, " AND "),
            Self::Any(many) => join(sql, many, " OR "),
            Self::Related(relation) => {
                let sql = sql
                    .sql("EXISTS (SELECT 1 FROM ")
                    .ident(relation.target_table)
                    .sql(" WHERE ");
                let sql = column(sql, relation.target_table, relation.target_column).sql(" = ");
                let sql = column(sql, relation.table, relation.column);
                if matches!(relation.rule, Self::Always) {
                    return sql.sql(")");
                }
                relation.rule.render(sql.sql(" AND (")).sql("))")
            }
        }
    }

    /// Whether the predicate depends on one of these columns of its own table.
    pub(crate) fn mentions(&self, is_changed: &dyn Fn(&str) -> bool) -> bool {
        match self {
            Self::Always | Self::Never => false,
            Self::Equals(o) | Self::Differs(o) => is_changed(o.column),
            Self::OneOf(_, name, _) | Self::IsNull(_, name) | Self::IsNotNull(_, name) => {
                is_changed(name)
            }
            Self::All(many) | Self::Any(many) => many.iter().any(|p| p.mentions(is_changed)),
            Self::Related(relation) => is_changed(relation.column),
        }
    }
}

fn column(sql: Stmt, table: &'static str, name: &'static str) -> Stmt {
    sql.ident(table).sql(".").ident(name)
}

fn join(mut sql: Stmt, many: &[Predicate], word: &'static str) -> Stmt {
    sql = sql.sql("(");
    for (i, one) in many.iter().enumerate() {
        if i > 0 {
            sql = sql.sql(word);
        }
        sql = one.render(sql);
    }
    sql.sql(")")
}

/// The scope in words: equal scopes print equally, so lists may be shared by it.
impl fmt::Display for Predicate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |f: &mut fmt::Formatter<'_>, many: &[Self], word: &str| {
            let mut parts: Vec<_> = many.iter().map(ToString::to_string).collect();
            parts.sort();
            write!(f, "({})", parts.join(word))
        };
        match self {
            Self::Always => f.write_str("all"),
            Self::Never => f.write_str("none"),
            Self::Equals(o) => write!(f, "{}.{}={}", o.table, o.column, o.value),
            Self::Differs(o) => write!(f, "{}.{}!={}", o.table, o.column, o.value),
            Self::OneOf(table, name, values) => {
                write!(f, "{table}.{name}=[")?;
                for (_, value) in values {
                    write!(f, "{value},")?;
                }
                f.write_str("]")
            }
            Self::IsNull(table, name) => write!(f, "{table}.{name}=null"),
            Self::IsNotNull(table, name) => write!(f, "{table}.{name}!=null"),
            Self::All(many) => list(f, many, "&"),
            Self::Any(many) => list(f, many, "|"),
            Self::Related(r) => write!(
                f,
                "{}.{}->{}.{}:{}",
                r.table, r.column, r.target_table, r.target_column, r.rule
            ),
        }
    }
}

/// The fields of `T` that a principal may not see or not set.
pub struct Fields<T> {
    mask: Mask,
    table: PhantomData<fn() -> T>,
}

/// [`Fields`] without the table's type.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mask {
    pub(crate) hidden: Vec<&'static str>,
    pub(crate) read_only: Vec<&'static str>,
}

impl<T> Fields<T> {
    /// Every field may be seen and set.
    pub fn all() -> Self {
        Self {
            mask: Mask::default(),
            table: PhantomData,
        }
    }

    /// This field is left out of every answer, and can't be filtered, sorted by or set.
    #[must_use]
    pub fn hide<C: Column<Table = T>>(mut self, column: C) -> Self {
        self.mask.hidden.push(C::NAME);
        self.read_only(column)
    }

    /// This field can be seen but not set.
    #[must_use]
    pub fn read_only<C: Column<Table = T>>(mut self, _column: C) -> Self {
        self.mask.read_only.push(C::NAME);
        self
    }

    pub(crate) fn erase(self) -> Mask {
        self.mask
    }
}

impl Mask {
    pub(crate) fn hides(&self, field: &str) -> bool {
        self.hidden.contains(&field)
    }
}
