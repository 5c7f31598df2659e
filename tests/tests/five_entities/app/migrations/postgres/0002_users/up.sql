-- Whoever signs in.
CREATE TABLE users (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    name text COLLATE "C" NOT NULL,
    version bigint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    created_by uuid,
    updated_by uuid,
    properties jsonb,
    archived_at timestamptz,
    CONSTRAINT pk_users PRIMARY KEY (id),
    CONSTRAINT fk_users_created_by FOREIGN KEY (created_by) REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT fk_users_updated_by FOREIGN KEY (updated_by) REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT ck_users_name_length CHECK (length(name) BETWEEN 1 AND 255)
);

-- The default list: newest first among the rows that are not archived.
CREATE INDEX ix_users_created ON users (created_at DESC, id DESC) WHERE archived_at IS NULL;
CREATE INDEX ix_users_created_by ON users (created_by) WHERE created_by IS NOT NULL;
CREATE INDEX ix_users_updated_by ON users (updated_by) WHERE updated_by IS NOT NULL;
