//! A script's call: its keys, then its arguments, then the dependencies by name.

use redis::{Cmd, Script};

use super::groups::{self, Group};

/// An `EVALSHA`, never an `EVAL`: see [`script`](super::script).
pub(super) struct Call {
    cmd: Cmd,
    deps: Vec<String>,
}

impl Call {
    /// `body` is for scripts that take its keys: the fingerprint, if there is one.
    pub(super) fn new(
        script: &Script,
        epoch: &str,
        group: &Group,
        body: Option<Option<&[u8; 32]>>,
    ) -> Self {
        let mut cmd = redis::cmd("EVALSHA");
        let keys = 2 + group.deps.len() + if body.is_some() { 2 } else { 0 };
        cmd.arg(script.get_hash()).arg(keys);
        let key = |end: &str| groups::key(&group.slot, epoch, end);
        cmd.arg(key("ep")).arg(key("w"));
        if let Some(fingerprint) = body {
            let name =
                fingerprint.map(|bytes| blake3::Hash::from_bytes(*bytes).to_hex().to_string());
            let name = name.unwrap_or_default();
            cmd.arg(key(&format!("b:{name}")))
                .arg(key(&format!("l:{name}")));
        }
        for dep in &group.deps {
            cmd.arg(key(&format!("s:{dep}")));
        }
        Self {
            cmd,
            deps: group.deps.clone(),
        }
    }

    pub(super) fn arg(&mut self, arg: &[u8]) -> &mut Self {
        self.cmd.arg(arg);
        self
    }

    pub(super) fn finish(mut self) -> Cmd {
        self.cmd.arg(&self.deps);
        self.cmd
    }
}
