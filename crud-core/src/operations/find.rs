//! Reads for an application's own routes, hooks and jobs: one row by any condition, a list that is
//! narrowed further. Policy, mask and archive state are those of the entity's own reads.

use diesel::{deserialize::FromSql, pg::Pg, row::Row as _, sqlite::Sqlite};

use super::{Context, Listing, Row, projection::JsonRows, row, statement, typed};
use crate::{
    Error, Result, Uuid,
    db::{Access, Frag, PgRow, Sink, SqliteRow},
    entity::EntityInterface,
    policy::Action,
    query::parse_list,
    registry::Resource,
    search::{Condition, Search},
    sql_types as st,
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
        let found = self.find_row(r, condition.erase());
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
        let mut request = parse_list(r, &r.mask(self.principal), query)?;
        let further = narrow(Search::new()).into_conditions();
        request.conditions.extend(further);
        self.list_rows(r, &request).await
    }

    pub(crate) async fn find_row(&self, r: &Resource, condition: Frag) -> Result<Row> {
        let none = || Error::NotFound(format!("{} not found", r.title()));
        let rule = r.rule(self.principal, Action::Get);
        if rule.is_never() {
            return Err(match self.principal.is_anonymous() {
                true => Error::Unauthenticated("Sign in to do this".into()),
                false => none(),
            });
        }
        let projection = r.get.masked(&r.mask(self.principal));
        let sql = statement::find(r, &projection.select, condition, &rule);
        let sink = Found {
            // Behind the columns stands the version.
            at: projection.len() + 1,
            rows: JsonRows::one(projection, false),
            id: None,
        };
        let found = self.load(r, Access::Read, sql, Box::new(sink)).await?;
        if found.rows.rows > 1 {
            let text = format!("a condition that finds one {} found several", r.noun);
            return Err(Error::internal(text));
        }
        found
            .id
            .and_then(|id| row(id, *found.rows))
            .ok_or_else(none)
    }
}

/// A row with its version and its id.
struct Found {
    rows: Box<JsonRows>,
    at: usize,
    id: Option<Uuid>,
}

macro_rules! sink {
    ($method:ident, $row:ty, $db:ty) => {
        fn $method(&mut self, row: &$row) -> diesel::deserialize::Result<()> {
            use diesel::row::Field as _;
            self.rows.$method(row)?;
            let field = row.get(self.at).ok_or("the id is missing")?;
            let id = <Uuid as FromSql<st::Uuid, $db>>::from_nullable_sql(field.value())?;
            self.id = Some(id);
            Ok(())
        }
    };
}

impl Sink for Found {
    sink!(pg, PgRow, Pg);
    sink!(sqlite, SqliteRow<'_, '_>, Sqlite);
}
