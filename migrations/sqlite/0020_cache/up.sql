-- As on PostgreSQL, where processes share a database; here nobody uses them.

CREATE TABLE crud_cache_state (
    id INTEGER NOT NULL,
    mode TEXT NOT NULL,
    epoch TEXT NOT NULL,
    owner TEXT NOT NULL,
    timeline TEXT NOT NULL,
    change INTEGER NOT NULL,
    since INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000000 AS INTEGER)),
    CONSTRAINT pk_crud_cache_state PRIMARY KEY (id),
    CONSTRAINT ck_crud_cache_state_id CHECK (id = 1),
    CONSTRAINT ck_crud_cache_state_mode CHECK (mode IN ('on', 'quarantine', 'off'))
) STRICT;

CREATE TABLE crud_cache_instances (
    id TEXT NOT NULL,
    seen INTEGER NOT NULL,
    well INTEGER NOT NULL,
    retired INTEGER NOT NULL,
    CONSTRAINT pk_crud_cache_instances PRIMARY KEY (id)
) STRICT;

CREATE TABLE crud_cache_outbox (
    id INTEGER NOT NULL,
    changed TEXT NOT NULL,
    at INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000000 AS INTEGER)),
    CONSTRAINT pk_crud_cache_outbox PRIMARY KEY (id)
) STRICT;
