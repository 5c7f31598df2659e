//! docs/CHECKLIST.md names what shows each line of the checklist: every line once, and nothing that is not there.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// The parts of the checklist, with their last lines.
const PARTS: [(char, u32); 5] = [('0', 8), ('1', 22), ('2', 46), ('3', 52), ('4', 8)];
/// The faults of the original system.
const FAULTS: u32 = 21;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn checklist() -> String {
    fs::read_to_string(root().join("docs/CHECKLIST.md")).expect("the document is there")
}

/// The lines that a row speaks of: `3.48, 3.49`, `2.06–2.09`, `17, 19`.
fn spoken_of(row: &str) -> Vec<String> {
    let cell = row.split('|').nth(1).unwrap_or_default().trim();
    if !cell.starts_with(|first: char| first.is_ascii_digit()) {
        return Vec::new();
    }
    let number = |text: &str| -> (String, u32) {
        let (part, line) = text.split_once('.').unwrap_or(("", text));
        (
            part.to_owned(),
            line.parse()
                .unwrap_or_else(|_| panic!("{text} is no line of the checklist")),
        )
    };
    let mut lines = Vec::new();
    for piece in cell.split(',').map(str::trim) {
        let (first, last) = piece.split_once('–').unwrap_or((piece, piece));
        let ((part, first), (_, last)) = (number(first), number(last));
        for line in first..=last {
            lines.push(match part.as_str() {
                "" => line.to_string(),
                part => format!("{part}.{line:02}"),
            });
        }
    }
    lines
}

/// Whether a function of this name is declared in a file, on its own or in `on_both!`.
fn declares(file: &Path, name: &str) -> bool {
    let text = fs::read_to_string(file).unwrap_or_default();
    text.contains(&format!("fn {name}("))
}

/// A unit test or a module of them: `crud-core auth::jwt::tests`, of which the first segments are a file.
fn is_in_crate(package: &str, path: &str) -> bool {
    let segments: Vec<&str> = path.split("::").collect();
    (1..=segments.len()).rev().any(|taken| {
        let (file, rest) = segments.split_at(taken);
        let stem = root().join(package).join("src").join(file.join("/"));
        let candidates = [stem.with_extension("rs"), stem.join("mod.rs")];
        let beside = stem.with_file_name(format!("{}_tests.rs", file.last().unwrap_or(&"")));
        candidates.iter().any(|found| {
            found.is_file()
                && match rest {
                    [] => true,
                    ["tests"] => fs::read_to_string(found)
                        .unwrap_or_default()
                        .contains("mod tests"),
                    [.., name] => declares(found, name) || declares(&beside, name),
                }
        })
    })
}

/// What is wrong with a text between backticks, if it names something that is not there.
fn fault(name: &str) -> Option<String> {
    let is_path = |text: &str| {
        !text.is_empty()
            && text
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "_:".contains(c))
    };
    if let Some((package, path)) = name.split_once(' ')
        && ["crud-core", "crud-derive", "lms-server"].contains(&package)
        && is_path(path)
    {
        return (!is_in_crate(package, path)).then(|| format!("{package} has no {path}"));
    }
    if let Some((file, test)) = name.split_once("::")
        && is_path(name)
    {
        let stem = root().join("tests/tests").join(file);
        let files = [stem.with_extension("rs"), stem.join("mod.rs")];
        let declared = files.iter().any(|file| declares(file, test));
        return (!declared).then(|| format!("there is no test {name}"));
    }
    let is_file =
        name.contains('/') && !name.starts_with('/') && !name.contains(['*', '<', ' ', '{', '?']);
    (is_file && !root().join(name).exists()).then(|| format!("there is no file {name}"))
}

#[test]
fn every_line_of_the_checklist_has_one_row() {
    let mut rows: BTreeMap<String, usize> = BTreeMap::new();
    for line in checklist().lines().flat_map(spoken_of) {
        *rows.entry(line).or_default() += 1;
    }
    let lines = PARTS
        .iter()
        .flat_map(|(part, last)| (1..=*last).map(move |line| format!("{part}.{line:02}")));
    let expected: Vec<String> = lines
        .chain((1..=FAULTS).map(|fault| fault.to_string()))
        .collect();
    let missing: Vec<_> = expected
        .iter()
        .filter(|line| !rows.contains_key(*line))
        .collect();
    let unknown: Vec<_> = rows
        .keys()
        .filter(|line| !expected.contains(line))
        .collect();
    let repeated: Vec<_> = rows
        .iter()
        .filter(|(_, rows)| **rows > 1)
        .map(|(line, _)| line)
        .collect();
    assert!(missing.is_empty(), "without a row: {missing:?}");
    assert!(unknown.is_empty(), "not in the checklist: {unknown:?}");
    assert!(repeated.is_empty(), "in several rows: {repeated:?}");
}

#[test]
fn everything_that_the_checklist_names_is_there() {
    let text = checklist();
    let named = text
        .lines()
        .flat_map(|line| line.split('`').skip(1).step_by(2));
    let faults: Vec<String> = named.filter_map(fault).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn what_is_not_there_is_found() {
    for name in [
        "lists::no_such_test",
        "crud-core auth::no_such_file",
        "crud-core etag::tests::no_such",
        "docs/NONE.md",
    ] {
        assert!(fault(name).is_some(), "{name}");
    }
    for name in [
        "lists::the_newest_course_comes_first",
        "crud-core auth::jwt::tests",
        "/courses/{id}",
        "docs/API.md",
    ] {
        assert_eq!(fault(name), None, "{name}");
    }
    assert_eq!(
        spoken_of("| 2.06–2.08, 2.10 | what | shown by |"),
        ["2.06", "2.07", "2.08", "2.10"]
    );
    assert_eq!(spoken_of("| what | shown by |"), Vec::<String>::new());
}
