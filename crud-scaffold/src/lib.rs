//! What a developer need not type: the files of a new application or entity, and the migration between the declared tables and
//! those of the migrations.
//!
//! An application's commands call it, at a developer's shell; nothing of it runs in a server. It builds texts from a
//! description and writes them where [`Layout`] says; it never overwrites a file, and knows no entity. To
//! files that are there it adds lines, where they look as expected, and refuses with a sentence where they do not.

mod application;
mod catalogue;
mod child;
mod declaration;
mod due;
mod entity;
mod field;
mod format;
mod has_many;
mod insert;
mod layout;
mod migration;
mod names;
mod plan;
mod policy;
mod schema;
mod sql;
mod table;
mod tests_file;
mod words;

pub use self::{
    application::application,
    due::{due, write_migration},
    entity::EntityPlan,
    field::{Field, FieldType},
    has_many::HasMany,
    layout::{Layout, Repository},
    migration::{Scripts, between},
    plan::Plan,
};
