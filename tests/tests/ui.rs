//! Declarations that compile, and mistakes with the sentence that each of them gets. After a wanted
//! change: `TRYBUILD=overwrite cargo test -p tests --test ui`.

#[test]
fn declarations_compile_and_mistakes_are_explained() {
    let cases = trybuild::TestCases::new();
    cases.pass("ui/pass/*.rs");
    cases.compile_fail("ui/fail/*.rs");
}
