//! What the cache does, by entity, for `/metrics`. Labels are endpoints and tables that the program declares.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use metrics::{Counter, counter};

use super::{Dep, Doubt};

/// Handles, looked up once for each name.
#[derive(Default)]
pub(super) struct Counters {
    readers: RwLock<HashMap<&'static str, Arc<Counted>>>,
    writers: RwLock<HashMap<String, Counter>>,
}

/// The counters of one entity, or of one kind of custom value.
pub(super) struct Counted {
    pub(super) hits: Counter,
    pub(super) misses: Counter,
    pub(super) refused: Counter,
    marked: Counter,
    away: Counter,
}

impl Counters {
    pub(super) fn of(&self, name: &'static str) -> Arc<Counted> {
        let known = self.readers.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(counted) = known.get(name) {
            return Arc::clone(counted);
        }
        drop(known);
        let mut readers = self.readers.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(
            readers
                .entry(name)
                .or_insert_with(|| Arc::new(Counted::new(name))),
        )
    }

    /// A write marked these.
    pub(super) fn marked(&self, deps: &[Dep]) {
        let mut last = "";
        for dep in deps {
            let table = dep.table().unwrap_or("*");
            // A write's dependencies are sorted, its tables stand together.
            if table != last {
                self.mark(table);
                last = table;
            }
        }
    }

    fn mark(&self, table: &str) {
        let known = self.writers.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(counter) = known.get(table) {
            return counter.increment(1);
        }
        drop(known);
        let counter = counter!("cache_marks_total", "table" => table.to_owned());
        counter.increment(1);
        let mut writers = self.writers.write().unwrap_or_else(PoisonError::into_inner);
        writers.insert(table.to_owned(), counter);
    }
}

impl Counted {
    fn new(of: &'static str) -> Self {
        Self {
            hits: counter!("cache_reads_total", "of" => of, "outcome" => "hit"),
            misses: counter!("cache_reads_total", "of" => of, "outcome" => "miss"),
            marked: counter!("cache_reads_total", "of" => of, "outcome" => "bypass_marked"),
            away: counter!("cache_reads_total", "of" => of, "outcome" => "bypass_away"),
            refused: counter!("cache_fills_refused_total", "of" => of),
        }
    }

    pub(super) fn bypassed(&self, doubt: Doubt) {
        match doubt {
            Doubt::Marked => self.marked.increment(1),
            Doubt::Away => self.away.increment(1),
        }
    }
}
