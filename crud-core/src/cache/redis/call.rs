//! A script's call: its keys, then its arguments.

use redis::{Cmd, Script};

use super::groups::{self, Group};

/// An `EVALSHA`, never an `EVAL`: see [`script`](super::script).
pub(super) struct Call(Cmd);

impl Call {
    /// `body` is for scripts that take its keys: the fingerprint, if there is one.
    pub(super) fn new(
        script: &Script,
        epoch: &str,
        group: &Group,
        body: Option<Option<&[u8; 32]>>,
    ) -> Self {
        let keys = 1 + group.deps.len() + if body.is_some() { 2 } else { 0 };
        let mut cmd = Cmd::with_capacity(3 + keys + 3, 1_024);
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
        if let Some(fingerprint) = body {
            let hex = fingerprint.map(|bytes| blake3::Hash::from_bytes(*bytes).to_hex());
            let name = hex.as_ref().map_or("", |hex| hex.as_str());
            add("b:", name);
            add("l:", name);
        }
        for dep in &group.deps {
            add("s:", dep);
        }
        Self(cmd)
    }

    pub(super) fn arg(&mut self, arg: &[u8]) -> &mut Self {
        self.0.arg(arg);
        self
    }

    pub(super) fn finish(self) -> Cmd {
        self.0
    }
}
