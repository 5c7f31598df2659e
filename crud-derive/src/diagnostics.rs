//! How faults are collected and worded. Every stage pushes what it finds, so that one build shows
//! all of them; nothing here looks at a declaration.

use proc_macro2::Span;
use syn::{Error, Ident, Result};

/// The faults found so far.
#[derive(Default)]
pub(crate) struct Errors(Option<Error>);

impl Errors {
    /// Adds a fault.
    pub(crate) fn push(&mut self, error: Error) {
        match &mut self.0 {
            Some(known) => known.combine(error),
            None => self.0 = Some(error),
        }
    }

    /// Adds those of several faults whose sentences are not known yet.
    pub(crate) fn push_once(&mut self, errors: Error, known: &mut Vec<String>) {
        for error in errors {
            let text = error.to_string();
            if !known.contains(&text) {
                known.push(text);
                self.push(error);
            }
        }
    }

    /// Keeps the value, or adds the fault.
    pub(crate) fn take<T>(&mut self, result: Result<T>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                self.push(error);
                None
            }
        }
    }

    /// The faults, when they leave nothing to go on with.
    pub(crate) fn into_error(self) -> Error {
        self.0
            .unwrap_or_else(|| Error::new(Span::call_site(), "this declaration cannot be read"))
    }

    /// The value, if nothing was found.
    ///
    /// # Errors
    /// Every fault that was added.
    pub(crate) fn finish<T>(self, value: T) -> Result<T> {
        match self.0 {
            None => Ok(value),
            Some(error) => Err(error),
        }
    }
}

/// A word that is none of the valid ones; `what` says what it was read as (`key of #[entity]`).
pub(crate) fn unknown(word: &Ident, what: &str, valid: &[&str]) -> Error {
    let mut text = if valid.is_empty() {
        format!("unknown {what} `{word}`: none is accepted here")
    } else {
        format!("unknown {what} `{word}`, expected {}", one_of(valid))
    };
    if let Some(near) = nearest(&word.to_string(), valid) {
        text.push_str(&format!("\nhelp: did you mean `{near}`?"));
    }
    Error::new(word.span(), text)
}

/// The words as a list for a sentence.
pub(crate) fn one_of(words: &[&str]) -> String {
    let quoted: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.as_slice() {
        [only] => only.clone(),
        _ => format!("one of {}", quoted.join(", ")),
    }
}

/// The valid word that was probably meant.
fn nearest<'a>(word: &str, valid: &[&'a str]) -> Option<&'a str> {
    valid
        .iter()
        .map(|candidate| (distance(word, candidate), *candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.len() / 4)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Levenshtein's distance.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, left) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, right) in b.iter().enumerate() {
            let changed = diagonal + usize::from(left != *right);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_slip_is_recognised_and_another_word_is_not() {
        let valid = ["policy", "table", "create"];
        assert_eq!(nearest("polcy", &valid), Some("policy"));
        assert_eq!(nearest("tabel", &valid), Some("table"));
        assert_eq!(nearest("colour", &valid), None);
    }
}
