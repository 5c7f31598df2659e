-- What users write for others; a draft is its author's alone.
CREATE TABLE posts (
    id BLOB NOT NULL DEFAULT (randomblob(16)),
    title TEXT NOT NULL,
    content TEXT NOT NULL,
    published INTEGER NOT NULL DEFAULT 0,
    author_id BLOB NOT NULL,
    version INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL DEFAULT (CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER) * 1000),
    updated_at INTEGER NOT NULL DEFAULT (CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER) * 1000),
    created_by BLOB,
    updated_by BLOB,
    properties TEXT,
    archived_at INTEGER,
    CONSTRAINT pk_posts PRIMARY KEY (id),
    CONSTRAINT fk_posts_author_id FOREIGN KEY (author_id) REFERENCES users (id) ON DELETE RESTRICT,
    CONSTRAINT fk_posts_created_by FOREIGN KEY (created_by) REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT fk_posts_updated_by FOREIGN KEY (updated_by) REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT ck_posts_title_length CHECK (length(title) BETWEEN 1 AND 200),
    CONSTRAINT ck_posts_content_length CHECK (length(content) >= 1),
    CONSTRAINT ty_posts_id CHECK (length(id) = 16),
    CONSTRAINT ty_posts_published CHECK (published IN (0, 1)),
    CONSTRAINT ty_posts_author_id CHECK (length(author_id) = 16),
    CONSTRAINT ty_posts_created_by CHECK (length(created_by) = 16),
    CONSTRAINT ty_posts_updated_by CHECK (length(updated_by) = 16),
    CONSTRAINT ty_posts_properties CHECK (properties IS NULL OR json_valid(properties))
) STRICT;

CREATE INDEX ix_posts_author_id ON posts (author_id);
-- What everyone sees, newest first.
CREATE INDEX ix_posts_published_created ON posts (published, created_at DESC, id DESC) WHERE archived_at IS NULL;
-- The default list: newest first among the rows that are not archived.
CREATE INDEX ix_posts_created ON posts (created_at DESC, id DESC) WHERE archived_at IS NULL;
CREATE INDEX ix_posts_created_by ON posts (created_by) WHERE created_by IS NOT NULL;
CREATE INDEX ix_posts_updated_by ON posts (updated_by) WHERE updated_by IS NOT NULL;
