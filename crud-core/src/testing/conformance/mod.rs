//! What every entity of an application gets tested for free: the contract of the generated routes.
//!
//! [`check_all`] walks the registry and holds each entity to each rule, with bodies made of its DTOs'
//! schemas and of parent rows made through the API. It knows no entity; what a declaration cannot say,
//! the application tells by [`Conformance::seed`] and [`Conformance::except`].
//!
//! A rule is a function that panics; all that fail are reported together, by entity and rule.

mod access;
mod archive;
mod batch;
mod body;
mod bulk;
mod change;
mod create;
mod delete;
mod export;
mod filters;
mod history;
mod import;
mod list;
mod parents;
mod protect;
mod read;
mod refuse;
mod routes;
mod subject;

use std::{
    any::Any,
    collections::HashMap,
    panic::AssertUnwindSafe,
    sync::{Arc, atomic::AtomicU64},
};

use futures_util::{FutureExt as _, future::BoxFuture};
use serde_json::Value;

use self::subject::Subject;
use super::{Client, Reply};
use crate::{App, policy::Action, registry::Resource};

/// Makes the part of a body that the schema cannot tell: an object.
type Seed = Box<dyn for<'a> Fn(&'a Conformance) -> BoxFuture<'a, Value> + Send + Sync>;

/// An application under test.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
/// # fn main() {}
/// use crud_core::testing::{Client, conformance::{Conformance, check_all}};
///
/// async fn every_entity_keeps_the_contract(app: &App, admin: &Client, stranger: &Client) {
///     check_all(&Conformance::new(app, admin, stranger)).await;
/// }
/// ```
pub struct Conformance {
    app: App,
    /// May do everything.
    admin: Client,
    /// Signed in, and with no rights of their own.
    stranger: Client,
    seeds: HashMap<&'static str, Seed>,
    exceptions: Vec<(&'static str, &'static str)>,
    /// Makes every generated value another.
    next: AtomicU64,
}

/// One property of the contract.
struct Rule {
    name: &'static str,
    run: for<'a> fn(&'a Subject<'a>) -> BoxFuture<'a, ()>,
}

macro_rules! rules {
    ($($name:ident),+ $(,)?) => {
        pub(super) const RULES: &[super::Rule] = &[$(super::Rule {
            name: stringify!($name),
            run: |subject| Box::pin($name(subject)),
        }),+];
    };
}
use rules;

/// All rules, each with what an entity needs for it.
const ALL: [(Needs, &[Rule]); 15] = [
    (|_| true, routes::RULES),
    (makes, create::RULES),
    (whole, read::RULES),
    (makes, list::RULES),
    (whole, change::RULES),
    (whole, delete::RULES),
    (whole, archive::RULES),
    (whole, bulk::RULES),
    (whole, batch::RULES),
    (whole, export::RULES),
    (makes, import::RULES),
    (whole, history::RULES),
    (whole, refuse::RULES),
    (whole, protect::RULES),
    (makes, access::RULES),
];

type Needs = fn(&Resource) -> bool;

/// Routes to make rows by, and to look at them.
fn makes(r: &Resource) -> bool {
    let needed = [Action::Create, Action::Get, Action::List];
    needed.into_iter().all(|action| r.offers(action))
}

/// Every route that an entity can have.
fn whole(r: &Resource) -> bool {
    let archives = r.offers(Action::Archive) && r.offers(Action::Restore);
    makes(r) && r.offers(Action::Update) && r.offers(Action::Delete) && archives == r.archivable
}

impl Conformance {
    /// An application, a client who may do everything in it, and one who is signed in and owns nothing.
    #[must_use]
    pub fn new(app: &App, admin: &Client, stranger: &Client) -> Self {
        Self {
            app: app.clone(),
            admin: admin.watched(sound),
            stranger: stranger.watched(sound),
            seeds: HashMap::new(),
            exceptions: Vec::new(),
            next: AtomicU64::new(1),
        }
    }

    /// Sets fields in every body for this endpoint, over those made of the schema.
    #[must_use]
    pub fn seed(
        mut self,
        endpoint: &'static str,
        make: impl for<'a> Fn(&'a Self) -> BoxFuture<'a, Value> + Send + Sync + 'static,
    ) -> Self {
        self.seeds.insert(endpoint, Box::new(make));
        self
    }

    /// Leaves a rule out for an endpoint, because the application means to do otherwise.
    ///
    /// # Panics
    /// If there is no such rule.
    #[must_use]
    pub fn except(mut self, endpoint: &'static str, rule: &'static str, _reason: &str) -> Self {
        let known = ALL
            .iter()
            .any(|(_, rules)| rules.iter().any(|r| r.name == rule));
        assert!(known, "there is no rule `{rule}`");
        self.exceptions.push((endpoint, rule));
        self
    }
}

/// Holds every entity to every rule. Of one that has not all routes, those that can be seen by its routes are held:
/// without routes for new rows that is what is and is not there.
///
/// # Panics
/// If one fails, with all that do.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
/// # fn main() {}
/// use crud_core::testing::{Client, conformance::{Conformance, check_all}};
///
/// /// The contract, for every entity of an application.
/// async fn every_entity_keeps_the_contract(app: App, admin: Client, stranger: Client) {
///     check_all(&Conformance::new(&app, &admin, &stranger)).await;
/// }
/// ```
pub async fn check_all(suite: &Conformance) {
    let mut faults = Vec::new();
    for resource in suite.app.registry().resources() {
        faults.extend(faults_of(suite, resource.endpoint).await);
    }
    report(&faults);
}

/// Holds one entity to every rule.
///
/// # Panics
/// If one fails, with all that do.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/course.rs"));
/// # fn main() {}
/// use crud_core::testing::{Client, conformance::{Conformance, check}};
///
/// async fn courses_keep_the_contract(app: App, admin: Client, stranger: Client) {
///     let suite = Conformance::new(&app, &admin, &stranger);
///     check(&suite.except("courses", "every_order_can_be_turned", "its order is its own"), "courses").await;
/// }
/// ```
pub async fn check(suite: &Conformance, endpoint: &str) {
    report(&faults_of(suite, endpoint).await);
}

async fn faults_of(suite: &Conformance, endpoint: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let resource = Arc::clone(&Subject::new(suite, endpoint).r);
    let rules = ALL.iter().filter(|(needs, _)| needs(&resource));
    for rule in rules.flat_map(|(_, rules)| *rules) {
        if suite.exceptions.contains(&(endpoint, rule.name)) {
            continue;
        }
        let subject = Subject::new(suite, endpoint);
        if let Err(panic) = AssertUnwindSafe((rule.run)(&subject)).catch_unwind().await {
            let (rule, why) = (rule.name, sentence(&*panic));
            faults.push(format!("── `{endpoint}` breaks `{rule}`\n{why}"));
        }
    }
    faults
}

fn report(faults: &[String]) {
    let count = faults.len();
    assert!(
        faults.is_empty(),
        "{count} rules are broken:\n\n{}\n",
        faults.join("\n\n")
    );
}

fn sentence(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("it panicked")
}

/// Every answer is well formed, and none says that the server failed.
#[track_caller]
fn sound(reply: &Reply) {
    reply.well_formed();
    reply.demand(
        !reply.status.is_server_error(),
        format_args!("no failure of the server"),
    );
}
