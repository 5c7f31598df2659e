//! Operators of filters: each means what its word says, and none else is known.

use super::{list::pair, subject::Subject};
use crate::{
    filter::{On, Op},
    testing::Reply,
};

/// Filters on documents and through relations take no value of their own, and know what they do not have.
pub(super) async fn has_no_plain_form(s: &Subject<'_>, name: &str) -> bool {
    let unknown = match s.r.filters.iter().find(|f| f.name == name).map(|f| &f.on) {
        Some(On::Relation(_)) => format!("{name}.no_such"),
        Some(On::Column(column)) if column.is_json() => format!("{name}[a b]"),
        Some(On::Words(_)) => return looks_for_words(s, name).await,
        _ => return false,
    };
    for name in [name, &*unknown] {
        let reply = s.admin.get(&format!("{}?{}", s.all, pair(name, "1"))).await;
        let _ = reply.is_problem(400, "unknown_parameter");
    }
    true
}

/// A search for words is a filter of its own kind: what it finds is the text's to say.
async fn looks_for_words(s: &Subject<'_>, name: &str) -> bool {
    let none = s.ids(s.admin, &pair(name, "nosuchwordanywhere")).await;
    assert_eq!(none, Vec::<String>::new());
    let all = s.ids(s.admin, "").await;
    assert_eq!(
        s.ids(s.admin, &pair(name, "-nosuchwordanywhere")).await,
        all
    );
    for odd in ["\"", "'", "*", "a' OR 1=1 --", "a:b NEAR(c)", "(((", "\\"] {
        let reply = s.admin.get(&format!("{}?{}", s.all, pair(name, odd))).await;
        match odd.chars().any(char::is_alphanumeric) {
            true => drop(reply.is(200)),
            false => assert_eq!(reply.is_problem(422, "invalid").faults(), [(name, "words")]),
        }
    }
    true
}

/// Whether the row, whose field has this value, is found as each operator says.
pub(super) async fn every_operator_filters(s: &Subject<'_>, row: &Reply, name: &str, value: &str) {
    let field = s.r.filters.iter().find(|field| field.name == name);
    let Some(On::Column(column)) = field.map(|field| &field.on) else {
        return;
    };
    let in_list = value.replace('\\', "\\\\").replace(',', "\\,");
    let part: String = value.chars().take(5).collect();
    for op in column.ops.iter() {
        let (value, is_found) = match op {
            Op::Eq | Op::Gte | Op::Lte => (value, true),
            Op::Ne | Op::Gt | Op::Lt => (value, false),
            Op::In => (&*in_list, true),
            Op::NotIn => (&*in_list, false),
            Op::Contains | Op::StartsWith => (&*part, true),
            Op::IsNull => ("true", false),
        };
        let filter = pair(&format!("{name}[{}]", op.as_str()), value);
        let found = s.ids(s.admin, &format!("sort=-created_at&{filter}")).await;
        assert_eq!(found.contains(&row.id()), is_found, "`{filter}`\n{row}");
    }
    let unknown = pair(&format!("{name}[no_such]"), value);
    let reply = s.admin.get(&format!("{}?{unknown}", s.all)).await;
    let _ = reply
        .is_problem(400, "unknown_operator")
        .says(column.ops[0].as_str());
}
