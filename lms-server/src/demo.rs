//! What a fresh server starts with: its first administrator and, for a look around, demo accounts
//! and the real catalogue.

use anyhow::Result;
use crud_core::prelude::*;

use crate::{
    Lms,
    accounts::NewAccount,
    import::{Report, catalogue, oulad::Source},
    roles::Role,
    schema::users,
};

/// The password of every demo account. They are made only on a fresh embedded database.
pub const PASSWORD: &str = "demo-password";

/// The demo accounts: role and address.
pub const ACCOUNTS: [(Role, &str, &str); 3] = [
    (Role::Admin, "admin@example.com", "Demo Administrator"),
    (
        Role::Instructor,
        "instructor@example.com",
        "Demo Instructor",
    ),
    (Role::Student, "student@example.com", "Demo Student"),
];

/// Whether nobody and nothing is in the database yet.
///
/// # Errors
/// Whatever the database has.
pub async fn is_fresh(lms: &Lms) -> Result<bool> {
    let found: Vec<Uuid> = lms
        .app
        .db()
        .fetch(users::table.select(users::id).limit(1))
        .await?;
    Ok(found.is_empty())
}

/// Makes the demo accounts and loads the catalogue, taught by the demo instructor.
///
/// # Errors
/// Whatever the database has.
pub async fn load(lms: &Lms) -> Result<()> {
    for (role, email, full_name) in ACCOUNTS {
        let new = NewAccount {
            email: email.to_owned(),
            full_name: full_name.to_owned(),
            password: PASSWORD.to_owned(),
            role,
        };
        let user = lms.add_account(new).await?;
        if role == Role::Instructor {
            let instructor = Principal::user(user.id, role.as_str());
            let mut report = Report::default();
            catalogue::load(lms, &Source::Embedded, &instructor, &mut report).await?;
        }
    }
    Ok(())
}

/// The administrator who was there first, if there is one.
///
/// # Errors
/// Whatever the database has.
pub async fn first_admin(lms: &Lms) -> Result<Option<Principal>> {
    let query = users::table
        .filter(users::role.eq(Role::Admin))
        .filter(users::archived_at.is_null())
        .order((users::created_at.asc(), users::id.asc()))
        .select(users::id)
        .limit(1);
    let found: Vec<Uuid> = lms.app.db().fetch(query).await?;
    Ok(found
        .first()
        .map(|id| Principal::user(*id, Role::Admin.as_str())))
}
