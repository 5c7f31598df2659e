-- That a student completed a course. Name and title are those of the day of issue; `code` is what others verify it by.
CREATE TABLE certificates (
    id BLOB NOT NULL DEFAULT (randomblob(16)),
    enrollment_id BLOB NOT NULL,
    user_email TEXT NOT NULL,
    recipient_name TEXT NOT NULL,
    course_title TEXT NOT NULL,
    result TEXT,
    code TEXT NOT NULL,
    issued_at INTEGER NOT NULL DEFAULT (CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER) * 1000),
    version INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL DEFAULT (CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER) * 1000),
    updated_at INTEGER NOT NULL DEFAULT (CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER) * 1000),
    created_by BLOB,
    updated_by BLOB,
    properties TEXT,
    archived_at INTEGER,
    CONSTRAINT pk_certificates PRIMARY KEY (id),
    CONSTRAINT fk_certificates_enrollment_id FOREIGN KEY (enrollment_id) REFERENCES enrollments (id) ON DELETE CASCADE,
    CONSTRAINT fk_certificates_created_by FOREIGN KEY (created_by) REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT fk_certificates_updated_by FOREIGN KEY (updated_by) REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT ck_certificates_user_email_length CHECK (length(user_email) BETWEEN 3 AND 320),
    CONSTRAINT ck_certificates_recipient_name_length CHECK (length(recipient_name) BETWEEN 1 AND 255),
    CONSTRAINT ck_certificates_course_title_length CHECK (length(course_title) BETWEEN 1 AND 255),
    CONSTRAINT ck_certificates_result_length CHECK (length(result) BETWEEN 1 AND 50),
    CONSTRAINT ck_certificates_code_length CHECK (length(code) BETWEEN 8 AND 64),
    CONSTRAINT ty_certificates_id CHECK (length(id) = 16),
    CONSTRAINT ty_certificates_enrollment_id CHECK (length(enrollment_id) = 16),
    CONSTRAINT ty_certificates_created_by CHECK (length(created_by) = 16),
    CONSTRAINT ty_certificates_updated_by CHECK (length(updated_by) = 16),
    CONSTRAINT ty_certificates_properties CHECK (properties IS NULL OR json_valid(properties))
) STRICT;

CREATE UNIQUE INDEX uq_certificates_enrollment ON certificates (enrollment_id) WHERE archived_at IS NULL;
CREATE INDEX ix_certificates_enrollment_id ON certificates (enrollment_id);
CREATE UNIQUE INDEX uq_certificates_code ON certificates (code);
-- The default list: newest first among the rows that are not archived.
CREATE INDEX ix_certificates_created ON certificates (created_at DESC, id DESC) WHERE archived_at IS NULL;
CREATE INDEX ix_certificates_created_by ON certificates (created_by) WHERE created_by IS NOT NULL;
CREATE INDEX ix_certificates_updated_by ON certificates (updated_by) WHERE updated_by IS NOT NULL;
