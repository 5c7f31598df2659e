//! What someone would send who wants to see more than he may, or to break something.

use super::{
    library::{Book, Shelf},
    listed,
    rows::{BookRow, Library, Rows, ShelfRow},
};
use crate::{
    Context, Error, Uuid,
    db::{DbKind, Load as _, Stmt},
    filter::{MOST_TERMS, MOST_VALUES},
    testing::on_both,
};

fn id(n: u128) -> Uuid {
    Uuid(uuid::Uuid::from_u128(n))
}

fn rows() -> Rows {
    let shelf = |n, name, secret, is_public, is_archived| ShelfRow {
        id: id(n),
        name,
        secret: Some(secret),
        is_public,
        is_archived,
        ..ShelfRow::default()
    };
    let book = |n, title, shelf| BookRow {
        id: id(n),
        title,
        shelf: Some(id(shelf)),
        secret: Some("hidden"),
        ..BookRow::default()
    };
    Rows {
        shelves: vec![
            shelf(1, "open", "x", true, false),
            shelf(2, "closed", "y", false, false),
            shelf(3, "gone", "z", true, true),
        ],
        books: vec![
            book(11, "one%", 1),
            book(12, "two_", 2),
            book(13, "three\\", 3),
        ],
    }
}

struct Attack {
    library: Library,
    registry: crate::Registry,
}

impl Attack {
    async fn new(kind: DbKind) -> Self {
        let library = Library::new(kind).await;
        library.fill(&rows()).await;
        Self {
            library,
            registry: super::registry(),
        }
    }

    async fn ask(&self, is_admin: bool, pairs: &[(&str, &str)]) -> crate::Result<Vec<Uuid>> {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(pairs);
        let found = listed(&self.registry, self.library.db(), is_admin, &query.finish()).await;
        found.map(|(ids, _)| ids)
    }

    async fn refused(&self, is_admin: bool, pairs: &[(&str, &str)]) -> Error {
        match self.ask(is_admin, pairs).await {
            Ok(found) => panic!("{pairs:?} finds {found:?}"),
            Err(error) => error,
        }
    }
}

on_both! {
    async fn what_looks_like_sql_is_a_value(attack: Attack) {
        let sql = [
            "' OR '1'='1", "'; DROP TABLE books; --", "\" OR 1=1 --", "$1", "?1", "1) OR (1=1", "\\'", "%27", "/*",
            "{\"a\"}", "$.\"a\"", "one%' ESCAPE 'n",
        ];
        for value in sql {
            for name in ["title", "title[ne]", "title[contains]", "title[in]", "note", "properties[a]",
                "properties[a][contains]", "shelf.name", "called"]
            {
                // A lone `\` in a list is refused.
                match attack.ask(true, &[(name, value)]).await {
                    Ok(found) => assert_eq!(found.len(), if name == "title[ne]" { 3 } else { 0 }, "{name}={value}"),
                    Err(error) => assert_eq!(error.status(), 422, "{name}={value}: {error}"),
                }
            }
            for name in [format!("title[{value}]"), format!("properties[{value}]"), format!("properties[a][{value}]"),
                format!("shelf.{value}"), value.to_owned()]
            {
                let error = attack.refused(true, &[(&name, "1")]).await;
                assert_eq!(error.status(), 400, "{name}: {error}");
            }
            let number = attack.refused(true, &[("pages[gt]", value)]).await;
            assert_eq!(number.status(), 422, "{value}");
        }
        let still = Stmt::new().sql("SELECT count(*) FROM books");
        let count = attack.library.db().load::<i64, diesel::sql_types::BigInt>(crate::db::Access::Read, still).await;
        assert_eq!(count.unwrap(), [3]);
    }

    async fn wildcards_find_only_themselves(attack: Attack) {
        for (part, found) in [("%", vec![id(11)]), ("_", vec![id(12)]), ("\\", vec![id(13)]), ("%%", vec![]), ("o_e", vec![])] {
            assert_eq!(attack.ask(true, &[("title[contains]", part)]).await.unwrap(), found, "{part}");
        }
        assert_eq!(attack.ask(true, &[("title[starts_with]", "ONE")]).await.unwrap(), [id(11)]);
        assert_eq!(attack.ask(true, &[("title[starts_with]", "%ne")]).await.unwrap(), []);
    }

    async fn a_hidden_field_is_as_unknown_as_any_other(attack: Attack) {
        assert_eq!(attack.ask(true, &[("secret", "hidden")]).await.unwrap().len(), 3);
        let unlike = |error: &Error, name: &str| error.to_string().replace(name, "…");
        for form in ["F", "F[gte]", "F[is_null]", "F[no_such]", "shelf.F", "shelf.F[gt]"] {
            let ask = async |field: &str| {
                let name = form.replace('F', field);
                let error = attack.refused(false, &[(&name, "true")]).await;
                assert_eq!(error.code(), "unknown_parameter", "{name}: {error}");
                unlike(&error, &name)
            };
            let (hidden, none) = (ask("secret").await, ask("nonsense").await);
            assert_eq!(hidden, none);
            assert!(!hidden.contains("secret"), "{hidden}");
        }
        let or = attack.refused(false, &[("or", "secret[gt]=a|title=x")]).await;
        assert_eq!(or.code(), "unknown_parameter");
    }

    async fn a_relation_finds_only_rows_that_the_caller_may_list(attack: Attack) {
        for (is_admin, terms, found) in [
            (true, ("shelf.name[ne]", "zz"), vec![id(11), id(12)]),
            (false, ("shelf.name[ne]", "zz"), vec![id(11)]),
            (false, ("shelf.name", "closed"), vec![]),
            (true, ("shelf.name", "closed"), vec![id(12)]),
            (true, ("shelf.name", "gone"), vec![]),
            (false, ("shelf.level[lte]", "0"), vec![id(11)]),
            (false, ("or", "shelf.name=closed|shelf.name=gone"), vec![]),
            (true, ("shelf.secret", "y"), vec![id(12)]),
        ] {
            assert_eq!(attack.ask(is_admin, &[terms]).await.unwrap(), found, "{terms:?}");
        }
    }

    async fn a_relation_goes_no_further_than_its_rows(attack: Attack) {
        for name in ["shelf.books.title", "shelf", "shelf.", "shelf.id", "shelf[name]", "parent.shelf.name", "shelves.name"] {
            let error = attack.refused(true, &[(name, "x")]).await;
            assert_eq!(error.code(), "unknown_parameter", "{name}");
        }
        let error = attack.refused(true, &[("shelf.name[foo]", "x")]).await;
        assert_eq!(error.code(), "unknown_operator");
        let Error::Invalid(faults) = attack.refused(true, &[("shelf.level", "x")]).await else {
            panic!("a wrong value");
        };
        assert_eq!(faults[0].parameter.as_deref(), Some("shelf.level"));
    }

    async fn what_is_too_much_is_refused(attack: Attack) {
        let list = |count: usize| vec!["1"; count].join(",");
        assert!(attack.ask(true, &[("pages[in]", &list(MOST_VALUES))]).await.is_ok());
        let long = "x".repeat(201);
        for (name, value) in [
            ("pages[in]", list(MOST_VALUES + 1)),
            ("pages[not_in]", list(10_000)),
            ("properties[a][in]", list(MOST_VALUES + 1)),
            ("title[contains]", long.clone()),
            ("properties[a][starts_with]", long),
        ] {
            let error = attack.refused(true, &[(name, &value)]).await;
            let Error::Invalid(faults) = error else { panic!("{error:?}") };
            assert_eq!((faults[0].parameter.as_deref(), &*faults[0].code), (Some(name), "length"));
        }
        let or = |count: usize| vec!["title=x"; count].join("|");
        assert!(attack.ask(true, &[("or", &or(MOST_TERMS))]).await.is_ok());
        let error = attack.refused(true, &[("or", &or(MOST_TERMS + 1))]).await;
        assert_eq!(error.code(), "too_many_filters");
        let names: Vec<_> = (0..=MOST_TERMS).map(|n| format!("properties[k{n}]")).collect();
        let many: Vec<_> = names.iter().map(|name| (name.as_str(), "1")).collect();
        assert!(attack.ask(true, &many[..MOST_TERMS]).await.is_ok());
        assert_eq!(attack.refused(true, &many).await.code(), "too_many_filters");
        let deep = format!("properties[{}]", ["a"; 9].join("."));
        assert_eq!(attack.refused(true, &[(&deep, "1")]).await.status(), 400);
    }

    async fn what_is_malformed_is_refused(attack: Attack) {
        for (name, value, status, code) in [
            ("title[foo]", "x", 400, "unknown_operator"),
            ("title[]", "x", 400, "unknown_operator"),
            ("title[eq][eq]", "x", 400, "unknown_parameter"),
            ("title[eq", "x", 400, "unknown_parameter"),
            ("titel[eq]", "x", 400, "unknown_parameter"),
            ("is_lent[gt]", "true", 400, "unknown_operator"),
            ("kind[contains]", "nov", 400, "unknown_operator"),
            ("title[is_null]", "true", 400, "unknown_operator"),
            ("called[eq]", "x", 400, "unknown_parameter"),
            ("properties", "x", 400, "unknown_parameter"),
            ("properties[a b]", "x", 400, "unknown_parameter"),
            ("properties[a][foo]", "x", 400, "unknown_operator"),
            ("kind", "prose", 422, "invalid"),
            ("pages", "1.5", 422, "invalid"),
            ("pages[in]", "1,,2", 422, "invalid"),
            ("pages[in]", "", 422, "invalid"),
            ("price[gt]", "NaN", 422, "invalid"),
            ("price[gt]", "1e999", 422, "invalid"),
            ("big", "9223372036854775808", 422, "invalid"),
            ("printed[lt]", "yesterday", 422, "invalid"),
            ("note[is_null]", "yes", 422, "invalid"),
            ("title[in]", "a\\b", 422, "invalid"),
            ("title", "a\0b", 422, "invalid"),
            ("title[in]", "a\0b", 422, "invalid"),
            ("properties[a]", "a\0b", 422, "invalid"),
            ("or", "", 422, "invalid"),
            ("or", "title=x|", 422, "invalid"),
            ("or", "title=x;", 422, "invalid"),
            ("or", "title=a\\b", 422, "invalid"),
            ("or", "pages=x|title=y", 422, "invalid"),
            ("or", "or=title=x", 400, "unknown_parameter"),
            ("or", "page=1", 400, "unknown_parameter"),
            ("or", "title=x;title=y", 400, "repeated_parameter"),
        ] {
            let error = attack.refused(true, &[(name, value)]).await;
            assert_eq!((error.status().as_u16(), error.code()), (status, code), "{name}={value}: {error}");
            if let Error::Invalid(faults) = &error {
                assert_eq!(faults[0].parameter.as_deref(), Some(name), "{value}");
            }
        }
        for pair in [[("title", "x"), ("title[eq]", "x")], [("title[gt]", "x"), ("title[gt]", "y")]] {
            assert_eq!(attack.refused(true, &pair).await.code(), "repeated_parameter");
        }
        let both = attack.refused(true, &[("pages[gt]", "x"), ("price[lt]", "y")]).await;
        assert!(matches!(both, Error::Invalid(faults) if faults.len() == 2));
    }

    async fn an_unknown_name_is_answered_with_the_known_ones(attack: Attack) {
        let error = attack.refused(true, &[("nonsense", "x")]).await.to_string();
        for name in ["called", "title", "properties", "shelf.…", "or"] {
            assert!(error.contains(name), "{error}");
        }
        let error = attack.refused(true, &[("is_new[foo]", "x")]).await.to_string();
        assert!(error.ends_with("takes eq, ne, is_null"), "{error}");
        let error = attack.refused(true, &[("shelf.foo", "x")]).await.to_string();
        assert!(error.contains("shelf.called, shelf.name, shelf.level, shelf.secret"), "{error}");
    }
}

#[tokio::test]
async fn a_relation_that_nobody_may_list_finds_nothing() {
    // Shelves are there for who knows their id; who may not list them cannot find books by them.
    let attack = Attack::new(DbKind::Sqlite).await;
    let by = super::person(false);
    let cx = Context::new(&attack.registry, attack.library.db(), &by);
    let shelf = cx.get::<Shelf>(id(2)).await.expect("he knows the id");
    assert_eq!(shelf.name, "closed");
    let found = cx
        .list::<Book>("shelf.name=closed", |search| search)
        .await
        .unwrap();
    assert_eq!(found.total, Some(0));
}
