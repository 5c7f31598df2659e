//! Random values for tests that can be had again: the seed is printed, and `TEST_SEED` sets it.

use std::time::{SystemTime, UNIX_EPOCH};

/// A generator (`SplitMix64`).
///
/// ```
/// use crud_core::testing::Random;
///
/// let mut random = Random::seeded(7);
/// assert!(random.below(10) < 10);
/// assert!([1, 2, 3].contains(random.pick(&[1, 2, 3])));
/// ```
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// Seeded by `TEST_SEED` or the clock. Prints the seed, which a failing test shows.
    #[must_use]
    pub fn new() -> Self {
        let given = std::env::var_os("TEST_SEED").and_then(|seed| seed.to_str()?.parse().ok());
        let seed = given.unwrap_or_else(|| {
            let since = SystemTime::now().duration_since(UNIX_EPOCH);
            since.map_or(1, |time| time.subsec_nanos().into())
        });
        #[expect(
            clippy::print_stdout,
            reason = "the test's own output, shown when it fails"
        )]
        {
            println!("TEST_SEED={seed}");
        }
        Self(seed)
    }

    /// One whose numbers another one has chosen.
    #[must_use]
    pub const fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    /// Any number.
    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`, which is not 0.
    pub const fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// One of these.
    ///
    /// # Panics
    /// If there is none.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        let at = self.below(from.len() as u64);
        &from[usize::try_from(at).expect("an index fits")]
    }
}

impl Default for Random {
    fn default() -> Self {
        Self::new()
    }
}
