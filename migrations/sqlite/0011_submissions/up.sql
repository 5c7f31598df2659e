-- What a student handed in for an assessment. `submitted_day` counts from the start of the course; `is_banked`: carried over from an earlier presentation.
CREATE TABLE submissions (
    id BLOB NOT NULL DEFAULT (randomblob(16)),
    assessment_id BLOB NOT NULL,
    student_id BLOB NOT NULL,
    content TEXT,
    submitted_day INTEGER,
    is_banked INTEGER NOT NULL DEFAULT 0,
    score REAL,
    version INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL DEFAULT (CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER) * 1000),
    updated_at INTEGER NOT NULL DEFAULT (CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER) * 1000),
    created_by BLOB,
    updated_by BLOB,
    properties TEXT,
    archived_at INTEGER,
    CONSTRAINT pk_submissions PRIMARY KEY (id),
    CONSTRAINT fk_submissions_assessment_id FOREIGN KEY (assessment_id) REFERENCES assessments (id) ON DELETE CASCADE,
    CONSTRAINT fk_submissions_student_id FOREIGN KEY (student_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT fk_submissions_created_by FOREIGN KEY (created_by) REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT fk_submissions_updated_by FOREIGN KEY (updated_by) REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT ck_submissions_score CHECK (score BETWEEN 0 AND 100),
    CONSTRAINT ty_submissions_id CHECK (length(id) = 16),
    CONSTRAINT ty_submissions_assessment_id CHECK (length(assessment_id) = 16),
    CONSTRAINT ty_submissions_student_id CHECK (length(student_id) = 16),
    CONSTRAINT ty_submissions_submitted_day CHECK (submitted_day BETWEEN -2147483648 AND 2147483647),
    CONSTRAINT ty_submissions_is_banked CHECK (is_banked IN (0, 1)),
    CONSTRAINT ty_submissions_created_by CHECK (length(created_by) = 16),
    CONSTRAINT ty_submissions_updated_by CHECK (length(updated_by) = 16),
    CONSTRAINT ty_submissions_properties CHECK (properties IS NULL OR json_valid(properties))
) STRICT;

-- One submission of a student for an assessment.
CREATE UNIQUE INDEX uq_submissions_assessment_student ON submissions (assessment_id, student_id) WHERE archived_at IS NULL;
CREATE INDEX ix_submissions_assessment_id ON submissions (assessment_id);
CREATE INDEX ix_submissions_student_id ON submissions (student_id);
-- The default list: newest first among the rows that are not archived.
CREATE INDEX ix_submissions_created ON submissions (created_at DESC, id DESC) WHERE archived_at IS NULL;
CREATE INDEX ix_submissions_created_by ON submissions (created_by) WHERE created_by IS NOT NULL;
CREATE INDEX ix_submissions_updated_by ON submissions (updated_by) WHERE updated_by IS NOT NULL;
