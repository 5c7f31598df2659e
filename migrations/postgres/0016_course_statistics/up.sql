-- What enrollments and submissions of a course add up to, as of `computed_at`. No entity: rows are computed, and anew at any time.
CREATE TABLE course_statistics (
    course_id uuid NOT NULL,
    enrolled bigint NOT NULL,
    withdrawn bigint NOT NULL,
    failed bigint NOT NULL,
    passed bigint NOT NULL,
    distinctions bigint NOT NULL,
    submissions bigint NOT NULL,
    average_score double precision,
    computed_at timestamptz NOT NULL,
    CONSTRAINT pk_course_statistics PRIMARY KEY (course_id),
    CONSTRAINT fk_course_statistics_course_id FOREIGN KEY (course_id) REFERENCES courses (id) ON DELETE CASCADE
);
