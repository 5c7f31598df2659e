//! The import of the Open University's records, all of them, as a user runs it.

use std::{
    collections::{BTreeMap, HashMap, hash_map::DefaultHasher},
    fs,
    hash::{Hash as _, Hasher as _},
    io::{BufRead as _, BufReader, Read as _},
    path::{Path, PathBuf},
    process::Stdio,
    sync::LazyLock,
};

use crud_core::{
    db::DbKind,
    prelude::*,
    testing::{Reply, on_both},
};
use flate2::read::MultiGzDecoder;
use lms_server::{
    import::{self, Imported, Report, oulad::Source},
    roles::Role,
};
use tests::TestApp;

use crate::{
    commands::{command, said},
    steps::{count, texts},
};

/// Every table that the import writes.
const TABLES: [&str; 9] = [
    "users",
    "courses",
    "assessments",
    "lessons",
    "enrollments",
    "lesson_progress",
    "certificates",
    "submissions",
    "course_statistics",
];

/// The folder with all files.
pub(crate) fn oulad() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../lms-server/data/oulad")
}

pub(crate) async fn load(app: &TestApp, folder: PathBuf) -> (Imported, Report) {
    let admin = Principal::user(app.admin().id(), Role::Admin.as_str());
    let loaded = import::load(&app.lms, &Source::Folder(folder), &admin).await;
    loaded.expect("the files can be imported")
}

/// Runs the import as its own process, and kills it once it has said this.
fn killed_after(app: &TestApp, sentence: &str) {
    let folder = oulad();
    let arguments = ["import", "oulad", folder.to_str().expect("a path in UTF-8")];
    let mut import = command(app, &arguments)
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let lines = BufReader::new(import.stderr.take().expect("it is piped"));
    let mut lines = lines.lines().map_while(Result::ok);
    let found = lines.any(|line| line == sentence);
    import.kill().expect("it runs");
    import.wait().expect("it ends");
    assert!(found, "the import never said `{sentence}`");
}

/// What a table holds, to the last column.
async fn checksum(app: &TestApp, table: &str) -> u64 {
    let rows = match app.kind {
        DbKind::Sqlite => {
            let columns =
                format!("SELECT 'quote(\"' || name || '\")' FROM pragma_table_info('{table}')");
            let row = texts(app, &columns).await.join(" || ',' || ");
            texts(app, &format!("SELECT {row} AS row FROM {table} ORDER BY 1")).await
        }
        DbKind::Postgres => texts(app, &format!("SELECT t::text FROM {table} t ORDER BY 1")).await,
    };
    let mut hasher = DefaultHasher::new();
    rows.hash(&mut hasher);
    hasher.finish()
}

async fn checksums(app: &TestApp) -> Vec<u64> {
    let mut sums = Vec::new();
    for table in TABLES {
        sums.push(checksum(app, table).await);
    }
    sums
}

/// The rows of a file by column, read by other code than the import's.
fn rows(file: &str) -> Vec<HashMap<String, String>> {
    let file = fs::File::open(oulad().join(format!("{file}.csv.gz"))).expect("the file is there");
    let mut text = String::new();
    MultiGzDecoder::new(file)
        .read_to_string(&mut text)
        .expect("text");
    let split = |line: &str| -> Vec<String> {
        // No field of these files holds a comma or a quote.
        line.split(',')
            .map(|field| field.trim_matches('"').to_owned())
            .collect()
    };
    let mut lines = text.lines();
    let header = split(lines.next().expect("a header"));
    let row = |line: &str| {
        let fields = split(line);
        assert_eq!(fields.len(), header.len(), "{line}");
        header.iter().cloned().zip(fields).collect()
    };
    lines.map(row).collect()
}

/// The figures of a presentation.
#[derive(Debug, Default, PartialEq)]
struct Figures {
    enrolled: u64,
    withdrawn: u64,
    failed: u64,
    passed: u64,
    distinctions: u64,
    submissions: u64,
    scores: Vec<f64>,
}

/// The figures of every presentation by its slug, counted in the files once for both databases.
static COUNTED: LazyLock<BTreeMap<String, Figures>> = LazyLock::new(counted);

fn counted() -> BTreeMap<String, Figures> {
    let slug = |row: &HashMap<String, String>| {
        format!("{}-{}", row["code_module"], row["code_presentation"]).to_lowercase()
    };
    let mut figures: BTreeMap<String, Figures> = BTreeMap::new();
    for row in rows("courses") {
        figures.insert(slug(&row), Figures::default());
    }
    for row in rows("studentInfo") {
        let course = figures.get_mut(&slug(&row)).expect("a presentation");
        course.enrolled += 1;
        match row["final_result"].as_str() {
            "Withdrawn" => course.withdrawn += 1,
            "Fail" => course.failed += 1,
            "Pass" => course.passed += 1,
            "Distinction" => course.distinctions += 1,
            other => panic!("{other}"),
        }
    }
    let assessments = rows("assessments");
    let slugs: HashMap<_, _> = assessments
        .iter()
        .map(|row| (&row["id_assessment"], slug(row)))
        .collect();
    for row in rows("studentAssessment") {
        let course = figures
            .get_mut(&slugs[&row["id_assessment"]])
            .expect("a presentation");
        course.submissions += 1;
        course.scores.extend(row["score"].parse::<f64>());
    }
    figures
}

fn is(reply: &Reply, expected: &Figures) {
    let found = |name: &str| reply[name].as_u64().expect("a number");
    let found = Figures {
        enrolled: found("enrolled"),
        withdrawn: found("withdrawn"),
        failed: found("failed"),
        passed: found("passed"),
        distinctions: found("distinctions"),
        submissions: found("submissions"),
        scores: expected.scores.clone(),
    };
    assert_eq!(&found, expected);
    let scored = u32::try_from(expected.scores.len()).expect("not so many");
    let average = expected.scores.iter().sum::<f64>() / f64::from(scored);
    let found = reply["average_score"].as_f64().expect("there are scores");
    assert!((found - average).abs() < 1e-9, "{found} and not {average}");
}

/// The rows of a table that a condition is true for.
async fn counts(app: &TestApp, table: &str, condition: &str) -> i64 {
    count(app, &format!("{table} WHERE {condition}")).await
}

on_both! {
    // One test, since every import takes its seconds.
    async fn an_import_that_was_killed_twice_is_complete_and_its_statistics_are_the_files_own(app: TestApp) {
        let users = count(&app, "users").await;
        killed_after(&app, "students: 6519 of 32593");
        let students = count(&app, "enrollments").await;
        assert!((6_000..32_593).contains(&students), "{students}");
        killed_after(&app, "submissions: 34783 of 173912");
        let submissions = count(&app, "submissions").await;
        assert!((34_000..173_912).contains(&submissions), "{submissions}");
        let (new, report) = load(&app, oulad()).await;
        assert_eq!((report.count, new.users, new.enrollments), (0, 0, 0));
        assert_eq!(i64::try_from(new.submissions), Ok(173_912 - submissions));

        assert_eq!(count(&app, "users").await, users + 28_785);
        assert_eq!(counts(&app, "users", "password_hash IS NULL AND role = 'student'").await, 28_785);
        assert_eq!(count(&app, "enrollments").await, 32_593);
        assert_eq!(counts(&app, "enrollments", "archived_at IS NOT NULL").await, 10_156);
        let archived = "archived_at IS NOT NULL AND final_result = 'Withdrawn'";
        assert_eq!(counts(&app, "enrollments", archived).await, 10_156);
        assert_eq!(count(&app, "certificates").await, 15_385);
        let (once, all) = ("SELECT DISTINCT enrollment_id", "certificates");
        assert_eq!(count(&app, &format!("({once} FROM {all}) c")).await, 15_385);
        assert_eq!(count(&app, "submissions").await, 173_912);
        assert_eq!(counts(&app, "submissions", "score IS NULL").await, 173);
        assert_eq!(counts(&app, "submissions", "is_banked").await, 1_909);
        assert_eq!(count(&app, "lesson_progress").await, 0);

        let (stranger, expected) = (app.anonymous(), &*COUNTED);
        assert_eq!(expected.len(), 22);
        for (slug, expected) in expected {
            let course = stranger.get(&format!("/courses?slug={slug}")).await.is(200);
            let id = course.items()[0]["id"].as_str().expect("an id").to_owned();
            let reply = stranger.get(&format!("/courses/{id}/statistics")).await.is(200);
            is(&reply, expected);
        }

        let before = checksums(&app).await;
        let (new, report) = load(&app, oulad()).await;
        assert_eq!((new, report.count), (Imported::default(), 0));
        assert_eq!(checksums(&app).await, before);
    }

    async fn columns_without_a_field_go_into_properties(app: TestApp) {
        let folder = folder(&SMALL);
        load(&app, folder.path().to_owned()).await;
        let of = async |path: &str| app.admin().get(path).await.is(200).items()[0].clone();
        let user = of("/users?email=student-11@oulad.example").await;
        assert_eq!((&user["full_name"], &user["role"]), (&"Student 11".into(), &"student".into()));
        assert_eq!(user["is_active"], true);
        let path = format!("/users/{}", user["id"].as_str().expect("an id"));
        let user = app.admin().get(&path).await.is(200);
        assert_eq!(user["properties"], serde_json::json!({"id_student": 11}));
        let enrollment = of(&format!("/enrollments?student_id={}", user.id())).await;
        assert_eq!(enrollment["enrolled_at"], "2013-09-01T00:00:00.000000Z");
        assert_eq!(enrollment["final_result"], "Pass");
        let path = format!("/enrollments/{}", enrollment["id"].as_str().expect("an id"));
        let properties = app.admin().get(&path).await.is(200)["properties"].clone();
        let expected = serde_json::json!({"gender": "M", "region": "Scotland", "highest_education": "HE",
            "imd_band": null, "age_band": "0-35", "num_of_prev_attempts": 0, "studied_credits": 60,
            "disability": "N", "date_registration": -30, "date_unregistration": null});
        assert_eq!(properties, expected);
        let withdrawn = of("/enrollments?archived=true").await;
        assert_eq!(withdrawn["archived_at"], "2013-10-13T00:00:00.000000Z");
        let submission = of(&format!("/submissions?student_id={}", user.id())).await;
        assert_eq!((&submission["submitted_day"], &submission["score"]), (&18.into(), &78.0.into()));
        let certificate = "SELECT course_title || ' ' || result || ' ' || recipient_name FROM certificates";
        assert_eq!(texts(&app, certificate).await, ["AAA 2013J Pass Student 11"]);
        let code = &texts(&app, "SELECT code FROM certificates").await[0];
        let groups: Vec<_> = code.split('-').map(str::len).collect();
        assert_eq!(groups, [5; 5], "{code}");
    }

    async fn wrong_rows_are_named_and_stop_nothing_else(app: TestApp) {
        let mut files = SMALL.to_vec();
        files.extend(WRONG);
        let wrong = folder(&files);
        let (new, report) = load(&app, wrong.path().to_owned()).await;
        let told: Vec<_> = report.faults.iter().map(ToString::to_string).collect();
        let told: Vec<_> = told.iter().map(|t| t.rsplit('/').next().expect("a name")).collect();
        assert_eq!(told, TOLD);
        assert_eq!(report.count, TOLD.len());
        assert_eq!((new.courses, new.assessments, new.lessons), (1, 2, 1));
        assert_eq!((new.users, new.enrollments, new.certificates, new.submissions), (2, 2, 1, 1));

        let path = wrong.path().to_str().expect("a path in UTF-8").to_owned();
        let output = command(&app, &["import", "oulad", &path]).output().expect("it starts");
        let told = said(&output, false);
        assert!(told.contains("studentAssessment.csv, line 4: "), "{told}");
        assert!(told.contains("11 rows are wrong, as said above, and were left out"), "{told}");
        assert_eq!(count(&app, "submissions").await, 1);
    }

    async fn a_missing_file_is_named(app: TestApp) {
        let folder = folder(&SMALL[..5]);
        let path = folder.path().to_str().expect("a path in UTF-8");
        let told = said(&command(&app, &["import", "oulad", path]).output().expect("it starts"), false);
        assert!(told.contains("studentAssessment.csv"), "{told}");
        assert!(told.contains("there is no such file"), "{told}");
        assert_eq!(count(&app, "courses").await, 0);
    }
}

/// A folder with these files: each with its header, then what follows for the same name.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let mut texts: BTreeMap<&str, String> = BTreeMap::new();
    for (name, text) in files {
        texts.entry(name).or_default().push_str(text);
    }
    for (name, text) in texts {
        fs::write(folder.path().join(format!("{name}.csv")), text).expect("it can be written");
    }
    folder
}

const SMALL: [(&str, &str); 6] = [
    (
        "courses",
        "code_module,code_presentation,module_presentation_length\nAAA,2013J,268\n",
    ),
    (
        "assessments",
        "code_module,code_presentation,id_assessment,assessment_type,date,weight\nAAA,2013J,1,TMA,19,10\n\
         AAA,2013J,2,TMA,,20\n",
    ),
    (
        "vle",
        "id_site,code_module,code_presentation,activity_type,week_from,week_to\n5,AAA,2013J,quiz,,\n",
    ),
    (
        "studentInfo",
        "code_module,code_presentation,id_student,gender,region,highest_education,imd_band,age_band,\
         num_of_prev_attempts,studied_credits,disability,final_result\n\
         AAA,2013J,11,M,Scotland,HE,,0-35,0,60,N,Pass\n\
         AAA,2013J,12,F,Wales,HE,0-10%,55<=,1,60,Y,Withdrawn\n",
    ),
    (
        "studentRegistration",
        "code_module,code_presentation,id_student,date_registration,date_unregistration\n\
         AAA,2013J,12,-5,12\nAAA,2013J,11,-30,\n",
    ),
    (
        "studentAssessment",
        "id_assessment,id_student,date_submitted,is_banked,score\n1,11,18,0,78\n",
    ),
];

const WRONG: [(&str, &str); 6] = [
    ("courses", "AAA,2013J,269\n"),
    ("assessments", "ZZZ,2013J,3,TMA,19,10\nAAA,2013J,2,CMA,,1\n"),
    ("vle", "6,AAA,2013Q,quiz,,\n"),
    (
        "studentInfo",
        "AAA,2013J,eleven,M,Wales,HE,,0-35,0,60,N,Pass\nAAA,2013J,11,M,Wales,HE,,0-35,0,60,N,Fail\n\
         BBB,2014B,13,M,Wales,HE,,0-35,0,60,N,Pass\n",
    ),
    ("studentRegistration", "AAA,2013J,14,1,\n"),
    (
        "studentAssessment",
        "1,11,19,0,80\n1,12,18,0,101\n9,11,18,0,1\n",
    ),
];

const TOLD: [&str; 11] = [
    "courses.csv, line 3: AAA 2013J is in the file twice",
    "assessments.csv, line 4: `courses` has no presentation ZZZ 2013J",
    "assessments.csv, line 5: the assessment 2 is in the file twice",
    "vle.csv, line 3: code_presentation is \"2013Q\", but must be a year and B or J, such as 2013J",
    "studentInfo.csv, line 4: id_student is \"eleven\", but must be a whole number from 1 to 2147483647",
    "studentInfo.csv, line 5: the student 11 is in AAA 2013J twice",
    "studentInfo.csv, line 6: `courses` has no presentation BBB 2014B",
    "studentRegistration.csv, line 4: the student 14 is not in AAA 2013J by `studentInfo`",
    "studentAssessment.csv, line 3: the student 11 has handed in for the assessment 1 already",
    "studentAssessment.csv, line 4: score is \"101\", but must be a number from 0 to 100 or empty",
    "studentAssessment.csv, line 5: `assessments` has no assessment 9",
];
