//! What is sent to PostgreSQL: a statement's text and bound values, and the statements that a connection keeps
//! prepared.

use std::collections::HashMap;

use bytes::BytesMut;
use diesel::pg::{Pg, PgMetadataLookup, PgTypeMetadata};
use diesel::query_builder::QueryFragment;
use diesel::query_builder::bind_collector::RawBytesBindCollector;
use foldhash::fast::RandomState;
use tokio_postgres::types::{IsNull, Kind, ToSql, Type, to_sql_checked};
use tokio_postgres::{Client, RowStream, Statement};

use super::MAX_CACHED_STATEMENTS;
use super::error::{DbError, DbResult, from_diesel};
use super::error_postgres::from_postgres;
use super::fragment::{Dialect, Stmt};
use super::postgres_row::{Oids, oids};

/// The statements that a connection keeps prepared.
#[derive(Default)]
pub(super) struct Prepared(HashMap<Asked, Known, RandomState>);

/// A statement without its values: the same text may be asked with values of other types.
#[derive(PartialEq, Eq, Hash)]
struct Asked {
    sql: String,
    types: Vec<PgTypeMetadata>,
}

#[derive(Clone)]
struct Known {
    statement: Statement,
    oids: Oids,
}

impl Prepared {
    /// Sends `stmt`. The types of its columns are not known before the first row if it was not prepared.
    pub(super) async fn send(
        &mut self,
        client: &Client,
        stmt: &Stmt,
    ) -> DbResult<(RowStream, Option<Oids>)> {
        let mut values = RawBytesBindCollector::<Pg>::new();
        stmt.collect_binds(&mut values, &mut Inferred as &mut dyn PgMetadataLookup, &Pg)
            .map_err(from_diesel)?;
        let asked = Asked {
            sql: Pg::render(stmt).map_err(from_diesel)?,
            types: values.metadata,
        };
        let values = values.binds.into_iter().map(Value);
        let known = match self.0.get(&asked) {
            Some(known) => known,
            None => {
                let types = asked.types.iter().map(known_type);
                let types = types.collect::<DbResult<Vec<_>>>()?;
                let keeps = QueryFragment::<Pg>::is_safe_to_cache_prepared(stmt, &Pg);
                if !keeps.map_err(from_diesel)? {
                    let rows = client.query_typed_raw(&asked.sql, values.zip(types));
                    return Ok((rows.await.map_err(from_postgres)?, None));
                }
                // Boxed: rare, and it would else be a part of every statement's future.
                self.prepare(client, asked, &types).await?
            }
        };
        let oids = known.oids.clone();
        let rows = client.query_raw(&known.statement, values).await;
        Ok((rows.map_err(from_postgres)?, Some(oids)))
    }

    async fn prepare(&mut self, client: &Client, asked: Asked, types: &[Type]) -> DbResult<&Known> {
        let statement = Box::pin(client.prepare_typed(&asked.sql, types)).await;
        let statement = statement.map_err(from_postgres)?;
        if self.0.len() >= MAX_CACHED_STATEMENTS {
            self.0.clear();
        }
        let oids = oids(statement.columns());
        Ok(self.0.entry(asked).or_insert(Known { statement, oids }))
    }
}

/// A type that the declaration names and PostgreSQL numbers, such as `citext`, is inferred from where its value stands.
struct Inferred;

impl PgMetadataLookup for Inferred {
    fn lookup_type(&mut self, _: &str, _: Option<&str>) -> PgTypeMetadata {
        PgTypeMetadata::new(Type::UNKNOWN.oid(), Type::UNKNOWN.oid())
    }
}

fn known_type(of: &PgTypeMetadata) -> DbResult<Type> {
    let oid = of.oid().map_err(|error| DbError::Other(Box::new(error)))?;
    let other = || Type::new(String::new(), oid, Kind::Simple, String::new());
    Ok(Type::from_oid(oid).unwrap_or_else(other))
}

/// A value as Diesel has written it; the statement was prepared for its type.
#[derive(Debug)]
struct Value(Option<Vec<u8>>);

impl ToSql for Value {
    fn to_sql(
        &self,
        _: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match &self.0 {
            Some(bytes) => {
                out.extend_from_slice(bytes);
                Ok(IsNull::No)
            }
            None => Ok(IsNull::Yes),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}
