//! What the database writes by itself when a table is written: cascades, `SET NULL`, SQLite's triggers. Read from its
//! own catalogue, so that nobody has to declare it.

use std::collections::{BTreeMap, BTreeSet};

use diesel::sql_types::Text;

use super::{Access, Db, DbKind, DbResult, Executor as _, Load as _, Stmt};
use crate::cache::{Dep, Written, written};

/// The tables that the database writes by itself when another is written.
#[derive(Debug, Default)]
pub(super) struct FollowUps(BTreeMap<String, BTreeSet<FollowUp>>);

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct FollowUp {
    table: String,
    /// What happens there; it goes on from there.
    deletes: bool,
    /// When.
    on: On,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum On {
    Delete,
    Update,
    /// A trigger: who knows.
    Any,
}

impl FollowUps {
    pub(super) fn of_text(&self, written: Vec<Written>) -> Vec<Dep> {
        let (gone, kept): (Vec<_>, Vec<_>) = written.into_iter().partition(|w| w.deletes);
        let deps = |written: Vec<Written>| written.into_iter().map(|w| w.dep).collect();
        let mut all = self.of_rows(deps(gone), true);
        all.extend(self.of_rows(deps(kept), false));
        all
    }

    /// Adds every table that the database goes on to.
    pub(super) fn of_rows(&self, mut deps: Vec<Dep>, deletes: bool) -> Vec<Dep> {
        let tables = deps.iter().filter_map(Dep::table);
        let tables = tables.filter(|table| self.0.contains_key(*table));
        let mut open: Vec<(String, bool)> = tables.map(|t| (t.to_owned(), deletes)).collect();
        let mut reached: BTreeSet<(String, bool)> = BTreeSet::new();
        while let Some((table, deletes)) = open.pop() {
            let follow_ups = self.0.get(&table).into_iter().flatten();
            let next = follow_ups.filter(|next| match next.on {
                On::Any => true,
                On::Delete => deletes,
                On::Update => !deletes,
            });
            for next in next {
                let next = (next.table.clone(), next.deletes);
                if reached.insert(next.clone()) {
                    open.push(next);
                }
            }
        }
        deps.extend(
            reached
                .into_iter()
                .map(|(table, _)| Dep::Table(table.into())),
        );
        deps
    }

    fn add(&mut self, table: String, follow_up: FollowUp) {
        self.0.entry(table).or_default().insert(follow_up);
    }
}

impl Db {
    /// Asks the catalogue.
    pub(super) async fn follow_ups(&self) -> DbResult<FollowUps> {
        let sql = match self.kind() {
            DbKind::Postgres => {
                "SELECT target.relname::text, source.relname::text, c.confdeltype::text, c.confupdtype::text \
                 FROM pg_constraint c JOIN pg_class target ON target.oid = c.confrelid \
                 JOIN pg_class source ON source.oid = c.conrelid WHERE c.contype = 'f'"
            }
            DbKind::Sqlite => {
                "SELECT f.\"table\", t.name, f.on_delete, f.on_update \
                 FROM sqlite_master t, pragma_foreign_key_list(t.name) f WHERE t.type = 'table'"
            }
        };
        type Row = (String, String, String, String);
        let keys = self
            .load::<Row, (Text, Text, Text, Text)>(Access::Read, Stmt::new().sql(sql).uncached())
            .await?;
        let mut found = FollowUps::default();
        for (target, source, on_delete, on_update) in keys {
            for (action, on) in [(on_delete, On::Delete), (on_update, On::Update)] {
                if is_action(&action) {
                    let deletes = on == On::Delete && matches!(&*action, "c" | "CASCADE");
                    let table = source.clone();
                    found.add(target.clone(), FollowUp { table, deletes, on });
                }
            }
        }
        if self.kind() == DbKind::Sqlite {
            let sql = "SELECT tbl_name, sql FROM sqlite_master WHERE type = 'trigger'";
            let triggers = self
                .load::<(String, String), (Text, Text)>(
                    Access::Read,
                    Stmt::new().sql(sql).uncached(),
                )
                .await?;
            for (table, sql) in triggers {
                let body = sql.split_once("BEGIN").map_or(&*sql, |(_, body)| body);
                for written in written(body.trim_end().trim_end_matches("END")) {
                    let Some(to) = written.dep.table() else {
                        continue;
                    };
                    let follow_up = FollowUp {
                        table: to.to_owned(),
                        deletes: written.deletes,
                        on: On::Any,
                    };
                    found.add(table.clone(), follow_up);
                }
            }
        }
        Ok(found)
    }
}

/// PostgreSQL says `a` and `r` for none, SQLite `NO ACTION` and `RESTRICT`.
fn is_action(action: &str) -> bool {
    !matches!(action, "a" | "r" | "NO ACTION" | "RESTRICT")
}
