DROP TABLE crud_schedules;
DROP TABLE crud_jobs;
