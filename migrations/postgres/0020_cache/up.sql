-- What the processes of one database agree upon about the cache: crud_core::cache::control.

CREATE TABLE crud_cache_state (
    id integer NOT NULL,
    mode text COLLATE "C" NOT NULL,
    epoch text COLLATE "C" NOT NULL,
    owner text COLLATE "C" NOT NULL,
    timeline text COLLATE "C" NOT NULL,
    change bigint NOT NULL,
    since timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT pk_crud_cache_state PRIMARY KEY (id),
    CONSTRAINT ck_crud_cache_state_id CHECK (id = 1),
    CONSTRAINT ck_crud_cache_state_mode CHECK (mode IN ('on', 'quarantine', 'off'))
);
INSERT INTO crud_cache_state (id, mode, epoch, owner, timeline, change) VALUES (1, 'off', '', '', '', 0);

CREATE TABLE crud_cache_instances (
    id text COLLATE "C" NOT NULL,
    seen timestamptz NOT NULL,
    well boolean NOT NULL,
    retired boolean NOT NULL,
    CONSTRAINT pk_crud_cache_instances PRIMARY KEY (id)
);

CREATE SEQUENCE crud_cache_outbox_id;
CREATE TABLE crud_cache_outbox (
    id bigint NOT NULL DEFAULT nextval('crud_cache_outbox_id'),
    changed text COLLATE "C" NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT pk_crud_cache_outbox PRIMARY KEY (id)
);
ALTER SEQUENCE crud_cache_outbox_id OWNED BY crud_cache_outbox.id;
