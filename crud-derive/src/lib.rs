//! The declarations of `crud_core`: `#[derive(EntityInterface)]` and `#[dto(…)]`. An application
//! names them as `crud_core::EntityInterface` and `crud_core::dto`, never this crate.
//!
//! The way of a declaration is `attr` (words) → `model` (checked meaning) → `expand` (code), each a
//! pure function over `proc_macro2`. What is generated are declarations, never behaviour.

mod attr;
mod diagnostics;
mod expand;
mod model;
#[cfg(test)]
#[expect(
    clippy::needless_pass_by_value,
    reason = "a test writes its tokens in the call"
)]
mod tests;

use proc_macro2::TokenStream;
use syn::Error;

/// Makes a struct without fields an entity: a whole backend for one table.
///
/// ```text
/// /// What an instructor teaches.
/// #[derive(EntityInterface)]
/// #[entity(
///     endpoint = "courses",
///     table = courses,
///     create = CourseCreate, get = CourseGet, list = CourseList, update = CourseUpdate,
///     query = CourseQuery, search = course_search,
///     policy = CoursePolicy,
///     cache_ttl = 300,
///     sort(title, created_at), default_sort = "-created_at",
/// )]
/// pub struct Course;
/// ```
///
/// | key | value | left out |
/// |---|---|---|
/// | `endpoint` | the last segment of the path: small letters, digits, `-` | required |
/// | `table` | the Diesel module: `courses`, `crate::schema::courses` | required |
/// | `create` | the create DTO: the body of `POST` and `PUT` | required |
/// | `get` | the get DTO: one row | required |
/// | `list` | the list DTO: one row of a list | required |
/// | `update` | the update DTO: the body of `PATCH` | required |
/// | `query` | the query DTO: the filters of a list | required |
/// | `search` | `fn(Search<courses::table>, &CourseQuery) -> Search<courses::table>` | required |
/// | `policy` | a type that implements `Policy<courses::table>` | required |
/// | `cache_ttl` | seconds in the cache, or `off` | `off` |
/// | `sort(…)` | the columns that `sort` may name; `created_at` and `updated_at` always are | those two |
/// | `default_sort` | the order of a list that names none, as `"-created_at,title"` | `"-created_at"` |
/// | `before_create` | `fn(&mut CourseCreate, &mut Assignments<courses::table>, &Principal) -> Result<()>` | nothing |
/// | `before_update` | the same, over `CourseUpdate` | nothing |
/// | `before_write` | `async fn(&mut Before<'_, Course>) -> Result<()>`: runs in the transaction of every write, before its statement | nothing |
/// | `after_write` | `async fn(&After<'_, Course>) -> Result<()>`: the same, after its statement; an error undoes the write | nothing |
/// | `explain` | `fn(&Fault) -> Option<Error>`: why the database refused a write, in the entity's own words | the framework's words |
/// | `numbered(…)` | unique text columns whose values the server makes by `Assignments::set_numbered`: a write that loses the race for one is tried again | none |
/// | `relations(…)` | what `include=` may name: `lessons = has_many(lessons::course_id -> Lesson)`, `instructor = belongs_to(courses::instructor_id -> User)` | none |
/// | `name` | the name in messages and operation ids | the struct's name |
///
/// The doc comment describes the entity in the API's documentation. The table must have the standard
/// columns `id`, `version`, `created_at`, `updated_at`, `created_by` and `updated_by`.
#[proc_macro_derive(EntityInterface, attributes(entity))]
pub fn entity_interface(item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    entity_inner(item.into()).into()
}

/// Makes a struct with named fields a DTO. A field has the name of a column, which is its name on the
/// wire; its doc comment describes it in the API's documentation.
///
/// ```text
/// #[dto(create, table = courses)]
/// pub struct CourseCreate {
///     /// Its title.
///     #[validate(length(min = 1, max = 200))]
///     pub title: String,
///     pub description: Option<String>,
///     #[dto(default = "en")]
///     pub language: String,
/// }
/// ```
///
/// | kind | is | fields | standard fields |
/// |---|---|---|---|
/// | `create` | the body of `POST` and `PUT` | `T`; `Option<T>` may be left out | `properties` |
/// | `update` | the body of `PATCH` | `Option<T>` may be left out; `Option<Option<T>>` may be `null` too | `properties` |
/// | `get` | one row | `T`; `Option<T>` where the column can be null | `id`, `version`, `created_at`, `updated_at`, `created_by`, `updated_by`, `properties` |
/// | `list` | one row of a list | as `get` | `id`, `version`, `created_at`, `updated_at` |
/// | `query` | the filters of a list | `Option<T>` | none |
///
/// | option | means |
/// |---|---|
/// | `table = courses` | the Diesel module of the columns; every kind but `query` needs it |
/// | `bare` | no standard fields are added; one that is declared is never added twice |
///
/// | above a field | means | where |
/// |---|---|---|
/// | `#[dto(verbatim)]` | text keeps the white space around it, which is trimmed otherwise | `create`, `update` |
/// | `#[dto(default)]`, `#[dto(default = 1)]` | may be left out, and is this then | `create` |
/// | `#[dto(computed = f(a, b))]` | is no column but `f` of the fields `a` and `b`, which are; the schema has it as `readOnly` | `get`, `list` |
/// | `#[dto(not_a_column)]` | is not written; a hook uses it | `create`, `update` |
/// | `#[validate(…)]` | a rule of the `validator` crate; `length`, `range`, `regex`, `email` and `url` are in the schema too | `create`, `update` |
/// | `#[schemars(…)]` | describes the field: `example = …`, `title = …` | everywhere |
///
/// The function of a computed field takes `&str` for a `String`, `Option<&str>` for an `Option<String>`, and any
/// other field by value; it returns the field's type. A caller who may not see one of its fields does not
/// see the computed one either.
///
/// A field of type `Json` takes a JSON object in a body; an update merges it into the column (RFC
/// 7396). Types are told by their names: `Option`, `String` and `Json` are not to be renamed.
///
/// Every DTO is `Debug`, `Clone` and `JsonSchema`; all but a query are `Serialize` and `Deserialize`;
/// create and update are `Validate`; a query is `Default`. Other derives may be written below `#[dto]`.
#[proc_macro_attribute]
pub fn dto(
    args: proc_macro::TokenStream,
    item: proc_macro::TokenStream,
) -> proc_macro::TokenStream {
    dto_inner(args.into(), item.into()).into()
}

fn entity_inner(item: TokenStream) -> TokenStream {
    model::entity::Entity::parse(item)
        .map(|entity| expand::entity::expand(&entity))
        .unwrap_or_else(Error::into_compile_error)
}

fn dto_inner(args: TokenStream, item: TokenStream) -> TokenStream {
    model::dto::Dto::parse(args, item.clone())
        .map(|dto| expand::dto::expand(&dto))
        .unwrap_or_else(|error| expand::dto::faulty(&error, item))
}
