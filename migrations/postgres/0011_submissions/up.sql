-- What a student handed in for an assessment. `submitted_day` counts from the start of the course; `is_banked`: carried over from an earlier presentation.
CREATE TABLE submissions (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    assessment_id uuid NOT NULL,
    student_id uuid NOT NULL,
    content text COLLATE "C",
    submitted_day integer,
    is_banked boolean NOT NULL DEFAULT false,
    score double precision,
    version bigint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    created_by uuid,
    updated_by uuid,
    properties jsonb,
    archived_at timestamptz,
    CONSTRAINT pk_submissions PRIMARY KEY (id),
    CONSTRAINT fk_submissions_assessment_id FOREIGN KEY (assessment_id) REFERENCES assessments (id) ON DELETE CASCADE,
    CONSTRAINT fk_submissions_student_id FOREIGN KEY (student_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT fk_submissions_created_by FOREIGN KEY (created_by) REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT fk_submissions_updated_by FOREIGN KEY (updated_by) REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT ck_submissions_score CHECK (score BETWEEN 0 AND 100)
);

-- One submission of a student for an assessment.
CREATE UNIQUE INDEX uq_submissions_assessment_student ON submissions (assessment_id, student_id) WHERE archived_at IS NULL;
CREATE INDEX ix_submissions_assessment_id ON submissions (assessment_id);
CREATE INDEX ix_submissions_student_id ON submissions (student_id);
-- The default list: newest first among the rows that are not archived.
CREATE INDEX ix_submissions_created ON submissions (created_at DESC, id DESC) WHERE archived_at IS NULL;
CREATE INDEX ix_submissions_created_by ON submissions (created_by) WHERE created_by IS NOT NULL;
CREATE INDEX ix_submissions_updated_by ON submissions (updated_by) WHERE updated_by IS NOT NULL;
