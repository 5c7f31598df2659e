-- The answers that were given to requests with an `Idempotency-Key`, each written in the transaction of what it tells
-- of. The framework (crud-core/src/once.rs) owns the meaning. `request`: the BLAKE3 of method, path and body. Without a
-- `status`: of a request that is being answered, which no other transaction sees.
CREATE TABLE crud_idempotency (
    principal uuid NOT NULL,
    key text COLLATE "C" NOT NULL,
    request bytea NOT NULL,
    status integer,
    location text COLLATE "C",
    etag text COLLATE "C",
    content_type text COLLATE "C",
    body bytea,
    expires_at timestamptz NOT NULL,
    CONSTRAINT pk_crud_idempotency PRIMARY KEY (principal, key),
    CONSTRAINT ck_crud_idempotency_key_length CHECK (length(key) BETWEEN 1 AND 255),
    CONSTRAINT ck_crud_idempotency_request_length CHECK (length(request) = 32)
);

-- For the removal of what has expired.
CREATE INDEX ix_crud_idempotency_expires_at ON crud_idempotency (expires_at);
