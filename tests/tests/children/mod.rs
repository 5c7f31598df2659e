//! Rows that a `POST` brings along: of the LMS in `courses`, and here of entities that do what those of the LMS do not:
//! a hook that changes the parent, a unique name, fields that only some may set.

mod courses;

use crud_core::{
    App, Registry,
    auth::{Auth, TokenAuthenticator},
    db::DbKind,
    prelude::*,
    serve::{EdgeConfig, edge},
    testing::{Client, Reply, on_both},
};
use serde_json::{Value, json};
use tests::{TestApp, jwt};

use crate::steps::count;

macro_rules! tables {
    ($($table:ident { $($columns:tt)* })*) => {$(
        diesel::table! {
            use crud_core::sql_types::*;
            $table (id) {
                id -> Uuid,
                $($columns)*
                version -> BigInt,
                created_at -> Timestamptz,
                updated_at -> Timestamptz,
                created_by -> Nullable<Uuid>,
                updated_by -> Nullable<Uuid>,
                properties -> Nullable<Jsonb>,
            }
        }
    )*};
}
tables! {
    invoices { title -> Text, total -> Integer, }
    items { invoice_id -> Uuid, name -> Text, price -> Integer, discount -> Integer, }
}

fn schema(kind: DbKind) -> String {
    let (uuid, standard) = match kind {
        DbKind::Postgres => (
            "uuid",
            "version bigint NOT NULL DEFAULT 0, created_at timestamptz NOT NULL, updated_at timestamptz NOT NULL, \
             created_by uuid, updated_by uuid, properties jsonb)",
        ),
        DbKind::Sqlite => (
            "BLOB",
            "version INTEGER NOT NULL DEFAULT 0, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, \
             created_by BLOB, updated_by BLOB, properties TEXT) STRICT",
        ),
    };
    format!(
        "CREATE TABLE invoices (id {uuid} PRIMARY KEY, title text NOT NULL, total integer NOT NULL DEFAULT 0, {standard};
         CREATE TABLE items (id {uuid} PRIMARY KEY, invoice_id {uuid} NOT NULL REFERENCES invoices (id), name text NOT NULL,
         price integer NOT NULL, discount integer NOT NULL DEFAULT 0, {standard};
         CREATE UNIQUE INDEX uq_items_name ON items (name)"
    )
}

/// What is to be paid.
#[derive(EntityInterface)]
#[entity(endpoint = "invoices", table = invoices, policy = Shop, cache_ttl = 60,
    relations(items = has_many(items::invoice_id -> Item, nested)))]
pub(crate) struct Invoice {
    /// What it is for.
    #[field(all, validate(length(min = 1, max = 40)))]
    pub(crate) title: String,
    /// The sum of its items.
    #[field(read)]
    pub(crate) total: i32,
}

/// A line of an invoice.
#[derive(EntityInterface)]
#[entity(endpoint = "items", table = items, policy = Shop, cache_ttl = 60, after_write = summed)]
pub(crate) struct Item {
    /// Whose it is.
    #[field(create, read, belongs_to(Invoice))]
    pub(crate) invoice_id: Uuid,
    /// What it is.
    #[field(all, validate(length(min = 1, max = 40)))]
    pub(crate) name: String,
    /// What it costs.
    #[field(all)]
    pub(crate) price: i32,
    /// What is taken off.
    #[field(all, default)]
    pub(crate) discount: i32,
}

async fn summed(write: &After<'_, Item>) -> Result<()> {
    let Some(item) = write.new_row() else {
        return Ok(());
    };
    if item.price == 13 {
        return Err(Error::conflict("unlucky", "Nothing costs 13"));
    }
    let sum = diesel::update(invoices::table.find(item.invoice_id)).set((
        invoices::total.eq(invoices::total + item.price),
        invoices::version.eq(invoices::version + 1),
    ));
    write.tx()?.run(sum).await.map_err(Error::database)?;
    Ok(())
}

/// Sellers write what is theirs, and choose no discount and no invoice of an item; guests write invoices only.
pub(crate) struct Shop;

impl Policy<invoices::table> for Shop {
    fn scope(by: &Principal, _: Action) -> Scope<invoices::table> {
        match by.has_role("admin") {
            true => Scope::all(),
            false => Scope::owned_by(invoices::created_by, by.id()),
        }
    }
}

impl Policy<items::table> for Shop {
    fn scope(by: &Principal, action: Action) -> Scope<items::table> {
        if by.has_role("guest") && !action.is_read() {
            return Scope::forbidden("Guests have no items");
        }
        let own = <Self as Policy<invoices::table>>::scope(by, action);
        Scope::related(items::invoice_id, invoices::id, own)
    }

    fn fields(by: &Principal) -> Fields<items::table> {
        match by.has_role("admin") {
            true => Fields::all(),
            false => Fields::all()
                .read_only(items::discount)
                .read_only(items::invoice_id),
        }
    }
}

struct Books {
    app: App,
    anonymous: Client,
}

impl Books {
    async fn new(lms: &TestApp) -> Self {
        let db = lms.lms.app.db().clone();
        let made = db.batch(&schema(lms.kind)).await;
        made.expect("there are no such tables yet");
        let registry = Registry::new().entity::<Invoice>().entity::<Item>();
        let app = App::new(db, registry, Auth::new(jwt(), TokenAuthenticator));
        let anonymous = Client::new(edge(app.router(), &EdgeConfig::default()));
        Self {
            anonymous: anonymous.watched(Reply::well_formed),
            app,
        }
    }

    fn by(&self, role: &str) -> Client {
        let id = Uuid::now_v7();
        let (token, _) = self.app.auth().jwt().issue(id, role);
        self.anonymous.signed_in(id, token)
    }
}

fn item(name: &str, price: i32) -> Value {
    json!({"name": name, "price": price})
}

fn invoice(items: &[Value]) -> Value {
    json!({"title": "Books", "items": items})
}

async fn nothing_is_there(lms: &TestApp) {
    assert_eq!(
        (count(lms, "invoices").await, count(lms, "items").await),
        (0, 0)
    );
}

on_both! {
    // Kills: a row as it was before its children
    async fn a_row_is_answered_as_its_childrens_hooks_left_it(lms: TestApp) {
        let books = Books::new(&lms).await;
        let by = books.by("seller");
        let row = by.post("/invoices", invoice(&[item("A", 3), item("B", 4)])).await.is(201);
        assert_eq!((&row["total"], &row["version"]), (&json!(7), &json!(2)));
        let read = by.get(&format!("/invoices/{}", row.id())).await.is(200);
        assert_eq!((&read.json, read.etag()), (&row.json, row.etag()));
        let items = by.get(&format!("/invoices/{}/items", row.id())).await.is(200);
        assert_eq!(items.total(), 2);
    }

    async fn a_childs_hook_and_its_unique_name_refuse_all(lms: TestApp) {
        let books = Books::new(&lms).await;
        let by = books.by("seller");
        let refused = by.post("/invoices", invoice(&[item("A", 1), item("B", 2), item("A", 3)])).await;
        assert_eq!(refused.is_problem(409, "unique").faults(), [("/items/2/name", "unique")]);
        let refused = by.post("/invoices", invoice(&[item("A", 1), item("B", 13)])).await;
        assert_eq!(refused.is_problem(409, "unlucky").faults(), [("/items/1", "unlucky")]);
        nothing_is_there(&lms).await;
    }

    // Kills: the key set by whoever may not set it, or demanded of him
    async fn what_may_not_be_set_is_not_set_with_the_parent(lms: TestApp) {
        let books = Books::new(&lms).await;
        let (by, other) = (books.by("seller"), books.by("seller"));
        let discount = json!({"name": "A", "price": 1, "discount": 1});
        let refused = by.post("/invoices", invoice(&[item("B", 1), discount.clone()])).await;
        assert_eq!(refused.is_problem(403, "forbidden_field").faults(), [("/items/1/discount", "forbidden_field")]);
        let foreign = other.post("/invoices", invoice(&[])).await.is(201).id();
        let elsewhere = json!({"name": "A", "price": 1, "invoice_id": foreign});
        for by in [&by, &books.by("admin")] {
            let refused = by.post("/invoices", invoice(std::slice::from_ref(&elsewhere))).await;
            assert_eq!(refused.is_problem(422, "invalid").faults(), [("/items/0/invoice_id", "unknown_field")]);
        }
        // By itself it names its invoice, which a seller may not.
        by.post("/items", elsewhere).await.is_problem(403, "forbidden_field");
        books.by("admin").post("/invoices", invoice(&[discount])).await.is(201);
        assert_eq!((count(&lms, "invoices").await, count(&lms, "items").await), (2, 1));
    }

    async fn who_may_create_no_child_creates_no_parent_with_one(lms: TestApp) {
        let books = Books::new(&lms).await;
        let guest = books.by("guest");
        // Before the child is read.
        let refused = guest.post("/invoices", invoice(&[json!({"price": "x"})])).await.is_problem(403, "forbidden");
        assert_eq!((refused.faults(), &refused["detail"]), (vec![("/items", "forbidden")], &json!("Guests have no items")));
        nothing_is_there(&lms).await;
        guest.post("/invoices", invoice(&[])).await.is(201);
        books.anonymous.post("/invoices", invoice(&[])).await.is_problem(401, "unauthenticated");
    }
}

/// An invoice whose items have no route by which they could be made.
#[derive(EntityInterface)]
#[entity(endpoint = "bills", table = invoices, policy = Shop, relations(lines = has_many(items::invoice_id -> Line, nested)))]
pub(crate) struct Bill {
    /// What it is for.
    #[field(all)]
    pub(crate) title: String,
}

/// A line that nobody writes.
#[derive(EntityInterface)]
#[entity(endpoint = "lines", table = items, policy = Shop, routes(get, list))]
pub(crate) struct Line {
    /// What it is.
    #[field(read)]
    pub(crate) name: String,
}

#[tokio::test]
#[should_panic(
    expected = "`Bill` declares `lines` as `nested`, whose entity has no route `create`"
)]
async fn what_cannot_be_created_cannot_come_along() {
    let lms = TestApp::new(DbKind::Sqlite).await;
    let registry = Registry::new().entity::<Bill>().entity::<Line>();
    let auth = Auth::new(jwt(), TokenAuthenticator);
    let _ = App::new(lms.lms.app.db().clone(), registry, auth);
}
