DROP INDEX ix_courses_words;
DROP INDEX ix_posts_words;
