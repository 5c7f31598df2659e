//! Stamps and bodies in Redis, for any number of processes.
//!
//! [`RedisStore`] sends one script for each step and table, or for the steps of many writers together. It knows the epoch's scripts and is told by the control
//! plane when another epoch begins; whether a hit may be used at all, and what becomes of a write that could not mark,
//! is decided there. It must never load a script by itself, and never trust a byte that it reads.

mod body;
mod call;
mod crowd;
#[cfg(test)]
#[cfg(feature = "testing")]
mod fault_tests;
mod groups;
mod hold;
mod kept;
mod lanes;
mod link;
mod reply;
mod script;
#[cfg(test)]
#[cfg(feature = "testing")]
mod tests;
mod turns;
mod write;
#[cfg(test)]
#[cfg(feature = "testing")]
mod write_tests;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use redis::Cmd;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use self::call::call;
use self::crowd::Crowds;
use self::groups::{Group, Slots};
use self::hold::Holds;
use self::kept::Kept;
use self::lanes::Lanes;
use self::link::{Link, LinkError};
use self::reply::{Reply, reply};
use self::script::Scripts;
use self::turns::Turns;
use self::write::Held;
use super::mutant::{Mutant, lives};
use super::store::{Dep, Doubt, Entry, Read, Stamps};

/// How long a reader waits for Redis before it asks the database.
const READ: Duration = Duration::from_millis(25);
/// How long a reader who has loaded waits until the body is kept.
const FILL: Duration = Duration::from_millis(100);
/// How long each step of an epoch's beginning may take.
const BEGIN: Duration = Duration::from_secs(1);
/// So many readers may ask at once without regard to each other: finding together costs a reader more than it saves.
const FEW: usize = 64;
/// Longer bodies are not kept.
const MAX_BODY: usize = 256 * 1024;
/// The longest that a body is kept, whatever the entity says; stamps must outlive it.
const MAX_TTL: Duration = Duration::from_secs(3_600);

/// An epoch, and what this process does under it.
struct Epoch {
    scripts: Scripts,
    lanes: Lanes,
    holds: Holds,
}

impl Epoch {
    fn new(name: &str, slots: &Slots) -> Self {
        Self {
            scripts: Scripts::of(name),
            lanes: Lanes::new(slots.all()),
            holds: Holds::default(),
        }
    }
}

/// Redis as it is used by the cache. Dropping it ends its connection.
pub(crate) struct RedisStore {
    link: Arc<Link>,
    slots: Slots,
    crowds: Crowds,
    /// What is marked, by the writer's token.
    held: Mutex<HashMap<u128, Held>>,
    epoch: RwLock<Option<Arc<Epoch>>>,
    /// Told when Redis has lost the epoch.
    fenced: Notify,
    l1: moka::sync::Cache<[u8; 32], Kept>,
    turns: Turns,
    task: JoinHandle<()>,
}

impl Drop for RedisStore {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl RedisStore {
    /// A store for the rows of these tables. The process itself keeps so many bytes of bodies, too. Redis need not be
    /// there yet.
    ///
    /// # Errors
    /// A sentence, when the URL cannot be used or the Redis there may not be a cache.
    pub(crate) async fn new(url: &str, tables: Vec<String>, bytes: u64) -> Result<Self, String> {
        let link = Arc::new(Link::new(url)?);
        link.check().await?;
        let task = tokio::spawn({
            let link = link.clone();
            async move { link.run().await }
        });
        let l1 = moka::sync::Cache::builder()
            .max_capacity(bytes)
            .weigher(|_, kept: &Kept| {
                u32::try_from(kept.key.len() + kept.body.len() + 200).unwrap_or(u32::MAX)
            })
            .build();
        let slots = Slots::new(tables);
        Ok(Self {
            link,
            crowds: Crowds::new(slots.all()),
            slots,
            held: Mutex::default(),
            epoch: RwLock::new(None),
            fenced: Notify::new(),
            l1,
            turns: Turns::new(FEW),
            task,
        })
    }

    /// For how long Redis has answered without a break; `None`: it does not.
    pub(crate) fn up_for(&self) -> Option<Duration> {
        self.link.up_for()
    }

    /// Whether the last answer came too late, or the connection is gone.
    #[cfg(all(test, feature = "testing"))]
    fn link_is_slow(&self) -> bool {
        self.link.is_slow()
    }

    /// Waits until Redis is found to have lost the epoch.
    pub(crate) async fn fenced(&self) {
        self.fenced.notified().await;
    }

    /// Uses the scripts of this epoch from now on.
    pub(crate) fn adopt(&self, epoch: Option<&str>) {
        let mut current = self.epoch.write().unwrap_or_else(PoisonError::into_inner);
        if current.as_ref().map(|on| on.scripts.epoch.as_str()) != epoch {
            *current = epoch.map(|epoch| Arc::new(Epoch::new(epoch, &self.slots)));
            self.l1.invalidate_all();
        }
    }

    /// Begins a new epoch in Redis: its scripts, and the key by which it lives in each table's slot. What an old one
    /// left expires by itself, but for the few stamps that were in doubt when it ended: some hundred bytes each.
    pub(crate) async fn begin(&self, epoch: &str, old: Option<&str>) -> Result<(), String> {
        let scripts = Scripts::of(epoch);
        let mut steps: Vec<Cmd> = Vec::new();
        for text in &scripts.texts {
            let mut load = redis::cmd("SCRIPT");
            load.arg("LOAD").arg(text);
            steps.push(load);
        }
        for slot in self.slots.all() {
            steps.push(Cmd::set(groups::key(slot, epoch, "ep"), 0));
            if let Some(old) = old {
                steps.push(Cmd::unlink(groups::key(slot, old, "ep")));
            }
        }
        // All at once: nobody uses the epoch before it is announced, so their order does not matter.
        let steps = steps.iter().map(|step| self.link.tell(step, BEGIN));
        match join_all(steps).await.into_iter().find_map(Result::err) {
            Some(error) => Err(refused(error)),
            None => Ok(()),
        }
    }

    fn epoch(&self) -> Option<Arc<Epoch>> {
        self.epoch
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// As [`Store::read`](super::Store::read).
    pub(crate) async fn read(&self, entry: &Entry, deps: &[Dep]) -> Read {
        let fingerprint = entry.fingerprint();
        let look = self.look(entry, fingerprint, deps);
        self.turns.ask(entry, &fingerprint, deps, look).await
    }

    async fn look(&self, entry: &Entry, fingerprint: [u8; 32], deps: &[Dep]) -> Read {
        let Some(epoch) = self.epoch() else {
            return Read::Bypass(Doubt::Away);
        };
        let scripts = &epoch.scripts;
        let groups = self.slots.group(deps);
        for group in &groups {
            self.crowds.read_here(&group.slot);
        }
        if let Some(kept) = self.kept(entry, &fingerprint) {
            match self.is_current(scripts, &groups, &kept).await {
                Ok(true) => return Read::Hit(kept.body),
                Ok(false) => {}
                Err(doubt) => return Read::Bypass(doubt),
            }
        }
        let replies = self.ask_all(scripts, &groups, &fingerprint).await;
        let (answer, others) = match self.merged(replies) {
            Ok(answers) => answers,
            Err(doubt) => return Read::Bypass(doubt),
        };
        let home_len = groups[0].stamps_len();
        match answer {
            Reply::Hit(bytes) => {
                let Some(home) = bytes.get(..home_len).map(<[u8]>::to_vec) else {
                    return Read::Bypass(Doubt::Away);
                };
                match body::decode(bytes, &home, &others, &entry.key) {
                    Some(body) => {
                        self.keep(entry, fingerprint, &home, &others, body.clone());
                        Read::Hit(body)
                    }
                    None => Read::Lead(words(&home, &others)),
                }
            }
            Reply::Lead(home) if home.len() == home_len => Read::Lead(words(&home, &others)),
            Reply::Wait(home) if home.len() == home_len => Read::Wait(words(&home, &others)),
            // Stamps that this process never wrote: somebody else has been in the epoch's keys.
            _ => Read::Bypass(Doubt::Away),
        }
    }

    /// One script for each table, all at once; the home table's is asked for the body too.
    async fn ask_all(
        &self,
        scripts: &Scripts,
        groups: &[Group],
        fingerprint: &[u8; 32],
    ) -> Vec<Result<Reply, Doubt>> {
        let asks = groups
            .iter()
            .enumerate()
            .map(|(i, group)| self.ask(scripts, group, (i == 0).then_some(fingerprint)));
        if groups.len() == 1 {
            let mut asks = asks;
            return match asks.next() {
                Some(ask) => vec![ask.await],
                None => Vec::new(),
            };
        }
        join_all(asks).await
    }

    /// The home table's answer, and the others' stamps.
    fn merged(&self, replies: Vec<Result<Reply, Doubt>>) -> Result<(Reply, Vec<u8>), Doubt> {
        let mut replies = replies.into_iter();
        let home = replies.next().unwrap_or(Err(Doubt::Away));
        let mut others = Vec::new();
        for reply in replies {
            match reply? {
                Reply::Stamps(stamps) => others.extend_from_slice(&stamps),
                _ => return Err(Doubt::Away),
            }
        }
        Ok((home?, others))
    }

    async fn ask(
        &self,
        scripts: &Scripts,
        group: &Group,
        fingerprint: Option<&[u8; 32]>,
    ) -> Result<Reply, Doubt> {
        let mut call = call(&scripts.read, &scripts.epoch, group, Some(fingerprint));
        call.arg(&random()[..]);
        call.arg(if fingerprint.is_some() { "1" } else { "0" });
        match self.send(&call, READ).await {
            Ok(Reply::Doubt) => {
                self.crowds.told(&group.slot);
                Err(Doubt::Marked)
            }
            Ok(Reply::Fenced) | Err(_) => Err(Doubt::Away),
            Ok(reply) => Ok(reply),
        }
    }

    async fn send(&self, call: &Cmd, patience: Duration) -> Result<Reply, LinkError> {
        let answer = self.link.ask(call, patience).await;
        self.read_reply(answer).await
    }

    async fn read_reply(
        &self,
        answer: Result<redis::Value, LinkError>,
    ) -> Result<Reply, LinkError> {
        if answer == Err(LinkError::NoScript) {
            if lives(Mutant::NoFence) {
                return self.load_again().await;
            }
            self.fence();
        }
        let reply = reply(answer?);
        if reply == Reply::Fenced {
            self.fence();
        }
        Ok(reply)
    }

    /// What nobody must ever do.
    async fn load_again(&self) -> Result<Reply, LinkError> {
        let epoch = self.epoch();
        for text in epoch.iter().flat_map(|epoch| &epoch.scripts.texts) {
            let mut load = redis::cmd("SCRIPT");
            load.arg("LOAD").arg(text);
            self.link.tell(&load, BEGIN).await?;
        }
        Err(LinkError::Down)
    }

    fn fence(&self) {
        metrics::counter!("cache_fenced_total").increment(1);
        self.fenced.notify_one();
    }

    /// As [`Store::fill`](super::Store::fill). The process keeps the body whatever Redis says: its stamps decide.
    pub(crate) async fn fill(
        &self,
        entry: &Entry,
        deps: &[Dep],
        stamps: &Stamps,
        body: Bytes,
        ttl: Duration,
    ) -> bool {
        let Some(epoch) = self.epoch() else {
            return false;
        };
        let scripts = &epoch.scripts;
        let groups = self.slots.group(deps);
        let mut stamps = bytes(stamps);
        if lives(Mutant::StampAtStore)
            || lives(Mutant::NoFillCompare)
            || lives(Mutant::DoubleDelete)
        {
            stamps.clear();
            for group in &groups {
                match self.ask(scripts, group, None).await {
                    Ok(Reply::Stamps(now)) => stamps.extend_from_slice(&now),
                    _ => return false,
                }
            }
        }
        let Some((home, others)) = stamps.split_at_checked(groups[0].stamps_len()) else {
            return false;
        };
        if body.len() > MAX_BODY {
            return false;
        }
        let fingerprint = entry.fingerprint();
        let encoded = body::encode(home, others, &entry.key, &body);
        self.keep(entry, fingerprint, home, others, body);
        // Ten per cent to either side, so that what was filled together does not end together.
        let jitter = u128::from(random()[0]);
        let ttl = ttl.min(MAX_TTL).as_millis() * (230 + jitter * 51 / 255) / 256;
        let mut call = call(
            &scripts.fill,
            &scripts.epoch,
            &groups[0],
            Some(Some(&fingerprint)),
        );
        call.arg(home)
            .arg(ttl.max(1).to_string().as_bytes())
            .arg(&encoded[..]);
        matches!(self.send(&call, FILL).await, Ok(Reply::Done))
    }
}

fn refused(error: LinkError) -> String {
    match error {
        LinkError::Down => "Redis does not answer".to_owned(),
        LinkError::NoScript => "Redis has lost the epoch's scripts".to_owned(),
        LinkError::Refused(reason) => reason,
    }
}

/// A name that nobody else has: a stamp, a token.
pub(crate) fn random() -> [u8; 16] {
    // 122 random bits.
    uuid::Uuid::new_v4().into_bytes()
}

fn words(home: &[u8], others: &[u8]) -> Stamps {
    let whole = [home, others].concat();
    let word = |chunk: &[u8]| {
        chunk
            .iter()
            .fold(0, |word, byte| word << 8 | u64::from(*byte))
    };
    Stamps(whole.chunks(8).map(word).collect())
}

fn bytes(stamps: &Stamps) -> Vec<u8> {
    stamps
        .0
        .iter()
        .flat_map(|word| word.to_be_bytes())
        .collect()
}
