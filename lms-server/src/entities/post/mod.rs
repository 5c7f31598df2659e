//! Posts: what users write for others. A draft is its author's and the administrators' to see.

mod policy;

use crud_core::prelude::*;

pub use self::policy::PostPolicy;
use crate::{entities::user::User, schema::posts};

/// What a user writes for others.
#[derive(EntityInterface)]
#[entity(
    endpoint = "posts",
    table = posts,
    create = PostCreate,
    get = PostGet,
    list = PostList,
    update = PostUpdate,
    query = PostQuery,
    search = search,
    policy = PostPolicy,
    cache_ttl = 60,
    sort(title),
    before_create = before_create,
    relations(
        author = belongs_to(posts::author_id -> User)
    )
)]
pub struct Post;

/// What a new post needs. Its author is the caller.
#[dto(create, table = posts)]
pub struct PostCreate {
    /// What the post is called.
    #[validate(length(min = 1, max = 200))]
    pub title: String,
    /// What it says.
    #[validate(length(min = 1))]
    pub content: String,
    /// Whether everyone sees it.
    #[dto(default)]
    pub published: bool,
}

/// A post.
#[dto(get, table = posts)]
pub struct PostGet {
    /// What the post is called.
    pub title: String,
    /// What it says.
    pub content: String,
    /// Whether everyone sees it.
    pub published: bool,
    /// Who wrote it.
    pub author_id: Uuid,
    /// When it was archived.
    pub archived_at: Option<Timestamp>,
}

/// A post in a list.
#[dto(list, table = posts)]
pub struct PostList {
    /// What the post is called.
    pub title: String,
    /// Whether everyone sees it.
    pub published: bool,
    /// Who wrote it.
    pub author_id: Uuid,
    /// When it was archived.
    pub archived_at: Option<Timestamp>,
}

/// What can be changed of a post.
#[dto(update, table = posts)]
pub struct PostUpdate {
    /// What the post is called.
    #[validate(length(min = 1, max = 200))]
    pub title: Option<String>,
    /// What it says.
    #[validate(length(min = 1))]
    pub content: Option<String>,
    /// Whether everyone sees it.
    pub published: Option<bool>,
}

/// The filters of posts.
#[dto(query)]
pub struct PostQuery {
    /// Words in title and content.
    pub q: FullText<(posts::title, posts::content)>,
    /// A part of the title, whatever the case.
    pub title: Option<String>,
    /// Only posts of this author.
    pub author_id: Option<Uuid>,
    /// Only posts that are, or are not, published.
    pub published: Option<bool>,
}

fn search(search: Search<posts::table>, query: &PostQuery) -> Search<posts::table> {
    search
        .filter_if(&query.title, |title| posts::title.contains_ci(title))
        .filter_if(&query.author_id, |id| posts::author_id.eq(id))
        .filter_if(&query.published, |published| posts::published.eq(published))
}

fn before_create(
    _new: &mut PostCreate,
    set: &mut Assignments<posts::table>,
    principal: &Principal,
) -> Result<()> {
    if let Some(id) = principal.id() {
        set.set(posts::author_id, id);
    }
    Ok(())
}
