//! A statement that writes by itself, where there is a cache: marked before, posted after.
//!
//! Where the store needs more than a mark (`cache::control`), the statement carries a fence; one that cannot, or whose
//! fence was not true, runs in a transaction of its own.

use futures_util::FutureExt;

use super::observed::{Observer, is_settled};
use super::{Access, Backend, Db, DbError, DbResult, Executor, Sink, Stmt};
use crate::cache::{Dep, Detached, Touched};

impl Db {
    pub(super) async fn load_observed(
        &self,
        stmt: Stmt,
        sink: Box<dyn Sink>,
    ) -> DbResult<Box<dyn Sink>> {
        let Some((observer, touched)) = self.touched(&stmt).await? else {
            return self.load_unobserved(Access::Write, stmt, sink).await;
        };
        if !observer.cache.needs_fence() {
            let db = self.clone();
            let work = async move { db.load_unobserved(Access::Write, stmt, sink).await };
            return observer.run(touched, work).await;
        }
        let (stmt, sink) = match stmt.can_be_fenced() {
            true => match self.load_fenced(observer, touched, stmt, sink).await {
                Fenced::Ran(result) => return result,
                Fenced::Refused(stmt, sink) => (stmt, sink),
            },
            false => (stmt, sink),
        };
        let tx = self.begin().await?;
        let sink = tx.load_into(Access::Write, stmt, sink).await?;
        tx.commit().await?;
        Ok(sink)
    }

    pub(super) async fn execute_observed(&self, stmt: Stmt) -> DbResult<usize> {
        let Some((observer, touched)) = self.touched(&stmt).await? else {
            return self.execute_unobserved(stmt).await;
        };
        if !observer.cache.needs_fence() {
            let db = self.clone();
            let work = async move { db.execute_unobserved(stmt).await };
            return observer.run(touched, work).await;
        }
        let tx = self.begin().await?;
        let rows = tx.execute(stmt).await?;
        tx.commit().await?;
        Ok(rows)
    }

    async fn touched(&self, stmt: &Stmt) -> DbResult<Option<(Observer, Vec<Dep>)>> {
        let Some(observer) = self.observer().await? else {
            return Ok(None);
        };
        let touched = observer.touched(self.kind(), Access::Write, stmt)?;
        Ok((!touched.is_empty()).then_some((observer, touched)))
    }

    async fn load_fenced(
        &self,
        observer: Observer,
        touched: Vec<Dep>,
        stmt: Stmt,
        mut sink: Box<dyn Sink>,
    ) -> Fenced {
        let db = self.clone();
        let work = async move {
            let Backend::Pg(pg) = &db.0.backend else {
                return Fenced::Refused(stmt, sink);
            };
            let deps = Touched::all(touched);
            let Some((marked, fence)) = observer.cache.mark_fenced(deps).await else {
                return Fenced::Refused(stmt, sink);
            };
            let stmt = stmt.fenced(fence);
            let result = pg.load(&stmt, &mut *sink).await;
            if is_settled(&result) {
                marked.post().await;
            }
            match result {
                Err(DbError::Serialization) => Fenced::Refused(stmt.fenced(None), sink),
                result => Fenced::Ran(result.map(|()| sink)),
            }
        };
        Detached::new(work.boxed()).await
    }
}

/// What became of a statement with a fence.
enum Fenced {
    Ran(DbResult<Box<dyn Sink>>),
    /// It has had no effect, and must be run another way.
    Refused(Stmt, Box<dyn Sink>),
}

impl Observer {
    /// Runs a write between mark and post, to its end.
    pub(super) async fn run<R: Send + 'static>(
        self,
        touched: Vec<Dep>,
        work: impl Future<Output = DbResult<R>> + Send + 'static,
    ) -> DbResult<R> {
        let deps = Touched::all(touched);
        let work = async move {
            let marked = self.mark(deps).await?;
            let result = work.await;
            marked.settle(is_settled(&result)).await;
            result
        };
        Detached::new(work.boxed()).await
    }
}
