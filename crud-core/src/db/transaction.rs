//! [`Db::transaction`]: a closure in a transaction, the same closure on both databases.

use std::future::Future;

use super::error::DbError;
use super::{Db, Tx};

tokio::task_local! {
    /// The database whose transaction this task is inside of.
    static INSIDE: usize;
}

/// True if this task is inside a [`Db::transaction`] of the database `id`.
pub(super) fn is_inside(id: usize) -> bool {
    INSIDE.try_with(|inside| *inside == id).unwrap_or(false)
}

impl Db {
    /// Runs `work` in a transaction: commits if it returns `Ok`, rolls back if it returns `Err` or is dropped.
    ///
    /// Inside, statements run on `tx`; a write on the `Db` itself is an error there, on both databases alike.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
    /// # #[tokio::main]
    /// # async fn main() -> crud_core::Result<()> {
    /// use crud_core::{Tx, error::BoxError};
    ///
    /// let db = app().await.db().clone();
    /// let changed = db.transaction(async |tx: &Tx| -> Result<usize, BoxError> {
    ///     let changed = tx.run(diesel::update(courses::table).set(courses::price.eq(0))).await?;
    ///     match changed {
    ///         0 => Err("there is no course".into()),
    ///         _ => Ok(changed),
    ///     }
    /// });
    /// assert_eq!(changed.await.unwrap_err().to_string(), "there is no course");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn transaction<'a, R, E, F>(&self, work: F) -> Result<R, E>
    where
        for<'t> F: AsyncFnOnce(&'t Tx) -> Result<R, E>
            + AsyncFunc<&'t Tx, Result<R, E>, Fut: Send>
            + Send
            + 'a,
        E: From<DbError> + Send + 'a,
        R: Send + 'a,
    {
        let tx = self.begin().await?;
        match INSIDE.scope(self.id(), work(&tx)).await {
            Ok(done) => {
                tx.commit().await?;
                Ok(done)
            }
            Err(error) => {
                if let Err(lost) = tx.rollback().await {
                    tracing::warn!(error = %lost, "a transaction ended with its connection");
                }
                Err(error)
            }
        }
    }
}

/// An async closure whose future is `Send`: a way of saying so on stable Rust, taken from diesel-async.
///
/// ```
/// use crud_core::db::AsyncFunc;
///
/// async fn told<R>(work: impl AsyncFunc<i32, R>) -> R {
///     work(21).await
/// }
///
/// # #[tokio::main]
/// # async fn main() {
/// assert_eq!(told(async |n: i32| n * 2).await, 42);
/// # }
/// ```
pub trait AsyncFunc<T, R>:
    AsyncFnOnce(T) -> R + FnOnce(T) -> <Self as AsyncFunc<T, R>>::Fut
{
    /// The closure's future.
    type Fut: Future<Output = R>;
}

impl<F, T, Fut, R> AsyncFunc<T, R> for F
where
    F: AsyncFnOnce(T) -> R + FnOnce(T) -> Fut,
    Fut: Future<Output = R>,
{
    type Fut = Fut;
}
