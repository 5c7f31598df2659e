-- The second example of the backend guide: what is made in a course.
CREATE TABLE projects (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    name text COLLATE "C" NOT NULL,
    description text COLLATE "C",
    is_public boolean NOT NULL DEFAULT false,
    course_id uuid NOT NULL,
    version bigint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    created_by uuid,
    updated_by uuid,
    properties jsonb,
    archived_at timestamptz,
    CONSTRAINT pk_projects PRIMARY KEY (id),
    CONSTRAINT fk_projects_course_id FOREIGN KEY (course_id) REFERENCES courses (id) ON DELETE CASCADE,
    CONSTRAINT fk_projects_created_by FOREIGN KEY (created_by) REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT fk_projects_updated_by FOREIGN KEY (updated_by) REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT ck_projects_name_length CHECK (length(name) BETWEEN 1 AND 255),
    CONSTRAINT ck_projects_description_length CHECK (length(description) <= 4096)
);

CREATE INDEX ix_projects_course_id ON projects (course_id);
-- The default list: newest first among the rows that are not archived.
CREATE INDEX ix_projects_created ON projects (created_at DESC, id DESC) WHERE archived_at IS NULL;
CREATE INDEX ix_projects_created_by ON projects (created_by) WHERE created_by IS NOT NULL;
CREATE INDEX ix_projects_updated_by ON projects (updated_by) WHERE updated_by IS NOT NULL;
