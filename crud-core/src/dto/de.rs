//! How the fields of a body are read: trimmed text, and "absent" told from `null`. The `dto`
//! attribute names these functions in `#[serde(deserialize_with = …)]`; nobody else calls them.

use serde::{Deserialize, Deserializer, de::Error as _};

use crate::Json;

/// Text, without the white space around it.
///
/// # Errors
/// What is no string, or holds a NUL character, which PostgreSQL cannot store.
pub fn trimmed<'de, D: Deserializer<'de>>(source: D) -> Result<String, D::Error> {
    let mut text = text(source)?;
    let end = text.trim_end().len();
    text.truncate(end);
    let start = text.len() - text.trim_start().len();
    text.drain(..start);
    Ok(text)
}

/// Text as it came (passwords).
///
/// # Errors
/// As [`trimmed`].
pub fn text<'de, D: Deserializer<'de>>(source: D) -> Result<String, D::Error> {
    let text = String::deserialize(source)?;
    if text.contains('\0') {
        return Err(D::Error::custom("text must not contain a NUL character"));
    }
    Ok(text)
}

/// A JSON object.
///
/// # Errors
/// What is no object.
pub fn object<'de, D: Deserializer<'de>>(source: D) -> Result<Json, D::Error> {
    let json = Json::deserialize(source)?;
    if json.as_str().starts_with('{') {
        Ok(json)
    } else {
        Err(D::Error::custom("expected a JSON object"))
    }
}

/// A value that may be left out but not be null.
///
/// # Errors
/// As the value's own.
pub fn present<'de, D, V>(source: D) -> Result<Option<V>, D::Error>
where
    D: Deserializer<'de>,
    V: Deserialize<'de>,
{
    V::deserialize(source).map(Some)
}

/// A value that may be left out (`None`) or be null (`Some(None)`).
///
/// # Errors
/// As the value's own.
pub fn nullable<'de, D, V>(source: D) -> Result<Option<Option<V>>, D::Error>
where
    D: Deserializer<'de>,
    V: Deserialize<'de>,
{
    Option::<V>::deserialize(source).map(Some)
}

/// Makes the `Option` forms of a reader of plain values.
macro_rules! option_forms {
    ($read:ident, $value:ty, $option:ident, $present:ident, $nullable:ident) => {
        #[doc = concat!("[`", stringify!($read), "`], or null.")]
        ///
        /// # Errors
        /// As the plain form.
        pub fn $option<'de, D: Deserializer<'de>>(source: D) -> Result<Option<$value>, D::Error> {
            struct Plain($value);
            impl<'de> Deserialize<'de> for Plain {
                fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
                    $read(source).map(Self)
                }
            }
            Ok(Option::<Plain>::deserialize(source)?.map(|plain| plain.0))
        }

        #[doc = concat!("[`", stringify!($read), "`] that may be left out but not be null.")]
        ///
        /// # Errors
        /// As the plain form.
        pub fn $present<'de, D: Deserializer<'de>>(source: D) -> Result<Option<$value>, D::Error> {
            $read(source).map(Some)
        }

        #[doc = concat!("[`", stringify!($read), "`] that may be left out or be null.")]
        ///
        /// # Errors
        /// As the plain form.
        pub fn $nullable<'de, D: Deserializer<'de>>(
            source: D,
        ) -> Result<Option<Option<$value>>, D::Error> {
            $option(source).map(Some)
        }
    };
}

option_forms!(
    trimmed,
    String,
    trimmed_option,
    trimmed_present,
    trimmed_nullable
);
option_forms!(text, String, text_option, text_present, text_nullable);
option_forms!(object, Json, object_option, object_present, object_nullable);
