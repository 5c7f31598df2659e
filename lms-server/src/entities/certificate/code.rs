//! The code by which others verify a certificate: whoever has it has seen the document.

use crud_core::{Result, auth::OpaqueToken};

/// Crockford's letters: none looks like another.
const LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const GROUPS: usize = 5;
const GROUP: usize = 5;

/// A new code: 25 random letters of 32, which are 125 bits, in groups of five.
///
/// # Errors
/// 500 when there is no randomness to be had.
pub fn new_code() -> Result<String> {
    let random = OpaqueToken::hash(&OpaqueToken::new()?.into_text());
    let letters = random.iter().map(|byte| LETTERS[usize::from(byte % 32)]);
    Ok(grouped(letters.map(char::from).take(GROUPS * GROUP)))
}

/// A code as somebody typed it, in the form that is stored; none if it can't be one.
pub(super) fn read(typed: &str) -> Option<String> {
    if typed.len() > 64 {
        return None;
    }
    let letters = typed.chars().filter(|c| !matches!(c, '-' | ' '));
    let letters = letters.map(|c| match c.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        other => other,
    });
    let letters: Vec<char> = letters.collect();
    let is_code = letters.len() == GROUPS * GROUP
        && letters
            .iter()
            .all(|c| u8::try_from(*c).is_ok_and(|byte| LETTERS.contains(&byte)));
    is_code.then(|| grouped(letters.into_iter()))
}

fn grouped(letters: impl Iterator<Item = char>) -> String {
    let mut code = String::with_capacity(GROUPS * (GROUP + 1));
    for (n, letter) in letters.enumerate() {
        if n > 0 && n % GROUP == 0 {
            code.push('-');
        }
        code.push(letter);
    }
    code
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_back_however_it_is_typed() {
        let code = new_code().unwrap();
        assert_eq!(code.len(), 29, "{code}");
        assert_ne!(code, new_code().unwrap());
        let typed = code.to_lowercase().replace('-', " ").replace('0', "o");
        assert_eq!(read(&typed), Some(code));
    }

    #[test]
    fn what_cannot_be_a_code_is_none() {
        for typed in ["", "U", "AAAAA-AAAAA", "ÄÄÄÄÄ-ÄÄÄÄÄ-ÄÄÄÄÄ-ÄÄÄÄÄ-ÄÄÄÄÄ"]
        {
            assert_eq!(read(typed), None, "{typed}");
        }
        assert_eq!(read(&"A".repeat(1000)), None);
    }
}
