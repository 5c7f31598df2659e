//! All 173,912 submissions by cursors, while others write, and what a page costs far in. Runs with `LONG_WALK=1` only, and
//! takes minutes; a small one is in `cursors`.

use std::{collections::HashSet, time::Instant};

use crud_core::{
    db::{Access, Load as _, Stmt},
    dto::Assignments,
    prelude::*,
    sql_types as st,
    testing::{Client, Random, on_both},
};
use lms_server::{
    entities::submission::Submission,
    schema::{assessments, submissions},
};
use serde_json::json;
use tests::TestApp;

use crate::import::{load, oulad};

/// So that the 10,000th page is there.
const SIZE: usize = 17;

#[expect(clippy::print_stdout, reason = "the figures are what it is run for")]
fn say(figure: &str) {
    println!("{figure}");
}

/// The middle one of the times of some requests in microseconds, with nothing cached.
async fn costs(app: &TestApp, by: &Client, paths: &[&str]) -> Vec<u128> {
    let cache = app.lms.app.db().cache().expect("there is a cache");
    let mut times = vec![Vec::new(); paths.len()];
    for _ in 0..200 {
        for (path, times) in paths.iter().zip(&mut times) {
            cache.forget().await.expect("it can forget");
            let begun = Instant::now();
            let page = by.get(path).await.is(200);
            times.push(begun.elapsed().as_micros());
            assert!(!page.items().is_empty(), "{path}");
        }
    }
    times
        .iter_mut()
        .map(|times| {
            times.sort_unstable();
            times[times.len() / 2]
        })
        .collect()
}

/// Changes, archives and brings back rows that move, and adds others, one write at a time.
struct Writer {
    by: Client,
    moving: Vec<Uuid>,
    assessments: Vec<Uuid>,
    students: Vec<Uuid>,
    random: Random,
    done: usize,
}

impl Writer {
    async fn write(&mut self, app: &TestApp) {
        let path = format!("/submissions/{}", self.random.pick(&self.moving));
        self.done += 1;
        match self.done % 4 {
            0 => drop(
                self.by
                    .patch(&path, json!({"score": self.done % 100}))
                    .await,
            ),
            1 => drop(
                self.by
                    .patch(&format!("{path}/archive"), json!({}))
                    .await
                    .is(200),
            ),
            2 => drop(self.by.patch(&format!("{path}/restore"), json!({})).await),
            _ => {
                let Some(assessment) = self.assessments.pop() else {
                    return;
                };
                let rows = self.students.iter().map(|student| {
                    let mut set = Assignments::<submissions::table>::default();
                    set.set(submissions::assessment_id, assessment);
                    set.set(submissions::student_id, *student);
                    set
                });
                let system = Principal::system();
                let cx = app.lms.app.on_behalf(&system);
                let new = cx
                    .insert_many::<Submission>(rows.collect())
                    .await
                    .expect("they are new");
                self.moving.extend(new);
            }
        }
    }
}

on_both! {
    async fn all_submissions_are_walked_while_others_write(app: TestApp) {
        if std::env::var_os("LONG_WALK").is_none() {
            return;
        }
        load(&app, oulad()).await;
        let db = app.lms.app.db();
        if app.kind == crud_core::db::DbKind::Postgres {
            db.batch("ANALYZE submissions").await.expect("plain SQL");
        }
        let by = app.admin();
        let live = submissions::table.filter(submissions::archived_at.is_null());
        let all: Vec<Uuid> = db.fetch(live.select(submissions::id)).await.expect("they are there");
        let mut writer = Writer {
            by: app.other_admin(),
            moving: all.iter().copied().step_by(87).collect(),
            assessments: db.fetch(assessments::table.select(assessments::id)).await.expect("they are there"),
            students: vec![app.student().id(), app.other_student().id(), app.admin().id()],
            random: Random::new(),
            done: 0,
        };
        let moving: HashSet<_> = writer.moving.iter().copied().collect();
        let list = format!("/submissions?page_size={SIZE}&fields=id&total=none");
        let (mut seen, mut pages) = (HashSet::new(), 1);
        let begun = Instant::now();
        let mut path = list.clone();
        loop {
            let (page, ()) = tokio::join!(by.get(&path), writer.write(&app));
            let page = page.is(200);
            for found in page.column("id") {
                let found: Uuid = found.as_str().and_then(|id| id.parse().ok()).expect("an id");
                assert!(seen.insert(found), "{found} came twice");
            }
            let Some(next) = page["next_cursor"].as_str() else { break };
            path = format!("{list}&cursor={next}");
            pages += 1;
        }
        let standing = all.iter().filter(|id| !moving.contains(id));
        let missed = standing.filter(|id| !seen.contains(id)).count();
        say(&format!("{} rows on {pages} pages, {} writes meanwhile, {:?}; {missed} missed", seen.len(), writer.done, begun.elapsed()));
        assert_eq!(missed, 0);
    }

    async fn a_page_costs_the_same_however_far_it_is_in(app: TestApp) {
        if std::env::var_os("LONG_WALK").is_none() {
            return;
        }
        load(&app, oulad()).await;
        let by = app.admin();
        if app.kind == crud_core::db::DbKind::Postgres {
            app.lms.app.db().batch("VACUUM ANALYZE submissions").await.expect("plain SQL");
        }
        let list = format!("/submissions?page_size={SIZE}&total=none");
        let mut paths = vec![list.clone()];
        for page in [2, 5_001, 10_000] {
            let before = by.get(&format!("{list}&page={}", page - 1)).await.is(200);
            let next = before["next_cursor"].as_str().expect("a cursor");
            paths.push(format!("{list}&cursor={next}"));
        }
        paths.push("/submissions?limit=20&total=none&offset=50000".to_owned());
        let names = ["page 1", "page 2", "page 5,001", "page 10,000", "offset 50,000"];
        let costs = costs(&app, &by, &paths.iter().map(String::as_str).collect::<Vec<_>>()).await;
        for (name, cost) in names.iter().zip(&costs) {
            say(&format!("{name}: {cost} µs"));
        }
        const END: &str = "ORDER BY created_at DESC, id DESC LIMIT 20 OFFSET 50000";
        let floor = format!("SELECT student_id, created_at, score FROM submissions WHERE archived_at IS NULL {END}");
        let late = format!(
            "SELECT student_id, created_at, score FROM submissions WHERE id IN (SELECT id FROM submissions \
             WHERE archived_at IS NULL {END}) ORDER BY created_at DESC, id DESC"
        );
        let statements = [("by hand", floor), ("ids first", late)];
        let mut times = [Vec::new(), Vec::new()];
        for _ in 0..100 {
            for ((_, sql), times) in statements.iter().zip(&mut times) {
                let begun = Instant::now();
                let statement = Stmt::new().text(sql.as_str().into());
                let rows = app.lms.app.db().load::<Uuid, st::Uuid>(Access::Read, statement).await;
                assert_eq!(rows.expect("they are there").len(), 20);
                times.push(begun.elapsed().as_micros());
            }
        }
        for ((name, _), mut times) in statements.iter().zip(times) {
            times.sort_unstable();
            say(&format!("offset 50,000 {name}: {} µs", times[50]));
        }
        assert!(costs[3] as f64 <= 1.3 * costs[0] as f64, "page 10,000 costs more than page 1");
    }
}
