//! Values of an application's own through the cache.

use std::{sync::Arc, time::Duration};

use super::again;
use crate::{
    Context, Error, Result,
    cache::{Dep, Deps, Entry, Failed, Load, Loaded, is_own},
    db::Db,
    operations::Place,
};

impl Context<'_> {
    /// A value of one's own through the cache: `load` runs if there is none that is current. Whoever reads anything but
    /// `deps` in it gets stale answers; whatever the answer depends on beside them (the caller!) belongs in `key`.
    ///
    /// Inside a transaction it always loads.
    ///
    /// # Errors
    /// Those of `load`.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
    /// # #[tokio::main]
    /// # async fn main() -> crud_core::Result<()> {
    /// use crud_core::cache::Deps;
    /// use std::time::Duration;
    ///
    /// let (app, nobody) = (app().await, Principal::anonymous());
    /// let db = app.db().clone();
    /// let load = async move {
    ///     let count = db.fetch::<i64>(courses::table.filter(courses::is_published).count());
    ///     Ok(count.await.map_err(Error::database)?[0])
    /// };
    /// let (minute, deps) = (Duration::from_secs(60), Deps::none().table(courses::table));
    /// // It is counted again after the next write of a course, or in a minute.
    /// let published: i64 = app.on_behalf(&nobody).cached("published", "courses", minute, deps, load).await?;
    /// assert_eq!(published, 0);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn cached<V, F>(
        &self,
        name: &'static str,
        key: &str,
        ttl: Duration,
        deps: Deps,
        load: F,
    ) -> Result<V>
    where
        V: serde::Serialize + serde::de::DeserializeOwned,
        F: Future<Output = Result<V>> + Send + 'static,
    {
        match self.place {
            Place::Db(db) => db.cached(name, key, ttl, deps, load).await,
            Place::Tx(_) => load.await,
        }
    }
}

impl Db {
    /// As [`Context::cached`], for who has no context: an authenticator, a job.
    ///
    /// # Errors
    /// Those of `load`.
    pub async fn cached<V, F>(
        &self,
        name: &'static str,
        key: &str,
        ttl: Duration,
        deps: Deps,
        load: F,
    ) -> Result<V>
    where
        V: serde::Serialize + serde::de::DeserializeOwned,
        F: Future<Output = Result<V>> + Send + 'static,
    {
        let is_unknown = |dep: &Dep| dep.table().is_some_and(is_own);
        let cache = self
            .readable_cache()
            .filter(|_| !deps.0.iter().any(is_unknown));
        let Some(cache) = cache else {
            return load.await;
        };
        let mut full = Vec::with_capacity(name.len() + key.len() + 2);
        full.push(0);
        full.extend_from_slice(name.as_bytes());
        full.push(0);
        full.extend_from_slice(key.as_bytes());
        let entry = Entry {
            of: name,
            key: full.into(),
        };
        let load = || -> Load {
            Box::pin(async move {
                let value = load.await.map_err(|error| Failed::Other(Arc::new(error)))?;
                let body = serde_json::to_vec(&value)
                    .map_err(|error| Failed::Other(Arc::new(Error::internal(error))))?;
                Ok(Loaded {
                    body: body.into(),
                    ttl,
                })
            })
        };
        match cache.through(self, entry, &deps.0, load).await {
            Ok(body) => serde_json::from_slice(&body).map_err(Error::internal),
            Err(Failed::Other(error)) => Err(match Arc::try_unwrap(error) {
                Ok(error) => error,
                Err(shared) => shared.again(),
            }),
            Err(Failed::Db(error)) => Err(Error::internal(again(&error))),
            Err(Failed::Lost) => Err(Error::internal("a load of the cache panicked")),
        }
    }
}
