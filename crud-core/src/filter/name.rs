//! The name of a filter's parameter: `score`, `score[gte]`, `properties[a.b][gte]`, `course.category[in]`.

/// A name taken apart. What its parts mean is for who knows the declaration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Name<'a> {
    /// Up to the first dot or bracket.
    pub(super) field: &'a str,
    /// What follows a dot: a name of the related entity.
    pub(super) inner: Option<&'a str>,
    /// What stands in brackets, at most two.
    pub(super) brackets: [Option<&'a str>; 2],
}

impl<'a> Name<'a> {
    /// `None` if it has no such form.
    pub(super) fn parse(name: &'a str) -> Option<Self> {
        let end = name.find(['.', '[']).unwrap_or(name.len());
        let (field, rest) = name.split_at(end);
        if let Some(inner) = rest.strip_prefix('.') {
            return Some(Self {
                field,
                inner: Some(inner),
                brackets: [None; 2],
            });
        }
        let (first, rest) = bracket(rest)?;
        let (second, rest) = bracket(rest)?;
        rest.is_empty().then_some(Self {
            field,
            inner: None,
            brackets: [first, second],
        })
    }
}

/// A bracket's content, if there is one, and what follows it.
fn bracket(text: &str) -> Option<(Option<&str>, &str)> {
    match text.strip_prefix('[') {
        Some(open) => {
            let (inside, rest) = open.split_once(']')?;
            Some((Some(inside), rest))
        }
        None => Some((None, text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name<'a>(
        field: &'a str,
        inner: Option<&'a str>,
        brackets: [Option<&'a str>; 2],
    ) -> Option<Name<'a>> {
        Some(Name {
            field,
            inner,
            brackets,
        })
    }

    #[test]
    fn a_name_is_taken_apart() {
        assert_eq!(Name::parse("score"), name("score", None, [None; 2]));
        assert_eq!(
            Name::parse("score[gte]"),
            name("score", None, [Some("gte"), None])
        );
        assert_eq!(
            Name::parse("properties[a.b][in]"),
            name("properties", None, [Some("a.b"), Some("in")])
        );
        assert_eq!(
            Name::parse("course.category[in]"),
            name("course", Some("category[in]"), [None; 2])
        );
        for wrong in ["score[gte", "score]gte", "a[b][c][d]", "a[b]c"] {
            assert!(
                Name::parse(wrong).is_none_or(|name| name.field == wrong),
                "{wrong}"
            );
        }
    }
}
