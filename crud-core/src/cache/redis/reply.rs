//! What a script answered, read without trust.

use bytes::Bytes;
use redis::Value;

/// A script's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reply {
    /// The epoch is gone.
    Fenced,
    /// Something is in doubt.
    Doubt,
    /// The stamps, and no body was asked for.
    Stamps(Bytes),
    /// A body, with its stamps before it.
    Hit(Bytes),
    /// The stamps; the caller loads.
    Lead(Bytes),
    /// The stamps; somebody else loads.
    Wait(Bytes),
    /// It is done.
    Done,
    /// It is done, and somebody reads what was marked.
    DoneAndRead,
    /// It was refused: something was written meanwhile.
    Refused,
    /// Nothing that our scripts say.
    Strange,
}

/// Reads an answer.
pub(super) fn reply(value: Value) -> Reply {
    let Value::Array(parts) = value else {
        return Reply::Strange;
    };
    let mut parts = parts.into_iter();
    let mut next = || match parts.next() {
        Some(Value::BulkString(bytes)) => Some(Bytes::from(bytes)),
        _ => None,
    };
    let code = next();
    match (code.as_deref(), next()) {
        (Some(b"F"), None) => Reply::Fenced,
        (Some(b"D"), None) => Reply::Doubt,
        (Some(b"K"), None) => Reply::Done,
        (Some(b"A"), None) => Reply::DoneAndRead,
        (Some(b"R"), None) => Reply::Refused,
        (Some(b"S"), Some(stamps)) => Reply::Stamps(stamps),
        (Some(b"H"), Some(body)) => Reply::Hit(body),
        (Some(b"L"), Some(stamps)) => Reply::Lead(stamps),
        (Some(b"W"), Some(stamps)) => Reply::Wait(stamps),
        _ => Reply::Strange,
    }
}
