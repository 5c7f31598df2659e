//! Reads for an application's own routes, hooks and jobs: one row by any condition, a list that is
//! narrowed further. Policy, mask and archive state are those of the entity's own reads.

use super::{Context, Listing, Row, many::Many, row, statement, typed};
use crate::{
    Error, Result,
    db::{Access, Frag},
    entity::EntityInterface,
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
        let sink = Box::new(Many::new(r.ids, projection, false));
        let mut found = self.load(r, Access::Read, sql, sink).await?.rows;
        if found.len() > 1 {
            let text = format!("a condition that finds one {} found several", r.noun);
            return Err(Error::internal(text));
        }
        let (id, found) = found.pop().ok_or_else(none)?;
        row(id, *found).ok_or_else(none)
    }
}
