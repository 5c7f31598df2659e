//! A row as a file: `GET /things/{id}.pdf`. The registry keeps how to make one, the router serves it under the policy of
//! `GET /things/{id}`, the document describes it.

use std::sync::Arc;

use crate::{Error, Result, entity::EntityInterface};

/// A form that an entity's rows have beside JSON.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
/// # fn main() {
/// let text = |course: &CourseGet| Ok(format!("{} costs {} cents", course.title, course.price).into_bytes());
/// let registry = Registry::new().entity::<Course>().file::<Course>("txt", "text/plain; charset=utf-8", text);
/// // `GET /courses/{id}.txt`
/// let format = &registry.resources()[0].files[0];
/// assert_eq!((format.extension, format.media_type), ("txt", "text/plain; charset=utf-8"));
/// # }
/// ```
#[derive(Clone)]
pub struct FileFormat {
    /// What follows the id in the path: `pdf`.
    pub extension: &'static str,
    /// What it is: `application/pdf`.
    pub media_type: &'static str,
    render: RenderFn,
}

/// Makes a file of a row's JSON.
type RenderFn = Arc<dyn Fn(&[u8]) -> Result<Vec<u8>> + Send + Sync>;

impl FileFormat {
    pub(crate) fn of<E: EntityInterface>(
        extension: &'static str,
        media_type: &'static str,
        render: fn(&E::Get) -> Result<Vec<u8>>,
    ) -> Self {
        Self {
            extension,
            media_type,
            // A caller who may not see every field has no whole row to make a file of.
            render: Arc::new(move |json| match serde_json::from_slice(json) {
                Ok(row) => render(&row),
                Err(error) => Err(Error::internal(error)),
            }),
        }
    }

    /// The file of a row. Takes the processor for as long as it takes: not for async threads.
    pub(crate) fn render(&self, json: &[u8]) -> Result<Vec<u8>> {
        (self.render)(json)
    }
}
