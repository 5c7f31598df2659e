//! What a person types to look for texts: words, `prefix*`, `"a phrase"`, `-without`. Read here, once for both databases;
//! whatever else is in it only separates words, so that no text is an error of the database's.

use super::column::{LONGEST_PART, Refused};

/// What a text must have, and what it must not.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    has: Vec<Phrase>,
    not: Vec<Phrase>,
}

/// Words that follow one another; one word is one too.
#[derive(Debug, PartialEq, Eq)]
struct Phrase {
    words: Vec<String>,
    /// Whether the last word may go on.
    is_prefix: bool,
}

impl Wanted {
    /// Reads what was typed.
    pub(super) fn read(text: &str) -> Result<Self, Refused> {
        if text.chars().nth(LONGEST_PART).is_some() {
            return Err(("length", format!("at most {LONGEST_PART} characters")));
        }
        let (mut wanted, mut rest) = (Self::default(), text.trim_start());
        while !rest.is_empty() {
            let (is_not, term) = match rest.strip_prefix('-') {
                Some(term) => (true, term),
                None => (false, rest),
            };
            let (inside, after, is_prefix) = match term.strip_prefix('"') {
                Some(open) => {
                    let (inside, after) = open.split_once('"').unwrap_or((open, ""));
                    (inside, after, false)
                }
                None => {
                    let end = term.find(char::is_whitespace).unwrap_or(term.len());
                    let (inside, after) = term.split_at(end);
                    let is_prefix = inside
                        .strip_suffix('*')
                        .is_some_and(|word| word.ends_with(is_part));
                    (inside, after, is_prefix)
                }
            };
            let words = inside.split(|letter| !is_part(letter));
            let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
            if !words.is_empty() {
                let words = words.into_iter().map(str::to_owned).collect();
                let list = if is_not {
                    &mut wanted.not
                } else {
                    &mut wanted.has
                };
                list.push(Phrase { words, is_prefix });
            }
            rest = after.trim_start();
        }
        match wanted.has.is_empty() && wanted.not.is_empty() {
            true => Err(("words", "there is no word in it to look for".to_owned())),
            false => Ok(wanted),
        }
    }

    /// As a `tsquery` of PostgreSQL's.
    pub(super) fn tsquery(&self) -> String {
        let phrase = |phrase: &Phrase| {
            let fold = |word: &String| word.chars().map(fold).collect::<String>();
            let words = phrase.words.iter().map(|word| format!("'{}'", fold(word)));
            let words = words.collect::<Vec<_>>().join(" <-> ");
            let end = if phrase.is_prefix { ":*" } else { "" };
            format!("({words}{end})")
        };
        let has = self.has.iter().map(phrase);
        let not = self
            .not
            .iter()
            .map(|unwanted| format!("!{}", phrase(unwanted)));
        has.chain(not).collect::<Vec<_>>().join(" & ")
    }

    /// As two queries of FTS5: what must be found, and of what nothing must be.
    pub(super) fn fts5(&self) -> [Option<String>; 2] {
        let phrase = |phrase: &Phrase| {
            let end = if phrase.is_prefix { " *" } else { "" };
            format!("\"{}\"{end}", phrase.words.join(" "))
        };
        let all = |phrases: &[Phrase], between: &str| {
            let phrases: Vec<_> = phrases.iter().map(phrase).collect();
            (!phrases.is_empty()).then(|| phrases.join(between))
        };
        [all(&self.has, " AND "), all(&self.not, " OR ")]
    }
}

/// Whether a word has this letter; a mark belongs to the letter before it.
fn is_part(letter: char) -> bool {
    letter.is_alphanumeric() || ('\u{300}'..='\u{36f}').contains(&letter)
}

/// The letter as PostgreSQL's `crud_words` has it; FTS5 folds by itself.
fn fold(letter: char) -> char {
    match letter {
        'ς' => 'σ',
        'µ' => 'μ',
        '\0'..='\u{17f}'
        | '\u{200}'..='\u{233}'
        | '\u{386}'..='\u{3ab}'
        | '\u{400}'..='\u{42f}'
        | '\u{460}'..='\u{52f}'
        | '\u{1e00}'..='\u{1eff}' => {
            let mut lower = letter.to_lowercase();
            match (lower.next(), lower.next()) {
                (Some(one), None) if letter != 'ẞ' => one,
                _ => letter,
            }
        }
        _ => letter,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn both(text: &str) -> (String, [Option<String>; 2]) {
        let wanted = Wanted::read(text).expect("it has words");
        (wanted.tsquery(), wanted.fts5())
    }

    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn words_prefixes_phrases_and_their_opposites_are_read() {
        let (pg, fts) = both(r#"rust data* "first steps" -java -"old c*""#);
        assert_eq!(
            pg,
            "('rust') & ('data':*) & ('first' <-> 'steps') & !('java') & !('old' <-> 'c')"
        );
        let has = some(r#""rust" AND "data" * AND "first steps""#);
        assert_eq!(fts, [has, some(r#""java" OR "old c""#)]);
        assert_eq!(both("-c").1, [None, some("\"c\"")]);
    }

    #[test]
    fn anything_else_separates_words() {
        for text in [
            "a'b", "a-b", "a\\b", "a:b", "a&b", "a|b", "a<->b", "\"a\nb", "a\0b",
        ] {
            assert_eq!(both(text).1, [some("\"a b\""), None], "{text}");
        }
        assert_eq!(both("a \"").0, "('a')");
        assert_eq!(both("- ** a").0, "('a')");
        assert_eq!(both("OR NEAR(a)").1, [some("\"OR\" AND \"NEAR a\""), None]);
        assert_eq!(
            both("GRÖSSE ΣΊΣΥΦΟΣ İ").0,
            "('grösse') & ('σίσυφοσ') & ('İ')"
        );
        assert_eq!(both("a-b*").0, "('a' <-> 'b':*)");
        assert_eq!(both("e\u{301}t\u{e9}").0, "('e\u{301}t\u{e9}')");
    }

    #[test]
    fn what_has_no_word_or_too_many_letters_is_refused() {
        for text in ["", " ", "*", "-", "\"\"", "!?", "- -"] {
            assert_eq!(Wanted::read(text).expect_err("none").0, "words", "{text}");
        }
        assert_eq!(
            Wanted::read(&"ä".repeat(201)).expect_err("long").0,
            "length"
        );
    }
}
