-- One piece of learning material of a course, in the course's own order.
CREATE TABLE lessons (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    course_id uuid NOT NULL,
    module_id uuid,
    title text COLLATE "C" NOT NULL,
    content_type text COLLATE "C" NOT NULL,
    content text COLLATE "C",
    video_url text COLLATE "C",
    duration_minutes integer,
    "order" integer NOT NULL,
    metadata jsonb,
    version bigint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    created_by uuid,
    updated_by uuid,
    properties jsonb,
    archived_at timestamptz,
    CONSTRAINT pk_lessons PRIMARY KEY (id),
    CONSTRAINT fk_lessons_course_id FOREIGN KEY (course_id) REFERENCES courses (id) ON DELETE CASCADE,
    CONSTRAINT fk_lessons_module_id FOREIGN KEY (module_id) REFERENCES modules (id) ON DELETE SET NULL,
    CONSTRAINT fk_lessons_created_by FOREIGN KEY (created_by) REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT fk_lessons_updated_by FOREIGN KEY (updated_by) REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT ck_lessons_title_length CHECK (length(title) BETWEEN 1 AND 255),
    CONSTRAINT ck_lessons_content_type_length CHECK (length(content_type) BETWEEN 1 AND 50),
    CONSTRAINT ck_lessons_video_url_length CHECK (length(video_url) <= 500),
    CONSTRAINT ck_lessons_duration_minutes CHECK (duration_minutes >= 0)
);

CREATE INDEX ix_lessons_course_order ON lessons (course_id, "order");
CREATE INDEX ix_lessons_module_id ON lessons (module_id) WHERE module_id IS NOT NULL;
-- The default list: newest first among the rows that are not archived.
CREATE INDEX ix_lessons_created ON lessons (created_at DESC, id DESC) WHERE archived_at IS NULL;
CREATE INDEX ix_lessons_created_by ON lessons (created_by) WHERE created_by IS NOT NULL;
CREATE INDEX ix_lessons_updated_by ON lessons (updated_by) WHERE updated_by IS NOT NULL;
