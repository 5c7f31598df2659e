-- Parts of a course that group lessons; one may stand alone.
CREATE TABLE modules (
    id BLOB NOT NULL DEFAULT (randomblob(16)),
    title TEXT NOT NULL,
    description TEXT,
    course_id BLOB,
    "order" INTEGER NOT NULL DEFAULT 0,
    version INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL DEFAULT (CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER) * 1000),
    updated_at INTEGER NOT NULL DEFAULT (CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER) * 1000),
    created_by BLOB,
    updated_by BLOB,
    properties TEXT,
    archived_at INTEGER,
    CONSTRAINT pk_modules PRIMARY KEY (id),
    CONSTRAINT fk_modules_course_id FOREIGN KEY (course_id) REFERENCES courses (id) ON DELETE CASCADE,
    CONSTRAINT fk_modules_created_by FOREIGN KEY (created_by) REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT fk_modules_updated_by FOREIGN KEY (updated_by) REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT ck_modules_title_length CHECK (length(title) BETWEEN 1 AND 255),
    CONSTRAINT ty_modules_id CHECK (length(id) = 16),
    CONSTRAINT ty_modules_course_id CHECK (length(course_id) = 16),
    CONSTRAINT ty_modules_order CHECK ("order" BETWEEN -2147483648 AND 2147483647),
    CONSTRAINT ty_modules_created_by CHECK (length(created_by) = 16),
    CONSTRAINT ty_modules_updated_by CHECK (length(updated_by) = 16),
    CONSTRAINT ty_modules_properties CHECK (properties IS NULL OR json_valid(properties))
) STRICT;

CREATE INDEX ix_modules_course_order ON modules (course_id, "order");
-- The default list: newest first among the rows that are not archived.
CREATE INDEX ix_modules_created ON modules (created_at DESC, id DESC) WHERE archived_at IS NULL;
CREATE INDEX ix_modules_created_by ON modules (created_by) WHERE created_by IS NOT NULL;
CREATE INDEX ix_modules_updated_by ON modules (updated_by) WHERE updated_by IS NOT NULL;
