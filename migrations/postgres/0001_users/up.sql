-- People who sign in. `email` is stored in lower case; a null `password_hash` can sign nobody in.
CREATE TABLE users (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    email text COLLATE "C" NOT NULL,
    full_name text COLLATE "C" NOT NULL,
    password_hash text COLLATE "C",
    role text COLLATE "C" NOT NULL DEFAULT 'student',
    is_active boolean NOT NULL DEFAULT true,
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
    CONSTRAINT ck_users_email_length CHECK (length(email) BETWEEN 3 AND 254),
    CONSTRAINT ck_users_email_lower CHECK (email = lower(email)),
    CONSTRAINT ck_users_full_name_length CHECK (length(full_name) BETWEEN 1 AND 255),
    CONSTRAINT ck_users_password_hash_length CHECK (length(password_hash) <= 255),
    CONSTRAINT ck_users_role CHECK (role IN ('student', 'instructor', 'admin'))
);

-- Also over archived rows: an archived account keeps its address, so nobody else can take it.
CREATE UNIQUE INDEX uq_users_email ON users (email);
-- The default list: newest first among the rows that are not archived.
CREATE INDEX ix_users_created ON users (created_at DESC, id DESC) WHERE archived_at IS NULL;
CREATE INDEX ix_users_created_by ON users (created_by) WHERE created_by IS NOT NULL;
CREATE INDEX ix_users_updated_by ON users (updated_by) WHERE updated_by IS NOT NULL;
