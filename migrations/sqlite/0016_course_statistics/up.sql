-- What enrollments and submissions of a course add up to, as of `computed_at`. No entity: rows are computed, and anew at any time.
CREATE TABLE course_statistics (
    course_id BLOB NOT NULL,
    enrolled INTEGER NOT NULL,
    withdrawn INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    passed INTEGER NOT NULL,
    distinctions INTEGER NOT NULL,
    submissions INTEGER NOT NULL,
    average_score REAL,
    computed_at INTEGER NOT NULL,
    CONSTRAINT pk_course_statistics PRIMARY KEY (course_id),
    CONSTRAINT fk_course_statistics_course_id FOREIGN KEY (course_id) REFERENCES courses (id) ON DELETE CASCADE,
    CONSTRAINT ty_course_statistics_course_id CHECK (length(course_id) = 16)
) STRICT;
