//! Reading rows and pages: through the cache where it can be, else one statement for the rows and one for their number.

use bytes::Bytes;

use super::{
    Context, Listing, Place, Row,
    integers::Integers,
    keyset::{Cursors, Edges, with_places},
    projection::JsonRows,
    row, statement,
};
use crate::{
    Result, cursor,
    db::{Access, Stmt},
    id::Id,
    policy::{Action, Rule},
    query::{self, Archived, ListRequest, Page, PagedBy},
    registry::Resource,
};

/// Pages beyond this offset are not cached.
pub(super) const DEEPEST_KEPT: i64 = 10_000;

impl Context<'_> {
    /// Reads one row; of its fields all, or these.
    ///
    /// # Errors
    /// 404 if there is none, or the principal may not see it; 401 if nobody is signed in where
    /// that is needed.
    pub(crate) async fn get_row(
        &self,
        r: &Resource,
        id: &Id,
        archived: Archived,
        fields: Option<&[&'static str]>,
    ) -> Result<Row> {
        let rule = r.rule(self.principal, Action::Get);
        if rule.is_never() {
            return Err(self.hidden(r, id));
        }
        // Boxed: what is not cached does not carry the cache's futures about.
        let found = match self.kept(r) {
            Some(kept) => Box::pin(self.cached_get(kept, r, id, archived, &rule, fields)).await?,
            None => {
                let (sql, sink) = self.selecting(r, id, archived, &rule, fields);
                row(id.clone(), *self.load(r, Access::Read, sql, sink).await?)
            }
        };
        found.ok_or_else(|| r.missing(id))
    }

    pub(super) fn selecting(
        &self,
        r: &Resource,
        id: &Id,
        archived: Archived,
        rule: &Rule,
        fields: Option<&[&'static str]>,
    ) -> (Stmt, Box<JsonRows>) {
        let projection = r.get.shown(&r.mask(self.principal), fields);
        let sql = statement::get(r, &projection.select, id, archived, rule);
        (sql, JsonRows::one(projection, false))
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
        let place = self.place(r, request, &rule)?;
        let mask = r.mask(self.principal);
        let projection = r.list.shown(&mask, request.fields.as_deref());
        let select = with_places(r, projection.select.clone(), &request.order);
        let sql = statement::list(r, &select, request, place.as_ref(), &rule);
        let limit = usize::try_from(request.page.limit).unwrap_or_default();
        let seal = self.seal(r, request, &rule, place.as_ref());
        let edges = Edges::new(r, &request.order, projection.len(), seal);
        let sink = JsonRows::page(projection, limit, edges);
        let (items, total) = match request.total {
            query::Total::None => {
                let items = self.items(r, sql, sink, request, place.as_ref());
                (items.await?, None)
            }
            _ => {
                let work = self.counted(r, sql, sink, request, place.as_ref(), &rule);
                Box::pin(work).await?
            }
        };
        Ok(envelope(items, total, request.page, request.total))
    }

    async fn counted(
        &self,
        r: &Resource,
        sql: Stmt,
        sink: Box<JsonRows>,
        request: &ListRequest,
        place: Option<&cursor::Place>,
        rule: &Rule,
    ) -> Result<(Items, Option<Total>)> {
        let items = self.items(r, sql, sink, request, place);
        let total = self.total(r, request, rule);
        match self.place {
            // Two connections, so neither waits for the other.
            Place::Db(_) => tokio::try_join!(items, total),
            Place::Tx(_) => Ok((items.await?, total.await?)),
        }
    }

    async fn items(
        &self,
        r: &Resource,
        sql: Stmt,
        sink: Box<JsonRows>,
        request: &ListRequest,
        place: Option<&cursor::Place>,
    ) -> Result<Items> {
        let backward = place.is_some_and(|place| place.backward);
        // Deep pages hardly come twice.
        let found = match self.kept(r) {
            Some(kept) if request.page.offset <= DEEPEST_KEPT => {
                let part = r.pinned(&request.conditions);
                Box::pin(self.cached_page(kept, r, sql, sink, backward, part)).await?
            }
            _ => Err((sql, sink)),
        };
        match found {
            Ok(found) => Ok(found),
            Err((sql, sink)) => {
                let rows = self.load(r, Access::Read, sql, sink).await?;
                Ok(rows.into_page(backward))
            }
        }
    }

    pub(super) async fn count(
        &self,
        r: &Resource,
        sql: Stmt,
        request: &ListRequest,
    ) -> Result<i64> {
        let sink = Box::new(Integers::default());
        let found = match self.kept(r) {
            Some(kept) => {
                let part = r.pinned(&request.conditions);
                Box::pin(self.cached_count(kept, r, sql, sink, part)).await?
            }
            None => Err((sql, sink)),
        };
        match found {
            Ok(count) => Ok(count),
            Err((sql, sink)) => {
                let count = self.load(r, Access::Read, sql, sink).await?;
                Ok(count.first().unwrap_or_default())
            }
        }
    }
}

/// How many rows a list has.
#[derive(Clone, Copy)]
pub(super) struct Total {
    pub(super) rows: i64,
    /// Whether they were counted.
    pub(super) exact: bool,
}

/// The rows of a page, and its cursors.
pub(super) struct Items {
    /// How many there were, one beyond the page included.
    pub(super) rows: usize,
    /// Those on the page, with commas between them.
    pub(super) json: Bytes,
    pub(super) cursors: Cursors,
}

impl Items {
    /// As the cache keeps it.
    pub(super) fn encode(&self) -> Vec<u8> {
        let cursors = [&self.cursors.next, &self.cursors.prev];
        let cursors = cursors.map(|cursor| cursor.as_deref().unwrap_or_default().as_bytes());
        let mut body = Vec::with_capacity(384 + self.json.len());
        body.extend_from_slice(&(self.rows as u64).to_le_bytes());
        for cursor in cursors {
            // A cursor is some values of one row.
            let length = u32::try_from(cursor.len()).unwrap_or(u32::MAX);
            body.extend_from_slice(&length.to_le_bytes());
        }
        for part in cursors.into_iter().chain([&*self.json]) {
            body.extend_from_slice(part);
        }
        body
    }

    /// From the cache; an empty page if it is none.
    pub(super) fn decode(body: &Bytes) -> Self {
        let length = |at: usize| {
            let bytes = body.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
            bytes.map_or(0, u32::from_le_bytes) as usize
        };
        let text = |from: usize, to: usize| {
            let bytes = body.get(from..to).filter(|bytes| !bytes.is_empty())?;
            Some(std::str::from_utf8(bytes).ok()?.to_owned())
        };
        let rows = body
            .first_chunk()
            .map_or(0, |rows| u64::from_le_bytes(*rows));
        let next = 16 + length(8);
        let prev = next + length(12);
        Self {
            rows: usize::try_from(rows).unwrap_or(usize::MAX),
            cursors: Cursors {
                next: text(16, next),
                prev: text(next, prev),
            },
            json: body.slice(prev.min(body.len())..),
        }
    }
}

/// The page as its client gets it.
pub(super) fn envelope(
    items: Items,
    total: Option<Total>,
    page: Page,
    wanted: query::Total,
) -> Listing {
    use std::io::Write;
    let more = match (total, page.by) {
        (_, PagedBy::Cursor) => items.cursors.next.is_some(),
        (Some(total), _) if total.exact => page.offset.saturating_add(page.limit) < total.rows,
        _ => i64::try_from(items.rows).is_ok_and(|rows| rows > page.limit),
    };
    let mut json = Vec::with_capacity(items.json.len() + 384);
    json.extend_from_slice(b"{\"items\":[");
    json.extend_from_slice(&items.json);
    let rows = total.map(|total| total.rows);
    let pages = rows.map(|rows| (rows + page.limit - 1) / page.limit);
    let number = (page.by != PagedBy::Cursor).then(|| page.number());
    let members = [("],\"total\":", rows), (",\"page\":", number)];
    let after = [
        (",\"page_size\":", Some(page.limit)),
        (",\"pages\":", pages),
    ];
    for (name, value) in members.into_iter().chain(after) {
        json.extend_from_slice(name.as_bytes());
        // Writing to a Vec cannot fail.
        let _ = match value {
            Some(value) => write!(json, "{value}"),
            None => write!(json, "null"),
        };
    }
    let Cursors { next, prev } = items.cursors;
    let cursors = [("next", &next), ("prev", &prev)];
    for (name, cursor) in cursors {
        let _ = match cursor {
            Some(cursor) => write!(json, ",\"{name}_cursor\":\"{cursor}\""),
            None => write!(json, ",\"{name}_cursor\":null"),
        };
    }
    if let (query::Total::Estimated, Some(total)) = (wanted, total) {
        let is = if total.exact { "exact" } else { "estimated" };
        let _ = write!(json, ",\"total_is\":\"{is}\"");
    }
    json.push(b'}');
    Listing {
        json: json.into(),
        total: total.filter(|total| total.exact).map(|total| total.rows),
        more,
        next_cursor: next,
        prev_cursor: prev,
    }
}
