//! A file on its way into the database: its rows some at a time, with progress; what is wrong goes
//! to the report. Knows no database.

use super::{
    oulad::{Record, RowError, Rows, Source},
    report::Report,
};
use crate::progress::Progress;

/// One file being read.
pub(super) struct Reading<'r, R> {
    rows: Rows<R>,
    progress: Progress,
    report: &'r mut Report,
}

impl<'r, R: Record> Reading<'r, R> {
    /// Opens the file of `R`, whose rows the user knows as `name`.
    ///
    /// # Errors
    /// When it is missing, or its header is not that of the table.
    pub(super) fn open(
        source: &Source,
        name: &'static str,
        report: &'r mut Report,
    ) -> Result<Self, RowError> {
        let rows = source.rows()?;
        Ok(Self {
            rows,
            // Counting first costs milliseconds, and gives the progress its end.
            progress: Progress::new(name, source.lines::<R>()),
            report,
        })
    }

    /// Reads up to `most` rows; `false` at the end of the file. `take` says what is wrong with a row.
    pub(super) fn some(
        &mut self,
        most: usize,
        mut take: impl FnMut(R, u64) -> Result<(), String>,
    ) -> bool {
        for _ in 0..most {
            let Some(row) = self.rows.next() else {
                return false;
            };
            self.progress.step();
            let taken = match row {
                Ok(row) => take(row, self.rows.line()).map_err(|fault| self.rows.wrong(fault)),
                Err(fault) => Err(fault),
            };
            if let Err(fault) = taken {
                self.report.add(&self.progress, fault);
            }
        }
        true
    }

    /// Reads all rows that are left; gives the file's name.
    pub(super) fn all(mut self, mut take: impl FnMut(R, u64) -> Result<(), String>) -> String {
        while self.some(usize::MAX, &mut take) {}
        let file = self.rows.file().to_owned();
        self.finish();
        file
    }

    /// Reports a wrong row of another file.
    pub(super) fn tell(&mut self, fault: RowError) {
        self.report.add(&self.progress, fault);
    }

    /// Tells that the file is done.
    pub(super) fn finish(self) {
        self.progress.finish();
    }
}
