//! An application's repository: where things are, and what of them an entity or a migration makes or changes.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use crud_core::db::DbKind;

use crate::{
    child, declaration,
    entity::EntityPlan,
    format::formatted,
    has_many,
    insert::{columns_of, declared, endpoint_of, ids_of, registered, sorted_in, table_of},
    migration::{self, Scripts},
    names::{article, capital},
    plan::Plan,
    policy, sql, tests_file, words,
};

/// Where an application keeps what is written here; all paths are below its repository's root.
///
/// ```
/// use crud_scaffold::Layout;
///
/// // The server of a workspace, whose migrations stand beside it.
/// const SERVER: Layout = Layout {
///     entities: "server/src/entities",
///     schema: "server/src/schema.rs",
///     migrations_list: "server/src/migrations.rs",
///     is_admin: "crate::users::is_admin",
///     ..Layout::CRATE
/// };
/// assert_eq!(SERVER.migrations, "migrations");
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Layout {
    /// The folder with one folder for each entity, and the registry in `mod.rs`.
    pub entities: &'static str,
    /// The file with the `diesel::table!`s.
    pub schema: &'static str,
    /// The file with the list of migrations.
    pub migrations_list: &'static str,
    /// The folder with `postgres` and `sqlite`.
    pub migrations: &'static str,
    /// The folder with the tests, and their list in `all.rs`. They use `tests::TestApp` (`extern crate self as tests` in
    /// `all.rs` says where that is), `conformance::suite` and `steps::made`, as those of [`application`](crate::application).
    pub tests: &'static str,
    /// The table that `created_by` and `updated_by` refer to, if those who write are rows.
    pub authors: Option<&'static str>,
    /// The path of the function of a `&Principal` that says who is an administrator.
    pub is_admin: &'static str,
}

impl Layout {
    /// An application of one crate, with everything in its `src`.
    pub const CRATE: Self = Self {
        entities: "src/entities",
        schema: "src/schema.rs",
        migrations_list: "src/migrations.rs",
        migrations: "migrations",
        tests: "tests",
        authors: None,
        is_admin: "crate::roles::is_admin",
    };
}

/// A repository on this machine.
///
/// ```
/// use crud_scaffold::{EntityPlan, Layout, Plan, Repository};
/// use std::path::Path;
///
/// /// What `new entity NAME FIELD…` would write.
/// fn planned(name: &str, fields: &[String]) -> Result<Plan, String> {
///     let repository = Repository::around(Path::new("."), Layout::CRATE)?;
///     repository.entity(EntityPlan::new(name, fields, None)?)
/// }
/// # let refused = Repository::around(Path::new("/"), Layout::CRATE).err().unwrap();
/// # assert!(refused.contains("is in no repository of this application"), "{refused}");
/// ```
pub struct Repository {
    root: PathBuf,
    layout: Layout,
}

impl Repository {
    /// The repository that this folder is in.
    ///
    /// # Errors
    /// If neither the folder nor one above it has what the layout says.
    pub fn around(folder: &Path, layout: Layout) -> Result<Self, String> {
        let mut above = folder.ancestors();
        let found = above.find(|root| {
            root.join(layout.migrations_list).is_file() && root.join(layout.migrations).is_dir()
        });
        match found {
            Some(root) => Ok(Self {
                root: root.to_owned(),
                layout,
            }),
            None => Err(format!(
                "{} is in no repository of this application: expected a folder with {} and {}/",
                folder.display(),
                layout.migrations_list,
                layout.migrations
            )),
        }
    }

    /// All that a new entity consists of.
    ///
    /// # Errors
    /// A sentence that names what is there already, what a reference does not find, or the file that does not look
    /// as expected.
    pub fn entity(&self, mut plan: EntityPlan) -> Result<Plan, String> {
        let layout = &self.layout;
        let EntityPlan {
            module,
            entity,
            table,
            ..
        } = plan.clone();
        let registry = self.read(&format!("{}/mod.rs", layout.entities))?;
        let schema = self.read(layout.schema)?;
        let known = self.known_entities()?;
        check_entity(&plan, &known, &registry, &schema)?;
        plan.target_ids = (known.keys())
            .filter_map(|table| Some((table.clone(), ids_of(&schema, table)?)))
            .collect();
        plan.targets = known;
        let children = self.children(&mut plan, &schema)?;

        let folder = Path::new(layout.entities).join(&module);
        let mut tests = table.clone();
        if self
            .root
            .join(layout.tests)
            .join(format!("{tests}.rs"))
            .exists()
        {
            tests = format!("{module}_entity");
        }
        let rust = [
            (folder.join("mod.rs"), declaration::declaration(&plan)),
            (
                folder.join("policy.rs"),
                policy::policy(&plan, layout.is_admin),
            ),
            (
                Path::new(layout.tests).join(format!("{tests}.rs")),
                tests_file::tests(&plan),
            ),
        ];
        let scripts = scripts(&plan, layout.authors);
        let mut done = self.migration(&table, scripts)?;
        done.new
            .splice(0..0, rust.map(|(path, text)| (path, formatted(text))));

        let registry = registered(&registry, &module, &entity, layout.entities)?;
        done.changed
            .push((format!("{}/mod.rs", layout.entities).into(), registry));
        done.changed.extend(children);
        let declared = declared(&schema, &plan, layout.authors, layout.schema)?;
        done.changed.push((layout.schema.into(), declared));
        let all = format!("{}/all.rs", layout.tests);
        let list = sorted_in(&self.read(&all)?, "mod ", &format!("mod {tests};"), &all)?;
        done.changed.push((all.into(), list));
        self.refuse_overwriting(&done)?;
        Ok(done)
    }

    /// Finds the entities that are to refer to the new one; gives the files that declare them, with the reference.
    fn children(
        &self,
        plan: &mut EntityPlan,
        schema: &str,
    ) -> Result<Vec<(PathBuf, String)>, String> {
        let mut files = Vec::new();
        for relation in &plan.has_many {
            let mut child = has_many::child(plan, relation)?;
            let file = format!("{}/{}/mod.rs", self.layout.entities, child.module);
            let text = self.read(&file)?;
            has_many::check_room(relation, &child, &columns_of(schema, &child.table))?;
            let edited = endpoint_of(&text).zip(child::with_references(&text, &child));
            let Some((endpoint, edited)) = edited else {
                return Err(has_many::by_hand(
                    plan,
                    relation,
                    &child,
                    &file,
                    self.layout.schema,
                ));
            };
            child.endpoint = endpoint.to_owned();
            files.push((file.into(), edited));
            plan.children.insert(relation.table.clone(), child);
        }
        Ok(files)
    }

    /// A migration with the next number.
    ///
    /// # Errors
    /// If the name has no letter, or the list of migrations does not look as expected.
    pub fn migration(&self, name: &str, scripts: Scripts) -> Result<Plan, String> {
        let name: String = name
            .chars()
            .map(|c| {
                if c.is_ascii_alphanumeric() {
                    c.to_ascii_lowercase()
                } else {
                    '_'
                }
            })
            .collect();
        let words: Vec<_> = name.split('_').filter(|word| !word.is_empty()).collect();
        if words.is_empty() {
            return Err(
                "a migration needs a name of letters and digits, such as \"Add posts table\""
                    .to_owned(),
            );
        }
        let list = self.read(self.layout.migrations_list)?;
        let is_entry = |line: &&str| {
            line.split_once(" \"")
                .is_some_and(|(n, _)| n.trim().parse::<u32>().is_ok())
        };
        let Some(last) = list.lines().rfind(is_entry) else {
            return Err(format!(
                "{} lists no migration, as in `1 \"0001_users\",`",
                self.layout.migrations_list
            ));
        };
        let number = last
            .trim()
            .split(' ')
            .next()
            .and_then(|n| n.parse::<u32>().ok())
            .unwrap_or(0)
            + 1;
        let folder = format!("{number:04}_{}", words.join("_"));
        let line = format!("    {number} \"{folder}\",");
        let list = list.replacen(last, &format!("{last}\n{line}"), 1);
        let at = |database: &str, file: &str| {
            Path::new(self.layout.migrations)
                .join(database)
                .join(&folder)
                .join(file)
        };
        let done = Plan {
            new: vec![
                (at("postgres", "up.sql"), scripts.postgres_up),
                (at("postgres", "down.sql"), scripts.postgres_down),
                (at("sqlite", "up.sql"), scripts.sqlite_up),
                (at("sqlite", "down.sql"), scripts.sqlite_down),
            ],
            changed: vec![(self.layout.migrations_list.into(), list)],
        };
        self.refuse_overwriting(&done)?;
        Ok(done)
    }

    /// Writes it.
    ///
    /// # Errors
    /// A sentence, if a file cannot be written, or a new one is there by now.
    pub fn write(&self, plan: &Plan) -> Result<(), String> {
        plan.write(&self.root)
    }

    fn refuse_overwriting(&self, plan: &Plan) -> Result<(), String> {
        match plan
            .new
            .iter()
            .find(|(path, _)| self.root.join(path).exists())
        {
            None => Ok(()),
            Some((path, _)) => Err(format!(
                "{} is there already, and nothing is written over",
                path.display()
            )),
        }
    }

    fn read(&self, path: &str) -> Result<String, String> {
        fs::read_to_string(self.root.join(path))
            .map_err(|error| format!("{path} cannot be read: {error}"))
    }

    /// The tables of the entities that are there, with module and type.
    fn known_entities(&self) -> Result<BTreeMap<String, (String, String)>, String> {
        let registry = self.read(&format!("{}/mod.rs", self.layout.entities))?;
        let entities = registry.lines().filter_map(|line| {
            let path = line
                .trim()
                .strip_prefix(".entity::<")?
                .strip_suffix(">()")?;
            path.split_once("::")
        });
        let mut known = BTreeMap::new();
        for (module, entity) in entities {
            let text = self.read(&format!("{}/{module}/mod.rs", self.layout.entities))?;
            let entity = (module.to_owned(), entity.to_owned());
            known.extend(table_of(&text).map(|table| (table.to_owned(), entity)));
        }
        Ok(known)
    }
}

/// The migration that makes and unmakes the entity's table.
fn scripts(plan: &EntityPlan, authors: Option<&str>) -> Scripts {
    let (name, table, words) = (&plan.table, plan.table(authors), plan.words());
    let up = |database| {
        let about = capital(&plan.plural());
        let up = format!("-- {about}.\n{}", sql::create_table(database, &table, "id"));
        match words.is_empty() {
            true => up,
            false => format!("{up}\n{}", words::make(database, name, &words, plan.ids)),
        }
    };
    let down = |database| match words.is_empty() {
        true => format!("DROP TABLE {name};\n"),
        false => format!("{}DROP TABLE {name};\n", words::unmake(database, name)),
    };
    let mut scripts = Scripts {
        postgres_up: up(DbKind::Postgres),
        postgres_down: down(DbKind::Postgres),
        sqlite_up: up(DbKind::Sqlite),
        sqlite_down: down(DbKind::Sqlite),
    };
    for (_, child) in plan.children() {
        let table = &child.table;
        let one = plan.singular();
        let about = format!("\n-- The {} of {} {one}.\n", child.plural(), article(&one));
        for field in &child.fields {
            migration::add(&mut scripts, table, &child.column(field), true, &about);
        }
    }
    scripts
}

/// That nothing of it is there, and everything that it refers to is.
fn check_entity(
    plan: &EntityPlan,
    known: &BTreeMap<String, (String, String)>,
    registry: &str,
    schema: &str,
) -> Result<(), String> {
    let EntityPlan { module, table, .. } = plan;
    if known.iter().any(|(_, (other, _))| other == module)
        || registry.contains(&format!("pub mod {module};"))
    {
        return Err(format!("there is an entity `{module}` already"));
    }
    if schema.contains(&format!("    {table} (")) {
        return Err(format!("there is a table `{table}` already"));
    }
    for (field, target) in plan.references() {
        let is_known = known.contains_key(target);
        if !is_known && !plan.is_to_itself(field) {
            let tables: Vec<_> = known.keys().map(|table| &**table).collect();
            return Err(format!(
                "the field `{}` refers to `{target}`, which is no entity's table; accepted are {} and {table} itself",
                field.name,
                tables.join(", ")
            ));
        }
    }
    Ok(())
}
