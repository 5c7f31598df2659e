-- What the rows of entities with `history` were before their latest change: one row for each version that another took the place of.
-- `entity` is the table, `content` the whole row; without it, the row was deleted. The framework's: see `crud-core/src/operations/history`.
CREATE TABLE crud_history (
    entity text COLLATE "C" NOT NULL,
    row_id uuid NOT NULL,
    version bigint NOT NULL,
    changed_at timestamptz NOT NULL,
    changed_by uuid,
    content jsonb,
    CONSTRAINT pk_crud_history PRIMARY KEY (entity, row_id, version)
);
