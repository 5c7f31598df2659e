-- The function takes the triggers along that a server put on the tables.
DROP FUNCTION IF EXISTS crud_cache_outside() CASCADE;
DROP TABLE crud_cache_outbox;
DROP TABLE crud_cache_instances;
DROP TABLE crud_cache_state;
