//! Values, types and fragments come back as they went in, on both databases.

use diesel::prelude::*;

use super::*;

#[tokio::test]
async fn values_come_back_as_they_went_in() {
    for t in databases().await {
        let (id, at) = (
            Uuid::now_v7(),
            "2026-02-03T04:05:06.0000079+02:00"
                .parse::<Timestamp>()
                .unwrap(),
        );
        let json = Json::from_text(r#"{"a": [1, "ü"]}"#).unwrap();
        let insert = Stmt::new()
            .sql("INSERT INTO ")
            .ident("things")
            .sql(" (id, slug, level, price, properties, active, created_at) VALUES (")
            .frag(bind::<sql_types::Uuid, _>(id))
            .sql(", ")
            .bind::<sql_types::Text, _>("s".to_owned())
            .sql(", ")
            .bind::<sql_types::Nullable<sql_types::Text>, _>(Some(Level::Low))
            .sql(", ")
            .bind::<sql_types::BigInt, _>(7_i64)
            .sql(", ")
            .bind::<sql_types::Nullable<sql_types::Jsonb>, _>(Some(json.clone()))
            .sql(", ")
            .bind::<sql_types::Bool, _>(true)
            .sql(", ")
            .bind::<sql_types::Timestamptz, _>(at)
            .sql(")");
        assert_eq!(t.db.execute(insert).await.unwrap(), 1);
        type Row = (
            Uuid,
            Option<Level>,
            Option<Json>,
            bool,
            Timestamp,
            Option<Uuid>,
        );
        let rows = t.db.fetch::<Row>(things::table.select((
            things::id,
            things::level,
            things::properties,
            things::active,
            things::created_at,
            things::parent_id,
        )));
        let row = rows.await.unwrap().remove(0);
        assert_eq!(
            row,
            (id, Some(Level::Low), Some(json), true, at, None),
            "{}",
            t.name
        );
        assert_eq!(row.4.to_string(), "2026-02-03T02:05:06.000007Z");
        let found = things::table
            .filter(things::level.eq(Level::Low))
            .filter(things::created_at.eq(at))
            .count();
        assert_eq!(t.db.fetch::<i64>(found).await.unwrap(), [1]);
    }
}

#[tokio::test]
async fn text_is_found_in_any_case_and_wildcards_stand_for_themselves() {
    for t in databases().await {
        for slug in [
            "Ökologie 100%",
            "Einführung",
            "plain_text",
            "plainXtext",
            r"back\slash",
        ] {
            t.db.run(new(slug, 1).1).await.unwrap();
        }
        for (part, hits) in [
            ("öKO", 1),
            ("FÜHR", 1),
            ("100%", 1),
            ("N_T", 1),
            ("plain", 2),
            (r"K\s", 1),
            ("", 5),
            ("%", 1),
        ] {
            let stmt = Stmt::new()
                .sql("SELECT count(*) FROM things WHERE ")
                .add(ContainsCi::new(things::slug, part));
            let found =
                t.db.load::<i64, diesel::sql_types::BigInt>(Access::Read, stmt)
                    .await
                    .unwrap();
            assert_eq!(found, [hits], "{} {part}", t.name);
        }
    }
}

#[test]
fn timestamps_are_microseconds_in_utc_and_never_panic() {
    let json = |text: &str| serde_json::from_str::<Timestamp>(&format!("\"{text}\""));
    let at = json("2026-02-03T04:05:06.1234569-01:30").unwrap();
    assert_eq!(
        serde_json::to_string(&at).unwrap(),
        "\"2026-02-03T05:35:06.123456Z\""
    );
    assert_eq!(
        serde_json::to_string(&json("0000-01-01T00:00:00Z").unwrap()).unwrap(),
        "\"0000-01-01T00:00:00.000000Z\""
    );
    for wrong in [
        "9999-12-31T23:59:59-01:00",
        "0000-01-01T00:00:00+01:00",
        "2026-02-30T00:00:00Z",
        "2026-02-03",
        "",
        "x",
    ] {
        assert!(json(wrong).is_err(), "{wrong}");
    }
    for micros in [i64::MIN, i64::MAX, 253_402_300_800_000_000] {
        assert_eq!(Timestamp::from_micros(micros), Err(TimestampError::Range));
    }
    assert_eq!(
        json("2016-12-31T23:59:60Z").unwrap().to_string(),
        "2017-01-01T00:00:00.000000Z"
    );
}

#[test]
fn json_refuses_what_postgresql_refuses() {
    let read = |text: &str| serde_json::from_str::<Json>(text).map_err(|e| e.to_string());
    for fine in [
        "{}",
        r#"{"a":"\\u0000"}"#,
        r#""\ud83d\ude00""#,
        "1e308",
        "[1.5,-2,null,true]",
        "1e-300",
    ] {
        assert_eq!(read(fine).unwrap().as_str(), fine);
        assert_eq!(serde_json::to_string(&read(fine).unwrap()).unwrap(), fine);
    }
    for (wrong, says) in [
        (r#"{"a":"\u0000"}"#, "NUL"),
        (r#"{"\u0000":1}"#, "NUL"),
        (r#""\ud800""#, "surrogate"),
        (r#""\ud800\u0041""#, "surrogate"),
        (r#""\udc00""#, "surrogate"),
        ("1e309", "64-bit"),
        ("[1e400000]", "64-bit"),
        ("1e-99999", "64-bit"),
    ] {
        assert!(read(wrong).unwrap_err().contains(says), "{wrong}");
    }
    let deep = format!("{}{}", "[".repeat(121), "]".repeat(121));
    assert!(read(&deep).unwrap_err().contains("nested"));
    assert_eq!(Json::default().as_str(), "{}");
    assert_eq!(
        Json::from_value(&serde_json::json!({"a": "\0"})).unwrap_err(),
        JsonFault::Nul
    );
    let mut track = serde_json::Deserializer::from_str(r#"{"p": {"x": 1}}"#);
    #[derive(serde::Deserialize)]
    struct Dto {
        p: Json,
    }
    let dto: Dto = serde_path_to_error::deserialize(&mut track).unwrap();
    assert_eq!(dto.p.as_str(), r#"{"x": 1}"#);
    let dto: Dto = serde_json::from_value(serde_json::json!({"p": {"x": 1}})).unwrap();
    assert_eq!(dto.p.as_str(), r#"{"x":1}"#);
}

#[test]
fn a_uuid_is_read_in_its_hyphenated_form_only() {
    let id = "0190a6ed-8a3c-7c05-9d6b-3f0c3a1d5e77";
    assert_eq!(id.parse::<Uuid>().unwrap().to_string(), id);
    for wrong in [
        "0190a6ed8a3c7c059d6b3f0c3a1d5e77",
        "{0190a6ed-8a3c-7c05-9d6b-3f0c3a1d5e77}",
        "",
        "x",
    ] {
        assert!(wrong.parse::<Uuid>().is_err(), "{wrong}");
        assert!(serde_json::from_str::<Uuid>(&format!("\"{wrong}\"")).is_err());
    }
}

#[test]
fn a_text_enum_is_its_text_everywhere() {
    assert_eq!(Level::ALL, [Level::Low, Level::High]);
    assert_eq!("high".parse(), Ok(Level::High));
    assert_eq!(serde_json::to_string(&Level::Low).unwrap(), "\"low\"");
    let error = serde_json::from_str::<Level>("\"mid\"")
        .unwrap_err()
        .to_string();
    assert!(error.contains("`low` or `high`"), "{error}");
    let schema = serde_json::to_value(schemars::schema_for!(Level)).unwrap();
    assert_eq!(schema["enum"], serde_json::json!(["low", "high"]));
}

#[test]
fn rendered_text_is_the_same_as_the_fragment() {
    let columns = Rendered::frag(std::sync::Arc::new((things::id, things::slug)));
    let stmt = Stmt::new()
        .sql("SELECT ")
        .frag(columns)
        .per_backend(" COLLATE \"C\"", "")
        .sql(" LIMIT ");
    let stmt = stmt.add(NoPeek(diesel::dsl::sql::<diesel::sql_types::BigInt>("1")));
    for _ in 0..2 {
        assert_eq!(
            diesel::pg::Pg::render(&stmt).unwrap(),
            r#"SELECT "things"."id", "things"."slug" COLLATE "C" LIMIT 1"#
        );
        assert_eq!(
            diesel::sqlite::Sqlite::render(&stmt).unwrap(),
            "SELECT `things`.`id`, `things`.`slug` LIMIT (1 + 0)"
        );
    }
}
