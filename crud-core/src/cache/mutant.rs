//! The protocol with a part taken away, for the rig of `tests`: each must let a client see what it never should.
//!
//! Only a build with the feature `mutants` has any; there `CRUD_MUTANT` names the one that lives. A release cannot have
//! the feature. Everywhere else [`lives`] is false, and what asks it is not compiled.

#[cfg(all(feature = "mutants", not(debug_assertions)))]
compile_error!(
    "the feature `mutants` breaks the cache on purpose: it is for tests, never for a release"
);

macro_rules! mutants {
    ($($(#[doc = $what:literal])+ $name:ident,)*) => {
        /// What is taken away, or done instead.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Mutant {
            $($(#[doc = $what])+ $name,)*
        }

        /// The mutants, by name.
        ///
        /// ```
        /// assert!(crud_core::cache::MUTANTS.contains(&"NoMark"));
        /// ```
        #[cfg(feature = "testing")]
        pub const MUTANTS: &[&str] = &[$(stringify!($name),)*];

        #[cfg(feature = "mutants")]
        const ALL: &[(&str, Mutant)] = &[$((stringify!($name), Mutant::$name),)*];
    };
}

mutants! {
    /// Nothing is marked before the commit; stamps change after it.
    NoMark,
    /// As `NoMark`, and a body gets the stamps of when it is stored: what most caches do.
    StampAtStore,
    /// A body gets the stamps of when it is stored.
    NoFillCompare,
    /// Stamps change before the commit only, and nothing is in doubt.
    DeleteBefore,
    /// Stamps change before the commit and after it, nothing is in doubt, and a body gets the stamps of when it is
    /// stored.
    DoubleDelete,
    /// A mark puts in doubt and leaves the stamps as they were; so does a post.
    SameStamps,
    /// Writes mark their rows, and no lists.
    NoListMark,
    /// The first of those who share a token ends it for all.
    FirstEnds,
    /// Readers do not look at what is in doubt.
    NoDoubt,
    /// What is in doubt is so for 50 ms.
    ShortDoubt,
    /// Loads are joined by their key alone.
    KeyOnlyFlight,
    /// What the process keeps is believed without asking Redis.
    TrustedCopy,
    /// Scripts that Redis has lost are loaded again.
    NoFence,
    /// An epoch has no key of its own.
    NoEpochKey,
    /// An epoch serves without waiting for the transactions of the one before.
    NoQuarantine,
    /// A write that cannot mark commits, and leaves the cache on.
    NoSwitch,
    /// A write that switches off commits before the permits have lapsed.
    NoPermitWait,
    /// PostgreSQL lets a transaction wait for its COMMIT for ever.
    NoIdleLimit,
}

/// Whether this mutant lives: never, in a server that serves.
#[cfg(not(feature = "mutants"))]
pub(crate) const fn lives(_: Mutant) -> bool {
    false
}

/// Whether this mutant lives.
#[cfg(feature = "mutants")]
pub(crate) fn lives(mutant: Mutant) -> bool {
    static CHOSEN: std::sync::LazyLock<Option<Mutant>> = std::sync::LazyLock::new(|| {
        let name = std::env::var_os("CRUD_MUTANT")?;
        let found = ALL.iter().find(|(known, _)| name == *known);
        let (_, mutant) =
            found.unwrap_or_else(|| panic!("CRUD_MUTANT: {name:?} is none of {ALL:?}"));
        Some(*mutant)
    });
    *CHOSEN == Some(mutant)
}
