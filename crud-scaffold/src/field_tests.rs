//! Fields as they are typed, and what is said of wrong ones.

use super::*;

#[test]
fn a_field_is_read_with_all_its_marks() {
    let field = Field::parse("slug:string!:unique").unwrap();
    assert!(field.required && field.unique && !field.nullable());
    assert_eq!(field.lengths(), (Some(1), Some(255)));
    let field = Field::parse("course_id:ref(courses)").unwrap();
    assert_eq!((&*field.name, &*field.column()), ("course", "course_id"));
    assert!(field.nullable());
    let field = Field::parse("level:enum(low, very-high)=low").unwrap();
    assert_eq!(
        field.kind,
        FieldType::Enum(vec!["low".to_owned(), "very-high".to_owned()])
    );
    assert!(!field.nullable());
}

#[test]
fn a_wrong_field_is_told_what_is_accepted() {
    for (given, says) in [
        ("title", "expected NAME:TYPE"),
        (
            "title:strng",
            "`strng` is no type; accepted are string, text",
        ),
        ("Title:string", "`Title` is no name"),
        ("type:string", "is a word of Rust"),
        ("version:int", "every entity has `version` by itself"),
        ("limit:int", "has a meaning of its own"),
        ("a:json:unique", "`json` cannot be unique; string"),
        ("a:string:uniqe", "`:uniqe` is not known"),
        ("a:bool!=true", "leave out `!` or the default"),
        ("a:bool=maybe", "expected true or false"),
        ("a:int=99999999999", "a whole number of 32 bits"),
        ("a:enum(b,c)=d", "expected one of b, c"),
        ("a:enum(b,b)", "is there twice"),
        ("a:enum()", "is no value of an enum"),
        ("a:int:words", "string and text have"),
        ("a:string:words:unique", "`:words` is not known"),
        ("q:string", "has a meaning of its own"),
        ("a:ref", "names its table"),
        ("a:decimal", "as in `price:decimal(10,2)`"),
        ("a:decimal(19,2)", "at most 18"),
        ("a:decimal(2,3)", "at most 18"),
        ("a:decimal(4,2)=100", "a number of 4 digits, 2 of them"),
        ("a:decimal(4,2)=1.999", "a number of 4 digits, 2 of them"),
        ("a:json=x", "takes no default"),
    ] {
        let told = Field::parse(given).unwrap_err();
        assert!(
            told.contains(says) && told.contains(given),
            "{given}: {told}"
        );
    }
}
