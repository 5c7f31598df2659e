//! From a request's parameters to the conditions of a list: plain filters by the search function, operators and
//! relations by their declaration, and the alternatives of `or`.

use std::sync::Arc;

use super::{FilterColumn, On, Op, column, json, name::Name};
use crate::{
    Context, Error, Result,
    db::{Frag, Stmt},
    error::FieldError,
    operations::related_to,
    policy::{Action, Mask},
    query::Params,
    registry::Resource,
    relation::{Relation, RelationKind},
};

/// The parameters of one request, and the filters within `or`.
pub(crate) const MOST_TERMS: usize = 50;
/// With more operators than these, or any that is not a plain comparison, a statement hardly comes twice.
const COMMON_TERMS: usize = 2;

/// Takes all filters of an entity's list from the parameters.
///
/// # Errors
/// 400 for an unknown operator, path or field of a relation, and for too many filters. Wrong values are noted in `params`.
pub(crate) fn conditions(cx: &Context<'_>, r: &Resource, params: &mut Params) -> Result<Vec<Frag>> {
    let mut reading = Reading {
        cx,
        terms: 0,
        is_rare: false,
    };
    let mut found = reading.group(r, params, true)?;
    if !r.filters.is_empty() {
        bounded(params.len())?;
        if let Some(text) = params.take_text("or") {
            found.push(reading.either(r, &text, params)?);
        }
    }
    if (reading.is_rare || reading.terms > COMMON_TERMS)
        && let Some(last) = found.pop()
    {
        found.push(Arc::new(Stmt::new().frag(last).uncached()));
    }
    Ok(found)
}

fn bounded(terms: usize) -> Result<()> {
    if terms <= MOST_TERMS {
        return Ok(());
    }
    let detail = format!("A request may have {MOST_TERMS} parameters, and as many filters in `or`");
    Err(Error::bad_request("too_many_filters", detail))
}

struct Reading<'a> {
    cx: &'a Context<'a>,
    /// Those with operators.
    terms: usize,
    is_rare: bool,
}

/// A parameter on a known field.
struct Term<'p> {
    value: &'p str,
    column: &'p FilterColumn,
    path: Option<&'p str>,
    op: Op,
}

impl Reading<'_> {
    /// The conditions that must all hold of a row of `r`. What is unknown stays in `params`.
    fn group(&mut self, r: &Resource, params: &mut Params, outermost: bool) -> Result<Vec<Frag>> {
        if params.untaken().next().is_none() {
            return Ok((r.search)(params));
        }
        let mask = r.mask(self.cx.principal);
        params.hide(r.query_fields.iter().copied().filter(|f| mask.hides(f)));
        let mut found = (r.search)(params);
        if params.untaken().next().is_none() {
            return Ok(found);
        }
        for field in &r.filters {
            match &field.on {
                On::Column(column) => {
                    if !mask.hides(field.name) && !mask.hides(column.column) {
                        params.knows(field.name.into());
                        self.column(field.name, column, params, &mut found)?;
                    }
                }
                On::Words(words) => {
                    let is_hidden = words.columns().any(|column| mask.hides(column));
                    if !is_hidden && let Some(text) = params.take_text(field.name) {
                        self.terms += 1;
                        match words.condition(r.shape.name, &text) {
                            Ok(condition) => found.push(condition),
                            Err((code, why)) => {
                                params.fault(field.name, code, format!("`{}`: {why}", field.name));
                            }
                        }
                    }
                }
                On::Relation(_) => {
                    if outermost && let Some((relation, of)) = self.relation(r, &mask, field.name) {
                        params.knows(format!("{}.…", field.name).into());
                        self.through(r, &relation, &of, params, &mut found)?;
                    }
                }
            }
        }
        Ok(found)
    }

    /// The conditions on one column.
    fn column(
        &mut self,
        field: &str,
        column: &FilterColumn,
        params: &mut Params,
        found: &mut Vec<Frag>,
    ) -> Result<()> {
        let (mut seen, mut taken, mut faults) = (Vec::new(), Vec::new(), Vec::new());
        for (name, value) in params.untaken() {
            let Some(term) = term(name, value, field, column)? else {
                continue;
            };
            if seen.contains(&(term.path, term.op)) {
                let detail = format!("The parameter `{name}` is given more than once");
                return Err(Error::bad_request("repeated_parameter", detail));
            }
            seen.push((term.path, term.op));
            taken.push(name.to_owned());
            self.terms += 1;
            self.is_rare |= column.is_json() || matches!(term.op, Op::In | Op::NotIn);
            match term.condition() {
                Ok(condition) => found.push(condition),
                Err((code, why)) => faults.push((name.to_owned(), code, why)),
            }
        }
        params.mark(&taken);
        for (name, code, why) in faults {
            params.fault(&name, code, format!("`{name}`: {why}"));
        }
        Ok(())
    }

    /// The relation of this name, if the caller may see the column that it stands on.
    fn relation(&self, r: &Resource, mask: &Mask, name: &str) -> Option<(Relation, Arc<Resource>)> {
        let relation = r.relations.iter().find(|known| known.name == name)?;
        let of = self.cx.registry.get(relation.endpoint)?;
        let is_hidden = match relation.kind {
            RelationKind::BelongsTo(column) => mask.hides(column),
            RelationKind::HasMany(column) => of.mask(self.cx.principal).hides(column),
        };
        (!is_hidden).then(|| (*relation, Arc::clone(of)))
    }

    /// The rows that belong to a row of the other entity's list.
    fn through(
        &mut self,
        r: &Resource,
        relation: &Relation,
        of: &Resource,
        params: &mut Params,
        found: &mut Vec<Frag>,
    ) -> Result<()> {
        let prefix = format!("{}.", relation.name);
        let inner = |(name, value): (&str, &str)| {
            let name = name.strip_prefix(&prefix)?;
            Some((name.to_owned(), value.to_owned()))
        };
        let inner: Vec<_> = params.untaken().filter_map(inner).collect();
        if inner.is_empty() {
            return Ok(());
        }
        self.is_rare = true;
        let taken: Vec<_> = inner
            .iter()
            .map(|(name, _)| format!("{prefix}{name}"))
            .collect();
        params.mark(&taken);
        let mut inner = Params::of(inner)?;
        let conditions = self.group(of, &mut inner, false)?;
        for mut fault in inner.into_faults(&prefix)? {
            fault.parameter = fault.parameter.map(|name| format!("{prefix}{name}"));
            params.note(fault);
        }
        let rule = of.rule(self.cx.principal, Action::List);
        let sql = related_to(r, relation.kind, of, &conditions, &rule);
        found.push(Arc::new(sql));
        Ok(())
    }

    /// `a=1;b=2|c=3`: the rows of which one alternative holds, with all its terms.
    fn either(&mut self, r: &Resource, text: &str, params: &mut Params) -> Result<Frag> {
        self.is_rare = true;
        let (mut sql, mut count) = (Stmt::new(), 0);
        for (i, alternative) in column::split(text, '|').into_iter().enumerate() {
            let terms = column::split(alternative, ';');
            count += terms.len();
            bounded(count)?;
            let mut inner = Params::of(terms.into_iter().map(pair).collect::<Result<Vec<_>>>()?)?;
            let conditions = self.group(r, &mut inner, true)?;
            for mut fault in inner.into_faults("")? {
                fault.parameter = Some("or".to_owned());
                params.note(fault);
            }
            sql = sql.sql(if i == 0 { "(" } else { " OR (" });
            sql = all(sql, &conditions).sql(")");
        }
        Ok(Arc::new(sql))
    }
}

/// Name and value of a filter within `or`.
fn pair(term: &str) -> Result<(String, String)> {
    let Some((name, value)) = term.split_once('=') else {
        let detail = "a filter is written as in an address, `name=value`: `or` takes alternatives with `|` between \
                      them, each of one filter or of several with `;` between them";
        return Err(wrong_or("or", detail));
    };
    // The values of a list are freed of their escapes one by one.
    let is_list = name.ends_with("[in]") || name.ends_with("[not_in]");
    let value = match is_list {
        true => value.to_owned(),
        false => column::plain(value).map_err(|(code, why)| wrong_or(code, &why))?,
    };
    Ok((name.to_owned(), value))
}

fn wrong_or(code: &'static str, why: &str) -> Error {
    Error::Invalid(vec![FieldError::parameter(
        "or",
        code,
        format!("`or`: {why}"),
    )])
}

/// `(a) AND (b)`
pub(crate) fn all(sql: Stmt, conditions: &[Frag]) -> Stmt {
    if conditions.is_empty() {
        return sql.sql("1 = 1");
    }
    conditions
        .iter()
        .enumerate()
        .fold(sql, |sql, (i, condition)| {
            sql.sql(if i == 0 { "(" } else { " AND (" })
                .frag(condition.clone())
                .sql(")")
        })
}

/// The term that a parameter is, if it is one on this field.
fn term<'p>(
    name: &'p str,
    value: &'p str,
    field: &str,
    column: &'p FilterColumn,
) -> Result<Option<Term<'p>>> {
    let Some(parsed) = Name::parse(name).filter(|name| name.field == field && name.inner.is_none())
    else {
        return Ok(None);
    };
    let (path, op) = match (column.is_json(), parsed.brackets) {
        (false, [op, None]) => (None, op),
        (true, [Some(path), op]) if json::is_path(path) => (Some(path), op),
        (true, _) => {
            let detail = format!(
                "`{field}` takes `{field}[path.to.key]` or `{field}[path.to.key][operator]`, whose keys are made of \
                 ASCII letters, digits, `_` and `-` and begin with no digit, not `{name}`"
            );
            return Err(Error::bad_request("unknown_parameter", detail));
        }
        (false, _) => return Ok(None),
    };
    let known = match op {
        None => Some(Op::Eq),
        Some(word) => Op::parse(word).filter(|op| column.ops.contains(op)),
    };
    let Some(op) = known else {
        let words: Vec<_> = column.ops.iter().map(|op| op.as_str()).collect();
        let detail = format!(
            "`{name}` has an unknown operator: `{field}` takes {}",
            words.join(", ")
        );
        return Err(Error::bad_request("unknown_operator", detail));
    };
    Ok(Some(Term {
        value,
        column,
        path,
        op,
    }))
}

impl Term<'_> {
    fn condition(&self) -> Result<Frag, column::Refused> {
        if self.value.contains('\0') {
            return Err(("type", "it must not contain a NUL character".to_owned()));
        }
        self.column.condition(self.path, self.op, self.value)
    }
}
