-- What the rows of entities with `history` were before their latest change: one row for each version that another took the place of.
-- `entity` is the table, `content` the whole row; without it, the row was deleted. The framework's: see `crud-core/src/operations/history`.
CREATE TABLE crud_history (
    entity TEXT NOT NULL,
    row_id BLOB NOT NULL,
    version INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    changed_by BLOB,
    content TEXT,
    CONSTRAINT pk_crud_history PRIMARY KEY (entity, row_id, version),
    CONSTRAINT ty_crud_history_row_id CHECK (length(row_id) = 16),
    CONSTRAINT ty_crud_history_changed_by CHECK (length(changed_by) = 16),
    CONSTRAINT ty_crud_history_content CHECK (content IS NULL OR json_valid(content))
) STRICT;
