//! Examples: the entity by which the backend guide shows every feature.

mod routes;

use crud_core::prelude::*;

pub(crate) use self::routes::routes;
use crate::{entities::organization::Organization, roles::is_admin, schema::examples};

/// The example of the backend guide.
#[derive(EntityInterface)]
#[entity(
    endpoint = "examples",
    table = examples,
    create = ExampleCreate,
    get = ExampleGet,
    list = ExampleList,
    update = ExampleUpdate,
    query = ExampleQuery,
    search = search,
    policy = ExamplePolicy,
    cache_ttl = 300,
    sort(name),
    relations(
        organization = belongs_to(examples::organization_id -> Organization)
    )
)]
pub struct Example;

/// What a new example needs.
#[dto(create, table = examples)]
pub struct ExampleCreate {
    /// What it is called.
    #[validate(length(min = 1, max = 255))]
    pub name: String,
    /// What it is for.
    #[validate(length(max = 4096))]
    pub description: Option<String>,
    /// Whether it is in use.
    #[dto(default = true)]
    pub is_active: bool,
    /// The organization that it belongs to.
    pub organization_id: Option<Uuid>,
}

/// An example.
#[dto(get, table = examples)]
pub struct ExampleGet {
    /// What it is called.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// Whether it is in use.
    pub is_active: bool,
    /// The organization that it belongs to.
    pub organization_id: Option<Uuid>,
    /// The name, and whether it is in use.
    #[dto(computed = display_name(name, is_active))]
    pub display_name: String,
    /// When it was archived.
    pub archived_at: Option<Timestamp>,
}

/// An example in a list.
#[dto(list, table = examples)]
pub struct ExampleList {
    /// What it is called.
    pub name: String,
    /// Whether it is in use.
    pub is_active: bool,
    /// When it was archived.
    pub archived_at: Option<Timestamp>,
}

/// What can be changed of an example.
#[dto(update, table = examples)]
pub struct ExampleUpdate {
    /// What it is called.
    #[validate(length(min = 1, max = 255))]
    pub name: Option<String>,
    /// What it is for.
    #[validate(length(max = 4096))]
    pub description: Option<Option<String>>,
    /// Whether it is in use.
    pub is_active: Option<bool>,
}

/// The filters of examples.
#[dto(query)]
pub struct ExampleQuery {
    /// A part of the name, whatever the case.
    pub name: Option<String>,
    /// Only examples that are, or are not, in use.
    pub is_active: Option<bool>,
    /// Only examples of this organization.
    pub organization_id: Option<Uuid>,
}

fn search(search: Search<examples::table>, query: &ExampleQuery) -> Search<examples::table> {
    search
        .filter_if(&query.name, |name| examples::name.contains_ci(name))
        .filter_if(&query.is_active, |active| examples::is_active.eq(active))
        .filter_if(&query.organization_id, |id| {
            examples::organization_id.eq(id)
        })
}

fn display_name(name: &str, is_active: bool) -> String {
    let state = if is_active { "Active" } else { "Inactive" };
    format!("{name} ({state})")
}

/// As organizations: everyone reads, administrators write.
pub struct ExamplePolicy;

impl Policy<examples::table> for ExamplePolicy {
    fn scope(principal: &Principal, action: Action) -> Scope<examples::table> {
        Scope::when(action.is_read() || is_admin(principal))
            .or_forbidden("Only administrators can change examples")
    }
}
