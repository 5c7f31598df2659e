//! `GET /things`.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{rules, subject::Subject};
use crate::{
    db::ColumnKind,
    testing::{Reply, reply::text_of},
};

rules![
    a_list_is_an_envelope,
    every_field_of_a_list_is_documented,
    links_lead_to_every_row_once,
    a_page_out_of_range_is_refused,
    cursors_lead_there_and_back,
    a_cursor_is_of_one_list,
    pages_are_asked_for_in_one_way,
    what_is_unknown_is_refused_with_what_is_known,
    every_order_can_be_turned,
    every_filter_filters,
    nothing_is_counted_where_nobody_asks,
];

async fn a_list_is_an_envelope(s: &Subject<'_>) {
    let row = s.row().await;
    let list = s.admin.get(&s.all).await.is(200);
    let total = list.total();
    let pages = total.div_ceil(20);
    assert_eq!(list["page"], 1, "{list}");
    assert_eq!(list["page_size"], 20, "{list}");
    assert_eq!(list["pages"], pages, "{list}");
    let members: Vec<_> = list
        .json
        .as_object()
        .into_iter()
        .flatten()
        .map(|(k, _)| k)
        .collect();
    let expected = [
        "items",
        "total",
        "page",
        "page_size",
        "pages",
        "next_cursor",
        "prev_cursor",
    ];
    assert_eq!(members, expected, "{list}");
    assert_eq!(
        list.header("x-total-count"),
        Some(&*total.to_string()),
        "{list}"
    );
    for item in list.items() {
        s.list.accepts(item);
    }
    assert!(
        s.ids(s.admin, "").await.contains(&row.id()),
        "the list lacks a row"
    );
}

async fn every_field_of_a_list_is_documented(s: &Subject<'_>) {
    let schemas = [
        ("list", &s.list),
        ("get", &s.get),
        ("create", &s.create),
        ("update", &s.update),
        ("query", &s.query),
    ];
    for (dto, schema) in schemas {
        for (name, field) in schema.fields() {
            let text = field["description"].as_str().unwrap_or_default();
            assert!(
                !text.is_empty(),
                "`{name}` of the {dto} DTO has no description"
            );
        }
    }
}

async fn links_lead_to_every_row_once(s: &Subject<'_>) {
    for _ in 0..5 {
        s.row().await;
    }
    for (first, size) in [
        ("page=1&page_size=2", 2),
        ("limit=2&offset=0", 2),
        ("page_size=3", 3),
    ] {
        let mut seen = BTreeSet::new();
        let (mut count, mut next) = (0, Some(format!("{}?sort=-created_at&{first}", s.all)));
        let (mut total, mut before): (u64, Option<Reply>) = (0, None);
        while let Some(path) = next {
            let page = s.admin.get(&path).await.is(200);
            total = page.total();
            for id in page.column("id") {
                count += 1;
                assert!(seen.insert(id.to_string()), "{id} is on two pages\n{page}");
            }
            next = page.link("next");
            assert!(
                next.is_none() || page.items().len() == size,
                "a page that is not full\n{page}"
            );
            check_links(s, &page, before.as_ref()).await;
            before = Some(page);
        }
        assert_eq!(count, total, "the pages do not hold every row");
    }
}

/// `first` and `last` are there; `prev` leads back.
async fn check_links(s: &Subject<'_>, page: &Reply, before: Option<&Reply>) {
    let first = page.link("first").unwrap_or_default();
    let last = page.link("last").unwrap_or_default();
    let prev = page.link("prev");
    assert!(!first.is_empty() && !last.is_empty(), "{page}");
    match (before, prev) {
        (None, None) => {
            let last = s.admin.get(&last).await.is(200);
            assert!(
                !last.items().is_empty() && last.link("next").is_none(),
                "{last}"
            );
        }
        (Some(before), Some(prev)) => {
            let back = s.admin.get(&prev).await.is(200);
            assert_eq!(
                back["items"], before["items"],
                "`prev` leads elsewhere\n{page}"
            );
        }
        _ => panic!("`prev` is on every page but the first\n{page}"),
    }
}

async fn cursors_lead_there_and_back(s: &Subject<'_>) {
    for _ in 0..3 {
        s.row().await;
        s.full_row().await;
    }
    let sorts = s.r.sorts.iter().map(|sort| sort.name);
    for sort in sorts.flat_map(|name| [name.to_owned(), format!("-{name}")]) {
        let all = s.ids(s.admin, &format!("sort={sort}")).await;
        let list = format!("{}?sort={sort}&page_size=2", s.all);
        let (mut there, mut back) = (Vec::new(), Vec::new());
        let mut page = s.admin.get(&list).await.is(200);
        assert_eq!(page["prev_cursor"], json!(null), "{page}");
        loop {
            there.extend(page.column("id"));
            let Some(next) = page["next_cursor"].as_str().map(str::to_owned) else {
                break;
            };
            page = s.admin.get(&format!("{list}&cursor={next}")).await.is(200);
            assert_eq!(
                (&page["total"], &page["page"]),
                (&json!(null), &json!(null))
            );
            assert!(
                !page.items().is_empty(),
                "`next_cursor` leads nowhere\n{page}"
            );
        }
        assert_eq!(page.link("next"), None, "{page}");
        loop {
            back.splice(0..0, page.column("id"));
            let Some(prev) = page.link("prev") else { break };
            page = s.admin.get(&prev).await.is(200);
        }
        // A list is longer than a page of `ids` at most.
        let first: Vec<_> = there[..all.len()].iter().map(text_of).collect();
        assert_eq!(first, all, "`sort={sort}` by cursors");
        assert_eq!(back, there, "`sort={sort}` by cursors, and back");
    }
}

async fn a_cursor_is_of_one_list(s: &Subject<'_>) {
    for _ in 0..2 {
        s.row().await;
    }
    let list = format!("{}?page_size=1&sort=created_at", s.all);
    let page = s.admin.get(&list).await.is(200);
    let cursor = page["next_cursor"].as_str().unwrap_or_default().to_owned();
    s.admin
        .get(&format!("{list}&cursor={cursor}"))
        .await
        .is(200);
    let mut wrong = vec![
        format!("{}?sort=-created_at&cursor={cursor}", s.all),
        format!("{}?sort=updated_at&cursor={cursor}", s.all),
        format!("{}?cursor={}", s.all, &cursor[1..]),
        format!("{}?cursor=", s.all),
        format!("{}?cursor=~", s.all),
    ];
    if s.r.archivable {
        wrong.push(format!("{list}&archived=any&cursor={cursor}"));
    }
    for path in wrong {
        let _ = s
            .admin
            .get(&path)
            .await
            .is_problem(400, "cursor")
            .says("cursor");
    }
    for mixed in ["page=1", "offset=0", "skip=0", "limit=1"] {
        let path = format!("{list}&cursor={cursor}&{mixed}");
        let _ = s.admin.get(&path).await.is_problem(400, "mixed_pagination");
    }
    let counted = s
        .admin
        .get(&format!("{list}&total=exact&cursor={cursor}"))
        .await
        .is(200);
    assert_eq!(counted["total"], page["total"], "{counted}");
}

async fn a_page_out_of_range_is_refused(s: &Subject<'_>) {
    let wrong = [
        ("page", "0"),
        ("page", "-1"),
        ("page", "x"),
        ("page", "1.5"),
        ("page", "99999999999999999999"),
        ("page", "9223372036854775807"),
        ("page_size", "0"),
        ("page_size", "101"),
        ("page_size", ""),
        ("limit", "0"),
        ("limit", "101"),
        ("limit", "-1"),
        ("offset", "-1"),
        ("skip", "-1"),
        ("skip", "x"),
        ("total", "maybe"),
        ("sort", ""),
    ];
    for (name, value) in wrong {
        let reply = s.admin.get(&format!("{}?{name}={value}", s.all)).await;
        match name {
            "sort" => drop(reply.is_problem(400, "unknown_sort")),
            _ => drop(reply.is_problem(422, "invalid").names(&[name])),
        }
    }
    let both = s.admin.get(&format!("{}?page=0&page_size=0", s.all)).await;
    let _ = both
        .is_problem(422, "invalid")
        .names(&["page", "page_size"]);
    let far = s
        .admin
        .get(&format!("{}?page=1000000", s.all))
        .await
        .is(200);
    assert!(far.items().is_empty(), "{far}");
    assert!(far.total() > 0 || s.count().await == 0, "{far}");
    // How far a list reaches is not said; only that asking beyond it does no harm.
    s.admin
        .get(&format!("{}?offset=9223372036854775807", s.all))
        .await;
}

async fn pages_are_asked_for_in_one_way(s: &Subject<'_>) {
    for mixed in [
        "page=1&limit=5",
        "page_size=5&offset=0",
        "page=1&skip=0",
        "offset=1&skip=1",
    ] {
        let reply = s.admin.get(&format!("{}?{mixed}", s.all)).await;
        let _ = reply.is_problem(400, "mixed_pagination");
    }
    let twice = s.admin.get(&format!("{}?page=1&page=2", s.all)).await;
    let _ = twice.is_problem(400, "repeated_parameter");
    let by_skip = s
        .admin
        .get(&format!("{}?skip=1&limit=3", s.all))
        .await
        .is(200);
    let by_offset = s
        .admin
        .get(&format!("{}?offset=1&limit=3", s.all))
        .await
        .is(200);
    assert_eq!(by_skip.json, by_offset.json);
}

async fn what_is_unknown_is_refused_with_what_is_known(s: &Subject<'_>) {
    let mut reply = s.admin.get(&format!("{}?no_such=1", s.all)).await;
    reply = reply.is_problem(400, "unknown_parameter").says("no_such");
    for name in s.r.query_fields {
        reply = reply.says(name);
    }
    for name in ["page", "page_size", "limit", "offset", "sort"] {
        reply = reply.says(name);
    }
    let mut reply = s.admin.get(&format!("{}?sort=no_such", s.all)).await;
    reply = reply.is_problem(400, "unknown_sort").says("no_such");
    for sort in &s.r.sorts {
        reply = reply.says(sort.name);
    }
    let field = s.query.fields().first().map(|(name, _)| *name);
    if let Some(field) = field {
        let reply = s.admin.get(&format!("{}?{field}[no_such]=1", s.all)).await;
        assert_eq!(reply.status, 400, "{reply}");
    }
}

async fn every_order_can_be_turned(s: &Subject<'_>) {
    for _ in 0..2 {
        s.row().await;
        s.full_row().await;
    }
    for sort in &s.r.sorts {
        let name = sort.name;
        let up = s.ids(s.admin, &format!("sort={name}")).await;
        let mut down = s.ids(s.admin, &format!("sort=-{name}")).await;
        down.reverse();
        assert_eq!(up, down, "`sort={name}` turned is not `sort=-{name}`");
        let page = s
            .admin
            .get(&format!("{}?sort={name}&page_size=100", s.all))
            .await
            .is(200);
        let values: Vec<_> = page
            .column(name)
            .into_iter()
            .filter(|v| !v.is_null())
            .collect();
        let ordered = values
            .windows(2)
            .all(|pair| in_order(sort.kind, &pair[0], &pair[1]));
        assert!(ordered, "`sort={name}` is in no order: {values:?}");
    }
}

fn in_order(kind: ColumnKind, a: &Value, b: &Value) -> bool {
    let number = |text: &String| text.parse::<rust_decimal::Decimal>().ok();
    match (a, b) {
        (Value::String(a), Value::String(b)) if matches!(kind, ColumnKind::Decimal { .. }) => {
            number(a) <= number(b)
        }
        (Value::String(a), Value::String(b)) => a.as_bytes() <= b.as_bytes(),
        (Value::Number(a), Value::Number(b)) => a.as_f64() <= b.as_f64(),
        (Value::Bool(a), Value::Bool(b)) => a <= b,
        _ => false,
    }
}

async fn every_filter_filters(s: &Subject<'_>) {
    let row = s.full_row().await;
    let newest = "sort=-created_at";
    for (name, schema) in s.query.fields() {
        if super::filters::has_no_plain_form(s, name).await {
            continue;
        }
        if let Some(wrong) = s.query.mistyped(schema) {
            let reply = s.admin.get(&format!("{}?{name}={wrong}", s.all)).await;
            let _ = reply.is_problem(422, "invalid").names(&[name]);
        }
        let nul = s.admin.get(&format!("{}?{name}=%00", s.all)).await;
        let _ = nul.is_problem(422, "invalid").names(&[name]);
        // A filter that is no field of the row means something of the entity's own.
        let value = match &row[name] {
            Value::String(text) => text.clone(),
            Value::Number(_) | Value::Bool(_) => row[name].to_string(),
            _ => continue,
        };
        let with = s
            .ids(s.admin, &format!("{newest}&{}", pair(name, &value)))
            .await;
        assert!(
            with.contains(&row.id()),
            "`{name}={value}` hides its own row\n{row}"
        );
        let other = s.query.value(name, schema, u64::MAX / 2, &row[name]);
        let other = other
            .as_str()
            .map_or_else(|| other.to_string(), str::to_owned);
        let without = s
            .ids(s.admin, &format!("{newest}&{}", pair(name, &other)))
            .await;
        assert!(
            !without.contains(&row.id()),
            "`{name}={other}` shows another row\n{row}"
        );
        super::filters::every_operator_filters(s, &row, name, &value).await;
    }
}

pub(super) fn pair(name: &str, value: &str) -> String {
    let mut pair = form_urlencoded::Serializer::new(String::new());
    pair.append_pair(name, value);
    pair.finish()
}

async fn nothing_is_counted_where_nobody_asks(s: &Subject<'_>) {
    s.row().await;
    let list = s
        .admin
        .get(&format!("{}?total=none&page_size=1", s.all))
        .await
        .is(200);
    assert_eq!(list["total"], json!(null), "{list}");
    assert_eq!(list["pages"], json!(null), "{list}");
    assert_eq!(list.header("x-total-count"), None, "{list}");
    assert_eq!(list.items().len(), 1, "{list}");
}
