-- How far a student has come with one lesson of a course.
CREATE TABLE lesson_progress (
    id BLOB NOT NULL DEFAULT (randomblob(16)),
    enrollment_id BLOB NOT NULL,
    lesson_id BLOB NOT NULL,
    completed INTEGER NOT NULL DEFAULT 0,
    completed_at INTEGER,
    version INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL DEFAULT (CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER) * 1000),
    updated_at INTEGER NOT NULL DEFAULT (CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER) * 1000),
    created_by BLOB,
    updated_by BLOB,
    properties TEXT,
    archived_at INTEGER,
    CONSTRAINT pk_lesson_progress PRIMARY KEY (id),
    CONSTRAINT fk_lesson_progress_enrollment_id FOREIGN KEY (enrollment_id) REFERENCES enrollments (id) ON DELETE CASCADE,
    CONSTRAINT fk_lesson_progress_lesson_id FOREIGN KEY (lesson_id) REFERENCES lessons (id) ON DELETE CASCADE,
    CONSTRAINT fk_lesson_progress_created_by FOREIGN KEY (created_by) REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT fk_lesson_progress_updated_by FOREIGN KEY (updated_by) REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT ty_lesson_progress_id CHECK (length(id) = 16),
    CONSTRAINT ty_lesson_progress_enrollment_id CHECK (length(enrollment_id) = 16),
    CONSTRAINT ty_lesson_progress_lesson_id CHECK (length(lesson_id) = 16),
    CONSTRAINT ty_lesson_progress_completed CHECK (completed IN (0, 1)),
    CONSTRAINT ty_lesson_progress_created_by CHECK (length(created_by) = 16),
    CONSTRAINT ty_lesson_progress_updated_by CHECK (length(updated_by) = 16),
    CONSTRAINT ty_lesson_progress_properties CHECK (properties IS NULL OR json_valid(properties))
) STRICT;

CREATE UNIQUE INDEX uq_lesson_progress_enrollment_lesson ON lesson_progress (enrollment_id, lesson_id);
CREATE INDEX ix_lesson_progress_lesson_id ON lesson_progress (lesson_id);
-- The default list: newest first among the rows that are not archived.
CREATE INDEX ix_lesson_progress_created ON lesson_progress (created_at DESC, id DESC) WHERE archived_at IS NULL;
CREATE INDEX ix_lesson_progress_created_by ON lesson_progress (created_by) WHERE created_by IS NOT NULL;
CREATE INDEX ix_lesson_progress_updated_by ON lesson_progress (updated_by) WHERE updated_by IS NOT NULL;
