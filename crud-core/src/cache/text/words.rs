//! SQL text cut into words, names, literals and marks. Knows no grammar.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// A keyword, a name without quotes, a number or a placeholder.
    Word(&'a str),
    /// A name in double quotes, or in SQLite's backticks, without them.
    Quoted(&'a str),
    /// A text in single quotes or dollars.
    Literal,
    /// One other character.
    Mark(&'a str),
}

impl Token<'_> {
    pub(super) fn name(self) -> Option<String> {
        match self {
            Token::Word(word) => Some(word.to_ascii_lowercase()),
            Token::Quoted(name) => Some(name.replace("\"\"", "\"")),
            Token::Literal | Token::Mark(_) => None,
        }
    }
}

/// The tokens of a text, without comments.
#[derive(Clone)]
pub(super) struct Words<'a>(pub(super) &'a str);

impl<'a> Iterator for Words<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        loop {
            let text = self.0.trim_start();
            let first = text.chars().next()?;
            if let Some(comment) = text.strip_prefix("--") {
                self.0 = comment.split_once('\n').map_or("", |(_, rest)| rest);
            } else if let Some(comment) = text.strip_prefix("/*") {
                self.0 = comment.split_once("*/").map_or("", |(_, rest)| rest);
            } else if first == '"' || first == '`' {
                let (name, rest) = quoted(&text[1..], first);
                self.0 = rest;
                return Some(Token::Quoted(name));
            } else if first == '\'' {
                self.0 = quoted(&text[1..], '\'').1;
                return Some(Token::Literal);
            } else if let Some(rest) = dollar_quoted(text) {
                self.0 = rest;
                return Some(Token::Literal);
            } else if first.is_alphanumeric() || matches!(first, '_' | '$' | '?') {
                let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$');
                let end = text[first.len_utf8()..]
                    .find(|c| !is_part(c))
                    .map_or(text.len(), |end| end + first.len_utf8());
                self.0 = &text[end..];
                return Some(Token::Word(&text[..end]));
            } else {
                let (mark, rest) = text.split_at(first.len_utf8());
                self.0 = rest;
                return Some(Token::Mark(mark));
            }
        }
    }
}

/// What stands before the closing quote, and what follows it. A doubled quote closes nothing.
fn quoted(text: &str, quote: char) -> (&str, &str) {
    let mut from = 0;
    while let Some(found) = text[from..].find(quote) {
        let end = from + found;
        let rest = &text[end + 1..];
        if !rest.starts_with(quote) {
            return (&text[..end], rest);
        }
        from = end + 2;
    }
    (text, "")
}

/// What follows PostgreSQL's `$tag$ … $tag$`.
fn dollar_quoted(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('$')?;
    let (tag, rest) = inner.split_once('$')?;
    let is_tag = tag.chars().all(|c| c.is_alphanumeric() || c == '_')
        && !tag.starts_with(|c: char| c.is_ascii_digit());
    if !is_tag {
        return None;
    }
    let closing = format!("${tag}$");
    Some(rest.split_once(&*closing).map_or("", |(_, rest)| rest))
}
