//! The texts that wait for a rate, in lines. Each is looked at again when its own turn comes: if all were, for
//! every text that leaves, a long line would be read and written over and over.

use std::collections::HashMap;
use std::time::Duration;

use crate::model::Timestamp;

/// How long a text waits before the rate is asked again, so that a rate that was raised is soon felt. Those far
/// back in a long line are looked at this often.
const WAIT_MAX: Duration = Duration::from_secs(300);
/// Lines remembered. One that is forgotten is found anew from its rate.
const LINES_MAX: usize = 10_000;

/// The lines, by the key of their rate.
#[derive(Debug, Default)]
pub(super) struct Lines(HashMap<String, Line>);

#[derive(Debug, Clone, Copy)]
struct Line {
    /// The turn of the last text.
    end: Timestamp,
    /// The turn of the last text among those whose turn had come and was not kept. They stand before the
    /// others, so that a turn which comes a little too soon costs nobody the place.
    again: Timestamp,
}

impl Lines {
    /// The end of the line that stands before a text: one that has not waited yet passes nobody.
    pub(super) fn before(&self, key: &str, waited: bool, now: Timestamp) -> Option<Timestamp> {
        let line = self.0.get(key).filter(|_| !waited)?;
        (line.end > now).then_some(line.end)
    }

    /// Puts a text into a line; when its turn comes. `turn` is the first moment that could be, `step` how long
    /// the rate takes for this text.
    pub(super) fn join(
        &mut self,
        key: String,
        waited: bool,
        turn: Timestamp,
        step: Duration,
        now: Timestamp,
    ) -> Timestamp {
        if self.0.len() >= LINES_MAX && !self.0.contains_key(&key) {
            self.0.retain(|_, line| line.end > now);
            if self.0.len() >= LINES_MAX {
                return turn.min(now + WAIT_MAX);
            }
        }
        let line = self.0.entry(key).or_insert(Line {
            end: now,
            again: now,
        });
        let last = if waited { line.again } else { line.end };
        let behind = if last > now { last + step } else { turn };
        let place = turn.max(behind).min(now + WAIT_MAX);
        if waited {
            line.again = place;
        }
        line.end = line.end.max(place);
        place
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    fn join(lines: &mut Lines, waited: bool, turn: i64, now: i64) -> i64 {
        let turn = lines.join("a".to_owned(), waited, at(turn), SECOND, at(now));
        turn.micros() / 1_000_000
    }

    #[test]
    fn each_text_has_a_turn_of_its_own() {
        let mut lines = Lines::default();
        assert_eq!(lines.before("a", false, at(0)), None);
        let turns: Vec<i64> = (0..4).map(|_| join(&mut lines, false, 1, 0)).collect();
        assert_eq!(turns, [1, 2, 3, 4]);
    }

    #[test]
    fn who_comes_later_passes_nobody_until_the_line_is_gone() {
        let mut lines = Lines::default();
        join(&mut lines, false, 1, 0);
        join(&mut lines, false, 1, 0);
        assert_eq!(lines.before("a", false, at(1)), Some(at(2)));
        assert_eq!(lines.before("a", true, at(1)), None);
        assert_eq!(lines.before("b", false, at(1)), None);
        assert_eq!(lines.before("a", false, at(2)), None);
    }

    #[test]
    fn a_turn_that_was_not_kept_is_before_those_who_wait_behind() {
        let mut lines = Lines::default();
        for _ in 0..100 {
            join(&mut lines, false, 1, 0);
        }
        assert_eq!(join(&mut lines, true, 2, 1), 2);
        assert_eq!(join(&mut lines, true, 2, 1), 3);
        assert_eq!(join(&mut lines, false, 2, 1), 101);
    }

    #[test]
    fn nobody_waits_longer_than_the_most() {
        let mut lines = Lines::default();
        let turns: Vec<i64> = (0..400).map(|_| join(&mut lines, false, 1, 0)).collect();
        assert_eq!(turns[298..], [[299].as_slice(), &[300; 101]].concat());
    }

    #[test]
    fn lines_are_bounded() {
        let mut lines = Lines::default();
        for key in 0..2 * LINES_MAX {
            lines.join(key.to_string(), false, at(1), SECOND, at(0));
        }
        assert_eq!(lines.0.len(), LINES_MAX);
    }
}
