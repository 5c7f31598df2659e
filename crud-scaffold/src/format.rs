//! Rust as rustfmt lays it out, by the settings of the current folder.

use std::{
    io,
    process::{Command, Stdio},
};

/// As rustfmt lays it out; as it is where there is no rustfmt, which `cargo fmt` then makes good.
pub(crate) fn formatted(rust: String) -> String {
    let run = || -> io::Result<String> {
        let mut rustfmt = Command::new("rustfmt")
            .args(["--edition", "2024", "--emit", "stdout"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        if let Some(mut input) = rustfmt.stdin.take() {
            io::Write::write_all(&mut input, rust.as_bytes())?;
        }
        let done = rustfmt.wait_with_output()?;
        let text = String::from_utf8_lossy(&done.stdout).into_owned();
        if done.status.success() {
            Ok(text)
        } else {
            Err(io::Error::other("rustfmt failed"))
        }
    };
    run().unwrap_or(rust)
}
