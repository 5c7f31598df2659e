-- Access tokens carry the generation they were issued in; raising it refuses all that were issued before.
ALTER TABLE users ADD COLUMN token_generation bigint NOT NULL DEFAULT 0;

-- What renews access tokens, each once. The token itself is nowhere: `token_hash` is its SHA-256. All that come of
-- one sign-in are a family. No entity: no row of it is ever shown.
CREATE TABLE refresh_tokens (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL,
    family uuid NOT NULL,
    token_hash bytea NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    revoked_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT pk_refresh_tokens PRIMARY KEY (id),
    CONSTRAINT fk_refresh_tokens_user_id FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT ck_refresh_tokens_token_hash_length CHECK (length(token_hash) = 32)
);

CREATE UNIQUE INDEX uq_refresh_tokens_token_hash ON refresh_tokens (token_hash);
CREATE INDEX ix_refresh_tokens_user_id ON refresh_tokens (user_id);
CREATE INDEX ix_refresh_tokens_family ON refresh_tokens (family);
-- For the removal of what has expired.
CREATE INDEX ix_refresh_tokens_expires_at ON refresh_tokens (expires_at);
