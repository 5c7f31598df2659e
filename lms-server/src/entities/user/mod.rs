//! Users: everyone sees and changes himself, administrators see and change everyone. Signing up is
//! `POST /auth/register`; the password is no field of this entity.

mod policy;

use crud_core::prelude::*;

pub use self::policy::UserPolicy;
use crate::{
    entities::post::Post,
    roles::Role,
    schema::{posts, users},
};

/// Someone who can sign in.
#[derive(EntityInterface)]
#[entity(
    endpoint = "users",
    table = users,
    create = UserCreate,
    get = UserGet,
    list = UserList,
    update = UserUpdate,
    query = UserQuery,
    search = search,
    policy = UserPolicy,
    cache_ttl = 60,
    sort(email, full_name),
    before_create = before_create,
    before_update = before_update,
    relations(posts = has_many(posts::author_id -> Post))
)]
pub struct User;

/// What a new user needs. Without a password nobody can sign in as the user.
#[dto(create, table = users)]
pub struct UserCreate {
    /// Where mail reaches the user; kept in lower case.
    #[validate(email, length(max = 254))]
    pub email: String,
    /// The user's name.
    #[validate(length(min = 1, max = 255))]
    pub full_name: String,
    /// What the user is in the LMS.
    #[dto(default = Role::Student)]
    pub role: Role,
    /// Whether the user may sign in.
    #[dto(default = true)]
    pub is_active: bool,
}

/// A user.
#[dto(get, table = users)]
pub struct UserGet {
    /// Where mail reaches the user.
    pub email: String,
    /// The user's name.
    pub full_name: String,
    /// What the user is in the LMS.
    pub role: Role,
    /// Whether the user may sign in.
    pub is_active: bool,
    /// When the user was archived.
    pub archived_at: Option<Timestamp>,
}

/// A user in a list.
#[dto(list, table = users)]
pub struct UserList {
    /// Where mail reaches the user.
    pub email: String,
    /// The user's name.
    pub full_name: String,
    /// What the user is in the LMS.
    pub role: Role,
    /// Whether the user may sign in.
    pub is_active: bool,
    /// When the user was archived.
    pub archived_at: Option<Timestamp>,
}

/// What can be changed of a user.
#[dto(update, table = users)]
pub struct UserUpdate {
    /// Where mail reaches the user; kept in lower case.
    #[validate(email, length(max = 254))]
    pub email: Option<String>,
    /// The user's name.
    #[validate(length(min = 1, max = 255))]
    pub full_name: Option<String>,
    /// What the user is in the LMS. Administrators set it.
    pub role: Option<Role>,
    /// Whether the user may sign in. Administrators set it.
    pub is_active: Option<bool>,
}

/// The filters of users.
#[dto(query)]
pub struct UserQuery {
    /// The whole address, whatever the case.
    pub email: Option<String>,
    /// A part of the name, whatever the case.
    pub full_name: Option<String>,
    /// Only users with this role.
    pub role: Option<Role>,
    /// Only users who may, or may not, sign in.
    pub is_active: Option<bool>,
}

fn search(search: Search<users::table>, query: &UserQuery) -> Search<users::table> {
    search
        .filter_if(&query.email, |email| users::email.eq(email.to_lowercase()))
        .filter_if(&query.full_name, |name| users::full_name.contains_ci(name))
        .filter_if(&query.role, |role| users::role.eq(role))
        .filter_if(&query.is_active, |active| users::is_active.eq(active))
}

fn before_create(
    new: &mut UserCreate,
    _set: &mut Assignments<users::table>,
    _principal: &Principal,
) -> Result<()> {
    new.email = new.email.to_lowercase();
    Ok(())
}

fn before_update(
    change: &mut UserUpdate,
    _set: &mut Assignments<users::table>,
    _principal: &Principal,
) -> Result<()> {
    change.email = change.email.take().map(|email| email.to_lowercase());
    Ok(())
}
