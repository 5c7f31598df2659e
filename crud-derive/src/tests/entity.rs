//! The expansion of `#[derive(EntityInterface)]`.

use proc_macro2::TokenStream;
use quote::quote;

use super::{assert_holds, assert_lacks};
use crate::entity_inner;

fn course(more: TokenStream) -> TokenStream {
    quote! {
        /// What an instructor
        /// teaches.
        #[entity(
            endpoint = "courses", table = courses, create = CourseCreate, get = CourseGet,
            list = CourseList, update = CourseUpdate, query = CourseQuery, search = course_search,
            policy = CoursePolicy, #more
        )]
        pub struct Course;
    }
}

#[test]
fn an_entity_names_its_parts() {
    let code = entity_inner(course(quote!()));
    assert_holds(&code, quote!(impl ::crud_core::EntityInterface for Course));
    assert_holds(
        &code,
        quote!(
            type Table = courses::table;
        ),
    );
    assert_holds(
        &code,
        quote!(
            type Policy = CoursePolicy;
        ),
    );
    assert_holds(
        &code,
        quote!(
            const NAME: &'static str = "Course";
        ),
    );
    assert_holds(
        &code,
        quote!(
            const DESCRIPTION: &'static str = "What an instructor\nteaches.";
        ),
    );
    assert_holds(
        &code,
        quote!(
            const ENDPOINT: &'static str = "courses";
        ),
    );
    assert_holds(&code, quote!(= course_search; declared(search, filters)));
    assert_lacks(&code, quote!(compile_error));
}

#[test]
fn what_is_left_out_keeps_the_traits_default() {
    let code = entity_inner(course(quote!()));
    assert_holds(
        &code,
        quote!(
            const CACHE_TTL: ::core::option::Option<u64> = ::core::option::Option::None;
        ),
    );
    assert_lacks(&code, quote!(DEFAULT_SORT));
    assert_lacks(&code, quote!(HISTORY));
    assert_lacks(&code, quote!(fn before_create));
    assert_lacks(&code, quote!(fn before_update));
}

#[test]
fn the_options_are_written_down() {
    let code = entity_inner(course(quote! {
        cache_ttl = 300, sort(title, r#type), default_sort = "type,-id",
        before_create = hooks::complete, history, name = "Lecture"
    }));
    assert_holds(&code, quote!(= ::core::option::Option::Some(300u64);));
    assert_holds(
        &code,
        quote!(
            const DEFAULT_SORT: &'static str = "type,-id";
        ),
    );
    assert_holds(
        &code,
        quote!(
            const NAME: &'static str = "Lecture";
        ),
    );
    assert_holds(
        &code,
        quote!(::crud_core::__private::SortColumn::of(courses::r#type)),
    );
    assert_holds(
        &code,
        quote!(
            const HISTORY: bool = true;
        ),
    );
    assert_holds(
        &code,
        quote!(= hooks::complete; declared(body, set, principal)),
    );
}

#[test]
fn times_can_always_be_sorted_by_and_are_listed_once() {
    let code = entity_inner(course(quote!(sort(created_at)))).to_string();
    for column in ["created_at", "updated_at"] {
        let sort = format!("SortColumn :: of (courses :: {column})");
        assert_eq!(code.matches(&sort).count(), 1, "{column}");
    }
}

#[test]
fn the_standard_columns_are_checked() {
    let code = entity_inner(course(quote!()));
    assert_holds(
        &code,
        quote!(::crud_core::__private::standard_columns(
            courses::id,
            courses::version,
            courses::created_at,
            courses::updated_at,
            courses::created_by,
            courses::updated_by
        )),
    );
}

#[test]
fn a_demand_and_a_key_are_declared_and_nothing_else() {
    let code = entity_inner(course(quote!(unique(slug), if_match = required)));
    assert_holds(
        &code,
        quote!(= &[::crud_core::__private::UniqueColumn::of(courses::slug)];),
    );
    assert_holds(
        &code,
        quote!(
            const IF_MATCH_REQUIRED: bool = true;
        ),
    );
    let plain = entity_inner(course(quote!()));
    assert_lacks(&plain, quote!(fn unique));
    assert_lacks(&plain, quote!(IF_MATCH_REQUIRED));
}
