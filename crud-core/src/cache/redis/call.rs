//! A script's call: its keys; the caller adds the arguments.

use redis::{Cmd, Script};

use super::groups::Group;

/// An `EVALSHA`, never an `EVAL`: see [`script`](super::script). `body` is for scripts that take its keys: the
/// fingerprint, if there is one.
pub(super) fn call(
    script: &Script,
    epoch: &str,
    group: &Group,
    body: Option<Option<&[u8; 32]>>,
) -> Cmd {
    let keys = 1 + group.deps.len() + if body.is_some() { 2 } else { 0 };
    let mut cmd = Cmd::with_capacity(3 + keys + 3, 1_024);
    cmd.arg("EVALSHA").arg(script.get_hash()).arg(keys);
    let mut names = group.names(epoch);
    cmd.arg(names.key("ep", ""));
    if let Some(fingerprint) = body {
        let hex = fingerprint.map(|bytes| blake3::Hash::from_bytes(*bytes).to_hex());
        let name = hex.as_ref().map_or("", |hex| hex.as_str());
        cmd.arg(names.key("b:", name)).arg(names.key("l:", name));
    }
    for dep in &group.deps {
        cmd.arg(names.key("s:", dep));
    }
    cmd
}
