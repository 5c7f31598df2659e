//! Related rows within an answer: `include=lessons,instructor`. One statement for each relation, whatever the
//! number of rows; each related row under its own entity's policy, mask and archive state.

mod plan;
mod rows;

use std::collections::HashMap;

use futures_util::future::BoxFuture;

use self::{
    plan::Include,
    rows::{Found, Keyed, Object, kinds, with_keys, within},
};
use super::{
    Context, Listing,
    cached::{Kept, Named},
    key::Kind,
    keyset::{Edges, with_places},
    projection::JsonRows,
    reads::{DEEPEST_KEPT, Items, envelope},
    statement,
};
use crate::{
    Error, Result,
    db::{Access, Stmt},
    id::Id,
    policy::Action,
    query::{Archived, LARGEST_SIZE, ListRequest, sort_keys},
    registry::Resource,
    relation::RelationKind,
};

impl Context<'_> {
    /// Reads one row with what belongs to it.
    ///
    /// # Errors
    /// As [`get_row`](Self::get_row); 400 for an unknown relation.
    pub(crate) async fn get_with(
        &self,
        r: &Resource,
        id: &Id,
        archived: Archived,
        include: &str,
        fields: Option<&[&'static str]>,
    ) -> Result<Vec<u8>> {
        let includes = self.includes(r, include)?;
        let rule = r.rule(self.principal, Action::Get);
        if rule.is_never() {
            return Err(self.hidden(r, id));
        }
        let projection = r.get.shown(&r.mask(self.principal), fields);
        let sink = Keyed::new(
            JsonRows::many(projection.clone(), 1, Vec::new()),
            projection.len(),
            kinds(r, None, &includes),
        );
        let select = with_keys(r, &projection, None, &includes);
        let sql = statement::get(r, &select, id, archived, &rule);
        let name = Named::new(Kind::Keyed, sink.form());
        let rows = self.keyed(self.kept(r), r, name, sql, sink).await?;
        let row = self.complete(&rows, 0, &includes).await?.pop();
        row.map(|row| row.json).ok_or_else(|| r.missing(id))
    }

    /// Reads a page with what belongs to its rows.
    ///
    /// # Errors
    /// As [`list_rows`](Self::list_rows); 400 for an unknown relation.
    pub(super) async fn list_with(
        &self,
        r: &Resource,
        request: &ListRequest,
        include: &str,
    ) -> Result<Listing> {
        let rule = self.admit(r, Action::List)?;
        let includes = self.includes(r, include)?;
        let mask = r.mask(self.principal);
        let projection = r.list.shown(&mask, request.fields.as_deref());
        let place = self.place(r, request, &rule)?;
        let limit = usize::try_from(request.page.limit).unwrap_or_default();
        let seal = self.seal(r, request, &rule, place.as_ref());
        let edges = Edges::new(r, &request.order, projection.len() + includes.len(), seal);
        let items = JsonRows::page(projection.clone(), limit, edges);
        let sink = Keyed::new(items, projection.len(), kinds(r, None, &includes));
        let select = with_keys(r, &projection, None, &includes);
        let select = with_places(r, select, &request.order);
        let sql = statement::list(r, &select, request, place.as_ref(), &rule);
        let backward = place.as_ref().is_some_and(|place| place.backward);
        let kind = match backward {
            true => Kind::KeyedBack,
            false => Kind::Keyed,
        };
        let is_kept = request.page.offset <= DEEPEST_KEPT;
        let kept = self.kept(r).filter(|_| is_kept);
        let name = Named::new(kind, sink.form()).within(r.pinned(&request.conditions));
        let rows = self.keyed(kept, r, name, sql, sink).await?;
        let total = self.total(r, request, &rule).await?;
        let mut objects = self.complete(&rows, 0, &includes).await?;
        if backward {
            objects.reverse();
        }
        let objects: Vec<_> = objects.into_iter().map(|object| object.json).collect();
        let page = Items {
            json: objects.join(&b',').into(),
            ..rows.page
        };
        Ok(envelope(page, total, request.page, request.total))
    }

    /// The rows of a statement: from the cache, where they are kept under it, or from the database.
    async fn keyed(
        &self,
        kept: Option<Kept<'_>>,
        r: &Resource,
        name: Named,
        sql: Stmt,
        sink: Box<Keyed>,
    ) -> Result<Found> {
        let kinds = sink.kinds().to_vec();
        let found = match kept {
            Some(kept) => {
                let encode = |rows: Keyed| Found::from(rows).encode();
                let read = self.cached_statement(kept, r, name, sql, sink, encode);
                Box::pin(read).await?
            }
            None => Err((sql, sink)),
        };
        match found {
            Ok(body) => Found::decode(&body, &kinds)
                .ok_or_else(|| Error::internal("the cache holds rows that it was never given")),
            Err((sql, sink)) => Ok((*self.load(r, Access::Read, sql, sink).await?).into()),
        }
    }

    /// The rows as JSON, with what belongs to them. The keys of `includes` begin at `first`.
    fn complete<'b>(
        &'b self,
        rows: &'b Found,
        first: usize,
        includes: &'b [Include],
    ) -> BoxFuture<'b, Result<Vec<Object>>> {
        Box::pin(async move {
            let mut objects = rows.objects();
            for (i, include) in includes.iter().enumerate() {
                let keys = || {
                    rows.keys
                        .iter()
                        .map(|keys| keys.get(first + i).and_then(Option::as_ref))
                };
                let mut wanted: Vec<Id> = keys().flatten().cloned().collect();
                wanted.sort_unstable();
                wanted.dedup();
                let related = self.related(include, &wanted).await?;
                for (object, key) in objects.iter_mut().zip(keys()) {
                    let found = key.and_then(|key| related.get(key));
                    object.put(&include.relation, found.map_or(&[], Vec::as_slice));
                }
            }
            Ok(objects)
        })
    }

    /// The related rows by the key that they have in common with those that they belong to.
    async fn related(&self, include: &Include, keys: &[Id]) -> Result<HashMap<Id, Vec<Vec<u8>>>> {
        let (r, mut found) = (&*include.of, HashMap::new());
        let (action, whole) = match include.relation.is_many() {
            true => (Action::List, &r.list),
            false => (Action::Get, &r.get),
        };
        let rule = r.rule(self.principal, action);
        if keys.is_empty() || rule.is_never() {
            return Ok(found);
        }
        let mask = r.mask(self.principal);
        let projection = whole.masked(&mask);
        let link = match include.relation.kind {
            RelationKind::HasMany(column) => column,
            RelationKind::BelongsTo(_) => "id",
        };
        let select = with_keys(r, &projection, Some(link), &include.nested);
        let sql = match include.relation.is_many() {
            true => {
                let order = sort_keys(r, &mask, r.default_sort)?;
                statement::first_of_each(
                    r,
                    &select,
                    link,
                    within(keys),
                    &order,
                    LARGEST_SIZE,
                    &rule,
                )
            }
            false => statement::all_of(r, &select, within(keys), &rule),
        };
        let rows = JsonRows::many(projection.clone(), usize::MAX, Vec::new());
        let sink = Keyed::new(
            rows,
            projection.len(),
            kinds(r, Some(link), &include.nested),
        );
        let name = Named::new(Kind::Keyed, sink.form());
        let rows = self.keyed(self.kept(r), r, name, sql, sink).await?;
        for row in self.complete(&rows, 1, &include.nested).await? {
            if let Some(link) = row.link {
                found.entry(link).or_insert_with(Vec::new).push(row.json);
            }
        }
        Ok(found)
    }
}
