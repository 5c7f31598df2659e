-- The example of the backend guide.
CREATE TABLE examples (
    id BLOB NOT NULL DEFAULT (randomblob(16)),
    name TEXT NOT NULL,
    description TEXT,
    is_active INTEGER NOT NULL DEFAULT 1,
    organization_id BLOB,
    version INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL DEFAULT (CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER) * 1000),
    updated_at INTEGER NOT NULL DEFAULT (CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER) * 1000),
    created_by BLOB,
    updated_by BLOB,
    properties TEXT,
    archived_at INTEGER,
    CONSTRAINT pk_examples PRIMARY KEY (id),
    CONSTRAINT fk_examples_organization_id FOREIGN KEY (organization_id) REFERENCES organizations (id) ON DELETE CASCADE,
    CONSTRAINT fk_examples_created_by FOREIGN KEY (created_by) REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT fk_examples_updated_by FOREIGN KEY (updated_by) REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT ck_examples_name_length CHECK (length(name) BETWEEN 1 AND 255),
    CONSTRAINT ck_examples_description_length CHECK (length(description) <= 4096),
    CONSTRAINT ty_examples_id CHECK (length(id) = 16),
    CONSTRAINT ty_examples_is_active CHECK (is_active IN (0, 1)),
    CONSTRAINT ty_examples_organization_id CHECK (length(organization_id) = 16),
    CONSTRAINT ty_examples_created_by CHECK (length(created_by) = 16),
    CONSTRAINT ty_examples_updated_by CHECK (length(updated_by) = 16),
    CONSTRAINT ty_examples_properties CHECK (properties IS NULL OR json_valid(properties))
) STRICT;

CREATE INDEX ix_examples_organization_id ON examples (organization_id) WHERE organization_id IS NOT NULL;
-- The active ones, by name.
CREATE INDEX ix_examples_active_name ON examples (is_active, name) WHERE archived_at IS NULL;
-- The default list: newest first among the rows that are not archived.
CREATE INDEX ix_examples_created ON examples (created_at DESC, id DESC) WHERE archived_at IS NULL;
CREATE INDEX ix_examples_created_by ON examples (created_by) WHERE created_by IS NOT NULL;
CREATE INDEX ix_examples_updated_by ON examples (updated_by) WHERE updated_by IS NOT NULL;
