//! Recorded events through another revision of a flow: what would have gone elsewhere.
//!
//! Both revisions are played from the same beginning, in which nothing is known, through the functions that decide in
//! production; time passes as it was recorded, and each side's own waits end when they are due. What somebody would have
//! done on a way that was not taken is not known, so a call or thread is followed to where it first leaves the way it
//! took, and no further.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::flow::Trace;
use crate::model::conversation::RunRow;
use crate::model::turn::{Decision, ROUNDS_MAX, State, Turn, Write};
use crate::model::{CallId, EventId, Id, Inbound, NumberId, Party, RunId, Timestamp};

use super::explain::nothing_known;
use super::{At, Input, World, decide_traced};

/// Waits that end in one replay; a flow that waits for a minute again and again has many in a week.
const TIMERS_MAX: usize = 1_000_000;
/// Steps of one way that are kept.
const STEPS_MAX: usize = 1_000;
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

/// What came of a replay.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
pub struct Replayed {
    /// Calls and threads that the flow decided.
    pub followed: usize,
    /// Those among them that went as before.
    pub same: usize,
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

/// Whom a run is with.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Subject {
    Call(CallId),
    Thread(NumberId, String),
}

/// A way through a flow.
#[derive(Debug, Clone)]
struct Way {
    steps: Vec<String>,
    at: Timestamp,
    who: String,
}

/// Plays the events, in the order of their arrival, through both worlds until `until`, and compares the ways of the runs
/// that begin in the flow of this key.
pub fn replay(
    before: &World,
    now: &World,
    flow: &str,
    events: &[Recorded],
    until: Timestamp,
) -> Replayed {
    replay_within((before, now), flow, events, until, TIMERS_MAX)
}

/// The same with so many waits on each side.
pub(super) fn replay_within(
    (before, now): (&World, &World),
    flow: &str,
    events: &[Recorded],
    until: Timestamp,
    timers_max: usize,
) -> Replayed {
    let before = Side::play(before, flow, events, until, timers_max);
    let now = Side::play(now, flow, events, until, timers_max);
    let mut found = Replayed {
        undecided: before.undecided,
        waits_left_out: before.waits_left_out || now.waits_left_out,
        ..Replayed::default()
    };
    let (before, now) = (before.ways, now.ways);
    let mut differences: BTreeMap<(Option<String>, String, String), Vec<&Way>> = BTreeMap::new();
    let subjects: HashSet<&Subject> = before.keys().chain(now.keys()).collect();
    let mut subjects: Vec<&Subject> = subjects.into_iter().collect();
    subjects.sort();
    for subject in subjects {
        found.followed += 1;
        let (was, is) = (before.get(subject), now.get(subject));
        let Some(way) = was.or(is) else { continue };
        let steps = |way: Option<&Way>| way.map_or_else(Vec::new, |way| way.steps.clone());
        match first_difference(&steps(was), &steps(is)) {
            None => found.same += 1,
            Some(key) => differences.entry(key).or_default().push(way),
        }
    }
    found.differences = differences.into_iter().map(difference).collect();
    found
        .differences
        .sort_by_key(|one| std::cmp::Reverse(one.count));
    found
}

fn difference(
    ((after, before, now), ways): ((Option<String>, String, String), Vec<&Way>),
) -> Difference {
    let example = |way: &&Way| format!("{} {}", way.at, way.who);
    Difference {
        after,
        before,
        now,
        count: ways.len(),
        examples: ways.iter().take(EXAMPLES_MAX).map(example).collect(),
    }
}

/// The last step in common, and where each went from there.
fn first_difference(before: &[String], now: &[String]) -> Option<(Option<String>, String, String)> {
    let same = before.iter().zip(now).take_while(|(a, b)| a == b).count();
    let next = |steps: &[String]| steps.get(same).cloned().unwrap_or_else(|| "end".to_owned());
    let after = same.checked_sub(1).and_then(|at| before.get(at)).cloned();
    (before.len() != now.len() || same != before.len()).then(|| (after, next(before), next(now)))
}

/// One revision's world as the events go on.
struct Side<'w> {
    world: &'w World,
    flow: &'w str,
    state: State,
    /// Waits that end, in order.
    due: BTreeMap<(Timestamp, RunId), Option<CallId>>,
    due_of: HashMap<RunId, Timestamp>,
    /// The runs that began in the flow.
    runs: HashSet<RunId>,
    ways: HashMap<Subject, Way>,
    undecided: usize,
    /// Waits that may still end.
    timers: usize,
    waits_left_out: bool,
}

impl<'w> Side<'w> {
    fn play(
        world: &'w World,
        flow: &'w str,
        events: &[Recorded],
        until: Timestamp,
        timers: usize,
    ) -> Self {
        let mut side = Self {
            world,
            flow,
            state: State::default(),
            due: BTreeMap::new(),
            due_of: HashMap::new(),
            runs: HashSet::new(),
            ways: HashMap::new(),
            undecided: 0,
            timers,
            waits_left_out: false,
        };
        for recorded in events {
            side.wait_until(recorded.at);
            // Waits end by themselves here.
            if !matches!(recorded.input, Input::Timer { .. }) {
                let at = At {
                    event: recorded.event,
                    now: recorded.at,
                    seed: recorded.seed,
                };
                side.take(&recorded.input, at);
            }
        }
        side.wait_until(until);
        side
    }

    /// Ends the waits that are due by then.
    fn wait_until(&mut self, until: Timestamp) {
        while let Some((&(due, run), &call)) = self.due.first_key_value() {
            if due > until {
                return;
            }
            if self.timers == 0 {
                self.waits_left_out = true;
                return;
            }
            self.timers -= 1;
            self.due.pop_first();
            self.due_of.remove(&run);
            // The same on both sides, whatever else happened.
            let seed = (run.uuid().as_u128() as u64) ^ due.micros().cast_unsigned();
            let at = At {
                event: crate::model::Ids::new(due, seed.rotate_left(32)).fresh(),
                now: due,
                seed,
            };
            self.take(&Input::Timer { run, call }, at);
        }
    }

    fn take(&mut self, input: &Input, at: At) {
        for _ in 0..=ROUNDS_MAX {
            match decide_traced(self.world, &self.state, input, at) {
                (Decision::Done(turn), trace) => {
                    self.state.apply(&turn);
                    self.follow(&turn, trace, at.now);
                    return;
                }
                (Decision::Need(needs), _) => self.state.absorb(nothing_known(&needs)),
                (Decision::Undecided(_), _) => break,
            }
        }
        self.undecided += 1;
    }

    fn follow(&mut self, turn: &Turn, trace: Vec<(String, Trace)>, at: Timestamp) {
        let mut run = None;
        for write in &turn.writes {
            if let Write::Run(row) = write {
                self.plan(row);
                run = Some(row.id);
            }
        }
        let begins = trace.first().is_some_and(|(flow, _)| flow == self.flow);
        let Some((subject, who)) = subject(turn) else {
            return;
        };
        if let Some(run) = run.filter(|_| begins) {
            self.runs.insert(run);
        }
        if !begins && !run.is_some_and(|run| self.runs.contains(&run)) {
            return;
        }
        let way = self.ways.entry(subject).or_insert_with(|| Way {
            steps: Vec::new(),
            at,
            who,
        });
        for (flow, step) in trace {
            let name = match flow == self.flow {
                true => step.step,
                false => format!("{flow}/{}", step.step),
            };
            // A step that waited is told again when it goes on.
            if way.steps.len() < STEPS_MAX && way.steps.last() != Some(&name) {
                way.steps.push(name);
            }
        }
    }

    /// Notes when a run's wait ends.
    fn plan(&mut self, row: &RunRow) {
        if let Some(due) = self.due_of.remove(&row.id) {
            self.due.remove(&(due, row.id));
        }
        if let Some(due) = row.due_at.filter(|_| !row.ended) {
            self.due.insert((due, row.id), row.call);
            self.due_of.insert(row.id, due);
        }
    }
}

/// Whom a turn concerns, and how they are shown. A text run that ended at once has left no row.
fn subject(turn: &Turn) -> Option<(Subject, String)> {
    let of = |write: &Write| match write {
        Write::Run(row) => {
            let thread = || Subject::Thread(row.number, row.party.to_string());
            Some((
                row.call.map_or_else(thread, Subject::Call),
                masked(&row.party),
            ))
        }
        _ => None,
    };
    let thread = |write: &Write| match write {
        Write::Conversation(row) => {
            let subject = Subject::Thread(row.number, row.party.to_string());
            Some((subject, masked(&row.party)))
        }
        _ => None,
    };
    let run = turn.writes.iter().find_map(of);
    run.or_else(|| turn.writes.iter().find_map(thread))
}

fn masked(party: &Party) -> String {
    party
        .phone()
        .map_or_else(|| "no phone".to_owned(), |phone| phone.masked())
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
