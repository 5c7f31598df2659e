//! [`Scope`]: the rows on which a caller may do something, built by a policy in terms of the table's columns.

use std::{marker::PhantomData, sync::Arc};

use diesel::{
    Column, Expression,
    expression::AsExpression,
    sql_types::{SingleValue, SqlType},
};
use serde::Serialize;

use super::{
    Rule,
    predicate::{Operand, Predicate, Relation},
};
use crate::{db::Fragment, entity::Named};

/// The rows of `T` on which something is allowed.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
/// # fn main() {}
/// fn lessons_of(principal: &Principal) -> Scope<lessons::table> {
///     let own = Scope::owned_by(courses::created_by, principal.id());
///     let cheap = Scope::one_of(courses::price, [0, 100]).and(Scope::eq(courses::is_published, true));
///     // Lessons of courses that are the caller's, or cheap; with a sentence for who sees another.
///     Scope::related(lessons::course_id, courses::id, own.or(cheap))
///         .or_forbidden("Only lessons of your own courses")
/// }
/// ```
pub struct Scope<T> {
    erased: Rule,
    table: PhantomData<fn() -> T>,
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
