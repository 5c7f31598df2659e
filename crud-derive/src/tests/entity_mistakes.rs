//! The sentence for each mistake in `#[entity(…)]`.

use proc_macro2::TokenStream;
use quote::quote;

use super::{assert_one, sentences};
use crate::model::entity::Entity;

fn of_entity(args: TokenStream) -> Vec<String> {
    let item = quote!(
        #[entity(#args)]
        struct Course;
    );
    sentences(Entity::parse(item).err())
}

/// A whole declaration with one more key.
fn of_course(more: TokenStream) -> Vec<String> {
    of_entity(quote! {
        endpoint = "courses", table = courses, create = C, get = G, list = L, update = U, query = Q,
        search = s, policy = P, #more
    })
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
         `list`, `update`, `query`, `search`, `policy`, `cache_ttl`, `cache_partition`, `filter`, `full_text`, `sort`, `default_sort`, \
         `before_create`, `before_update`, `before_write`, `after_write`, `explain`, `numbered`, `relations`, `unique`, `if_match`, `history`, `aggregates`, `groups`, \
         `routes`, `archivable`, `name`\nhelp: did you mean `default_sort`?",
    );
}

#[test]
fn a_key_is_given_once() {
    assert_one(of_course(quote!(policy = Other)), "`policy` is given twice");
    assert_one(
        of_course(quote!(sort(title, title))),
        "`title` is given twice",
    );
    assert_one(
        of_course(quote!(unique(slug, slug))),
        "`slug` is given twice",
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
        of_course(quote!(unique = slug)),
        "`unique` names columns in brackets\nhelp: the correct format looks like `unique(slug)`",
    );
    assert_one(
        of_course(quote!(if_match)),
        "`if_match` needs a value\nhelp: the correct format looks like `if_match = required`",
    );
    assert_one(
        of_course(quote!(if_match = optional)),
        "`if_match` is `required`, or left out",
    );
    assert_one(
        of_course(quote!(cache_partition = org_id)),
        "`cache_partition` parts what is cached, and nothing is: `cache_ttl = 300` says for how long",
    );
    assert!(of_course(quote!(cache_ttl = 9, cache_partition = org_id)).is_empty());
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
fn a_word_that_stands_alone_takes_no_value() {
    for wrong in [
        quote!(history = true),
        quote!(history(courses)),
        quote!(history "all"),
    ] {
        let text = "`history` takes no value: it is there, or it is left out";
        assert_one(of_course(wrong), text);
    }
}
