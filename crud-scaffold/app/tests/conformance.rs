//! Every entity keeps the contract of the generated routes.

use crud_core::testing::{
    conformance::{Conformance, check_all},
    on_both,
};
use tests::TestApp;

/// The suite. It also makes rows and bodies for other tests.
pub(crate) fn suite(app: &TestApp) -> Conformance {
    Conformance::new(&app.app, &app.admin(), &app.student())
}

on_both! {
    async fn every_entity_keeps_the_contract(app: TestApp) {
        check_all(&suite(&app)).await;
    }

    async fn the_tables_are_as_they_are_declared(app: TestApp) {
        let drift = app.app.db().drift(&app.app.registry().tables()).await.unwrap();
        assert!(drift.is_empty(), "{drift:?}");
    }

    async fn no_migration_is_due(app: TestApp) {
        let tables = app.app.registry().tables();
        let due = app.app.db().differences(&tables).await.unwrap();
        assert!(due.is_empty(), "{due:?}");
    }
}
