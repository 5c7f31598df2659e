-- Access tokens carry the generation they were issued in; raising it refuses all that were issued before.
ALTER TABLE users ADD COLUMN token_generation INTEGER NOT NULL DEFAULT 0;

-- What renews access tokens, each once. The token itself is nowhere: `token_hash` is its SHA-256. All that come of
-- one sign-in are a family. No entity: no row of it is ever shown.
CREATE TABLE refresh_tokens (
    id BLOB NOT NULL DEFAULT (randomblob(16)),
    user_id BLOB NOT NULL,
    family BLOB NOT NULL,
    token_hash BLOB NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at INTEGER,
    revoked_at INTEGER,
    created_at INTEGER NOT NULL DEFAULT (CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER) * 1000),
    CONSTRAINT pk_refresh_tokens PRIMARY KEY (id),
    CONSTRAINT fk_refresh_tokens_user_id FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT ck_refresh_tokens_token_hash_length CHECK (length(token_hash) = 32),
    CONSTRAINT ty_refresh_tokens_id CHECK (length(id) = 16),
    CONSTRAINT ty_refresh_tokens_user_id CHECK (length(user_id) = 16),
    CONSTRAINT ty_refresh_tokens_family CHECK (length(family) = 16)
) STRICT;

CREATE UNIQUE INDEX uq_refresh_tokens_token_hash ON refresh_tokens (token_hash);
CREATE INDEX ix_refresh_tokens_user_id ON refresh_tokens (user_id);
CREATE INDEX ix_refresh_tokens_family ON refresh_tokens (family);
-- For the removal of what has expired.
CREATE INDEX ix_refresh_tokens_expires_at ON refresh_tokens (expires_at);
