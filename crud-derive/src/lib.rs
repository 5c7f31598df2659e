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

/// Makes a struct an entity: a whole backend for one table.
///
/// The short form writes the DTOs `CourseCreate`, `CourseUpdate`, `CourseGet`, `CourseList` and
/// `CourseQuery` as `#[dto]` would, with their standard fields, and the function `course_search`. A field has the name
/// of a column and the type of its value, `Option<T>` where the column can be null. A field that is not mentioned is
/// exposed nowhere.
///
/// | word of `#[field(…)]` | means |
/// |---|---|
/// | `create`, `update`, `get`, `list` | it is in that DTO |
/// | `write`, `read`, `all` | `create` and `update`; `get` and `list`; all four |
/// | `filter` | a parameter of its name finds rows by its value, with or without an operator, as a `Filter` does |
/// | `filter = contains_ci` | the same, but `title=value` finds rows with that text in it, whatever the case |
/// | `sort` | `sort` may name it; `created_at` and `updated_at` it always may |
/// | `belongs_to(User)` | it holds the id of a row of another entity, which `include=` answers under the field's name without `_id` |
/// | `optional` | a new row may leave it out, though the column can't be null: the database or a hook has a value |
/// | `default`, `default = 1` | a new row may leave it out, and has this then |
/// | `validate(…)` | a rule of the `validator` crate, for both bodies |
/// | `verbatim` | text keeps the white space around it, which is trimmed otherwise |
/// | `computed = f(a, b)` | it is no column but `f` of the fields `a` and `b` |
/// | `not_a_column` | in a body a hook uses it, as a filter the entity's own search |
/// | `schemars(…)` | describes it: `example = …` |
///
/// A row is named by what the table's column `id` holds: a `Uuid`, which the server makes; a `BigInt`, which the database
/// gives; or a `Text`, which the client gives in a field `#[field(create)] pub id: String`, or `before_create` sets.
///
/// What nobody sees cannot be filtered or sorted by. The keys of `#[entity(…)]`:
///
/// | key | value | left out |
/// |---|---|---|
/// | `endpoint` | the last segment of the path: small letters, digits, `-` | required |
/// | `table` | the Diesel module: `courses`, `crate::schema::courses` | required |
/// | `policy` | a type that implements `Policy<courses::table>` | required |
/// | `create` | the create DTO: the body of `POST` and `PUT` | written |
/// | `update` | the update DTO: the body of `PATCH` | written |
/// | `get` | the get DTO: one row | written |
/// | `list` | the list DTO: one row of a list | written |
/// | `query` | the query DTO: the filters of a list; it needs a `search` | written |
/// | `search` | `fn(Search<courses::table>, &CourseQuery) -> Search<courses::table>`; it may call `course_search` | written |
/// | `filter(…)` | filters on what is no field (short form): standard columns, and relations, through which it filters by all that their list filters by: `filter(created_at, properties, lessons)` | none |
/// | `full_text(…)` | the list takes `q=`, which looks for words in these fields (short form): `full_text(title, description)` | none |
/// | `archivable` | rows tell when they were archived (short form; any table with `archived_at` is archived by) | not in the DTOs |
/// | `routes(…)` | the actions that have routes: `get`, `list`, `create`, `update`, `archive`, `restore`, `delete`; those of `/bulk` go with them | all of them |
/// | `cache_ttl` | seconds in the cache, or `off` | `off` |
/// | `cache_partition` | a column, such as a parent's id, whose values part the cached lists: a write leaves those of other values alone | one part |
/// | `default_sort` | the order of a list that names none, as `"-created_at,title"` | `"-created_at"` |
/// | `before_create` | `fn(&mut CourseCreate, &mut Assignments<courses::table>, &Principal) -> Result<()>` | nothing |
/// | `before_update` | the same, over `CourseUpdate` | nothing |
/// | `before_write` | `async fn(&mut Before<'_, Course>) -> Result<()>`: runs in the transaction of every write, before its statement | nothing |
/// | `after_write` | `async fn(&After<'_, Course>) -> Result<()>`: the same, after its statement; an error undoes the write | nothing |
/// | `explain` | `fn(&Fault) -> Option<Error>`: why the database refused a write, in the entity's own words | the framework's words |
/// | `aggregates(…)` | the numbers and times over which `GET /things/aggregate` counts, adds and compares | none |
/// | `groups(…)` | the fields by which it groups rows | none |
/// | `numbered(…)` | unique text columns whose values the server makes by `Assignments::set_numbered`: a write that loses the race for one is tried again | none |
/// | `relations(…)` | what `include=` may name: `lessons = has_many(lessons::course_id -> Lesson)`, `instructor = belongs_to(courses::instructor_id -> User)`. `has_many(lessons::course_id -> Lesson, nested)`: a `POST` may bring such rows along | those of the fields |
/// | `unique(…)` | text columns, each in a unique index of the rows that are not archived, and all in the create DTO: `GET` and `PUT /courses/by-slug/{slug}` read, create and replace the row by one | none |
/// | `if_match` | `required`: a change without `If-Match` is refused with 428 | it may be left out |
/// | `history` | alone: keeps what rows were, for `GET /courses/{id}/history` and `?as_of=` | nothing is kept |
/// | `name` | the name in messages and operation ids | the struct's name |
///
/// A struct without fields, `struct Course;`, is the explicit form. It names all six parts itself, and its sortable
/// columns in `sort(title, price)`. Without `create` and `update` among its `routes` it needs no DTO for them.
///
/// The doc comments describe the entity and its fields in the API's documentation. The table must have the standard
/// columns `id`, `version`, `created_at`, `updated_at`, `created_by` and `updated_by`.
#[proc_macro_derive(EntityInterface, attributes(entity, field, validate, schemars))]
pub fn entity_interface(item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    entity_inner(item.into()).into()
}

/// Makes a struct with named fields a DTO. A field has the name of a column, which is its name on the
/// wire; its doc comment describes it in the API's documentation.
///
/// | kind | is | fields | standard fields |
/// |---|---|---|---|
/// | `create` | the body of `POST` and `PUT` | `T`; `Option<T>` may be left out | `properties` |
/// | `update` | the body of `PATCH` | `Option<T>` may be left out; `Option<Option<T>>` may be `null` too | `properties` |
/// | `get` | one row | `T`; `Option<T>` where the column can be null | `id`, `version`, `created_at`, `updated_at`, `created_by`, `updated_by`, `properties` |
/// | `list` | one row of a list | as `get` | `id`, `version`, `created_at`, `updated_at` |
/// | `query` | the filters of a list | `Option<T>`, handled by the search function; `Filter<T>`, `FullText<C>` and `Through<E>`, which apply by themselves | none |
///
/// | option | means |
/// |---|---|
/// | `table = courses` | the Diesel module of the columns; a `query` needs it if it has a `Filter` |
/// | `bare` | no standard fields are added; one that is declared is never added twice |
///
/// | above a field | means | where |
/// |---|---|---|
/// | `#[dto(verbatim)]` | text keeps the white space around it, which is trimmed otherwise | `create`, `update` |
/// | `#[dto(default)]`, `#[dto(default = 1)]` | may be left out, and is this then | `create` |
/// | `#[dto(computed = f(a, b))]` | is no column but `f` of the fields `a` and `b`, which are; the schema has it as `readOnly` | `get`, `list` |
/// | `#[dto(column = created_at)]` | filters this column, not the one of its name | a `Filter` of a `query` |
/// | `#[dto(by_hand)]` | leaves `field=value` to the search function, as `query.field.plain()`; operators apply by themselves | a `Filter` of a `query` |
/// | `#[dto(not_a_column)]` | is not written; a hook uses it | `create`, `update` |
/// | `#[validate(…)]` | a rule of the `validator` crate; `length`, `range`, `regex`, `email` and `url` are in the schema too | `create`, `update` |
/// | `#[schemars(…)]` | describes the field: `example = …`, `title = …` | everywhere |
///
/// The function of a computed field takes `&str` for a `String`, `Option<&str>` for an `Option<String>`, and any
/// other field by value; it returns the field's type. A caller who may not see one of its fields does not
/// see the computed one either.
///
/// A field of type `Json` takes a JSON object in a body; an update merges it into the column (RFC
/// 7396). Types are told by their names: `Option`, `String`, `Json`, `Filter`, `FullText` and `Through` are not to be renamed.
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
    model::entity::Entity::parse(item.clone())
        .map(|entity| expand::entity::expand(&entity))
        .unwrap_or_else(|error| expand::entity::faulty(&error, &item))
}

fn dto_inner(args: TokenStream, item: TokenStream) -> TokenStream {
    model::dto::Dto::parse(args, item.clone())
        .map(|dto| expand::dto::expand(&dto))
        .unwrap_or_else(|error| expand::dto::faulty(&error, item))
}
