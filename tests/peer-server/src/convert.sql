-- From the comparison's SQLite table, which keeps everything as text, to ours: the same rows, in the
-- same order, with the same indexes.
ALTER TABLE courses RENAME TO seeded;

CREATE TABLE courses (
    id BLOB NOT NULL PRIMARY KEY,
    version INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    created_by BLOB,
    updated_by BLOB,
    archived_at INTEGER,
    properties TEXT,
    title TEXT NOT NULL,
    slug TEXT NOT NULL UNIQUE,
    description TEXT,
    category TEXT,
    difficulty_level TEXT CHECK (difficulty_level IN ('beginner', 'intermediate', 'advanced')),
    is_published INTEGER NOT NULL DEFAULT 0,
    estimated_duration_minutes INTEGER,
    instructor_id BLOB NOT NULL
) STRICT;

-- Times are 2024-01-01T00:01:37.000000Z, ids have hyphens.
INSERT INTO courses
SELECT
    unhex(id, '-'),
    version,
    CAST(strftime('%s', substr(created_at, 1, 19)) AS INTEGER) * 1000000
        + CAST(substr(created_at, 21, 6) AS INTEGER),
    CAST(strftime('%s', substr(updated_at, 1, 19)) AS INTEGER) * 1000000
        + CAST(substr(updated_at, 21, 6) AS INTEGER),
    unhex(created_by, '-'),
    unhex(updated_by, '-'),
    CAST(strftime('%s', substr(archived_at, 1, 19)) AS INTEGER) * 1000000
        + CAST(substr(archived_at, 21, 6) AS INTEGER),
    properties,
    title,
    slug,
    description,
    category,
    difficulty_level,
    is_published,
    estimated_duration_minutes,
    unhex(instructor_id, '-')
FROM seeded
ORDER BY seeded.rowid;

DROP TABLE seeded;
CREATE INDEX courses_newest ON courses (created_at DESC, id DESC) WHERE archived_at IS NULL;
CREATE INDEX courses_category ON courses (category);
VACUUM;
ANALYZE;
PRAGMA wal_checkpoint(TRUNCATE);
