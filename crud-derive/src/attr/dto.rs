//! The grammar of `#[dto(…)]`: above a struct (its kind and options) and above a field.

use proc_macro2::{Span, TokenStream};
use syn::{
    Attribute, Error, Expr, Ident, Path, Result, Token, ext::IdentExt, parse::ParseStream,
    spanned::Spanned,
};

use super::{Grammar, arguments, entries, parse_all, value};
use crate::diagnostics::{Errors, one_of, unknown};

const KINDS: &[&str] = &["create", "update", "get", "list", "query"];
const STRUCT: Grammar = Grammar {
    what: "option of `#[dto]`",
    words: &["table", "bare"],
};
const QUERY: Grammar = Grammar {
    what: "option of `#[dto(query)]`",
    words: &["table"],
};
const FIELD: Grammar = Grammar {
    what: "option of a DTO field",
    words: &[
        "verbatim",
        "default",
        "not_a_column",
        "computed",
        "column",
        "by_hand",
    ],
};

/// What a struct is a DTO for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Create,
    Update,
    Get,
    List,
    Query,
}

impl Kind {
    /// Its word.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Get => "get",
            Self::List => "list",
            Self::Query => "query",
        }
    }
}

/// The arguments above a struct.
pub(crate) struct DtoArgs {
    pub kind: Kind,
    pub kind_span: Span,
    pub table: Option<Path>,
    pub bare: bool,
    /// Whether `table` was given, be it wrongly.
    pub table_tried: bool,
}

impl DtoArgs {
    /// Reads `create, table = courses, bare`; `None` when the kind itself is missing or wrong.
    pub(crate) fn read(tokens: TokenStream, errors: &mut Errors) -> Option<Self> {
        let mut args = None;
        parse_all(tokens, errors, |input, errors| {
            args = Self::parse(input, errors)
        });
        args
    }

    fn parse(input: ParseStream<'_>, errors: &mut Errors) -> Option<Self> {
        let Ok(word) = input.call(Ident::parse_any) else {
            let text = format!(
                "`#[dto]` needs the kind of DTO first, {}\n\
                 help: the correct format looks like `#[dto(create, table = courses)]`",
                one_of(KINDS)
            );
            errors.push(Error::new(input.span(), text));
            skip(input);
            return None;
        };
        let Some(kind) = kind(&word) else {
            errors.push(unknown(&word, "kind of DTO", KINDS));
            skip(input);
            return None;
        };
        let mut args = Self {
            kind,
            kind_span: word.span(),
            table: None,
            bare: false,
            table_tried: false,
        };
        if !input.is_empty() && input.parse::<Token![,]>().is_err() {
            errors.push(input.error("expected `,`"));
            skip(input);
            return Some(args);
        }
        let grammar = if kind == Kind::Query { &QUERY } else { &STRUCT };
        entries(
            input,
            grammar,
            &mut Vec::new(),
            errors,
            &mut |key, input| {
                match key.to_string().as_str() {
                    "table" => {
                        args.table_tried = true;
                        args.table = Some(value(key, input, "table = courses")?);
                    }
                    "bare" if kind != Kind::Query => args.bare = true,
                    _ => return Ok(false),
                }
                Ok(true)
            },
        );
        Some(args)
    }
}

fn kind(word: &Ident) -> Option<Kind> {
    match word.to_string().as_str() {
        "create" => Some(Kind::Create),
        "update" => Some(Kind::Update),
        "get" => Some(Kind::Get),
        "list" => Some(Kind::List),
        "query" => Some(Kind::Query),
        _ => None,
    }
}

fn skip(input: ParseStream<'_>) {
    // Cannot fail: every rest is a token stream.
    let _ = input.parse::<TokenStream>();
}

/// The options above a field.
#[derive(Default)]
pub(crate) struct FieldArgs {
    pub verbatim: Option<Ident>,
    pub default: Option<(Ident, Option<Expr>)>,
    pub not_a_column: Option<Ident>,
    pub computed: Option<(Ident, Computed)>,
    pub column: Option<(Ident, Ident)>,
    pub by_hand: Option<Ident>,
}

/// `display_name(name, is_active)`: a function, and the fields that it takes.
#[derive(Clone)]
pub(crate) struct Computed {
    pub function: Path,
    pub fields: Vec<Ident>,
}

impl Computed {
    fn of(key: &Ident, expr: &Expr) -> Result<Self> {
        const TEXT: &str = "a computed field names a function and the fields that it takes\n\
             help: the correct format looks like `computed = full_name(first_name, last_name)`";
        let wrong = |span| Error::new(span, TEXT);
        let Expr::Call(call) = expr else {
            return Err(wrong(expr.span()));
        };
        let Expr::Path(function) = &*call.func else {
            return Err(wrong(call.func.span()));
        };
        let field = |argument: &Expr| match argument {
            Expr::Path(path) => path.path.get_ident().cloned(),
            _ => None,
        };
        let fields: Result<Vec<_>> = call
            .args
            .iter()
            .map(|argument| field(argument).ok_or_else(|| wrong(argument.span())))
            .collect();
        let fields = fields?;
        if fields.is_empty() {
            return Err(wrong(key.span()));
        }
        Ok(Self {
            function: function.path.clone(),
            fields,
        })
    }
}

impl FieldArgs {
    /// Reads every `#[dto(…)]` among the field's attributes.
    pub(crate) fn read(attributes: &[Attribute], errors: &mut Errors) -> Self {
        let mut args = Self::default();
        let mut seen = Vec::new();
        for attribute in attributes.iter().filter(|a| a.path().is_ident("dto")) {
            let Some(tokens) = errors.take(arguments(attribute)) else {
                continue;
            };
            parse_all(tokens, errors, |input, errors| {
                entries(input, &FIELD, &mut seen, errors, &mut |key, input| {
                    args.entry(key, input)
                });
            });
        }
        args
    }

    fn entry(&mut self, key: &Ident, input: ParseStream<'_>) -> Result<bool> {
        match key.to_string().as_str() {
            "verbatim" => self.verbatim = Some(key.clone()),
            "not_a_column" => self.not_a_column = Some(key.clone()),
            "default" if input.peek(Token![=]) => {
                self.default = Some((key.clone(), Some(value(key, input, "default = 1")?)));
            }
            "default" => self.default = Some((key.clone(), None)),
            "by_hand" => self.by_hand = Some(key.clone()),
            "column" => {
                self.column = Some((key.clone(), value(key, input, "column = created_at")?));
            }
            "computed" => {
                let expr: Expr = value(key, input, "computed = full_name(first_name, last_name)")?;
                self.computed = Some((key.clone(), Computed::of(key, &expr)?));
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}
