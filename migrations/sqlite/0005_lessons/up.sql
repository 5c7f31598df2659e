-- One piece of learning material of a course, in the course's own order.
CREATE TABLE lessons (
    id BLOB NOT NULL DEFAULT (randomblob(16)),
    course_id BLOB NOT NULL,
    module_id BLOB,
    title TEXT NOT NULL,
    content_type TEXT NOT NULL,
    content TEXT,
    video_url TEXT,
    duration_minutes INTEGER,
    "order" INTEGER NOT NULL,
    metadata TEXT,
    version INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL DEFAULT (CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER) * 1000),
    updated_at INTEGER NOT NULL DEFAULT (CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER) * 1000),
    created_by BLOB,
    updated_by BLOB,
    properties TEXT,
    archived_at INTEGER,
    CONSTRAINT pk_lessons PRIMARY KEY (id),
    CONSTRAINT fk_lessons_course_id FOREIGN KEY (course_id) REFERENCES courses (id) ON DELETE CASCADE,
    CONSTRAINT fk_lessons_module_id FOREIGN KEY (module_id) REFERENCES modules (id) ON DELETE SET NULL,
    CONSTRAINT fk_lessons_created_by FOREIGN KEY (created_by) REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT fk_lessons_updated_by FOREIGN KEY (updated_by) REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT ck_lessons_title_length CHECK (length(title) BETWEEN 1 AND 255),
    CONSTRAINT ck_lessons_content_type_length CHECK (length(content_type) BETWEEN 1 AND 50),
    CONSTRAINT ck_lessons_video_url_length CHECK (length(video_url) <= 500),
    CONSTRAINT ck_lessons_duration_minutes CHECK (duration_minutes >= 0),
    CONSTRAINT ty_lessons_id CHECK (length(id) = 16),
    CONSTRAINT ty_lessons_course_id CHECK (length(course_id) = 16),
    CONSTRAINT ty_lessons_module_id CHECK (length(module_id) = 16),
    CONSTRAINT ty_lessons_duration_minutes CHECK (duration_minutes BETWEEN -2147483648 AND 2147483647),
    CONSTRAINT ty_lessons_order CHECK ("order" BETWEEN -2147483648 AND 2147483647),
    CONSTRAINT ty_lessons_metadata CHECK (metadata IS NULL OR json_valid(metadata)),
    CONSTRAINT ty_lessons_created_by CHECK (length(created_by) = 16),
    CONSTRAINT ty_lessons_updated_by CHECK (length(updated_by) = 16),
    CONSTRAINT ty_lessons_properties CHECK (properties IS NULL OR json_valid(properties))
) STRICT;

CREATE INDEX ix_lessons_course_order ON lessons (course_id, "order");
CREATE INDEX ix_lessons_module_id ON lessons (module_id) WHERE module_id IS NOT NULL;
-- The default list: newest first among the rows that are not archived.
CREATE INDEX ix_lessons_created ON lessons (created_at DESC, id DESC) WHERE archived_at IS NULL;
CREATE INDEX ix_lessons_created_by ON lessons (created_by) WHERE created_by IS NOT NULL;
CREATE INDEX ix_lessons_updated_by ON lessons (updated_by) WHERE updated_by IS NOT NULL;
