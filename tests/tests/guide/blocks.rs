//! What a document has its reader do: files to write, changes to make, commands to run and what they answer, told by the
//! fence of a block and by the words before it.

/// One thing to do, in the order of the document.
#[derive(Debug)]
pub(super) struct Step {
    /// Where the block begins in the document, from 1.
    pub(super) line: usize,
    pub(super) what: What,
}

#[derive(Debug)]
pub(super) enum What {
    /// `path`: … the whole file.
    Write { path: String, text: String },
    /// At the end of `path`: …
    Append { path: String, text: String },
    /// `path` changes: lines that go and come, between lines that stay.
    Change { path: String, diff: String },
    /// A block of commands.
    Run(String),
    /// What the commands before say: text, or JSON values.
    Answer { text: String, is_json: bool },
}

/// The steps of a Markdown text.
///
/// # Panics
/// If a block is of a kind that nobody can do: each must be tried.
pub(super) fn steps(document: &str) -> Vec<Step> {
    let mut found = Vec::new();
    let (mut words, mut changed) = (String::new(), None);
    let mut lines = document.lines().zip(1..);
    while let Some((line, number)) = lines.next() {
        let Some(kind) = line.strip_prefix("```") else {
            words.push_str(line);
            words.push('\n');
            continue;
        };
        let block: Vec<_> = lines
            .by_ref()
            .map(|(line, _)| line)
            .take_while(|line| !line.starts_with("```"))
            .collect();
        let text = block.join("\n") + "\n";
        let named = path_in(&words);
        let what = match (kind, named) {
            ("rust" | "toml", Some(path)) if words.to_lowercase().contains("at the end of") => {
                What::Append { path, text }
            }
            ("rust" | "toml", Some(path)) => What::Write { path, text },
            ("diff", path) => {
                let path = path.or(changed.take());
                let path = path.unwrap_or_else(|| panic!("line {number} changes no file"));
                changed = Some(path.clone());
                What::Change { path, diff: text }
            }
            ("sh", _) => What::Run(text),
            ("text" | "json", _) => What::Answer {
                text,
                is_json: kind == "json",
            },
            _ => panic!("line {number}: a block of `{kind}` for no file, which nobody can do"),
        };
        found.push(Step { line: number, what });
        words.clear();
    }
    found
}

/// The file that the last paragraph names last: `src/main.rs`, `Cargo.toml`.
fn path_in(words: &str) -> Option<String> {
    let paragraph = words.trim_end().rsplit("\n\n").next()?;
    let ends = [".rs", ".toml", ".sql"];
    let quoted = paragraph.split('`').skip(1).step_by(2);
    let path = quoted
        .filter(|text| ends.iter().any(|end| text.ends_with(end)))
        .last()?;
    Some(path.to_owned())
}

/// A text with the lines of a diff changed. The lines that stay or go must be there once.
pub(super) fn changed(text: &str, diff: &str) -> Result<String, String> {
    let side = |skipped: char| -> String {
        let kept = diff.lines().filter(|line| !line.starts_with(skipped));
        kept.flat_map(|line| [line.get(1..).unwrap_or_default(), "\n"])
            .collect()
    };
    let (old, new) = (side('+'), side('-'));
    match text.matches(&old).count() {
        1 => Ok(text.replacen(&old, &new, 1)),
        many => Err(format!("these lines are there {many} times:\n{old}")),
    }
}

/// Whether what was said is what the document says, in which `…` stands for anything.
pub(super) fn answers(said: &str, expected: &str, is_json: bool) -> bool {
    if !is_json {
        return is_like(said.trim(), expected.trim());
    }
    let values = |text: &str| -> Option<Vec<serde_json::Value>> {
        let values = serde_json::Deserializer::from_str(text).into_iter();
        values.collect::<Result<_, _>>().ok()
    };
    match (values(said), values(expected)) {
        (Some(said), Some(expected)) => {
            said.len() == expected.len()
                && said.iter().zip(&expected).all(|(a, b)| is_like_value(a, b))
        }
        _ => false,
    }
}

fn is_like_value(said: &serde_json::Value, expected: &serde_json::Value) -> bool {
    use serde_json::Value::{Array, Object, String};
    match (said, expected) {
        (String(said), String(expected)) => is_like(said, expected),
        (Array(said), Array(expected)) => {
            said.len() == expected.len()
                && said.iter().zip(expected).all(|(a, b)| is_like_value(a, b))
        }
        (Object(said), Object(expected)) => {
            said.len() == expected.len()
                && expected.iter().all(|(name, value)| {
                    said.get(name)
                        .is_some_and(|said| is_like_value(said, value))
                })
        }
        _ => said == expected,
    }
}

fn is_like(said: &str, expected: &str) -> bool {
    let mut parts = expected.split('…');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = said.strip_prefix(first) else {
        return false;
    };
    let parts: Vec<_> = parts.collect();
    let Some((last, between)) = parts.split_last() else {
        return rest.is_empty();
    };
    for part in between {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[test]
fn a_document_is_read_as_its_reader_does() {
    let document = "# T\n`GET /x`. `src/a.rs`, whole:\n```rust\na\nb\n```\n\nAt the end of `src/a.rs`:\n```rust\nc\n```\n\
                    `src/a.rs` changes:\n```diff\n-a\n+d\n b\n```\nthen\n```diff\n-c\n```\n```sh\nls\n```\n```json\n{}\n```\n";
    let mut file = String::new();
    for step in steps(document) {
        match step.what {
            What::Write { text, .. } => file = text,
            What::Append { text, .. } => file += &text,
            What::Change { path, diff } => {
                assert_eq!(path, "src/a.rs");
                file = changed(&file, &diff).expect("the lines are there");
            }
            What::Run(commands) => assert_eq!(commands, "ls\n"),
            What::Answer { text, is_json } => assert!(is_json && answers("{ }", &text, true)),
        }
    }
    assert_eq!(file, "d\nb\n");
    assert!(changed("a\na\n", "-a\n").is_err());
    assert!(answers("a 1 b 2\n", "a … b …", false) && !answers("a 1 c", "a … b", false));
    assert!(answers(
        r#"{"a": [1], "b": "x"}"#,
        r#"{"b": "…", "a": [1]}"#,
        true
    ));
    assert!(!answers(r#"{"a": 1, "b": 2}"#, r#"{"a": 1}"#, true));
}
