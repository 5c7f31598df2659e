//! The model of `#[derive(EntityInterface)]`.

use proc_macro2::TokenStream;
use syn::{Data, DeriveInput, Error, Fields, Ident, LitStr, Path, Result, Type};

use super::{check_table, doc, routes::Routes, short::Short};
use crate::{
    attr::entity::{CacheTtl, EntityArgs, Relation},
    diagnostics::{Errors, one_of},
};

/// Sortable on every entity, and always listed.
pub(crate) const ALWAYS_SORTED: [&str; 2] = ["created_at", "updated_at"];

/// A declared entity.
pub(crate) struct Entity {
    pub ident: Ident,
    pub name: String,
    pub description: String,
    pub endpoint: LitStr,
    pub table: Path,
    pub create: Type,
    pub get: Type,
    pub list: Type,
    pub update: Type,
    pub query: Type,
    pub policy: Type,
    pub search: Path,
    pub cache_ttl: Option<u64>,
    pub cache_partition: Option<Ident>,
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
    pub if_match_required: bool,
    pub history: bool,
    pub aggregates: Vec<Ident>,
    pub groups: Vec<Ident>,
    pub routes: Routes,
    /// What its fields say, if it has some.
    pub short: Option<Short>,
}

impl Entity {
    /// Reads and checks a declaration.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    #[expect(
        clippy::too_many_lines,
        reason = "every key is named three times, and nothing else"
    )]
    pub(crate) fn parse(item: TokenStream) -> Result<Self> {
        let input: DeriveInput = syn::parse2(item)?;
        let mut errors = Errors::default();
        errors.take(check_shape(&input));
        let Some(mut args) = EntityArgs::read(&input.attrs, &mut errors) else {
            let text = format!(
                "`{}` needs its declaration: `#[entity(endpoint = …, table = …, policy = …)]`, and a \
                 `#[field(…)]` above each field that is seen or set",
                input.ident
            );
            errors.push(Error::new_spanned(&input.ident, text));
            return Err(errors.into_error());
        };
        let routes = Routes::parse(args.routes.take(), &mut errors);
        let short = Short::parse(&input, &mut args, &routes, &mut errors);
        routes.complete(&mut args);
        if let (Some(word), None) = (&args.archivable, &short) {
            const TEXT: &str = "`archivable` is for the short form: here the get and list DTOs have \
                 `archived_at` if they declare it";
            errors.push(Error::new(word.span(), TEXT));
        }
        if let (Some(filter), None) = (args.filter.first().or(args.full_text.first()), &short) {
            const TEXT: &str = "`filter(…)` and `full_text(…)` are for the short form: here the query DTO has its filters";
            errors.push(Error::new(filter.span(), TEXT));
        }
        let EntityArgs {
            endpoint,
            table,
            create,
            get,
            list,
            update,
            query,
            search,
            policy,
            cache_ttl,
            cache_partition,
            sort,
            default_sort,
            before_create,
            before_update,
            before_write,
            after_write,
            explain,
            numbered,
            relations,
            unique,
            if_match,
            history,
            aggregates,
            groups,
            name,
            tried,
            ..
        } = args;
        report_missing(&input.ident, &tried, &mut errors);
        if let Some(endpoint) = &endpoint {
            errors.take(check_endpoint(endpoint));
        }
        if let Some(table) = &table {
            errors.take(check_table(table));
        }
        if let Some(word) = if_match.as_ref().filter(|word| *word != "required") {
            let text = "`if_match` is `required`, or left out";
            errors.push(Error::new_spanned(word, text));
        }
        check_once(&unique, &mut errors);
        let listed = match short {
            Some(_) => "no field with `sort` has",
            None => "`sort(…)` does not list",
        };
        check_sorts(&sort, default_sort.as_ref(), listed, &mut errors);
        if let (Some(column), None) = (&cache_partition, &cache_ttl) {
            const TEXT: &str = "`cache_partition` parts what is cached, and nothing is: `cache_ttl = 300` says for how long";
            errors.push(Error::new_spanned(column, TEXT));
        }
        let cache_ttl = cache_ttl
            .and_then(|ttl| errors.take(seconds(&ttl)))
            .flatten();
        let required = (
            endpoint, table, create, get, list, update, query, search, policy,
        );
        let (
            Some(endpoint),
            Some(table),
            Some(create),
            Some(get),
            Some(list),
            Some(update),
            Some(query),
            Some(search),
            Some(policy),
        ) = required
        else {
            return Err(errors.into_error());
        };
        errors.finish(Self {
            name: name.map_or_else(|| input.ident.to_string(), |name| name.value()),
            description: doc(&input.attrs),
            ident: input.ident,
            endpoint,
            table,
            create,
            get,
            list,
            update,
            query,
            policy,
            search,
            cache_ttl,
            cache_partition,
            sort,
            default_sort,
            before_create,
            before_update,
            before_write,
            after_write,
            explain,
            numbered,
            relations,
            unique,
            if_match_required: if_match.is_some(),
            history,
            aggregates,
            groups,
            routes,
            short,
        })
    }
}

fn check_shape(input: &DeriveInput) -> Result<()> {
    let fits =
        matches!(&input.data, Data::Struct(data) if !matches!(data.fields, Fields::Unnamed(_)));
    if fits && input.generics.params.is_empty() {
        return Ok(());
    }
    let text = format!(
        "an entity is a struct without parameters: with named fields, or `struct {};` and DTOs of its own",
        input.ident
    );
    Err(Error::new_spanned(&input.ident, text))
}

fn report_missing(ident: &Ident, tried: &[String], errors: &mut Errors) {
    const REQUIRED: [(&str, &str, &str); 9] = [
        (
            "endpoint",
            "an endpoint",
            "is the last segment of its path, as `\"courses\"`",
        ),
        (
            "table",
            "a table",
            "names the Diesel module that its rows live in",
        ),
        (
            "create",
            "a create DTO",
            "names the body of `POST` and `PUT`",
        ),
        ("get", "a get DTO", "names what one row is answered as"),
        (
            "list",
            "a list DTO",
            "names what a row of a list is answered as",
        ),
        ("update", "an update DTO", "names the body of `PATCH`"),
        ("query", "a query DTO", "names the filters of a list"),
        (
            "search",
            "a search",
            "names the function that turns the filters into conditions",
        ),
        (
            "policy",
            "a policy",
            "names the type that says who may do what",
        ),
    ];
    for (key, what, purpose) in REQUIRED {
        if !tried.iter().any(|word| word == key) {
            let text = format!("an entity needs {what}: `{key} = …` {purpose}");
            errors.push(Error::new_spanned(ident, text));
        }
    }
}

fn check_endpoint(endpoint: &LitStr) -> Result<()> {
    let text = endpoint.value();
    let valid = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if text.starts_with(|c: char| c.is_ascii_lowercase()) && text.chars().all(valid) {
        return Ok(());
    }
    let text = format!(
        "the endpoint {text:?} is no path segment: it is a plural in small letters, digits and `-`, \
         as `lesson-progress`"
    );
    Err(Error::new_spanned(endpoint, text))
}

fn check_once(columns: &[Ident], errors: &mut Errors) {
    for (position, column) in columns.iter().enumerate() {
        if columns[..position].contains(column) {
            let text = format!("`{column}` is given twice");
            errors.push(Error::new_spanned(column, text));
        }
    }
}

fn check_sorts(sort: &[Ident], default_sort: Option<&LitStr>, listed: &str, errors: &mut Errors) {
    check_once(sort, errors);
    let Some(default_sort) = default_sort else {
        return;
    };
    let mut valid: Vec<String> = sort.iter().map(wire_name).collect();
    for column in ALWAYS_SORTED.into_iter().chain(["id"]) {
        if !valid.iter().any(|known| known == column) {
            valid.push(column.to_owned());
        }
    }
    for term in default_sort.value().split(',') {
        let name = term.strip_prefix('-').unwrap_or(term);
        if !valid.iter().any(|known| known == name) {
            let valid: Vec<&str> = valid.iter().map(String::as_str).collect();
            let text = format!(
                "`default_sort` names {name:?}, which {listed}; expected {}",
                one_of(&valid)
            );
            errors.push(Error::new_spanned(default_sort, text));
        }
    }
}

fn wire_name(ident: &Ident) -> String {
    use syn::ext::IdentExt;
    ident.unraw().to_string()
}

fn seconds(ttl: &CacheTtl) -> Result<Option<u64>> {
    match ttl {
        CacheTtl::Off => Ok(None),
        CacheTtl::Seconds(number) => match number.base10_parse::<u64>() {
            Ok(0) => Err(Error::new_spanned(
                number,
                "a row cannot stay in the cache for 0 seconds; `cache_ttl = off` turns the cache off",
            )),
            Ok(seconds) => Ok(Some(seconds)),
            Err(_) => Err(Error::new_spanned(
                number,
                "`cache_ttl` is a number of seconds, or `off`",
            )),
        },
    }
}
