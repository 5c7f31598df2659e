//! Related rows within an answer: `include=lessons,instructor`. One statement for each relation, whatever the
//! number of rows; each related row under its own entity's policy, mask and archive state.

use std::{collections::HashMap, sync::Arc};

use diesel::{
    deserialize::FromSql,
    pg::Pg,
    row::{Field as _, Row as _},
    sql_types::Nullable,
    sqlite::Sqlite,
};
use futures_util::future::BoxFuture;

use super::{
    Context, Listing,
    integers::Integers,
    projection::{JsonRows, Projection},
    reads::envelope,
    statement,
};
use crate::{
    Error, Result, Uuid,
    db::{Access, Frag, PgRow, Sink, SqliteRow, Stmt, bind},
    policy::Action,
    query::{Archived, LARGEST_SIZE, ListRequest, Total, sort_keys},
    registry::Resource,
    relation::{Relation, RelationKind},
    sql_types as st,
};

/// `a.b.c` and no further.
const DEEPEST: usize = 3;

/// A relation that is asked for, with what is asked for of the related rows.
pub(super) struct Include {
    relation: Relation,
    of: Arc<Resource>,
    nested: Vec<Self>,
}

impl Context<'_> {
    /// Reads one row with what belongs to it.
    ///
    /// # Errors
    /// As [`get_row`](Self::get_row); 400 for an unknown relation.
    pub(crate) async fn get_with(
        &self,
        r: &Resource,
        id: Uuid,
        archived: Archived,
        include: &str,
    ) -> Result<Vec<u8>> {
        let includes = self.includes(r, include)?;
        let rule = r.rule(self.principal, Action::Get);
        if rule.is_never() {
            return Err(self.hidden(r, id));
        }
        let projection = r.get.masked(&r.mask(self.principal));
        let sink = Keyed::new(
            JsonRows::many(projection.clone(), 1, Vec::new()),
            &projection,
            0,
            &includes,
        );
        let select = with_keys(r, &projection, None, &includes);
        let sql = statement::get(r, &select, id, archived, &rule);
        let rows = self.load(r, Access::Read, sql, sink).await?;
        let row = self.complete(*rows, 0, &includes).await?.pop();
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
        let projection = r.list.masked(&r.mask(self.principal));
        let limit = usize::try_from(request.page.limit).unwrap_or_default();
        let items = JsonRows::many(projection.clone(), limit, Vec::new());
        let sink = Keyed::new(items, &projection, 0, &includes);
        let select = with_keys(r, &projection, None, &includes);
        let sql = statement::list(r, &select, request, &rule);
        let rows = *self.load(r, Access::Read, sql, sink).await?;
        let total = match request.total {
            Total::None => None,
            Total::Exact => {
                let sql = statement::count(r, request, &rule);
                let count = self.load(r, Access::Read, sql, Box::new(Integers::default()));
                count.await?.first()
            }
        };
        let mut page = JsonRows::many(projection, limit, Vec::new());
        page.rows = rows.rows.rows;
        for (i, row) in self.complete(rows, 0, &includes).await?.iter().enumerate() {
            if i > 0 {
                page.out.push(b',');
            }
            page.out.extend_from_slice(&row.json);
        }
        Ok(envelope((page.rows, page.out.into()), total, request))
    }

    /// Understands `lessons,instructor,enrollments.student`.
    fn includes(&self, r: &Resource, text: &str) -> Result<Vec<Include>> {
        let mut includes = Vec::new();
        for path in text.split(',') {
            self.add(r, path, &mut includes, 1, false)?;
        }
        Ok(includes)
    }

    fn add(
        &self,
        r: &Resource,
        path: &str,
        into: &mut Vec<Include>,
        depth: usize,
        in_list: bool,
    ) -> Result<()> {
        let (name, rest) = match path.split_once('.') {
            Some((name, rest)) => (name, Some(rest)),
            None => (path, None),
        };
        let allowed = self.relations(r, in_list)?;
        let Some((relation, of)) = allowed.iter().find(|(known, _)| known.name == name) else {
            let names: Vec<_> = allowed.iter().map(|(relation, _)| relation.name).collect();
            let things = r.endpoint;
            let detail = match names.is_empty() {
                true => {
                    format!("Cannot include `{name}`: of {things} nothing can be included here")
                }
                false => format!(
                    "Cannot include `{name}`: of {things}, `include` takes {}",
                    names.join(", ")
                ),
            };
            return Err(Error::bad_request("unknown_include", detail));
        };
        let at = match into.iter().position(|known| known.relation.name == name) {
            Some(at) => at,
            None => {
                into.push(Include {
                    relation: *relation,
                    of: Arc::clone(of),
                    nested: Vec::new(),
                });
                into.len() - 1
            }
        };
        let Some(rest) = rest else { return Ok(()) };
        if depth == DEEPEST {
            let detail = format!("`include` goes {DEEPEST} relations deep, and not to `{rest}`");
            return Err(Error::bad_request("unknown_include", detail));
        }
        let in_list = in_list || relation.is_many();
        self.add(of, rest, &mut into[at].nested, depth + 1, in_list)
    }

    /// The relations that the caller may ask for: those whose column he may see. A list within each row of a
    /// list has no bound that a server could keep.
    fn relations(&self, r: &Resource, in_list: bool) -> Result<Vec<(Relation, Arc<Resource>)>> {
        let mask = r.mask(self.principal);
        let mut found = Vec::new();
        for relation in r
            .relations
            .iter()
            .filter(|known| !(in_list && known.is_many()))
        {
            let Some(of) = self.registry.get(relation.endpoint) else {
                let text = format!("`{}` relates to an entity that is not registered", r.name);
                return Err(Error::internal(text));
            };
            let hidden = match relation.kind {
                RelationKind::BelongsTo(column) => mask.hides(column),
                RelationKind::HasMany(column) => of.mask(self.principal).hides(column),
            };
            if !hidden {
                found.push((*relation, Arc::clone(of)));
            }
        }
        Ok(found)
    }

    /// The rows as JSON, with what belongs to them. The keys of `includes` begin at `first`.
    fn complete<'b>(
        &'b self,
        rows: Keyed,
        first: usize,
        includes: &'b [Include],
    ) -> BoxFuture<'b, Result<Vec<Object>>> {
        Box::pin(async move {
            let mut objects = rows.objects();
            for (i, include) in includes.iter().enumerate() {
                let keys = || {
                    rows.keys
                        .iter()
                        .map(|keys| keys.get(first + i).copied().flatten())
                };
                let mut wanted: Vec<Uuid> = keys().flatten().collect();
                wanted.sort_unstable();
                wanted.dedup();
                let related = self.related(include, &wanted).await?;
                for (object, key) in objects.iter_mut().zip(keys()) {
                    let found = key.and_then(|key| related.get(&key));
                    object.put(&include.relation, found.map_or(&[], Vec::as_slice));
                }
            }
            Ok(objects)
        })
    }

    /// The related rows by the key that they have in common with those that they belong to.
    async fn related(
        &self,
        include: &Include,
        keys: &[Uuid],
    ) -> Result<HashMap<Uuid, Vec<Vec<u8>>>> {
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
        let sink = Keyed::new(rows, &projection, 1, &include.nested);
        let rows = *self.load(r, Access::Read, sql, sink).await?;
        for row in self.complete(rows, 1, &include.nested).await? {
            if let Some(link) = row.link {
                found.entry(link).or_insert_with(Vec::new).push(row.json);
            }
        }
        Ok(found)
    }
}

/// A row's JSON, still open at its end.
struct Object {
    /// Its first key.
    link: Option<Uuid>,
    json: Vec<u8>,
}

impl Object {
    fn put(&mut self, relation: &Relation, found: &[Vec<u8>]) {
        // The brace that closes the object.
        self.json.pop();
        self.json.extend_from_slice(b",\"");
        self.json.extend_from_slice(relation.name.as_bytes());
        self.json.extend_from_slice(b"\":");
        match (relation.is_many(), found) {
            (true, rows) => {
                self.json.push(b'[');
                self.json.extend_from_slice(&rows.join(&b','));
                self.json.push(b']');
            }
            (false, [one, ..]) => self.json.extend_from_slice(one),
            (false, []) => self.json.extend_from_slice(b"null"),
        }
        self.json.push(b'}');
    }
}

/// The columns of an answer, and behind them the link and the keys of what is included.
fn with_keys(
    r: &Resource,
    projection: &Projection,
    link: Option<&'static str>,
    includes: &[Include],
) -> Frag {
    let keys = includes.iter().map(|include| match include.relation.kind {
        RelationKind::HasMany(_) => "id",
        RelationKind::BelongsTo(column) => column,
    });
    let sql = Stmt::new().frag(projection.select.clone());
    let sql = link.into_iter().chain(keys).fold(sql, |sql, column| {
        sql.sql(", ").ident(r.shape.name).sql(".").ident(column)
    });
    Arc::new(sql)
}

/// `(?, ?, …)`. The number of places is a power of two, so that few statements are prepared.
fn within(keys: &[Uuid]) -> Stmt {
    let last = keys.last().copied().unwrap_or_default();
    let padding = std::iter::repeat_n(last, keys.len().next_power_of_two() - keys.len());
    let mut sql = Stmt::with_capacity(2 * keys.len() + 2).sql("(");
    for (i, key) in keys.iter().copied().chain(padding).enumerate() {
        sql = sql
            .sql(if i == 0 { "" } else { ", " })
            .frag(bind::<st::Uuid, _>(key));
    }
    sql.sql(")")
}

/// Rows with the keys behind their columns.
struct Keyed {
    rows: Box<JsonRows>,
    /// Where the keys begin, and how many there are.
    at: usize,
    width: usize,
    spans: Vec<(usize, usize)>,
    keys: Vec<Vec<Option<Uuid>>>,
}

impl Keyed {
    fn new(rows: Box<JsonRows>, of: &Projection, links: usize, includes: &[Include]) -> Box<Self> {
        Box::new(Self {
            rows,
            at: of.len(),
            width: links + includes.len(),
            spans: Vec::new(),
            keys: Vec::new(),
        })
    }

    fn objects(&self) -> Vec<Object> {
        let object = |(&(start, end), keys): (&(usize, usize), &Vec<Option<Uuid>>)| {
            let json = &self.rows.out[start..end];
            Object {
                link: keys.first().copied().flatten(),
                json: json.strip_prefix(b",").unwrap_or(json).to_vec(),
            }
        };
        self.spans.iter().zip(&self.keys).map(object).collect()
    }
}

macro_rules! sink {
    ($method:ident, $row:ty, $db:ty) => {
        fn $method(&mut self, row: &$row) -> diesel::deserialize::Result<()> {
            let start = self.rows.out.len();
            self.rows.$method(row)?;
            let end = self.rows.out.len();
            if end == start {
                return Ok(()); // beyond the page
            }
            let mut keys = Vec::with_capacity(self.width);
            for i in self.at..self.at + self.width {
                let field = row.get(i).ok_or("a key is missing")?;
                keys.push(
                    <Option<Uuid> as FromSql<Nullable<st::Uuid>, $db>>::from_nullable_sql(
                        field.value(),
                    )?,
                );
            }
            self.spans.push((start, end));
            self.keys.push(keys);
            Ok(())
        }
    };
}

impl Sink for Keyed {
    sink!(pg, PgRow, Pg);
    sink!(sqlite, SqliteRow<'_, '_>, Sqlite);
}
