//! Dependencies by slot: all keys of a table are in one, so that a script can take them together.
//!
//! `*`, on which every body depends, is in every slot; whoever marks everything marks it in all of them.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::super::store::Dep;

/// The dependencies of one slot, by their names.
pub(super) struct Group {
    /// The table, or nothing for what is about none.
    pub(super) slot: Arc<str>,
    /// `*` first where they are read.
    pub(super) deps: Vec<String>,
}

/// The keys of one slot and epoch, one after the other.
pub(super) struct Names {
    key: String,
    /// Where what they have alike ends.
    before: usize,
}

impl Names {
    pub(super) fn key(&mut self, kind: &str, name: &str) -> &str {
        self.key.truncate(self.before);
        self.key.push_str(kind);
        self.key.push_str(name);
        &self.key
    }
}

impl Group {
    pub(super) fn names(&self, epoch: &str) -> Names {
        let key = key(&self.slot, epoch, "");
        Names {
            before: key.len(),
            key,
        }
    }

    /// How many bytes their stamps take together.
    pub(super) fn stamps_len(&self) -> usize {
        self.deps.len() * 16
    }
}

/// The tables that have a slot of their own; all others share the one without a name.
pub(super) struct Slots(BTreeSet<Arc<str>>);

const EVERYTHING: &str = "*";

impl Slots {
    pub(super) fn new(tables: Vec<String>) -> Self {
        let tables = tables.into_iter().map(Into::into);
        Self(tables.chain(["".into()]).collect())
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<str>> {
        self.0.iter()
    }

    fn slot(&self, table: Option<&str>) -> &Arc<str> {
        let slot = self.0.get(table.unwrap_or_default());
        slot.unwrap_or_else(|| self.0.get("").expect("it is always there"))
    }

    /// What a reader asks for: `*` of each slot and then its dependencies. The first is the home of the body.
    pub(super) fn group(&self, deps: &[Dep]) -> Vec<Group> {
        let mut groups: Vec<_> = self
            .by_slot(deps)
            .into_iter()
            .map(|(slot, deps)| {
                let mut names = Vec::with_capacity(deps.len() + 1);
                names.push(EVERYTHING.to_owned());
                names.extend(deps.into_iter().map(ToString::to_string));
                Group {
                    slot: Arc::clone(slot),
                    deps: names,
                }
            })
            .collect();
        if groups.is_empty() {
            groups.push(Group {
                slot: Arc::clone(self.slot(None)),
                deps: vec![EVERYTHING.to_owned()],
            });
        }
        groups
    }

    /// What a writer marks: its dependencies, and `*` of all slots if it marks everything.
    pub(super) fn spread(&self, deps: &[Dep]) -> Vec<(Arc<str>, Vec<Dep>)> {
        if !deps.contains(&Dep::Everything) {
            let slots = self.by_slot(deps).into_iter();
            let owned = |deps: Vec<&Dep>| deps.into_iter().cloned().collect();
            return slots
                .map(|(slot, deps)| (Arc::clone(slot), owned(deps)))
                .collect();
        }
        // All of a slot depends on its `*`.
        let all = self.all();
        all.map(|slot| (Arc::clone(slot), vec![Dep::Everything]))
            .collect()
    }

    /// Without `*`.
    fn by_slot<'d>(&self, deps: &'d [Dep]) -> Vec<(&Arc<str>, Vec<&'d Dep>)> {
        let mut slots: Vec<(&Arc<str>, Vec<&Dep>)> = Vec::new();
        for dep in deps {
            let slot = self.slot(dep.table());
            let at = match slots.iter().position(|(other, _)| *other == slot) {
                Some(at) => at,
                None => {
                    slots.push((slot, Vec::with_capacity(deps.len())));
                    slots.len() - 1
                }
            };
            if *dep != Dep::Everything {
                slots[at].1.push(dep);
            }
        }
        slots
    }
}

/// A key of this table and epoch.
pub(super) fn key(slot: &str, epoch: &str, end: &str) -> String {
    format!("{{c:{slot}}}:{epoch}:{end}")
}
