//! How many automated texts one person may get in a short time.
//!
//! Two robots that answer each other would go on for ever, each answer a new text. A run that wants to answer beyond the
//! budget is ended and its thread put into a box, where a person looks.

use std::time::Duration;

use crate::model::Timestamp;
use crate::model::lately::AUTOMATED_MAX;
use crate::model::turn::AUTOMATED_WITHIN;

/// The budget of automated texts to one contact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoopBudget {
    /// Texts in any [`hour`](Self::LONG).
    pub texts_per_hour_max: usize,
    /// Texts in any [`minute`](Self::SHORT).
    pub texts_per_minute_max: usize,
}

impl Default for LoopBudget {
    /// Both above what a questionnaire of a patient person needs.
    fn default() -> Self {
        Self {
            texts_per_hour_max: 20,
            texts_per_minute_max: 6,
        }
    }
}

/// What the budget says about one more automated text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Budget {
    /// It fits.
    Left,
    /// It does not; no text fits before then.
    Exhausted {
        /// When the next one fits.
        until: Timestamp,
    },
}

impl LoopBudget {
    /// That of one member of staff, for notices: several emergencies may come at once, and none of them is an answer to
    /// the last. A loop still ends.
    pub const OF_STAFF: Self = Self {
        texts_per_hour_max: AUTOMATED_MAX,
        texts_per_minute_max: 16,
    };
    /// The long window.
    pub const LONG: Duration = AUTOMATED_WITHIN;
    /// The short window.
    pub const SHORT: Duration = Duration::from_secs(60);

    /// How many of these went out in the last hour, and how many in the last minute.
    pub fn used(sent: &[Timestamp], now: Timestamp) -> (usize, usize) {
        let within = |window| sent.iter().filter(|at| now.since(**at) < window).count();
        (within(Self::LONG), within(Self::SHORT))
    }

    /// Whether one more automated text fits now. `sent` are the times of the latest automated texts to this
    /// contact, newest first, at least `texts_per_hour_max` of them where there were so many.
    pub fn check(&self, sent: &[Timestamp], now: Timestamp) -> Budget {
        let limits = [
            (self.texts_per_hour_max, Self::LONG),
            (self.texts_per_minute_max, Self::SHORT),
        ];
        let full = limits.into_iter().filter_map(|(texts_max, window)| {
            let free_at = match texts_max.checked_sub(1) {
                Some(oldest) => *sent.get(oldest)? + window,
                None => now + window,
            };
            (free_at > now).then_some(free_at)
        });
        full.max()
            .map_or(Budget::Left, |until| Budget::Exhausted { until })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);

    fn ago(seconds: u64) -> Timestamp {
        NOW - Duration::from_secs(seconds)
    }

    #[test]
    fn loops_end() {
        let until = |seconds| Budget::Exhausted {
            until: NOW + Duration::from_secs(seconds),
        };
        let every = |step: u64, texts: u64| -> Vec<Timestamp> {
            (1..=texts).map(|at| ago(at * step)).collect()
        };
        let table = [
            (vec![], Budget::Left),
            (every(1, 5), Budget::Left),
            (every(1, 6), until(54)),
            (every(10, 6), Budget::Left),
            (every(9, 6), until(6)),
            (every(60, 19), Budget::Left),
            (every(60, 20), until(2_400)),
            (every(180, 20), Budget::Left),
            (every(179, 20), until(20)),
            (every(1, 32), until(3_580)),
        ];
        for (row, (sent, want)) in table.into_iter().enumerate() {
            let got = LoopBudget::default().check(&sent, NOW);
            assert_eq!(got, want, "row {row}");
        }
        assert!(LoopBudget::default().texts_per_hour_max <= AUTOMATED_MAX);
        let none = LoopBudget {
            texts_per_hour_max: 0,
            texts_per_minute_max: 0,
        };
        assert_eq!(none.check(&[], NOW), until(3_600));
    }

    proptest! {
        #[test]
        fn no_window_ever_holds_more(gaps in prop::collection::vec(0_u64..400, 0..120)) {
            let budget = LoopBudget::default();
            let (mut sent, mut now) = (Vec::new(), NOW);
            for gap in gaps {
                now = now + Duration::from_secs(gap);
                if budget.check(&sent, now) == Budget::Left {
                    sent.insert(0, now);
                }
                let within = |window| sent.iter().filter(|at| now.since(**at) < window).count();
                prop_assert!(within(LoopBudget::LONG) <= 20 && within(LoopBudget::SHORT) <= 6);
            }
        }
    }
}
