//! The query string of a list, read strictly: every parameter is known, given once and of its type.

mod page;
mod params;

pub use params::Params;

pub(crate) use page::{
    Archived, DEFAULT_SIZE, LARGEST_OFFSET, LARGEST_PAGE, LARGEST_SIZE, ListRequest, Page, SortKey,
    Total, archived, include, parse_list, sort_keys,
};
