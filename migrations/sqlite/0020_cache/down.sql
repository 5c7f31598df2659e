DROP TABLE crud_cache_outbox;
DROP TABLE crud_cache_instances;
DROP TABLE crud_cache_state;
