//! `GET /things?format=ndjson|csv`.

use serde_json::Value;

use super::{rules, subject::Subject};

rules![an_export_has_the_rows_of_the_list];

async fn an_export_has_the_rows_of_the_list(s: &Subject<'_>) {
    let rows = [s.row().await, s.row().await];
    let any = if s.r.archivable { "&archived=any" } else { "" };
    let all = format!("{}?format=ndjson{any}", s.all);
    let reply = s.admin.get(&all).await.is(200);
    let text = String::from_utf8_lossy(&reply.bytes);
    let exported: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("a line is a row"))
        .collect();
    assert_eq!(exported.len() as u64, s.count().await, "{reply}");
    exported.iter().for_each(|row| s.list.accepts(row));
    let is_there = |id: &Value| exported.iter().any(|row| row["id"] == *id);
    assert!(rows.iter().all(|row| is_there(&row["id"])), "{reply}");
    let csv = s.admin.get(&format!("{}?format=csv", s.all)).await.is(200);
    let head = String::from_utf8_lossy(&csv.bytes);
    let head: Vec<_> = head.lines().next().unwrap_or_default().split(',').collect();
    let fields = exported[0]
        .as_object()
        .map(|row| row.keys().map(String::as_str).collect());
    assert_eq!(Some(head), fields, "{csv}");
    let hidden = s.anonymous.get(&s.all).await;
    let export = s.anonymous.get(&format!("{}?format=csv", s.all)).await;
    assert_eq!(export.status, hidden.status, "{export}");
}
