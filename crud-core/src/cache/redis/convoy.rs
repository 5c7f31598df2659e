//! Who is marked by the same script: one token holds in doubt what they mark, each stamp until the last of those who marked it
//! has posted. So a stamp that many write at once, such as that of a table's lists, has a token for each script and not
//! for each writer.
//!
//! Who never posts leaves the token there until its deadline, as a token of his own would be.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::lanes::Step;
use super::random;

/// Writers that marked together, in one slot.
#[derive(Debug)]
pub(super) struct Convoy {
    pub(super) token: [u8; 16],
    /// How many of them hold each stamp in doubt.
    members: Mutex<HashMap<String, usize>>,
}

impl Convoy {
    /// Of those who mark.
    pub(super) fn of(steps: &[Step]) -> Self {
        let mut members = HashMap::new();
        for step in steps.iter().filter(|step| step.marks) {
            for dep in &step.group.deps {
                *members.entry(dep.clone()).or_default() += 1;
            }
        }
        Self {
            token: random(),
            members: Mutex::new(members),
        }
    }

    /// One of them posts. Gives the stamps that nobody of them holds in doubt any more.
    pub(super) fn leave(&self, deps: &[String]) -> Vec<String> {
        let mut members = self.members.lock().unwrap_or_else(PoisonError::into_inner);
        let mut is_last = |dep: &&String| match members.get_mut(*dep) {
            Some(others) if *others > 1 => {
                *others -= 1;
                false
            }
            Some(_) => members.remove(*dep).is_some(),
            None => false,
        };
        deps.iter().filter(|dep| is_last(dep)).cloned().collect()
    }
}
