//! Many rows at once, in the operations' own types.

use crud_core::{Error, dto::Assignments, prelude::*, testing::on_both};
use lms_server::{
    entities::{
        enrollment::{Enrollment, EnrollmentCreate},
        organization::{Organization, OrganizationCreate},
        user::{User, UserCreate},
    },
    roles::Role,
    schema::users,
};
use tests::TestApp;

use crate::steps::{count, id, lesson, published};

fn organization(name: String) -> OrganizationCreate {
    serde_json::from_value(serde_json::json!({ "name": name })).expect("a body")
}

on_both! {
    async fn many_rows_come_back_in_the_order_they_were_given(app: TestApp) {
        let admin = Principal::user(app.admin().id(), Role::Admin.as_str());
        let names: Vec<_> = (0..1203).map(|n| format!("Organization {n}")).collect();
        let mut new: Vec<_> = names.iter().cloned().map(organization).collect();
        // Other columns than the rest.
        new[7].description = Some("With one".to_owned());
        let rows = app.lms.app.on_behalf(&admin).create_many::<Organization>(new).await.unwrap();
        let found: Vec<_> = rows.iter().map(|row| row.name.clone()).collect();
        assert_eq!(found, names);
        assert_eq!(rows[7].description.as_deref(), Some("With one"));
        assert!(rows.iter().all(|row| row.version == 0 && row.created_by == admin.id()));
        assert_eq!(count(&app, "organizations").await, 1203);
    }

    async fn of_many_rows_all_are_written_or_none(app: TestApp) {
        let admin = Principal::user(app.admin().id(), Role::Admin.as_str());
        let cx = app.lms.app.on_behalf(&admin);
        let mut new: Vec<_> = (0..300).map(|n| organization(format!("{n}"))).collect();
        new[260].name = String::new();
        match cx.create_many::<Organization>(new).await.map(|rows| rows.len()) {
            Err(Error::Invalid(faults)) => assert_eq!(faults[0].pointer.as_deref(), Some("/260/name")),
            other => panic!("{other:?}"),
        }
        let student = Principal::user(app.student().id(), Role::Student.as_str());
        let cx = app.lms.app.on_behalf(&student);
        let refused = cx.create_many::<Organization>(vec![organization("Mine".to_owned())]).await;
        assert!(matches!(refused.map(|rows| rows.len()), Err(Error::Forbidden(_))));
        assert_eq!(count(&app, "organizations").await, 0);
    }

    // The verdict of the policy on each row, and the hooks of each.
    async fn many_rows_take_the_way_of_one(app: TestApp) {
        let mut courses = Vec::new();
        for title in ["One", "Two"] {
            let course = published(&app.instructor(), title).await;
            lesson(&app.instructor(), &course, 1).await;
            courses.push(id(&course).parse::<Uuid>().expect("a UUID"));
        }
        let enrolling = |student: Option<Uuid>, n: usize| EnrollmentCreate {
            course_id: courses[n],
            student_id: student,
            properties: None,
        };
        let student = Principal::user(app.student().id(), Role::Student.as_str());
        let cx = app.lms.app.on_behalf(&student);
        let other = Some(app.other_student().id());
        let refused = cx.create_many::<Enrollment>(vec![enrolling(None, 0), enrolling(other, 1)]).await;
        match refused.map(|rows| rows.len()) {
            Err(Error::Item { error, errors }) => {
                assert!(matches!(*error, Error::Forbidden(_)), "{error:?}");
                assert_eq!(errors[0].pointer.as_deref(), Some("/1"));
            }
            other => panic!("{other:?}"),
        }
        let twice = cx.create_many::<Enrollment>(vec![enrolling(None, 0), enrolling(None, 0)]).await;
        match twice.map(|rows| rows.len()) {
            Err(Error::Conflict { code, errors, .. }) => {
                assert_eq!((code, errors[0].pointer.as_deref()), ("enrolled", Some("/1")));
            }
            other => panic!("{other:?}"),
        }
        assert_eq!((count(&app, "enrollments").await, count(&app, "lesson_progress").await), (0, 0));
        cx.create_many::<Enrollment>(vec![enrolling(None, 0), enrolling(None, 1)]).await.unwrap();
        assert_eq!((count(&app, "enrollments").await, count(&app, "lesson_progress").await), (2, 2));
    }

    async fn a_conflict_among_many_rows_is_named_by_its_index(app: TestApp) {
        let system = Principal::system();
        let cx = app.lms.app.on_behalf(&system);
        let user = |n: usize| -> UserCreate {
            let body = serde_json::json!({"email": format!("{n}@test.example"), "full_name": "New"});
            serde_json::from_value(body).expect("a body")
        };
        let mut new: Vec<_> = (0..300).map(user).collect();
        new[255].email = "17@test.example".to_owned();
        let before = count(&app, "users").await;
        match cx.create_many::<User>(new).await.map(|rows| rows.len()) {
            Err(Error::Conflict { errors, .. }) => {
                assert_eq!(errors[0].pointer.as_deref(), Some("/255/email"));
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(count(&app, "users").await, before);
    }

    async fn rows_without_a_body_are_for_who_may_write_any(app: TestApp) {
        let before = count(&app, "users").await;
        let row = || {
            let mut set = Assignments::<users::table>::default();
            set.set(users::email, "new@test.example");
            set.set(users::full_name, "New");
            set
        };
        let student = Principal::user(app.student().id(), Role::Student.as_str());
        let refused = app.lms.app.on_behalf(&student).insert_many::<User>(vec![row()]).await;
        assert!(matches!(refused, Err(Error::Forbidden(_))));
        let system = Principal::system();
        let cx = app.lms.app.on_behalf(&system);
        let twice = cx.insert_many::<User>(vec![row(), row()]).await;
        assert!(matches!(twice, Err(Error::Conflict { code: "unique", .. })), "{twice:?}");
        assert_eq!(count(&app, "users").await, before);
        let ids = cx.insert_many::<User>(vec![row()]).await.unwrap();
        assert_eq!(cx.get::<User>(ids[0]).await.unwrap().email, "new@test.example");
    }
}
