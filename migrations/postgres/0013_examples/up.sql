-- The example of the backend guide.
CREATE TABLE examples (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    name text COLLATE "C" NOT NULL,
    description text COLLATE "C",
    is_active boolean NOT NULL DEFAULT true,
    organization_id uuid,
    version bigint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    created_by uuid,
    updated_by uuid,
    properties jsonb,
    archived_at timestamptz,
    CONSTRAINT pk_examples PRIMARY KEY (id),
    CONSTRAINT fk_examples_organization_id FOREIGN KEY (organization_id) REFERENCES organizations (id) ON DELETE CASCADE,
    CONSTRAINT fk_examples_created_by FOREIGN KEY (created_by) REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT fk_examples_updated_by FOREIGN KEY (updated_by) REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT ck_examples_name_length CHECK (length(name) BETWEEN 1 AND 255),
    CONSTRAINT ck_examples_description_length CHECK (length(description) <= 4096)
);

CREATE INDEX ix_examples_organization_id ON examples (organization_id) WHERE organization_id IS NOT NULL;
-- The active ones, by name.
CREATE INDEX ix_examples_active_name ON examples (is_active, name) WHERE archived_at IS NULL;
-- The default list: newest first among the rows that are not archived.
CREATE INDEX ix_examples_created ON examples (created_at DESC, id DESC) WHERE archived_at IS NULL;
CREATE INDEX ix_examples_created_by ON examples (created_by) WHERE created_by IS NOT NULL;
CREATE INDEX ix_examples_updated_by ON examples (updated_by) WHERE updated_by IS NOT NULL;
