//! Where a test takes place: what is known, what time it is, and what happens next.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::Ground;
use super::asked::Asked;
use super::line::{Due, Line};
use super::origin::Origins;
use super::transcript::{Entry, Place, Who};
use super::world::{self, Set};
use crate::decide::explain::people_known;
use crate::decide::{At, Input, TEXTS_USED_UP, World, decide_traced, needs};
use crate::flow::{Flow, Test, Trace};
use crate::model::account::{Account, Number};
use crate::model::consent::{Consent, ConsentEntry, ConsentScope};
use crate::model::conversation::{Conversation, ThreadEventKind};
use crate::model::http::HttpAnswer;
use crate::model::people::{Contact, Presence};
use crate::model::turn::{Decision, Job, JobKind, Need, ROUNDS_MAX, State, Turn, Write};
use crate::model::{
    CallId, CallStatus, EventId, Ids, Inbound, Message, MessageId, MessageKind, Mo, Order, Party,
    RunId, Timestamp, UserId,
};

/// Events of one line of a script.
const EVENTS_PER_LINE_MAX: u64 = 10_000;

/// Where a test takes place.
#[derive(Debug)]
pub struct Stage {
    pub(super) world: World,
    pub(super) state: State,
    pub(super) now: Timestamp,
    events: u64,
    pub(super) flow: String,
    pub(super) account: Arc<Account>,
    pub(super) number: Number,
    pub(super) party: Party,
    contacts: Vec<Contact>,
    presence: Vec<(UserId, Presence)>,
    opted_out: Vec<Party>,
    /// The caller's line and those that ring.
    pub(super) line: Line,
    /// What the caller has heard since the script last did something.
    pub(super) heard: VecDeque<String>,
    /// The texts that the person outside has got since then.
    pub(super) got: VecDeque<String>,
    /// Our texts, in order.
    pub(super) sent: Vec<MessageId>,
    /// Who was told by e-mail.
    pub(super) emails: Vec<String>,
    /// The requests to other systems that are not answered yet.
    pub(super) asked: VecDeque<Asked>,
    /// Why the flow could not go on, when it could not.
    pub(super) stopped: Option<String>,
    /// The step of this flow that was last taken.
    pub(super) last: Option<Place>,
    /// Which steps what happens comes from.
    origins: Origins,
    orders: VecDeque<Order>,
    pub(super) transcript: Vec<Entry>,
    pub(super) taken: BTreeSet<(String, String, String)>,
    /// When things are as they are: what is not known yet, and every turn.
    asked_about: Option<AskedAbout>,
}

/// What is gathered of a stage on which an organisation is asked about as it is.
#[derive(Debug, Default)]
struct AskedAbout {
    unknown: Vec<Need>,
    kept: Vec<Kept>,
}

/// A turn, and the steps it took.
#[derive(Debug)]
pub(in crate::decide) struct Kept {
    pub(in crate::decide) at: Timestamp,
    pub(in crate::decide) turn: Turn,
    pub(in crate::decide) trace: Vec<(String, Trace)>,
}

/// Seconds until a leg leaves that is placed by order after so many others; those of the first second leave at once.
pub(in crate::decide) fn placed_after_s(others: usize, per_second: f64) -> u64 {
    let others = f64::from(u32::try_from(others + 1).unwrap_or(u32::MAX));
    // Out of range and not a number are brought into range by the conversion.
    ((others - per_second.ceil()) / per_second).ceil() as u64
}

impl Stage {
    /// A stage before anything happens.
    ///
    /// # Errors
    /// The test names something that the organisation has not.
    pub fn new(ground: &Ground, flow: &Flow, test: &Test) -> Result<Self, String> {
        let set = world::set(ground, flow, test)?;
        let contacts = world::contacts(&set, test);
        let Set {
            world,
            account,
            number,
            now,
        } = set;
        let users = test.given.presence.iter().filter_map(|(key, presence)| {
            let user = world.directory.user_by_key(key)?;
            Some((user.id, *presence))
        });
        let presence = users.collect();
        Ok(Self {
            world,
            state: State::default(),
            now,
            events: 0,
            flow: flow.key.clone(),
            account,
            number,
            party: test.from.clone(),
            contacts,
            presence,
            opted_out: test.given.opted_out.clone(),
            line: Line::default(),
            heard: VecDeque::new(),
            got: VecDeque::new(),
            sent: Vec::new(),
            emails: Vec::new(),
            asked: VecDeque::new(),
            stopped: None,
            last: None,
            origins: Origins::default(),
            orders: VecDeque::new(),
            transcript: Vec::new(),
            taken: BTreeSet::new(),
            asked_about: None,
        })
    }

    /// The same where these people outside are known too, who are no test's affair: for whoever plays the phone.
    #[must_use]
    pub fn knowing(mut self, contacts: Vec<Contact>) -> Self {
        self.contacts.extend(contacts);
        self
    }

    /// The same at this moment, whatever the clock of the test says: one hour of an autumn night comes twice.
    #[must_use]
    pub fn at(mut self, now: Timestamp) -> Self {
        self.now = now;
        self
    }

    /// A stage on which an organisation is asked about as it is: what is not known yet is told, not made up.
    pub(in crate::decide) fn asking(
        world: &World,
        state: &State,
        (account, number): (&Account, &Number),
        party: &Party,
        now: Timestamp,
    ) -> Self {
        Self {
            world: world.clone(),
            state: state.clone(),
            now,
            events: 0,
            flow: String::new(),
            account: Arc::new(account.clone()),
            number: number.clone(),
            party: party.clone(),
            contacts: Vec::new(),
            presence: Vec::new(),
            opted_out: Vec::new(),
            line: Line::default(),
            heard: VecDeque::new(),
            got: VecDeque::new(),
            sent: Vec::new(),
            emails: Vec::new(),
            asked: VecDeque::new(),
            stopped: None,
            last: None,
            origins: Origins::default(),
            orders: VecDeque::new(),
            transcript: Vec::new(),
            taken: BTreeSet::new(),
            asked_about: Some(AskedAbout::default()),
        }
    }

    /// What must be known before it is told how things go on.
    pub(in crate::decide) fn unknown(&self) -> &[Need] {
        self.asked_about
            .as_ref()
            .map_or(&[], |about| &about.unknown)
    }

    /// The turns so far.
    pub(in crate::decide) fn kept(&self) -> &[Kept] {
        self.asked_about.as_ref().map_or(&[], |about| &about.kept)
    }

    /// What happened so far.
    pub fn transcript(&self) -> &[Entry] {
        &self.transcript
    }

    /// What the person outside is at, for people.
    pub fn standing(&self) -> String {
        match &self.last {
            Some(place) if self.is_running() => format!("waits at {place}"),
            Some(place) => format!("over; the last step was {place}"),
            None => "this flow was not reached".to_owned(),
        }
    }

    /// Something happens, and all that follows of it at once.
    pub(super) fn happens(&mut self, input: &Input) -> Result<Turn, String> {
        let turn = self.decided(input)?;
        self.took(&turn);
        while let Some(order) = self.orders.pop_front() {
            self.carry_out(&order)?;
        }
        Ok(turn)
    }

    fn decided(&mut self, input: &Input) -> Result<Turn, String> {
        self.events += 1;
        let event: EventId = Ids::new(self.now, self.events).fresh();
        let at = At {
            event,
            now: self.now,
            seed: self.events,
        };
        let first = needs(&self.world, input);
        if self.asked_about.is_none() {
            self.learn(&first);
        }
        for _ in 0..=ROUNDS_MAX {
            match decide_traced(&self.world, &self.state, input, at) {
                (Decision::Done(turn), trace) => {
                    self.state.apply(&turn);
                    self.free(&turn);
                    self.follow(&trace);
                    self.keep(&turn, trace);
                    return Ok(*turn);
                }
                (Decision::Need(more), _) if self.asked_about.is_some() => {
                    let about = self.asked_about.iter_mut();
                    about.for_each(|about| about.unknown.extend_from_slice(&more));
                    break;
                }
                (Decision::Need(more), _) => self.learn(&more),
                (Decision::Undecided(why), _) => return Err(why),
            }
        }
        Err("it cannot be told what must be known first".to_owned())
    }

    fn keep(&mut self, turn: &Turn, trace: Vec<(String, Trace)>) {
        if let Some(about) = &mut self.asked_about {
            about.kept.push(Kept {
                at: self.now,
                turn: turn.clone(),
                trace,
            });
        }
    }

    /// A store would say of a member whose leg is over whether they talk on another.
    fn free(&mut self, turn: &Turn) {
        if self.asked_about.is_some() {
            return;
        }
        let legs = turn.writes.iter().filter_map(|write| match write {
            Write::Leg(leg) if leg.status.is_final() => leg.user,
            _ => None,
        });
        for user in legs {
            let given = self.presence.iter().find(|(of, _)| *of == user);
            let mut calls = self.state.calls.values().flatten();
            let talks = calls.any(|call| {
                let mut legs = call.legs.iter();
                legs.any(|leg| leg.user == Some(user) && leg.status == CallStatus::InProgress)
            });
            let mut calls = self.state.calls.values().flatten();
            let rings = calls.any(|call| {
                let mut legs = call.legs.iter();
                legs.any(|leg| leg.user == Some(user) && leg.status.rings())
            });
            if let Some(known) = self.state.presence.get_mut(&user) {
                known.busy = talks || given.is_some_and(|(_, given)| given.busy);
                known.ringing = rings;
            }
        }
    }

    /// What a store would load: nothing but what the test is given.
    fn learn(&mut self, needs: &[Need]) {
        let mut loaded = people_known(needs, &self.contacts);
        for ((_, party), thread) in &mut loaded.threads {
            if self.opted_out.contains(party) {
                thread.consents.push(self.out(party));
            }
        }
        for (user, presence) in &self.presence {
            if let Some(known) = loaded.presence.get_mut(user) {
                *known = *presence;
            }
        }
        self.state.absorb(loaded);
    }

    fn out(&self, party: &Party) -> ConsentEntry {
        ConsentEntry {
            id: Ids::new(self.now, 0).fresh(),
            party: party.clone(),
            scope: ConsentScope::Number(self.number.id),
            verdict: Consent::Out,
            at: self.now,
            source: "text".to_owned(),
            event: None,
        }
    }

    /// Takes down the steps of a turn.
    fn follow(&mut self, trace: &[(String, Trace)]) {
        if !trace.is_empty() {
            self.origins.begins();
        }
        for (flow, step) in trace {
            let place = Place {
                flow: flow.clone(),
                step: step.step.clone(),
                verb: step.verb,
                line: step.line,
            };
            self.origins.takes(step, &place);
            if step.outcome != "waits" {
                let taken = (flow.clone(), step.step.clone(), step.outcome.clone());
                self.taken.insert(taken);
            }
            let words = format!("{} → {}", step.step, step.outcome);
            self.log(Who::Flow, words, Some(place.clone()));
            if *flow == self.flow {
                self.last = Some(place);
            }
        }
    }

    /// Takes down what a turn sends and orders.
    fn took(&mut self, turn: &Turn) {
        for write in &turn.writes {
            match write {
                Write::Message(message) if message.kind != MessageKind::Inbound => {
                    self.text_sent(message);
                }
                Write::ThreadEvent(event) => {
                    self.thread_event(&event.kind);
                }
                Write::Job(job) => self.job(job),
                Write::OpsNotice { words, .. } => self.log(Who::Flow, words.clone(), None),
                _ => {}
            }
        }
    }

    fn thread_event(&mut self, kind: &ThreadEventKind) {
        match kind {
            ThreadEventKind::FlowStopped { reason, .. } => {
                self.stopped.get_or_insert_with(|| reason.clone());
                let words = format!("the flow could not go on: {reason}");
                self.log(Who::Flow, words, None);
            }
            ThreadEventKind::Posted {
                note: Some(note), ..
            } if note == TEXTS_USED_UP => self.log(Who::Flow, note.clone(), None),
            _ => {}
        }
    }

    fn text_sent(&mut self, message: &Message) {
        self.sent.push(message.id);
        // Members' texts and confirmations are no step's.
        let place = match message.kind.is_automated() {
            true => self
                .origins
                .of_text(&message.text)
                .or_else(|| self.latest_step()),
            false => None,
        };
        let to = match message.party == self.party {
            true => String::new(),
            false => format!(" to {}", message.party),
        };
        if message.party == self.party {
            self.got.push_back(message.text.clone());
        }
        self.log(Who::Flow, format!("sends{to} {:?}", message.text), place);
    }

    fn job(&mut self, job: &Job) {
        match &job.kind {
            JobKind::Order(order) => self.order(order.clone()),
            JobKind::TellOfVoicemail { to, .. } => {
                let place = self.origins.of_voicemail();
                self.email(to, place);
            }
            JobKind::Email { to, text, .. } => {
                let place = self.origins.of_email(to, text);
                self.email(to, place);
            }
            JobKind::Http {
                run,
                call,
                ask,
                request,
            } => {
                let words = format!("asks {} {}", request.method.as_str(), request.url);
                let place = self.latest(&["http"]);
                self.log(Who::Flow, words, place);
                self.asked.push_back(Asked {
                    run: *run,
                    call: *call,
                    ask: *ask,
                    url: request.url.clone(),
                    until: self.now + Duration::from_secs(u64::from(request.timeout_s)),
                });
            }
            JobKind::FetchVoicemail { .. }
            | JobKind::FetchTalk { .. }
            | JobKind::FetchMedia { .. } => {}
        }
    }

    fn email(&mut self, to: &str, place: Option<Place>) {
        self.emails.push(to.to_owned());
        self.log(Who::Flow, format!("tells {to} by e-mail"), place);
    }

    /// Where things are as they are, a leg that is placed later rings that much later.
    fn order(&mut self, mut order: Order) {
        let placed = |order: &&Order| matches!(order, Order::PlaceLeg { .. });
        let others = self.orders.iter().filter(placed).count();
        if let (Order::PlaceLeg { ring_s, .. }, true) = (&mut order, self.asked_about.is_some()) {
            let connection = self.world.connections.get(&self.number.connection);
            let rate = connection.map_or(1.0, |facts| facts.calls_per_second);
            let later = u32::try_from(placed_after_s(others, rate)).unwrap_or(u32::MAX);
            *ring_s = ring_s.saturating_add(later);
        }
        self.orders.push_back(order);
    }

    /// Takes down that the caller hears something.
    pub(super) fn hears(&mut self, text: String) {
        let place = self.origins.of_text(&text);
        self.log(Who::Flow, format!("says {text:?}"), place);
        self.heard.push_back(text);
    }

    /// The step at which the flow was last.
    pub(super) fn latest_step(&self) -> Option<Place> {
        self.origins.latest()
    }

    /// The latest step with one of these verbs.
    pub(super) fn latest(&self, verbs: &[&str]) -> Option<Place> {
        let mut places = self
            .transcript
            .iter()
            .rev()
            .filter_map(|entry| entry.place.as_ref());
        places.find(|place| verbs.contains(&place.verb)).cloned()
    }

    pub(super) fn log(&mut self, who: Who, words: String, place: Option<Place>) {
        self.transcript.push(Entry {
            at: self.now,
            who,
            words,
            place,
        });
    }

    /// Something is done from outside: what was heard and received before is past.
    pub(super) fn acts(&mut self) {
        self.heard.clear();
        self.got.clear();
    }

    /// The person outside texts.
    pub(super) fn texts(&mut self, text: &str) -> Result<(), String> {
        let mo = Mo {
            carrier_id: format!("mo-{}", self.events),
            from: self.party.clone(),
            to: self.number.address.clone(),
            text: text.to_owned(),
            media: Vec::new(),
            carrier_answered: false,
            carrier_said: None,
        };
        self.carrier(Inbound::Message(mo)).map(drop)
    }

    /// The carrier tells something.
    pub(super) fn carrier(&mut self, inbound: Inbound) -> Result<Turn, String> {
        let connection = self.number.connection.clone();
        self.happens(&Input::Carrier {
            connection,
            inbound,
        })
    }

    /// Time passes, and whatever comes due in it happens.
    pub(in crate::decide) fn passes(&mut self, seconds: u32) -> Result<(), String> {
        let until = self.now + Duration::from_secs(u64::from(seconds));
        let events_max = self.events + EVENTS_PER_LINE_MAX;
        while let Some((at, due)) = self.next_due().filter(|(at, _)| *at <= until) {
            if self.events > events_max {
                return Err("it never comes to rest".to_owned());
            }
            self.now = self.now.max(at);
            self.fire(&due)?;
        }
        self.now = until;
        Ok(())
    }

    /// Time passes until keys are awaited, or until the call is over.
    pub(in crate::decide) fn wait_for_keys(&mut self, seconds_max: u32) -> Result<(), String> {
        let until = self.now + Duration::from_secs(u64::from(seconds_max));
        while self.wants_keys() == Some(false) {
            let Some((at, _)) = self.next_due().filter(|(at, _)| *at <= until) else {
                break;
            };
            let seconds = at.since(self.now).as_secs_f64().ceil();
            self.passes(seconds as u32)?;
        }
        Ok(())
    }

    /// What comes due next, on the line, of a run or of a system that was asked.
    pub(super) fn next_due(&self) -> Option<(Timestamp, Due)> {
        let calls = self.state.calls.values().flatten();
        let on_calls = calls.filter_map(|call| call.run.as_ref());
        let on_threads = self.state.threads.values().flat_map(|thread| &thread.runs);
        let runs = on_calls.chain(on_threads).filter(|run| !run.ended);
        let runs = runs.filter_map(|run| Some((run.due_at?, Due::Run(run.id, run.call))));
        let unanswered = |asked: &Asked| (asked.until, Due::Unanswered(asked.run, asked.ask));
        let asked = self.asked.iter().map(unanswered);
        self.line.due().into_iter().chain(runs).chain(asked).min()
    }

    fn fire(&mut self, due: &Due) -> Result<(), String> {
        match due {
            Due::Run(run, call) => {
                let (run, call) = (*run, *call);
                self.wake(run, call)
            }
            Due::Unanswered(run, ask) => {
                self.comes_back(*run, *ask, HttpAnswer::None("no_answer".to_owned()))
            }
            other => self.line_due(other),
        }
    }

    fn wake(&mut self, run: RunId, call: Option<CallId>) -> Result<(), String> {
        self.happens(&Input::Timer { run, call }).map(drop)
    }

    /// The thread of the test: its latest conversation in the account.
    pub(super) fn conversation(&self) -> Option<&Conversation> {
        let key = (self.number.id, self.party.clone());
        let all = self.state.threads.get(&key)?.conversations.iter();
        let ours = all.filter(|one| one.account == self.account.id);
        ours.max_by_key(|one| (one.last_at, one.id))
    }

    /// The person of the thread.
    pub(super) fn contact(&self) -> Option<&Contact> {
        let key = (self.number.id, self.party.clone());
        let contact = self.conversation()?.contact?;
        let all = &self.state.threads.get(&key)?.contacts;
        all.iter().find(|one| one.id == contact)
    }

    /// Whether a run of the thread or of the call is still under way.
    pub(super) fn is_running(&self) -> bool {
        let calls = self.state.calls.values().flatten();
        let mut on_calls = calls.filter_map(|call| call.run.as_ref());
        let mut threads = self.state.threads.values();
        on_calls.any(|run| !run.ended) || threads.any(|thread| !thread.runs.is_empty())
    }
}
