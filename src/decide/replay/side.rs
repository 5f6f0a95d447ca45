//! One story on one side: what the recorded events do in a world, from a beginning in which nothing is known.
//!
//! The record tells more than what happened: also when runs woke, and who was rung and when. Both hold here too, because
//! who was free at that time is known from nothing else. Whom the flow in force would ring and the record says was not
//! rung, was not free at that moment, on either side.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use crate::decide::explain::nothing_known;
use crate::decide::{At, Input, World, decide_traced};
use crate::flow::Trace;
use crate::model::conversation::RunRow;
use crate::model::people::Presence;
use crate::model::turn::{CallState, Decision, Need, ROUNDS_MAX, State, Turn, Write};
use crate::model::{CallId, CallStatus, EventId, Id, Ids, Leg, LegId, RunId, Timestamp, UserId};

use super::record::{Story, Whose};

/// Steps of one way that are kept.
const STEPS_MAX: usize = 1_000;
/// How much later than it was due a run may have woken in production.
const LATE: Duration = Duration::from_secs(5);

/// Waits that may still end on a side.
pub(super) struct Waits {
    left: usize,
    /// One more would have ended.
    pub(super) left_out: bool,
}

impl Waits {
    pub(super) const fn new(left: usize) -> Self {
        Self {
            left,
            left_out: false,
        }
    }
}

/// How a member was not there: talking, as most of the time; or away as well, where that keeps nobody from ringing them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Absent {
    Busy,
    Away,
}

/// The members who were not there.
pub(super) type Absentees = HashMap<UserId, Absent>;

/// Who was not there at which event.
pub(super) type Absences = HashMap<EventId, Absentees>;

/// A way through a flow.
#[derive(Debug, Default)]
pub(super) struct Way {
    /// When the flow first decided something; `None`: it never did.
    pub(super) began: Option<Timestamp>,
    pub(super) steps: Vec<String>,
    /// How many steps were taken, the end being one, when something was recorded that fits nothing here.
    lost_at: Option<usize>,
    pub(super) undecided: usize,
}

impl Way {
    /// Whether what happened was known for long enough: until the ways have parted, or all the time.
    pub(super) fn is_sure(&self, in_common: usize, differs: bool) -> bool {
        self.lost_at.is_none_or(|lost| differs && in_common < lost)
    }
}

/// Plays a story in a world; the way, and who was not there. The side of the flow in force learns who that was, and the
/// other is told as `absences`.
pub(super) fn play(
    world: &World,
    flow: &str,
    story: &Story<'_>,
    absences: Option<&Absences>,
    until: Timestamp,
    waits: &mut Waits,
) -> (Way, Absences) {
    let mut side = Side {
        world,
        flow,
        story,
        absences,
        learnt: Absences::new(),
        waits,
        state: State::default(),
        due: BTreeMap::new(),
        due_of: HashMap::new(),
        runs: HashSet::new(),
        call: None,
        legs: HashMap::new(),
        told: 0,
        ahead: 0,
        way: Way::default(),
    };
    for event in &story.events {
        side.wait_until(event.at);
        match side.meant(&event.input) {
            Some(input) => side.take(&input, event.when()),
            None => side.lose(),
        }
    }
    side.wait_until(until);
    (side.way, side.learnt)
}

/// A turn and the steps taken in it.
type Played = (Box<Turn>, Vec<(String, Trace)>);

pub(super) struct Side<'s, 'e> {
    pub(super) world: &'s World,
    flow: &'s str,
    pub(super) story: &'s Story<'e>,
    /// Who was not there, as the side of the flow in force has learnt; `None` on that side.
    absences: Option<&'s Absences>,
    learnt: Absences,
    waits: &'s mut Waits,
    pub(super) state: State,
    /// Runs that wake, in order.
    due: BTreeMap<(Timestamp, RunId), (Option<CallId>, At)>,
    due_of: HashMap<RunId, Timestamp>,
    /// The runs that began in the flow.
    runs: HashSet<RunId>,
    /// The call as it is here.
    pub(super) call: Option<CallId>,
    /// The legs as they are here, by their ids in production.
    pub(super) legs: HashMap<LegId, LegId>,
    /// The latest turn of production that something was told of.
    pub(super) told: u32,
    /// How many turns the call is further here than there.
    pub(super) ahead: i64,
    way: Way,
}

impl Side<'_, '_> {
    /// Has the runs wake that are due by then.
    fn wait_until(&mut self, until: Timestamp) {
        while let Some((&(at, run), &(call, when))) = self.due.first_key_value() {
            if at > until {
                return;
            }
            if self.waits.left == 0 {
                self.waits.left_out = true;
                return;
            }
            self.waits.left -= 1;
            self.due.pop_first();
            self.due_of.remove(&run);
            self.take(&Input::Timer { run, call }, when);
        }
    }

    /// Notes when a run wakes.
    fn plan(&mut self, row: &RunRow) {
        if let Some(at) = self.due_of.remove(&row.id) {
            self.due.remove(&(at, row.id));
        }
        if let Some(due) = row.due_at.filter(|_| !row.ended) {
            let when = self.wakes(row.id, due);
            self.due.insert((when.now, row.id), (row.call, when));
            self.due_of.insert(row.id, when.now);
        }
    }

    /// When a run wakes that is due then: as recorded, or else at once.
    fn wakes(&self, run: RunId, due: Timestamp) -> At {
        let woke = &self.story.woke;
        let next = woke.partition_point(|at| at.now < due);
        if let Some(at) = woke.get(next).filter(|at| at.now <= due + LATE) {
            return *at;
        }
        // The same on both sides, whatever else happened.
        let seed = (run.uuid().as_u128() as u64) ^ due.micros().cast_unsigned();
        At {
            event: Ids::new(due, seed.rotate_left(32)).fresh(),
            now: due,
            seed,
        }
    }

    fn take(&mut self, input: &Input, at: At) {
        let Some((turn, trace)) = self.as_recorded(input, at) else {
            self.way.undecided += 1;
            return;
        };
        self.state.apply(&turn);
        if let Whose::Call(connection, carrier_id) = &self.story.whose {
            let key = (connection.clone(), carrier_id.clone());
            self.call = self.state.carrier_calls.get(&key).copied().flatten();
        }
        self.follow(&turn, trace, at.now);
    }

    /// What an event does where these members are not there.
    fn decided(&mut self, input: &Input, at: At, absent: &Absentees) -> Option<Played> {
        self.state.presence.clear();
        for _ in 0..=ROUNDS_MAX {
            match decide_traced(self.world, &self.state, input, at) {
                (Decision::Done(turn), trace) => return Some((turn, trace)),
                (Decision::Need(needs), _) => {
                    self.state.absorb(nothing_known(&needs));
                    self.know_presence(&needs, at.now, absent);
                }
                (Decision::Undecided(_), _) => return None,
            }
        }
        None
    }

    /// Of a member nothing is known but what this very call did with them.
    fn know_presence(&mut self, needs: &[Need], now: Timestamp, absent: &Absentees) {
        for need in needs {
            if let Need::Presence(user) = need {
                let presence = self.presence(*user, now, absent.get(user).copied());
                self.state.presence.insert(*user, presence);
            }
        }
    }

    /// Those whom the record rings from now on come last, in its order: what it is about others is not known here.
    fn presence(&self, user: UserId, now: Timestamp, absent: Option<Absent>) -> Presence {
        let legs = || self.own_legs().filter(|leg| leg.user == Some(user));
        let taken = legs().filter(|leg| leg.accepted);
        let next = self.story.rings_next(user, now);
        Presence {
            offline: absent == Some(Absent::Away),
            busy: absent.is_some() || legs().any(|leg| leg.status == CallStatus::InProgress),
            ringing: legs().any(|leg| leg.status.rings()),
            rung_at: next.or_else(|| legs().map(|leg| leg.started_at).max()),
            answered_at: next.or_else(|| taken.map(|leg| leg.started_at).max()),
        }
    }

    /// What an event does where it rings whom it rang.
    fn as_recorded(&mut self, input: &Input, at: At) -> Option<Played> {
        let known = self.absences.and_then(|absences| absences.get(&at.event));
        let known = known.cloned().unwrap_or_default();
        let first = self.decided(input, at, &known)?;
        match self.absences {
            None if self.story.holds(at.event) => Some(self.as_rung(input, at, first)),
            _ => Some(self.like_rung(input, at, first, known)),
        }
    }

    /// In the flow in force: whom it would ring and the record says was not rung, was not there. So it is decided again
    /// without them, until all whom it rings were rung; or nobody is rung, because nobody was there.
    fn as_rung(&mut self, input: &Input, at: At, first: Played) -> Played {
        let recorded = self.story.rung_by(at.event);
        let (mut absent, mut again) = (Absentees::new(), None::<Played>);
        loop {
            let mut others = self.rung_in(&again.as_ref().unwrap_or(&first).0);
            others.retain(|user| !recorded.contains(user));
            if others.is_empty() {
                self.learn(at.event, absent);
                return again.unwrap_or(first);
            }
            // Somebody is rung whether there or not: this is not what was played then.
            if !others.into_iter().all(|user| misses(&mut absent, user)) {
                return first;
            }
            again = self.decided(input, at, &absent);
            if again.is_none() {
                return first;
            }
        }
    }

    fn learn(&mut self, event: EventId, absent: Absentees) {
        if !absent.is_empty() {
            self.learnt.insert(event, absent);
        }
    }

    /// Elsewhere the record tells less: whom it did not ring, nobody may have tried. Where it tells whom this event rang,
    /// and only others would be rung here, those others were not there. So it is decided again without them, until it
    /// rings one whom it rang; a line of callers may also ring nobody yet, where it rang one of its members at another
    /// time. Where neither comes of it, the record knows nothing of whom is rung here.
    fn like_rung(&mut self, input: &Input, at: At, first: Played, known: Absentees) -> Played {
        let recorded = self.story.rung_by(at.event);
        let (mut absent, mut again) = (known, None::<Played>);
        let knows_line = self.knows_line(&first.0);
        loop {
            let rung = self.rung_in(&again.as_ref().unwrap_or(&first).0);
            let is_as_recorded = rung.iter().any(|user| recorded.contains(user));
            if is_as_recorded || (rung.is_empty() && knows_line) {
                return again.unwrap_or(first);
            }
            // Nobody is left, or somebody is rung whether there or not.
            if rung.is_empty() || !rung.into_iter().all(|user| misses(&mut absent, user)) {
                return first;
            }
            again = self.decided(input, at, &absent);
            if again.is_none() {
                return first;
            }
        }
    }

    /// Whether a line of callers rings somebody in this turn, and the record rang anybody of whom the caller waits for.
    fn knows_line(&self, turn: &Turn) -> bool {
        let rung_for = |write: &Write| match write {
            Write::Waiting(place) if place.user.is_some() => Some((place.account, place.group)),
            _ => None,
        };
        let Some((account, group)) = turn.writes.iter().find_map(rung_for) else {
            return false;
        };
        let account = self.world.directory.account(account);
        let group = account.and_then(|account| account.groups.iter().find(|one| one.id == group));
        let mut members = group.into_iter().flat_map(|group| &group.members);
        members.any(|user| self.story.rings(*user))
    }

    /// The members whose devices begin to ring in a turn.
    fn rung_in(&self, turn: &Turn) -> Vec<UserId> {
        let begins = |write: &Write| match write {
            Write::Leg(leg) if !self.state.legs.contains_key(&leg.id) => leg.user,
            _ => None,
        };
        let mut rung: Vec<UserId> = turn.writes.iter().filter_map(begins).collect();
        rung.sort_unstable();
        rung.dedup();
        rung
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
        self.runs.extend(run.filter(|_| begins));
        if !begins && !run.is_some_and(|run| self.runs.contains(&run)) {
            return;
        }
        self.way.began.get_or_insert(at);
        for (flow, step) in trace {
            let name = match flow == self.flow {
                true => step.step,
                false => format!("{flow}/{}", step.step),
            };
            // A step that waited is told again when it goes on.
            let steps = &mut self.way.steps;
            if steps.len() < STEPS_MAX && steps.last() != Some(&name) {
                steps.push(name);
            }
        }
    }

    /// Something recorded fits nothing here. Once the caller has gone, nothing depends on it.
    fn lose(&mut self) {
        let call = self.own_call();
        if self.way.began.is_none() || call.is_none_or(|on| on.call.ended_at.is_some()) {
            return;
        }
        let over = call.is_some_and(|on| on.run.as_ref().is_none_or(|run| run.ended));
        let steps = self.way.steps.len() + usize::from(over);
        self.way.lost_at.get_or_insert(steps);
    }

    pub(super) fn own_call(&self) -> Option<&CallState> {
        self.state.calls.get(&self.call?)?.as_ref()
    }

    pub(super) fn own_legs(&self) -> impl Iterator<Item = &Leg> {
        self.own_call().into_iter().flat_map(|on| &on.legs)
    }
}

/// Takes a member for somebody who was not there, or for away where that was not enough; whether there was more to take.
fn misses(absent: &mut Absentees, user: UserId) -> bool {
    let before = absent.get(&user).copied();
    let more = match before {
        None => Absent::Busy,
        _ => Absent::Away,
    };
    absent.insert(user, more);
    before != Some(Absent::Away)
}
