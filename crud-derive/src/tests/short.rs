//! The expansion of an entity with fields: what it writes is what the explicit form would have been given.

use proc_macro2::TokenStream;
use quote::quote;

use super::{assert_holds, assert_lacks};
use crate::{dto_inner, entity_inner};

fn course(more: TokenStream, fields: TokenStream) -> TokenStream {
    entity_inner(quote! {
        /// What an instructor teaches.
        #[entity(endpoint = "courses", table = courses, policy = CoursePolicy, #more)]
        pub struct Course { #fields }
    })
}

#[track_caller]
fn assert_writes(code: &TokenStream, args: TokenStream, item: TokenStream) {
    assert_holds(code, dto_inner(args, item));
}

#[test]
fn each_dto_is_what_the_explicit_form_would_make_of_it() {
    let code = course(
        quote!(archivable),
        quote! {
            /// What it is called.
            #[field(all, filter = contains_ci, sort, validate(length(min = 1)))]
            pub title: String,
            /// What it is about.
            #[field(write, get)]
            pub description: Option<String>,
            /// Whether everyone sees it.
            #[field(create, read, default = true, filter)]
            pub is_public: bool,
        },
    );
    assert_lacks(&code, quote!(compile_error));
    assert_writes(
        &code,
        quote!(create, table = courses),
        quote! {
            #[doc = "What a new course needs."]
            pub struct CourseCreate {
                /// What it is called.
                #[validate(length(min = 1))]
                pub title: String,
                /// What it is about.
                pub description: Option<String>,
                /// Whether everyone sees it.
                #[dto(default = true)]
                pub is_public: bool,
            }
        },
    );
    assert_writes(
        &code,
        quote!(update, table = courses),
        quote! {
            #[doc = "What can be changed of the course."]
            pub struct CourseUpdate {
                /// What it is called.
                #[validate(length(min = 1))]
                pub title: ::core::option::Option<String>,
                /// What it is about.
                pub description: ::core::option::Option<Option<String> >,
            }
        },
    );
    assert_writes(
        &code,
        quote!(get, table = courses),
        quote! {
            #[doc = "What an instructor teaches."]
            pub struct CourseGet {
                /// What it is called.
                pub title: String,
                /// What it is about.
                pub description: Option<String>,
                /// Whether everyone sees it.
                pub is_public: bool,
                /// When it was archived.
                pub archived_at: ::core::option::Option<::crud_core::Timestamp>,
            }
        },
    );
    assert_writes(
        &code,
        quote!(query, table = courses),
        quote! {
            #[doc = "The filters of courses."]
            pub struct CourseQuery {
                #[doc = "A part of the `title`, whatever the case."]
                #[dto(by_hand)]
                pub title: ::crud_core::Filter<String>,
                #[doc = "Only courses with this `is_public`."]
                pub is_public: ::crud_core::Filter<bool>,
            }
        },
    );
}

#[test]
fn the_search_is_a_function_with_a_name() {
    let fields = quote! {
        #[field(read, filter = contains_ci)] pub title: String,
        #[field(read, filter)] pub level: Option<Level>,
    };
    let code = course(quote!(), fields);
    assert_holds(&code, quote!(pub fn course_search));
    // Of the filters it has those that do not apply by themselves.
    let searched = quote!(search.containing(courses::title, query.title.plain()));
    assert_holds(&code, searched);
    assert_lacks(&code, quote!(query.level.plain()));
    assert_holds(&code, quote!(= course_search; declared(search, filters)));
    assert_holds(&code, quote!(pub level: ::crud_core::Filter<Level>));
}

#[test]
fn filters_on_what_is_no_field_are_named_above_the_struct() {
    let code = course(
        quote!(
            filter(created_at, properties, lessons, teacher),
            relations(lessons = has_many(lessons::course_id -> Lesson))
        ),
        quote!(#[field(read, belongs_to(User))] pub teacher_id: Uuid),
    );
    assert_lacks(&code, quote!(compile_error));
    assert_writes(
        &code,
        quote!(query, table = courses),
        quote! {
            #[doc = "The filters of courses."]
            pub struct CourseQuery {
                #[doc = "When the row was created."]
                pub created_at: ::crud_core::Filter<::crud_core::Timestamp>,
                #[doc = "Whatever else belongs to the row: a JSON object."]
                pub properties: ::crud_core::Filter<::crud_core::Json>,
                #[doc = "One of its lessons."]
                pub lessons: ::crud_core::Through<Lesson>,
                #[doc = "Its teacher."]
                pub teacher: ::crud_core::Through<User>,
            }
        },
    );
}

#[test]
fn words_are_looked_for_in_fields() {
    let code = course(
        quote!(full_text(title, about)),
        quote! {
            #[field(all)] pub title: String,
            #[field(write, get)] pub about: Option<String>,
        },
    );
    assert_lacks(&code, quote!(compile_error));
    assert_holds(
        &code,
        quote!(pub q: ::crud_core::FullText<(courses::title, courses::about,)>),
    );
    assert_holds(
        &code,
        quote!(FilterField::words("q", |query: &Self| &query.q)),
    );
}

#[test]
fn a_field_without_words_is_in_no_dto() {
    let fields = quote! {
        #[field(read)] pub title: String,
        pub secret: String,
    };
    let code = course(quote!(), fields);
    assert_lacks(&code, quote!(pub secret));
    assert_holds(&code, quote!(let _ = courses::secret;));
}

#[test]
fn any_part_can_be_replaced() {
    let more = quote!(create = NewCourse, query = Filters, search = find);
    let code = course(more, quote!(#[field(all, sort)] pub title: String));
    assert_lacks(&code, quote!(CourseCreate));
    assert_lacks(&code, quote!(CourseQuery));
    assert_lacks(&code, quote!(course_search));
    assert_holds(
        &code,
        quote!(
            type Create = NewCourse;
        ),
    );
    assert_holds(&code, quote!(= find; declared(search, filters)));
    assert_holds(&code, quote!(pub struct CourseUpdate));
}

#[test]
fn a_search_of_its_own_may_use_the_written_one() {
    let code = course(
        quote!(search = find),
        quote!(#[field(read, filter)] pub title: String),
    );
    assert_holds(&code, quote!(pub fn course_search));
    assert_holds(&code, quote!(= find; declared(search, filters)));
}

#[test]
fn what_no_route_reads_is_not_written() {
    let code = course(
        quote!(routes(get, list)),
        quote!(#[field(read)] pub title: String),
    );
    assert_lacks(&code, quote!(CourseCreate));
    assert_lacks(&code, quote!(CourseUpdate));
    assert_holds(
        &code,
        quote!(
            type Create = ::crud_core::dto::Nothing;
        ),
    );
    assert_holds(
        &code,
        quote!(= &[::crud_core::Action::Get, ::crud_core::Action::List];),
    );
}

#[test]
fn a_body_of_what_only_the_server_writes_is_written() {
    let code = course(
        quote!(routes(get, list)),
        quote!(#[field(create, read)] pub title: String),
    );
    assert_holds(
        &code,
        quote!(
            type Create = CourseCreate;
        ),
    );
    assert_holds(
        &code,
        quote!(
            type Update = ::crud_core::dto::Nothing;
        ),
    );
}

#[test]
fn an_optional_field_may_be_left_out_of_a_new_row_only() {
    let code = course(quote!(), quote!(#[field(all, optional)] pub slug: String));
    assert_writes(
        &code,
        quote!(create, table = courses),
        quote! {
            #[doc = "What a new course needs."]
            pub struct CourseCreate { pub slug: ::core::option::Option<String> }
        },
    );
    assert_writes(
        &code,
        quote!(list, table = courses),
        quote! {
            #[doc = "One course of a list."]
            pub struct CourseList { pub slug: String }
        },
    );
}

#[test]
fn sorts_and_relations_are_those_of_the_fields() {
    let code = course(
        quote!(relations(lessons = has_many(lessons::course_id -> Lesson)), default_sort = "title"),
        quote! {
            #[field(read, sort)] pub title: String,
            #[field(read, belongs_to(User))] pub teacher_id: Uuid,
        },
    );
    assert_holds(&code, quote!(SortColumn::of(courses::title)));
    assert_holds(&code, quote!("lessons", lessons::course_id));
    assert_lacks(&code, quote!(nested));
    assert_holds(
        &code,
        quote!(belongs_to::<Self, User, _>("teacher", courses::teacher_id)),
    );
}

#[test]
fn a_list_whose_rows_may_come_with_a_new_one_says_so() {
    let code = course(
        quote!(relations(lessons = has_many(lessons::course_id -> Lesson, nested))),
        quote!(#[field(read)] pub title: String),
    );
    assert_holds(&code, quote!(.nested()));
}

#[test]
fn a_computed_field_and_one_that_is_no_column_are_as_in_the_explicit_form() {
    let code = course(
        quote!(search = find),
        quote! {
            #[field(read)] pub name: String,
            #[field(get, computed = shout(name))] pub loud: String,
            #[field(create, not_a_column, verbatim)] pub password: String,
            #[field(filter, not_a_column)] pub with_lessons: bool,
        },
    );
    assert_lacks(&code, quote!(compile_error));
    assert_holds(&code, quote!("loud", &["name"]));
    assert_lacks(&code, quote!(courses::password));
    assert_lacks(&code, quote!(courses::with_lessons));
    assert_holds(&code, quote!(params.take::<bool>("with_lessons")));
}

#[test]
fn what_names_the_dtos_of_a_faulty_entity_still_compiles() {
    let code = course(
        quote!(colour = red),
        quote!(#[field(all, validate(length(min = 1)))] pub title: String),
    );
    assert_holds(&code, quote!(compile_error));
    let code = code.to_string();
    assert!(
        code.contains("struct CourseUpdate { pub title : :: core :: option :: Option < String > }"),
        "{code}"
    );
}

#[test]
fn a_new_body_is_made_of_what_it_must_have() {
    let code = course(
        quote!(),
        quote! {
            #[field(all)]
            pub title: String,
            #[field(all)]
            pub about: Option<String>,
            #[field(all, default)]
            pub price: i32,
            #[field(all, default = 7)]
            pub days: i32,
            #[field(read)]
            pub seen: i64,
            #[field(all)]
            pub owner_id: Uuid,
        },
    );
    assert_holds(
        &code,
        quote! {
            pub fn new(title: String, owner_id: Uuid) -> Self {
                Self {
                    title,
                    about: ::core::default::Default::default(),
                    price: ::core::default::Default::default(),
                    days: Self::__default_days(),
                    owner_id,
                    properties: ::core::default::Default::default()
                }
            }
        },
    );
}
