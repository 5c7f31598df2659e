//! `q=`: words looked for in several columns, the same on both databases, against rows in memory.
//!
//! `WORDS_CASES` makes the random run longer; `TEST_SEED` repeats one.

use crud_core::testing::{Random, on_both};
use serde_json::json;
use tests::TestApp;

use crate::{
    rig::setting,
    steps::{draft, id, lesson, made, run},
};

fn query(path: &str, pairs: &[(&str, &str)]) -> String {
    let mut query = form_urlencoded::Serializer::new(format!("{path}?"));
    query.extend_pairs(pairs).finish()
}

on_both! {
    async fn words_are_found_whatever_their_order_and_case(app: TestApp) {
        for (title, description) in [
            ("Rust for beginners", Some("First steps in a systems language: ownership, data-race freedom.")),
            ("Data science", Some("Steps first; then R & Python.")),
            ("Ökologie", None),
            ("Rusty nails", Some("Kühlung, Größe and O'Neill")),
        ] {
            let body = json!({"title": title, "description": description, "is_published": true});
            made(&app.instructor(), "/courses", body).await;
        }
        for (q, titles) in [
            ("rust", vec!["Rust for beginners"]),
            ("RUST*", vec!["Rust for beginners", "Rusty nails"]),
            ("steps first", vec!["Data science", "Rust for beginners"]),
            ("\"first steps\"", vec!["Rust for beginners"]),
            ("first-steps", vec!["Rust for beginners"]),
            ("\"beginners first\"", vec![]),
            ("data -rust", vec!["Data science"]),
            ("-rust*", vec!["Data science", "Ökologie"]),
            ("-\"steps first\" data", vec!["Rust for beginners"]),
            ("ökologie", vec!["Ökologie"]),
            ("okologie", vec![]),
            ("GRÖSSE", vec![]),
            ("GRÖßE kühl*", vec!["Rusty nails"]),
            ("o'neill", vec!["Rusty nails"]),
            ("r python", vec!["Data science"]),
            ("data-r*", vec!["Rust for beginners"]),
            ("\"then r", vec!["Data science"]),
            ("' OR 1=1 --", vec![]),
            ("title:rust", vec![]),
            ("rust NOT beginners", vec![]),
        ] {
            let found = app.anonymous().get(&query("/courses", &[("q", q), ("sort", "title")])).await.is(200);
            assert_eq!(found.column("title"), titles, "{q}");
            assert_eq!(found.total(), titles.len() as u64, "{q}");
        }
        for q in ["", "*", "- ?", "\"\"", &"ä".repeat(201)] {
            let refused = app.anonymous().get(&query("/courses", &[("q", q)])).await.is_problem(422, "invalid");
            assert!(refused.faults()[0].0 == "q", "{refused}");
        }
        let both = query("/courses", &[("q", "rust"), ("q", "data")]);
        app.anonymous().get(&both).await.is_problem(400, "repeated_parameter");
        app.anonymous().get("/courses?q[eq]=rust").await.is_problem(400, "unknown_parameter");
        let either = query("/courses", &[("or", "q=ökologie|q=\"first steps\"")]);
        assert_eq!(app.anonymous().get(&either).await.is(200).total(), 2);
    }

    async fn words_follow_the_row_and_its_scope(app: TestApp) {
        let find = |q: &str| query("/courses", &[("q", q)]);
        let course = draft(&app.instructor(), "Alpha").await;
        assert_eq!(app.anonymous().get(&find("alpha")).await.is(200).total(), 0);
        assert_eq!(app.instructor().get(&find("alpha")).await.is(200).total(), 1);
        app.instructor().patch(&course, json!({"title": "Beta", "description": "gamma"})).await.is(200);
        for (q, total) in [("alpha", 0), ("beta", 1), ("gamma beta", 1), ("-gamma", 0)] {
            assert_eq!(app.instructor().get(&find(q)).await.is(200).total(), total, "{q}");
        }
        // Beside the API, too.
        run(&app, "UPDATE courses SET title = 'Delta' WHERE id = ?", id(&course)).await.expect("it is set");
        assert_eq!(app.instructor().get(&find("delta")).await.is(200).total(), 1);
        lesson(&app.instructor(), &course, 1).await;
        for (q, total) in [("delta", 1), ("beta", 0)] {
            let lessons = query("/lessons", &[("course.q", q)]);
            assert_eq!(app.instructor().get(&lessons).await.is(200).total(), total);
            assert_eq!(app.anonymous().get(&lessons).await.is(200).total(), 0);
        }
        app.instructor().patch(&format!("{course}/archive"), json!({})).await.is(200);
        assert_eq!(app.instructor().get(&find("delta")).await.is(200).total(), 0);
        let archived = query("/courses", &[("q", "delta"), ("archived", "any")]);
        assert_eq!(app.instructor().get(&archived).await.is(200).total(), 1);
        app.admin().delete(&course).await.is(204);
        assert_eq!(app.instructor().get(&archived).await.is(200).total(), 0);
    }

    async fn cursors_walk_what_was_found(app: TestApp) {
        let new: Vec<_> = (0..30).map(|n| json!({"title": format!("Post {n:02}"), "content": "same word",
            "published": n % 3 > 0})).collect();
        app.student().post("/posts/bulk", json!(new)).await.is(201);
        let mut page = query("/posts", &[("q", "\"same word\" -07"), ("sort", "title"), ("page_size", "7"), ("total", "none")]);
        let mut seen = Vec::new();
        loop {
            let reply = app.anonymous().get(&page).await.is(200);
            seen.extend(reply.column("title"));
            match reply.link("next") {
                Some(next) => page = next,
                None => break,
            }
        }
        let expected: Vec<_> = (0..30).filter(|n| n % 3 > 0 && *n != 7).map(|n| format!("Post {n:02}")).collect();
        assert_eq!(seen, expected);
    }

    // Random texts and questions, against the same said over rows in memory.
    async fn both_databases_find_the_words_that_are_there(app: TestApp) {
        let (mut random, cases) = (Random::new(), setting("WORDS_CASES", 200_usize));
        let mut posts = Vec::new();
        for n in 0..120 {
            let title = format!("{n} {}", text(&mut random, 3));
            posts.push([title, text(&mut random, 14)]);
        }
        let new: Vec<_> = posts.iter().map(|[title, content]| json!({"title": title, "content": content,
            "published": true})).collect();
        app.student().post("/posts/bulk", json!(new)).await.is(201);
        let (mut found, mut empty) = (0, 0);
        for _ in 0..cases {
            let terms: Vec<_> = (0..=random.below(3)).map(|_| Term::new(&mut random)).collect();
            let q: Vec<_> = terms.iter().map(Term::typed).collect();
            let q = q.join(*random.pick(&[" ", "  ", "\t"]));
            let mut expected: Vec<_> = posts.iter()
                .filter(|texts| terms.iter().all(|term| term.holds(*texts)))
                .map(|[title, _]| title.trim().to_owned()).collect();
            expected.sort();
            let path = query("/posts", &[("q", &q), ("sort", "title"), ("page_size", "100")]);
            let reply = app.anonymous().get(&path).await.is(200);
            assert_eq!(reply.total(), expected.len() as u64, "{q}");
            expected.truncate(100);
            assert_eq!(reply.column("title"), expected, "{q}");
            found += expected.len();
            empty += usize::from(expected.is_empty());
        }
        assert!(found > cases && empty < cases * 3 / 4, "{cases} cases, {found} rows, {empty} without any");
    }
}

const WORDS: [&str; 16] = [
    "rust", "Rust", "rusty", "data", "DATA", "Größe", "größe", "ÉCOLE", "école", "Ωmega", "ωmega",
    "x1", "42", "Ж", "ж", "日本",
];
const BETWEEN: [&str; 10] = [" ", ", ", "-", "'", "_", " — ", "…", "/", "\n", ") ("];

fn text(random: &mut Random, words: u64) -> String {
    let mut text = (*random.pick(&WORDS)).to_owned();
    for _ in 0..random.below(words) {
        text.push_str(random.pick::<&str>(&BETWEEN));
        text.push_str(random.pick::<&str>(&WORDS));
    }
    text
}

/// A part of a question.
struct Term {
    is_not: bool,
    is_quoted: bool,
    is_prefix: bool,
    words: Vec<&'static str>,
}

impl Term {
    fn new(random: &mut Random) -> Self {
        let is_quoted = random.below(3) == 0;
        let count = if is_quoted { 1 + random.below(3) } else { 1 };
        let is_prefix = !is_quoted && random.below(3) == 0;
        let words = (0..count).map(|_| *random.pick(&WORDS)).collect::<Vec<_>>();
        Self {
            is_not: random.below(3) == 0,
            is_quoted,
            is_prefix,
            words,
        }
    }

    fn typed(&self) -> String {
        let mut text = if self.is_not { "-" } else { "" }.to_owned();
        match self.is_quoted {
            true => text.push_str(&format!("\"{}\"", self.words.join(" "))),
            false => text.push_str(self.words[0]),
        }
        if self.is_prefix {
            text.push('*');
        }
        text
    }

    fn holds(&self, texts: &[String]) -> bool {
        let own: Vec<_> = self.words.iter().map(|word| word.to_lowercase()).collect();
        let in_one = |text: &String| {
            let words: Vec<_> = text
                .split(|letter: char| !letter.is_alphanumeric())
                .filter(|word| !word.is_empty())
                .map(str::to_lowercase)
                .collect();
            words.windows(own.len()).any(|part| match self.is_prefix {
                true => part[0].starts_with(&own[0]),
                false => part == own,
            })
        };
        texts.iter().any(in_one) != self.is_not
    }
}
