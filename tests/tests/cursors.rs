//! Pages by cursors: the same rows in the same order as the plain list, there and back, for every order; while others
//! write; and for nobody else.

use std::{cmp::Ordering, collections::BTreeSet};

use crud_core::{
    dto::Assignments,
    prelude::*,
    testing::{Client, Random, Reply, on_both},
};
use lms_server::{entities::submission::Submission, schema::submissions};
use serde_json::{Value, json};
use tests::TestApp;

use crate::{
    faults::statements_of,
    steps::{draft, id, lesson, made, published},
};

/// Rows with nulls and ties in every column that they can be sorted by, some of them archived.
pub(crate) async fn submissions(app: &TestApp, random: &mut Random) {
    let course = published(&app.instructor(), "Course").await;
    let system = Principal::system();
    let cx = app.lms.app.on_behalf(&system);
    for n in 0..12 {
        let body =
            json!({"course_id": id(&course), "title": format!("A{n}"), "assessment_type": "TMA"});
        let assessment = made(&app.instructor(), "/assessments", body).await;
        let assessment: Uuid = id(&assessment).parse().expect("a UUID");
        let students = [
            app.student(),
            app.other_student(),
            app.instructor(),
            app.admin(),
        ];
        let mut rows = Vec::new();
        for student in students {
            let mut set = Assignments::<submissions::table>::default();
            set.set(submissions::assessment_id, assessment);
            set.set(submissions::student_id, student.id());
            if random.below(3) > 0 {
                let day = i32::try_from(random.below(4)).expect("it is small") - 2;
                set.set(submissions::submitted_day, day);
            }
            if random.below(3) > 0 {
                let score = *random.pick(&[0.0, 0.1, 0.30000000000000004, 0.3, 33.0, 100.0]);
                set.set(submissions::score, score);
            }
            if random.below(4) == 0 {
                set.set(submissions::archived_at, Timestamp::now());
            }
            rows.push(set);
        }
        cx.insert_many::<Submission>(rows)
            .await
            .expect("they are written");
    }
}

/// As the API says that values are ordered: null is greater than all.
pub(crate) fn compared(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Null, Value::Null) => Ordering::Equal,
        (Value::Null, _) => Ordering::Greater,
        (_, Value::Null) => Ordering::Less,
        (Value::Number(a), Value::Number(b)) => {
            a.as_f64().partial_cmp(&b.as_f64()).expect("numbers")
        }
        (a, b) => a
            .as_str()
            .map(str::as_bytes)
            .cmp(&b.as_str().map(str::as_bytes)),
    }
}

/// The rows of a list in memory, ordered as `sort` says.
fn ordered(rows: &[Value], sort: &str) -> Vec<Value> {
    let keys: Vec<_> = sort.split(',').collect();
    let last = keys
        .last()
        .filter(|key| key.starts_with('-'))
        .map_or("id", |_| "-id");
    let mut rows = rows.to_vec();
    rows.sort_by(|a, b| {
        let each = keys
            .iter()
            .chain([&last])
            .map(|key| match key.strip_prefix('-') {
                Some(key) => compared(&b[key], &a[key]),
                None => compared(&a[*key], &b[*key]),
            });
        each.fold(Ordering::Equal, Ordering::then)
    });
    rows.iter().map(|row| row["id"].clone()).collect()
}

/// Every id, by `next_cursor` from the first page on; and back again, by `prev_cursor` from the last.
async fn walked(by: &Client, list: &str) -> (Vec<Value>, Vec<Value>) {
    let (mut there, mut back) = (Vec::new(), Vec::new());
    let mut page = by.get(list).await.is(200);
    loop {
        there.extend(page.column("id"));
        let Some(next) = cursor(&page, "next") else {
            break;
        };
        page = by.get(&format!("{list}&cursor={next}")).await.is(200);
    }
    loop {
        back.splice(0..0, page.column("id"));
        let Some(prev) = cursor(&page, "prev") else {
            break;
        };
        page = by.get(&format!("{list}&cursor={prev}")).await.is(200);
    }
    (there, back)
}

fn cursor(page: &Reply, way: &str) -> Option<String> {
    page[format!("{way}_cursor").as_str()]
        .as_str()
        .map(str::to_owned)
}

on_both! {
    async fn a_walk_is_the_list_in_its_order_and_back(app: TestApp) {
        let mut random = Random::new();
        submissions(&app, &mut random).await;
        let by = app.admin();
        let mut rows = Vec::new();
        let mut next = Some("/submissions?archived=any&page_size=100".to_owned());
        while let Some(path) = next {
            let page = by.get(&path).await.is(200);
            rows.extend(page.items().to_vec());
            next = page.link("next");
        }
        assert_eq!(rows.len(), 48);
        for _ in 0..60 {
            let mut names = vec!["submitted_day", "score", "created_at", "updated_at"];
            let mut keys = Vec::new();
            for _ in 0..=random.below(3) {
                let at = random.below(names.len() as u64);
                let name = names.remove(usize::try_from(at).expect("an index"));
                keys.push(format!("{}{name}", random.pick(&["", "-"])));
            }
            let (sort, size) = (keys.join(","), 1 + random.below(20));
            let archived = *random.pick(&["any", "false", "true"]);
            let kept: Vec<_> = rows.iter().filter(|row| match archived {
                "any" => true,
                one => row["archived_at"].is_null() == (one == "false"),
            }).cloned().collect();
            let list = format!("/submissions?sort={sort}&archived={archived}&page_size={size}");
            let (there, back) = walked(&by, &list).await;
            assert_eq!(there, ordered(&kept, &sort), "{list}");
            assert_eq!(back, there, "{list}");
        }
    }

    async fn text_is_walked_by_its_bytes(app: TestApp) {
        let titles = ["b", "B", "ä", "Ä", "a", "é", "e\u{301}", "ss", "ß", "Z", "z", "10", "9", "'\"\\", "a b", "A B", "_", "%"];
        for (n, title) in titles.iter().enumerate() {
            let category = [None, Some("x"), Some("X"), Some("ö")][n % 4];
            let body = json!({"title": title, "category": category, "is_published": true, "slug": format!("s{n}")});
            made(&app.instructor(), "/courses", body).await;
        }
        let by = app.anonymous();
        let rows = by.get("/courses?page_size=100").await.is(200).items().to_vec();
        for sort in ["title", "-title", "category", "-category", "category,-title", "-category,title", "category,title"] {
            for size in [1, 2, 7] {
                let list = format!("/courses?sort={sort}&page_size={size}");
                let (there, back) = walked(&by, &list).await;
                assert_eq!(there, ordered(&rows, sort), "{list}");
                assert_eq!(back, there, "{list}");
            }
        }
    }

    async fn a_walk_begins_on_any_page(app: TestApp) {
        for n in 0..9 {
            published(&app.instructor(), &format!("Course {n}")).await;
        }
        let by = app.anonymous();
        let all = by.get("/courses?sort=title").await.is(200).column("title");
        for (start, way, expected) in [
            ("page=2&page_size=3", "next", &all[6..9]),
            ("page=2&page_size=3", "prev", &all[0..3]),
            ("limit=3&offset=4", "next", &all[7..9]),
            ("limit=3&offset=4", "prev", &all[1..4]),
        ] {
            let page = by.get(&format!("/courses?sort=title&{start}")).await.is(200);
            let cursor = cursor(&page, way).expect("a cursor");
            let next = by.get(&format!("/courses?sort=title&limit=3&cursor={cursor}")).await.is(200);
            assert_eq!(next.column("title"), expected, "{start} {way}");
        }
        let last = by.get("/courses?sort=title&page=3&page_size=3").await.is(200);
        assert_eq!(cursor(&last, "next"), None);
        let beyond = by.get("/courses?page=7").await.is(200);
        assert_eq!((cursor(&beyond, "next"), cursor(&beyond, "prev")), (None, None));
    }

    // Reliability §2: cursors are bound to scope, sort and filter; what was changed is refused.
    async fn a_cursor_is_good_for_nobody_and_nothing_else(app: TestApp) {
        for n in 0..3 {
            draft(&app.instructor(), &format!("Mine {n}")).await;
            published(&app.other_instructor(), &format!("Course {n}")).await;
        }
        let list = "/courses?page_size=1&sort=title";
        let page = app.instructor().get(list).await.is(200);
        let own = cursor(&page, "next").expect("a cursor");
        app.instructor().get(&format!("{list}&cursor={own}")).await.is(200);
        for other in [app.anonymous(), app.student(), app.other_instructor(), app.admin()] {
            let refused = other.get(&format!("{list}&cursor={own}")).await;
            let _ = refused.is_problem(400, "cursor");
        }
        for changed in ["&sort=-title", "&sort=title,category", "&category=x", "&archived=any", "&title=c"] {
            let list = match changed.starts_with("&sort") {
                true => format!("/courses?page_size=1{changed}"),
                false => format!("{list}{changed}"),
            };
            let refused = app.instructor().get(&format!("{list}&cursor={own}")).await;
            let _ = refused.is_problem(400, "cursor").says("sort, filters, archived state and caller");
        }
        let refused = app.instructor().get(&format!("/lessons?cursor={own}")).await;
        let _ = refused.is_problem(400, "cursor");
        let mut random = Random::new();
        for _ in 0..200 {
            let mut text: Vec<char> = own.chars().collect();
            let at = usize::try_from(random.below(text.len() as u64)).expect("an index");
            let letters: Vec<char> = ('a'..='z').chain('A'..='Z').chain('0'..='9').chain(['-', '_']).collect();
            let letter = *random.pick(&letters);
            if text[at] == letter {
                continue;
            }
            text[at] = letter;
            let forged: String = text.into_iter().collect();
            let _ = app.instructor().get(&format!("{list}&cursor={forged}")).await.is_problem(400, "cursor");
        }
        for other in ["", "AAAA", "%00", "..%2F", "'%20OR%201=1", "%E2%82%AC"] {
            let refused = app.instructor().get(&format!("{list}&cursor={other}")).await;
            assert!([400, 422].contains(&refused.status.as_u16()), "{refused}");
        }
    }

    async fn a_filtered_list_is_walked_within_its_filter(app: TestApp) {
        let course = published(&app.instructor(), "One").await;
        let other = published(&app.instructor(), "Two").await;
        for n in 0..7 {
            lesson(&app.instructor(), &course, n).await;
            lesson(&app.instructor(), &other, n).await;
        }
        let list = format!("/lessons?course_id={}&page_size=2", id(&course));
        let (there, back) = walked(&app.anonymous(), &list).await;
        assert_eq!((there.len(), &back), (7, &there));
    }

    async fn a_page_by_a_cursor_is_one_statement_and_none_when_it_is_known(app: TestApp) {
        for n in 0..5 {
            published(&app.instructor(), &format!("Course {n}")).await;
        }
        let by = app.anonymous();
        let list = "/courses?page_size=2";
        let next = cursor(&by.get(list).await.is(200), "next").expect("a cursor");
        let path = format!("{list}&cursor={next}");
        assert_eq!(statements_of(&app, &by, list).await, 2);
        assert_eq!(statements_of(&app, &by, &path).await, 1);
        assert_eq!(statements_of(&app, &by, &format!("{path}&total=exact")).await, 2);
        assert_eq!(crate::faults::statements_again(&by, &path).await, 0);
        // The same rows in another order are another page.
        let page = by.get(&path).await.is(200);
        let prev = cursor(&page, "prev").expect("a cursor");
        let back = format!("{list}&cursor={prev}");
        let first = by.get(list).await.is(200);
        for _ in 0..2 {
            assert_eq!(by.get(&back).await.is(200)["items"], first["items"]);
        }
        // Forward in the other order, it is the same statement.
        let other = by.get("/courses?page_size=3&sort=created_at").await.is(200);
        let next = cursor(&other, "next").expect("a cursor");
        let forward = format!("/courses?page_size=2&sort=created_at&cursor={next}");
        let mut turned = by.get(&forward).await.is(200).column("id");
        turned.reverse();
        assert_eq!(turned, first.column("id"));
    }

    // A walk among writes: no row twice, and none missed that was there all the time.
    async fn a_walk_among_writes_has_every_standing_row_once(app: TestApp) {
        let by = app.admin();
        let mut standing = BTreeSet::new();
        let mut moving = Vec::new();
        for n in 0..60 {
            let path = made(&by, "/organizations", json!({"name": format!("Org {n}")})).await;
            match n % 3 {
                0 => moving.push(path),
                _ => drop(standing.insert(id(&path).to_owned())),
            }
        }
        for sort in ["-created_at", "created_at"] {
            let list = format!("/organizations?sort={sort}&page_size=4");
            let mut seen = BTreeSet::new();
            let mut page = by.get(&list).await.is(200);
            let mut step = 0;
            loop {
                for found in page.column("id") {
                    let found = found.as_str().expect("an id").to_owned();
                    assert!(seen.insert(found.clone()), "{found} came twice");
                }
                made(&by, "/organizations", json!({"name": format!("New {step}")})).await;
                let path = &moving[step % moving.len()];
                let verb = if step % 2 == 0 { "archive" } else { "restore" };
                by.patch(&format!("{path}/{verb}"), json!({})).await.is(200);
                let named = format!("/organizations/{}", standing.iter().next().expect("some"));
                by.patch(&named, json!({"description": format!("{step}")})).await.is(200);
                step += 1;
                // Rows that are written behind the walk never end it.
                let Some(next) = cursor(&page, "next").filter(|_| step < 60) else { break };
                page = by.get(&format!("{list}&cursor={next}")).await.is(200);
            }
            assert!(standing.is_subset(&seen), "rows are missing");
        }
    }
}
