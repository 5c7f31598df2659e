//! The query string of a list, read strictly: every parameter is known, given once and of its type.

mod aggregate;
mod fields;
mod page;
mod params;

pub use params::Params;

pub(crate) use aggregate::{AggregateRequest, Function, parse_aggregate};
pub(crate) use fields::{Fields, fields};

pub(crate) use page::{
    Archived, DEFAULT_SIZE, LARGEST_OFFSET, LARGEST_PAGE, LARGEST_SIZE, ListRequest, Page, PagedBy,
    SortKey, Total, archived, include, parse_export, parse_list, parse_page, sort_keys,
};
