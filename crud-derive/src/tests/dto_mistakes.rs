//! The sentence for each mistake in `#[dto(…)]`.

use proc_macro2::TokenStream;
use quote::quote;

use super::{assert_one, sentences};
use crate::model::dto::Dto;

fn of_dto(args: TokenStream, item: TokenStream) -> Vec<String> {
    sentences(Dto::parse(args, item).err())
}

/// A create DTO with these fields.
fn of_create(fields: TokenStream) -> Vec<String> {
    let item = quote!(struct C { #fields });
    of_dto(quote!(create, table = courses), item)
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
fn a_dto_needs_its_table_and_a_query_only_for_filters() {
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
            quote!(query),
            quote!(
                struct Q {
                    q: Filter<String>,
                }
            ),
        ),
        "a `Filter` needs its table: write `#[dto(query, table = …)]` above the struct",
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
        "unknown option of a DTO field `verbtim`, expected one of `verbatim`, `default`, `not_a_column`, `computed`, `column`, `by_hand`\n\
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
        "a field of a query DTO is `Option<T>`, `Filter<T>`, `FullText<C>` or `Through<E>`: every filter may be left out",
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

/// A get DTO with a `name` and these fields.
fn of_get(fields: TokenStream) -> Vec<String> {
    let item = quote!(struct G { name: String, #fields });
    of_dto(quote!(get, table = people, bare), item)
}

#[test]
fn a_computed_field_names_a_function_and_fields() {
    const FORM: &str = "a computed field names a function and the fields that it takes\n\
                        help: the correct format looks like `computed = full_name(first_name, last_name)`";
    for value in [
        quote!(label),
        quote!(label()),
        quote!(label(name.len())),
        quote!("label(name)"),
    ] {
        assert_one(
            of_get(quote!(#[dto(computed = #value)] label: String)),
            FORM,
        );
    }
    assert_one(
        of_get(quote!(#[dto(computed)] label: String)),
        "`computed` needs a value\n\
         help: the correct format looks like `computed = full_name(first_name, last_name)`",
    );
}

#[test]
fn a_computed_field_is_made_of_fields_that_are_columns() {
    assert_one(
        of_get(quote!(#[dto(computed = label(nmae))] label: String)),
        "unknown field to compute from `nmae`, expected `name`\nhelp: did you mean `name`?",
    );
    assert_one(
        of_get(quote! {
            #[dto(computed = label(name))] label: String,
            #[dto(computed = upper(label))] upper: String
        }),
        "unknown field to compute from `label`, expected `name`",
    );
}

#[test]
fn a_computed_field_is_read_and_not_sent() {
    assert_one(
        of_create(quote!(name: String, #[dto(computed = label(name))] label: String)),
        "`computed` is for get and list DTOs: a client can read such a field, not send it",
    );
    let item = quote!(
        struct Q {
            name: Option<String>,
            #[dto(computed = label(name))]
            label: Option<String>,
        }
    );
    assert_one(
        of_dto(quote!(query), item),
        "`computed` is for get and list DTOs: a client can read such a field, not send it",
    );
}
