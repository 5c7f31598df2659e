-- What is marked in a course. `due_day` counts from its start; `weight` is a share of the final mark in percent.
CREATE TABLE assessments (
    id BLOB NOT NULL DEFAULT (randomblob(16)),
    course_id BLOB NOT NULL,
    title TEXT NOT NULL,
    assessment_type TEXT NOT NULL,
    due_day INTEGER,
    weight REAL NOT NULL DEFAULT 0,
    version INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL DEFAULT (CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER) * 1000),
    updated_at INTEGER NOT NULL DEFAULT (CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER) * 1000),
    created_by BLOB,
    updated_by BLOB,
    properties TEXT,
    archived_at INTEGER,
    CONSTRAINT pk_assessments PRIMARY KEY (id),
    CONSTRAINT fk_assessments_course_id FOREIGN KEY (course_id) REFERENCES courses (id) ON DELETE CASCADE,
    CONSTRAINT fk_assessments_created_by FOREIGN KEY (created_by) REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT fk_assessments_updated_by FOREIGN KEY (updated_by) REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT ck_assessments_title_length CHECK (length(title) BETWEEN 1 AND 255),
    CONSTRAINT ck_assessments_assessment_type_length CHECK (length(assessment_type) BETWEEN 1 AND 50),
    CONSTRAINT ck_assessments_weight CHECK (weight BETWEEN 0 AND 100),
    CONSTRAINT ty_assessments_id CHECK (length(id) = 16),
    CONSTRAINT ty_assessments_course_id CHECK (length(course_id) = 16),
    CONSTRAINT ty_assessments_due_day CHECK (due_day BETWEEN -2147483648 AND 2147483647),
    CONSTRAINT ty_assessments_created_by CHECK (length(created_by) = 16),
    CONSTRAINT ty_assessments_updated_by CHECK (length(updated_by) = 16),
    CONSTRAINT ty_assessments_properties CHECK (properties IS NULL OR json_valid(properties))
) STRICT;

CREATE INDEX ix_assessments_course_id ON assessments (course_id);
-- The default list: newest first among the rows that are not archived.
CREATE INDEX ix_assessments_created ON assessments (created_at DESC, id DESC) WHERE archived_at IS NULL;
CREATE INDEX ix_assessments_created_by ON assessments (created_by) WHERE created_by IS NOT NULL;
CREATE INDEX ix_assessments_updated_by ON assessments (updated_by) WHERE updated_by IS NOT NULL;
