//! What an entity does of its own around a write, inside the write's transaction: a rule that needs
//! other rows, or an effect on them. A hook that fails undoes the write and everything with it.
//!
//! [`operations`](crate::operations) calls hooks; they call operations through their [`Context`].

use bytes::Bytes;
use futures_util::future::BoxFuture;

use crate::{
    Error, Result,
    db::{DbError, Tx},
    dto::{Assignment, Assignments},
    entity::EntityInterface,
    operations::Context,
    policy::Action,
    principal::Principal,
};

/// A write that is about to happen.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
/// # fn main() {}
/// /// A course that is published stays so; `before_write = before_write` in its declaration.
/// async fn before_write(write: &mut Before<'_, Course>) -> Result<()> {
///     let was_published = write.old_row().is_some_and(|old| old.is_published);
///     match write.action() {
///         Action::Delete if was_published => Err(Error::conflict("published", "The course is published")),
///         Action::Update if was_published => {
///             write.set.set(courses::is_published, true);
///             Ok(())
///         }
///         _ => Ok(()),
///     }
/// }
/// ```
pub struct Before<'a, E: EntityInterface> {
    write: Write<'a>,
    old: Option<E::Get>,
    /// The columns that will be written; a hook may set more.
    pub set: Assignments<E::Table>,
}

/// A write that has happened, and is not yet committed.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
/// # fn main() {}
/// /// Every course begins with a lesson; `after_write = after_write` in its declaration.
/// async fn after_write(write: &After<'_, Course>) -> Result<()> {
///     if let (Action::Create, Some(course)) = (write.action(), write.new_row()) {
///         let first = LessonCreate { course_id: course.id, title: "Welcome".into(), properties: None };
///         write.system().create::<Lesson>(first).await?;
///     }
///     Ok(())
/// }
/// ```
pub struct After<'a, E: EntityInterface> {
    write: Write<'a>,
    old: Option<E::Get>,
    new: Option<E::Get>,
    changed: Vec<&'static str>,
}

#[derive(Clone, Copy)]
struct Write<'a> {
    cx: Context<'a>,
    action: Action,
}

/// What both kinds of hook are told.
macro_rules! told {
    ($hook:ident) => {
        impl<'a, E: EntityInterface> $hook<'a, E> {
            /// What is done.
            pub const fn action(&self) -> Action {
                self.write.action
            }

            /// Who does it.
            pub const fn principal(&self) -> &'a Principal {
                self.write.cx.principal
            }

            /// Operations in the same transaction, on behalf of the caller.
            pub const fn context(&self) -> Context<'a> {
                self.write.cx
            }

            /// Operations in the same transaction that every policy lets pass: the server's own.
            pub const fn system(&self) -> Context<'a> {
                self.write.cx.as_system()
            }

            /// The transaction itself, for other Diesel queries.
            ///
            /// # Errors
            /// Never in a hook, which always runs in one.
            pub fn tx(&self) -> Result<&'a Tx> {
                let tx = self.write.cx.tx();
                tx.ok_or_else(|| Error::internal("a hook runs without a transaction"))
            }

            /// The row before the write, with every field; `None` when it is created.
            pub const fn old_row(&self) -> Option<&E::Get> {
                self.old.as_ref()
            }
        }
    };
}
told!(Before);
told!(After);

impl<E: EntityInterface> After<'_, E> {
    /// The row after the write, with every field; `None` when it was deleted.
    pub const fn new_row(&self) -> Option<&E::Get> {
        self.new.as_ref()
    }

    /// The columns that were written, apart from those that the framework writes itself.
    pub fn changed(&self) -> &[&'static str] {
        &self.changed
    }
}

/// What the database refused a write for, so that an entity can say it in its own words.
///
/// ```
/// use crud_core::{Error, hook::Fault};
///
/// /// `explain = explain` in a declaration.
/// fn explain(fault: &Fault) -> Option<Error> {
///     fault
///         .is_unique(&["student_id", "course_id"])
///         .then(|| Error::conflict("enrolled", "Already enrolled in this course"))
/// }
/// let fault = Fault::Unique { columns: vec!["course_id".into(), "student_id".into()] };
/// assert_eq!(explain(&fault).unwrap().code(), "enrolled");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// Another row has the same values.
    Unique {
        /// The columns that must be unique together.
        columns: Vec<String>,
    },
    /// The row refers to one that does not exist.
    ForeignKey {
        /// The referring columns; empty where SQLite does not say.
        columns: Vec<String>,
    },
    /// A check does not hold.
    Check {
        /// The constraint's name.
        constraint: String,
    },
}

impl Fault {
    /// The fault behind an error of the database, if it is one of these.
    pub(crate) fn of(error: &DbError) -> Option<Self> {
        match error {
            DbError::Unique { columns, .. } => Some(Self::Unique {
                columns: columns.clone(),
            }),
            DbError::ForeignKey {
                columns,
                still_referenced: None | Some(false),
                ..
            } => Some(Self::ForeignKey {
                columns: columns.clone(),
            }),
            DbError::Check { constraint, .. } => Some(Self::Check {
                constraint: constraint.clone().unwrap_or_default(),
            }),
            _ => None,
        }
    }

    /// Whether exactly these columns must be unique together, in whatever order.
    pub fn is_unique(&self, expected: &[&str]) -> bool {
        let Self::Unique { columns } = self else {
            return false;
        };
        columns.len() == expected.len() && columns.iter().all(|c| expected.contains(&c.as_str()))
    }
}

/// A `before_write` hook without its types.
pub(crate) type BeforeFn = for<'a> fn(
    Context<'a>,
    Action,
    Option<Bytes>,
    Vec<Assignment>,
) -> BoxFuture<'a, Result<Vec<Assignment>>>;

/// An `after_write` hook without its types.
pub(crate) type AfterFn = for<'a> fn(
    Context<'a>,
    Action,
    Option<Bytes>,
    Option<Bytes>,
    Vec<&'static str>,
) -> BoxFuture<'a, Result<()>>;

pub(crate) fn before<E: EntityInterface>() -> Option<BeforeFn> {
    // No `then_some`: it would have the compiler write the hook's reading of rows for entities that have none.
    if !E::BEFORE_WRITE {
        return None;
    }
    Some(|cx, action, old, set| {
        Box::pin(async move {
            let mut before = Before::<E> {
                write: Write { cx, action },
                old: row::<E>(old)?,
                set: Assignments::from_list(set),
            };
            E::before_write(&mut before).await?;
            Ok(before.set.into_list())
        })
    })
}

pub(crate) fn after<E: EntityInterface>() -> Option<AfterFn> {
    if !E::AFTER_WRITE {
        return None;
    }
    Some(|cx, action, old, new, changed| {
        Box::pin(async move {
            let after = After::<E> {
                write: Write { cx, action },
                old: row::<E>(old)?,
                new: row::<E>(new)?,
                changed,
            };
            E::after_write(&after).await
        })
    })
}

fn row<E: EntityInterface>(json: Option<Bytes>) -> Result<Option<E::Get>> {
    let row = json.map(|json| serde_json::from_slice(&json));
    row.transpose().map_err(Error::internal)
}
