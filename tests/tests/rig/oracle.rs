//! What clients may see, from the versions of rows: it judges every answer, and tells the history of a row of which
//! a wrong one was seen.
//!
//! A read must be as new as every version that was acknowledged, or returned to anyone, before it began, and not newer
//! than the writes that had begun when it ended. It knows no server and no cache; it never looks at the database.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    fmt,
    time::{Duration, Instant},
};

use serde_json::Value;

/// So many events of a row are kept.
const HISTORY: usize = 60;

/// Who asks whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Who {
    pub(crate) client: usize,
    pub(crate) server: usize,
}

/// What a write does to a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    Create,
    Change,
    Archive,
    Restore,
}

/// How a write ended.
#[derive(Debug)]
pub(crate) enum Outcome<'a> {
    Acked(&'a Value),
    /// Certainly nothing was written.
    Refused,
    Unknown,
}

#[derive(Debug, Clone)]
struct Content {
    title: String,
    archived: bool,
}

#[derive(Debug)]
struct Pending {
    act: Act,
    number: u64,
    /// The last write that had begun when nothing more could be heard of this one.
    lost_at: Option<u64>,
}

#[derive(Debug, Default)]
struct Row {
    course: Option<String>,
    /// The newest version that was acknowledged, or read, in an answer that is complete.
    floor: i64,
    /// The newest version that there can be.
    ceiling: i64,
    versions: BTreeMap<i64, Content>,
    /// Writes that may archive or restore it and are not acknowledged.
    pending: Vec<Pending>,
    history: VecDeque<String>,
}

impl Row {
    /// Whether some state that a reader may see is archived, or not.
    fn may_be(&self, archived: bool, floor: i64) -> bool {
        let act = if archived { Act::Archive } else { Act::Restore };
        let pending = self.pending.iter().any(|pending| pending.act == act);
        // A version that nobody knows anything of may be either.
        let known = self.versions.range(floor..);
        let unknown = !self.versions.contains_key(&floor);
        pending || unknown || known.into_iter().any(|(_, at)| at.archived == archived)
    }
}

/// The state when a read begins.
#[derive(Debug)]
pub(crate) struct Before {
    floors: HashMap<String, i64>,
    at: Duration,
}

/// A write that has begun.
#[derive(Debug)]
pub(crate) struct Begun {
    act: Act,
    number: u64,
    at: Duration,
}

/// All that is known.
#[derive(Debug)]
pub(crate) struct Oracle {
    start: Instant,
    rows: HashMap<String, Row>,
    /// Creations of lessons that are not acknowledged, by course.
    creating: HashMap<String, usize>,
    writes: u64,
    pub(crate) wrong: Vec<String>,
}

impl Oracle {
    pub(crate) fn new() -> Self {
        Self {
            start: Instant::now(),
            rows: HashMap::new(),
            creating: HashMap::new(),
            writes: 0,
            wrong: Vec::new(),
        }
    }

    /// The floors of these rows, or of the lessons of a course.
    pub(crate) fn before(&self, rows: &[&str], lessons_of: Option<&str>) -> Before {
        let of = |row: &Row| lessons_of.is_some() && row.course.as_deref() == lessons_of;
        let lessons = self.rows.iter().filter(|(_, row)| of(row));
        let named = rows.iter().filter_map(|id| self.rows.get_key_value(*id));
        Before {
            floors: lessons
                .chain(named)
                .map(|(id, row)| (id.clone(), row.floor))
                .collect(),
            at: self.start.elapsed(),
        }
    }

    /// A write is about to be sent. A creation names the course.
    pub(crate) fn begin(&mut self, id: &str, act: Act) -> Begun {
        self.writes += 1;
        let begun = Begun {
            act,
            number: self.writes,
            at: self.start.elapsed(),
        };
        if act == Act::Create {
            *self.creating.entry(id.to_owned()).or_default() += 1;
            return begun;
        }
        let row = self.rows.entry(id.to_owned()).or_default();
        row.ceiling += 1;
        row.pending.push(Pending {
            act,
            number: begun.number,
            lost_at: None,
        });
        begun
    }

    pub(crate) fn end(&mut self, who: Who, id: &str, begun: &Begun, outcome: &Outcome<'_>) {
        let span = self.span(begun.at);
        if begun.act == Act::Create {
            if let Outcome::Unknown = outcome {
                return;
            }
            if let Some(creating) = self.creating.get_mut(id) {
                *creating -= 1;
            }
            if let Outcome::Acked(value) = outcome {
                let row = self.rows.entry(text(value, "id")).or_default();
                row.course = Some(id.to_owned());
                row.ceiling = row.ceiling.max(version(value));
                acked(row, value);
                note(row, &span, who, format_args!("created {}", shown(value)));
            }
            return;
        }
        let writes = self.writes;
        let row = self.rows.entry(id.to_owned()).or_default();
        let mine = row.pending.iter().position(|it| it.number == begun.number);
        let mine = mine.expect("it has begun");
        if let Outcome::Unknown = outcome {
            row.pending[mine].lost_at = Some(writes);
        } else {
            row.pending.remove(mine);
        }
        match outcome {
            Outcome::Acked(value) => {
                let (act, version) = (begun.act, version(value));
                if version <= row.floor && row.versions.contains_key(&version) {
                    let known = &row.versions[&version];
                    if known.title != text(value, "title") {
                        let what = format!("{act:?} by {who:?} gives version {version} again");
                        self.wrong.push(told(&what, id, row));
                        return;
                    }
                }
                acked(row, value);
                note(row, &span, who, format_args!("{act:?} {}", shown(value)));
                // This one had the row's lock: what was lost before it began is over.
                row.pending
                    .retain(|it| it.lost_at.is_none_or(|lost| lost >= begun.number));
            }
            Outcome::Refused => {
                row.ceiling -= 1;
                note(row, &span, who, format_args!("{:?} refused", begun.act));
            }
            Outcome::Unknown => note(row, &span, who, format_args!("{:?} unknown", begun.act)),
        }
    }

    /// A read has returned this row.
    pub(crate) fn saw(&mut self, who: Who, what: &str, before: &Before, value: &Value) {
        let (id, version) = (text(value, "id"), version(value));
        let span = self.span(before.at);
        let floor = before.floors.get(&id).copied().unwrap_or_default();
        let row = self.rows.entry(id.clone()).or_default();
        if row.course.is_none() && value["course_id"].is_string() {
            // Created by a write of which nothing is known yet.
            row.course = Some(text(value, "course_id"));
            row.ceiling = row.ceiling.max(1);
        }
        note(row, &span, who, format_args!("{what} {}", shown(value)));
        let content = content(value);
        let known = row.versions.get(&version);
        let wrong = if version < floor {
            Some(format!("version {version} after {floor}: stale"))
        } else if version > row.ceiling {
            Some(format!("version {version}, and nobody has begun it"))
        } else if known.is_some_and(|known| known.title != content.title) {
            Some(format!("version {version} with another title"))
        } else if content.archived || known.is_some_and(|known| known.archived) {
            Some(format!("version {version}, which is archived"))
        } else {
            None
        };
        if let Some(wrong) = wrong {
            let what = format!("{what} by {who:?} at {span} saw {wrong}");
            self.wrong.push(told(&what, &id, row));
        }
        row.versions.entry(version).or_insert(content);
        row.floor = row.floor.max(version);
    }

    /// A read has not found this row, where it would be if it were not archived.
    pub(crate) fn missed(&mut self, who: Who, what: &str, before: &Before, id: &str) {
        let span = self.span(before.at);
        let floor = before.floors.get(id).copied().unwrap_or_default();
        let Some(row) = self.rows.get_mut(id) else {
            return;
        };
        note(row, &span, who, format_args!("{what} not found"));
        if !row.may_be(true, floor) {
            let what = format!("{what} by {who:?} at {span} did not find it");
            self.wrong.push(told(&what, id, row));
        }
    }

    /// A read has returned these rows, and no others of those that it began with.
    pub(crate) fn listed(&mut self, who: Who, what: &str, before: &Before, rows: &[Value]) {
        for row in rows {
            self.saw(who, what, before, row);
        }
        for id in before.floors.keys() {
            if !rows.iter().any(|row| row["id"] == **id) {
                self.missed(who, what, before, id);
            }
        }
    }

    /// A read has counted the lessons of a course.
    pub(crate) fn counted(&mut self, who: Who, before: &Before, course: &str, total: usize) {
        let floor = |id: &String| before.floors.get(id).copied().unwrap_or_default();
        let of = |row: &Row| row.course.as_deref() == Some(course);
        let rows: Vec<_> = self.rows.iter().filter(|(_, row)| of(row)).collect();
        let known = |id: &String| before.floors.contains_key(id);
        let must = |(id, row): &&(&String, &Row)| known(id) && !row.may_be(true, floor(id));
        let least = rows.iter().filter(must).count();
        let may = |(id, row): &&(&String, &Row)| row.may_be(false, floor(id));
        let creating = self.creating.get(course).copied().unwrap_or_default();
        let most = rows.iter().filter(may).count() + creating;
        if !(least..=most).contains(&total) {
            let span = self.span(before.at);
            let mut what = format!(
                "count by {who:?} at {span} of course {course}: {total}, where {least} to {most} can be"
            );
            for (id, row) in rows {
                what = told(&what, id, row);
            }
            self.wrong.push(what);
        }
    }

    /// The lessons of a course, whether or not they are archived.
    pub(crate) fn lessons(&self, course: &str) -> Vec<String> {
        let of = |row: &Row| row.course.as_deref() == Some(course);
        let mut ids: Vec<_> = self
            .rows
            .iter()
            .filter(|(_, row)| of(row))
            .map(|(id, _)| id.clone())
            .collect();
        ids.sort();
        ids
    }

    /// Whether the last that is known of a row is that it is archived.
    pub(crate) fn is_archived(&self, id: &str) -> bool {
        let last = self
            .rows
            .get(id)
            .and_then(|row| row.versions.last_key_value());
        last.is_some_and(|(_, content)| content.archived)
    }

    /// A course that the test has made.
    pub(crate) fn made(&mut self, value: &Value) {
        let row = self.rows.entry(text(value, "id")).or_default();
        row.ceiling = version(value);
        acked(row, value);
    }

    fn span(&self, since: Duration) -> String {
        let now = self.start.elapsed();
        format!("{:.4}-{:.4}", since.as_secs_f64(), now.as_secs_f64())
    }
}

fn acked(row: &mut Row, value: &Value) {
    let version = version(value);
    row.versions.insert(version, content(value));
    row.floor = row.floor.max(version);
}

fn content(value: &Value) -> Content {
    Content {
        title: text(value, "title"),
        archived: value["archived_at"].is_string(),
    }
}

fn note(row: &mut Row, span: &str, who: Who, what: fmt::Arguments<'_>) {
    if row.history.len() == HISTORY {
        row.history.pop_front();
    }
    let Who { client, server } = who;
    row.history
        .push_back(format!("{span} client {client} server {server}: {what}"));
}

fn told(what: &str, id: &str, row: &Row) -> String {
    let history: Vec<_> = row
        .history
        .iter()
        .map(|event| format!("    {event}"))
        .collect();
    format!(
        "{what}\n  row {id}, floor {}:\n{}",
        row.floor,
        history.join("\n")
    )
}

fn shown(value: &Value) -> String {
    let archived = if value["archived_at"].is_string() {
        ", archived"
    } else {
        ""
    };
    format!("version {} {}{archived}", value["version"], value["title"])
}

fn version(value: &Value) -> i64 {
    value["version"].as_i64().expect("a row has a version")
}

fn text(value: &Value, field: &str) -> String {
    let text = value[field].as_str();
    text.unwrap_or_else(|| panic!("no {field} in {value}"))
        .to_owned()
}
