-- People who sign in. `email` is stored in lower case; a null `password_hash` can sign nobody in.
CREATE TABLE users (
    id BLOB NOT NULL DEFAULT (randomblob(16)),
    email TEXT NOT NULL,
    full_name TEXT NOT NULL,
    password_hash TEXT,
    role TEXT NOT NULL DEFAULT 'student',
    is_active INTEGER NOT NULL DEFAULT 1,
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
    CONSTRAINT ck_users_email_length CHECK (length(email) BETWEEN 3 AND 254),
    CONSTRAINT ck_users_email_lower CHECK (email = lower(email)),
    CONSTRAINT ck_users_full_name_length CHECK (length(full_name) BETWEEN 1 AND 255),
    CONSTRAINT ck_users_password_hash_length CHECK (length(password_hash) <= 255),
    CONSTRAINT ck_users_role CHECK (role IN ('student', 'instructor', 'admin')),
    CONSTRAINT ty_users_id CHECK (length(id) = 16),
    CONSTRAINT ty_users_is_active CHECK (is_active IN (0, 1)),
    CONSTRAINT ty_users_created_by CHECK (length(created_by) = 16),
    CONSTRAINT ty_users_updated_by CHECK (length(updated_by) = 16),
    CONSTRAINT ty_users_properties CHECK (properties IS NULL OR json_valid(properties))
) STRICT;

-- Also over archived rows: an archived account keeps its address, so nobody else can take it.
CREATE UNIQUE INDEX uq_users_email ON users (email);
-- The default list: newest first among the rows that are not archived.
CREATE INDEX ix_users_created ON users (created_at DESC, id DESC) WHERE archived_at IS NULL;
CREATE INDEX ix_users_created_by ON users (created_by) WHERE created_by IS NOT NULL;
CREATE INDEX ix_users_updated_by ON users (updated_by) WHERE updated_by IS NOT NULL;
