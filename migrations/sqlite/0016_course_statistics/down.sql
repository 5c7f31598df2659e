DROP TABLE course_statistics;
