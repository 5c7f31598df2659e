//! Slugs: the names of courses in addresses.

use crud_core::{Error, Result};

/// Characters.
pub(super) const LONGEST: u16 = 255;

/// Lower case, words joined by `-`; everything else is dropped.
///
/// # Errors
/// 422 if nothing is left.
pub(super) fn from_text(text: &str) -> Result<String> {
    let mut slug = String::with_capacity(text.len());
    for c in text.to_lowercase().chars() {
        if c.is_alphanumeric() {
            slug.push(c);
        } else if matches!(c, ' ' | '-' | '_') && !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    let longest = slug.char_indices().nth(usize::from(LONGEST));
    slug.truncate(longest.map_or(slug.len(), |(end, _)| end));
    let slug = slug.trim_end_matches('-').to_owned();
    if slug.is_empty() {
        let detail = "The slug needs a letter or a digit; the title has none to make it from";
        return Err(Error::invalid("/slug", "slug", detail));
    }
    Ok(slug)
}

#[cfg(test)]
mod tests {
    use super::from_text;

    #[test]
    fn a_slug_is_lower_case_with_hyphens_for_spaces() {
        assert_eq!(from_text("AAA 2013J").expect("a slug"), "aaa-2013j");
        assert_eq!(
            from_text("  C++ & more -- now ").expect("a slug"),
            "c-more-now"
        );
    }

    #[test]
    fn a_slug_that_is_cut_does_not_end_in_a_hyphen() {
        let cut = from_text(&format!("{} and more", "ä".repeat(254))).expect("a slug");
        assert_eq!(cut, "ä".repeat(254));
        let cut = from_text(&"é".repeat(300)).expect("a slug");
        assert_eq!(cut.chars().count(), 255);
    }

    #[test]
    fn a_text_without_letters_has_no_slug() {
        assert!(from_text("+++").is_err());
    }
}
