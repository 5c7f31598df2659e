-- Whoever signs in.
CREATE TABLE users (
    id BLOB NOT NULL DEFAULT (randomblob(16)),
    name TEXT NOT NULL,
    version INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL DEFAULT (CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER) * 1000),
    updated_at INTEGER NOT NULL DEFAULT (CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER) * 1000),
    created_by BLOB,
    updated_by BLOB,
    properties TEXT,
    archived_at INTEGER,
    CONSTRAINT pk_users PRIMARY KEY (id),
    CONSTRAINT fk_users_created_by FOREIGN KEY (created_by) REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT fk_users_updated_by FOREIGN KEY (updated_by) REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT ck_users_name_length CHECK (length(name) BETWEEN 1 AND 255),
    CONSTRAINT ty_users_id CHECK (length(id) = 16),
    CONSTRAINT ty_users_created_by CHECK (length(created_by) = 16),
    CONSTRAINT ty_users_updated_by CHECK (length(updated_by) = 16),
    CONSTRAINT ty_users_properties CHECK (properties IS NULL OR json_valid(properties))
) STRICT;

-- The default list: newest first among the rows that are not archived.
CREATE INDEX ix_users_created ON users (created_at DESC, id DESC) WHERE archived_at IS NULL;
CREATE INDEX ix_users_created_by ON users (created_by) WHERE created_by IS NOT NULL;
CREATE INDEX ix_users_updated_by ON users (updated_by) WHERE updated_by IS NOT NULL;
