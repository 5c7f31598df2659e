//! The schema's history; the files are in `migrations/`, and in the binary.

crud_core::migrations! { "../migrations";
    1 "0001_cache",
    2 "0002_idempotency",
}
