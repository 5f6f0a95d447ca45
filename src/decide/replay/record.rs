//! Whose recorded events are: sorted into the stories of single calls and threads.
//!
//! An event names what it concerns by an id of production, where more was known than a replay knows, so that the replay
//! has drawn other ids. But an id tells by which event it was made: it holds that event's time, and was drawn from its seed.
//! So every event finds its way back to the call or text with which its story began. One that began before what was
//! recorded has no story.

use std::collections::HashMap;

use crate::decide::text::number_of;
use crate::decide::{At, Input, World};
use crate::model::staff::StaffVerb;
use crate::model::{
    CallEvent, CallEventKind, CallbackKey, Dlr, EventId, Id, Ids, Inbound, LegId, NumberId, Order,
    Party, Phone, Timestamp, UserId,
};

use super::{Record, Recorded, RecordedLeg};

/// Whose a story is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Whose {
    /// A call by a connection's key and the carrier's id.
    Call(String, String),
    /// All that concerns a party on a number, save calls.
    Thread(NumberId, Party),
}

/// A device that was rung.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rung {
    /// The event in whose decision it was.
    pub(super) by: EventId,
    pub(super) at: Timestamp,
    /// Whose device it is; `None` for a bare number.
    pub(super) user: Option<UserId>,
    pub(super) phone: Phone,
}

/// One call or thread: what happened to it, in order.
#[derive(Debug)]
pub(super) struct Story<'e> {
    pub(super) whose: Whose,
    /// The phone, masked.
    pub(super) who: String,
    pub(super) events: Vec<&'e Recorded>,
    /// When its runs woke by themselves.
    pub(super) woke: Vec<At>,
    /// Who was rung, by the leg's id in production.
    pub(super) rung: HashMap<LegId, Rung>,
}

impl Story<'_> {
    fn new(whose: Whose, party: &Party) -> Self {
        let masked = party.phone().map(|phone| phone.masked());
        Self {
            whose,
            who: masked.unwrap_or_else(|| "no phone".to_owned()),
            events: Vec::new(),
            woke: Vec::new(),
            rung: HashMap::new(),
        }
    }

    /// The members whom this event had rung.
    pub(super) fn rung_by(&self, event: EventId) -> Vec<UserId> {
        let rung = self.rung.values().filter(|rung| rung.by == event);
        rung.filter_map(|rung| rung.user).collect()
    }

    /// Whether this member was rung at any time.
    pub(super) fn rings(&self, user: UserId) -> bool {
        self.rung.values().any(|rung| rung.user == Some(user))
    }

    /// When this member was rung next, from then on.
    pub(super) fn rings_next(&self, user: UserId, from: Timestamp) -> Option<Timestamp> {
        let rung = self.rung.values().filter(|rung| rung.user == Some(user));
        rung.map(|rung| rung.at).filter(|at| *at >= from).min()
    }

    /// Whether something happened by this event, or a run woke by it.
    pub(super) fn holds(&self, event: EventId) -> bool {
        let happened = self.events.binary_search_by_key(&event, |one| one.event);
        let woke = self.woke.binary_search_by_key(&event, |at| at.event);
        happened.is_ok() || woke.is_ok()
    }
}

/// What was recorded by call and thread, in the order in which these begin.
pub(super) fn stories<'e>(world: &World, record: Record<'e>) -> Vec<Story<'e>> {
    let mut sorting = Sorting {
        world,
        events: record.events,
        at_millis: HashMap::new(),
        story_of: Vec::with_capacity(record.events.len()),
        by: HashMap::new(),
        stories: Vec::new(),
    };
    for event in record.events {
        sorting.add(event);
    }
    for leg in record.legs {
        sorting.rung(leg);
    }
    sorting.stories
}

struct Sorting<'e, 'w> {
    world: &'w World,
    events: &'e [Recorded],
    /// The events of each millisecond.
    at_millis: HashMap<i64, Vec<usize>>,
    /// The story of each event so far.
    story_of: Vec<Option<usize>>,
    by: HashMap<Whose, usize>,
    stories: Vec<Story<'e>>,
}

impl<'e> Sorting<'e, '_> {
    fn add(&mut self, event: &'e Recorded) {
        let found = self.story(&event.input);
        let place = self.story_of.len();
        self.story_of.push(found);
        let same_time = self.at_millis.entry(event.at.millis()).or_default();
        same_time.push(place);
        let Some(story) = found.and_then(|found| self.stories.get_mut(found)) else {
            return;
        };
        match event.input {
            Input::Timer { .. } => story.woke.push(event.when()),
            _ => story.events.push(event),
        }
    }

    /// A device belongs to the story in whose event it was rung.
    fn rung(&mut self, of: &RecordedLeg) -> Option<()> {
        let RecordedLeg { leg, user, phone } = *of;
        let place = self.maker(leg)?;
        let event = self.events.get(place)?;
        let (by, at) = (event.event, event.at);
        let story = self.stories.get_mut((*self.story_of.get(place)?)?)?;
        let rung = Rung {
            by,
            at,
            user,
            phone,
        };
        story.rung.insert(leg, rung);
        Some(())
    }

    /// The story that an event belongs to; begun by a call that comes and by a text.
    fn story(&mut self, input: &Input) -> Option<usize> {
        match input {
            Input::Carrier {
                connection,
                inbound,
            } => match inbound {
                Inbound::Message(mo) => {
                    let number = number_of(self.world, connection, &mo.to)?.id;
                    Some(self.thread(number, &mo.from))
                }
                Inbound::Receipt(dlr) => self.of_receipt(dlr),
                Inbound::Call(event) => self.of_call(connection, event),
            },
            Input::Timer { run, call } | Input::Answered { run, call, .. } => {
                call.map_or_else(|| self.of(*run), |call| self.of(call))
            }
            Input::Ordered {
                order: Order::PlaceLeg { leg, .. },
                ..
            } => self.of(*leg),
            Input::GivenUp { message } => self.of(*message),
            Input::Staff(action) => self.of_staff(&action.what),
            Input::Ordered { .. } | Input::Fault { .. } => None,
        }
    }

    fn of_receipt(&self, dlr: &Dlr) -> Option<usize> {
        dlr.message.and_then(|message| self.of(message))
    }

    fn of_call(&mut self, connection: &str, event: &CallEvent) -> Option<usize> {
        let whose = Whose::Call(connection.to_owned(), event.carrier_id.clone());
        if let (None, CallEventKind::Started { from, .. }) = (event.key, &event.kind) {
            return Some(self.begun(whose, from));
        }
        let named = match event.key {
            Some(CallbackKey::Call(call, _)) => self.of(call),
            Some(CallbackKey::Leg(leg)) => self.of(leg),
            None => None,
        };
        named.or_else(|| self.by.get(&whose).copied())
    }

    fn of_staff(&mut self, what: &StaffVerb) -> Option<usize> {
        match what {
            StaffVerb::StartText { number, to, .. } => Some(self.thread(*number, to)),
            StaffVerb::Heard { call, .. } => self.of(*call),
            other => other.conversation().and_then(|id| self.of(id)),
        }
    }

    fn thread(&mut self, number: NumberId, party: &Party) -> usize {
        self.begun(Whose::Thread(number, party.clone()), party)
    }

    fn begun(&mut self, whose: Whose, party: &Party) -> usize {
        if let Some(known) = self.by.get(&whose) {
            return *known;
        }
        let place = self.stories.len();
        self.by.insert(whose.clone(), place);
        self.stories.push(Story::new(whose, party));
        place
    }

    /// The story in which this id was made.
    fn of(&self, id: impl Id) -> Option<usize> {
        self.maker(id).and_then(|event| *self.story_of.get(event)?)
    }

    /// The event that made this id.
    fn maker(&self, id: impl Id) -> Option<usize> {
        let at = self.at_millis.get(&Ids::millis_of(id))?;
        let made = |place: &&usize| {
            let event = self.events.get(**place);
            event.is_some_and(|event| Ids::new(event.at, event.seed).makes(id))
        };
        at.iter().find(made).copied()
    }
}
