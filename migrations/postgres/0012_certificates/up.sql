-- That a student completed a course. Name and title are those of the day of issue; `code` is what others verify it by.
CREATE TABLE certificates (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    enrollment_id uuid NOT NULL,
    user_email text COLLATE "C" NOT NULL,
    recipient_name text COLLATE "C" NOT NULL,
    course_title text COLLATE "C" NOT NULL,
    result text COLLATE "C",
    code text COLLATE "C" NOT NULL,
    issued_at timestamptz NOT NULL DEFAULT now(),
    version bigint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    created_by uuid,
    updated_by uuid,
    properties jsonb,
    archived_at timestamptz,
    CONSTRAINT pk_certificates PRIMARY KEY (id),
    CONSTRAINT fk_certificates_enrollment_id FOREIGN KEY (enrollment_id) REFERENCES enrollments (id) ON DELETE CASCADE,
    CONSTRAINT fk_certificates_created_by FOREIGN KEY (created_by) REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT fk_certificates_updated_by FOREIGN KEY (updated_by) REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT ck_certificates_user_email_length CHECK (length(user_email) BETWEEN 3 AND 320),
    CONSTRAINT ck_certificates_recipient_name_length CHECK (length(recipient_name) BETWEEN 1 AND 255),
    CONSTRAINT ck_certificates_course_title_length CHECK (length(course_title) BETWEEN 1 AND 255),
    CONSTRAINT ck_certificates_result_length CHECK (length(result) BETWEEN 1 AND 50),
    CONSTRAINT ck_certificates_code_length CHECK (length(code) BETWEEN 8 AND 64)
);

CREATE UNIQUE INDEX uq_certificates_enrollment ON certificates (enrollment_id) WHERE archived_at IS NULL;
CREATE INDEX ix_certificates_enrollment_id ON certificates (enrollment_id);
CREATE UNIQUE INDEX uq_certificates_code ON certificates (code);
-- The default list: newest first among the rows that are not archived.
CREATE INDEX ix_certificates_created ON certificates (created_at DESC, id DESC) WHERE archived_at IS NULL;
CREATE INDEX ix_certificates_created_by ON certificates (created_by) WHERE created_by IS NOT NULL;
CREATE INDEX ix_certificates_updated_by ON certificates (updated_by) WHERE updated_by IS NOT NULL;
