-- What `q=` looks for in courses and posts: their words. The names are the framework's. The texts stay where they are: FTS5
-- reads them in TABLE_fts_texts, by a number that TABLE_fts_rows gives each row, since a rowid may change.
CREATE TABLE courses_fts_rows (
    number INTEGER NOT NULL,
    id BLOB NOT NULL,
    CONSTRAINT pk_courses_fts_rows PRIMARY KEY (number),
    CONSTRAINT uq_courses_fts_rows_id UNIQUE (id)
) STRICT;
CREATE VIEW courses_fts_texts AS
SELECT number, substr(title, 1, 50000) AS title, substr(description, 1, 50000) AS description FROM courses JOIN courses_fts_rows USING (id);
CREATE VIRTUAL TABLE courses_fts USING fts5 (
    title, description, content = 'courses_fts_texts', content_rowid = 'number', tokenize = 'unicode61 remove_diacritics 0'
);

CREATE TRIGGER tr_courses_fts_insert AFTER INSERT ON courses BEGIN
    INSERT INTO courses_fts_rows (id) VALUES (new.id);
    INSERT INTO courses_fts (rowid, title, description)
    SELECT number, substr(new.title, 1, 50000), substr(new.description, 1, 50000) FROM courses_fts_rows WHERE id = new.id;
END;
CREATE TRIGGER tr_courses_fts_update AFTER UPDATE OF title, description ON courses
WHEN new.title IS NOT old.title OR new.description IS NOT old.description BEGIN
    INSERT INTO courses_fts (courses_fts, rowid, title, description)
    SELECT 'delete', number, substr(old.title, 1, 50000), substr(old.description, 1, 50000) FROM courses_fts_rows WHERE id = old.id;
    INSERT INTO courses_fts (rowid, title, description)
    SELECT number, substr(new.title, 1, 50000), substr(new.description, 1, 50000) FROM courses_fts_rows WHERE id = new.id;
END;
CREATE TRIGGER tr_courses_fts_delete AFTER DELETE ON courses BEGIN
    INSERT INTO courses_fts (courses_fts, rowid, title, description)
    SELECT 'delete', number, substr(old.title, 1, 50000), substr(old.description, 1, 50000) FROM courses_fts_rows WHERE id = old.id;
    DELETE FROM courses_fts_rows WHERE id = old.id;
END;

INSERT INTO courses_fts_rows (id) SELECT id FROM courses;
INSERT INTO courses_fts (courses_fts) VALUES ('rebuild');

CREATE TABLE posts_fts_rows (
    number INTEGER NOT NULL,
    id BLOB NOT NULL,
    CONSTRAINT pk_posts_fts_rows PRIMARY KEY (number),
    CONSTRAINT uq_posts_fts_rows_id UNIQUE (id)
) STRICT;
CREATE VIEW posts_fts_texts AS
SELECT number, substr(title, 1, 50000) AS title, substr(content, 1, 50000) AS content FROM posts JOIN posts_fts_rows USING (id);
CREATE VIRTUAL TABLE posts_fts USING fts5 (
    title, content, content = 'posts_fts_texts', content_rowid = 'number', tokenize = 'unicode61 remove_diacritics 0'
);

CREATE TRIGGER tr_posts_fts_insert AFTER INSERT ON posts BEGIN
    INSERT INTO posts_fts_rows (id) VALUES (new.id);
    INSERT INTO posts_fts (rowid, title, content)
    SELECT number, substr(new.title, 1, 50000), substr(new.content, 1, 50000) FROM posts_fts_rows WHERE id = new.id;
END;
CREATE TRIGGER tr_posts_fts_update AFTER UPDATE OF title, content ON posts
WHEN new.title IS NOT old.title OR new.content IS NOT old.content BEGIN
    INSERT INTO posts_fts (posts_fts, rowid, title, content)
    SELECT 'delete', number, substr(old.title, 1, 50000), substr(old.content, 1, 50000) FROM posts_fts_rows WHERE id = old.id;
    INSERT INTO posts_fts (rowid, title, content)
    SELECT number, substr(new.title, 1, 50000), substr(new.content, 1, 50000) FROM posts_fts_rows WHERE id = new.id;
END;
CREATE TRIGGER tr_posts_fts_delete AFTER DELETE ON posts BEGIN
    INSERT INTO posts_fts (posts_fts, rowid, title, content)
    SELECT 'delete', number, substr(old.title, 1, 50000), substr(old.content, 1, 50000) FROM posts_fts_rows WHERE id = old.id;
    DELETE FROM posts_fts_rows WHERE id = old.id;
END;

INSERT INTO posts_fts_rows (id) SELECT id FROM posts;
INSERT INTO posts_fts (posts_fts) VALUES ('rebuild');
