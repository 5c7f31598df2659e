//! The sentence for each mistake in `#[field(…)]`, and in `#[entity(…)]` above an entity with fields.

use proc_macro2::TokenStream;
use quote::quote;

use super::{assert_one, sentences};
use crate::model::entity::Entity;

fn of_course(more: TokenStream, fields: TokenStream) -> Vec<String> {
    let item = quote! {
        #[entity(endpoint = "courses", table = courses, policy = P, #more)]
        pub struct Course { #fields }
    };
    sentences(Entity::parse(item).err())
}

fn of_field(field: TokenStream) -> Vec<String> {
    of_course(quote!(), quote!(#[field(read)] other: String, #field))
}

#[test]
fn an_unknown_word_is_answered_with_the_valid_ones_and_the_nearest() {
    assert_one(
        of_field(quote!(#[field(reed)] title: String)),
        "unknown word of `#[field]` `reed`, expected one of `create`, `update`, `get`, `list`, `write`, `read`, \
         `all`, `filter`, `sort`, `belongs_to`, `optional`, `default`, `verbatim`, `computed`, `not_a_column`, \
         `validate`, `schemars`\nhelp: did you mean `read`?",
    );
}

#[test]
fn a_word_is_given_once() {
    assert_one(
        of_field(quote!(#[field(read, sort, sort)] title: String)),
        "`sort` is given twice",
    );
    assert_one(
        of_field(quote!(#[field(read, list)] title: String)),
        "`list` repeats what `read` says",
    );
    assert_one(
        of_field(quote!(#[field(create, all)] title: String)),
        "`all` repeats what `create` says",
    );
}

#[test]
fn an_attribute_that_says_nothing_is_refused() {
    assert_one(
        of_field(quote!(#[field()] title: String)),
        "`#[field]` says where a column is seen and set\nhelp: the correct format looks like `#[field(all, filter, sort)]`",
    );
}

#[test]
fn an_entity_of_which_nothing_is_seen_or_set_is_refused() {
    assert_one(
        of_course(quote!(), quote!(title: String)),
        "no field of `Course` has a `#[field(…)]`: nothing of it is seen or set\nhelp: the correct format looks \
         like `#[field(all, filter, sort)] pub title: String`",
    );
    assert_eq!(of_course(quote!(), quote!()).len(), 1);
}

#[test]
fn fields_beside_dtos_of_its_own_are_refused() {
    assert_one(
        of_course(
            quote!(
                create = C,
                update = U,
                get = G,
                list = L,
                query = Q,
                search = s
            ),
            quote!(title: String),
        ),
        "`Course` names all its DTOs, so that its fields say nothing: `struct Course;`",
    );
}

#[test]
fn a_word_for_a_dto_that_is_replaced_is_refused() {
    assert_one(
        of_course(
            quote!(create = New),
            quote!(#[field(create, read)] title: String),
        ),
        "the entity names its create DTO itself: what is in it is said there, not here",
    );
    assert_one(
        of_course(
            quote!(query = Q, search = s),
            quote!(#[field(all, filter)] title: String),
        ),
        "the entity names its query DTO itself: its filters are said there, not here",
    );
    assert!(of_course(quote!(create = New), quote!(#[field(all)] title: String)).is_empty());
}

#[test]
fn filters_of_its_own_need_a_search_of_its_own() {
    assert_one(
        of_course(quote!(query = Q), quote!(#[field(all)] title: String)),
        "an entity needs a search: `search = …` names the function that turns the filters into conditions",
    );
}

#[test]
fn what_nobody_sees_is_not_filtered_or_sorted_by() {
    let sentence =
        "would tell what is hidden: nobody sees this field, which needs `get`, `list` or `read`";
    assert_one(
        of_field(quote!(#[field(write, filter)] title: String)),
        &format!("`filter` {sentence}"),
    );
    assert_one(
        of_field(quote!(#[field(sort)] title: String)),
        &format!("`sort` {sentence}"),
    );
    // Everyone sees the standard columns.
    assert!(of_field(quote!(#[field(filter, sort)] created_by: Option<Uuid>)).is_empty());
}

#[test]
fn what_has_no_values_to_compare_is_not_filtered_or_sorted_by() {
    assert_one(
        of_field(quote!(#[field(read, sort)] facts: Option<Json>)),
        "`sort` compares values: a JSON column has none to compare",
    );
    assert_one(
        of_field(quote!(#[field(read, computed = f(other), sort)] loud: String)),
        "`sort` is for columns: the database does not know this field",
    );
    assert_one(
        of_field(quote!(#[field(read, filter = contains_ci)] pages: i32)),
        "`contains_ci` looks for a part of a text: the field must be a `String`",
    );
    assert_one(
        of_field(quote!(#[field(read, filter = contains)] title: String)),
        "unknown way to filter `contains`, expected one of `eq`, `contains_ci`\nhelp: did you mean `contains_ci`?",
    );
}

#[test]
fn further_filters_are_standard_columns_and_relations_each_of_them_once() {
    let fields =
        quote!(#[field(all)] title: String, #[field(read, belongs_to(User))] teacher_id: Uuid);
    assert_one(
        of_course(quote!(filter(created_at, teachers)), fields.clone()),
        "unknown filter `teachers`, expected one of `id`, `version`, `created_at`, `updated_at`, `created_by`, \
         `updated_by`, `properties`, `teacher`\nhelp: did you mean `teacher`?",
    );
    assert_one(
        of_course(quote!(filter(title)), fields.clone()),
        "`title` is a field, which says this itself: `#[field(…, filter)]`",
    );
    assert_one(
        of_course(quote!(filter(teacher, teacher)), fields.clone()),
        "`teacher` is given twice",
    );
    assert_one(
        of_course(quote!(filter = teacher), fields.clone()),
        "`filter` names filters in brackets\nhelp: the correct format looks like `filter(created_at, lessons)`",
    );
    assert_one(
        of_course(quote!(filter(teacher), query = Q, search = s), fields),
        "the entity names its query DTO itself: its filters are said there, not here",
    );
    let item = quote! {
        #[entity(endpoint = "c", table = c, create = C, get = G, list = L, update = U, query = Q, search = s,
            policy = P, filter(created_at))]
        struct Course;
    };
    assert_one(
        sentences(Entity::parse(item).err()),
        "`filter(…)` and `full_text(…)` are for the short form: here the query DTO has its filters",
    );
}

#[test]
fn words_are_looked_for_in_fields_that_are_seen() {
    let fields = quote!(#[field(read)] title: String, #[field(write)] secret: String);
    assert_one(
        of_course(quote!(full_text(title, about)), fields.clone()),
        "`full_text` names fields of the entity",
    );
    assert_one(
        of_course(quote!(full_text(title, secret)), fields.clone()),
        "nobody sees this field: a search for its words would tell what is hidden",
    );
    assert_one(
        of_course(quote!(full_text = title), fields),
        "`full_text` names columns in brackets\nhelp: the correct format looks like `full_text(title, description)`",
    );
}

#[test]
fn words_about_bodies_need_a_body() {
    assert_one(
        of_field(quote!(#[field(update, read, default = 1)] pages: i32)),
        "`default` is what a new row has: the field needs `create`",
    );
    assert_one(
        of_field(quote!(#[field(all, default)] pages: Option<i32>)),
        "`default` is for a field that is no `Option`: one is null when it is left out",
    );
    assert_one(
        of_field(quote!(#[field(read, optional)] pages: i32)),
        "`optional` is about new rows: the field needs `create`",
    );
    assert_one(
        of_field(quote!(#[field(all, optional)] pages: Option<i32>)),
        "`optional` says nothing here: an `Option` may always be left out",
    );
    assert_one(
        of_field(quote!(#[field(all, optional, default)] pages: i32)),
        "`optional` says nothing here: what has a default may always be left out",
    );
    assert_one(
        of_field(quote!(#[field(read, validate(length(min = 1)))] title: String)),
        "`validate` is about bodies: the field needs `create`, `update` or `write`",
    );
    assert_one(
        of_field(quote!(#[field(read, verbatim)] title: String)),
        "`verbatim` is about bodies: the field needs `create`, `update` or `write`",
    );
    assert_one(
        of_field(quote!(#[field(all, verbatim)] pages: i32)),
        "`verbatim` keeps the white space of a `String` in a create or update DTO",
    );
}

#[test]
fn computed_fields_are_read_and_others_are_sent() {
    assert_one(
        of_field(quote!(#[field(all, computed = f(other))] loud: String)),
        "a computed field can be read, not sent: expected `get`, `list` or `read`",
    );
    assert_one(
        of_field(quote!(#[field(all, not_a_column)] password: String)),
        "what is no column can be sent, not read: expected `create`, `update` or `write`",
    );
    assert_one(
        of_field(quote!(#[field(read, computed = f(othr))] loud: String))
            .into_iter()
            .map(|text| {
                text.split(", expected")
                    .next()
                    .unwrap_or_default()
                    .to_owned()
            })
            .take(1)
            .collect(),
        "unknown field to compute from `othr`",
    );
}

#[test]
fn a_fault_of_a_field_is_shown_once_whatever_dtos_it_is_in() {
    assert_one(
        of_field(quote!(#[field(all)] version: i64)),
        "`version` is set by the server; a body cannot hold it",
    );
    assert_one(
        of_field(quote!(#[field(all)] title: Option<Option<String>>)),
        "a field of an entity is `T`, or `Option<T>` where the column can be null",
    );
    assert_one(
        of_field(quote!(#[field(read, filter)] limit: i32)),
        "`limit` is a parameter of every list; a filter needs another name",
    );
}

#[test]
fn what_the_explicit_form_writes_above_a_field_is_a_word_here() {
    assert_one(
        of_field(quote!(#[field(all)] #[validate(length(min = 1))] title: String)),
        "in the short form it is a part of `#[field]`: `#[field(…, validate(…))]`",
    );
    assert_one(
        of_field(quote!(#[field(all, validate)] title: String)),
        "`validate` has its rules in brackets\nhelp: the correct format looks like `validate(length(min = 1))`",
    );
    assert_one(
        of_course(quote!(sort(title)), quote!(#[field(all)] title: String)),
        "in the short form a field says this itself: `#[field(…, sort)]`",
    );
}

#[test]
fn the_default_sort_is_among_the_fields_with_sort() {
    assert_one(
        of_course(
            quote!(default_sort = "-price"),
            quote!(#[field(all, sort)] title: String, #[field(all)] price: i32),
        ),
        "`default_sort` names \"price\", which no field with `sort` has; expected one of `title`, `created_at`, \
         `updated_at`, `id`",
    );
}

#[test]
fn a_relation_needs_a_name_and_an_entity() {
    assert_one(
        of_field(quote!(#[field(read, belongs_to(User))] teacher: Uuid)),
        "the relation has the name of its column without `_id`, which `teacher` does not end in\nhelp: above the \
         struct a relation has a name of its own: `relations(author = belongs_to(courses::teacher -> User))`",
    );
    assert_one(
        of_field(quote!(#[field(read, belongs_to)] teacher_id: Uuid)),
        "`belongs_to` names the entity whose id the column holds\nhelp: the correct format looks like \
         `belongs_to(User)`",
    );
    assert_one(
        of_course(
            quote!(relations(teacher = belongs_to(courses::other_id -> User))),
            quote!(#[field(read, belongs_to(User))] teacher_id: Uuid),
        ),
        "the relation `teacher` is given twice",
    );
}

#[test]
fn only_what_belongs_to_a_new_row_comes_with_it() {
    let of = |relation| {
        let fields = quote!(#[field(read)] title: String);
        of_course(quote!(relations(#relation)), fields)
    };
    let help = "help: the correct format looks like `relations(lessons = has_many(lessons::course_id -> Lesson), author = \
                belongs_to(courses::author_id -> User))`";
    assert_one(
        of(quote!(author = belongs_to(courses::author_id -> User, nested))),
        &format!(
            "`nested` is for `has_many`: only rows that belong to a new one can come with it\n{help}"
        ),
    );
    assert_one(
        of(quote!(lessons = has_many(lessons::course_id -> Lesson, inside))),
        &format!("unknown word of a relation `inside`, expected `nested`\n{help}"),
    );
}

#[test]
fn routes_are_actions() {
    let fields = quote!(#[field(read)] title: String);
    assert_one(
        of_course(quote!(routes(get, lists)), fields.clone()),
        "unknown route `lists`, expected one of `get`, `list`, `create`, `update`, `archive`, `restore`, `delete`\n\
         help: did you mean `list`?",
    );
    assert_one(
        of_course(quote!(routes(get, get)), fields.clone()),
        "`get` is given twice",
    );
    assert_one(
        of_course(quote!(routes = [get]), fields),
        "`routes` names routes in brackets\nhelp: the correct format looks like `routes(get, list)`",
    );
}

#[test]
fn an_entity_without_fields_says_in_its_dtos_when_a_row_was_archived() {
    let item = quote! {
        #[entity(endpoint = "c", table = c, create = C, get = G, list = L, update = U, query = Q, search = s,
            policy = P, archivable)]
        struct Course;
    };
    assert_one(
        sentences(Entity::parse(item).err()),
        "`archivable` is for the short form: here the get and list DTOs have `archived_at` if they declare it",
    );
}

#[test]
fn an_entity_is_a_struct_with_names() {
    let item = quote! {
        #[entity(endpoint = "c", table = c, create = C, get = G, list = L, update = U, query = Q, search = s, policy = P)]
        struct Course(String);
    };
    assert_one(
        sentences(Entity::parse(item).err()),
        "an entity is a struct without parameters: with named fields, or `struct Course;` and DTOs of its own",
    );
}
