//! What an import found wrong in its files. A wrong row is told and left out; it stops nothing else.

use super::oulad::RowError;
use crate::progress::Progress;

/// So many wrong rows are told one by one; the rest is counted, or a wrong file would fill the screen.
const TOLD: usize = 200;

/// The wrong rows of an import.
#[derive(Debug, Default)]
pub struct Report {
    /// The first 200.
    pub faults: Vec<RowError>,
    /// How many there are.
    pub count: usize,
}

impl Report {
    /// Takes note of a wrong row, and tells it beside the progress.
    pub(super) fn add(&mut self, progress: &Progress, fault: RowError) {
        self.count += 1;
        match self.count {
            1..=TOLD => progress.note(&fault.to_string()),
            n if n == TOLD + 1 => progress.note("more rows are wrong: only their number follows"),
            _ => return,
        }
        if self.faults.len() < TOLD {
            self.faults.push(fault);
        }
    }
}
