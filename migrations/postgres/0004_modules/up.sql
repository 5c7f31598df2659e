-- Parts of a course that group lessons; one may stand alone.
CREATE TABLE modules (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    title text COLLATE "C" NOT NULL,
    description text COLLATE "C",
    course_id uuid,
    "order" integer NOT NULL DEFAULT 0,
    version bigint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    created_by uuid,
    updated_by uuid,
    properties jsonb,
    archived_at timestamptz,
    CONSTRAINT pk_modules PRIMARY KEY (id),
    CONSTRAINT fk_modules_course_id FOREIGN KEY (course_id) REFERENCES courses (id) ON DELETE CASCADE,
    CONSTRAINT fk_modules_created_by FOREIGN KEY (created_by) REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT fk_modules_updated_by FOREIGN KEY (updated_by) REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT ck_modules_title_length CHECK (length(title) BETWEEN 1 AND 255)
);

CREATE INDEX ix_modules_course_order ON modules (course_id, "order");
-- The default list: newest first among the rows that are not archived.
CREATE INDEX ix_modules_created ON modules (created_at DESC, id DESC) WHERE archived_at IS NULL;
CREATE INDEX ix_modules_created_by ON modules (created_by) WHERE created_by IS NOT NULL;
CREATE INDEX ix_modules_updated_by ON modules (updated_by) WHERE updated_by IS NOT NULL;
