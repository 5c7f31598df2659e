DROP TABLE crud_idempotency;
