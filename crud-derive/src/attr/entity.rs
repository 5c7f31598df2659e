//! The grammar of `#[entity(…)]`.

use syn::{
    Attribute, Error, Ident, LitInt, LitStr, Path, Result, Token, Type,
    ext::IdentExt,
    parenthesized,
    parse::{Parse, ParseStream},
    punctuated::Punctuated,
};

use super::{Grammar, arguments, dto::Kind, entries, parse_all, value};
use crate::diagnostics::{Errors, unknown};

const GRAMMAR: Grammar = Grammar {
    what: "key of `#[entity]`",
    words: &[
        "endpoint",
        "table",
        "create",
        "get",
        "list",
        "update",
        "query",
        "search",
        "policy",
        "cache_ttl",
        "cache_partition",
        "filter",
        "full_text",
        "sort",
        "default_sort",
        "before_create",
        "before_update",
        "before_write",
        "after_write",
        "explain",
        "numbered",
        "relations",
        "unique",
        "if_match",
        "history",
        "aggregates",
        "groups",
        "routes",
        "archivable",
        "name",
    ],
};

/// The keys as they were written; whether one is missing or wrong is the model's to say.
#[derive(Default)]
pub(crate) struct EntityArgs {
    pub endpoint: Option<LitStr>,
    pub table: Option<Path>,
    pub create: Option<Type>,
    pub get: Option<Type>,
    pub list: Option<Type>,
    pub update: Option<Type>,
    pub query: Option<Type>,
    pub search: Option<Path>,
    pub policy: Option<Type>,
    pub cache_ttl: Option<CacheTtl>,
    pub cache_partition: Option<Ident>,
    /// Of the short form: filters on what is no field of it.
    pub filter: Vec<Ident>,
    /// Of the short form: the columns in which `q=` looks for words.
    pub full_text: Vec<Ident>,
    pub sort: Vec<Ident>,
    pub default_sort: Option<LitStr>,
    pub before_create: Option<Path>,
    pub before_update: Option<Path>,
    pub before_write: Option<Path>,
    pub after_write: Option<Path>,
    pub explain: Option<Path>,
    pub numbered: Vec<Ident>,
    pub relations: Vec<Relation>,
    pub unique: Vec<Ident>,
    pub if_match: Option<Ident>,
    pub history: bool,
    pub aggregates: Vec<Ident>,
    pub groups: Vec<Ident>,
    /// The actions that have routes; `None`: all of them.
    pub routes: Option<Vec<Ident>>,
    pub archivable: Option<Ident>,
    pub name: Option<LitStr>,
    /// The words given, faulty values included: what was tried is not missing.
    pub tried: Vec<String>,
}

/// The value of `cache_ttl`.
pub(crate) enum CacheTtl {
    Off,
    Seconds(LitInt),
}

impl EntityArgs {
    /// Reads every `#[entity(…)]` among the attributes; `None` when there is none.
    pub(crate) fn read(attributes: &[Attribute], errors: &mut Errors) -> Option<Self> {
        let mut args = Self::default();
        let mut seen = Vec::new();
        let mut found = false;
        for attribute in attributes.iter().filter(|a| a.path().is_ident("entity")) {
            found = true;
            let Some(tokens) = errors.take(arguments(attribute)) else {
                continue;
            };
            parse_all(tokens, errors, |input, errors| {
                entries(input, &GRAMMAR, &mut seen, errors, &mut |key, input| {
                    args.entry(key, input)
                });
            });
        }
        found.then_some(args)
    }

    /// Whether a key was given, be it wrongly.
    pub(crate) fn tries(&self, key: &str) -> bool {
        self.tried.iter().any(|word| word == key)
    }

    /// Names a DTO, as its key would.
    pub(crate) fn name_dto(&mut self, kind: Kind, name: Type) {
        let place = match kind {
            Kind::Create => &mut self.create,
            Kind::Update => &mut self.update,
            Kind::Get => &mut self.get,
            Kind::List => &mut self.list,
            Kind::Query => &mut self.query,
        };
        *place = Some(name);
        self.tried.push(kind.word().to_owned());
    }

    fn entry(&mut self, key: &Ident, input: ParseStream<'_>) -> Result<bool> {
        self.tried.push(key.to_string());
        match key.to_string().as_str() {
            "endpoint" => self.endpoint = Some(value(key, input, "endpoint = \"courses\"")?),
            "table" => self.table = Some(value(key, input, "table = courses")?),
            "create" => self.create = Some(value(key, input, "create = CourseCreate")?),
            "get" => self.get = Some(value(key, input, "get = CourseGet")?),
            "list" => self.list = Some(value(key, input, "list = CourseList")?),
            "update" => self.update = Some(value(key, input, "update = CourseUpdate")?),
            "query" => self.query = Some(value(key, input, "query = CourseQuery")?),
            "search" => self.search = Some(value(key, input, "search = course_search")?),
            "policy" => self.policy = Some(value(key, input, "policy = CoursePolicy")?),
            "cache_ttl" => self.cache_ttl = Some(cache_ttl(key, input)?),
            "cache_partition" => {
                self.cache_partition = Some(value(key, input, "cache_partition = course_id")?);
            }
            "filter" => self.filter = columns(key, input)?,
            "full_text" => self.full_text = columns(key, input)?,
            "sort" => self.sort = columns(key, input)?,
            "default_sort" => {
                self.default_sort = Some(value(key, input, "default_sort = \"-created_at\"")?);
            }
            "before_create" => self.before_create = Some(value(key, input, "before_create = f")?),
            "before_update" => self.before_update = Some(value(key, input, "before_update = f")?),
            "before_write" => self.before_write = Some(value(key, input, "before_write = f")?),
            "after_write" => self.after_write = Some(value(key, input, "after_write = f")?),
            "explain" => self.explain = Some(value(key, input, "explain = f")?),
            "numbered" => self.numbered = columns(key, input)?,
            "relations" => self.relations = relations(key, input)?,
            "unique" => self.unique = columns(key, input)?,
            "if_match" => self.if_match = Some(value(key, input, "if_match = required")?),
            "history" => self.history = alone(key, input)?,
            "aggregates" => self.aggregates = columns(key, input)?,
            "groups" => self.groups = columns(key, input)?,
            "routes" => self.routes = Some(columns(key, input)?),
            "archivable" => self.archivable = Some(key.clone()),
            "name" => self.name = Some(value(key, input, "name = \"Course\"")?),
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// A word without a value.
fn alone(key: &Ident, input: ParseStream<'_>) -> Result<bool> {
    match input.is_empty() || input.peek(Token![,]) {
        true => Ok(true),
        false => {
            let text = format!("`{key}` takes no value: it is there, or it is left out");
            Err(Error::new(key.span(), text))
        }
    }
}

fn cache_ttl(key: &Ident, input: ParseStream<'_>) -> Result<CacheTtl> {
    const HELP: &str = "`cache_ttl` is a number of seconds, or `off`\n\
                        help: the correct format looks like `cache_ttl = 300`";
    if !input.peek(Token![=]) {
        return Err(Error::new(key.span(), HELP));
    }
    input.parse::<Token![=]>()?;
    if input.peek(LitInt) {
        return Ok(CacheTtl::Seconds(input.parse()?));
    }
    match input.parse::<Ident>() {
        Ok(word) if word == "off" => Ok(CacheTtl::Off),
        Ok(word) => Err(Error::new(word.span(), HELP)),
        Err(error) => Err(Error::new(error.span(), HELP)),
    }
}

/// `lessons = has_many(lessons::course_id -> Lesson)`
pub(crate) struct Relation {
    pub name: Ident,
    pub many: bool,
    pub column: Path,
    pub entity: Type,
    /// Whether its rows may come with a new one.
    pub nested: bool,
}

impl Parse for Relation {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let name = input.call(Ident::parse_any)?;
        input.parse::<Token![=]>()?;
        let kind: Ident = input.parse()?;
        let many = match kind.to_string().as_str() {
            "has_many" => true,
            "belongs_to" => false,
            _ => {
                let what = "kind of relation";
                return Err(unknown(&kind, what, &["has_many", "belongs_to"]));
            }
        };
        let inside;
        parenthesized!(inside in input);
        let column = inside.parse()?;
        inside.parse::<Token![->]>()?;
        let entity = inside.parse()?;
        let nested = inside.peek(Token![,]) && is_nested(&inside, many)?;
        match inside.is_empty() {
            true => Ok(Self {
                name,
                many,
                column,
                entity,
                nested,
            }),
            false => Err(inside.error("expected `)`")),
        }
    }
}

/// The word behind the entity of a relation.
fn is_nested(input: ParseStream<'_>, many: bool) -> Result<bool> {
    input.parse::<Token![,]>()?;
    let word: Ident = input.parse()?;
    if word != "nested" {
        return Err(unknown(&word, "word of a relation", &["nested"]));
    }
    if !many {
        let text =
            "`nested` is for `has_many`: only rows that belong to a new one can come with it";
        return Err(Error::new(word.span(), text));
    }
    Ok(true)
}

fn relations(key: &Ident, input: ParseStream<'_>) -> Result<Vec<Relation>> {
    let help = "help: the correct format looks like `relations(lessons = has_many(lessons::course_id -> \
                Lesson), author = belongs_to(courses::author_id -> User))`";
    if !input.peek(syn::token::Paren) {
        let text = format!("`{key}` holds its relations in brackets\n{help}");
        return Err(Error::new(key.span(), text));
    }
    let inside;
    parenthesized!(inside in input);
    let relations = Punctuated::<Relation, Token![,]>::parse_terminated(&inside)
        .map_err(|error| Error::new(error.span(), format!("{error}\n{help}")))?;
    let mut known: Vec<String> = Vec::new();
    for relation in &relations {
        let name = relation.name.to_string();
        if known.contains(&name) {
            let text = format!("`{name}` is given twice");
            return Err(Error::new(relation.name.span(), text));
        }
        known.push(name);
    }
    Ok(relations.into_iter().collect())
}

/// Names in brackets: columns, filters, or actions.
fn columns(key: &Ident, input: ParseStream<'_>) -> Result<Vec<Ident>> {
    let (help, what) = match &*key.to_string() {
        "sort" => ("sort(title, created_at)", "column"),
        "filter" => ("filter(created_at, lessons)", "filter"),
        "full_text" => ("full_text(title, description)", "column"),
        "routes" => ("routes(get, list)", "route"),
        "unique" => ("unique(slug)", "column"),
        "aggregates" => ("aggregates(score)", "column"),
        "groups" => ("groups(course_id)", "column"),
        _ => ("numbered(slug)", "column"),
    };
    let help = format!("help: the correct format looks like `{help}`");
    if !input.peek(syn::token::Paren) {
        let text = format!("`{key}` names {what}s in brackets\n{help}");
        return Err(Error::new(key.span(), text));
    }
    let inside;
    parenthesized!(inside in input);
    let columns: Result<Punctuated<Ident, Token![,]>> =
        Punctuated::parse_terminated_with(&inside, Ident::parse_any);
    match columns {
        Ok(columns) => Ok(columns.into_iter().collect()),
        Err(error) => {
            let text = format!("expected the name of a {what}\n{help}");
            Err(Error::new(error.span(), text))
        }
    }
}
