//! A value's JSON, appended to a body. What most of a row is made of (texts, ids, times) is written
//! here, since `serde_json` looks at each byte of a text by itself; everything else is left to it.

use std::any::Any;

use serde::Serialize;

use crate::{Timestamp, Uuid};

/// Appends a value's JSON.
///
/// # Errors
/// As the value's own `Serialize` has them.
pub(crate) fn append<V: Serialize + 'static>(
    value: &V,
    out: &mut Vec<u8>,
) -> Result<(), serde_json::Error> {
    // Decided when it is compiled, once for each type.
    let any: &dyn Any = value;
    if let Some(id) = any.downcast_ref::<Uuid>() {
        append_id(*id, out);
    } else if let Some(Some(id)) = any.downcast_ref::<Option<Uuid>>() {
        append_id(*id, out);
    } else if let Some(at) = any.downcast_ref::<Timestamp>() {
        append_plain(&at.rfc3339(), out);
    } else if let Some(Some(at)) = any.downcast_ref::<Option<Timestamp>>() {
        append_plain(&at.rfc3339(), out);
    } else {
        serde_json::to_writer(out, value)?;
    }
    Ok(())
}

/// Appends a text as a JSON string (RFC 8259 §7), with the escapes that `serde_json` chooses.
pub(crate) fn append_text(text: &str, out: &mut Vec<u8>) {
    let mut rest = text.as_bytes();
    out.reserve(rest.len() + 2);
    out.push(b'"');
    while let Some(at) = first_escaped(rest) {
        let (plain, escaped) = rest.split_at(at);
        out.extend_from_slice(plain);
        append_escape(escaped[0], out);
        rest = &escaped[1..];
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

fn append_escape(byte: u8, out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let short = match byte {
        b'"' | b'\\' => byte,
        0x08 => b'b',
        b'\t' => b't',
        b'\n' => b'n',
        0x0c => b'f',
        b'\r' => b'r',
        _ => {
            let (high, low) = (usize::from(byte >> 4), usize::from(byte & 15));
            out.extend_from_slice(&[b'\\', b'u', b'0', b'0', DIGITS[high], DIGITS[low]]);
            return;
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

fn append_id(id: Uuid, out: &mut Vec<u8>) {
    let mut buffer = uuid::Uuid::encode_buffer();
    let text = id.hyphenated().encode_lower(&mut buffer);
    append_plain(text.as_bytes(), out);
}

fn append_plain(text: &[u8], out: &mut Vec<u8>) {
    out.reserve(text.len() + 2);
    out.push(b'"');
    out.extend_from_slice(text);
    out.push(b'"');
}

/// Where the first byte is that needs an escape: a control character, `"` or `\`.
fn first_escaped(text: &[u8]) -> Option<usize> {
    const CHUNK: usize = 32;
    let escaped = |byte: &u8| *byte < 0x20 || *byte == b'"' || *byte == b'\\';
    // Without a way out of the inner loop, it is compiled to a few instructions for the whole chunk.
    let any = |chunk: &[u8]| chunk.iter().fold(false, |any, byte| any | escaped(byte));
    let plain = text.chunks_exact(CHUNK).take_while(|chunk| !any(chunk));
    let from = CHUNK * plain.count();
    let at = text[from..].iter().position(escaped)?;
    Some(from + at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_written_as_serde_json_writes_it() {
        let odd = [
            "",
            "plain",
            "ä \u{2028} 😀",
            "a\"b",
            "back\\slash",
            "\u{1}",
            "\n\t",
            "\u{7f}",
        ];
        for text in odd {
            for pad in [0, 1, 31, 32, 33, 64] {
                let texts = [
                    format!("{}{text}", "x".repeat(pad)),
                    format!("{text}{}", "x".repeat(pad)),
                ];
                for text in texts {
                    let mut out = Vec::new();
                    append_text(&text, &mut out);
                    assert_eq!(out, serde_json::to_vec(&text).unwrap(), "{text:?}");
                }
            }
        }
        for byte in 0..=0x7f_u8 {
            let text = char::from(byte).to_string();
            let mut out = Vec::new();
            append_text(&text, &mut out);
            assert_eq!(out, serde_json::to_vec(&text).unwrap(), "{text:?}");
        }
    }

    #[test]
    fn ids_and_times_are_written_as_serde_json_writes_them() {
        fn same<V: Serialize + 'static>(value: &V) {
            let mut out = Vec::new();
            append(value, &mut out).unwrap();
            assert_eq!(out, serde_json::to_vec(value).unwrap());
        }
        same(&Uuid::now_v7());
        same(&Some(Uuid::now_v7()));
        same(&None::<Uuid>);
        same(&Timestamp::now());
        same(&Some(Timestamp::now()));
        same(&None::<Timestamp>);
        same(&7_i64);
        same(&Some(true));
        same(&"a\"b".to_owned());
    }
}
