-- What an instructor teaches: here, one presentation of a course.
CREATE TABLE courses (
    id BLOB NOT NULL DEFAULT (randomblob(16)),
    title TEXT NOT NULL,
    slug TEXT NOT NULL,
    description TEXT,
    category TEXT,
    difficulty_level TEXT,
    is_published INTEGER NOT NULL DEFAULT 0,
    thumbnail_url TEXT,
    estimated_duration_minutes INTEGER,
    metadata TEXT,
    instructor_id BLOB NOT NULL,
    version INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL DEFAULT (CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER) * 1000),
    updated_at INTEGER NOT NULL DEFAULT (CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER) * 1000),
    created_by BLOB,
    updated_by BLOB,
    properties TEXT,
    archived_at INTEGER,
    CONSTRAINT pk_courses PRIMARY KEY (id),
    CONSTRAINT fk_courses_instructor_id FOREIGN KEY (instructor_id) REFERENCES users (id) ON DELETE RESTRICT,
    CONSTRAINT fk_courses_created_by FOREIGN KEY (created_by) REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT fk_courses_updated_by FOREIGN KEY (updated_by) REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT ck_courses_title_length CHECK (length(title) BETWEEN 1 AND 255),
    CONSTRAINT ck_courses_slug_length CHECK (length(slug) BETWEEN 1 AND 255),
    CONSTRAINT ck_courses_category_length CHECK (length(category) <= 100),
    CONSTRAINT ck_courses_difficulty_level CHECK (difficulty_level IN ('beginner', 'intermediate', 'advanced')),
    CONSTRAINT ck_courses_thumbnail_url_length CHECK (length(thumbnail_url) <= 500),
    CONSTRAINT ck_courses_estimated_duration_minutes CHECK (estimated_duration_minutes >= 1),
    CONSTRAINT ty_courses_id CHECK (length(id) = 16),
    CONSTRAINT ty_courses_is_published CHECK (is_published IN (0, 1)),
    CONSTRAINT ty_courses_estimated_duration_minutes CHECK (estimated_duration_minutes BETWEEN -2147483648 AND 2147483647),
    CONSTRAINT ty_courses_metadata CHECK (metadata IS NULL OR json_valid(metadata)),
    CONSTRAINT ty_courses_instructor_id CHECK (length(instructor_id) = 16),
    CONSTRAINT ty_courses_created_by CHECK (length(created_by) = 16),
    CONSTRAINT ty_courses_updated_by CHECK (length(updated_by) = 16),
    CONSTRAINT ty_courses_properties CHECK (properties IS NULL OR json_valid(properties))
) STRICT;

-- Partial: archiving a course frees its slug.
CREATE UNIQUE INDEX uq_courses_slug ON courses (slug) WHERE archived_at IS NULL;
CREATE INDEX ix_courses_instructor_id ON courses (instructor_id);
CREATE INDEX ix_courses_category ON courses (category);
CREATE INDEX ix_courses_published_created ON courses (is_published, created_at);
-- The default list: newest first among the rows that are not archived.
CREATE INDEX ix_courses_created ON courses (created_at DESC, id DESC) WHERE archived_at IS NULL;
CREATE INDEX ix_courses_created_by ON courses (created_by) WHERE created_by IS NOT NULL;
CREATE INDEX ix_courses_updated_by ON courses (updated_by) WHERE updated_by IS NOT NULL;
