-- Bodies that own other things.
CREATE TABLE organizations (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    name text COLLATE "C" NOT NULL,
    description text COLLATE "C",
    version bigint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    created_by uuid,
    updated_by uuid,
    properties jsonb,
    archived_at timestamptz,
    CONSTRAINT pk_organizations PRIMARY KEY (id),
    CONSTRAINT fk_organizations_created_by FOREIGN KEY (created_by) REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT fk_organizations_updated_by FOREIGN KEY (updated_by) REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT ck_organizations_name_length CHECK (length(name) BETWEEN 1 AND 255),
    CONSTRAINT ck_organizations_description_length CHECK (length(description) <= 4096)
);

-- The default list: newest first among the rows that are not archived.
CREATE INDEX ix_organizations_created ON organizations (created_at DESC, id DESC) WHERE archived_at IS NULL;
CREATE INDEX ix_organizations_created_by ON organizations (created_by) WHERE created_by IS NOT NULL;
CREATE INDEX ix_organizations_updated_by ON organizations (updated_by) WHERE updated_by IS NOT NULL;
