//! One entity under test: its paths, its schemas, valid bodies for it and rows of it.

use std::{collections::BTreeMap, sync::Arc, sync::atomic::Ordering};

use axum::http::Method;
use futures_util::future::BoxFuture;
use serde_json::{Map, Value, json};

use super::{Conformance, body::BodySchema, parents::parents};
use crate::{
    Id, IdKind, Uuid,
    policy::Action,
    registry::Resource,
    testing::{Client, Reply, reply::id_of},
};

/// An entity, and who asks for it.
pub(super) struct Subject<'a> {
    pub(super) suite: &'a Conformance,
    pub(super) r: Arc<Resource>,
    /// May do everything.
    pub(super) admin: &'a Client,
    pub(super) anonymous: Client,
    /// `/courses`
    pub(super) all: String,
    pub(super) create: BodySchema,
    pub(super) update: BodySchema,
    pub(super) get: BodySchema,
    pub(super) list: BodySchema,
    pub(super) query: BodySchema,
}

/// Which fields of a body are sent.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Size {
    Required,
    Full,
}

impl<'a> Subject<'a> {
    pub(super) fn new(suite: &'a Conformance, endpoint: &str) -> Self {
        let r = suite.app.registry().get(endpoint);
        let r = Arc::clone(r.unwrap_or_else(|| panic!("no entity has the endpoint `{endpoint}`")));
        Self {
            suite,
            admin: &suite.admin,
            anonymous: suite.admin.signed_out(),
            all: format!("/{endpoint}"),
            create: BodySchema::new(r.schemas.create),
            update: BodySchema::new(r.schemas.update),
            get: BodySchema::new(r.schemas.get),
            list: BodySchema::new(r.schemas.list),
            query: BodySchema::whole((r.schemas.query)()),
            r,
        }
    }

    /// `/courses/{id}`
    pub(super) fn one(&self, id: &str) -> String {
        format!("{}/{id}", self.all)
    }

    /// The routes that change a row, each with a valid body.
    pub(super) async fn writes(&self, id: &str) -> Vec<(Method, String, Value)> {
        let one = self.one(id);
        let mut writes = Vec::new();
        if self.r.offers(Action::Update) {
            let change = self.changes(&Value::Null).await;
            writes.push((Method::PATCH, one.clone(), change));
            let mut body = self.body(Size::Required, &Value::Null).await;
            self.name(&mut body, id);
            writes.push((Method::PUT, one.clone(), body));
        }
        if self.r.offers(Action::Delete) {
            writes.push((Method::DELETE, one.clone(), Value::Null));
        }
        for action in [Action::Archive, Action::Restore] {
            if self.r.offers(action) {
                let path = format!("{one}/{}", action.as_str());
                writes.push((Method::PATCH, path, Value::Null));
            }
        }
        writes
    }

    /// Has the body of a `PUT` say the id of its path, if it says one.
    pub(super) fn name(&self, body: &mut Value, id: &str) {
        if self.create.has("id")
            && let Some(id) = self.r.ids.parse(id)
        {
            body["id"] = json!(id);
        }
    }

    /// An id that no row has.
    pub(super) fn nothing(&self) -> Id {
        nothing(self.r.ids)
    }

    /// A valid body for `POST` and `PUT`.
    pub(super) async fn body(&self, size: Size, avoid: &Value) -> Value {
        self.filled(&self.create, size, avoid).await
    }

    /// A valid body for `PATCH` with every field, each other than in `row` where there is a choice.
    pub(super) async fn changes(&self, row: &Value) -> Value {
        self.filled(&self.update, Size::Full, row).await
    }

    /// Boxed, because a parent may need a parent.
    fn filled<'b>(
        &'b self,
        schema: &'b BodySchema,
        size: Size,
        avoid: &'b Value,
    ) -> BoxFuture<'b, Value> {
        Box::pin(async move {
            let mut body = Map::new();
            let required = schema.required();
            let parents: BTreeMap<_, _> = parents(self.suite.app.db(), self.r.shape.name)
                .await
                .into_iter()
                .collect();
            let mut seeds = match self.suite.seeds.get(self.r.endpoint) {
                Some(seed) => seed(self.suite).await,
                None => json!({}),
            };
            for (name, field) in schema.fields() {
                let seed = seeds.get_mut(name).map(Value::take);
                if seed.is_none() && size == Size::Required && !required.contains(&name) {
                    continue;
                }
                let value = match (seed, parents.get(name)) {
                    (Some(seed), _) => seed,
                    (None, Some(table)) => self.suite.parent(table).await,
                    (None, None) => {
                        let n = self.suite.next.fetch_add(1, Ordering::Relaxed);
                        schema.value(name, field, n, &avoid[name])
                    }
                };
                body.insert(name.to_owned(), value);
            }
            Value::Object(body)
        })
    }

    /// A new row with the required fields only.
    pub(super) async fn row(&self) -> Reply {
        let body = self.body(Size::Required, &Value::Null).await;
        self.admin.post(&self.all, body).await.is(201)
    }

    /// A new row with every field, none at its default where there is a choice.
    pub(super) async fn full_row(&self) -> Reply {
        let plain = self.row().await;
        let body = self.body(Size::Full, &plain.json).await;
        self.admin.post(&self.all, body).await.is(201)
    }

    /// The row as it is now, archived or not.
    pub(super) async fn now(&self, id: &str) -> Value {
        let any = if self.r.archivable {
            "?archived=any"
        } else {
            ""
        };
        self.admin
            .get(&format!("{}{any}", self.one(id)))
            .await
            .is(200)
            .json
    }

    /// How many rows there are, archived or not.
    pub(super) async fn count(&self) -> u64 {
        let any = if self.r.archivable {
            "?archived=any"
        } else {
            ""
        };
        self.admin
            .get(&format!("{}{any}", self.all))
            .await
            .is(200)
            .total()
    }

    /// The ids of a whole list, page by page.
    pub(super) async fn ids(&self, client: &Client, query: &str) -> Vec<String> {
        let mut ids = Vec::new();
        let mut next = Some(format!("{}?page_size=100&{query}", self.all));
        while let Some(path) = next {
            let page = client.get(&path).await.is(200);
            let of = |row: &Value| id_of(row).unwrap_or_default();
            ids.extend(page.items().iter().map(of));
            next = page.link("next");
        }
        ids
    }

    /// Demands that a row is as it was.
    #[track_caller]
    pub(super) fn same(before: &Value, now: &Value, what: &str) {
        assert_eq!(before, now, "{what} changed the row");
    }
}

impl Conformance {
    /// The id of a new row with this endpoint, for [`seed`](Self::seed).
    ///
    /// # Panics
    /// If it cannot be made.
    pub async fn make(&self, endpoint: &str) -> String {
        Subject::new(self, endpoint).row().await.id()
    }

    /// A valid body with every field for a new row with this endpoint; the rows that it refers to are made.
    ///
    /// # Panics
    /// If one of them cannot be made.
    pub async fn body(&self, endpoint: &str) -> Value {
        let subject = Subject::new(self, endpoint);
        subject.body(Size::Full, &Value::Null).await
    }

    /// The client who may do everything, for [`seed`](Self::seed).
    #[must_use]
    pub const fn admin(&self) -> &Client {
        &self.admin
    }

    async fn parent(&self, table: &str) -> Value {
        let resources = self.app.registry().resources();
        let Some(parent) = resources.iter().find(|r| r.shape.name == table) else {
            panic!("no entity has the table `{table}`: give its references a value by `seed`")
        };
        Subject::new(self, parent.endpoint).row().await["id"].clone()
    }
}

/// An id of this kind that no row has.
pub(super) fn nothing(ids: IdKind) -> Id {
    let id = Uuid::now_v7();
    match ids {
        IdKind::Uuid => Id::Uuid(id),
        // A database does not come so far.
        IdKind::Int => Id::Int(i64::MAX - i64::from(id.as_bytes()[15])),
        IdKind::Text => Id::from(format!("no-{id}")),
    }
}

/// Whether a value came back as it was sent: members may have been merged into an object.
pub(super) fn holds(got: &Value, sent: &Value) -> bool {
    match (got, sent) {
        (Value::Object(got), Value::Object(sent)) => sent
            .iter()
            .all(|(name, value)| got.get(name).is_some_and(|got| holds(got, value))),
        (Value::Number(got), Value::Number(sent)) => got.as_f64() == sent.as_f64(),
        _ => got == sent,
    }
}
