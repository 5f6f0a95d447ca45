//! Recorded events through another revision of a flow: what would have gone elsewhere.
//!
//! Each call and each thread is played for itself, through both revisions and the functions that decide in production,
//! from a beginning in which nothing is known: what becomes of it does not depend on what else was recorded. Time passes
//! as it was recorded, and each side's own waits end when they are due. What somebody would have done on a way that was
//! not taken is not known, so a call or thread is followed to where it first leaves the way it took, and no further.

mod meant;
mod record;
mod side;

use std::collections::BTreeMap;

use crate::model::{EventId, Inbound, LegId, Phone, Timestamp, UserId};

use super::{At, Input, World};
use record::{Story, stories};
use side::{Waits, Way, play};

/// Waits that end in one replay; a flow that waits for a minute again and again has many in a week.
const TIMERS_MAX: usize = 1_000_000;
/// Examples told for each difference.
const EXAMPLES_MAX: usize = 3;

/// An event as it was recorded.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// Its id.
    pub event: EventId,
    /// When it was received.
    pub at: Timestamp,
    /// The seed of its decision.
    pub seed: u64,
    /// What happened.
    pub input: Input,
}

impl Recorded {
    fn when(&self) -> At {
        At {
            event: self.event,
            now: self.at,
            seed: self.seed,
        }
    }
}

/// A device that was rung, as it was recorded.
#[derive(Debug, Clone, Copy)]
pub struct RecordedLeg {
    /// Its leg's id, which tells the event in whose decision it was.
    pub leg: LegId,
    /// Whose device it is; `None` for a bare number.
    pub user: Option<UserId>,
    /// The device.
    pub phone: Phone,
}

/// What was recorded: events in the order of their arrival, and every device that was rung meanwhile.
#[derive(Debug, Clone, Copy)]
pub struct Record<'r> {
    /// What happened.
    pub events: &'r [Recorded],
    /// Who was rung.
    pub legs: &'r [RecordedLeg],
}

/// What came of a replay.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
pub struct Replayed {
    /// Calls and threads that the flow decided.
    pub followed: usize,
    /// Those among them that went as before.
    pub same: usize,
    /// Those of which it cannot be told, because something recorded fits nothing that was played.
    pub unmatched: usize,
    /// The others, by where they left their way; the most frequent first.
    pub differences: Vec<Difference>,
    /// Events that could not be decided here.
    pub undecided: usize,
    /// More waits than are played ended in that time: what came after is not in this.
    pub waits_left_out: bool,
}

/// Calls and threads that would have gone elsewhere at one step.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Difference {
    /// The last step that both took; none where they begin differently.
    pub after: Option<String>,
    /// Where they went: a step, or `end`.
    pub before: String,
    /// Where they would have gone.
    pub now: String,
    /// How many.
    pub count: usize,
    /// Some of them: when, and the phone, masked.
    pub examples: Vec<String>,
}

/// Plays what was recorded through both worlds until `until`, and compares the ways of the runs
/// that begin in the flow of this key.
pub fn replay(
    before: &World,
    now: &World,
    flow: &str,
    record: Record<'_>,
    until: Timestamp,
) -> Replayed {
    replay_within((before, now), flow, record, until, TIMERS_MAX)
}

/// The same with so many waits on each side.
pub(super) fn replay_within(
    (before, now): (&World, &World),
    flow: &str,
    record: Record<'_>,
    until: Timestamp,
    timers_max: usize,
) -> Replayed {
    let (mut found, mut parted) = (Replayed::default(), Parted::new());
    let (mut waits_before, mut waits_now) = (Waits::new(timers_max), Waits::new(timers_max));
    for story in &stories(before, record) {
        let (was, absences) = play(before, flow, story, None, until, &mut waits_before);
        let (is, _) = play(now, flow, story, Some(&absences), until, &mut waits_now);
        found.undecided += was.undecided;
        // What was played to its end on one side only would seem to differ.
        found.waits_left_out = waits_before.left_out || waits_now.left_out;
        if found.waits_left_out {
            break;
        }
        judge(&mut found, &mut parted, story, &was, &is);
    }
    found.differences = parted.into_iter().map(difference).collect();
    found
        .differences
        .sort_by_key(|one| std::cmp::Reverse(one.count));
    found
}

/// Where ways part: after which step, and to where each leads.
type Parting = (Option<String>, String, String);

/// The partings, each with whom they concern.
type Parted = BTreeMap<Parting, Vec<String>>;

/// Counts a call or thread that the flow decided on either side.
fn judge(found: &mut Replayed, parted: &mut Parted, story: &Story<'_>, was: &Way, is: &Way) {
    let Some(began) = was.began.or(is.began) else {
        return;
    };
    found.followed += 1;
    let same = in_common(was, is);
    let differs = was.steps.len() != is.steps.len() || same != was.steps.len();
    match (
        was.is_sure(same, differs) && is.is_sure(same, differs),
        differs,
    ) {
        (false, _) => found.unmatched += 1,
        (true, false) => found.same += 1,
        (true, true) => {
            let people = parted.entry(parting(was, is, same)).or_default();
            people.push(format!("{began} {}", story.who));
        }
    }
}

/// How many steps both took before their ways part.
fn in_common(was: &Way, is: &Way) -> usize {
    let both = was.steps.iter().zip(&is.steps);
    both.take_while(|(a, b)| a == b).count()
}

/// The last step in common, and where each went from there.
fn parting(was: &Way, is: &Way, same: usize) -> Parting {
    let next = |way: &Way| {
        let step = way.steps.get(same).cloned();
        step.unwrap_or_else(|| "end".to_owned())
    };
    let after = same.checked_sub(1).and_then(|at| was.steps.get(at));
    (after.cloned(), next(was), next(is))
}

fn difference(((after, before, now), mut people): (Parting, Vec<String>)) -> Difference {
    let count = people.len();
    people.truncate(EXAMPLES_MAX);
    Difference {
        after,
        before,
        now,
        count,
        examples: people,
    }
}

/// The inputs in a raw event as the store keeps it: what a carrier told, or one of our own. Nothing of one whose
/// secret digits were removed.
pub fn inputs_of(connection: &str, raw: &str) -> Vec<Input> {
    #[derive(serde::Deserialize)]
    struct Kept {
        inbound: Vec<Inbound>,
    }
    if connection.is_empty() {
        return serde_json::from_str(raw).into_iter().collect();
    }
    let kept: Result<Kept, _> = serde_json::from_str(raw);
    let input = |inbound| Input::Carrier {
        connection: connection.to_owned(),
        inbound,
    };
    kept.map_or_else(
        |_| Vec::new(),
        |kept| kept.inbound.into_iter().map(input).collect(),
    )
}
