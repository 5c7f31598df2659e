//! An empty folder in which a document is followed: a shell that keeps its variables, and a `cargo` with which the
//! dependencies of this build serve, so that only the document's own crate is compiled.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::TcpListener,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use tempfile::TempDir;

use crate::commands::without_this_package;

/// What the document calls the server's address.
const ADDRESS: &str = "127.0.0.1:8000";

/// `cargo` of a document. The crate is a member of a workspace of links to this one: cargo then takes what `./test` has
/// built, with the features that it had there. Nothing is optimised: it would all be built once more.
const CARGO: &str = r#"#!/usr/bin/env bash
set -euo pipefail
command=$1; shift
[[ $command == new ]] && exec "$REAL_CARGO" new "$@"
# The features that tests need come with a test: that of the crate, or an empty one.
TEST=${NAME}_tests
if [[ $command =~ run|build|test ]] && ! grep -q autotests "$WORKSPACE/$NAME/Cargo.toml"; then
    TEST=features
    mkdir -p "$WORKSPACE/$NAME/tests"
    touch "$WORKSPACE/$NAME/tests/features.rs"
fi
in_workspace() {
    "$REAL_CARGO" "$@" --quiet --offline --manifest-path "$WORKSPACE/Cargo.toml" --target-dir "$TARGET" $PROFILE \
        --workspace --all-features
}
in_workspace_build() {
    in_workspace build --bin "$NAME" --test "$TEST"
}
case $command in
install)
    "$REAL_CARGO" build --quiet --offline --manifest-path "$REPOSITORY/Cargo.toml" --target-dir "$TARGET" $PROFILE \
        --workspace --all-features --bin cargo-crud
    cp "$BUILT/cargo-crud" "$(dirname "$0")" ;;
crud)
    "$(dirname "$0")/cargo-crud" crud "$@"
    # Members of the same workspace here.
    [[ $1 != new ]] || sed -i 's#"\.\./crud/#"../#' "$2/Cargo.toml" ;;
run)
    while [[ $# -gt 0 && $1 != -- ]]; do shift; done
    [[ $# -gt 0 ]] && shift
    in_workspace_build
    exec "$BUILT/$NAME" "$@" ;;
build)
    in_workspace_build
    mkdir -p target/release
    cp "$BUILT/$NAME" target/release/ ;;
test) in_workspace test --bin "$NAME" --test "$TEST" ;;
*) echo "the documents use no cargo $command" >&2; exit 1 ;;
esac
"#;

/// Where a document is followed.
pub(super) struct Place {
    folder: TempDir,
    name: &'static str,
    address: String,
    replaced: Vec<(&'static str, String)>,
    server: Option<Child>,
}

impl Place {
    /// An empty folder with this repository beside it as `crud`. The document makes the crate `name`.
    pub(super) fn new(name: &'static str) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let repository = repository.canonicalize().expect("the repository is there");
        let workspace = folder.path().join("crud");
        fs::create_dir_all(folder.path().join("bin")).expect("a folder can be made");
        fs::create_dir_all(&workspace).expect("a folder can be made");
        let listed = fs::read_dir(&repository).expect("the repository can be read");
        for entry in listed.map(|entry| entry.expect("it can be read")) {
            if entry.path().is_dir() {
                let link = workspace.join(entry.file_name());
                symlink(entry.path(), link).expect("a link can be made");
            }
        }
        symlink(folder.path().join(name), workspace.join(name)).expect("a link can be made");
        let manifest = fs::read_to_string(repository.join("Cargo.toml")).expect("it is there");
        let members = manifest.replacen("members = [", &format!("members = [\"{name}\", "), 1);
        fs::write(workspace.join("Cargo.toml"), members).expect("it can be written");
        fs::copy(repository.join("Cargo.lock"), workspace.join("Cargo.lock")).expect("it is there");
        let cargo = folder.path().join("bin/cargo");
        fs::write(&cargo, CARGO).expect("it can be written");
        fs::set_permissions(cargo, fs::Permissions::from_mode(0o755)).expect("it is ours");
        let free = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr());
        let address = free.expect("there is a free port").to_string();
        Self {
            replaced: vec![(ADDRESS, address.clone())],
            folder,
            name,
            address,
            server: None,
        }
    }

    /// Says what a name of the document is here.
    pub(super) fn replace(&mut self, name: &'static str, by: String) {
        self.replaced.push((name, by));
    }

    /// A file of the document's crate. The crates beside it are members of the same workspace here.
    pub(super) fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().expect("it is in a folder")).expect("it can be made");
        fs::write(path, text.replace("\"../crud/", "\"../")).expect("it can be written");
    }

    pub(super) fn read(&self, path: &str) -> String {
        let read = fs::read_to_string(self.path(path));
        read.unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// Runs commands as a reader does, and gives what they print. A server that the last one starts is left running until
    /// the next is started.
    pub(super) fn run(&mut self, commands: &str) -> Result<String, String> {
        let (before, last) = match commands.trim_end().rsplit_once('\n') {
            Some((before, last)) => (before, last),
            None => ("", commands.trim_end()),
        };
        if !is_server(last) {
            return self.shell(commands);
        }
        let said = self.shell(before)?;
        self.stop();
        self.serve(last)?;
        Ok(said)
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(self.name).join(path)
    }

    fn shell(&self, commands: &str) -> Result<String, String> {
        let script = format!(
            "set -ea\n{commands}\nexport -p >\"$STATE\"; declare -f >>\"$STATE\"; pwd >\"$STATE.pwd\"\n"
        );
        let done = self.bash(&script).output().expect("bash is there");
        let said = String::from_utf8_lossy(&done.stdout).into_owned();
        match done.status.success() {
            true => Ok(said),
            false => Err(format!("{said}{}", String::from_utf8_lossy(&done.stderr))),
        }
    }

    fn serve(&mut self, command: &str) -> Result<(), String> {
        let mut server = self.bash(&format!("exec {command}"));
        server.stdout(Stdio::piped()).env("BIND", &self.address);
        let mut server = server.spawn().expect("bash is there");
        let mut lines = BufReader::new(server.stdout.take().expect("it is piped")).lines();
        let mut said = String::new();
        self.server = Some(server);
        loop {
            match lines.next() {
                Some(Ok(line)) if line.contains("serving http") => break,
                Some(Ok(line)) => said += &format!("{line}\n"),
                _ => return Err(format!("the server ends: {said}")),
            }
        }
        // Whoever writes to a pipe that nobody reads from would stand still.
        std::thread::spawn(move || lines.for_each(drop));
        Ok(())
    }

    /// A shell with the variables and in the folder that the last one ended with.
    fn bash(&self, script: &str) -> Command {
        let mut script = script.to_owned();
        for (name, by) in &self.replaced {
            script = script.replace(name, by);
        }
        let here = self.folder.path();
        let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target");
        let tests = std::env::current_exe().expect("the tests are a program");
        let built = tests
            .ancestors()
            .nth(2)
            .expect("target/<profile>/deps/<tests>");
        let target = built.parent().unwrap_or(&target);
        let path = std::env::var_os("PATH").unwrap_or_default();
        let first = std::env::join_paths(
            std::iter::once(here.join("bin")).chain(std::env::split_paths(&path)),
        );
        let mut bash = Command::new("bash");
        without_this_package(&mut bash);
        bash.arg("-c")
            .arg(format!("[[ -e $STATE ]] && . \"$STATE\"; cd \"$(cat \"$STATE.pwd\" 2>/dev/null || pwd)\"\n{script}"))
            .current_dir(here)
            .stdin(Stdio::null())
            .env("STATE", here.join("state"))
            .env("PATH", first.expect("folders have no colon"))
            .env("REAL_CARGO", env!("CARGO"))
            .env("WORKSPACE", here.join("crud"))
            .env("REPOSITORY", Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
            .env("NAME", self.name)
            .env("TARGET", target)
            .env("BUILT", built)
            .env("PROFILE", if built.ends_with("release") { "--release" } else { "" });
        bash
    }

    /// As Ctrl-C does.
    fn stop(&mut self) {
        if let Some(mut server) = self.server.take() {
            let ended = Command::new("kill")
                .args(["-INT", &server.id().to_string()])
                .status();
            assert!(
                ended.is_ok_and(|status| status.success()),
                "no server to stop"
            );
            server.wait().expect("it is ours");
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(mut server) = self.server.take() {
            let _ = server.kill();
            let _ = server.wait();
        }
    }
}

/// Whether a command goes on until it is told to end.
fn is_server(command: &str) -> bool {
    command == "cargo run --quiet" || command.ends_with(" serve")
}
