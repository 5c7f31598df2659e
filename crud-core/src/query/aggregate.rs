//! The query string of `GET /things/aggregate`: `count`, `avg`, `sum`, `min`, `max`, `group_by`, and a list's filters.

use super::{Archived, Params, archived};
use crate::{
    Context, Result,
    db::{ColumnKind, Frag},
    error::Error,
    filter,
    registry::Resource,
};

/// A function over the values of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Function {
    Avg,
    Sum,
    Min,
    Max,
}

impl Function {
    /// In the order of the answer.
    pub(crate) const ALL: [(Self, &'static str); 4] = [
        (Self::Avg, "avg"),
        (Self::Sum, "sum"),
        (Self::Min, "min"),
        (Self::Max, "max"),
    ];

    /// Whether it can be taken of such values.
    pub(crate) fn takes(self, kind: ColumnKind) -> bool {
        kind != ColumnKind::Timestamptz || matches!(self, Self::Min | Self::Max)
    }
}

/// What is asked for of the rows of a list.
pub(crate) struct AggregateRequest {
    pub(crate) archived: Archived,
    pub(crate) conditions: Vec<Frag>,
    pub(crate) count: bool,
    /// Each with the field that it is taken of.
    pub(crate) of: Vec<(Function, &'static str)>,
    pub(crate) by: Vec<&'static str>,
}

/// Reads the query string.
///
/// # Errors
/// As for a list; 400 for a field that is not declared for this, or hidden from the caller.
pub(crate) fn parse_aggregate(
    cx: &Context<'_>,
    r: &Resource,
    query: &str,
) -> Result<AggregateRequest> {
    let mask = r.mask(cx.principal);
    let mut params = Params::parse(query)?;
    let archived = match r.archivable {
        true => archived(&mut params),
        false => Archived::Any,
    };
    let count = params.take_text("count");
    if count
        .as_ref()
        .is_some_and(|text| !["", "true"].contains(&text.as_str()))
    {
        params.fault(
            "count",
            "enum",
            "`count` must be true, or have no value".to_owned(),
        );
    }
    let mut of = Vec::new();
    for (function, name) in Function::ALL {
        let allowed = r.aggregates_of(function).filter(|field| !mask.hides(field));
        let fields = named(&mut params, name, &allowed.collect::<Vec<_>>())?;
        of.extend(fields.into_iter().map(|field| (function, field)));
    }
    let groups = r.groups.iter().copied().filter(|field| !mask.hides(field));
    let by = named(&mut params, "group_by", &groups.collect::<Vec<_>>())?;
    let conditions = filter::conditions(cx, r, &mut params)?;
    params.finish()?;
    Ok(AggregateRequest {
        archived,
        conditions,
        count: count.is_some() || of.is_empty(),
        of,
        by,
    })
}

fn named(
    params: &mut Params,
    parameter: &'static str,
    allowed: &[&'static str],
) -> Result<Vec<&'static str>> {
    let mut fields = Vec::new();
    let Some(text) = params.take_text(parameter) else {
        return Ok(fields);
    };
    for name in text.split(',') {
        let Some(field) = allowed.iter().copied().find(|known| *known == name) else {
            let allowed = match allowed {
                [] => "no field".to_owned(),
                allowed => allowed.join(", "),
            };
            let detail = format!("Unknown field `{name}`: `{parameter}` takes {allowed}");
            return Err(Error::bad_request("unknown_field", detail));
        };
        if fields.contains(&field) {
            let detail = format!("`{parameter}` names `{name}` more than once");
            return Err(Error::bad_request("repeated_field", detail));
        }
        fields.push(field);
    }
    Ok(fields)
}
