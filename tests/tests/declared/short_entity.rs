//! Every word of the short form.

include!("../../ui/support.rs");

/// What is said.
#[derive(EntityInterface)]
#[entity(
    endpoint = "talks", table = courses, policy = CoursePolicy, cache_ttl = 60, default_sort = "-position,title",
    search = find, name = "Speech", before_create = before_create, filter(created_at, properties, updated_by)
)]
pub struct Talk {
    /// Its title.
    #[field(all, filter = contains_ci, sort, verbatim, validate(length(min = 1, max = 200)), schemars(example = &"On"))]
    pub title: String,
    #[field(write, get, filter = eq)]
    pub description: Option<String>,
    #[field(
        create,
        update,
        get,
        list,
        filter,
        sort,
        default = 1,
        validate(range(min = 1))
    )]
    pub position: i32,
    #[field(get, computed = loud(title))]
    pub loud: String,
    #[field(create, not_a_column)]
    pub invitation: Option<String>,
    #[field(filter, not_a_column)]
    pub early: bool,
    #[field(filter, sort)]
    created_by: Option<Uuid>,
}

fn loud(title: &str) -> String {
    title.to_uppercase()
}

fn find(search: Search<courses::table>, query: &TalkQuery) -> Search<courses::table> {
    talk_search(search, query).filter_if(&query.early, |_| courses::position.lt(10))
}

fn before_create(
    new: &mut TalkCreate,
    _set: &mut Assignments<courses::table>,
    _principal: &Principal,
) -> Result<()> {
    new.invitation = None;
    Ok(())
}

/// One that only reads.
#[derive(EntityInterface)]
#[entity(endpoint = "notes", table = lessons, policy = Everyone, routes(get, list))]
struct Note {
    #[field(read)]
    title: String,
    #[field(read, optional, create)]
    course_id: Uuid,
}

struct Everyone;

impl Policy<lessons::table> for Everyone {
    fn scope(_: &Principal, _: Action) -> Scope<lessons::table> {
        Scope::all()
    }
}

#[test]
fn the_short_form_declares_what_it_says() {
    let registry = crud_core::Registry::new().entity::<Talk>().entity::<Note>();
    assert_eq!(registry.resources()[0].query_fields, ["title", "early"]);
    let filters: Vec<_> = registry.resources()[0]
        .filters
        .iter()
        .map(|filter| filter.name)
        .collect();
    assert_eq!(
        filters,
        [
            "title",
            "description",
            "position",
            "created_by",
            "created_at",
            "properties",
            "updated_by"
        ]
    );
    assert_eq!(registry.resources()[1].actions().count(), 2);
}
