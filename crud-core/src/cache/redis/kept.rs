//! Bodies that the process has itself, which are as good as Redis' own while their stamps are those of this moment.
//!
//! That is asked without a script: the stamps as they are, and *then* whether the epoch's scripts are there. A Redis that
//! has them now has not been restarted or replaced since it told the stamps, since nobody loads them again.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use redis::{Cmd, Pipeline, Value};

use super::groups::Group;
use super::link::LinkError;
use super::script::{Scripts, TOKEN_MS};
use super::{READ, RedisStore, bytes};
use crate::cache::mutant::{Mutant, lives};
use crate::cache::store::{Doubt, Entry, Stamps};

/// A body, and what it was loaded under.
#[derive(Clone)]
pub(super) struct Kept {
    pub(super) key: Bytes,
    /// Of the home table, then the others'.
    pub(super) stamps: Arc<[u8]>,
    pub(super) body: Bytes,
}

impl RedisStore {
    pub(super) fn kept(&self, entry: &Entry, fingerprint: &[u8; 32]) -> Option<Kept> {
        self.l1
            .get(fingerprint)
            .filter(|kept| kept.key == entry.key)
    }

    pub(super) fn keep(
        &self,
        entry: &Entry,
        fingerprint: [u8; 32],
        home: &[u8],
        others: &[u8],
        body: Bytes,
    ) {
        let kept = Kept {
            key: entry.key.clone(),
            stamps: [home, others].concat().into(),
            body,
        };
        self.l1.insert(fingerprint, kept);
    }

    /// As [`Store::peek`](crate::cache::Store::peek).
    pub(crate) fn peek(&self, entry: &Entry, stamps: &Stamps) -> Option<Bytes> {
        let kept = self.kept(entry, &entry.fingerprint())?;
        (kept.stamps[..] == bytes(stamps)[..]).then_some(kept.body)
    }

    /// Whether the stamps of a body are those of this moment, and none is in doubt: then it is longer.
    pub(super) async fn is_current(
        &self,
        scripts: &Scripts,
        groups: &[Group],
        kept: &Kept,
    ) -> Result<bool, Doubt> {
        if lives(Mutant::TrustedCopy) {
            return Ok(true);
        }
        let answers = self.link.ask_all(&question(scripts, groups), READ).await;
        let Ok(answers) = answers else {
            return Err(Doubt::Away);
        };
        let Some((Value::Array(there), stamps)) = answers.split_last() else {
            return Err(Doubt::Away);
        };
        if there[..] != [Value::Int(1)] {
            // As if a script had been called.
            let _ = self.read_reply(Err(LinkError::NoScript)).await;
            return Err(Doubt::Away);
        }
        if are_these(stamps, &kept.stamps) {
            return Ok(true);
        }
        match self.in_doubt(groups, stamps) && !lives(Mutant::NoDoubt) {
            true => Err(Doubt::Marked),
            false => Ok(false),
        }
    }

    /// Whether these answers say that something is in doubt, so that no script need be asked: unless writers are to be
    /// told that somebody reads ([`crowd`](super::crowd)).
    fn in_doubt(&self, groups: &[Group], answers: &[Value]) -> bool {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.map_or(0, |now| now.as_millis());
        let is_doubtful = |answer: &Value| match answer {
            Value::Array(stamps) => stamps.iter().skip(1).any(|it| is_held(it, now)),
            _ => false,
        };
        let mut groups = groups.iter().zip(answers);
        groups.any(|(group, answer)| is_doubtful(answer) && self.crowds.are_told(&group.slot))
    }
}

/// Whether a token stands behind this stamp whose deadline is still to come by this clock, and no later than if Redis had
/// the same. Where the two differ, a script decides.
fn is_held(stamp: &Value, now: u128) -> bool {
    let Value::BulkString(stamp) = stamp else {
        return false;
    };
    let tokens = stamp.get(16..).unwrap_or_default();
    let deadline = tokens.last_chunk::<13>();
    let deadline = deadline.and_then(|digits| str::from_utf8(digits).ok()?.parse().ok());
    deadline.is_some_and(|at: u128| now < at && at <= now + u128::from(TOKEN_MS))
}

/// One `MGET` for each table: the epoch's key, then the stamps. At last, whether the scripts are there.
fn question(scripts: &Scripts, groups: &[Group]) -> Pipeline {
    let mut pipeline = Pipeline::with_capacity(groups.len() + 1);
    for group in groups {
        let mut get = Cmd::with_capacity(2 + group.deps.len(), 512);
        get.arg("MGET");
        let mut names = group.names(&scripts.epoch);
        get.arg(names.key("ep", ""));
        for dep in &group.deps {
            get.arg(names.key("s:", dep));
        }
        pipeline.add_command(get);
    }
    pipeline
        .cmd("SCRIPT")
        .arg("EXISTS")
        .arg(scripts.read.get_hash());
    pipeline
}

/// Whether these answers are the stamps, each behind its table's living epoch.
fn are_these(answers: &[Value], mut stamps: &[u8]) -> bool {
    for answer in answers {
        let Value::Array(values) = answer else {
            return false;
        };
        let Some((epoch, values)) = values.split_first() else {
            return false;
        };
        if *epoch == Value::Nil && !lives(Mutant::NoEpochKey) {
            return false;
        }
        for value in values {
            let Value::BulkString(value) = value else {
                return false;
            };
            match stamps.split_at_checked(16) {
                Some((stamp, rest)) if stamp == value => stamps = rest,
                _ => return false,
            }
        }
    }
    stamps.is_empty()
}
