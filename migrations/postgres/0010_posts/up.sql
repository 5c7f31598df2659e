-- What users write for others; a draft is its author's alone.
CREATE TABLE posts (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    title text COLLATE "C" NOT NULL,
    content text COLLATE "C" NOT NULL,
    published boolean NOT NULL DEFAULT false,
    author_id uuid NOT NULL,
    version bigint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    created_by uuid,
    updated_by uuid,
    properties jsonb,
    archived_at timestamptz,
    CONSTRAINT pk_posts PRIMARY KEY (id),
    CONSTRAINT fk_posts_author_id FOREIGN KEY (author_id) REFERENCES users (id) ON DELETE RESTRICT,
    CONSTRAINT fk_posts_created_by FOREIGN KEY (created_by) REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT fk_posts_updated_by FOREIGN KEY (updated_by) REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT ck_posts_title_length CHECK (length(title) BETWEEN 1 AND 200),
    CONSTRAINT ck_posts_content_length CHECK (length(content) >= 1)
);

CREATE INDEX ix_posts_author_id ON posts (author_id);
-- What everyone sees, newest first.
CREATE INDEX ix_posts_published_created ON posts (published, created_at DESC, id DESC) WHERE archived_at IS NULL;
-- The default list: newest first among the rows that are not archived.
CREATE INDEX ix_posts_created ON posts (created_at DESC, id DESC) WHERE archived_at IS NULL;
CREATE INDEX ix_posts_created_by ON posts (created_by) WHERE created_by IS NOT NULL;
CREATE INDEX ix_posts_updated_by ON posts (updated_by) WHERE updated_by IS NOT NULL;
