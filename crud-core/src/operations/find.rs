//! Reads for an application's own routes, hooks and jobs: one row by any condition, a list that is
//! narrowed further. Policy, mask and archive state are those of the entity's own reads.

use bytes::Bytes;

use super::{Context, Listing, Row, cached::Named, key::Kind, many::Many, statement, typed};
use crate::{
    Error, Result,
    db::{Access, Frag},
    entity::EntityInterface,
    id::IdKind,
    policy::Action,
    query::parse_list,
    registry::Resource,
    search::{Condition, Search},
};

impl Context<'_> {
    /// Reads the row for which a condition holds, if it is not archived: `cx.find::<Course>(courses::slug.eq("x"))`.
    ///
    /// # Errors
    /// 404 if there is none, or the principal may not see it. An internal error if there are several.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
    /// # #[tokio::main]
    /// # async fn main() -> crud_core::Result<()> {
    /// # let (app, system) = (app().await, Principal::system());
    /// # let cx = app.on_behalf(&system);
    /// # let new = CourseCreate { title: "Rust".into(), price: 100, is_published: true, properties: None };
    /// # cx.create::<Course>(new).await?;
    /// let course = cx.find::<Course>(courses::title.eq("Rust").and(courses::price.lt(200))).await?;
    /// assert_eq!(course.price, 100);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn find<E: EntityInterface>(
        &self,
        condition: impl Condition<E::Table>,
    ) -> Result<E::Get> {
        let r = self.resource::<E>()?;
        let found = self.find_row(r, condition.erase(), None);
        typed::dto::<E>(&found.await?)
    }

    /// Reads a page of the rows that a query string and further conditions leave, as `GET` of the
    /// entity does: `cx.list::<Example>("page=2", |search| search.filter(examples::is_active.eq(true)))`.
    ///
    /// # Errors
    /// As `GET` of the entity.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
    /// # #[tokio::main]
    /// # async fn main() -> crud_core::Result<()> {
    /// # let (app, system) = (app().await, Principal::system());
    /// # let cx = app.on_behalf(&system);
    /// # let new = CourseCreate { title: "Rust".into(), price: 100, is_published: true, properties: None };
    /// # cx.create::<Course>(new).await?;
    /// let dear = cx.list::<Course>("sort=-price", |search| search.filter(courses::price.ge(100))).await?;
    /// let page: serde_json::Value = serde_json::from_slice(&dear.json).map_err(Error::internal)?;
    /// assert_eq!(page["items"][0]["title"], "Rust");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn list<E: EntityInterface>(
        &self,
        query: &str,
        narrow: impl FnOnce(Search<E::Table>) -> Search<E::Table>,
    ) -> Result<Listing> {
        let r = self.resource::<E>()?;
        let mut request = parse_list(self, r, query)?;
        let further = narrow(Search::new()).into_conditions();
        request.conditions.extend(further);
        self.list_rows(r, &request).await
    }

    pub(crate) async fn find_row(
        &self,
        r: &Resource,
        condition: Frag,
        fields: Option<&[&'static str]>,
    ) -> Result<Row> {
        let none = || Error::NotFound(format!("{} not found", r.title()));
        let rule = r.rule(self.principal, Action::Get);
        if rule.is_never() {
            return Err(match self.principal.is_anonymous() {
                true => Error::Unauthenticated("Sign in to do this".into()),
                false => none(),
            });
        }
        let projection = r.get.shown(&r.mask(self.principal), fields);
        let sql = statement::find(r, &projection.select, condition, &rule);
        let name = Named::new(Kind::Found, *projection.form());
        let sink = Box::new(Many::new(r.ids, projection, false));
        let found = match self.kept(r) {
            Some(kept) => {
                let read = self.cached_statement(kept, r, name, sql, sink, encode);
                Box::pin(read).await?
            }
            None => Err((sql, sink)),
        };
        let body = match found {
            Ok(body) => body,
            Err((sql, sink)) => encode(*self.load(r, Access::Read, sql, sink).await?).into(),
        };
        match decode(&body, r.ids) {
            Some(found) => found.ok_or_else(none),
            None => {
                let text = format!("a condition that finds one {} found several", r.noun);
                Err(Error::internal(text))
            }
        }
    }
}

/// The row that was found: its version, the length of its id, its id and its JSON; nothing if there was none, a word if
/// there were several.
fn encode(found: Many) -> Vec<u8> {
    let mut found = found.rows.into_iter();
    let (Some((id, row)), next) = (found.next(), found.next()) else {
        return Vec::new();
    };
    if next.is_some() {
        return b"several".to_vec();
    }
    let id = id.to_string();
    let mut body = row.version.to_le_bytes().to_vec();
    body.extend_from_slice(&(id.len() as u64).to_le_bytes());
    body.extend_from_slice(id.as_bytes());
    body.extend_from_slice(&row.out);
    body
}

/// The outer `None`: there were several.
fn decode(body: &Bytes, ids: IdKind) -> Option<Option<Row>> {
    if body.is_empty() {
        return Some(None);
    }
    let (version, rest) = body.split_first_chunk()?;
    let (length, rest) = rest.split_first_chunk()?;
    let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
    let id = std::str::from_utf8(rest.get(..length)?).ok()?;
    Some(Some(Row {
        id: ids.parse(id)?,
        version: i64::from_le_bytes(*version),
        json: body.slice(16 + length..),
    }))
}
