//! The task that asks the database: polls, switches off, relays writes from outside, and brings the cache back.
//!
//! It has the only control connection, so everything it does is a short statement; what takes time (permits that must
//! lapse, transactions that must end) is looked at again with the next poll.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};
use tokio::time::MissedTickBehavior;

use super::permit::Permit;
use super::session::{Asked, Session};
use super::state::Answer;
use super::{ALONE, Backend, POLL, WELL, fence, outside};
use crate::cache::{
    mutant::{Mutant, lives},
    redis::random,
};
use crate::db::Db;

/// What the application asks for; the answer means that the permit says the truth of a moment after the question.
pub(super) enum Ask {
    /// What is it now?
    Look(oneshot::Sender<()>),
    /// Off, for all.
    SwitchOff(oneshot::Sender<()>),
    /// This process ends.
    Leave(oneshot::Sender<()>),
}

/// A write from outside that waits for longer ends all permits until it is told.
const OVERDUE: f64 = 1.5;
/// How long the cache must have been off by the database's clock for this process to believe that no permit is left.
const LONG: f64 = 5.0;
/// How long Redis may take to begin an epoch. Meanwhile nobody is answered.
const BEGIN: Duration = Duration::from_secs(1);
/// How often a process says that it lives.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// The task and what it knows.
pub(super) struct Task {
    db: Db,
    tables: Vec<String>,
    backend: Backend,
    permit: Arc<Permit>,
    asked: mpsc::Receiver<Ask>,
    /// This process.
    me: String,
    session: Option<Session>,
    /// When it last said that it lives, and how it was.
    heartbeat: Option<(Instant, bool, bool)>,
    /// The epoch that this process began, and the transactions that must end before it serves.
    quarantine: Option<(String, BTreeSet<String>)>,
    /// Since when it is without Redis while others have it.
    alone: Option<Instant>,
    warned: bool,
    leaving: bool,
}

impl Task {
    pub(super) fn new(
        db: Db,
        tables: Vec<String>,
        backend: Backend,
        permit: Arc<Permit>,
        asked: mpsc::Receiver<Ask>,
    ) -> Self {
        Self {
            db,
            tables,
            backend,
            permit,
            asked,
            me: hex(&random()),
            session: None,
            heartbeat: None,
            quarantine: None,
            alone: None,
            warned: false,
            leaving: false,
        }
    }

    /// Connects and registers. A process whose bodies are its own switches off whatever another one had on.
    pub(super) async fn open(&mut self) -> Asked<()> {
        let mut session = Session::open(&self.db).await?;
        fence::install(&mut session).await?;
        outside::install(&mut session, &self.tables).await?;
        session.gone("").await?;
        self.heartbeat = None;
        self.say(&mut session).await?;
        if matches!(self.backend, Backend::Process(_)) {
            session.off().await?;
        }
        self.session = Some(session);
        Ok(())
    }

    /// Runs until it is dropped.
    pub(super) async fn run(mut self) {
        let mut pause = Duration::from_millis(50);
        let backend = self.backend.clone();
        let mut tick = tokio::time::interval(POLL);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let Some(mut session) = self.session.take() else {
                if let Err(reason) = self.open().await {
                    tracing::warn!(reason, "the cache's control connection cannot be had");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(Duration::from_secs(1));
                    self.refuse();
                }
                continue;
            };
            pause = Duration::from_millis(50);
            let mut asks = Vec::new();
            let done = tokio::select! {
                asked = self.asked.recv() => match asked {
                    Some(ask) => {
                        asks.push(ask);
                        while let Ok(ask) = self.asked.try_recv() {
                            asks.push(ask);
                        }
                        self.answer(&mut session, &asks).await
                    }
                    None => return,
                },
                () = backend.fenced() => self.fenced(&mut session).await,
                _ = tick.tick() => self.poll(&mut session).await,
                word = session.notified() => match word {
                    Ok(()) => self.relay(&mut session).await,
                    Err(reason) => Err(reason),
                },
            };
            match done {
                Ok(()) => {
                    for ask in asks {
                        let (Ask::Look(done) | Ask::SwitchOff(done) | Ask::Leave(done)) = ask;
                        // Whoever does not wait any more has gone on without.
                        let _ = done.send(());
                    }
                    self.session = Some(session);
                }
                // Whoever asked is told by the end of its channel. The permit lapses by itself.
                Err(reason) => tracing::warn!(reason, "the cache's control connection failed"),
            }
        }
    }

    /// Ends what was asked while there is no connection.
    fn refuse(&mut self) {
        while self.asked.try_recv().is_ok() {}
    }

    async fn answer(&mut self, session: &mut Session, asks: &[Ask]) -> Asked<()> {
        if asks.iter().any(|ask| matches!(ask, Ask::SwitchOff(_))) {
            session.off().await?;
        }
        if asks.iter().any(|ask| matches!(ask, Ask::Leave(_))) {
            self.leaving = true;
            if matches!(self.backend, Backend::Process(_)) {
                session.off().await?;
            }
            session.follow().await?;
            session.gone(&self.me).await?;
        }
        self.look(session).await.map(drop)
    }

    /// Redis has lost the epoch. If another has begun meanwhile, that one is not meant.
    async fn fenced(&mut self, session: &mut Session) -> Asked<()> {
        let before = self.look(session).await?;
        if before.is_off() || !self.is_mine(&before) {
            return Ok(());
        }
        // A script that was sent before this look may have been answered for the epoch before.
        if before.age < 1.0 {
            return Ok(());
        }
        tracing::warn!("Redis has lost the cache's epoch: the cache is switched off");
        session.off().await?;
        self.look(session).await.map(drop)
    }

    async fn poll(&mut self, session: &mut Session) -> Asked<()> {
        if self.leaving {
            return Ok(());
        }
        self.say(session).await?;
        let answer = self.look(session).await?;
        if answer.overdue.is_some() {
            self.relay(session).await?;
        }
        self.lead(session, &answer).await
    }

    /// Says that this process lives, if that was a while ago or something changed.
    async fn say(&mut self, session: &mut Session) -> Asked<()> {
        let well = matches!(self.backend, Backend::Redis(_))
            && self.backend.well_for().is_some_and(|long| long >= WELL);
        let retired = self.permit.is_retired();
        let is_fresh = |(at, before, gone): (Instant, bool, bool)| {
            at.elapsed() < HEARTBEAT && (before, gone) == (well, retired)
        };
        if !self.heartbeat.is_some_and(is_fresh) {
            session.alive(&self.me, well, retired).await?;
            self.heartbeat = Some((Instant::now(), well, retired));
        }
        Ok(())
    }

    fn is_mine(&self, answer: &Answer) -> bool {
        match self.backend {
            Backend::Redis(_) => answer.owner.is_empty(),
            Backend::Process(_) => answer.owner == self.me && answer.others == 0,
        }
    }

    /// Asks, and takes from the answer what this process may do.
    async fn look(&mut self, session: &mut Session) -> Asked<Answer> {
        let sent = Instant::now();
        let answer = session.look(&self.me).await?;
        if !answer.same_server && !answer.is_off() {
            tracing::warn!("the database is another server than before: the cache is switched off");
            session.off().await?;
        }
        if answer.is_off() {
            self.backend.adopt(None);
            self.permit.off(answer.change, answer.age > LONG);
        } else if answer.same_server && self.is_mine(&answer) && !self.leaving {
            self.backend.adopt(Some(&answer.epoch));
            let told = answer.overdue.is_none_or(|seconds| seconds < OVERDUE);
            let serves = answer.mode == "on" && told;
            self.permit.on(sent, serves, &answer.epoch, answer.clock);
        } else {
            self.permit.for_others();
        }
        metrics::gauge!("cache_on").set(if self.permit.serves() { 1.0 } else { 0.0 });
        self.look_around(&answer);
        Ok(answer)
    }

    /// Warns of what keeps the cache off, and takes this process out of service if it alone is the reason.
    fn look_around(&mut self, answer: &Answer) {
        match self.backend {
            Backend::Redis(_) => {
                let lost = self.backend.well_for().is_none() && answer.well > 0;
                if !lost {
                    self.alone = None;
                }
                let alone = lost && self.alone.get_or_insert_with(Instant::now).elapsed() > ALONE;
                if alone && !self.permit.is_retired() {
                    tracing::error!(
                        "this process alone has lost Redis: it is not ready, and refuses writes"
                    );
                }
                self.permit.retire(alone);
            }
            Backend::Process(_) if answer.others > 0 && !self.warned => {
                self.warned = true;
                tracing::warn!(
                    others = answer.others,
                    "other processes use the same database: without REDIS_URL nothing is cached"
                );
            }
            Backend::Process(_) => {}
        }
    }

    /// Tells the cache of writes from outside.
    async fn relay(&mut self, session: &mut Session) -> Asked<()> {
        let names = outside::take(session).await?;
        if names.is_empty() {
            session.end(false).await?;
            return self.look(session).await.map(drop);
        }
        // Asked after the rows were taken: if the cache is off now, no epoch has begun that they may concern.
        let answer = self.look(session).await?;
        let told = if answer.is_off() {
            Ok(())
        } else if self.is_mine(&answer) {
            self.backend.renew(names).await
        } else {
            Err("they are for the processes that have the cache".to_owned())
        };
        session.end(told.is_ok()).await?;
        match told {
            Ok(()) => {}
            Err(reason) => tracing::warn!(reason, "writes from outside are not told to the cache"),
        }
        self.look(session).await.map(drop)
    }

    /// Brings the cache back: an epoch when all is well, hits when the quarantine is over.
    async fn lead(&mut self, session: &mut Session, answer: &Answer) -> Asked<()> {
        if answer.mode == "on" && self.is_mine(answer) {
            return Ok(());
        }
        let (well, owner) = match self.backend {
            Backend::Redis(_) => {
                let long = self.backend.well_for().is_some_and(|long| long >= WELL);
                (long && answer.unwell == 0, "")
            }
            Backend::Process(_) => (answer.others == 0, self.me.as_str()),
        };
        if !well || !session.leads().await? {
            return session.follow().await;
        }
        if answer.is_off() {
            let lapsed = self.permit.until_all_lapsed();
            if lapsed.is_none_or(|rest| !rest.is_zero()) {
                return Ok(());
            }
            return self.begin(session, answer, owner.to_owned()).await;
        }
        match self.quarantine.take() {
            Some((epoch, waiting)) if epoch == answer.epoch && self.is_mine(answer) => {
                self.end_quarantine(session, answer, waiting).await
            }
            // Somebody began it and is gone, or it is another's.
            _ => session.off().await,
        }
    }

    async fn begin(&mut self, session: &mut Session, answer: &Answer, owner: String) -> Asked<()> {
        let epoch = hex(&random());
        let begun =
            tokio::time::timeout(BEGIN, self.backend.begin(&epoch, Some(&answer.epoch))).await;
        match begun {
            Ok(Ok(())) => {}
            Ok(Err(reason)) => {
                tracing::debug!(reason, "no epoch can begin");
                return Ok(());
            }
            Err(_) => return Ok(()),
        }
        if !session.quarantine(&epoch, &owner, answer.change).await? {
            return Ok(());
        }
        // After the switch, never before: whoever begins later sees the new epoch.
        let waiting = match lives(Mutant::NoQuarantine) {
            true => BTreeSet::new(),
            false => {
                session
                    .open_transactions(self.db.application_name())
                    .await?
            }
        };
        self.quarantine = Some((epoch, waiting));
        let answer = self.look(session).await?;
        match self.quarantine.take() {
            Some((epoch, waiting)) if epoch == answer.epoch && !answer.is_off() => {
                self.end_quarantine(session, &answer, waiting).await
            }
            _ => Ok(()),
        }
    }

    async fn end_quarantine(
        &mut self,
        session: &mut Session,
        answer: &Answer,
        mut waiting: BTreeSet<String>,
    ) -> Asked<()> {
        if !waiting.is_empty() {
            let open = session
                .open_transactions(self.db.application_name())
                .await?;
            waiting.retain(|transaction| open.contains(transaction));
        }
        if !waiting.is_empty() {
            self.quarantine = Some((answer.epoch.clone(), waiting));
            return Ok(());
        }
        if session.on(&answer.epoch, answer.change).await? {
            tracing::info!("the cache is on");
            self.look(session).await?;
        }
        session.follow().await
    }
}

fn hex(bytes: &[u8]) -> String {
    blake3::Hash::from_bytes(std::array::from_fn(|i| {
        bytes.get(i).copied().unwrap_or_default()
    }))
    .to_hex()[..2 * bytes.len()]
        .to_owned()
}
