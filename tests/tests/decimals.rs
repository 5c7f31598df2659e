//! Exact decimal numbers, on both databases: what is accepted and answered, filters, sorts, cursors, sums and exports agree
//! with a library's arithmetic.

use crud_core::{
    App, Registry,
    auth::{Auth, TokenAuthenticator},
    db::{DbKind, DbResult},
    openapi,
    prelude::*,
    rust_decimal::Decimal as Number,
    testing::{
        Client, Random,
        conformance::{Conformance, check_all},
        on_both,
    },
};
use serde_json::{Value, json};
use tests::{TestApp, jwt};

diesel::table! {
    use crud_core::sql_types::*;

    products (id) {
        id -> Uuid,
        price -> Decimal<10, 2>,
        weight -> Nullable<Decimal<18, 9>>,
        share -> Nullable<Decimal<3, 3>>,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_by -> Nullable<Uuid>,
        properties -> Nullable<Jsonb>,
        archived_at -> Nullable<Timestamptz>,
    }
}

/// What is sold, in the short form.
#[derive(EntityInterface)]
#[entity(
    endpoint = "products", table = products, policy = Open, cache_ttl = 60, archivable, history, default_sort = "price",
    aggregates(price, weight), groups(share)
)]
pub(crate) struct Product {
    /// What it costs.
    #[field(all, filter, sort, validate(range(min = -99_999_999.99, max = 90_000_000.01)))]
    pub(crate) price: Decimal<10, 2>,
    /// In tons, to the milligram.
    #[field(all, filter, sort)]
    pub(crate) weight: Option<Decimal<18, 9>>,
    /// Of the whole.
    #[field(all, filter, sort)]
    pub(crate) share: Option<Decimal<3, 3>>,
}

/// The same rows in the explicit form.
#[derive(EntityInterface)]
#[entity(
    endpoint = "offers", table = products, create = OfferCreate, get = OfferGet, list = OfferGet, update = OfferUpdate,
    query = OfferQuery, search = offers, policy = Open, sort(price)
)]
pub(crate) struct Offer;

#[dto(create, table = products)]
pub struct OfferCreate {
    /// What it costs.
    #[validate(range(min = 1))]
    pub price: Decimal<10, 2>,
}

#[dto(get, table = products)]
pub struct OfferGet {
    /// What it costs.
    pub price: Decimal<10, 2>,
    /// When it was archived.
    pub archived_at: Option<Timestamp>,
}

#[dto(update, table = products)]
pub struct OfferUpdate {
    /// What it costs.
    #[validate(range(min = 1))]
    pub price: Option<Decimal<10, 2>>,
}

#[dto(query, table = products)]
pub struct OfferQuery {
    /// With operators.
    pub price: Filter<Decimal<10, 2>>,
    /// Only what costs less than this.
    pub below: Option<Decimal<10, 2>>,
}

fn offers(search: Search<products::table>, query: &OfferQuery) -> Search<products::table> {
    search.filter_if(&query.below, |below| products::price.lt(below))
}

/// Administrators may do all; the others, with what is their own.
pub(crate) struct Open;

impl Policy<products::table> for Open {
    fn scope(by: &Principal, _: Action) -> Scope<products::table> {
        Scope::when(by.has_role("admin")).or(Scope::owned_by(products::created_by, by.id()))
    }
}

const POSTGRES: &str = "CREATE TABLE products (id uuid PRIMARY KEY, price numeric(10, 2) NOT NULL, \
    weight numeric(18, 9), share numeric(3, 3), version bigint NOT NULL DEFAULT 0, \
    created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now(), created_by uuid, \
    updated_by uuid, properties jsonb, archived_at timestamptz)";
const SQLITE: &str = "CREATE TABLE products (id BLOB PRIMARY KEY, price INTEGER NOT NULL \
    CHECK (abs(price) / 100 < 100000000), weight INTEGER CHECK (abs(weight) / 1000000000 < 1000000000), \
    share INTEGER CHECK (abs(share) / 1000 < 1), version INTEGER NOT NULL DEFAULT 0, created_at INTEGER NOT NULL DEFAULT 0, \
    updated_at INTEGER NOT NULL DEFAULT 0, created_by BLOB, updated_by BLOB, properties TEXT, archived_at INTEGER) STRICT";

struct Shop {
    app: App,
    admin: Client,
    student: Client,
}

impl Shop {
    async fn new(lms: &TestApp) -> Self {
        let db = lms.lms.app.db().clone();
        let made = db.batch(match lms.kind {
            DbKind::Postgres => POSTGRES,
            DbKind::Sqlite => SQLITE,
        });
        made.await.expect("there is no such table yet");
        let registry = Registry::new().entity::<Product>().entity::<Offer>();
        let app = App::new(db, registry, Auth::new(jwt(), TokenAuthenticator));
        let anonymous = Client::new(app.router());
        let user = |known: &Client, role: &str| {
            let (token, _) = app.auth().jwt().issue(known.id(), role);
            anonymous.signed_in(known.id(), token)
        };
        Self {
            admin: user(&lms.admin(), "admin"),
            student: user(&lms.student(), "student"),
            app,
        }
    }

    async fn sells(&self, body: Value) -> Value {
        self.admin.post("/products", body).await.is(201)["price"].clone()
    }

    /// The prices of a list, page by page, in its order.
    async fn prices(&self, query: &str) -> Vec<Number> {
        let (mut found, mut next) = (Vec::new(), Some(String::new()));
        while let Some(cursor) = next {
            let path = format!("/products?page_size=7&{query}{cursor}");
            let page = self.admin.get(&path).await.is(200);
            found.extend(page.column("price").iter().map(number));
            next = page["next_cursor"]
                .as_str()
                .map(|text| format!("&cursor={text}"));
        }
        found
    }
}

fn number(value: &Value) -> Number {
    value
        .as_str()
        .and_then(|text| text.parse().ok())
        .expect("a decimal number as text")
}

/// Prices at every length, and such as differ in the last digit.
fn random_prices(random: &mut Random) -> Vec<Number> {
    let price = |random: &mut Random| {
        let most = 10_u64.pow(1 + u32::try_from(random.below(9)).expect("small"));
        let units = i64::try_from(random.below(most)).expect("ten digits");
        Number::new(if random.below(2) == 0 { -units } else { units }, 2)
    };
    let mut prices: Vec<_> = (0..40).map(|_| price(random)).collect();
    prices.extend(
        [
            "0",
            "0.01",
            "-0.01",
            "9.99",
            "10",
            "10.01",
            "-9999999.99",
            "90000000.01",
        ]
        .map(|text| text.parse::<Number>().expect("a number")),
    );
    prices
}

on_both! {
    async fn entities_of_decimal_numbers_keep_the_contract(lms: TestApp) {
        let shop = Shop::new(&lms).await;
        check_all(&Conformance::new(&shop.app, &shop.admin, &shop.student)).await;
    }

    async fn a_number_is_a_text_with_all_its_digits(lms: TestApp) {
        let shop = Shop::new(&lms).await;
        let body = json!({"price": "-19.9", "weight": "123456789.123456789", "share": "0.125"});
        let row = shop.admin.post("/products", body).await.is(201);
        assert_eq!((&row["price"], &row["weight"], &row["share"]), (
            &json!("-19.90"), &json!("123456789.123456789"), &json!("0.125")));
        let path = format!("/products/{}", row.id());
        let changed = shop.admin.patch(&path, json!({"price": "-0", "weight": null})).await.is(200);
        assert_eq!((&changed["price"], &changed["weight"]), (&json!("0.00"), &Value::Null));
        let old = shop.admin.get(&format!("{path}/history")).await.is(200);
        let kept: Vec<_> = old.items().iter().map(|version| version["row"]["weight"].clone()).collect();
        assert!(kept.contains(&json!("123456789.123456789")), "{old}");
        assert_eq!(shop.sells(json!({"price": "7"})).await, json!("7.00"));
        let file = shop.admin.get("/products?format=csv").await.is(200);
        let text = String::from_utf8_lossy(&file.bytes).into_owned();
        assert!(text.contains(",0.00,,0.125,") && text.contains(",7.00,,,"), "{text}");
    }

    async fn what_does_not_fit_is_refused_and_never_rounded(lms: TestApp) {
        let shop = Shop::new(&lms).await;
        for wrong in ["1.999", "100000000", "1e3", "", "NaN", "1,5", "01", " 1"] {
            let new = shop.admin.post("/products", json!({"price": wrong})).await;
            assert_eq!(new.is_problem(422, "invalid").faults(), [("/price", "decimal")]);
            let listed = shop.admin.get(&format!("/products?price={}", wrong.replace(' ', "%20"))).await;
            let _ = listed.is_problem(422, "invalid").names(&["price"]);
        }
        let number = shop.admin.post("/products", json!({"price": 1.5, "share": "1"})).await;
        assert_eq!(number.is_problem(422, "invalid").faults(), [("/price", "type"), ("/share", "decimal")]);
        let told = shop.admin.post("/products", json!({"price": "x"})).await;
        let _ = told.says("Price: expected a decimal number as text, up to \"99999999.99\", with at most 2 digits behind");
        // As declared: both limits are exact.
        let _ = shop.sells(json!({"price": "90000000.01"})).await;
        let above = shop.admin.post("/products", json!({"price": "90000000.02"})).await;
        assert_eq!(above.is_problem(422, "invalid").faults(), [("/price", "range")]);
        let below = shop.admin.post("/offers", json!({"price": "0.99"})).await;
        let _ = below.is_problem(422, "invalid").says("Price must be at least 1");
        let offer = shop.admin.post("/offers", json!({"price": "1"})).await.is(201);
        let change = shop.admin.patch(&format!("/offers/{}", offer.id()), json!({"price": "0.99"})).await;
        let _ = change.is_problem(422, "invalid").names(&["/price"]);
    }

    async fn lists_filter_and_sort_by_value(lms: TestApp) {
        let shop = Shop::new(&lms).await;
        let mut random = Random::new();
        let mut prices = random_prices(&mut random);
        for price in &prices {
            let _ = shop.sells(json!({"price": price.to_string()})).await;
        }
        prices.sort();
        assert_eq!(shop.prices("sort=price").await, prices);
        let turned: Vec<_> = prices.iter().rev().copied().collect();
        assert_eq!(shop.prices("sort=-price").await, turned);
        for _ in 0..10 {
            let at = prices[random.below(prices.len() as u64) as usize];
            let kept = |keeps: fn(&Number, &Number) -> bool| -> Vec<_> {
                prices.iter().copied().filter(|price| keeps(price, &at)).collect()
            };
            assert_eq!(shop.prices(&format!("price={at}")).await, kept(Number::eq), "{at}");
            assert_eq!(shop.prices(&format!("price[ne]={at}")).await, kept(Number::ne), "{at}");
            assert_eq!(shop.prices(&format!("price[gt]={at}")).await, kept(|a, b| a > b), "{at}");
            assert_eq!(shop.prices(&format!("price[gte]={at}")).await, kept(|a, b| a >= b), "{at}");
            assert_eq!(shop.prices(&format!("price[lt]={at}")).await, kept(|a, b| a < b), "{at}");
            assert_eq!(shop.prices(&format!("price[lte]={at}")).await, kept(|a, b| a <= b), "{at}");
            assert_eq!(shop.prices(&format!("price[in]={at},77777.77")).await, kept(Number::eq), "{at}");
            let below = shop.admin.get(&format!("/offers?below={at}&page_size=1")).await.is(200);
            assert_eq!(below.total(), kept(|a, b| a < b).len() as u64, "{at}");
        }
    }

    async fn sums_are_exact_and_averages_are_floating_point(lms: TestApp) {
        let shop = Shop::new(&lms).await;
        for (price, weight) in [("0.1", "0.000000001"), ("0.2", "123456789.000000001"), ("90000000.01", "-0.5")] {
            let _ = shop.sells(json!({"price": price, "weight": weight, "share": "0.5"})).await;
        }
        let _ = shop.sells(json!({"price": "-0.1"})).await;
        let query = "/products/aggregate?sum=price,weight&min=price,weight&max=price&avg=price&group_by=share";
        let found = shop.admin.get(query).await.is(200);
        assert_eq!(found["items"], json!([
            {
                "group": {"share": "0.500"},
                "avg": {"price": 30_000_000.103_3},
                "sum": {"price": "90000000.31", "weight": "123456788.500000002"},
                "min": {"price": "0.10", "weight": "-0.500000000"},
                "max": {"price": "90000000.01"}
            },
            {
                "group": {"share": null},
                "avg": {"price": -0.1},
                "sum": {"price": "-0.10", "weight": null},
                "min": {"price": "-0.10", "weight": null},
                "max": {"price": "-0.10"}
            }
        ]), "{found}");
    }

    async fn other_digits_are_drift(lms: TestApp) {
        let shop = Shop::new(&lms).await;
        let tables = shop.app.registry().tables();
        let drift = async || -> DbResult<Vec<String>> { shop.app.db().drift(&tables).await };
        assert_eq!(drift().await.expect("it can be read"), Vec::<String>::new());
        let changed = match lms.kind {
            DbKind::Postgres => "ALTER TABLE products ALTER COLUMN price TYPE numeric(10, 3), ALTER share TYPE numeric".to_owned(),
            DbKind::Sqlite => format!("DROP TABLE products; {}", SQLITE.replace("abs(price) / 100 < 100000000", "abs(price) / 1000 < 10000000")
                .replace(" CHECK (abs(share) / 1000 < 1)", "")),
        };
        shop.app.db().batch(&changed).await.expect("it can be changed");
        let told = drift().await.expect("it can be read").join("\n");
        let (found, expected) = match lms.kind {
            DbKind::Postgres => ("numeric(10,3)", "expected numeric(10,2)"),
            DbKind::Sqlite => ("decimal(10,3)", "expected decimal(10,2)"),
        };
        assert!(told.contains(found) && told.contains(expected), "{told}");
        assert!(told.contains("products.share is"), "{told}");
    }

    async fn the_document_says_what_is_accepted(lms: TestApp) {
        let shop = Shop::new(&lms).await;
        let document = openapi::document(shop.app.registry(), &openapi::Info::default(), &[]);
        let document: Value = serde_json::to_value(&document).expect("it is JSON");
        let price = &document["components"]["schemas"]["ProductCreate"]["properties"]["price"];
        assert_eq!((&price["type"], &price["format"]), (&json!("string"), &json!("decimal")));
        assert_eq!(price["pattern"], "^-?(0|[1-9][0-9]{0,7})(\\.[0-9]{1,2})?$");
    }
}
