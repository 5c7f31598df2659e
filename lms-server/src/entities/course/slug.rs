//! Slugs: the names of courses in addresses.

use crud_core::{Error, Result};

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
    let slug: String = slug.trim_end_matches('-').chars().take(255).collect();
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
    fn a_text_without_letters_has_no_slug() {
        assert!(from_text("+++").is_err());
    }
}
