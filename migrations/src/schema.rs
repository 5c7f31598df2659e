//! The tables of the LMS, as Diesel sees them on both databases.
//!
//! Entities, their search functions and the import use these names. A table changes together with a
//! migration for each database; `lms-server check` fails when the two drift apart. Nothing else belongs here.

diesel::table! {
    use crud_core::sql_types::*;

    /// People who sign in.
    users (id) {
        id -> Uuid,
        /// In lower case, and unique over archived rows too.
        email -> Text,
        full_name -> Text,
        /// Null: nobody can sign in.
        password_hash -> Nullable<Text>,
        /// `student`, `instructor` or `admin`.
        role -> Text,
        is_active -> Bool,
        /// Access tokens of an earlier generation are refused.
        token_generation -> BigInt,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_by -> Nullable<Uuid>,
        properties -> Nullable<Jsonb>,
        archived_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    use crud_core::sql_types::*;

    /// Bodies that own other things.
    organizations (id) {
        id -> Uuid,
        name -> Text,
        description -> Nullable<Text>,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_by -> Nullable<Uuid>,
        properties -> Nullable<Jsonb>,
        archived_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    use crud_core::sql_types::*;

    /// What an instructor teaches: here, one presentation of a course.
    courses (id) {
        id -> Uuid,
        title -> Text,
        /// Unique among the courses that are not archived.
        slug -> Text,
        description -> Nullable<Text>,
        category -> Nullable<Text>,
        /// `beginner`, `intermediate` or `advanced`.
        difficulty_level -> Nullable<Text>,
        is_published -> Bool,
        thumbnail_url -> Nullable<Text>,
        /// At least 1.
        estimated_duration_minutes -> Nullable<Integer>,
        metadata -> Nullable<Jsonb>,
        instructor_id -> Uuid,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_by -> Nullable<Uuid>,
        properties -> Nullable<Jsonb>,
        archived_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    use crud_core::sql_types::*;

    /// Parts of a course that group lessons; one may stand alone.
    modules (id) {
        id -> Uuid,
        title -> Text,
        description -> Nullable<Text>,
        course_id -> Nullable<Uuid>,
        /// The place within the course.
        order -> Integer,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_by -> Nullable<Uuid>,
        properties -> Nullable<Jsonb>,
        archived_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    use crud_core::sql_types::*;

    /// One piece of learning material of a course, in the course's own order.
    lessons (id) {
        id -> Uuid,
        course_id -> Uuid,
        module_id -> Nullable<Uuid>,
        title -> Text,
        content_type -> Text,
        content -> Nullable<Text>,
        video_url -> Nullable<Text>,
        /// At least 0.
        duration_minutes -> Nullable<Integer>,
        /// The place within the course.
        order -> Integer,
        metadata -> Nullable<Jsonb>,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_by -> Nullable<Uuid>,
        properties -> Nullable<Jsonb>,
        archived_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    use crud_core::sql_types::*;

    /// What is marked in a course.
    assessments (id) {
        id -> Uuid,
        course_id -> Uuid,
        title -> Text,
        assessment_type -> Text,
        /// Whole days after the start of the course.
        due_day -> Nullable<Integer>,
        /// The share of the final mark in percent, 0 to 100.
        weight -> Double,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_by -> Nullable<Uuid>,
        properties -> Nullable<Jsonb>,
        archived_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    use crud_core::sql_types::*;

    /// Students in courses.
    enrollments (id) {
        id -> Uuid,
        student_id -> Uuid,
        course_id -> Uuid,
        enrolled_at -> Timestamptz,
        /// Null until every lesson is done.
        completed_at -> Nullable<Timestamptz>,
        final_result -> Nullable<Text>,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_by -> Nullable<Uuid>,
        properties -> Nullable<Jsonb>,
        archived_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    use crud_core::sql_types::*;

    /// How far students have come with the lessons of their courses.
    lesson_progress (id) {
        id -> Uuid,
        enrollment_id -> Uuid,
        lesson_id -> Uuid,
        completed -> Bool,
        completed_at -> Nullable<Timestamptz>,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_by -> Nullable<Uuid>,
        properties -> Nullable<Jsonb>,
        archived_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    use crud_core::sql_types::*;

    /// What users write for others; a draft is its author's alone.
    posts (id) {
        id -> Uuid,
        title -> Text,
        content -> Text,
        published -> Bool,
        author_id -> Uuid,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_by -> Nullable<Uuid>,
        properties -> Nullable<Jsonb>,
        archived_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    use crud_core::sql_types::*;

    /// What a student handed in for an assessment. `submitted_day` counts from the start of the course; `is_banked`: carried over from an earlier presentation.
    submissions (id) {
        id -> Uuid,
        assessment_id -> Uuid,
        student_id -> Uuid,
        content -> Nullable<Text>,
        submitted_day -> Nullable<Integer>,
        is_banked -> Bool,
        score -> Nullable<Double>,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_by -> Nullable<Uuid>,
        properties -> Nullable<Jsonb>,
        archived_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    use crud_core::sql_types::*;

    /// That a student completed a course. Name and title are those of the day of issue; `code` is what others verify it by.
    certificates (id) {
        id -> Uuid,
        enrollment_id -> Uuid,
        user_email -> Text,
        recipient_name -> Text,
        course_title -> Text,
        result -> Nullable<Text>,
        code -> Text,
        issued_at -> Timestamptz,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_by -> Nullable<Uuid>,
        properties -> Nullable<Jsonb>,
        archived_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    use crud_core::sql_types::*;

    /// The example of the backend guide.
    examples (id) {
        id -> Uuid,
        name -> Text,
        description -> Nullable<Text>,
        is_active -> Bool,
        organization_id -> Nullable<Uuid>,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_by -> Nullable<Uuid>,
        properties -> Nullable<Jsonb>,
        archived_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    use crud_core::sql_types::*;

    /// The second example of the backend guide: what is made in a course.
    projects (id) {
        id -> Uuid,
        name -> Text,
        description -> Nullable<Text>,
        is_public -> Bool,
        course_id -> Uuid,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_by -> Nullable<Uuid>,
        properties -> Nullable<Jsonb>,
        archived_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    use crud_core::sql_types::*;

    /// What the enrollments and submissions of a course add up to. No entity: it is computed.
    course_statistics (course_id) {
        course_id -> Uuid,
        enrolled -> BigInt,
        withdrawn -> BigInt,
        failed -> BigInt,
        passed -> BigInt,
        distinctions -> BigInt,
        submissions -> BigInt,
        /// Null if no submission is scored.
        average_score -> Nullable<Double>,
        computed_at -> Timestamptz,
    }
}

diesel::table! {
    use crud_core::sql_types::*;

    /// What renews access tokens. No entity: no row of it is ever shown.
    refresh_tokens (id) {
        id -> Uuid,
        user_id -> Uuid,
        /// All that come of one sign-in.
        family -> Uuid,
        /// SHA-256 of the token, which itself is not kept.
        token_hash -> Binary,
        expires_at -> Timestamptz,
        /// When it was exchanged for the next one.
        used_at -> Nullable<Timestamptz>,
        /// When its family was ended.
        revoked_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
    }
}

// `created_by` and `updated_by` refer to users too; Diesel joins over one key per pair, so name them with `.on()`.
diesel::joinable!(courses -> users (instructor_id));
diesel::joinable!(modules -> courses (course_id));
diesel::joinable!(lessons -> courses (course_id));
diesel::joinable!(lessons -> modules (module_id));
diesel::joinable!(assessments -> courses (course_id));

diesel::joinable!(enrollments -> users (student_id));
diesel::joinable!(enrollments -> courses (course_id));
diesel::joinable!(lesson_progress -> enrollments (enrollment_id));
diesel::joinable!(lesson_progress -> lessons (lesson_id));
diesel::joinable!(posts -> users (author_id));
diesel::joinable!(submissions -> assessments (assessment_id));
diesel::joinable!(submissions -> users (student_id));
diesel::joinable!(certificates -> enrollments (enrollment_id));
diesel::joinable!(examples -> organizations (organization_id));
diesel::joinable!(projects -> courses (course_id));

diesel::allow_tables_to_appear_in_same_query!(
    users,
    organizations,
    courses,
    modules,
    lessons,
    assessments,
    enrollments,
    lesson_progress,
    posts,
    submissions,
    certificates,
    examples,
    projects,
);
