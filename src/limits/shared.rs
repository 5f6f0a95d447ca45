//! The rates that nodes share: one instant per key, kept in Redis, from which blocks of tokens are leased.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis::aio::{ConnectionManager, ConnectionManagerConfig};

use crate::metrics;
use crate::model::Timestamp;

use super::{Rate, Sharing};

/// Tokens leased at once: what the rate gives in this time, so that a block never is a burst of its own.
const LEASE_SECONDS: f64 = 0.1;
/// Tokens of one lease.
const LEASE_TOKENS_MAX: f64 = 256.0;
/// After Redis did not answer it is left alone for this long, so that not every text waits for it.
const REDIS_PAUSE: Duration = Duration::from_secs(1);

/// What the sharers gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lease {
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

pub(super) struct Shared {
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
    pub(super) fn new(url: &str, sharing: Sharing) -> Result<Self, redis::RedisError> {
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
    pub(super) fn safe(&self, rate: Rate) -> Rate {
        let share = self.sharing.share.clamp(0.0, 1.0);
        let burst = (f64::from(rate.burst) * share) as u32;
        let safe = Rate {
            per_second: rate.per_second * share,
            burst,
        };
        safe.at_least()
    }

    /// Asks Redis for at least `n` tokens; `None` when it does not answer in time.
    pub(super) async fn lease(
        &self,
        key: &str,
        rate: Rate,
        n: u32,
        now: Timestamp,
    ) -> Option<Lease> {
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

    /// Shows whether Redis answers; no rate falls back for it.
    pub(super) async fn ping(&self) -> bool {
        let mut redis = self.redis.clone();
        let ping = redis::cmd("PING");
        let asked = ping.query_async::<String>(&mut redis);
        let answer = tokio::time::timeout(self.sharing.timeout, asked).await;
        let up = matches!(answer, Ok(Ok(_)));
        metrics::redis_up(if up { 1.0 } else { 0.0 });
        up
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

    pub(super) fn wanted(&self) -> MutexGuard<'_, HashMap<String, (Rate, u32)>> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn away(&self) -> MutexGuard<'_, i64> {
        self.away_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
