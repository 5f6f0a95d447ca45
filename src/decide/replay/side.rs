//! One story on one side: what the recorded events do in a world, from a beginning in which nothing is known.
//!
//! The record tells more than what happened: also when runs woke, and whom a line of callers rang and when. Both hold here
//! too, because who was free at that time is known from nothing else.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use crate::decide::explain::nothing_known;
use crate::decide::{At, Input, World, decide_traced};
use crate::flow::Trace;
use crate::model::conversation::RunRow;
use crate::model::people::Presence;
use crate::model::turn::{CallState, Decision, Need, ROUNDS_MAX, State, Turn, Write};
use crate::model::{CallId, CallStatus, Id, Ids, Leg, LegId, Phone, RunId, Timestamp, UserId};

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

/// Plays a story in a world.
pub(super) fn play(
    world: &World,
    flow: &str,
    story: &Story<'_>,
    until: Timestamp,
    waits: &mut Waits,
) -> Way {
    let mut side = Side {
        world,
        flow,
        story,
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
    side.way
}

/// A turn and the steps taken in it.
type Played = (Box<Turn>, Vec<(String, Trace)>);

pub(super) struct Side<'s, 'e> {
    world: &'s World,
    flow: &'s str,
    pub(super) story: &'s Story<'e>,
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
        let Some(played) = self.decided(input, at, &[]) else {
            self.way.undecided += 1;
            return;
        };
        let (turn, trace) = self.as_rung(input, at, played);
        self.state.apply(&turn);
        if let Whose::Call(connection, carrier_id) = &self.story.whose {
            let key = (connection.clone(), carrier_id.clone());
            self.call = self.state.carrier_calls.get(&key).copied().flatten();
        }
        self.follow(&turn, trace, at.now);
    }

    /// What an event does where these members are away.
    fn decided(&mut self, input: &Input, at: At, away: &[UserId]) -> Option<Played> {
        self.state.presence.clear();
        for _ in 0..=ROUNDS_MAX {
            match decide_traced(self.world, &self.state, input, at) {
                (Decision::Done(turn), trace) => return Some((turn, trace)),
                (Decision::Need(needs), _) => {
                    self.state.absorb(nothing_known(&needs));
                    self.know_presence(&needs, away);
                }
                (Decision::Undecided(_), _) => return None,
            }
        }
        None
    }

    /// Of a member nothing is known but what this very call did with them.
    fn know_presence(&mut self, needs: &[Need], away: &[UserId]) {
        for need in needs {
            if let Need::Presence(user) = need {
                let presence = self.presence(*user, away.contains(user));
                self.state.presence.insert(*user, presence);
            }
        }
    }

    fn presence(&self, user: UserId, offline: bool) -> Presence {
        let legs = || self.own_legs().filter(|leg| leg.user == Some(user));
        let taken = legs().filter(|leg| leg.accepted);
        Presence {
            offline,
            busy: legs().any(|leg| leg.status == CallStatus::InProgress),
            ringing: legs().any(|leg| leg.status.rings()),
            rung_at: legs().map(|leg| leg.started_at).max(),
            answered_at: taken.map(|leg| leg.started_at).max(),
        }
    }

    /// Where the record tells whom this event rang, and it would ring others here, those others were not free. So it is
    /// decided again without them, until it rings whom it rang; a line of callers may also ring nobody yet, where it rang
    /// one of its members at another time. Where neither comes of it, the record knows nothing of whom is rung here.
    fn as_rung(&mut self, input: &Input, at: At, first: Played) -> Played {
        let recorded = self.story.rung_by(at.event);
        let (mut away, mut again) = (Vec::new(), None::<Played>);
        let known = self.knows_line(&first.0);
        loop {
            let turn = &again.as_ref().unwrap_or(&first).0;
            let rung = self.rung_in(turn);
            let is_as_recorded = rung.iter().any(|(_, phone)| recorded.contains(phone));
            if is_as_recorded || (rung.is_empty() && known) {
                return again.unwrap_or(first);
            }
            // Nobody is left, or somebody is rung whether free or not.
            if rung.iter().all(|(user, _)| away.contains(user)) {
                return first;
            }
            away.extend(rung.into_iter().map(|(user, _)| user));
            again = self.decided(input, at, &away);
            if again.is_none() {
                return first;
            }
        }
    }

    /// Whether a line of callers rings somebody in this turn, and the record rang anybody of whom the caller waits for.
    fn knows_line(&self, turn: &Turn) -> bool {
        let directory = &self.world.directory;
        let rung_for = |write: &Write| match write {
            Write::Waiting(place) if place.user.is_some() => Some((place.account, place.group)),
            _ => None,
        };
        let Some((account, group)) = turn.writes.iter().find_map(rung_for) else {
            return false;
        };
        let account = directory.account(account);
        let group = account.and_then(|account| account.groups.iter().find(|one| one.id == group));
        let members = group.into_iter().flat_map(|group| &group.members);
        let users = members.filter_map(|user| directory.user(*user));
        let mut devices = users.flat_map(|user| &user.devices);
        devices.any(|device| self.story.rings(device.phone))
    }

    /// The members whose devices begin to ring in a turn.
    fn rung_in(&self, turn: &Turn) -> Vec<(UserId, Phone)> {
        let begins = |write: &Write| match write {
            Write::Leg(leg) if !self.state.legs.contains_key(&leg.id) => {
                Some((leg.user?, leg.phone))
            }
            _ => None,
        };
        turn.writes.iter().filter_map(begins).collect()
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
