//! The embedded files give the counts that OULAD promises, and a wrong row is named by file and line.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;

use super::*;

fn all<R: Record>() -> Vec<R> {
    let rows = Source::Embedded.rows().unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

fn read<R: Record>(csv: &'static [u8]) -> Vec<Result<R, String>> {
    let rows = Rows::new("x.csv".to_owned(), Box::new(csv)).unwrap();
    rows.map(|row| row.map_err(|error| error.to_string()))
        .collect()
}

fn code(module: &str, presentation: &str) -> PresentationCode {
    PresentationCode {
        module: module.to_owned(),
        presentation: presentation.to_owned(),
    }
}

#[test]
fn embedded_presentations_are_22() {
    let rows: Vec<Presentation> = all();
    assert_eq!(rows.len(), 22);
    assert_eq!(
        rows[0],
        Presentation {
            code: code("AAA", "2013J"),
            length_days: 268
        }
    );
    assert_eq!(
        rows[21],
        Presentation {
            code: code("GGG", "2014B"),
            length_days: 241
        }
    );
    assert_eq!(
        (rows[0].code.title(), rows[0].code.slug()),
        ("AAA 2013J".to_owned(), "aaa-2013j".to_owned())
    );
    assert_eq!(rows[0].category(), "AAA");
    assert_eq!(
        rows[0].properties(),
        json!({"code_presentation": "2013J", "module_presentation_length": 268})
    );
}

#[test]
fn embedded_assessments_are_206() {
    let rows: Vec<Assessment> = all();
    assert_eq!(rows.len(), 206);
    let first = Assessment {
        code: code("AAA", "2013J"),
        id: 1752,
        assessment_type: AssessmentType::Tma,
        due_day: Some(19),
        weight: 10.0,
    };
    let last = Assessment {
        code: code("GGG", "2014J"),
        id: 37444,
        assessment_type: AssessmentType::Exam,
        due_day: Some(229),
        weight: 100.0,
    };
    assert_eq!((&rows[0], &rows[205]), (&first, &last));
    assert_eq!(rows.iter().filter(|row| row.due_day.is_none()).count(), 11);
    assert_eq!(
        (first.title(), first.properties()),
        ("TMA 1752".to_owned(), json!({"id_assessment": 1752}))
    );
}

#[test]
fn embedded_materials_are_6364() {
    let rows: Vec<Material> = all();
    assert_eq!(rows.len(), 6364);
    let material = |presentation, id, position| Material {
        code: presentation,
        id,
        activity_type: "resource".to_owned(),
        week_from: None,
        week_to: None,
        position,
    };
    let first = material(code("AAA", "2013J"), 546_943, 1);
    assert_eq!(
        (&rows[0], &rows[6363]),
        (&first, &material(code("GGG", "2014J"), 897_100, 6364))
    );
    assert_eq!(
        rows.iter().filter(|row| row.week_from.is_none()).count(),
        5243
    );
    assert_eq!(first.title(), "resource 546943");
    assert_eq!(
        first.properties(),
        json!({"id_site": 546_943, "week_from": null, "week_to": null})
    );
}

#[test]
fn every_embedded_row_belongs_to_an_embedded_presentation() {
    let known: Vec<_> = all::<Presentation>()
        .into_iter()
        .map(|row| row.code)
        .collect();
    assert!(
        all::<Assessment>()
            .iter()
            .all(|row| known.contains(&row.code))
    );
    assert!(
        all::<Material>()
            .iter()
            .all(|row| known.contains(&row.code))
    );
}

#[test]
fn quoting_line_ends_order_of_columns_and_spaces_do_not_matter() {
    let row = StudentAssessment {
        id_assessment: 1752,
        id_student: 11391,
        date_submitted: -3,
        is_banked: true,
        score: None,
    };
    let bare = b"id_assessment,id_student,date_submitted,is_banked,score\n1752,11391,-3,1,\n";
    let quoted = b"\xEF\xBB\xBF\"score\",\"id_assessment\",\"id_student\",\"date_submitted\",\"is_banked\"\r\n\
                   \"\",\"1752\", 11391,\"-3\",\"1\"\r\n";
    assert_eq!(read(bare), [Ok(row.clone())]);
    assert_eq!(read(quoted), [Ok(row)]);
}

#[test]
fn student_rows_are_read() {
    let info = read::<StudentInfo>(
        b"code_module,code_presentation,id_student,gender,region,highest_education,imd_band,age_band,\
          num_of_prev_attempts,studied_credits,disability,final_result\n\
          AAA,2013J,11391,M,East Anglian Region,HE Qualification,,55<=,0,240,N,Pass\n",
    );
    let info = info[0].as_ref().unwrap();
    assert_eq!(
        (
            info.imd_band.as_deref(),
            info.age_band.as_str(),
            info.disability
        ),
        (None, "55<=", false)
    );
    assert_eq!(info.final_result, FinalResult::Pass);
    let registration = read::<StudentRegistration>(
        b"code_module,code_presentation,id_student,date_registration,date_unregistration\r\n\
          \"AAA\",\"2013J\",\"11391\",\"-159\",\"\"\r\n",
    );
    let registration = registration[0].as_ref().unwrap();
    assert_eq!(
        (
            registration.date_registration,
            registration.date_unregistration
        ),
        (Some(-159), None)
    );
}

#[test]
fn a_wrong_value_is_named_with_file_line_and_what_is_accepted_and_reading_goes_on() {
    let lf = b"code_module,code_presentation,id_assessment,assessment_type,date,weight\n\
               AAA,2013J,1752,TMA,19,10\n\
               AAA,2013J,1753,TMA,soon,20\n\
               AAA,2013J,1754,Essay,,20\n\
               AAA,2013J,1755,TMA,,NaN\n\
               AAA,2013X,1756,TMA,,0\n\
               AAA,2013J,,TMA,,0\n\
               AAA,2013J,1758\n\
               \n\
               AAA,2013J,1759,\xFF,,0\n\
               AAA,2013J,1760,Exam,,100";
    let crlf: Vec<u8> = lf
        .split_inclusive(|byte| *byte == b'\n')
        .flat_map(|line| match line.strip_suffix(b"\n") {
            Some(line) => [line, b"\r\n"].concat(),
            None => line.to_vec(),
        })
        .collect();
    let crlf: &'static [u8] = crlf.leak();
    let expected = [
        (
            1,
            "x.csv, line 3: date is \"soon\", but must be a whole number from -10000 to 10000 or empty",
        ),
        (
            2,
            "x.csv, line 4: assessment_type is \"Essay\", but must be one of TMA, CMA, Exam",
        ),
        (
            3,
            "x.csv, line 5: weight is \"NaN\", but must be a number from 0 to 100",
        ),
        (
            4,
            "x.csv, line 6: code_presentation is \"2013X\", but must be a year and B or J, such as 2013J",
        ),
        (
            5,
            "x.csv, line 7: id_assessment is empty, but must be a whole number from 1 to 2147483647",
        ),
        (
            6,
            "x.csv, line 8: the row has 3 fields, but must have 6, as the header has",
        ),
        (7, "x.csv, line 10: the row is not text in UTF-8"),
    ];
    for csv in [&lf[..], crlf] {
        let rows = read::<Assessment>(csv);
        assert_eq!(rows.len(), 9);
        assert!(rows[0].is_ok() && rows[8].is_ok());
        for (index, sentence) in expected {
            assert_eq!(rows[index].as_ref().unwrap_err(), sentence);
        }
    }
}

#[test]
fn a_wrong_header_is_refused() {
    let wrong: &[u8] = b"code_module,code_presentation,length\nAAA,2013J,268\n";
    let error = Rows::<Presentation>::new("x.csv".to_owned(), Box::new(wrong))
        .err()
        .unwrap();
    assert_eq!(
        error.to_string(),
        "x.csv, line 1: the header is \"code_module,code_presentation,length\", but must hold exactly the \
         columns code_module,code_presentation,module_presentation_length"
    );
}

#[test]
fn a_folder_may_hold_compressed_or_plain_files_and_a_missing_one_is_named() {
    let folder = std::env::temp_dir().join(format!("oulad-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let header = "code_module,code_presentation,module_presentation_length\n";
    std::fs::write(
        folder.join("courses.csv"),
        format!("{header}AAA,2013J,268\n"),
    )
    .unwrap();
    let source = Source::Folder(folder.clone());
    assert_eq!(source.rows::<Presentation>().unwrap().count(), 1);
    assert_eq!(source.lines::<Presentation>(), 1);

    let mut gz = GzEncoder::new(Vec::new(), Compression::fast());
    gz.write_all(format!("{header}AAA,2013J,268\nAAA,2014J,269\n").as_bytes())
        .unwrap();
    let gz = gz.finish().unwrap();
    std::fs::write(folder.join("courses.csv.gz"), &gz).unwrap();
    assert_eq!(source.rows::<Presentation>().unwrap().count(), 2);

    std::fs::write(folder.join("courses.csv.gz"), &gz[..gz.len() - 8]).unwrap();
    let last = source.rows::<Presentation>().unwrap().last().unwrap();
    assert!(
        last.unwrap_err()
            .message
            .starts_with("cannot be read to its end")
    );

    let missing = source.rows::<Material>().err().unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(
        missing.file.ends_with("vle.csv.gz")
            && missing.message.starts_with("there is no such file, nor")
    );
}

#[test]
fn student_tables_are_not_embedded() {
    let error = Source::Embedded.rows::<StudentInfo>().err().unwrap();
    assert!(
        error
            .to_string()
            .starts_with("studentInfo.csv.gz: is not part of this program")
    );
}
