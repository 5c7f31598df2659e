//! Every entity of the LMS keeps the contract of the generated routes.

use crud_core::testing::{
    conformance::{Conformance, check_all},
    on_both,
};
use tests::TestApp;

on_both! {
    async fn every_entity_keeps_the_contract(app: TestApp) {
        let suite = Conformance::new(&app.lms.app, &app.admin(), &app.student());
        check_all(&suite).await;
    }
}
