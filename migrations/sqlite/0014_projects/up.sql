-- The second example of the backend guide: what is made in a course.
CREATE TABLE projects (
    id BLOB NOT NULL DEFAULT (randomblob(16)),
    name TEXT NOT NULL,
    description TEXT,
    is_public INTEGER NOT NULL DEFAULT 0,
    course_id BLOB NOT NULL,
    version INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL DEFAULT (CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER) * 1000),
    updated_at INTEGER NOT NULL DEFAULT (CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER) * 1000),
    created_by BLOB,
    updated_by BLOB,
    properties TEXT,
    archived_at INTEGER,
    CONSTRAINT pk_projects PRIMARY KEY (id),
    CONSTRAINT fk_projects_course_id FOREIGN KEY (course_id) REFERENCES courses (id) ON DELETE CASCADE,
    CONSTRAINT fk_projects_created_by FOREIGN KEY (created_by) REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT fk_projects_updated_by FOREIGN KEY (updated_by) REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT ck_projects_name_length CHECK (length(name) BETWEEN 1 AND 255),
    CONSTRAINT ck_projects_description_length CHECK (length(description) <= 4096),
    CONSTRAINT ty_projects_id CHECK (length(id) = 16),
    CONSTRAINT ty_projects_is_public CHECK (is_public IN (0, 1)),
    CONSTRAINT ty_projects_course_id CHECK (length(course_id) = 16),
    CONSTRAINT ty_projects_created_by CHECK (length(created_by) = 16),
    CONSTRAINT ty_projects_updated_by CHECK (length(updated_by) = 16),
    CONSTRAINT ty_projects_properties CHECK (properties IS NULL OR json_valid(properties))
) STRICT;

CREATE INDEX ix_projects_course_id ON projects (course_id);
-- The default list: newest first among the rows that are not archived.
CREATE INDEX ix_projects_created ON projects (created_at DESC, id DESC) WHERE archived_at IS NULL;
CREATE INDEX ix_projects_created_by ON projects (created_by) WHERE created_by IS NOT NULL;
CREATE INDEX ix_projects_updated_by ON projects (updated_by) WHERE updated_by IS NOT NULL;
