//! The operations of `/things/by-slug/{slug}`, as `router::by_key` has them.

use serde_json::{Value, json};

use super::{
    Info,
    document::Paths,
    operations::{Draft, NEW, ROW, Read},
    parameters, responses,
    schemas::Schemas,
};
use crate::{App, policy::Action, registry::Resource, router::POST_TYPES};

/// Adds them.
pub(super) fn entity(
    r: &Resource,
    info: &Info<'_>,
    create: &Value,
    get: &Value,
    schemas: &mut Schemas,
    paths: &mut Paths,
) {
    for unique in r.unique {
        let (by, name) = (unique.segment(), unique.name);
        let path = format!("{}/{}/{by}/{{{name}}}", App::PREFIX, r.endpoint);
        let value = json!({
            "name": name, "in": "path", "required": true,
            "description": format!("The {} of the {}.", name.replace('_', " "), r.noun),
            "schema": { "type": "string", "minLength": 1 },
        });
        let draft = |action, verb: &str| Draft::new(r, action, verb).by(name);

        if r.offers(Action::Get) {
            let mut read = Read::row(r, info, schemas);
            read.parameters.insert(0, value.clone());
            paths.add(&path, "get", draft(Action::Get, "get").reads(read));
        }
        if !(r.offers(Action::Create) && r.offers(Action::Update)) {
            continue;
        }
        let now = responses::success("The row as it is now.", ROW, Some(get.clone()));
        let new = responses::success("The new row.", NEW, Some(get.clone()));
        let parameters = vec![
            value,
            parameters::if_match(false),
            parameters::if_none_match_of_write(),
        ];
        let put = draft(Action::Update, "put").takes(parameters);
        let put = put
            .body(create, POST_TYPES)
            .answers(200, now)
            .answers(201, new);
        let mut errors = vec![400, 403, 404, 408, 409, 412, 413, 415, 422];
        errors.extend(r.if_match_required.then_some(428));
        paths.add(&path, "put", put.once().done(&errors));
    }
}
