//! [`text_enum!`](crate::text_enum): an enum kept as text in a `Text` or `Nullable<Text>` column of both databases.
//!
//! Everything is written out rather than derived, so that the macro needs no dependency in the caller's crate.

/// Declares an enum whose values are texts, in the database, in JSON and in a query string alike.
///
/// ```
/// crud_core::text_enum! {
///     /// How hard a course is.
///     pub enum Level { Beginner = "beginner", Advanced = "advanced" }
/// }
/// ```
///
/// Gives `ALL`, `as_str`, `Display`, `FromStr`, `Copy`, `Eq`, `Ord`, `Hash`, serde, `JsonSchema` and Diesel's traits.
#[macro_export]
macro_rules! text_enum {
    ($(#[$meta:meta])* $vis:vis enum $name:ident { $($(#[$var_meta:meta])* $var:ident = $text:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        $vis enum $name { $($(#[$var_meta])* $var),+ }

        const _: () = {
            use $crate::__private::{diesel, schemars, serde};
            use diesel::deserialize::{self, FromSql, Queryable};
            use diesel::expression::AsExpression;
            use diesel::internal::derives::as_expression::Bound;
            use diesel::pg::{Pg, PgValue};
            use diesel::serialize::{self, Output, ToSql};
            use diesel::sql_types::{Nullable, SingleValue, Text};
            use diesel::sqlite::{Sqlite, SqliteValue};

            impl $name {
                /// Every value, in the order of declaration.
                $vis const ALL: &'static [$name] = &[$($name::$var),+];

                /// The text of this value.
                $vis const fn as_str(&self) -> &'static str {
                    match self { $($name::$var => $text),+ }
                }

                fn from_text(text: &str) -> Option<Self> {
                    match text { $($text => Some($name::$var),)+ _ => None }
                }

                fn from_column(text: &str) -> deserialize::Result<Self> {
                    Self::from_text(text).ok_or_else(|| {
                        format!("`{text}` in the database is no {}: expected one of {:?}", stringify!($name), [$($text),+]).into()
                    })
                }
            }

            impl ::std::fmt::Display for $name {
                fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                    f.write_str(self.as_str())
                }
            }

            impl ::std::str::FromStr for $name {
                type Err = String;
                fn from_str(text: &str) -> Result<Self, String> {
                    Self::from_text(text).ok_or_else(|| {
                        let known: Vec<_> = Self::ALL.iter().map(|known| known.as_str()).collect();
                        format!("`{text}` is none of {}", known.join(", "))
                    })
                }
            }

            impl serde::Serialize for $name {
                fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                    serializer.serialize_str(self.as_str())
                }
            }

            impl<'de> serde::Deserialize<'de> for $name {
                fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                    let text = <::std::borrow::Cow<'de, str> as serde::Deserialize<'de>>::deserialize(deserializer)?;
                    Self::from_text(&text).ok_or_else(|| serde::de::Error::unknown_variant(&text, &[$($text),+]))
                }
            }

            impl schemars::JsonSchema for $name {
                fn schema_name() -> ::std::borrow::Cow<'static, str> {
                    stringify!($name).into()
                }
                fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                    schemars::json_schema!({ "type": "string", "enum": [$($text),+] })
                }
            }

            impl AsExpression<Text> for $name {
                type Expression = Bound<Text, Self>;
                fn as_expression(self) -> Self::Expression { Bound::new(self) }
            }
            impl AsExpression<Nullable<Text>> for $name {
                type Expression = Bound<Nullable<Text>, Self>;
                fn as_expression(self) -> Self::Expression { Bound::new(self) }
            }
            impl<'a> AsExpression<Text> for &'a $name {
                type Expression = Bound<Text, Self>;
                fn as_expression(self) -> Self::Expression { Bound::new(self) }
            }
            impl<'a> AsExpression<Nullable<Text>> for &'a $name {
                type Expression = Bound<Nullable<Text>, Self>;
                fn as_expression(self) -> Self::Expression { Bound::new(self) }
            }

            impl<DB: diesel::backend::Backend> ToSql<Text, DB> for $name
            where
                str: ToSql<Text, DB>,
            {
                fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
                    ToSql::<Text, DB>::to_sql(self.as_str(), out)
                }
            }
            impl<DB: diesel::backend::Backend> ToSql<Nullable<Text>, DB> for $name
            where
                $name: ToSql<Text, DB>,
            {
                fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
                    ToSql::<Text, DB>::to_sql(self, out)
                }
            }

            impl FromSql<Text, Pg> for $name {
                fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
                    Self::from_column(::std::str::from_utf8(value.as_bytes())?)
                }
            }
            impl FromSql<Text, Sqlite> for $name {
                fn from_sql(mut value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
                    Self::from_column(value.read_text())
                }
            }
            impl<DB, ST> Queryable<ST, DB> for $name
            where
                DB: diesel::backend::Backend,
                ST: SingleValue,
                $name: FromSql<ST, DB>,
            {
                type Row = Self;
                fn build(row: Self) -> deserialize::Result<Self> { Ok(row) }
            }
        };
    };
}
