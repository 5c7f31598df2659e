//! From a declaration to the [`Resource`] that the rest of the framework knows: the one place that is compiled for each
//! entity, and so kept thin.

use std::sync::{Arc, OnceLock};

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::Value;

use super::{Resource, Schemas};
use crate::{
    Error, Result,
    body::{self, BodyShape},
    db::{Frag, Rendered, Stmt, TableShape},
    dto::{Assignment, Assignments, CreateDto, QueryDto, RowDto, UpdateDto},
    entity::{EntityInterface, Named},
    hook,
    id::{IdKind, IdType as _},
    operations::{Kept, Numbers, Phrases, Projection},
    policy::{Action, Policy},
    principal::Principal,
    search::Search,
};

impl Resource {
    pub(super) fn of<E: EntityInterface>() -> Self {
        let shape = TableShape::of::<E::Table>(E::Table::NAME);
        let table: Frag = Rendered::frag(Arc::new(Stmt::new().ident(E::Table::NAME)));
        Self {
            name: E::NAME,
            noun: words(E::NAME),
            description: E::DESCRIPTION,
            endpoint: E::ENDPOINT,
            cache_ttl: E::CACHE_TTL,
            partition: partition::<E>(&shape),
            ids: E::Id::KIND,
            archivable: shape.columns.iter().any(|c| c.name == "archived_at"),
            sorts: E::sorts(),
            default_sort: E::DEFAULT_SORT,
            unique: E::UNIQUE,
            if_match_required: E::IF_MATCH_REQUIRED,
            query_fields: E::Query::FIELDS,
            filters: E::Query::filters(),
            schemas: Schemas {
                create: subschema::<E::Create>,
                update: subschema::<E::Update>,
                get: subschema::<E::Get>,
                list: subschema::<E::List>,
                query: || schemars::schema_for!(E::Query).into(),
            },
            files: Vec::new(),
            table,
            phrases: Phrases::of(E::Table::NAME),
            numbers: Numbers::default(),
            history: E::HISTORY.then(|| Kept::of(&shape)),
            get: Arc::new(Projection::new(E::Get::columns(), E::Get::computed())),
            list: Arc::new(Projection::new(E::List::columns(), E::List::computed())),
            create_shape: BodyShape::of::<E::Create>(E::Create::FIELDS),
            update_shape: BodyShape::of::<E::Update>(E::Update::FIELDS),
            search: |params| {
                let query = E::Query::parse(params);
                E::search(Search::new(), &query).into_conditions()
            },
            create: |bytes, shape, principal| {
                create_assignments::<E>(body::read(bytes, shape)?, principal)
            },
            replace: |bytes, shape, principal| {
                // What the hook sets beside the body is for new rows: their owner, for one, stays.
                // What is made of the body is made anew.
                let mut body = body::read(bytes, shape)?;
                let mut set = Assignments::of_row();
                E::before_create(&mut body, &mut set, principal)?;
                set.retain(|column| E::NUMBERED.contains(&column));
                body.replace(&mut set);
                Ok(set.into_list())
            },
            update: |bytes, shape, principal| {
                update_assignments::<E>(body::read(bytes, shape)?, principal)
            },
            completed: |bytes, shape, principal| {
                // Only a row that is put by a unique column is asked for it: for others no code is written.
                if const { E::UNIQUE.is_empty() } {
                    return Ok(Value::Null);
                }
                let mut body = body::read(bytes, shape)?;
                E::before_create(&mut body, &mut Assignments::default(), principal)?;
                serde_json::to_value(&body).map_err(Error::internal)
            },
            before_write: hook::before::<E>(),
            after_write: hook::after::<E>(),
            relations: E::relations(),
            numbered: E::NUMBERED,
            aggregates: E::AGGREGATES,
            groups: E::GROUPS,
            routes: E::ROUTES,
            public: Action::ALL
                .into_iter()
                .filter(|action| {
                    let scope = E::Policy::scope(&Principal::anonymous(), *action);
                    !scope.erase().is_never()
                })
                .collect(),
            explain: E::explain,
            scope: |principal, action| E::Policy::scope(principal, action).erase(),
            mask: |principal| E::Policy::fields(principal).erase(),
            whole: OnceLock::new(),
            shape,
        }
    }
}

/// The column that parts the lists, and what it holds.
fn partition<E: EntityInterface>(shape: &TableShape) -> Option<(&'static str, IdKind)> {
    let name = E::CACHE_PARTITION?;
    let column = shape.columns.iter().find(|column| column.name == name);
    let Some(kind) = column.and_then(|column| IdKind::of(column.kind)) else {
        panic!(
            "`cache_partition` of `{}` names `{name}`, which holds no ids: it is a `Uuid`, a `BigInt` or a `Text`",
            E::NAME
        );
    };
    Some((name, kind))
}

/// `LessonProgress` → `lesson progress`.
fn words(name: &str) -> String {
    let mut words = String::with_capacity(name.len() + 4);
    for (i, letter) in name.char_indices() {
        if letter.is_ascii_uppercase() && i > 0 && !words.ends_with(' ') {
            words.push(' ');
        }
        words.push(letter.to_ascii_lowercase());
    }
    words
}

fn subschema<B: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<B>()
}

/// The columns of a new row.
pub(crate) fn create_assignments<E: EntityInterface>(
    mut body: E::Create,
    principal: &Principal,
) -> Result<Vec<Assignment>> {
    let mut set = Assignments::default();
    E::before_create(&mut body, &mut set, principal)?;
    body.insert(&mut set);
    Ok(set.into_list())
}

/// The columns of a change.
pub(crate) fn update_assignments<E: EntityInterface>(
    mut body: E::Update,
    principal: &Principal,
) -> Result<Vec<Assignment>> {
    let mut set = Assignments::default();
    E::before_update(&mut body, &mut set, principal)?;
    body.assign(&mut set);
    Ok(set.into_list())
}
