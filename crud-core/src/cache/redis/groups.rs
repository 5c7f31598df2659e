//! Dependencies by slot: all keys of a table are in one, so that a script can take them together.
//!
//! `*`, on which every body depends, is in every slot; whoever marks everything marks it in all of them.

use std::collections::BTreeSet;

use super::super::store::Dep;

/// The dependencies of one slot, by their names.
pub(super) struct Group {
    /// The table, or nothing for what is about none.
    pub(super) slot: String,
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
    fn new(slot: &str, deps: Vec<String>) -> Self {
        Self {
            slot: slot.to_owned(),
            deps,
        }
    }

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
pub(super) struct Slots(BTreeSet<String>);

const EVERYTHING: &str = "*";

impl Slots {
    pub(super) fn new(tables: Vec<String>) -> Self {
        let mut slots: BTreeSet<_> = tables.into_iter().collect();
        slots.insert(String::new());
        Self(slots)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    fn slot(&self, dep: &Dep) -> &str {
        let table = dep.table().unwrap_or_default();
        self.0.get(table).map_or("", String::as_str)
    }

    /// What a reader asks for: `*` of each slot and then its dependencies. The first is the home of the body.
    pub(super) fn group(&self, deps: &[Dep]) -> Vec<Group> {
        let mut groups = self.by_slot(deps);
        if groups.is_empty() {
            groups.push(Group::new("", Vec::new()));
        }
        for group in &mut groups {
            group.deps.insert(0, EVERYTHING.to_owned());
        }
        groups
    }

    /// What a writer marks: its dependencies, and `*` of all slots if it marks everything.
    pub(super) fn spread(&self, deps: &[Dep]) -> Vec<Group> {
        if !deps.contains(&Dep::Everything) {
            return self.by_slot(deps);
        }
        // All of a slot depends on its `*`.
        let all = self.all();
        all.map(|slot| Group::new(slot, vec![EVERYTHING.to_owned()]))
            .collect()
    }

    /// Without `*`.
    fn by_slot(&self, deps: &[Dep]) -> Vec<Group> {
        let mut groups: Vec<Group> = Vec::new();
        for dep in deps {
            let slot = self.slot(dep);
            let at = match groups.iter().position(|group| group.slot == slot) {
                Some(at) => at,
                None => {
                    groups.push(Group::new(slot, Vec::with_capacity(deps.len() + 1)));
                    groups.len() - 1
                }
            };
            if *dep != Dep::Everything {
                groups[at].deps.push(dep.to_string());
            }
        }
        groups
    }
}

/// A key of this table and epoch.
pub(super) fn key(slot: &str, epoch: &str, end: &str) -> String {
    format!("{{c:{slot}}}:{epoch}:{end}")
}
