//! The parameters of a query string, taken one by one by name. What nobody takes is unknown; all
//! wrong values are reported at once.

use std::borrow::Cow;

use serde::{
    Deserializer,
    de::{DeserializeOwned, IntoDeserializer, Visitor, value::Error as ValueError},
    forward_to_deserialize_any,
};

use crate::{
    Result,
    error::{Error, FieldError},
};

/// The parameters of one request.
///
/// ```
/// use crud_core::query::Params;
///
/// let mut params = Params::parse("days=7")?;
/// let days: Option<u32> = params.take("days");
/// params.finish()?;
/// assert_eq!(days, Some(7));
/// # Ok::<(), crud_core::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct Params {
    given: Vec<Given>,
    known: Vec<Cow<'static, str>>,
    /// Names that do not exist for the caller.
    hidden: Vec<&'static str>,
    errors: Vec<FieldError>,
}

#[derive(Debug)]
struct Given {
    name: String,
    value: String,
    taken: bool,
}

impl Params {
    /// Reads a query string (`application/x-www-form-urlencoded`).
    ///
    /// # Errors
    /// 400 if a parameter is given twice.
    pub fn parse(query: &str) -> Result<Self> {
        Self::of(form_urlencoded::parse(query.as_bytes()))
    }

    /// The parameters of these names and values.
    ///
    /// # Errors
    /// 400 if a parameter is given twice.
    pub(crate) fn of<T: Into<String> + AsRef<str>>(
        pairs: impl IntoIterator<Item = (T, T)>,
    ) -> Result<Self> {
        let mut given: Vec<Given> = Vec::new();
        for (name, value) in pairs {
            let name = name.into();
            if given.iter().any(|g| g.name == name) {
                let detail = format!("The parameter `{name}` is given more than once");
                return Err(Error::bad_request("repeated_parameter", detail));
            }
            given.push(Given {
                name,
                value: value.into(),
                taken: false,
            });
        }
        Ok(Self {
            given,
            ..Self::default()
        })
    }

    /// Takes a parameter's text.
    pub fn take_text(&mut self, name: &'static str) -> Option<String> {
        if self.hidden.contains(&name) {
            return None;
        }
        self.known.push(name.into());
        let given = self.given.iter_mut().find(|g| g.name == name)?;
        given.taken = true;
        if given.value.contains('\0') {
            self.fault(
                name,
                "type",
                format!("`{name}` must not contain a NUL character"),
            );
            return None;
        }
        Some(given.value.clone())
    }

    /// Takes a parameter as a value of its type; a wrong one is noted for [`finish`](Self::finish).
    pub fn take<V: DeserializeOwned>(&mut self, name: &'static str) -> Option<V> {
        let text = self.take_text(name)?;
        match Self::value(&text) {
            Ok(value) => Some(value),
            Err(error) => {
                self.fault(name, "type", format!("`{name}`: {error}"));
                None
            }
        }
    }

    /// A text as a value of its type.
    ///
    /// # Errors
    /// What is expected instead.
    pub fn value<V: DeserializeOwned>(text: &str) -> Result<V, String> {
        V::deserialize(Plain(text)).map_err(|error| error.to_string())
    }

    /// Notes a wrong value.
    pub fn fault(&mut self, name: &str, code: &'static str, detail: String) {
        self.note(FieldError::parameter(name, code, detail));
    }

    /// Notes a wrong value.
    pub(crate) fn note(&mut self, fault: FieldError) {
        self.errors.push(fault);
    }

    /// From here on these names are as unknown as any other.
    pub(crate) fn hide(&mut self, names: impl Iterator<Item = &'static str>) {
        self.hidden.extend(names);
    }

    /// Says that a name is known, for who is told what is.
    pub(crate) fn knows(&mut self, name: Cow<'static, str>) {
        self.known.push(name);
    }

    /// How many were given.
    pub(crate) fn len(&self) -> usize {
        self.given.len()
    }

    /// Names and values of those that nobody has taken yet.
    pub(crate) fn untaken(&self) -> impl Iterator<Item = (&str, &str)> {
        let untaken = self.given.iter().filter(|g| !g.taken);
        untaken.map(|g| (g.name.as_str(), g.value.as_str()))
    }

    /// Takes those of these names.
    pub(crate) fn mark(&mut self, names: &[String]) {
        for given in &mut self.given {
            given.taken |= names.contains(&given.name);
        }
    }

    /// Whether a parameter was given.
    pub fn has(&self, name: &str) -> bool {
        self.given.iter().any(|g| g.name == name)
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// 400 if a parameter is unknown, naming the known ones; 422 with every wrong value.
    pub fn finish(self) -> Result<()> {
        match self.into_faults("")? {
            none if none.is_empty() => Ok(()),
            faults => Err(Error::Invalid(faults)),
        }
    }

    /// Ends the reading of parameters whose names have this before them in the request: their wrong values.
    ///
    /// # Errors
    /// 400 if a parameter is unknown, naming the known ones.
    pub(crate) fn into_faults(self, prefix: &str) -> Result<Vec<FieldError>> {
        let Some((first, _)) = self.untaken().next() else {
            return Ok(self.errors);
        };
        let allowed = if self.known.is_empty() {
            "none is accepted here".to_owned()
        } else {
            let known = self.known.iter().map(|name| format!("{prefix}{name}"));
            format!("accepted are {}", known.collect::<Vec<_>>().join(", "))
        };
        let detail = format!("Unknown parameter `{prefix}{first}`: {allowed}");
        Err(Error::bad_request("unknown_parameter", detail))
    }
}

/// A plain text that becomes the value its type asks for.
struct Plain<'a>(&'a str);

fn parse<V: std::str::FromStr>(text: &str, accepted: &str) -> Result<V, ValueError> {
    text.parse()
        .map_err(|_| serde::de::Error::custom(format_args!("expected {accepted}")))
}

macro_rules! parsed {
    ($accepted:literal: $($method:ident $visit:ident),*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
            visitor.$visit(parse(self.0, $accepted)?)
        })*
    };
}

impl<'de> Deserializer<'de> for Plain<'_> {
    type Error = ValueError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        visitor.visit_str(self.0)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        visitor.visit_enum(self.0.into_deserializer())
    }

    parsed!("true or false": deserialize_bool visit_bool);
    parsed!("a whole number": deserialize_i8 visit_i8, deserialize_i16 visit_i16,
        deserialize_i32 visit_i32, deserialize_i64 visit_i64, deserialize_u8 visit_u8,
        deserialize_u16 visit_u16, deserialize_u32 visit_u32, deserialize_u64 visit_u64);

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        let number: f64 = parse(self.0, "a number")?;
        if number.is_finite() {
            visitor.visit_f64(number)
        } else {
            Err(serde::de::Error::custom("expected a finite number"))
        }
    }

    forward_to_deserialize_any! {
        i128 u128 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct
        identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_parameter_names_the_known_ones() {
        let mut params = Params::parse("titel=x").expect("parses");
        let _: Option<String> = params.take("title");
        let error = params.finish().expect_err("unknown");
        assert_eq!(error.code(), "unknown_parameter");
        assert!(error.to_string().contains("accepted are title"), "{error}");
    }

    #[test]
    fn every_wrong_value_is_reported() {
        let mut params = Params::parse("page=x&open=2&n=7").expect("parses");
        assert_eq!(params.take::<i64>("page"), None);
        assert_eq!(params.take::<bool>("open"), None);
        assert_eq!(params.take::<i64>("n"), Some(7));
        let Err(Error::Invalid(errors)) = params.finish() else {
            panic!("two values are wrong")
        };
        assert_eq!(errors.len(), 2);
        assert_eq!(errors[0].detail, "`page`: expected a whole number");
    }

    #[test]
    fn a_parameter_given_twice_is_refused() {
        let error = Params::parse("a=1&a=2").expect_err("twice");
        assert_eq!(error.code(), "repeated_parameter");
    }
}
