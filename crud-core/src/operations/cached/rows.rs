//! Rows, kept once for all users, and judged for each.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;

use super::{Kept, read_into};
use crate::{
    Context, Result,
    cache::{Dep, Entry, Load, Loaded},
    db::Access,
    id::{Id, IdKind},
    operations::{Row, key, projection::JsonRows, row, statement},
    policy::{Predicate, Relation, Rule, Value, Verdict},
    query::Archived,
    registry::Resource,
    row::WholeRow,
};

/// How long it is remembered that a row is not there.
const ABSENT: std::time::Duration = std::time::Duration::from_secs(30);

/// A row that took part in a decision.
struct Used {
    entry: Entry,
    deps: Vec<Dep>,
    row: WholeRow,
}

impl Context<'_> {
    /// A row as the caller may see it; `None` if there is none or he may not.
    pub(in crate::operations) async fn cached_get(
        &self,
        kept: Kept<'_>,
        r: &Resource,
        id: &Id,
        archived: Archived,
        rule: &Rule,
        fields: Option<&[&'static str]>,
    ) -> Result<Option<Row>> {
        if let Some(found) = self.judged(kept, r, id, archived, rule, fields).await? {
            return Ok(found);
        }
        let (sql, sink) = self.selecting(r, id, archived, rule, fields);
        match self.cached_one(kept, r, id, sql, sink).await? {
            Ok(found) => Ok(found),
            Err((sql, sink)) => Ok(row(
                id.clone(),
                *self.load(r, Access::Read, sql, sink).await?,
            )),
        }
    }

    /// A row that is kept for everyone, as the policy judges it for the caller. The outer `None`: it cannot.
    async fn judged(
        &self,
        kept: Kept<'_>,
        r: &Resource,
        id: &Id,
        archived: Archived,
        rule: &Rule,
        fields: Option<&[&'static str]>,
    ) -> Result<Option<Option<Row>>> {
        let mut used = Vec::new();
        let Some(row) = self.whole_row(kept, r, id, &mut used).await? else {
            return Ok(None);
        };
        let verdict = match (
            row.is_there(),
            rule.predicate.judge(&|name| r.value(&row, name)),
        ) {
            (false, _) => Verdict::False,
            (true, Verdict::Pending) => {
                self.judge(kept, r, &row, &rule.predicate, &mut used)
                    .await?
            }
            (true, known) => known,
        };
        let is_seen = match verdict {
            Verdict::True => true,
            Verdict::False | Verdict::Null => false,
            Verdict::Pending | Verdict::Unknown => return Ok(None),
        };
        // Rows that were read one after the other: were they ever there together? The last one was current when the
        // others, which are still the same, were.
        used.pop();
        if !used.is_empty() && !kept.db.is_current().await {
            return Ok(None);
        }
        for used in &used {
            if !kept
                .cache
                .still(&used.entry, &used.deps, used.row.bytes())
                .await
            {
                return Ok(None);
            }
        }
        let is_asked_for = match archived {
            Archived::Hidden if r.archivable => row.is_live(),
            Archived::Only if r.archivable => !row.is_live(),
            Archived::Hidden | Archived::Only | Archived::Any => true,
        };
        if !(row.is_there() && is_seen && is_asked_for) {
            return Ok(Some(None));
        }
        let json = r.get.cut(&row, &r.mask(self.principal), fields);
        let version = row.version();
        let id = id.clone();
        Ok(Some(Some(Row { id, version, json })))
    }

    /// A row with all its fields, for the framework's own eyes. `None`: rows of this entity are not kept.
    async fn whole_row(
        &self,
        kept: Kept<'_>,
        r: &Resource,
        id: &Id,
        used: &mut Vec<Used>,
    ) -> Result<Option<WholeRow>> {
        let (Some(ttl), Some(deps)) = (r.cache_ttl(), r.row_deps(self.registry, id)) else {
            return Ok(None);
        };
        let entry = Entry {
            of: r.endpoint,
            key: key::of_row(r.endpoint, r.get.form(), id).into(),
        };
        let load = || -> Load {
            let sql = statement::whole(r, id);
            let sink = JsonRows::whole(Arc::clone(&r.get), r.archivable);
            let db = kept.db.clone();
            Box::pin(async move {
                let rows = read_into::<JsonRows>(&db, sql, sink).await?;
                let body: Bytes = rows.into_whole().into();
                let ttl = if WholeRow::new(body.clone()).is_there() {
                    ttl
                } else {
                    ttl.min(ABSENT)
                };
                Ok(Loaded { body, ttl })
            })
        };
        let body = match kept
            .cache
            .through(kept.db, entry.clone(), &deps, load)
            .await
        {
            Ok(body) => body,
            Err(failed) => return Err(self.failed(r, failed).await),
        };
        let row = WholeRow::new(body);
        used.push(Used {
            entry,
            deps,
            row: row.clone(),
        });
        Ok(Some(row))
    }

    /// A verdict that needs other rows.
    fn judge<'f>(
        &'f self,
        kept: Kept<'f>,
        r: &'f Resource,
        row: &'f WholeRow,
        predicate: &'f Predicate,
        used: &'f mut Vec<Used>,
    ) -> BoxFuture<'f, Result<Verdict>> {
        Box::pin(async move {
            let value = |name: &str| r.value(row, name);
            let quick = predicate.judge(&value);
            match (quick, predicate) {
                (Verdict::Pending, Predicate::Related(relation)) => {
                    self.judge_related(kept, relation, value(relation.column), used)
                        .await
                }
                (Verdict::Pending, Predicate::All(many) | Predicate::Any(many)) => {
                    let is_all = matches!(predicate, Predicate::All(_));
                    let mut verdict = if is_all {
                        Verdict::True
                    } else {
                        Verdict::False
                    };
                    for one in many {
                        let next = self.judge(kept, r, row, one, used).await?;
                        verdict = if is_all {
                            verdict.and(next)
                        } else {
                            verdict.or(next)
                        };
                        if verdict
                            == (if is_all {
                                Verdict::False
                            } else {
                                Verdict::True
                            })
                        {
                            break;
                        }
                    }
                    Ok(verdict)
                }
                (known, _) => Ok(known),
            }
        })
    }

    async fn judge_related(
        &self,
        kept: Kept<'_>,
        relation: &Relation,
        value: Option<Value<'_>>,
        used: &mut Vec<Used>,
    ) -> Result<Verdict> {
        let target = self.registry.of_table(relation.target_table);
        let (Some(target), "id") = (target, relation.target_column) else {
            return Ok(Verdict::Unknown);
        };
        let id = match (value, target.ids) {
            (Some(Value::Uuid(id)), IdKind::Uuid) => Id::Uuid(id),
            (Some(Value::Int(id)), IdKind::Int) => Id::Int(id),
            (Some(Value::Text(id)), IdKind::Text) => Id::Text(id.into()),
            (Some(Value::Null), _) => return Ok(Verdict::False),
            _ => return Ok(Verdict::Unknown),
        };
        let Some(row) = self.whole_row(kept, target, &id, used).await? else {
            return Ok(Verdict::Unknown);
        };
        if !row.is_there() {
            return Ok(Verdict::False);
        }
        let verdict = self.judge(kept, target, &row, &relation.rule, used).await?;
        // EXISTS is true or false, never unknown.
        Ok(if verdict == Verdict::Null {
            Verdict::False
        } else {
            verdict
        })
    }
}
