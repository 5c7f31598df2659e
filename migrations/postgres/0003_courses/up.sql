-- What an instructor teaches: here, one presentation of a course.
CREATE TABLE courses (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    title text COLLATE "C" NOT NULL,
    slug text COLLATE "C" NOT NULL,
    description text COLLATE "C",
    category text COLLATE "C",
    difficulty_level text COLLATE "C",
    is_published boolean NOT NULL DEFAULT false,
    thumbnail_url text COLLATE "C",
    estimated_duration_minutes integer,
    metadata jsonb,
    instructor_id uuid NOT NULL,
    version bigint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    created_by uuid,
    updated_by uuid,
    properties jsonb,
    archived_at timestamptz,
    CONSTRAINT pk_courses PRIMARY KEY (id),
    CONSTRAINT fk_courses_instructor_id FOREIGN KEY (instructor_id) REFERENCES users (id) ON DELETE RESTRICT,
    CONSTRAINT fk_courses_created_by FOREIGN KEY (created_by) REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT fk_courses_updated_by FOREIGN KEY (updated_by) REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT ck_courses_title_length CHECK (length(title) BETWEEN 1 AND 255),
    CONSTRAINT ck_courses_slug_length CHECK (length(slug) BETWEEN 1 AND 255),
    CONSTRAINT ck_courses_category_length CHECK (length(category) <= 100),
    CONSTRAINT ck_courses_difficulty_level CHECK (difficulty_level IN ('beginner', 'intermediate', 'advanced')),
    CONSTRAINT ck_courses_thumbnail_url_length CHECK (length(thumbnail_url) <= 500),
    CONSTRAINT ck_courses_estimated_duration_minutes CHECK (estimated_duration_minutes >= 1)
);

-- Partial: archiving a course frees its slug.
CREATE UNIQUE INDEX uq_courses_slug ON courses (slug) WHERE archived_at IS NULL;
CREATE INDEX ix_courses_instructor_id ON courses (instructor_id);
CREATE INDEX ix_courses_category ON courses (category);
CREATE INDEX ix_courses_published_created ON courses (is_published, created_at);
-- The default list: newest first among the rows that are not archived.
CREATE INDEX ix_courses_created ON courses (created_at DESC, id DESC) WHERE archived_at IS NULL;
CREATE INDEX ix_courses_created_by ON courses (created_by) WHERE created_by IS NOT NULL;
CREATE INDEX ix_courses_updated_by ON courses (updated_by) WHERE updated_by IS NOT NULL;
