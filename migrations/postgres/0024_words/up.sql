-- What `q=` looks for in courses and posts: their words. `crud_words` is the framework's; it cuts texts as SQLite's FTS5 does.
CREATE INDEX ix_courses_words ON courses USING gin (crud_words(title, description));
CREATE INDEX ix_posts_words ON posts USING gin (crud_words(title, content));
