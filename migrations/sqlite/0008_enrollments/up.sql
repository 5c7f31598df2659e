-- A student in a course.
CREATE TABLE enrollments (
    id BLOB NOT NULL DEFAULT (randomblob(16)),
    student_id BLOB NOT NULL,
    course_id BLOB NOT NULL,
    enrolled_at INTEGER NOT NULL DEFAULT (CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER) * 1000),
    completed_at INTEGER,
    final_result TEXT,
    version INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL DEFAULT (CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER) * 1000),
    updated_at INTEGER NOT NULL DEFAULT (CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER) * 1000),
    created_by BLOB,
    updated_by BLOB,
    properties TEXT,
    archived_at INTEGER,
    CONSTRAINT pk_enrollments PRIMARY KEY (id),
    CONSTRAINT fk_enrollments_student_id FOREIGN KEY (student_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT fk_enrollments_course_id FOREIGN KEY (course_id) REFERENCES courses (id) ON DELETE CASCADE,
    CONSTRAINT ck_enrollments_final_result_length CHECK (length(final_result) BETWEEN 1 AND 50),
    CONSTRAINT fk_enrollments_created_by FOREIGN KEY (created_by) REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT fk_enrollments_updated_by FOREIGN KEY (updated_by) REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT ty_enrollments_id CHECK (length(id) = 16),
    CONSTRAINT ty_enrollments_student_id CHECK (length(student_id) = 16),
    CONSTRAINT ty_enrollments_course_id CHECK (length(course_id) = 16),
    CONSTRAINT ty_enrollments_created_by CHECK (length(created_by) = 16),
    CONSTRAINT ty_enrollments_updated_by CHECK (length(updated_by) = 16),
    CONSTRAINT ty_enrollments_properties CHECK (properties IS NULL OR json_valid(properties))
) STRICT;

-- One enrolment at a time; whoever has left may come back.
CREATE UNIQUE INDEX uq_enrollments_student_course ON enrollments (student_id, course_id) WHERE archived_at IS NULL;
CREATE INDEX ix_enrollments_student_id ON enrollments (student_id);
CREATE INDEX ix_enrollments_course_id ON enrollments (course_id);
-- The default list: newest first among the rows that are not archived.
CREATE INDEX ix_enrollments_created ON enrollments (created_at DESC, id DESC) WHERE archived_at IS NULL;
CREATE INDEX ix_enrollments_created_by ON enrollments (created_by) WHERE created_by IS NOT NULL;
CREATE INDEX ix_enrollments_updated_by ON enrollments (updated_by) WHERE updated_by IS NOT NULL;
