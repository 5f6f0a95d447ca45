//! How fast texts and calls may leave: a rate for each connection and number.
//!
//! One node keeps the rates itself. Nodes that share them spend tokens which they lease from Redis in small
//! blocks, so that most decisions cost no round trip; while Redis is away each uses a safe share of the rate.
//! The arithmetic is the generic cell rate algorithm (ITU-T I.371): one instant per key, the time at which the
//! key will be idle.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::model::Timestamp;

mod shared;
#[cfg(test)]
mod tests;

use shared::{Lease, Shared};

/// Leased tokens are spent within this time or lost, so that they never add to a later second.
const LEASE_LIFE: Duration = Duration::from_secs(1);
/// Keys whose tokens are leased in one refill.
const WANTED_KEYS_MAX: usize = 1_000;
/// When a decision that needs a lease first is asked for again.
const REFILL_PAUSE: Duration = Duration::from_millis(10);
/// Below this rate a key would be remembered for days.
const PER_SECOND_MIN: f64 = 0.001;

/// How much may leave.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// Tokens (segments, calls) a second in the long run.
    pub per_second: f64,
    /// Tokens at once after a pause; at least one.
    pub burst: u32,
}

impl Rate {
    /// The same, but never so slow that a key is remembered for days, and with room for one token.
    fn at_least(self) -> Self {
        Self {
            per_second: self.per_second.max(PER_SECOND_MIN),
            burst: self.burst.max(1),
        }
    }
}

/// Whether something may leave now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Yes; its tokens are spent.
    Go,
    /// Ask again at this time; nothing is spent.
    WaitUntil(Timestamp),
}

/// How nodes share their rates.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sharing {
    /// The part of a rate that this node uses while Redis is away, between 0 and 1.
    pub share: f64,
    /// How long one question may take.
    pub timeout: Duration,
}

/// The rates of this node, or its part of the shared ones.
#[derive(Debug)]
pub struct Limits {
    own: Mutex<Own>,
    shared: Option<Shared>,
}

impl Limits {
    /// Rates of one node. At most `keys_max` keys are remembered; the idle ones are forgotten first.
    pub fn local(keys_max: usize) -> Self {
        Self {
            own: Mutex::new(Own::new(keys_max)),
            shared: None,
        }
    }

    /// Rates shared through the Redis at `url`, which need not be there yet.
    pub fn shared(url: &str, sharing: Sharing, keys_max: usize) -> Result<Self, redis::RedisError> {
        Ok(Self {
            shared: Some(Shared::new(url, sharing)?),
            ..Self::local(keys_max)
        })
    }

    /// Asks for `n` tokens of a key. More tokens than a burst has are given when the key is idle. The rate may
    /// differ from one question to the next; the newest counts.
    pub async fn take(&self, key: &str, rate: Rate, n: u32, now: Timestamp) -> Verdict {
        let rate = rate.at_least();
        let Some(shared) = &self.shared else {
            return self.own().take(key, rate, n, now);
        };
        if let Some(verdict) = self.own().spend(key, n, now) {
            return verdict;
        }
        match shared.lease(key, rate, n, now).await {
            Some(lease) => self.own().accept(key, lease, n, now),
            None => self.own().take(key, shared.safe(rate), n, now),
        }
    }

    /// Asks without waiting for anybody, for decisions inside a transaction. When the tokens must come from
    /// the sharers first, the answer is to ask again after [`Limits::refill`].
    pub fn take_now(&self, key: &str, rate: Rate, n: u32, now: Timestamp) -> Verdict {
        let rate = rate.at_least();
        let Some(shared) = &self.shared else {
            return self.own().take(key, rate, n, now);
        };
        if let Some(verdict) = self.own().spend(key, n, now) {
            return verdict;
        }
        let mut wanted = shared.wanted();
        if wanted.len() < WANTED_KEYS_MAX {
            wanted.insert(key.to_owned(), (rate, n));
        }
        Verdict::WaitUntil(now + REFILL_PAUSE)
    }

    /// How many tokens [`Limits::take_now`] may give at most now; nothing is spent.
    pub fn left(&self, key: &str, rate: Rate, now: Timestamp) -> u32 {
        let rate = rate.at_least();
        let own = self.own();
        let cell = own.keys.get(key).copied().unwrap_or_default();
        let now = now.micros();
        match self.shared {
            None => room(cell.idle_at, rate, now),
            Some(_) if cell.lease_end > now && cell.leased > 0 => cell.leased,
            Some(_) if cell.closed_until > now => 0,
            Some(_) => rate.burst,
        }
    }

    /// Leases what [`Limits::take_now`] could not give. Does nothing on a node that shares no rates.
    pub async fn refill(&self, now: Timestamp) {
        let Some(shared) = &self.shared else { return };
        let wanted = std::mem::take(&mut *shared.wanted());
        for (key, (rate, n)) in wanted {
            let lease = match shared.lease(&key, rate, n, now).await {
                Some(lease) => lease,
                None => match self.own().take(&key, shared.safe(rate), n, now) {
                    Verdict::Go => Lease::Granted(n),
                    Verdict::WaitUntil(at) => Lease::Closed(at.since(now)),
                },
            };
            // Nothing is spent yet: the tokens wait for whoever asks next.
            let _ = self.own().accept(&key, lease, 0, now);
        }
    }

    /// Asks the sharers whether they are there, and shows it: a quiet node would not notice. Does nothing on a
    /// node that shares no rates.
    pub async fn ping(&self) {
        if let Some(shared) = &self.shared {
            shared.ping().await;
        }
    }

    /// How many keys are remembered.
    pub fn keys(&self) -> usize {
        self.own().keys.len()
    }

    fn own(&self) -> MutexGuard<'_, Own> {
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What this node remembers of a key.
#[derive(Debug, Clone, Copy, Default)]
struct Cell {
    /// When the key will be idle, by this node's own counting; microseconds since 1970.
    idle_at: i64,
    /// Tokens leased and not yet spent.
    leased: u32,
    /// When the leased tokens are lost.
    lease_end: i64,
    /// Until when the sharers have nothing to give.
    closed_until: i64,
}

impl Cell {
    fn forgotten_after(&self) -> i64 {
        self.idle_at
            .max(self.closed_until)
            .max(if self.leased > 0 { self.lease_end } else { 0 })
    }
}

#[derive(Debug)]
struct Own {
    keys: HashMap<String, Cell>,
    keys_max: usize,
}

impl Own {
    fn new(keys_max: usize) -> Self {
        Self {
            keys: HashMap::new(),
            keys_max: keys_max.max(1),
        }
    }

    fn take(&mut self, key: &str, rate: Rate, n: u32, now: Timestamp) -> Verdict {
        let now = now.micros();
        let cell = self.cell(key, now);
        match grant(cell.idle_at, rate, n, now) {
            Ok(idle_at) => {
                cell.idle_at = idle_at;
                Verdict::Go
            }
            Err(at) => Verdict::WaitUntil(Timestamp::from_micros(at)),
        }
    }

    /// Spends leased tokens, or says that there is nothing to ask for yet.
    fn spend(&mut self, key: &str, n: u32, now: Timestamp) -> Option<Verdict> {
        let cell = self.keys.get_mut(key)?;
        if cell.lease_end > now.micros() && cell.leased >= n {
            cell.leased -= n;
            return Some(Verdict::Go);
        }
        let closed = cell.closed_until > now.micros();
        closed.then(|| Verdict::WaitUntil(Timestamp::from_micros(cell.closed_until)))
    }

    fn accept(&mut self, key: &str, lease: Lease, n: u32, now: Timestamp) -> Verdict {
        let now_us = now.micros();
        let cell = self.cell(key, now_us);
        match lease {
            Lease::Granted(tokens) => {
                let kept = if cell.lease_end > now_us {
                    cell.leased
                } else {
                    0
                };
                cell.leased = kept.saturating_add(tokens.saturating_sub(n));
                cell.lease_end = (now + LEASE_LIFE).micros();
                Verdict::Go
            }
            Lease::Closed(wait) => {
                let until = now + wait;
                cell.closed_until = until.micros();
                Verdict::WaitUntil(until)
            }
        }
    }

    fn cell(&mut self, key: &str, now: i64) -> &mut Cell {
        if !self.keys.contains_key(key) {
            if self.keys.len() >= self.keys_max {
                self.forget(now);
            }
            self.keys.insert(key.to_owned(), Cell::default());
        }
        self.keys.entry(key.to_owned()).or_default()
    }

    /// Makes room: all idle keys go, and if there are none the quarter that is idle soonest.
    fn forget(&mut self, now: i64) {
        self.keys.retain(|_, cell| cell.forgotten_after() > now);
        if self.keys.len() < self.keys_max {
            return;
        }
        let mut ends: Vec<i64> = self.keys.values().map(Cell::forgotten_after).collect();
        let quarter = ends.len() / 4;
        let (_, border, _) = ends.select_nth_unstable(quarter);
        let border = *border;
        self.keys.retain(|_, cell| cell.forgotten_after() > border);
    }
}

/// One step of the algorithm: the new idle time when `n` tokens fit, else when they will.
fn grant(idle_at: i64, rate: Rate, n: u32, now: i64) -> Result<i64, i64> {
    let micros = |tokens: f64| (tokens * 1e6 / rate.per_second) as i64;
    let room = micros(f64::from(rate.burst.max(n)));
    let after = idle_at.max(now).saturating_add(micros(f64::from(n)));
    match after.saturating_sub(room) {
        at if at <= now => Ok(after),
        at => Err(at),
    }
}

/// How many single tokens [`grant`] would give one after the other.
fn room(idle_at: i64, rate: Rate, now: i64) -> u32 {
    let behind = idle_at.saturating_sub(now).max(0) as f64 * rate.per_second / 1e6;
    (f64::from(rate.burst) - behind).max(0.0) as u32
}
