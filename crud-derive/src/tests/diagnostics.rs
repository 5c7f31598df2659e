//! The sentence for each mistake.

use proc_macro2::TokenStream;
use quote::quote;

use crate::model::{dto::Dto, entity::Entity};

fn sentences(error: Option<syn::Error>) -> Vec<String> {
    let errors = error.into_iter().flatten();
    errors.map(|error| error.to_string()).collect()
}

fn of_entity(args: TokenStream) -> Vec<String> {
    sentences(
        Entity::parse(quote!(
            #[entity(#args)]
            struct Course;
        ))
        .err(),
    )
}

/// A whole declaration with one more key.
fn of_course(more: TokenStream) -> Vec<String> {
    of_entity(quote! {
        endpoint = "courses", table = courses, create = C, get = G, list = L, update = U, query = Q,
        search = s, policy = P, #more
    })
}

fn of_dto(args: TokenStream, item: TokenStream) -> Vec<String> {
    sentences(Dto::parse(args, item).err())
}

/// A create DTO with these fields.
fn of_create(fields: TokenStream) -> Vec<String> {
    of_dto(
        quote!(create, table = courses),
        quote!(struct C { #fields }),
    )
}

#[track_caller]
fn assert_one(found: Vec<String>, expected: &str) {
    assert_eq!(found, [expected]);
}

#[test]
fn each_missing_key_is_named_with_its_purpose() {
    let found = of_entity(quote!(
        endpoint = "courses",
        table = courses,
        create = C,
        get = G,
        query = Q
    ));
    assert_eq!(
        found,
        [
            "an entity needs a list DTO: `list = …` names what a row of a list is answered as",
            "an entity needs an update DTO: `update = …` names the body of `PATCH`",
            "an entity needs a search: `search = …` names the function that turns the filters into conditions",
            "an entity needs a policy: `policy = …` names the type that says who may do what",
        ]
    );
}

#[test]
fn an_entity_without_a_declaration_is_told_so_once() {
    let found = sentences(
        Entity::parse(quote!(
            struct Course;
        ))
        .err(),
    );
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("`Course` needs its declaration: `#[entity(endpoint = …"));
}

#[test]
fn an_unknown_key_is_answered_with_the_valid_ones_and_the_nearest() {
    let found = of_course(quote!(default_sorts = "title"));
    assert_one(
        found,
        "unknown key of `#[entity]` `default_sorts`, expected one of `endpoint`, `table`, `create`, `get`, \
         `list`, `update`, `query`, `search`, `policy`, `cache_ttl`, `sort`, `default_sort`, \
         `before_create`, `before_update`, `name`\nhelp: did you mean `default_sort`?",
    );
}

#[test]
fn a_key_is_given_once() {
    assert_one(of_course(quote!(policy = Other)), "`policy` is given twice");
    assert_one(
        of_course(quote!(sort(title, title))),
        "`title` is given twice",
    );
}

#[test]
fn all_faults_are_shown_at_once() {
    let found = of_entity(quote! {
        endpoint = "Courses", table = courses::table, create = C, get = G, list = L, update = U, query = Q,
        search = s, policy = , cache_ttl = 0, colour = red, name
    });
    assert_eq!(found.len(), 6, "{found:#?}");
}

#[test]
fn a_wrong_value_shows_the_format() {
    assert_one(
        of_course(quote!(name)),
        "`name` needs a value\nhelp: the correct format looks like `name = \"Course\"`",
    );
    assert_one(
        of_course(quote!(name = Course)),
        "expected string literal\nhelp: the correct format looks like `name = \"Course\"`",
    );
    assert_one(
        of_course(quote!(sort = title)),
        "`sort` names columns in brackets\nhelp: the correct format looks like `sort(title, created_at)`",
    );
    assert_one(
        of_course(quote!(cache_ttl = never)),
        "`cache_ttl` is a number of seconds, or `off`\nhelp: the correct format looks like `cache_ttl = 300`",
    );
    assert_one(
        of_course(quote!(cache_ttl = 0)),
        "a row cannot stay in the cache for 0 seconds; `cache_ttl = off` turns the cache off",
    );
}

#[test]
fn an_endpoint_is_one_segment_in_small_letters() {
    for endpoint in [
        "Courses",
        "course list",
        "1st",
        "",
        "a/b",
        "kurse_alle",
        "übung",
    ] {
        let found = of_entity(quote! {
            endpoint = #endpoint, table = courses, create = C, get = G, list = L, update = U, query = Q,
            search = s, policy = P
        });
        assert_eq!(found.len(), 1, "{endpoint}");
        assert!(found[0].contains("is no path segment"), "{}", found[0]);
    }
}

#[test]
fn the_default_sort_is_among_the_sorts() {
    assert_one(
        of_course(quote!(sort(title), default_sort = "title,-price")),
        "`default_sort` names \"price\", which `sort(…)` does not list; expected one of `title`, `created_at`, \
         `updated_at`, `id`",
    );
    assert!(of_course(quote!(default_sort = "-updated_at,id")).is_empty());
}

#[test]
fn an_entity_has_no_fields() {
    let item = quote!(
        #[entity(endpoint = "c", table = c, create = C, get = G, list = L, update = U,
        query = Q, search = s, policy = P)]
        struct Course {
            title: String,
        }
    );
    assert_one(
        sentences(Entity::parse(item).err()),
        "an entity is a struct without fields and parameters: `struct Course;`",
    );
}

#[test]
fn a_dto_says_its_kind_first() {
    let item = quote!(
        struct C {
            title: String,
        }
    );
    assert_one(
        of_dto(quote!(craete, table = courses), item.clone()),
        "unknown kind of DTO `craete`, expected one of `create`, `update`, `get`, `list`, `query`\n\
         help: did you mean `create`?",
    );
    assert_one(
        of_dto(quote!(), item),
        "`#[dto]` needs the kind of DTO first, one of `create`, `update`, `get`, `list`, `query`\n\
         help: the correct format looks like `#[dto(create, table = courses)]`",
    );
}

#[test]
fn a_dto_needs_its_table_and_a_query_none() {
    assert_one(
        of_dto(
            quote!(get),
            quote!(
                struct G {
                    title: String,
                }
            ),
        ),
        "this DTO needs a table: `table = …` names the Diesel module of its columns",
    );
    assert_one(
        of_dto(
            quote!(query, table = courses),
            quote!(
                struct Q {
                    q: Option<String>,
                }
            ),
        ),
        "unknown option of `#[dto(query)]` `table`: none is accepted here",
    );
    assert_one(
        of_dto(
            quote!(get, table = courses::table),
            quote!(
                struct G {
                    title: String,
                }
            ),
        ),
        "`table` names the table's module, not the type in it\n\
         help: the correct format looks like `table = courses`",
    );
}

#[test]
fn a_dto_is_a_struct_with_named_fields() {
    for item in [
        quote!(
            enum C {
                A,
            }
        ),
        quote!(
            struct C(String);
        ),
        quote!(
            struct C;
        ),
        quote!(
            fn c() {}
        ),
    ] {
        assert_one(
            of_dto(quote!(create, table = courses), item),
            "a DTO is a struct with named fields",
        );
    }
    assert_one(
        of_dto(
            quote!(query),
            quote!(
                struct C<T> {
                    q: Option<T>,
                }
            ),
        ),
        "a DTO has no parameters: its schema is one",
    );
}

#[test]
fn the_options_of_a_field_fit_the_field() {
    assert_one(
        of_create(quote!(#[dto(verbtim)] password: String)),
        "unknown option of a DTO field `verbtim`, expected one of `verbatim`, `default`, `not_a_column`\n\
         help: did you mean `verbatim`?",
    );
    assert_one(
        of_create(quote!(#[dto(verbatim)] order: i32)),
        "`verbatim` keeps the white space of a `String` in a create or update DTO",
    );
    assert_one(
        of_create(quote!(#[dto(default)] order: Option<i32>)),
        "`default` is for a field of a create DTO that is no `Option`",
    );
    assert_one(
        of_dto(
            quote!(get, table = courses),
            quote!(
                struct G {
                    #[dto(not_a_column)]
                    title: String,
                }
            ),
        ),
        "`not_a_column` is for create and update DTOs: a hook uses such a field",
    );
}

#[test]
fn the_types_of_the_fields_fit_the_kind() {
    assert_one(
        of_create(quote!(title: Option<Option<String>>)),
        "a field of a create DTO is `T` or `Option<T>`: left out and `null` are the same",
    );
    assert_one(
        of_dto(
            quote!(update, table = courses),
            quote!(
                struct U {
                    title: String,
                }
            ),
        ),
        "a field of an update DTO is `Option<T>`, or `Option<Option<T>>` where `null` clears it",
    );
    assert_one(
        of_dto(
            quote!(list, table = courses),
            quote!(
                struct L {
                    title: Option<Option<String>>,
                }
            ),
        ),
        "a field of a row is `T`, or `Option<T>` where the column can be null",
    );
    assert_one(
        of_dto(
            quote!(query),
            quote!(
                struct Q {
                    title: String,
                }
            ),
        ),
        "a field of a query DTO is `Option<T>`: every filter may be left out",
    );
}

#[test]
fn a_name_belongs_to_one_thing() {
    assert_one(
        of_dto(
            quote!(query),
            quote!(
                struct Q {
                    page_size: Option<i64>,
                    q: Option<String>,
                }
            ),
        ),
        "`page_size` is a parameter of every list; a filter needs another name",
    );
    assert_one(
        of_create(quote!(created_by: Option<Uuid>)),
        "`created_by` is set by the server; a body cannot hold it",
    );
    assert_one(
        of_dto(
            quote!(update, table = courses),
            quote!(
                struct U {
                    id: Option<Uuid>,
                }
            ),
        ),
        "`id` cannot change; the path of the request names it",
    );
    assert!(of_create(quote!(id: Option<Uuid>)).is_empty());
    assert!(of_create(quote!(#[dto(not_a_column)] version: i64)).is_empty());
}

#[test]
fn the_wire_is_not_renamed() {
    let serde = "a DTO takes no `#[serde(…)]`: the name on the wire is the column's name, and `#[dto]` says how a \
                 field is read";
    assert_one(
        of_create(quote!(#[serde(rename = "x")] title: String)),
        serde,
    );
    assert_one(
        of_dto(
            quote!(query),
            quote!(
                #[serde(rename_all = "camelCase")]
                struct Q {
                    q: Option<String>,
                }
            ),
        ),
        serde,
    );
    let schemars = "the schema must say what is on the wire: `#[schemars(…)]` may describe a field of a DTO, not \
                    rename, replace or skip it";
    assert_one(
        of_create(quote!(#[schemars(length(max = 9), rename = "x")] title: String)),
        schemars,
    );
    assert!(
        of_create(quote!(#[schemars(example = "a b", inner(length(max = 2)))] title: String))
            .is_empty()
    );
}

#[test]
fn only_bodies_are_validated() {
    assert_one(
        of_dto(
            quote!(query),
            quote!(
                struct Q {
                    #[validate(length(max = 9))]
                    q: Option<String>,
                }
            ),
        ),
        "`#[validate(…)]` is for create and update DTOs: only a body is validated",
    );
}

#[test]
fn nothing_is_derived_twice() {
    assert_one(
        of_dto(
            quote!(create, table = courses),
            quote!(
                #[derive(PartialEq, serde::Serialize)]
                struct C {
                    a: i32,
                }
            ),
        ),
        "`#[dto]` derives `Serialize` already",
    );
    assert!(
        of_dto(
            quote!(get, table = courses),
            quote!(
                #[derive(Default)]
                struct G {
                    a: i32,
                }
            )
        )
        .is_empty()
    );
}

#[test]
fn a_field_does_not_depend_on_the_build() {
    assert_one(
        of_create(quote!(#[cfg(feature = "x")] title: String)),
        "a field of a DTO cannot depend on the build: it is part of the API",
    );
}
