-- The answers that were given to requests with an `Idempotency-Key`, each written in the transaction of what it tells
-- of. The framework (crud-core/src/once.rs) owns the meaning. `request`: the BLAKE3 of method, path and body. Without a
-- `status`: of a request that is being answered, which no other transaction sees.
CREATE TABLE crud_idempotency (
    principal BLOB NOT NULL,
    key TEXT NOT NULL,
    request BLOB NOT NULL,
    status INTEGER,
    location TEXT,
    etag TEXT,
    content_type TEXT,
    body BLOB,
    expires_at INTEGER NOT NULL,
    CONSTRAINT pk_crud_idempotency PRIMARY KEY (principal, key),
    CONSTRAINT ck_crud_idempotency_key_length CHECK (length(key) BETWEEN 1 AND 255),
    CONSTRAINT ck_crud_idempotency_request_length CHECK (length(request) = 32),
    CONSTRAINT ty_crud_idempotency_principal CHECK (length(principal) = 16)
) STRICT;

-- For the removal of what has expired.
CREATE INDEX ix_crud_idempotency_expires_at ON crud_idempotency (expires_at);
