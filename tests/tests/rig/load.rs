//! Clients of the servers, at random: gets, lists, counts, includes and writes, all of them judged by the oracle.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
};

use axum::http::Method;
use crud_core::testing::Random;
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::{
    Plan,
    cluster::SERVERS,
    http::{Answer, Http},
    oracle::{Act, Before, Oracle, Outcome, Who},
};

/// So many lessons are created in a course, at most.
const LESSONS: usize = 12;

/// What all clients share.
pub(crate) struct Load {
    pub(crate) oracle: Mutex<Oracle>,
    courses: Vec<String>,
    token: String,
    ports: [u16; SERVERS],
    /// Of a hundred requests, so many write.
    writing: u64,
    pub(crate) stop: AtomicBool,
    /// Nobody begins to write.
    pub(crate) quiet: AtomicBool,
    /// Told when the oracle has seen something wrong.
    pub(crate) found: Notify,
    pub(crate) operations: AtomicUsize,
    pub(crate) writes: AtomicUsize,
    /// Answers with a status of 500 and more.
    pub(crate) failed: AtomicUsize,
    /// Requests without an answer.
    pub(crate) lost: AtomicUsize,
}

impl Load {
    /// Makes the courses.
    pub(crate) async fn new(ports: [u16; SERVERS], token: &str, plan: &Plan) -> Arc<Self> {
        let mut oracle = Oracle::new();
        let mut courses = Vec::new();
        let mut http = Http::new(ports[0]);
        for n in 0..plan.courses {
            let new = json!({"title": format!("Course {n}"), "is_published": true});
            let path = "/api/v1/courses";
            let made = http.send(Method::POST, path, Some(token), Some(&new)).await;
            let made = made.expect("an answer");
            assert_eq!(made.status, 201, "{}", made.body);
            oracle.made(&made.body);
            courses.push(made.body["id"].as_str().expect("an id").to_owned());
        }
        Arc::new(Self {
            oracle: Mutex::new(oracle),
            courses,
            token: token.to_owned(),
            ports,
            writing: plan.writing,
            stop: AtomicBool::new(false),
            quiet: AtomicBool::new(false),
            found: Notify::new(),
            operations: AtomicUsize::new(0),
            writes: AtomicUsize::new(0),
            failed: AtomicUsize::new(0),
            lost: AtomicUsize::new(0),
        })
    }

    pub(crate) fn oracle(&self) -> MutexGuard<'_, Oracle> {
        self.oracle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One client, until it is told to stop.
    pub(crate) async fn run(self: Arc<Self>, client: usize, mut random: Random) {
        let mut servers = self.ports.map(Http::new);
        while !self.stop.load(Relaxed) {
            let server = index(&mut random, SERVERS);
            let mut caller = Caller {
                load: &self,
                who: Who { client, server },
                http: &mut servers[server],
            };
            caller.step(&mut random).await;
            self.operations.fetch_add(1, Relaxed);
            if !self.oracle().wrong.is_empty() {
                self.found.notify_one();
            }
        }
    }
}

/// A client at one server.
struct Caller<'a> {
    load: &'a Load,
    who: Who,
    http: &'a mut Http,
}

impl Caller<'_> {
    async fn step(&mut self, random: &mut Random) {
        // Some courses are asked for more often than others.
        let courses = self.load.courses.len();
        let hot = index(random, courses).min(index(random, courses));
        let course = &self.load.courses[hot];
        if random.below(100) < self.load.writing && !self.load.quiet.load(Relaxed) {
            return self.write(course, random).await;
        }
        match random.below(90) {
            0..34 => self.get(course).await,
            34..44 => self.get_lesson(course, random).await,
            44..58 => self.list(random).await,
            58..68 => self.lessons(course).await,
            68..78 => self.count(course).await,
            _ => self.include(course).await,
        }
    }

    /// `None`: there is nothing to judge.
    async fn read(&mut self, path: &str) -> Option<Answer> {
        let answer = self.http.send(Method::GET, path, None, None).await;
        let answer = self.counted(answer).await?;
        if answer.status != 200 && answer.status != 404 {
            let wrong = format!("GET {path}: {} {}", answer.status, answer.body);
            self.load.oracle().wrong.push(wrong);
            return None;
        }
        Some(answer)
    }

    async fn counted(&self, answer: Option<Answer>) -> Option<Answer> {
        let failed = match &answer {
            None => &self.load.lost,
            Some(answer) if answer.status.is_server_error() => &self.load.failed,
            Some(_) => return answer,
        };
        failed.fetch_add(1, Relaxed);
        // As a client does that is told to come again.
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        None
    }

    fn before(&self, rows: &[&str], lessons_of: Option<&str>) -> Before {
        self.load.oracle().before(rows, lessons_of)
    }

    async fn get(&mut self, course: &str) {
        let before = self.before(&[course], None);
        let Some(answer) = self.read(&format!("/api/v1/courses/{course}")).await else {
            return;
        };
        self.judge_one("get", &before, course, &answer);
    }

    async fn get_lesson(&mut self, course: &str, random: &mut Random) {
        let Some(lesson) = self.any_lesson(course, random) else {
            return;
        };
        let before = self.before(&[&lesson], None);
        let Some(answer) = self.read(&format!("/api/v1/lessons/{lesson}")).await else {
            return;
        };
        self.judge_one("get of a lesson", &before, &lesson, &answer);
    }

    fn judge_one(&self, what: &str, before: &Before, id: &str, answer: &Answer) {
        let mut oracle = self.load.oracle();
        if answer.status == 200 {
            oracle.saw(self.who, what, before, &answer.body);
        } else {
            oracle.missed(self.who, what, before, id);
        }
    }

    async fn list(&mut self, random: &mut Random) {
        // Some lists are asked for seldom, and so are not kept yet.
        let page_size = match random.below(4) {
            0 => 20 + random.below(81),
            _ => 50,
        };
        let courses: Vec<_> = self.load.courses.iter().map(String::as_str).collect();
        let before = self.before(&courses, None);
        let Some(answer) = self
            .read(&format!("/api/v1/courses?page_size={page_size}"))
            .await
        else {
            return;
        };
        let mut oracle = self.load.oracle();
        oracle.listed(self.who, "list", &before, items(&answer.body["items"]));
    }

    async fn lessons(&mut self, course: &str) {
        let before = self.before(&[], Some(course));
        let path = format!("/api/v1/lessons?course_id={course}&page_size=100&total=none");
        let Some(answer) = self.read(&path).await else {
            return;
        };
        let mut oracle = self.load.oracle();
        oracle.listed(self.who, "lessons", &before, items(&answer.body["items"]));
    }

    async fn count(&mut self, course: &str) {
        let before = self.before(&[], Some(course));
        let path = format!("/api/v1/lessons?course_id={course}&page_size=1");
        let Some(answer) = self.read(&path).await else {
            return;
        };
        let total = answer.body["total"].as_u64().expect("a total");
        let total = usize::try_from(total).expect("few lessons");
        self.load.oracle().counted(self.who, &before, course, total);
    }

    async fn include(&mut self, course: &str) {
        let of_course = self.before(&[course], None);
        let of_lessons = self.before(&[], Some(course));
        let path = format!("/api/v1/courses/{course}?include=lessons");
        let Some(answer) = self.read(&path).await else {
            return;
        };
        self.judge_one("include", &of_course, course, &answer);
        if answer.status == 200 {
            let lessons = items(&answer.body["lessons"]);
            let mut oracle = self.load.oracle();
            oracle.listed(self.who, "include", &of_lessons, lessons);
        }
    }

    fn any_lesson(&self, course: &str, random: &mut Random) -> Option<String> {
        let lessons = self.load.oracle().lessons(course);
        (!lessons.is_empty()).then(|| random.pick(&lessons).clone())
    }

    async fn write(&mut self, course: &str, random: &mut Random) {
        let number = self.load.writes.fetch_add(1, Relaxed);
        let title = json!({"title": format!("Written {number}")});
        let lesson = self.any_lesson(course, random);
        let (act, id, method, path, body) = match (random.below(10), lesson) {
            (0..4, _) => {
                let path = format!("courses/{course}");
                (Act::Change, course.to_owned(), Method::PATCH, path, title)
            }
            (4..7, Some(lesson)) => {
                let path = format!("lessons/{lesson}");
                (Act::Change, lesson, Method::PATCH, path, title)
            }
            (7..9, Some(lesson)) => {
                let archived = self.load.oracle().is_archived(&lesson);
                let (act, verb) = if archived {
                    (Act::Restore, "restore")
                } else {
                    (Act::Archive, "archive")
                };
                let path = format!("lessons/{lesson}/{verb}");
                (act, lesson, Method::PATCH, path, json!({}))
            }
            _ => {
                if self.load.oracle().lessons(course).len() >= LESSONS {
                    return;
                }
                let new = json!({
                    "title": format!("Lesson {number}"), "course_id": course,
                    "content_type": "video", "order": number,
                });
                (
                    Act::Create,
                    course.to_owned(),
                    Method::POST,
                    "lessons".to_owned(),
                    new,
                )
            }
        };
        let begun = self.load.oracle().begin(&id, act);
        let path = format!("/api/v1/{path}");
        let token = Some(self.load.token.as_str());
        let answer = self.http.send(method, &path, token, Some(&body)).await;
        let answer = self.counted(answer).await;
        let outcome = match &answer {
            None => Outcome::Unknown,
            Some(answer) if answer.status.is_success() => Outcome::Acked(&answer.body),
            // Somebody else has archived it, or was quicker.
            Some(answer) if matches!(answer.status.as_u16(), 404 | 409 | 412) => Outcome::Refused,
            Some(answer) => panic!("{path}: {} {}", answer.status, answer.body),
        };
        self.load.oracle().end(self.who, &id, &begun, &outcome);
    }
}

fn items(value: &Value) -> &[Value] {
    value.as_array().expect("a list of rows")
}

pub(crate) fn index(random: &mut Random, below: usize) -> usize {
    usize::try_from(random.below(below as u64)).expect("an index fits")
}
