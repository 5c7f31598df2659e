//! How far long work has come: a bar on a terminal, plain lines elsewhere.

use std::io::{IsTerminal, Write};

use indicatif::{ProgressBar, ProgressStyle};

/// Work of so many steps also says in between how far it is, where there is no terminal.
const LONG: u64 = 10_000;

/// The progress of one piece of work whose size is known.
pub struct Progress {
    name: &'static str,
    total: u64,
    done: u64,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Work of `total` steps.
    pub fn new(name: &'static str, total: u64) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{prefix:>12} {bar:40} {pos}/{len}");
            let bar = ProgressBar::new(total).with_prefix(name);
            match style {
                Ok(style) => bar.with_style(style),
                Err(_) => bar,
            }
        });
        Self {
            name,
            total,
            done: 0,
            bar,
        }
    }

    /// One step is done.
    pub fn step(&mut self) {
        self.done += 1;
        match &self.bar {
            Some(bar) => bar.inc(1),
            None if self.total >= LONG
                && self.done < self.total
                && self.done.is_multiple_of(self.total.div_ceil(5)) =>
            {
                say(&format!("{}: {} of {}", self.name, self.done, self.total));
            }
            None => {}
        }
    }

    /// Tells one line, beside the bar if there is one.
    pub fn note(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| say(line)),
            None => say(line),
        }
    }

    /// The work is done.
    pub fn finish(self) {
        match self.bar {
            Some(bar) => bar.finish(),
            None => say(&format!("{}: {} of {}", self.name, self.done, self.total)),
        }
    }
}

/// Tells the person who runs the command one line.
pub fn say(line: &str) {
    // Nobody is left to be told that telling failed.
    let _ = writeln!(std::io::stderr(), "{line}");
}
