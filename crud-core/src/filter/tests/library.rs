//! A library of two entities, whose columns are of every kind.

use crate::{prelude::*, registry::Registry};

diesel::table! {
    use crate::sql_types::*;
    shelves (id) {
        id -> Uuid,
        name -> Text,
        level -> Integer,
        is_public -> Bool,
        secret -> Nullable<Text>,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_by -> Nullable<Uuid>,
        properties -> Nullable<Jsonb>,
        archived_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    use crate::sql_types::*;
    books (id) {
        id -> Uuid,
        shelf_id -> Nullable<Uuid>,
        parent_id -> Nullable<Uuid>,
        title -> Text,
        note -> Nullable<Text>,
        kind -> Nullable<Text>,
        pages -> Integer,
        big -> Nullable<BigInt>,
        price -> Nullable<Double>,
        printed_at -> Nullable<Timestamptz>,
        is_lent -> Bool,
        is_new -> Nullable<Bool>,
        secret -> Nullable<Text>,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_by -> Nullable<Uuid>,
        properties -> Nullable<Jsonb>,
        archived_at -> Nullable<Timestamptz>,
    }
}

text_enum! {
    /// A kind of book.
    pub(super) enum Kind { Novel = "novel", Poem = "poem", Essay = "essay" }
}

/// A shelf.
#[derive(EntityInterface)]
#[entity(
    endpoint = "shelves", table = shelves, create = ShelfCreate, get = ShelfGet, list = ShelfGet,
    update = ShelfUpdate, query = ShelfQuery, search = shelf_search, policy = ShelfPolicy,
    relations(books = has_many(books::shelf_id -> Book))
)]
pub(super) struct Shelf;

#[dto(create, table = shelves)]
pub(super) struct ShelfCreate {
    /// Its name.
    pub name: String,
}

#[dto(get, table = shelves)]
pub(super) struct ShelfGet {
    /// Its name.
    pub name: String,
}

#[dto(update, table = shelves)]
pub(super) struct ShelfUpdate {
    /// Its name.
    pub name: Option<String>,
}

#[dto(query, table = shelves)]
pub(super) struct ShelfQuery {
    /// The name itself, by hand.
    pub called: Option<String>,
    /// Its name.
    pub name: Filter<String>,
    /// How high it is.
    pub level: Filter<i32>,
    /// What few may know.
    pub secret: Filter<String>,
    /// Its books.
    pub books: Through<Book>,
}

fn shelf_search(search: Search<shelves::table>, query: &ShelfQuery) -> Search<shelves::table> {
    search.filter_if(&query.called, |name| shelves::name.eq(name))
}

pub(super) struct ShelfPolicy;

impl Policy<shelves::table> for ShelfPolicy {
    fn scope(principal: &Principal, action: Action) -> Scope<shelves::table> {
        match action {
            _ if principal.has_role("admin") => Scope::all(),
            Action::List => Scope::eq(shelves::is_public, true),
            // Whoever knows an id may read it, and still not search.
            Action::Get => Scope::all(),
            _ => Scope::none(),
        }
    }

    fn fields(principal: &Principal) -> Fields<shelves::table> {
        match principal.has_role("admin") {
            true => Fields::all(),
            false => Fields::all().hide(shelves::secret),
        }
    }
}

/// A book.
#[derive(EntityInterface)]
#[entity(
    endpoint = "books", table = books, create = BookCreate, get = BookGet, list = BookGet,
    update = BookUpdate, query = BookQuery, search = book_search, policy = BookPolicy,
    sort(title, note, pages, price), default_sort = "title",
    relations(
        shelf = belongs_to(books::shelf_id -> Shelf),
        parent = belongs_to(books::parent_id -> Book),
        parts = has_many(books::parent_id -> Book)
    )
)]
pub(super) struct Book;

#[dto(create, table = books)]
pub(super) struct BookCreate {
    /// Its title.
    pub title: String,
}

#[dto(get, table = books)]
pub(super) struct BookGet {
    /// Its title.
    pub title: String,
}

#[dto(update, table = books)]
pub(super) struct BookUpdate {
    /// Its title.
    pub title: Option<String>,
}

#[dto(query, table = books)]
pub(super) struct BookQuery {
    /// The title itself, by hand.
    pub called: Option<String>,
    /// Its title.
    pub title: Filter<String>,
    /// What is said of it.
    pub note: Filter<String>,
    /// What it is.
    pub kind: Filter<Kind>,
    /// Its pages.
    pub pages: Filter<i32>,
    /// A big number.
    pub big: Filter<i64>,
    /// Its price.
    pub price: Filter<f64>,
    /// When it was printed.
    #[dto(column = printed_at)]
    pub printed: Filter<Timestamp>,
    /// Whether it is lent.
    pub is_lent: Filter<bool>,
    /// Whether it is new.
    pub is_new: Filter<bool>,
    /// Where it stands.
    pub shelf_id: Filter<Uuid>,
    /// Whatever else.
    pub properties: Filter<Json>,
    /// What few may know.
    pub secret: Filter<String>,
    /// Where it stands.
    pub shelf: Through<Shelf>,
    /// What it is a part of.
    pub parent: Through<Book>,
    /// Its parts.
    pub parts: Through<Book>,
}

fn book_search(search: Search<books::table>, query: &BookQuery) -> Search<books::table> {
    search.filter_if(&query.called, |title| books::title.eq(title))
}

pub(super) struct BookPolicy;

impl Policy<books::table> for BookPolicy {
    fn scope(principal: &Principal, _: Action) -> Scope<books::table> {
        match principal.has_role("admin") {
            true => Scope::all(),
            false => Scope::eq(books::is_lent, false),
        }
    }

    fn fields(principal: &Principal) -> Fields<books::table> {
        match principal.has_role("admin") {
            true => Fields::all(),
            false => Fields::all().hide(books::secret),
        }
    }
}

pub(super) fn registry() -> Registry {
    Registry::new().entity::<Shelf>().entity::<Book>()
}
