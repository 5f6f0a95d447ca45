//! The only reader of the clock and of randomness.
//!
//! Everything that decides takes the time and a seed as arguments, so that a turn can be replayed; the shell
//! asks here. `clippy.toml` forbids the system's own clock and random source everywhere else.
#![allow(clippy::disallowed_methods)]

use std::cell::RefCell;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::model::Timestamp;

/// The wall clock's time, to the microsecond. It may step back when the machine's clock is set.
pub fn now() -> Timestamp {
    let micros = |passed: Duration| i64::try_from(passed.as_micros()).unwrap_or(i64::MAX);
    Timestamp::from_micros(match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(after) => micros(after),
        Err(before) => -micros(before.duration()),
    })
}

/// 64 random bits, to seed the ids and choices of one decision.
pub fn seed() -> u64 {
    SEEDS.with_borrow_mut(|drawn| {
        if let Some(seed) = drawn.pop() {
            return seed;
        }
        let bytes = random_bytes::<{ 8 * SEEDS_DRAWN }>();
        let (words, _) = bytes.as_chunks();
        drawn.extend(words.iter().copied().map(u64::from_ne_bytes));
        drawn.pop().unwrap_or_default()
    })
}

/// Seeds drawn at once: most of what one costs is the asking.
const SEEDS_DRAWN: usize = 64;

thread_local! {
    static SEEDS: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

/// `N` bytes that nobody can guess, for tokens and salts.
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes)
        .expect("aws-lc ends the process rather than hand out weak randomness");
    bytes
}

/// Measures how long something takes, by the clock that never steps back.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts measuring now.
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// The time since the start.
    pub fn elapsed(self) -> Duration {
        self.0.elapsed()
    }

    /// The time since the start, in seconds.
    pub fn seconds(self) -> f64 {
        self.elapsed().as_secs_f64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_of_this_century_and_seeds_differ() {
        let year_2020 = Timestamp::from_micros(1_577_836_800_000_000);
        assert!(now() > year_2020);
        let seeds: std::collections::HashSet<u64> = (0..4 * SEEDS_DRAWN).map(|_| seed()).collect();
        assert_eq!(seeds.len(), 4 * SEEDS_DRAWN);
        assert_ne!(random_bytes::<32>(), random_bytes::<32>());
        let watch = Stopwatch::start();
        assert!(watch.elapsed() <= watch.elapsed());
    }
}
