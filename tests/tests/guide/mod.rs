//! docs/QUICKSTART.md, docs/GUIDE.md and docs/COOKBOOK.md are followed step by step, from an empty folder, and their answers are compared. So
//! what a newcomer reads is what works. `GUIDE_STEPS=1` prints each step while it is done.

mod blocks;
mod place;

use std::{fs, path::Path, time::Instant};

use crud_core::{
    db::DbKind,
    testing::{Redis, TestDb},
};

use self::{
    blocks::{What, answers, changed, steps},
    place::Place,
};

fn file(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    fs::read_to_string(path).expect("it is there")
}

/// Does what a document says, or panics with the line where it does not work.
fn follow(name: &str, document: &str, place: &mut Place) {
    let (mut said, shown) = (String::new(), std::env::var_os("GUIDE_STEPS").is_some());
    for step in steps(document) {
        let begun = Instant::now();
        let at = format!("{name}:{}", step.line);
        match &step.what {
            What::Write { path, text } => place.write(path, text),
            What::Append { path, text } => {
                place.write(path, &format!("{}\n{text}", place.read(path)));
            }
            What::Change { path, diff } => match changed(&place.read(path), diff) {
                Ok(text) => place.write(path, &text),
                Err(told) => panic!("{at}: {path}: {told}"),
            },
            What::Run(commands) => {
                let done = place.run(commands);
                said = done.unwrap_or_else(|told| panic!("{at} fails\n{commands}\n{told}"));
            }
            What::Answer { text, is_json } => assert!(
                answers(&said, text, *is_json),
                "{at}: it says\n{said}\ninstead of\n{text}"
            ),
        }
        if shown {
            eprintln!("{at} {:?}", begun.elapsed());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_guide_and_the_cookbook_work_as_they_stand() {
    let mut place = Place::new("campus");
    let empty = TestDb::from_template(DbKind::Postgres, "empty", async |_| Ok::<(), String>(()));
    let empty = empty.await.expect("a PostgreSQL database");
    place.replace("postgres://user:password@host/campus", empty.url());
    let redis = Redis::start().expect("a Redis");
    place.replace("redis://host:6379", redis.url());
    tokio::task::block_in_place(|| {
        // The cookbook begins where the guide ends.
        for document in ["docs/GUIDE.md", "docs/COOKBOOK.md"] {
            follow(document, &file(document), &mut place);
        }
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn the_quickstart_works_as_it_stands() {
    let mut place = Place::new("library");
    tokio::task::block_in_place(|| {
        follow(
            "docs/QUICKSTART.md",
            &file("docs/QUICKSTART.md"),
            &mut place,
        );
    });
}

/// The guide's two walks are the LMS's own declarations.
#[test]
fn the_walks_of_the_guide_are_the_entities_of_the_lms() {
    let guide = file("docs/GUIDE.md");
    for (entity, begins) in [
        ("example", "/// The example of the backend guide."),
        ("project", "/// What is made in a course."),
    ] {
        let text = file(&format!("lms-server/src/entities/{entity}/mod.rs"));
        let declared = text.find(begins).map(|at| text[at..].trim_end());
        let declared = declared.expect("the declaration is there");
        assert!(guide.contains(declared), "the guide has another `{entity}`");
    }
}
