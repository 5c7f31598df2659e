//! `cargo crud entity publisher books:has_many`: the entity that is there gets its reference, or a sentence says why not.
//! That it compiles and works is shown in `five_entities`, that the migration goes up and down in `scaffold`.

use std::{fs, path::Path};

use crud_scaffold::{EntityPlan, Layout, Plan, Repository, application};
use tempfile::TempDir;

const DECLARED: &str = "src/entities/book/mod.rs";

/// A new application with these entities.
fn app(entities: &[(&str, &[&str])]) -> TempDir {
    let app = TempDir::new().expect("a temporary folder");
    let new = application("library", "..").expect("it can be called so");
    new.write(app.path()).expect("it is written");
    for (name, fields) in entities {
        let plan = plan(&app, name, fields).expect("it can be written");
        plan.write(app.path()).expect("it is written");
    }
    app
}

fn plan(app: &TempDir, name: &str, fields: &[&str]) -> Result<Plan, String> {
    let fields: Vec<_> = fields.iter().map(|&field| field.to_owned()).collect();
    let repository = Repository::around(app.path(), Layout::CRATE)?;
    repository.entity(EntityPlan::new(name, &fields, None)?)
}

fn read(app: &TempDir, path: &str) -> String {
    fs::read_to_string(app.path().join(path)).expect("it is there")
}

/// The `table!` of a table, and how the tables join.
fn table(app: &TempDir, name: &str) -> String {
    let schema = read(app, "src/schema.rs");
    let opening = format!("    {name} (id) {{\n");
    let (_, columns) = schema.split_once(&opening).expect("it is declared");
    let (columns, _) = columns.split_once("    }\n").expect("it ends");
    let joins = schema.lines().filter(|line| line.contains("joinable!("));
    columns.to_owned() + &joins.collect::<Vec<_>>().join("\n")
}

// 4.08
#[test]
fn the_other_entity_is_as_if_it_had_been_made_with_its_reference() {
    for id in ["id:uuid", "id:bigint", "id:string"] {
        let publisher: &[&str] = &[id, "name:string!"];
        for fields in [
            &["title:string!:words"][..],
            &["title:string!", "author:ref(authors)!"],
            &[
                "state:enum(draft,published)=draft",
                "best:ref(authors)",
                "author:ref(authors)",
                "sequel_of:ref(books)",
            ],
        ] {
            let author: (&str, &[&str]) = ("author", &["name:string!"]);
            let with = [fields, &["publisher:ref(publishers)"]].concat();
            let with = app(&[author, ("publisher", publisher), ("book", &with)]);
            let many = [publisher, &["works:has_many(books)"]].concat();
            let given = app(&[author, ("book", fields), ("publisher", &many)]);
            assert_eq!(read(&with, DECLARED), read(&given, DECLARED));
            assert_eq!(table(&with, "books"), table(&given, "books"));
            let declared = read(&given, "src/entities/publisher/mod.rs");
            for line in [
                "use crate::{\n    entities::book::Book,\n    schema::{books, publishers},\n};\n",
                "    relations(works = has_many(books::publisher_id -> Book))\n",
            ] {
                assert!(declared.contains(line), "{line}\n{declared}");
            }
        }
    }
}

#[test]
fn tables_that_refer_to_each_other_join_over_neither_column() {
    let app = app(&[
        ("book", &["title:string!"]),
        ("map", &["title:string!"]),
        (
            "publisher",
            &["best:ref(books)", "books:has_many", "maps:has_many"],
        ),
    ]);
    let schema = read(&app, "src/schema.rs");
    let joins = schema.matches("joinable!(").count();
    assert_eq!(joins, 1, "{schema}");
    assert!(
        schema.contains("joinable!(maps -> publishers (publisher_id));"),
        "{schema}"
    );
}

#[test]
fn who_cannot_be_given_a_reference_is_told_why() {
    let book: (&str, &[&str]) = ("book", &["title:string!"]);
    let full: Vec<_> = (0..24).map(|n| format!("a{n}:int")).collect();
    let full: Vec<_> = full.iter().map(String::as_str).collect();
    let plain = app(&[book]);
    for (app, field, says) in [
        (
            &plain,
            "maps:has_many",
            "`maps`, which is no entity's table; accepted are books; make that entity first, or \
            `publisher` without this and then that one with `publisher:ref(publishers)`",
        ),
        (
            &plain,
            "parts:has_many(publishers)",
            "`parent:ref(publishers)` has them refer to each other",
        ),
        (
            &app(&[("book", &["publisher_id:int"])]),
            "books:has_many",
            "they have `publisher_id` already",
        ),
        (
            &app(&[("book", &["publisher:string"])]),
            "books:has_many",
            "they have `publisher` already",
        ),
        (
            &app(&[("book", &full)]),
            "books:has_many",
            "they have 32 already, which is the most",
        ),
    ] {
        let told = plan(app, "publisher", &["name:string!", field]).expect_err(field);
        assert!(told.contains(says), "{told}");
    }
    plan(&plain, "publisher", &["name:string!", "books:has_many"])
        .expect("it is in the short form");
}

/// What is changed in a declaration that the scaffold wrote.
const BY_HAND: [(&str, &str); 8] = [
    (
        "    archivable\n",
        "    archivable,\n    create = BookCreate\n",
    ),
    (
        "    archivable\n",
        "    // By hand.\n    search = found,\n    archivable\n",
    ),
    (
        "    archivable\n",
        "    archivable,\n    relations(publisher = belongs_to(books::by -> Publisher))\n",
    ),
    (
        "pub struct Book {",
        "pub struct Book;\n\n/// A new book.\npub struct BookCreate {",
    ),
    ("    pub title: String,\n}", "    pub title: String\n}"),
    (
        "    pub title: String,\n",
        "    pub title: String,\n    /// Who publishes it.\n    pub publisher: String,\n",
    ),
    ("use crate::schema::books;\n", "use super::*;\n"),
    (
        "use crate::schema::books;\n",
        "use crate::{\n    // The table.\n    schema::books,\n};\n",
    ),
];

#[test]
fn what_is_written_in_another_form_is_left_alone_and_the_lines_are_told() {
    for (found, instead) in BY_HAND {
        let app = app(&[("book", &["title:string!"])]);
        let declared = read(&app, DECLARED);
        assert!(declared.contains(found), "{declared}");
        let declared = declared.replacen(found, instead, 1);
        fs::write(app.path().join(DECLARED), &declared).expect("it is ours");
        let fields = ["id:bigint", "name:string!", "works:has_many(books)"];
        let told = plan(&app, "publisher", &fields).expect_err(instead);
        for line in [
            DECLARED,
            "leave out `works:has_many`",
            "`publisher_id -> Nullable<BigInt>,` to books in src/schema.rs",
            "`pub publisher_id: Option<i64>` to the DTOs of `Book`",
            "`publisher = belongs_to(books::publisher_id -> Publisher)` to its relations",
            "`relations(works = has_many(books::publisher_id -> Book))` to `Publisher`",
        ] {
            assert!(told.contains(line), "{instead}: {told}");
        }
        assert_eq!(read(&app, DECLARED), declared);
        assert!(!Path::exists(&app.path().join("src/entities/publisher")));
    }
}
