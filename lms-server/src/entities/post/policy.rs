//! Who may see and change posts.

use crud_core::prelude::*;

use crate::{roles::is_admin, schema::posts};

/// Published posts are everyone's to read, drafts their author's and the administrators'. The words
/// are the author's alone to change and to delete; an administrator can put a post away.
pub struct PostPolicy;

impl Policy<posts::table> for PostPolicy {
    fn scope(principal: &Principal, action: Action) -> Scope<posts::table> {
        let own = Scope::owned_by(posts::author_id, principal.id());
        match action {
            Action::Get | Action::List => own
                .or(Scope::eq(posts::published, true))
                .or(Scope::when(is_admin(principal))),
            Action::Create => own,
            Action::Update => own.or_forbidden("Not authorized to update this post"),
            Action::Delete => own.or_forbidden("Not authorized to delete this post"),
            Action::Archive => own
                .or(Scope::when(is_admin(principal)))
                .or_forbidden("Not authorized to archive this post"),
            Action::Restore => own
                .or(Scope::when(is_admin(principal)))
                .or_forbidden("Not authorized to restore this post"),
        }
    }
}
