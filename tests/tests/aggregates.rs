//! `GET /submissions/aggregate`: the numbers are those of the rows that the caller's list has.

use std::collections::BTreeMap;

use crud_core::testing::{Random, on_both};
use serde_json::{Value, json};
use tests::TestApp;

use crate::{
    cursors::{compared, submissions},
    faults::{statements_again, statements_of},
    steps::id,
};

/// The values of a field that are not null.
fn values(rows: &[&Value], field: &str) -> Vec<f64> {
    rows.iter().filter_map(|row| row[field].as_f64()).collect()
}

fn near(found: &Value, expected: Option<f64>) -> bool {
    match (found.as_f64(), expected) {
        (Some(found), Some(expected)) => (found - expected).abs() <= 1e-9 * expected.abs().max(1.0),
        (None, None) => found.is_null(),
        _ => false,
    }
}

on_both! {
    async fn groups_have_the_numbers_of_their_rows(app: TestApp) {
        let mut random = Random::new();
        submissions(&app, &mut random).await;
        for (by, who) in [(app.admin(), "admin"), (app.student(), "student"), (app.instructor(), "instructor")] {
            for archived in ["false", "true", "any"] {
                let list = format!("/submissions?archived={archived}&page_size=100");
                let rows = by.get(&list).await.is(200).items().to_vec();
                for groups in [vec![], vec!["student_id"], vec!["submitted_day"], vec!["is_banked", "assessment_id"], vec!["submitted_day", "student_id"]] {
                    let key = |row: &Value| -> Vec<String> { groups.iter().map(|name| row[*name].to_string()).collect() };
                    let mut expected: BTreeMap<Vec<String>, Vec<&Value>> = BTreeMap::new();
                    if groups.is_empty() {
                        expected.insert(Vec::new(), Vec::new());
                    }
                    for row in &rows {
                        expected.entry(key(row)).or_default().push(row);
                    }
                    let grouped = match groups.is_empty() {
                        true => String::new(),
                        false => format!("&group_by={}", groups.join(",")),
                    };
                    let path = format!("/submissions/aggregate?archived={archived}&count&avg=score,submitted_day&sum=score,submitted_day&min=score,created_at&max=submitted_day,score{grouped}");
                    let found = by.get(&path).await.is(200);
                    assert_eq!(found["more"], false);
                    assert_eq!(found.items().len(), expected.len(), "{who} {path}");
                    for item in found.items() {
                        let rows = &expected[&key(&item["group"])];
                        assert_eq!(item["count"], rows.len(), "{path}");
                        let (days, scores) = (values(rows, "submitted_day"), values(rows, "score"));
                        for (of, name) in [(&days, "submitted_day"), (&scores, "score")] {
                            let sum = (!of.is_empty()).then(|| of.iter().sum::<f64>());
                            assert!(near(&item["sum"][name], sum), "{item} {path}");
                            let avg = sum.map(|sum| sum / of.len() as f64);
                            assert!(near(&item["avg"][name], avg), "{item} {path}");
                            let max = of.iter().copied().reduce(f64::max);
                            assert!(near(&item["max"][name], max), "{item} {path}");
                        }
                        let first = rows.iter().filter_map(|row| row["created_at"].as_str()).min();
                        assert_eq!(item["min"]["created_at"], json!(first), "{path}");
                    }
                    let sorted = found.items().is_sorted_by(|a, b| {
                        let each = groups.iter().map(|name| compared(&plain(&a["group"][*name]), &plain(&b["group"][*name])));
                        each.fold(std::cmp::Ordering::Equal, std::cmp::Ordering::then).is_le()
                    });
                    assert!(sorted, "{found}");
                }
            }
        }
    }

    async fn an_aggregate_is_filtered_as_its_list_and_kept_as_a_page(app: TestApp) {
        submissions(&app, &mut Random::new()).await;
        let by = app.admin();
        let row = by.get("/submissions?page_size=1").await.is(200).items()[0].clone();
        let student = row["student_id"].as_str().expect("an id").to_owned();
        let list = by.get(&format!("/submissions?student_id={student}")).await.is(200);
        let path = format!("/submissions/aggregate?student_id={student}");
        let found = by.get(&path).await.is(200);
        assert_eq!(found.json, json!({"items": [{"group": {}, "count": list.total()}], "more": false}));
        // And one for the caller.
        assert_eq!(statements_of(&app, &by, &path).await, 2);
        assert_eq!(statements_again(&by, &path).await, 0);
        let gone = format!("/submissions/{}/archive", id(row["id"].as_str().expect("an id")));
        by.patch(&gone, json!({})).await.is(200);
        assert_eq!(by.get(&path).await.is(200).items()[0]["count"], list.total() - 1);
        app.anonymous().get(&path).await.is_problem(401, "unauthenticated");
    }

    // Reliability §2: no oracle through what is not declared.
    async fn what_is_not_declared_is_not_aggregated(app: TestApp) {
        let by = app.admin();
        for wrong in ["avg=version", "avg=content", "avg=", "max=id", "group_by=created_by", "group_by=content", "avg=created_at", "sum=created_at", "group_by=score;", "min=score,no_such"] {
            by.get(&format!("/submissions/aggregate?{wrong}")).await.is_problem(400, "unknown_field").says("takes");
        }
        by.get("/submissions/aggregate?avg=score,score").await.is_problem(400, "repeated_field");
        for wrong in ["page=1", "sort=score", "fields=id", "include=student", "median=score", "total=none", "cursor=x"] {
            by.get(&format!("/submissions/aggregate?{wrong}")).await.is_problem(400, "unknown_parameter");
        }
        by.get("/submissions/aggregate?count=no").await.is_problem(422, "invalid").names(&["count"]);
        app.admin().post("/submissions/aggregate", json!({})).await.is_problem(405, "method_not_allowed");
        // No entity has the route without a declaration: `aggregate` is no id.
        by.get("/organizations/aggregate").await.is_problem(422, "invalid");
    }
}

/// Truth values as numbers, which both databases order.
fn plain(value: &Value) -> Value {
    value
        .as_bool()
        .map_or_else(|| value.clone(), |is| json!(i32::from(is)))
}
