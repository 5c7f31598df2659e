//! Organizations: everyone may read them, administrators keep them.

use crud_core::prelude::*;

use crate::{
    entities::example::Example,
    roles::is_admin,
    schema::{examples, organizations},
};

/// A body that owns other things.
#[derive(EntityInterface)]
#[entity(
    endpoint = "organizations",
    table = organizations,
    create = OrganizationCreate,
    get = OrganizationGet,
    list = OrganizationList,
    update = OrganizationUpdate,
    query = OrganizationQuery,
    search = search,
    policy = OrganizationPolicy,
    cache_ttl = 600,
    sort(name),
    default_sort = "name",
    relations(
        examples = has_many(examples::organization_id -> Example)
    )
)]
pub struct Organization;

/// What a new organization needs.
#[dto(create, table = organizations)]
pub struct OrganizationCreate {
    /// What it is called.
    #[validate(length(min = 1, max = 255))]
    pub name: String,
    /// What it is for.
    #[validate(length(max = 4096))]
    pub description: Option<String>,
}

/// An organization.
#[dto(get, table = organizations)]
pub struct OrganizationGet {
    /// What it is called.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// When it was archived.
    pub archived_at: Option<Timestamp>,
}

/// An organization in a list.
#[dto(list, table = organizations)]
pub struct OrganizationList {
    /// What it is called.
    pub name: String,
    /// When it was archived.
    pub archived_at: Option<Timestamp>,
}

/// What can be changed of an organization.
#[dto(update, table = organizations)]
pub struct OrganizationUpdate {
    /// What it is called.
    #[validate(length(min = 1, max = 255))]
    pub name: Option<String>,
    /// What it is for.
    #[validate(length(max = 4096))]
    pub description: Option<Option<String>>,
}

/// The filters of organizations.
#[dto(query)]
pub struct OrganizationQuery {
    /// A part of the name, whatever the case.
    pub name: Option<String>,
}

fn search(
    search: Search<organizations::table>,
    query: &OrganizationQuery,
) -> Search<organizations::table> {
    search.filter_if(&query.name, |name| organizations::name.contains_ci(name))
}

/// Everyone reads; administrators write.
pub struct OrganizationPolicy;

impl Policy<organizations::table> for OrganizationPolicy {
    fn scope(principal: &Principal, action: Action) -> Scope<organizations::table> {
        Scope::when(action.is_read() || is_admin(principal))
            .or_forbidden("Only administrators can change organizations")
    }
}
