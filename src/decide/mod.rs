//! One event decided, purely: what the organisation is, what is known and what happened go in; what changes,
//! what leaves and what the carrier is answered come out, or what must be known first.
//!
//! Production, `explain`, `flow test` and `replay` call these same functions. They read no clock and
//! do no I/O, and they always have an answer: what is odd goes to the number's default route with the reason.

mod begin;
mod by_email;
mod call;
mod contact;
mod drive;
pub mod explain;
mod frame;
mod leg;
mod on_call;
mod order;
mod reach;
mod receipt;
pub mod replay;
mod run;
mod staff;
mod stop;
mod talk;
#[cfg(test)]
mod tests;
mod text;
pub mod trial;
mod unsettled;
mod voicemail;

pub use receipt::means_opted_out;
use run::TEXTS_USED_UP;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::flow::{self, ColumnNames, Event, Fault, Flow, NoNames, Trace};
use crate::model::account::OptOutBy;
use crate::model::consent::ComplianceWords;
use crate::model::directory::Directory;
use crate::model::http::HttpAnswer;
use crate::model::staff::StaffAction;
use crate::model::turn::{CallState, Decision, Need, Notice, Refusal, State, Thread, Turn, Write};
use crate::model::{
    AccountId, CallId, CallScript, EventId, Ids, Inbound, LegId, MessageId, NumberId, Order, Party,
    RevisionId, RunId, Timestamp,
};

/// What decisions read besides the state: swapped whole when something changes.
#[derive(Debug, Clone, Default)]
pub struct World {
    /// The organisation.
    pub directory: Arc<Directory>,
    /// Its flows.
    pub flows: Arc<Flows>,
    /// What must be known of each connection, by key.
    pub connections: Arc<HashMap<String, ConnectionFacts>>,
    /// The compliance words in force.
    pub words: Arc<ComplianceWords>,
    /// Whether e-mails leave at all: there is a mail server.
    pub email: bool,
}

/// What a decision must know of a carrier connection.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ConnectionFacts {
    /// Who confirms compliance words on its numbers, unless the number says otherwise.
    pub opt_out: OptOutBy,
    /// How many legs the carrier's own dial rings at once.
    pub legs_max: u32,
    /// How many legs a second the carrier places by order.
    pub calls_per_second: f64,
    /// How many segments of text a second it takes.
    pub rate: f64,
}

/// How long a revision stays that nothing is on any more: what was decided with it may not be saved yet, or be
/// saved by another node that has not heard of the next one.
const REVISION_KEPT: Duration = Duration::from_secs(3600);
/// Revisions that stay so at most.
const REVISIONS_KEPT_MAX: usize = 1_000;

/// The flows that new runs start with, and every revision that a live run may still be on.
#[derive(Debug, Clone, Default)]
pub struct Flows {
    active: HashMap<(AccountId, String), RevisionId>,
    revisions: HashMap<RevisionId, Arc<Flow>>,
    /// Since when nothing is known to be on a revision that stays for a while.
    left: HashMap<RevisionId, Timestamp>,
}

impl Flows {
    /// Reads a published text again. Whom it names may have left since, and a column may be gone, which is no fault of
    /// it now.
    ///
    /// # Errors
    /// Its faults: it was published by a version that read flows otherwise.
    pub fn read(directory: &Directory, yaml: &str) -> Result<Arc<Flow>, Vec<Fault>> {
        let typed = flow::read_published(yaml, &ColumnNames(directory));
        let read = typed.or_else(|_| flow::read_published(yaml, &NoNames));
        read.map(Arc::new)
    }

    /// Keeps for a while what is held no more, for runs that are being saved just now.
    pub fn keep(&mut self, before: &Self, now: Timestamp) {
        let mut left: Vec<(Timestamp, RevisionId)> = Vec::new();
        for revision in before.revisions.keys() {
            let since = before.left.get(revision).copied().unwrap_or(now);
            if !self.revisions.contains_key(revision) && now.since(since) < REVISION_KEPT {
                left.push((since, *revision));
            }
        }
        left.sort_unstable_by(|a, b| b.cmp(a));
        for (since, revision) in left.into_iter().take(REVISIONS_KEPT_MAX) {
            self.left.insert(revision, since);
            self.revisions.extend(
                before
                    .revisions
                    .get_key_value(&revision)
                    .map(|(id, flow)| (*id, flow.clone())),
            );
        }
    }

    /// Adds a revision; `active` when new runs start with it.
    pub fn insert(
        &mut self,
        account: AccountId,
        revision: RevisionId,
        flow: Arc<Flow>,
        active: bool,
    ) {
        if active {
            self.active.insert((account, flow.key.clone()), revision);
        }
        self.revisions.insert(revision, flow);
    }

    /// The revision that new runs of an account's flow start with.
    pub fn active(&self, account: AccountId, key: &str) -> Option<(RevisionId, Arc<Flow>)> {
        let revision = *self.active.get(&(account, key.to_owned()))?;
        Some((revision, self.revisions.get(&revision)?.clone()))
    }

    /// The flow of a revision.
    pub fn revision(&self, revision: RevisionId) -> Option<Arc<Flow>> {
        self.revisions.get(&revision).cloned()
    }

    /// The active flows of an account.
    pub fn of_account(&self, account: AccountId) -> impl Iterator<Item = &Arc<Flow>> {
        let mine = self
            .active
            .iter()
            .filter(move |((owner, _), _)| *owner == account);
        mine.filter_map(|(_, revision)| self.revisions.get(revision))
    }

    /// How many revisions are held.
    pub fn len(&self) -> usize {
        self.revisions.len()
    }

    /// Whether none is held.
    pub fn is_empty(&self) -> bool {
        self.revisions.is_empty()
    }
}

/// Everything that can happen. Its JSON is kept with the event, so that a turn can be played again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Input {
    /// A carrier told us something.
    Carrier {
        /// The connection's key.
        connection: String,
        /// What.
        inbound: Inbound,
    },
    /// A run's time has come.
    Timer {
        /// Which run.
        run: RunId,
        /// Its call, when it runs on one.
        call: Option<CallId>,
    },
    /// An order to a carrier was carried out, or could not be.
    Ordered {
        /// What was asked.
        order: Order,
        /// The carrier's id of a placed leg.
        carrier_id: Option<String>,
        /// The failure's code, when it will never be carried out.
        failed: Option<String>,
    },
    /// What came of a request of a run to another system.
    Answered {
        /// The run that waits.
        run: RunId,
        /// Its call, when it runs on one.
        call: Option<CallId>,
        /// Which request of the run.
        ask: u32,
        /// What came of it.
        answer: HttpAnswer,
    },
    /// A text whose answer was lost was looked for long enough; its connection wants it by e-mail.
    GivenUp {
        /// Which text.
        message: MessageId,
    },
    /// A member of staff did something.
    Staff(StaffAction),
    /// A carrier refuses what we ask for a reason that only the connection's owner can mend.
    Fault {
        /// The connection's key.
        connection: String,
        /// The reason's code.
        code: String,
        /// The reason, without personal data.
        words: String,
    },
}

/// When and by which chance an event is decided; kept with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct At {
    /// The event's id.
    pub event: EventId,
    /// The time of the decision.
    pub now: Timestamp,
    /// The seed of its ids and choices.
    pub seed: u64,
}

/// What is surely needed, so that it can be loaded before the first look.
pub fn needs(world: &World, input: &Input) -> Vec<Need> {
    match input {
        Input::Carrier {
            connection,
            inbound,
        } => match inbound {
            Inbound::Message(mo) => text::needs(world, connection, mo),
            Inbound::Receipt(dlr) => receipt::needs(connection, dlr),
            Inbound::Call(event) => call::needs(world, connection, event),
        },
        Input::Timer { run, call } | Input::Answered { run, call, .. } => {
            vec![call.map_or(Need::Run(*run), Need::Call)]
        }
        Input::Ordered { order, .. } => order::needs(order),
        Input::GivenUp { message } => vec![Need::Message(*message)],
        Input::Staff(action) => staff::needs(action),
        Input::Fault { .. } => Vec::new(),
    }
}

/// Decides one event.
pub fn decide(world: &World, state: &State, input: &Input, at: At) -> Decision {
    decided(Cx::new(world, state, at), input).0
}

/// The same for tests and simulations: with the steps taken, each with its flow's key.
fn decide_traced(
    world: &World,
    state: &State,
    input: &Input,
    at: At,
) -> (Decision, Vec<(String, Trace)>) {
    let mut cx = Cx::new(world, state, at);
    cx.trace = Some(Vec::new());
    let (decision, trace) = decided(cx, input);
    (decision, trace.unwrap_or_default())
}

fn decided<'a>(mut cx: Cx<'a>, input: &'a Input) -> (Decision, Option<Vec<(String, Trace)>>) {
    let decision = match take(&mut cx, input) {
        Ok(()) => Decision::Done(Box::new(cx.turn)),
        Err(needs) => Decision::Need(needs),
    };
    (decision, cx.trace)
}

fn take<'a>(cx: &mut Cx<'a>, input: &'a Input) -> Decided {
    match input {
        Input::Carrier {
            connection,
            inbound,
        } => match inbound {
            Inbound::Message(mo) => text::received(cx, connection, mo),
            Inbound::Receipt(dlr) => receipt::received(cx, connection, dlr),
            Inbound::Call(event) => call::happened(cx, connection, event),
        },
        Input::Timer { run, call } => run::due(cx, *run, *call),
        Input::Answered {
            run,
            call,
            ask,
            answer,
        } => run::answered(cx, *run, *call, Event::Answered { ask: *ask, answer }),
        Input::Ordered {
            order,
            carrier_id,
            failed,
        } => order::done(cx, order, carrier_id.as_deref(), failed.as_deref()),
        Input::GivenUp { message } => unsettled::given_up(cx, *message),
        Input::Staff(action) => staff::act(cx, action),
        Input::Fault {
            connection,
            code,
            words,
        } => cx.for_ops(
            "connection_fault",
            format!("{connection}: {words} ({code})"),
        ),
    }
}

/// A part of a decision: done, or what must be known first.
type Decided<T = ()> = Result<T, Vec<Need>>;

/// What a decision in progress reads and gathers.
struct Cx<'a> {
    world: &'a World,
    state: &'a State,
    at: At,
    ids: Ids,
    turn: Turn,
    /// Whether nobody has done anything just now: a time has come.
    unprompted: bool,
    /// The steps taken, each with its flow's key, when `explain` wants them.
    trace: Option<Vec<(String, Trace)>>,
}

impl<'a> Cx<'a> {
    fn new(world: &'a World, state: &'a State, at: At) -> Self {
        Self {
            world,
            state,
            at,
            ids: Ids::new(at.now, at.seed),
            turn: Turn::default(),
            unprompted: false,
            trace: None,
        }
    }

    fn directory(&self) -> &'a Directory {
        &self.world.directory
    }

    fn write(&mut self, write: Write) {
        self.turn.writes.push(write);
    }

    fn rule(&mut self, rule: &'static str) {
        self.turn.rule = rule;
    }

    fn answer(&mut self, script: CallScript) {
        self.turn.answer = Some(script);
    }

    /// Recorded, changes nothing.
    fn ignored(&mut self, rule: &'static str) -> Decided {
        self.rule(rule);
        Ok(())
    }

    /// Recorded and shown to ops.
    fn for_ops(&mut self, code: &'static str, words: String) -> Decided {
        self.rule(code);
        self.write(Write::OpsNotice { code, words });
        Ok(())
    }

    fn refuse(&mut self, code: &'static str, words: impl Into<String>) -> Decided {
        self.rule("refused");
        self.turn.writes.clear();
        self.turn.notices.clear();
        self.turn.refused = Some(Refusal {
            code,
            words: words.into(),
        });
        Ok(())
    }

    /// Counts the steps taken, by verb, and keeps them where they are asked for.
    fn count(&mut self, flow: &str, trace: &[Trace]) {
        if let Some(kept) = &mut self.trace {
            let steps = trace.iter().map(|step| (flow.to_owned(), step.clone()));
            kept.extend(steps);
        }
        for taken in trace {
            let steps = &mut self.turn.steps;
            match steps.iter_mut().find(|(verb, _)| *verb == taken.verb) {
                Some((_, times)) => *times += 1,
                None => steps.push((taken.verb, 1)),
            }
        }
    }

    fn notice(&mut self, notice: Notice) {
        if !self.turn.notices.contains(&notice) {
            self.turn.notices.push(notice);
        }
    }

    fn thread(&self, number: NumberId, party: &Party) -> Decided<&'a Thread> {
        let key = (number, party.clone());
        self.state
            .threads
            .get(&key)
            .ok_or_else(|| vec![Need::Thread(number, party.clone())])
    }

    fn call(&self, call: CallId) -> Decided<Option<&'a CallState>> {
        let found = self
            .state
            .calls
            .get(&call)
            .ok_or_else(|| vec![Need::Call(call)])?;
        Ok(found.as_ref())
    }

    fn call_of_leg(&self, leg: LegId) -> Decided<Option<&'a CallState>> {
        match self
            .state
            .legs
            .get(&leg)
            .ok_or_else(|| vec![Need::Leg(leg)])?
        {
            Some(call) => self.call(*call),
            None => Ok(None),
        }
    }
}
