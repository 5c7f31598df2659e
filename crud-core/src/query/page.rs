//! Pages and orders: `page`+`page_size` or `limit`+`offset`, `sort`, `total`, `archived`.

use super::{Fields, Params, fields};
use crate::{
    Context, Result,
    db::{ColumnKind, Frag, Stmt},
    error::Error,
    filter,
    policy::Mask,
    registry::Resource,
};

/// The rows of a page, unless said otherwise, and at most.
pub(crate) const DEFAULT_SIZE: i64 = 20;
pub(crate) const LARGEST_SIZE: i64 = 100;
/// Beyond any table, and far from where numbers overflow.
pub(crate) const LARGEST_PAGE: i64 = 1_000_000_000;
pub(crate) const LARGEST_OFFSET: i64 = LARGEST_PAGE * LARGEST_SIZE;

/// Which part of a list is asked for, and in which words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) limit: i64,
    pub(crate) offset: i64,
    /// The words of the request, in which links answer.
    pub(crate) by: PagedBy,
}

/// How a request says which part of a list it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PagedBy {
    /// `page`+`page_size`, or nothing.
    Number,
    /// `limit`+`offset`.
    Offset,
    /// `cursor`.
    Cursor,
}

impl Page {
    /// The 1-based number of this page.
    pub(crate) fn number(self) -> i64 {
        self.offset / self.limit + 1
    }
}

/// Whether archived rows are part of a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Archived {
    Hidden,
    Only,
    Any,
}

/// Whether a list counts all its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Total {
    Exact,
    None,
    /// As near as costs little.
    Estimated,
}

/// One key of an order.
#[derive(Clone)]
pub(crate) struct SortKey {
    pub(crate) column: Frag,
    pub(crate) descending: bool,
    pub(crate) kind: ColumnKind,
    pub(crate) nullable: bool,
}

impl SortKey {
    /// The column as both databases order it: text by bytes, as SQLite does.
    pub(crate) fn ordered(&self, sql: Stmt) -> Stmt {
        sql.frag(self.column.clone()).by_bytes(self.kind)
    }
}

/// A list request, understood and within bounds.
pub(crate) struct ListRequest {
    pub(crate) page: Page,
    /// Where the page begins, as the client has it.
    pub(crate) cursor: Option<String>,
    pub(crate) total: Total,
    pub(crate) archived: Archived,
    pub(crate) order: Vec<SortKey>,
    pub(crate) conditions: Vec<Frag>,
    /// The fields that are asked for, if not all.
    pub(crate) fields: Option<Fields>,
    /// The relations that are asked for.
    pub(crate) include: Option<String>,
}

/// Reads a list's query string.
///
/// # Errors
/// 400 for what is unknown, repeated or mixed; 422 for values of the wrong type or out of range.
pub(crate) fn parse_list(
    cx: &Context<'_>,
    resource: &Resource,
    query: &str,
) -> Result<ListRequest> {
    let mut params = Params::parse(query)?;
    let page = page(&mut params)?;
    let cursor = params.take_text("cursor");
    let sort = params.take_text("sort");
    let total = total(&mut params, page.by);
    let archived = archived_rows(resource, &mut params);
    let include = include(resource, &mut params);
    let mask = resource.mask(cx.principal);
    let fields = fields(resource, &resource.list, &mask, &mut params)?;
    let conditions = filter::conditions(cx, resource, &mut params)?;
    let sort = sort.unwrap_or_else(|| resource.default_sort.to_owned());
    let order = sort_keys(resource, &mask, &sort)?;
    params.finish()?;
    Ok(ListRequest {
        page,
        cursor,
        total,
        archived,
        conditions,
        order,
        fields,
        include,
    })
}

/// Reads the query string of an export, in which `format` may stand: filters, and nothing of pages and orders.
///
/// # Errors
/// As [`parse_list`].
pub(crate) fn parse_export(
    cx: &Context<'_>,
    resource: &Resource,
    query: &str,
    rows: i64,
) -> Result<ListRequest> {
    let mut params = Params::parse(query)?;
    params.take_text("format");
    let archived = archived_rows(resource, &mut params);
    let conditions = filter::conditions(cx, resource, &mut params)?;
    params.finish()?;
    Ok(ListRequest {
        page: Page {
            limit: rows,
            offset: 0,
            by: PagedBy::Offset,
        },
        total: Total::None,
        archived,
        conditions,
        order: Vec::new(),
        cursor: None,
        fields: None,
        include: None,
    })
}

fn archived_rows(resource: &Resource, params: &mut Params) -> Archived {
    match resource.archivable {
        true => archived(params),
        false => Archived::Any,
    }
}

/// Reads the query string of a list that has one order and no filters.
///
/// # Errors
/// As [`parse_list`].
pub(crate) fn parse_page(query: &str) -> Result<(Page, Total)> {
    let mut params = Params::parse(query)?;
    let page = page(&mut params)?;
    let choices = [("exact", Total::Exact), ("none", Total::None)];
    let total = choice(&mut params, "total", &choices);
    params.finish()?;
    Ok((page, total))
}

fn total(params: &mut Params, by: PagedBy) -> Total {
    let mut choices = [
        ("exact", Total::Exact),
        ("none", Total::None),
        ("estimated", Total::Estimated),
    ];
    if by == PagedBy::Cursor {
        // Who walks does not count the whole at every step.
        choices.swap(0, 1);
    }
    choice(params, "total", &choices)
}

/// Reads `include`, which only entities with relations accept.
pub(crate) fn include(resource: &Resource, params: &mut Params) -> Option<String> {
    match resource.relations.is_empty() {
        true => None,
        false => params.take_text("include"),
    }
}

/// Reads `archived`, which only entities that can be archived accept.
pub(crate) fn archived(params: &mut Params) -> Archived {
    let choices = [
        ("false", Archived::Hidden),
        ("true", Archived::Only),
        ("any", Archived::Any),
    ];
    choice(params, "archived", &choices)
}

/// A parameter with a closed list of values, the first of which is the default.
fn choice<V: Copy>(params: &mut Params, name: &'static str, choices: &[(&str, V)]) -> V {
    let default = choices[0].1;
    let Some(given) = params.take_text(name) else {
        return default;
    };
    if let Some((_, value)) = choices.iter().find(|(text, _)| *text == given) {
        return *value;
    }
    let names: Vec<_> = choices.iter().map(|(text, _)| *text).collect();
    let detail = format!("`{name}` must be one of {}", names.join(", "));
    params.fault(name, "enum", detail);
    default
}

fn page(params: &mut Params) -> Result<Page> {
    let by_page = params.has("page") || params.has("page_size");
    let by_offset = ["limit", "offset", "skip"].iter().any(|n| params.has(n));
    if by_page && by_offset {
        let detail = "Use page and page_size, or limit and offset, but not both";
        return Err(Error::bad_request("mixed_pagination", detail));
    }
    let by_cursor = params.has("cursor");
    let elsewhere = ["page", "offset", "skip"];
    if by_cursor && elsewhere.iter().any(|name| params.has(name)) {
        let detail = "A cursor says where its page begins: use it with page_size or limit, \
                      and without page, offset and skip";
        return Err(Error::bad_request("mixed_pagination", detail));
    }
    if params.has("offset") && params.has("skip") {
        let detail = "Use offset or skip, which mean the same, but not both";
        return Err(Error::bad_request("mixed_pagination", detail));
    }
    let number = bounded(params, "page", 1, 1, LARGEST_PAGE);
    let size = bounded(params, "page_size", DEFAULT_SIZE, 1, LARGEST_SIZE);
    let limit = bounded(params, "limit", DEFAULT_SIZE, 1, LARGEST_SIZE);
    let offset = bounded(params, "offset", 0, 0, LARGEST_OFFSET);
    let skip = bounded(params, "skip", 0, 0, LARGEST_OFFSET);
    Ok(if by_cursor {
        Page {
            limit: if by_offset { limit } else { size },
            offset: 0,
            by: PagedBy::Cursor,
        }
    } else if by_offset {
        Page {
            limit,
            offset: offset.max(skip),
            by: PagedBy::Offset,
        }
    } else {
        Page {
            limit: size,
            offset: (number - 1) * size,
            by: PagedBy::Number,
        }
    })
}

fn bounded(params: &mut Params, name: &'static str, default: i64, min: i64, max: i64) -> i64 {
    let Some(value) = params.take::<i64>(name) else {
        return default;
    };
    if (min..=max).contains(&value) {
        return value;
    }
    let detail = format!("`{name}` must be from {min} to {max}");
    params.fault(name, "range", detail);
    default
}

/// Turns `-created_at,title` into keys.
///
/// # Errors
/// 400 for a name that is not sortable, hidden from the caller, or given twice.
pub(crate) fn sort_keys(resource: &Resource, mask: &Mask, sort: &str) -> Result<Vec<SortKey>> {
    let mut keys = Vec::with_capacity(2);
    let mut names: Vec<&str> = Vec::with_capacity(2);
    for part in sort.split(',') {
        let name = part.strip_prefix('-').unwrap_or(part);
        let column = resource
            .sorts
            .iter()
            .find(|s| s.name == name && !mask.hides(s.name));
        let Some(column) = column else {
            let allowed: Vec<_> = resource
                .sorts
                .iter()
                .map(|s| s.name)
                .filter(|name| !mask.hides(name))
                .collect();
            let detail = format!(
                "Cannot sort by `{name}`: `sort` takes {}, each with `-` before it to turn the order",
                allowed.join(", ")
            );
            return Err(Error::bad_request("unknown_sort", detail));
        };
        if names.contains(&name) {
            let detail = format!("`sort` names `{name}` more than once");
            return Err(Error::bad_request("repeated_sort", detail));
        }
        names.push(name);
        keys.push(SortKey {
            column: column.column.clone(),
            descending: part.starts_with('-'),
            kind: column.kind,
            nullable: column.nullable,
        });
    }
    Ok(keys)
}
