//! The transcript: everything that happened, as numbered lines that the page streams and tests read.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use tokio::sync::watch;

use crate::model::Timestamp;

/// Lines kept; older ones are forgotten.
pub const TRANSCRIPT_LINES_MAX: usize = 5_000;

/// What a line tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LineKind {
    /// A person sent a text to one of our numbers.
    TextIn,
    /// A text of ours reached the handset.
    TextOut,
    /// A receipt was sent for a text of ours.
    Receipt,
    /// A person calls one of our numbers.
    Calls,
    /// A phone starts to ring.
    Rings,
    /// A phone is picked up, or our side answers the caller.
    Answered,
    /// A phone refused the call or is engaged.
    Busy,
    /// A phone rang until the time was over.
    NoAnswer,
    /// A phone stopped ringing because somebody else has the call or the caller left.
    Canceled,
    /// A phone could not be reached.
    Unreachable,
    /// Words that the person at this leg hears.
    Hears,
    /// A sound that the person at this leg hears.
    Plays,
    /// The person is asked for keys.
    Listens,
    /// The person pressed keys.
    Pressed,
    /// Recording begins after the tone.
    Records,
    /// The person has said what there was to say into a recording.
    Spoke,
    /// A recording was made.
    Recorded,
    /// Two legs hear each other.
    Connected,
    /// A leg entered a room.
    Joined,
    /// A leg left a room.
    Left,
    /// The person put the phone down.
    HungUp,
    /// The leg is over; the text is its last status.
    Ended,
    /// A webhook was delivered; the text is its path and answer.
    Hook,
    /// Something went wrong that a carrier would put into its error log.
    Fault,
}

/// One line of the transcript.
#[derive(Clone, Debug, Serialize)]
pub struct Line {
    /// Its number, counting from 1 without gaps.
    pub id: u64,
    /// When it happened.
    pub at: Timestamp,
    /// What it tells.
    pub kind: LineKind,
    /// The leg's id at the carrier, where there is one.
    pub call: Option<String>,
    /// The far end: the person's phone.
    pub phone: Option<String>,
    /// The words of it.
    pub text: String,
}

/// The lines and the notice that there are more.
pub(super) struct Transcript {
    lines: Mutex<VecDeque<Line>>,
    last: watch::Sender<u64>,
}

impl Transcript {
    pub(super) fn new() -> Self {
        Self {
            lines: Mutex::new(VecDeque::new()),
            last: watch::Sender::new(0),
        }
    }

    /// Adds a line; its number is given here, under the lock, so that numbers follow the order.
    pub(super) fn add(&self, mut line: Line) {
        let mut lines = self.lock();
        line.id = *self.last.borrow() + 1;
        if lines.len() >= TRANSCRIPT_LINES_MAX {
            lines.pop_front();
        }
        let id = line.id;
        lines.push_back(line);
        self.last.send_replace(id);
    }

    /// The kept lines with a number above `after`.
    pub(super) fn after(&self, after: u64) -> Vec<Line> {
        let lines = self.lock();
        let first = lines.front().map_or(0, |line| line.id);
        let skip = usize::try_from((after + 1).saturating_sub(first)).unwrap_or(usize::MAX);
        lines.iter().skip(skip).cloned().collect()
    }

    /// The number of the latest line.
    pub(super) fn last(&self) -> u64 {
        *self.last.borrow()
    }

    /// Notice of every further line.
    pub(super) fn watch(&self) -> watch::Receiver<u64> {
        self.last.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Line>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounded_and_resumable() {
        let transcript = Transcript::new();
        for _ in 0..TRANSCRIPT_LINES_MAX + 10 {
            transcript.add(Line {
                id: 0,
                at: Timestamp::default(),
                kind: LineKind::Hears,
                call: None,
                phone: None,
                text: String::new(),
            });
        }
        let all = transcript.after(0);
        assert_eq!(all.len(), TRANSCRIPT_LINES_MAX);
        assert_eq!(all[0].id, 11);
        let last = transcript.last();
        assert_eq!(transcript.after(last - 2).len(), 2);
        assert!(transcript.after(last).is_empty());
        assert!(transcript.after(last + 5).is_empty());
    }
}
