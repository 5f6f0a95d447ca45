//! How fast texts and calls may leave: a rate for each connection and number.
//!
//! One node keeps the rates itself. Nodes that share them spend tokens which they lease from Redis in small
//! blocks, so that most decisions cost no round trip; while Redis is away each uses a safe share of the rate.
//! The arithmetic is the generic cell rate algorithm (ITU-T I.371): one instant per key, the time at which the
//! key will be idle.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis::aio::{ConnectionManager, ConnectionManagerConfig};

use crate::metrics;
use crate::model::Timestamp;

/// Tokens leased at once: what the rate gives in this time, so that a block never is a burst of its own.
const LEASE_SECONDS: f64 = 0.1;
/// Tokens of one lease.
const LEASE_TOKENS_MAX: f64 = 256.0;
/// Leased tokens are spent within this time or lost, so that they never add to a later second.
const LEASE_LIFE: Duration = Duration::from_secs(1);
/// After Redis did not answer it is left alone for this long, so that not every text waits for it.
const REDIS_PAUSE: Duration = Duration::from_secs(1);
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
        let rate = Rate {
            per_second: rate.per_second.max(PER_SECOND_MIN),
            burst: rate.burst.max(1),
        };
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
        let rate = Rate {
            per_second: rate.per_second.max(PER_SECOND_MIN),
            burst: rate.burst.max(1),
        };
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
        let rate = Rate {
            per_second: rate.per_second.max(PER_SECOND_MIN),
            burst: rate.burst.max(1),
        };
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

/// What the sharers gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lease {
    Granted(u32),
    Closed(Duration),
}

/// The same step in Redis, by its clock, for between `want` and `block` tokens. Idle keys vanish by themselves.
const LEASE: &str = r"
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local cost, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local want, block = tonumber(ARGV[3]), tonumber(ARGV[4])
local idle = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), now)
local room = math.max(burst, want) * cost - (idle - now)
local fits = math.floor(room / cost + 0.000001)
if fits < want then
    return {0, math.ceil(want * cost - room)}
end
local granted = math.min(fits, block)
idle = idle + granted * cost
redis.call('SET', KEYS[1], string.format('%.0f', idle), 'PX', math.ceil((idle - now) / 1000) + 1)
return {granted, 0}
";

struct Shared {
    redis: ConnectionManager,
    script: redis::Script,
    sharing: Sharing,
    /// Until when Redis is left alone; microseconds since 1970.
    away_until: Mutex<i64>,
    /// What decisions asked for and no lease had.
    wanted: Mutex<HashMap<String, (Rate, u32)>>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared")
            .field("sharing", &self.sharing)
            .finish_non_exhaustive()
    }
}

impl Shared {
    fn new(url: &str, sharing: Sharing) -> Result<Self, redis::RedisError> {
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(sharing.timeout))
            .set_response_timeout(Some(sharing.timeout))
            .set_number_of_retries(1);
        Ok(Self {
            redis: ConnectionManager::new_lazy_with_config(redis::Client::open(url)?, config)?,
            script: redis::Script::new(LEASE),
            sharing,
            away_until: Mutex::new(i64::MIN),
            wanted: Mutex::new(HashMap::new()),
        })
    }

    /// The part of a rate that is safe to use unasked.
    fn safe(&self, rate: Rate) -> Rate {
        let share = self.sharing.share.clamp(0.0, 1.0);
        let burst = (f64::from(rate.burst) * share) as u32;
        Rate {
            per_second: (rate.per_second * share).max(PER_SECOND_MIN),
            burst: burst.max(1),
        }
    }

    /// Asks Redis for at least `n` tokens; `None` when it does not answer in time.
    async fn lease(&self, key: &str, rate: Rate, n: u32, now: Timestamp) -> Option<Lease> {
        if *self.away() > now.micros() {
            return None;
        }
        let block = (rate.per_second * LEASE_SECONDS)
            .min(LEASE_TOKENS_MAX)
            .min(f64::from(rate.burst));
        let block = f64::from(n).max(block.floor());
        let mut invocation = self.script.key(format!("signalbox:rate:{{{key}}}"));
        invocation
            .arg(1e6 / rate.per_second)
            .arg(rate.burst)
            .arg(n)
            .arg(block);
        let mut redis = self.redis.clone();
        let asked = invocation.invoke_async::<(u32, u64)>(&mut redis);
        let answer = tokio::time::timeout(self.sharing.timeout, asked).await;
        match answer {
            Ok(Ok((0, wait))) => self.came_back(Lease::Closed(Duration::from_micros(wait.max(1)))),
            Ok(Ok((granted, _))) => self.came_back(Lease::Granted(granted)),
            Ok(Err(_)) | Err(_) => self.went_away(now),
        }
    }

    fn came_back(&self, lease: Lease) -> Option<Lease> {
        metrics::redis_up(1.0);
        Some(lease)
    }

    fn went_away(&self, now: Timestamp) -> Option<Lease> {
        metrics::redis_lost();
        metrics::redis_up(0.0);
        *self.away() = (now + REDIS_PAUSE).micros();
        None
    }

    fn wanted(&self) -> MutexGuard<'_, HashMap<String, (Rate, u32)>> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn away(&self) -> MutexGuard<'_, i64> {
        self.away_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
