//! `cargo crud`: a new application, and its entities. It writes files in the current folder, and needs nothing else.

use std::{
    env, fs,
    io::{self, Write as _},
    path::Path,
};

use anyhow::{Context as _, Result, anyhow, bail};
use clap::{Parser, Subcommand};
use crud_scaffold::{EntityPlan, Layout, Repository, application};

/// What cargo runs for `cargo crud`.
#[derive(Parser)]
#[command(bin_name = "cargo", disable_help_subcommand = true)]
enum Cargo {
    /// Applications whose declarations are the whole backend
    #[command(version, arg_required_else_help = true)]
    Crud {
        #[command(subcommand)]
        command: Command,
    },
}

#[derive(Subcommand)]
enum Command {
    /// A new application, in a new folder of its name
    New {
        /// As a crate is named: `campus`
        name: String,
        /// The folder with the framework's crates, as the application's manifest will name it
        #[arg(long, default_value = "../crud")]
        framework: String,
    },
    /// An entity of the application here: declaration, policy, table, migrations and tests
    Entity {
        /// In the singular: `LessonPlan`
        name: String,
        /// NAME:TYPE, then `!` (required), `:unique`, `:words`, `=DEFAULT`: title:string! course:ref(courses)
        ///
        /// The types: string, text, int, bigint, decimal(10,2), float, bool, time, json, uuid, enum(one,two), ref(table).
        /// `books:has_many` gives the books that are there a reference to the new entity, and `works:has_many(books)` another
        /// name to the relation.
        #[arg(required = true)]
        fields: Vec<String>,
        /// The last part of the address, if it is not the plural
        #[arg(long)]
        endpoint: Option<String>,
        /// Print the files, and write none
        #[arg(long)]
        dry_run: bool,
    },
}

fn main() -> Result<()> {
    let Cargo::Crud { command } = Cargo::parse();
    let here = env::current_dir().context("finding the current folder")?;
    match command {
        Command::New { name, framework } => new(&here.join(&name), &name, &framework),
        Command::Entity {
            name,
            fields,
            endpoint,
            dry_run,
        } => {
            let plan = EntityPlan::new(&name, &fields, endpoint.as_deref()).map_err(told)?;
            let repository = Repository::around(&here, Layout::CRATE).map_err(told)?;
            let plan = repository.entity(plan).map_err(told)?;
            if dry_run {
                return say(&plan.texts());
            }
            repository.write(&plan).map_err(told)?;
            say(&format!("{plan}\nnext: cargo test"))
        }
    }
}

fn new(folder: &Path, name: &str, framework: &str) -> Result<()> {
    let plan = application(name, framework).map_err(told)?;
    if fs::exists(folder).context("looking for the folder")? {
        bail!("{name} is there already, and nothing is written over");
    }
    plan.write(folder).map_err(told)?;
    say(&format!(
        "{plan}\nnext: cd {name}; cargo crud entity course 'title:string!'"
    ))
}

fn told(sentence: String) -> anyhow::Error {
    anyhow!(sentence)
}

/// Prints; whoever closed the pipe has seen enough.
fn say(text: &str) -> Result<()> {
    match writeln!(io::stdout(), "{text}") {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}
