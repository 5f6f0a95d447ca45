//! After a failed attempt: when again, or never.
//!
//! Delays double with each attempt and are drawn from the whole range below their bound ("full jitter"), so that texts
//! that failed together do not come back together.

use std::time::Duration;

use crate::model::{FailureClass, Timestamp};

/// What follows a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Another attempt then.
    At(Timestamp),
    /// No other attempt.
    Never,
}

/// How one class of failure is retried.
struct Ladder {
    /// Bound of the first delay; doubled with each further attempt.
    base_ms: u64,
    /// Bound of every delay.
    delay_ms_max: u64,
    /// Attempts in all, the first included.
    attempts_max: u16,
}

/// A quarter of an hour of hiccups at most.
const TRANSIENT: Ladder = Ladder {
    base_ms: 2_000,
    delay_ms_max: 300_000,
    attempts_max: 10,
};
/// A rate limit is no fault of the text, so it may be told to wait more often.
const RATE_LIMITED: Ladder = Ladder {
    base_ms: 1_000,
    delay_ms_max: 60_000,
    attempts_max: 30,
};
/// Somebody has to mend credentials or configuration; a few hours are left for it.
const OUR_FAULT: Ladder = Ladder {
    base_ms: 60_000,
    delay_ms_max: 1_800_000,
    attempts_max: 12,
};
/// A carrier that asks for more is asked again after this time.
const RETRY_AFTER_S_MAX: u64 = 3_600;

/// When a text whose attempt number `attempt` (from 1) failed so is tried again. `random` is any number; all of
/// its values are equally likely to the caller. What may have been done (`unknown`) is never tried again.
pub fn retry(class: FailureClass, attempt: u16, now: Timestamp, random: u64) -> Retry {
    let (ladder, wait) = match class {
        FailureClass::Transient => (TRANSIENT, Duration::ZERO),
        FailureClass::RateLimited(after) => (RATE_LIMITED, after.unwrap_or_default()),
        FailureClass::OurFault => (OUR_FAULT, Duration::ZERO),
        FailureClass::Permanent | FailureClass::OptedOut | FailureClass::Unknown => {
            return Retry::Never;
        }
    };
    if attempt >= ladder.attempts_max {
        return Retry::Never;
    }
    let wait = wait.min(Duration::from_secs(RETRY_AFTER_S_MAX));
    Retry::At(now + wait + ladder.delay(attempt, random))
}

impl Ladder {
    /// At least one millisecond, so that no attempt follows at the same instant.
    fn delay(&self, attempt: u16, random: u64) -> Duration {
        let doublings = u32::from(attempt.saturating_sub(1)).min(u64::BITS - 1);
        let bound = self
            .base_ms
            .saturating_mul(1 << doublings)
            .min(self.delay_ms_max);
        Duration::from_millis(1 + random % bound)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);

    fn ms(class: FailureClass, attempt: u16, random: u64) -> Option<u128> {
        match retry(class, attempt, NOW, random) {
            Retry::At(at) => Some(at.since(NOW).as_millis()),
            Retry::Never => None,
        }
    }

    #[test]
    fn delays() {
        use FailureClass::{OptedOut, OurFault, Permanent, RateLimited, Transient, Unknown};
        let limited = |seconds| RateLimited(Some(Duration::from_secs(seconds)));
        let table = [
            (Transient, 1, 0, Some(1)),
            (Transient, 1, 1_999, Some(2_000)),
            (Transient, 1, 2_000, Some(1)),
            (Transient, 4, 15_999, Some(16_000)),
            (Transient, 9, 299_999, Some(300_000)),
            (Transient, 10, 0, None),
            (RateLimited(None), 1, 0, Some(1)),
            (limited(30), 1, 499, Some(30_500)),
            (limited(86_400), 1, 0, Some(3_600_001)),
            (limited(30), 29, 0, Some(30_001)),
            (limited(30), 30, 0, None),
            (OurFault, 1, 59_999, Some(60_000)),
            (OurFault, 12, 0, None),
            (Permanent, 1, 0, None),
            (OptedOut, 1, 0, None),
            (Unknown, 1, 0, None),
        ];
        for (class, attempt, random, want) in table {
            assert_eq!(ms(class, attempt, random), want, "{class:?} {attempt}");
        }
    }

    proptest! {
        #[test]
        fn every_retry_lies_ahead_and_all_end(attempt: u16, random: u64) {
            let delay = ms(FailureClass::Transient, attempt, random);
            prop_assert!(delay.is_none_or(|ms| ms > 0 && ms <= 300_000));
            prop_assert!(attempt < 10 || delay.is_none());
        }
    }
}
