//! The short form: an entity with fields. It is written down as the explicit form would have it, DTO by
//! DTO, and read by the same model; nothing behind this knows the difference.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::{Data, DeriveInput, Error, Fields, Ident, Path, Result, Visibility, parse_quote};

use super::{
    doc,
    dto::Dto,
    routes::Routes,
    short_field::{ShortField, Written},
    short_filter,
};
use crate::{
    attr::{dto::Kind, entity::EntityArgs},
    diagnostics::Errors,
};

const KINDS: [Kind; 5] = [
    Kind::Create,
    Kind::Update,
    Kind::Get,
    Kind::List,
    Kind::Query,
];

/// What the short form writes.
pub(crate) struct Short {
    pub dtos: Vec<Dto>,
    pub search: Option<WrittenSearch>,
    /// All fields.
    pub fields: Vec<Ident>,
    /// Those that no DTO has.
    pub hidden: Vec<Ident>,
}

/// The function of the filters that look for a part of a text; all others apply by themselves.
pub(crate) struct WrittenSearch {
    pub about: String,
    pub vis: Visibility,
    pub ident: Ident,
    pub query: Ident,
    pub filters: Vec<Ident>,
}

/// The declaration as it was written.
struct Declared<'a> {
    input: &'a DeriveInput,
    fields: Vec<ShortField>,
    /// Filters on what is no field.
    filters: Vec<TokenStream>,
    /// Its rows in a sentence: the endpoint.
    many: String,
    archivable: Option<Ident>,
}

impl Short {
    /// Reads the fields, and adds to the arguments what the explicit form would say; what is wrong goes to
    /// `errors`. `None` for an entity without fields.
    pub(crate) fn parse(
        input: &DeriveInput,
        args: &mut EntityArgs,
        routes: &Routes,
        errors: &mut Errors,
    ) -> Option<Self> {
        let named = fields_of(input)?;
        let kinds = KINDS.into_iter().filter(|kind| !args.tries(kind.word()));
        let written = Written(kinds.collect());
        let mut faults = Errors::default();
        let fields = named.named.iter();
        let mut declared = Declared {
            input,
            fields: fields
                .filter_map(|field| ShortField::parse(field, &written, &mut faults))
                .collect(),
            filters: Vec::new(),
            many: many(args),
            archivable: args.archivable.clone(),
        };
        faults.take(declared.check(&written));
        if let Some(column) = args.sort.first() {
            const TEXT: &str = "in the short form a field says this itself: `#[field(…, sort)]`";
            faults.push(Error::new(column.span(), TEXT));
        }
        args.sort = declared.idents(|field| field.words.sort.is_some());
        declared.relations(args, &mut faults);
        declared.filters = short_filter::further(args, &declared.fields, &written, &mut faults);
        let is_right = errors.take(faults.finish(())).is_some();
        let mut dtos = Vec::new();
        let mut known = Vec::new();
        for kind in written.0.iter().copied() {
            let is_needed = match kind {
                Kind::Create => routes.create(),
                Kind::Update => routes.update(),
                Kind::Get | Kind::List | Kind::Query => true,
            };
            if !is_needed && !declared.has(kind) {
                continue;
            }
            let name = declared.dto_name(kind);
            args.name_dto(kind, parse_quote!(#name));
            let Some(table) = args.table.as_ref().filter(|_| is_right) else {
                continue;
            };
            let (words, item) = declared.dto(kind, table);
            match Dto::parse(words, item) {
                Ok(dto) => dtos.push(dto),
                // A fault of a field is one of every DTO that has it.
                Err(error) => errors.push_once(error, &mut known),
            }
        }
        let search = written.has(Kind::Query).then(|| declared.search());
        if let Some(search) = &search
            && !args.tries("search")
        {
            let ident = &search.ident;
            args.search = Some(parse_quote!(#ident));
            args.tried.push("search".to_owned());
        }
        Some(Self {
            dtos,
            search,
            fields: declared.idents(|_| true),
            hidden: declared.idents(|field| !field.is_told() && field.is_column()),
        })
    }

    /// The DTOs of a faulty entity as plain structs, so that whatever names them still compiles.
    pub(crate) fn stubs(item: &TokenStream) -> Vec<TokenStream> {
        let Ok(input) = syn::parse2::<DeriveInput>(item.clone()) else {
            return Vec::new();
        };
        let mut ignored = Errors::default();
        let args = EntityArgs::read(&input.attrs, &mut ignored);
        let (Some(args), Some(named)) = (args, fields_of(&input)) else {
            return Vec::new();
        };
        let kinds = KINDS.into_iter().filter(|kind| !args.tries(kind.word()));
        let written = Written(kinds.collect());
        let fields = named.named.iter();
        let declared = Declared {
            input: &input,
            fields: fields
                .filter_map(|field| ShortField::parse(field, &written, &mut ignored))
                .collect(),
            filters: Vec::new(),
            many: many(&args),
            archivable: None,
        };
        let stub = |kind: &Kind| declared.dto(*kind, &parse_quote!(table)).1;
        written.0.iter().map(stub).collect()
    }
}

fn fields_of(input: &DeriveInput) -> Option<&syn::FieldsNamed> {
    match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(named) => Some(named),
            Fields::Unnamed(_) | Fields::Unit => None,
        },
        Data::Enum(_) | Data::Union(_) => None,
    }
}

impl Declared<'_> {
    /// Fields that say nothing are a mistake if there is no other.
    fn check(&self, written: &Written) -> Result<()> {
        let ident = &self.input.ident;
        let text = if written.0.is_empty() {
            format!(
                "`{ident}` names all its DTOs, so that its fields say nothing: `struct {ident};`"
            )
        } else if self.fields.iter().any(ShortField::is_told) {
            return Ok(());
        } else {
            format!(
                "no field of `{ident}` has a `#[field(…)]`: nothing of it is seen or set\n\
                 help: the correct format looks like `#[field(all, filter, sort)] pub title: String`"
            )
        };
        Err(Error::new_spanned(ident, text))
    }

    /// Adds the relations whose keys are fields.
    fn relations(&self, args: &mut EntityArgs, errors: &mut Errors) {
        let Some(table) = args.table.clone() else {
            return;
        };
        for field in &self.fields {
            let Some(relation) = field.relation(&table, errors) else {
                continue;
            };
            if args
                .relations
                .iter()
                .any(|known| known.name == relation.name)
            {
                let text = format!("the relation `{}` is given twice", relation.name);
                errors.push(Error::new(relation.name.span(), text));
            }
            args.relations.push(relation);
        }
    }

    fn idents(&self, which: impl Fn(&ShortField) -> bool) -> Vec<Ident> {
        let found = self.fields.iter().filter(|field| which(field));
        found.map(|field| field.ident.clone()).collect()
    }

    fn has(&self, kind: Kind) -> bool {
        self.fields
            .iter()
            .any(|field| field.words.place(kind).is_some())
    }

    /// `CourseCreate`
    fn dto_name(&self, kind: Kind) -> Ident {
        let suffix = match kind {
            Kind::Create => "Create",
            Kind::Update => "Update",
            Kind::Get => "Get",
            Kind::List => "List",
            Kind::Query => "Query",
        };
        format_ident!("{}{suffix}", self.input.ident)
    }

    /// The DTO in the explicit form: what is between the brackets of `#[dto(…)]`, and the struct.
    fn dto(&self, kind: Kind, table: &Path) -> (TokenStream, TokenStream) {
        let (vis, ident) = (&self.input.vis, self.dto_name(kind));
        let about = self.about(kind);
        let fields = self.fields.iter();
        let fields = fields.filter_map(|field| field.of_dto(kind, &self.many));
        let archived = match (kind, &self.archivable) {
            (Kind::Get | Kind::List, Some(word)) => Some(quote_spanned! {word.span()=>
                /// When it was archived.
                pub archived_at: ::core::option::Option<::crud_core::Timestamp>
            }),
            _ => None,
        };
        let further = match kind {
            Kind::Query => &*self.filters,
            _ => &[],
        };
        let fields = fields.chain(archived).chain(further.iter().cloned());
        let item = quote! {
            #[doc = #about]
            #vis struct #ident { #(#fields),* }
        };
        let word = Ident::new(kind.word(), self.input.ident.span());
        (quote!(#word, table = #table), item)
    }

    fn about(&self, kind: Kind) -> String {
        let (one, doc) = (words(&self.input.ident, ' '), doc(&self.input.attrs));
        match kind {
            Kind::Create => format!("What a new {one} needs."),
            Kind::Update => format!("What can be changed of the {one}."),
            Kind::Get if !doc.is_empty() => doc,
            Kind::Get => format!("The {one}."),
            Kind::List => format!("One {one} of a list."),
            Kind::Query => format!("The filters of {}.", self.many),
        }
    }

    fn search(&self) -> WrittenSearch {
        let query = self.dto_name(Kind::Query);
        WrittenSearch {
            about: format!(
                "The conditions of those filters in [`{query}`] that look for a part of a text."
            ),
            vis: self.input.vis.clone(),
            ident: format_ident!("{}_search", words(&self.input.ident, '_')),
            query,
            filters: self.idents(ShortField::is_searched),
        }
    }
}

fn many(args: &EntityArgs) -> String {
    let endpoint = args.endpoint.as_ref().map(syn::LitStr::value);
    endpoint.unwrap_or_default().replace('-', " ")
}

/// `LessonProgress` → `lesson progress`.
fn words(name: &Ident, between: char) -> String {
    let mut words = String::new();
    for letter in name.to_string().chars() {
        if letter.is_uppercase() && !words.is_empty() {
            words.push(between);
        }
        words.extend(letter.to_lowercase());
    }
    words
}
