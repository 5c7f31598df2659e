//! A script's call: its keys, then its arguments, then the dependencies by name.

use redis::{Cmd, Script};

use super::groups::{self, Group};

/// An `EVALSHA`, never an `EVAL`: see [`script`](super::script).
pub(super) struct Call<'g> {
    cmd: Cmd,
    deps: &'g [String],
}

impl<'g> Call<'g> {
    /// `body` is for scripts that take its keys: the fingerprint, if there is one.
    pub(super) fn new(
        script: &Script,
        epoch: &str,
        group: &'g Group,
        body: Option<Option<&[u8; 32]>>,
    ) -> Self {
        let keys = 2 + group.deps.len() + if body.is_some() { 2 } else { 0 };
        let mut cmd = Cmd::with_capacity(3 + keys + 3 + group.deps.len(), 1_024);
        cmd.arg("EVALSHA").arg(script.get_hash()).arg(keys);
        let mut key = groups::key(&group.slot, epoch, "");
        let before = key.len();
        let mut add = |kind: &str, name: &str| {
            key.truncate(before);
            key.push_str(kind);
            key.push_str(name);
            cmd.arg(&key);
        };
        add("ep", "");
        add("w", "");
        if let Some(fingerprint) = body {
            let hex = fingerprint.map(|bytes| blake3::Hash::from_bytes(*bytes).to_hex());
            let name = hex.as_ref().map_or("", |hex| hex.as_str());
            add("b:", name);
            add("l:", name);
        }
        for dep in &group.deps {
            add("s:", dep);
        }
        Self {
            cmd,
            deps: &group.deps,
        }
    }

    pub(super) fn arg(&mut self, arg: &[u8]) -> &mut Self {
        self.cmd.arg(arg);
        self
    }

    pub(super) fn finish(mut self) -> Cmd {
        for dep in self.deps {
            self.cmd.arg(dep);
        }
        self.cmd
    }
}
