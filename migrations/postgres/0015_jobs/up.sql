-- What is to be done after a change: written in the change's transaction, done at least once after it. The framework
-- (crud-core/src/jobs) owns the meaning of both tables. `key`: jobs of one key are done one after the other, in the
-- order of `id`. `visible_at`: when a queued job may begin; when a running one is somebody else's to take over.
CREATE TABLE crud_jobs (
    id bigint GENERATED ALWAYS AS IDENTITY,
    name text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    unique_key text COLLATE "C",
    payload jsonb NOT NULL,
    state text COLLATE "C" NOT NULL DEFAULT 'queued',
    attempts integer NOT NULL DEFAULT 0,
    failures integer NOT NULL DEFAULT 0,
    visible_at timestamptz NOT NULL DEFAULT now(),
    lease uuid,
    last_error text COLLATE "C",
    created_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    CONSTRAINT pk_crud_jobs PRIMARY KEY (id),
    CONSTRAINT ck_crud_jobs_name_length CHECK (length(name) BETWEEN 1 AND 100),
    CONSTRAINT ck_crud_jobs_key_length CHECK (length(key) BETWEEN 1 AND 300),
    CONSTRAINT ck_crud_jobs_unique_key_length CHECK (length(unique_key) BETWEEN 1 AND 300),
    CONSTRAINT ck_crud_jobs_state CHECK (state IN ('queued', 'running', 'done', 'dead')),
    CONSTRAINT ck_crud_jobs_lease CHECK ((state = 'running') = (lease IS NOT NULL))
);

CREATE UNIQUE INDEX uq_crud_jobs_unique_key ON crud_jobs (unique_key) WHERE unique_key IS NOT NULL;
-- Never two of one key at the same time, whatever the workers think.
CREATE UNIQUE INDEX uq_crud_jobs_running_key ON crud_jobs (key) WHERE state = 'running';
-- What may begin, and what stands before it.
CREATE INDEX ix_crud_jobs_visible_at ON crud_jobs (visible_at, id) WHERE state IN ('queued', 'running');
CREATE INDEX ix_crud_jobs_key ON crud_jobs (key, id) WHERE state IN ('queued', 'running');
-- What an operator lists, and what is removed after a while.
CREATE INDEX ix_crud_jobs_dead ON crud_jobs (id) WHERE state = 'dead';
CREATE INDEX ix_crud_jobs_finished_at ON crud_jobs (finished_at) WHERE state = 'done';

-- When a job is to be put in the queue next: moved on by whichever instance comes first.
CREATE TABLE crud_schedules (
    name text COLLATE "C" NOT NULL,
    next_at timestamptz NOT NULL,
    CONSTRAINT pk_crud_schedules PRIMARY KEY (name),
    CONSTRAINT ck_crud_schedules_name_length CHECK (length(name) BETWEEN 1 AND 100)
);
