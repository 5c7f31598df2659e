//! Mistakes in declarations, with the sentence that each of them gets. After a wanted
//! change: `TRYBUILD=overwrite cargo test -p tests --test ui`.

#[test]
fn mistakes_in_declarations_are_explained() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("ui/fail/*.rs");
}
