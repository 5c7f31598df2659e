//! Reading rows and pages: through the cache where it can be, else one statement for the rows and one for their number.

use bytes::Bytes;

use super::{Context, Listing, Place, Row, projection::JsonRows, row, statement};
use crate::{
    Result, Uuid,
    db::{Access, Stmt},
    policy::Action,
    query::{Archived, ListRequest, Total},
    registry::Resource,
};

/// Pages beyond this offset are not cached.
const DEEPEST_KEPT: i64 = 10_000;

impl Context<'_> {
    /// Reads one row.
    ///
    /// # Errors
    /// 404 if there is none, or the principal may not see it; 401 if nobody is signed in where
    /// that is needed.
    pub(crate) async fn get_row(&self, r: &Resource, id: Uuid, archived: Archived) -> Result<Row> {
        let rule = r.rule(self.principal, Action::Get);
        if rule.is_never() {
            return Err(self.hidden(r, id));
        }
        if let Some(found) = self.cached_get(r, id, archived, &rule).await? {
            return found.ok_or_else(|| r.missing(id));
        }
        let projection = r.get.masked(&r.mask(self.principal));
        let sql = statement::get(r, &projection.select, id, archived, &rule);
        let sink = JsonRows::one(projection, false);
        let found = match self.cached_one(r, id, sql, sink).await? {
            Ok(found) => found,
            Err((sql, sink)) => row(id, *self.load(r, Access::Read, sql, sink).await?),
        };
        found.ok_or_else(|| r.missing(id))
    }

    /// Reads a page.
    ///
    /// # Errors
    /// 401 or 403 if the principal may list no row at all.
    pub(crate) async fn list_rows(&self, r: &Resource, request: &ListRequest) -> Result<Listing> {
        if let Some(include) = &request.include {
            return Box::pin(self.list_with(r, request, include)).await;
        }
        let rule = self.admit(r, Action::List)?;
        let projection = r.list.masked(&r.mask(self.principal));
        let sql = statement::list(r, &projection.select, request, &rule);
        let limit = usize::try_from(request.page.limit).unwrap_or_default();
        let items = self.items(
            r,
            sql,
            JsonRows::many(projection, limit, Vec::new()),
            request,
        );
        let (items, total) = match request.total {
            Total::None => (items.await?, None),
            Total::Exact => {
                let count = self.count(r, statement::count(r, request, &rule));
                let (items, count) = match self.place {
                    // Two connections, so neither waits for the other.
                    Place::Db(_) => tokio::try_join!(items, count)?,
                    Place::Tx(_) => (items.await?, count.await?),
                };
                (items, Some(count))
            }
        };
        Ok(envelope(items, total, request))
    }

    async fn items(
        &self,
        r: &Resource,
        sql: Stmt,
        sink: Box<JsonRows>,
        request: &ListRequest,
    ) -> Result<(usize, Bytes)> {
        // Deep pages hardly come twice.
        let found = match request.page.offset > DEEPEST_KEPT {
            true => Err((sql, sink)),
            false => self.cached_page(r, sql, sink).await?,
        };
        match found {
            Ok(found) => Ok(found),
            Err((sql, sink)) => {
                let rows = self.load(r, Access::Read, sql, sink).await?;
                Ok((rows.rows, rows.out.into()))
            }
        }
    }

    async fn count(&self, r: &Resource, sql: Stmt) -> Result<i64> {
        match self.cached_count(r, sql).await? {
            Ok(count) => Ok(count),
            Err((sql, sink)) => {
                let count = self.load(r, Access::Read, sql, sink).await?;
                Ok(count.first().unwrap_or_default())
            }
        }
    }
}

/// Closes the envelope that the sink began.
pub(super) fn envelope(
    (rows, items): (usize, Bytes),
    total: Option<i64>,
    request: &ListRequest,
) -> Listing {
    use std::io::Write;
    let page = request.page;
    let more = match total {
        Some(total) => page.offset.saturating_add(page.limit) < total,
        None => i64::try_from(rows).is_ok_and(|rows| rows > page.limit),
    };
    let mut json = Vec::with_capacity(items.len() + 128);
    json.extend_from_slice(b"{\"items\":[");
    json.extend_from_slice(&items);
    let pages = total.map(|total| (total + page.limit - 1) / page.limit);
    let text = |number: Option<i64>| number.map_or_else(|| "null".to_owned(), |n| n.to_string());
    // Writing to a Vec cannot fail.
    let _ = write!(
        json,
        "],\"total\":{},\"page\":{},\"page_size\":{},\"pages\":{},\"next_cursor\":null}}",
        text(total),
        page.number(),
        page.limit,
        text(pages)
    );
    Listing {
        json: json.into(),
        total,
        more,
    }
}
