include!("../support.rs");

diesel::table! {
    use crud_core::sql_types::*;

    notes (id) {
        id -> Uuid,
        text -> Text,
        version -> Integer,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_by -> Nullable<Uuid>,
    }
}

#[dto(create, table = notes, bare)]
struct NoteCreate {
    text: String,
}

#[dto(get, table = notes, bare)]
struct NoteGet {
    text: String,
}

#[dto(update, table = notes, bare)]
struct NoteUpdate {
    text: Option<String>,
}

#[dto(query)]
struct NoteQuery {}

fn note_search(search: Search<notes::table>, _query: &NoteQuery) -> Search<notes::table> {
    search
}

struct NotePolicy;

impl Policy<notes::table> for NotePolicy {
    fn scope(_: &Principal, _: Action) -> Scope<notes::table> {
        Scope::all()
    }
}

/// A note.
#[derive(EntityInterface)]
#[entity(
    endpoint = "notes",
    table = notes,
    create = NoteCreate,
    get = NoteGet,
    list = NoteGet,
    update = NoteUpdate,
    query = NoteQuery,
    search = note_search,
    policy = NotePolicy,
)]
pub struct Note;

fn main() {}
