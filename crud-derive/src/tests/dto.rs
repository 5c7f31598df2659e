//! The expansion of `#[dto(…)]`, one struct of each kind.

use quote::quote;

use super::{assert_holds, assert_lacks};
use crate::dto_inner;

#[test]
fn a_create_dto_sets_what_it_holds_and_clears_what_it_lacks() {
    let code = dto_inner(
        quote!(create, table = courses),
        quote! {
            pub struct CourseCreate {
                #[validate(length(max = 9))]
                pub title: String,
                pub description: Option<String>,
                #[dto(verbatim)]
                pub password: String,
                #[dto(default = "en")]
                pub language: String,
                #[dto(not_a_column)]
                pub invite: Option<bool>,
                pub r#type: i32,
            }
        },
    );
    assert_lacks(&code, quote!(compile_error));
    assert_holds(
        &code,
        quote! {
            #[validate(length(max = 9))]
            #[serde(deserialize_with = "::crud_core::dto::de::trimmed")]
            pub title: String
        },
    );
    assert_holds(
        &code,
        quote! {
            #[serde(default, skip_serializing_if = "::core::option::Option::is_none")]
            #[serde(deserialize_with = "::crud_core::dto::de::trimmed_option")]
            pub description: Option<String>
        },
    );
    assert_holds(
        &code,
        quote!(#[serde(deserialize_with = "::crud_core::dto::de::text")]),
    );
    assert_holds(
        &code,
        quote!(#[serde(default = "CourseCreate::__default_language")]),
    );
    assert_holds(
        &code,
        quote!(
            fn __default_language() -> String {
                ::std::string::String::from("en")
            }
        ),
    );
    assert_holds(&code, quote!(name: "title", trimmed: true));
    assert_holds(&code, quote!(name: "password", trimmed: false));
    assert_holds(&code, quote!(name: "type", trimmed: false));
    assert_holds(&code, quote!(into.set(courses::r#type, self.r#type);));
    assert_holds(
        &code,
        quote!(if self.description.is_none() {
            into.clear(courses::description);
        }),
    );
    assert_lacks(&code, quote!(courses::invite));
    assert_holds(
        &code,
        quote!(pub properties: ::core::option::Option<::crud_core::Json>),
    );
}

#[test]
fn an_update_dto_tells_absent_from_null() {
    let code = dto_inner(
        quote!(update, table = schema::courses),
        quote! {
            pub struct CourseUpdate {
                pub title: Option<String>,
                pub description: Option<Option<String>>,
                pub order: Option<i32>,
                pub price: Option<Option<f64>>,
                #[dto(verbatim)]
                pub password: Option<String>,
                pub extra: Option<Json>,
            }
        },
    );
    assert_lacks(&code, quote!(compile_error));
    for reader in [
        "trimmed_present",
        "trimmed_nullable",
        "present",
        "nullable",
        "text_present",
    ] {
        let path = format!("::crud_core::dto::de::{reader}");
        assert_holds(&code, quote!(#[serde(deserialize_with = #path)]));
    }
    assert_holds(&code, quote!(#[schemars(with = "String")] pub title));
    assert_holds(
        &code,
        quote!(
            #[schemars(with = ":: core :: option :: Option < f64 >")] pub price
        ),
    );
    assert_holds(
        &code,
        quote! {
            if let ::core::option::Option::Some(value) = self.title {
                into.set(schema::courses::title, value);
            }
        },
    );
    assert_holds(
        &code,
        quote!(into.merge(schema::courses::extra, ::core::option::Option::Some(patch));),
    );
    assert_holds(
        &code,
        quote!(into.merge(schema::courses::properties, patch);),
    );
}

#[test]
fn a_row_reads_each_field_from_its_column() {
    let code = dto_inner(
        quote!(get, table = courses),
        quote!(
            pub struct CourseGet {
                pub title: String,
            }
        ),
    );
    assert_holds(
        &code,
        quote!(impl ::crud_core::__private::RowDto<courses::table> for CourseGet),
    );
    let columns: Vec<_> = code
        .to_string()
        .split("Reading (courses :: ")
        .skip(1)
        .map(|rest| rest.split(')').next().unwrap().to_owned())
        .collect();
    let expected = [
        "id",
        "title",
        "version",
        "created_at",
        "updated_at",
        "created_by",
        "updated_by",
        "properties",
    ];
    assert_eq!(columns, expected);
}

#[test]
fn a_standard_field_that_is_declared_is_not_added() {
    let code = dto_inner(
        quote!(list, table = courses),
        quote!(
            pub struct CourseList {
                pub title: String,
                pub version: i64,
            }
        ),
    );
    assert_eq!(code.to_string().matches("version : i64").count(), 1);
}

#[test]
fn a_bare_dto_holds_its_own_fields_only() {
    let code = dto_inner(
        quote!(get, table = courses, bare),
        quote!(
            struct Title {
                title: String,
            }
        ),
    );
    assert_lacks(&code, quote!(courses::id));
    assert_holds(
        &code,
        quote!(::crud_core::__private::Reading(courses::title).read_as::<String>()),
    );
}

#[test]
fn a_query_dto_takes_each_parameter() {
    let code = dto_inner(
        quote!(query),
        quote!(
            pub struct CourseQuery {
                pub q: Option<String>,
                pub r#type: Option<Kind>,
            }
        ),
    );
    assert_holds(
        &code,
        quote!(
            const FIELDS: &'static [&'static str] = &["q", "type"];
        ),
    );
    assert_holds(&code, quote!(r#type: params.take::<Kind>("type")));
    assert_lacks(&code, quote!(compile_error));
}

#[test]
fn a_query_dto_declares_its_filters() {
    let code = dto_inner(
        quote!(query, table = courses),
        quote!(
            pub struct CourseQuery {
                pub called: Option<String>,
                pub r#type: Filter<Kind>,
                #[dto(column = created_at)]
                pub made: crud_core::Filter<Timestamp>,
                #[dto(by_hand)]
                pub title: Filter<String>,
                pub lessons: Through<Lesson>,
            }
        ),
    );
    assert_lacks(&code, quote!(compile_error));
    assert_holds(
        &code,
        quote!(
            const FIELDS: &'static [&'static str] = &["called", "title"];
        ),
    );
    assert_holds(
        &code,
        quote!(title: ::crud_core::Filter::by_hand(params.take("title"))),
    );
    for filter in [
        quote!(FilterField::column(
            "type",
            courses::r#type,
            |query: &Self| &query.r#type
        )),
        quote!(FilterField::column(
            "made",
            courses::created_at,
            |query: &Self| &query.made
        )),
        quote!(FilterField::column(
            "title",
            courses::title,
            |query: &Self| &query.title
        )),
        quote!(FilterField::through("lessons", |query: &Self| &query.lessons)),
    ] {
        assert_holds(&code, filter);
    }
}

#[test]
fn what_the_user_writes_above_a_struct_stays() {
    let code = dto_inner(
        quote!(query),
        quote! {
            /// Filters.
            #[derive(PartialEq)]
            pub(crate) struct CourseQuery { q: Option<String> }
        },
    );
    assert_holds(
        &code,
        quote! {
            /// Filters.
            #[derive(PartialEq)]
            pub(crate) struct CourseQuery
        },
    );
}

#[test]
fn a_faulty_dto_still_names_its_struct() {
    let code = dto_inner(
        quote!(create),
        quote!(
            pub struct CourseCreate {
                #[validate(email)]
                #[serde(rename = "x")]
                pub email: String,
            }
        ),
    );
    assert_holds(
        &code,
        quote!(
            pub struct CourseCreate {
                pub email: String,
            }
        ),
    );
    assert_lacks(&code, quote!(impl));
}

#[test]
fn a_computed_field_is_made_of_columns() {
    let code = dto_inner(
        quote!(get, table = people, bare),
        quote! {
            pub struct PersonGet {
                pub name: String,
                pub nick: Option<String>,
                pub age: i32,
                #[dto(computed = texts::label(name, nick, age))]
                pub label: String,
            }
        },
    );
    assert_lacks(&code, quote!(compile_error));
    assert_lacks(&code, quote!(people::label));
    assert_holds(
        &code,
        quote!(#[schemars(extend("readOnly" = true))] pub label: String),
    );
    assert_holds(&code, quote!("label", &["name", "nick", "age"]));
    assert_holds(&code, quote!(values.read::<people::age, i32>(2usize)?));
    // Text is lent, everything else given.
    assert_holds(
        &code,
        quote!(let value: String = texts::label(&field0, field1.as_deref(), field2);),
    );
}

#[test]
fn a_row_without_computed_fields_says_nothing_of_them() {
    let row = quote!(
        pub struct G {
            pub name: String,
        }
    );
    assert_lacks(
        &dto_inner(quote!(get, table = people), row),
        quote!(fn computed),
    );
}
