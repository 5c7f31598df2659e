-- What is marked in a course. `due_day` counts from its start; `weight` is a share of the final mark in percent.
CREATE TABLE assessments (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    course_id uuid NOT NULL,
    title text COLLATE "C" NOT NULL,
    assessment_type text COLLATE "C" NOT NULL,
    due_day integer,
    weight double precision NOT NULL DEFAULT 0,
    version bigint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    created_by uuid,
    updated_by uuid,
    properties jsonb,
    archived_at timestamptz,
    CONSTRAINT pk_assessments PRIMARY KEY (id),
    CONSTRAINT fk_assessments_course_id FOREIGN KEY (course_id) REFERENCES courses (id) ON DELETE CASCADE,
    CONSTRAINT fk_assessments_created_by FOREIGN KEY (created_by) REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT fk_assessments_updated_by FOREIGN KEY (updated_by) REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT ck_assessments_title_length CHECK (length(title) BETWEEN 1 AND 255),
    CONSTRAINT ck_assessments_assessment_type_length CHECK (length(assessment_type) BETWEEN 1 AND 50),
    CONSTRAINT ck_assessments_weight CHECK (weight BETWEEN 0 AND 100)
);

CREATE INDEX ix_assessments_course_id ON assessments (course_id);
-- The default list: newest first among the rows that are not archived.
CREATE INDEX ix_assessments_created ON assessments (created_at DESC, id DESC) WHERE archived_at IS NULL;
CREATE INDEX ix_assessments_created_by ON assessments (created_by) WHERE created_by IS NOT NULL;
CREATE INDEX ix_assessments_updated_by ON assessments (updated_by) WHERE updated_by IS NOT NULL;
