-- How far a student has come with one lesson of a course.
CREATE TABLE lesson_progress (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    enrollment_id uuid NOT NULL,
    lesson_id uuid NOT NULL,
    completed boolean NOT NULL DEFAULT false,
    completed_at timestamptz,
    version bigint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    created_by uuid,
    updated_by uuid,
    properties jsonb,
    archived_at timestamptz,
    CONSTRAINT pk_lesson_progress PRIMARY KEY (id),
    CONSTRAINT fk_lesson_progress_enrollment_id FOREIGN KEY (enrollment_id) REFERENCES enrollments (id) ON DELETE CASCADE,
    CONSTRAINT fk_lesson_progress_lesson_id FOREIGN KEY (lesson_id) REFERENCES lessons (id) ON DELETE CASCADE,
    CONSTRAINT fk_lesson_progress_created_by FOREIGN KEY (created_by) REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT fk_lesson_progress_updated_by FOREIGN KEY (updated_by) REFERENCES users (id) ON DELETE SET NULL
);

CREATE UNIQUE INDEX uq_lesson_progress_enrollment_lesson ON lesson_progress (enrollment_id, lesson_id);
CREATE INDEX ix_lesson_progress_lesson_id ON lesson_progress (lesson_id);
-- The default list: newest first among the rows that are not archived.
CREATE INDEX ix_lesson_progress_created ON lesson_progress (created_at DESC, id DESC) WHERE archived_at IS NULL;
CREATE INDEX ix_lesson_progress_created_by ON lesson_progress (created_by) WHERE created_by IS NOT NULL;
CREATE INDEX ix_lesson_progress_updated_by ON lesson_progress (updated_by) WHERE updated_by IS NOT NULL;
