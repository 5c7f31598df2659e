//! The commands of the server's binary: `serve` when none is named.

mod commands;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A learning management system: a REST API on SQLite or PostgreSQL.
#[derive(Parser)]
#[command(
    version,
    about,
    after_help = "Settings come from the environment: see docs/CONFIGURATION.md"
)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the API (the default)
    Serve,
    /// Bring the database to this version's schema
    Migrate {
        /// Take back this many migrations instead
        #[arg(long, value_name = "STEPS")]
        down: Option<usize>,
        /// Write the migration that the declared tables ask for instead, into this repository
        #[arg(long, value_name = "NAME", conflicts_with = "down")]
        new: Option<String>,
    },
    /// Write the files of something new into this repository
    #[command(subcommand)]
    New(New),
    /// Load data
    #[command(subcommand)]
    Import(Import),
    /// Administrators
    #[command(subcommand)]
    Admin(Admin),
    /// What is to be done, and what could not be
    #[command(subcommand)]
    Jobs(Jobs),
    /// Print the OpenAPI document
    Openapi,
    /// Compare the database's tables with the declarations
    Check,
}

#[derive(Subcommand)]
enum New {
    /// An entity: declaration, policy, table, migrations and tests
    Entity {
        /// In the singular: `LessonPlan`
        name: String,
        /// NAME:TYPE, then `!` (required), `:unique`, `:words`, `=DEFAULT`: title:string! course:ref(courses)
        ///
        /// The types: string, text, int, bigint, decimal(10,2), float, bool, time, json, uuid, enum(one,two), ref(table).
        /// `lessons:has_many` gives the lessons that are there a reference to the new entity, and `parts:has_many(lessons)`
        /// another name to the relation.
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

#[derive(Subcommand)]
enum Import {
    /// The Open University's learning analytics data
    Oulad {
        /// The folder with the .csv or .csv.gz files
        dir: std::path::PathBuf,
    },
}

#[derive(Subcommand)]
enum Jobs {
    /// Print jobs as lines of JSON, the newest first
    List {
        /// queued, running, done or dead
        #[arg(long, default_value = "dead")]
        state: crud_core::jobs::JobState,
        /// At most this many
        #[arg(long, default_value_t = 100)]
        most: i64,
    },
    /// Put dead jobs back in the queue
    #[command(arg_required_else_help = true)]
    Retry {
        /// The jobs' ids
        ids: Vec<i64>,
        /// All dead jobs
        #[arg(long, conflicts_with = "ids")]
        all: bool,
    },
}

#[derive(Subcommand)]
enum Admin {
    /// Make an administrator; the password is `LMS_ADMIN_PASSWORD`, or asked for
    Create {
        /// The administrator's address
        email: String,
        /// The administrator's name
        #[arg(long, default_value = "Administrator")]
        name: String,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return failed(&anyhow::anyhow!(error).context("starting the runtime")),
    };
    let done = runtime.block_on(async {
        match arguments.command.unwrap_or(Command::Serve) {
            Command::Serve => commands::serve::run().await,
            Command::Migrate {
                new: Some(name), ..
            } => commands::new::migration(&name).await,
            Command::Migrate { down, new: None } => commands::migrate::run(down).await,
            Command::New(New::Entity {
                name,
                fields,
                endpoint,
                dry_run,
            }) => commands::new::entity(&name, &fields, endpoint.as_deref(), dry_run),
            Command::Import(Import::Oulad { dir }) => commands::import::oulad(dir).await,
            Command::Admin(Admin::Create { email, name }) => {
                commands::admin::create(email, name).await
            }
            Command::Jobs(Jobs::List { state, most }) => commands::jobs::list(state, most).await,
            Command::Jobs(Jobs::Retry { ids, .. }) => commands::jobs::retry(ids).await,
            Command::Openapi => commands::openapi::run(),
            Command::Check => commands::check::run().await,
        }
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

fn failed(error: &anyhow::Error) -> ExitCode {
    lms_server::progress::say(&format!("{error:#}"));
    ExitCode::FAILURE
}
