-- Bodies that own other things.
CREATE TABLE organizations (
    id BLOB NOT NULL DEFAULT (randomblob(16)),
    name TEXT NOT NULL,
    description TEXT,
    version INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL DEFAULT (CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER) * 1000),
    updated_at INTEGER NOT NULL DEFAULT (CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER) * 1000),
    created_by BLOB,
    updated_by BLOB,
    properties TEXT,
    archived_at INTEGER,
    CONSTRAINT pk_organizations PRIMARY KEY (id),
    CONSTRAINT fk_organizations_created_by FOREIGN KEY (created_by) REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT fk_organizations_updated_by FOREIGN KEY (updated_by) REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT ck_organizations_name_length CHECK (length(name) BETWEEN 1 AND 255),
    CONSTRAINT ck_organizations_description_length CHECK (length(description) <= 4096),
    CONSTRAINT ty_organizations_id CHECK (length(id) = 16),
    CONSTRAINT ty_organizations_created_by CHECK (length(created_by) = 16),
    CONSTRAINT ty_organizations_updated_by CHECK (length(updated_by) = 16),
    CONSTRAINT ty_organizations_properties CHECK (properties IS NULL OR json_valid(properties))
) STRICT;

-- The default list: newest first among the rows that are not archived.
CREATE INDEX ix_organizations_created ON organizations (created_at DESC, id DESC) WHERE archived_at IS NULL;
CREATE INDEX ix_organizations_created_by ON organizations (created_by) WHERE created_by IS NOT NULL;
CREATE INDEX ix_organizations_updated_by ON organizations (updated_by) WHERE updated_by IS NOT NULL;
