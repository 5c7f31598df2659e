DROP TABLE crud_history;
