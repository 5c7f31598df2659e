-- What a server made: the functions take the triggers along.
DROP FUNCTION IF EXISTS crud_cache_outside() CASCADE;
DROP FUNCTION IF EXISTS crud_cache_switched() CASCADE;
DROP FUNCTION IF EXISTS crud_cache_epoch();
DROP FUNCTION IF EXISTS crud_cache_fenced();
DROP TABLE crud_cache_outbox;
DROP TABLE crud_cache_instances;
DROP TABLE crud_cache_state;
