-- A student in a course.
CREATE TABLE enrollments (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    student_id uuid NOT NULL,
    course_id uuid NOT NULL,
    enrolled_at timestamptz NOT NULL DEFAULT now(),
    completed_at timestamptz,
    final_result text COLLATE "C",
    version bigint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    created_by uuid,
    updated_by uuid,
    properties jsonb,
    archived_at timestamptz,
    CONSTRAINT pk_enrollments PRIMARY KEY (id),
    CONSTRAINT fk_enrollments_student_id FOREIGN KEY (student_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT fk_enrollments_course_id FOREIGN KEY (course_id) REFERENCES courses (id) ON DELETE CASCADE,
    CONSTRAINT ck_enrollments_final_result_length CHECK (length(final_result) BETWEEN 1 AND 50),
    CONSTRAINT fk_enrollments_created_by FOREIGN KEY (created_by) REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT fk_enrollments_updated_by FOREIGN KEY (updated_by) REFERENCES users (id) ON DELETE SET NULL
);

-- One enrolment at a time; whoever has left may come back.
CREATE UNIQUE INDEX uq_enrollments_student_course ON enrollments (student_id, course_id) WHERE archived_at IS NULL;
CREATE INDEX ix_enrollments_student_id ON enrollments (student_id);
CREATE INDEX ix_enrollments_course_id ON enrollments (course_id);
-- The default list: newest first among the rows that are not archived.
CREATE INDEX ix_enrollments_created ON enrollments (created_at DESC, id DESC) WHERE archived_at IS NULL;
CREATE INDEX ix_enrollments_created_by ON enrollments (created_by) WHERE created_by IS NOT NULL;
CREATE INDEX ix_enrollments_updated_by ON enrollments (updated_by) WHERE updated_by IS NOT NULL;
