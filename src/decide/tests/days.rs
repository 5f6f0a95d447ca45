//! Made-up days: whatever comes, in whatever order, twice or never, must leave everything in order. Every event
//! is judged as it is saved (see [`super::store::judge`]); what is said here is what must hold at the end.

use super::phone::{dial_ended, recorded};
use super::sample::{Bench, PAT, PLAIN, Parts, SHARED, account, group, number, user};
use crate::decide::Input;
use crate::model::account::Route;
use crate::model::people::Presence;
use crate::model::staff::{StaffAction, StaffVerb};
use crate::model::{
    CallEvent, CallEventKind, CallId, CallStatus, CallVerb, CallbackKey, DialStatus, Dlr, Ids,
    Inbound, LegId, Message, MessageKind, MessageStatus, Order, Party, Timestamp,
};

const DAYS: u64 = 40;
const EVENTS_PER_DAY: usize = 250;

const MAIN: (&str, &str) = (
    "main",
    "
  choose:
    menu: { prompt: Press one or two, tries: 2 }
    then: { 1: all, 2: down, 3: away, 4: line, invalid: box, timeout: box }
  line:
    queue: { group: admissions, max_wait: 5m, callback_key: 9, position: true, order: least_recent }
    then: { connected: end, timeout: box, callback: note }
  all:
    dial: { group: admissions, order: simultaneous, accept: key, ring: 20s }
    then: { answered: end, else: down }
  down:
    dial: { group: billing, order: round_robin, ring: 15s, accept: key, devices: all }
    then: { answered: end, caller_hung_up: note, else: plain }
  plain:
    dial: { group: admissions, order: simultaneous }
    then: { answered: end, else: box }
  note:
    inbox: { group: billing, note: Somebody gave up }
    next: sorry
  sorry:
    send: { text: Sorry }
    next: end
  away:
    goto: elsewhere
  box:
    voicemail: { group: billing }
    next: end
",
);
const APPLY: (&str, &str) = (
    "apply",
    "
  birth:
    ask: { prompt: When were you born?, save_as: contact.birth_date, expect: date, tries: 2, timeout: 24h }
    then: { valid: over, invalid: over, timeout: end }
  over:
    inbox: { group: billing, note: by APPLY, auto_reply: We will read it }
    next: end
",
);
const NURSE: (&str, &str) = (
    "nurse",
    "
  hello:
    reply: Hello nurse
    next: tell
  tell:
    send: { to: \"+12025550150\", text: A nurse is asked for }
    next: both
  both:
    split: { ledger: 1, pause: 1 }
    then: { ledger: ledger, pause: pause }
  ledger:
    consent: { record: out, scope: program }
    next: members
  members:
    notify: { group: admissions, by: [text, email], on_shift: true, text: Look }
    next: hand
  pause:
    wait: 1h
    then: { elapsed: part, replied: hand }
  part:
    call: apply
    next: ask
  ask:
    consent: { ask: May we text you?, scope: account }
    then: { in: hand, out: members, unknown: hand }
  hand:
    assign: { group: left }
    then: { ok: end, nobody_available: shut }
  shut:
    close:
    next: end
",
);
const PILLS: (&str, &str) = (
    "pills",
    "
  which:
    ask: { prompt: Which pills?, timeout: 1h }
    then: { valid: which, invalid: end, timeout: end }
",
);

/// A day and its dice.
struct Day {
    bench: Bench,
    dice: Ids,
    past: Vec<Input>,
    /// Which of ana and ben are there.
    there: [bool; 2],
}

fn organisation(parts: &mut Parts, [ana, ben]: [bool; 2]) {
    parts.uses("college", SHARED).call_flow = Some("main".into());
    (parts.user("ana").active, parts.user("ben").active) = (ana, ben);
}

impl Day {
    fn new(seed: u64) -> Self {
        let flows = [MAIN, APPLY, NURSE, PILLS];
        let there = [true, true];
        Self {
            bench: Bench::with(&flows, |parts| organisation(parts, there)),
            dice: Ids::new(Timestamp::default(), seed),
            past: Vec::new(),
            there,
        }
    }

    fn roll(&mut self, sides: usize) -> usize {
        let sides = u64::try_from(sides).unwrap();
        usize::try_from(self.dice.mix() % sides).unwrap()
    }

    fn one<T: Clone>(&mut self, of: &[T]) -> Option<T> {
        let at = (!of.is_empty()).then(|| self.roll(of.len()))?;
        of.get(at).cloned()
    }

    /// Mostly one of the latest, so that things come to something.
    fn late<T: Clone>(&mut self, of: &[T]) -> Option<T> {
        let from = of
            .len()
            .saturating_sub(if self.roll(4) == 0 { of.len() } else { 2 });
        self.one(&of[from..])
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.roll(of.len())]
    }

    fn from(&mut self) -> &'static str {
        self.pick(&[
            PAT,
            PAT,
            "+12025550144",
            "74454",
            "withheld",
            "+12025550110",
        ])
    }

    fn to(&mut self) -> &'static str {
        self.pick(&[SHARED, SHARED, SHARED, PLAIN])
    }

    /// Something happens, once, twice or not at all.
    fn event(&mut self) {
        let made = match self.roll(20) {
            0..=3 => return self.text(),
            4 => return self.ring(),
            5..=9 => self.caller(),
            10..=12 => self.leg(),
            13..=14 => self.order(),
            15 => self.receipt(),
            16 => self.staff(),
            17 => return self.time(),
            18 => self.one(&self.past.clone()),
            _ => return self.change(),
        };
        let Some(input) = made else { return };
        if self.roll(10) == 0 {
            return;
        }
        self.past.push(input.clone());
        self.bench.happens(&input);
        if self.roll(10) == 0 {
            self.bench.happens(&input);
        }
    }

    fn text(&mut self) {
        let text = self.pick(&[
            "apply",
            "apply",
            "1990-05-17",
            "pills",
            "blue",
            "STOP",
            "START",
            "YES",
            "HELP",
            "bills",
            "hello",
            "please stop texting me",
            "apply nurse",
            "",
        ]);
        let (from, to) = (self.from(), self.to());
        self.bench.sms_from(from, to, text);
    }

    fn ring(&mut self) {
        let (from, to) = (self.from(), self.to());
        let (_, turn) = self.bench.rings_from(from, to);
        assert!(turn.answer.is_some(), "a caller hears something");
    }

    /// The caller's leg tells what its script may come to, now and then of an old turn.
    fn caller(&mut self) -> Option<Input> {
        let calls: Vec<CallId> = self.bench.store.calls.keys().copied().collect();
        let call = self.late(&calls)?;
        let row = self.bench.store.calls[&call].clone();
        let last = row.script.and_then(|script| script.verbs.last().cloned());
        let statuses = [
            DialStatus::Answered,
            DialStatus::NoAnswer,
            DialStatus::Busy,
            DialStatus::Declined,
            DialStatus::Failed,
        ];
        let kind = match (self.roll(6), last) {
            (0, _) => CallEventKind::Status {
                status: self.pick(&[
                    CallStatus::InProgress,
                    CallStatus::Completed,
                    CallStatus::NoAnswer,
                ]),
                duration_s: None,
            },
            (1, _) => self.file(),
            (2, _) => CallEventKind::Resumed,
            (_, Some(CallVerb::Gather { .. })) => CallEventKind::Digits {
                digits: self
                    .pick(&["", "", "1", "2", "3", "4", "4", "9"])
                    .to_owned(),
            },
            (_, Some(CallVerb::Record { .. })) => {
                let gone = self.roll(2) == 0;
                recorded(self.pick(&[0, 1, 12]), gone)
            }
            (_, Some(CallVerb::Dial { .. } | CallVerb::Hold { .. })) => {
                let gone = self.roll(4) == 0;
                dial_ended(self.pick(&statuses), gone)
            }
            _ => CallEventKind::Resumed,
        };
        let stale = u32::from(self.roll(8) == 0);
        let key = CallbackKey::Call(call, row.turn.saturating_sub(stale));
        Some(carrier(Some(key), row.carrier_id, kind))
    }

    fn file(&mut self) -> CallEventKind {
        let recording = self.pick(&["RE1", "RE2"]).to_owned();
        match self.roll(3) {
            0 => CallEventKind::Transcribed {
                recording,
                text: Some("hello".into()),
            },
            at => CallEventKind::RecordingReady {
                url: (at == 1).then(|| "https://example.org/RE1".into()),
                recording,
                duration_s: 11,
            },
        }
    }

    fn leg(&mut self) -> Option<Input> {
        let legs: Vec<LegId> = self.bench.store.legs.keys().copied().collect();
        let leg = self.late(&legs)?;
        let kind = if self.roll(2) == 0 {
            let digits = self.pick(&[None, None, Some("1"), Some("1"), Some("2"), Some("")]);
            CallEventKind::Screen {
                digits: digits.map(str::to_owned),
                machine: self.roll(10) == 0,
            }
        } else {
            CallEventKind::LegStatus {
                status: self.pick(&[
                    CallStatus::Ringing,
                    CallStatus::InProgress,
                    CallStatus::Completed,
                    CallStatus::Busy,
                    CallStatus::NoAnswer,
                    CallStatus::Canceled,
                    CallStatus::Failed,
                ]),
                sequence: None,
            }
        };
        let key = CallbackKey::Leg(leg);
        Some(carrier(Some(key), format!("CL{leg}"), kind))
    }

    /// An order is carried out, or never will be.
    fn order(&mut self) -> Option<Input> {
        let orders = self.bench.store.orders();
        let order = self.one(&orders)?;
        if let Order::MoveCall {
            call,
            carrier_id,
            turn,
        } = &order
        {
            let key = CallbackKey::Call(*call, *turn);
            return Some(carrier(
                Some(key),
                carrier_id.clone(),
                CallEventKind::Resumed,
            ));
        }
        let failed = (self.roll(5) == 0).then(|| "21211".to_owned());
        let carrier_id = match &order {
            Order::PlaceLeg { leg, .. } if failed.is_none() => Some(format!("CL{leg}")),
            _ => None,
        };
        Some(Input::Ordered {
            order,
            carrier_id,
            failed,
        })
    }

    fn receipt(&mut self) -> Option<Input> {
        let ours = |one: &&Message| one.kind != MessageKind::Inbound;
        let all: Vec<_> = self.bench.store.messages.values().filter(ours).collect();
        let all: Vec<_> = all.into_iter().map(|one| one.id).collect();
        let message = self.one(&all)?;
        let status = self.pick(&[
            MessageStatus::Accepted,
            MessageStatus::Sent,
            MessageStatus::Delivered,
            MessageStatus::Failed,
        ]);
        let error = (self.roll(10) == 0).then(|| "21610".to_owned());
        let receipt = Dlr {
            message: Some(message),
            carrier_id: format!("SM{message}"),
            status,
            error,
        };
        Some(Input::Carrier {
            connection: "twilio".into(),
            inbound: Inbound::Receipt(receipt),
        })
    }

    fn staff(&mut self) -> Option<Input> {
        let (by, of) = self.pick(&[
            ("ana", "college"),
            ("ben", "college"),
            ("cyd", "college"),
            ("eve", "clinic"),
            ("root", "college"),
        ]);
        let threads: Vec<_> = self.bench.store.conversations.values().cloned().collect();
        let thread = self.one(&threads)?;
        let conversation = thread.id;
        let what = match self.roll(9) {
            0 | 1 => StaffVerb::Reply {
                conversation,
                text: "Hello".into(),
                read_version: thread.version,
                anyway: self.roll(2) == 0,
            },
            2 => StaffVerb::Assign {
                conversation,
                to: self.pick(&[Route::User(user("ana")), group("billing"), group("left")]),
                note: None,
            },
            3 => StaffVerb::Complete {
                conversation,
                close: self.roll(2) == 0,
            },
            4 => StaffVerb::Close { conversation },
            5 => StaffVerb::Reopen { conversation },
            6 => StaffVerb::Read { conversation },
            7 => StaffVerb::JudgeRevocation {
                conversation,
                out: self.roll(4) == 0,
            },
            _ => StaffVerb::StartText {
                program: self.bench.world.directory.account(account(of))?.programs[0].id,
                number: number(SHARED),
                to: Party::read(PAT),
                text: "Hello".into(),
            },
        };
        let (by, account) = (user(by), account(of));
        Some(Input::Staff(StaffAction { by, account, what }))
    }

    /// Time passes, and timers fire: late, and one of them twice.
    fn time(&mut self) {
        let seconds = self.pick(&[1, 5, 25, 70, 600, 4_000, 90_000]);
        self.bench.pass(seconds);
        let due = self.bench.store.due(self.bench.now);
        if let Some(input) = self.one(&due) {
            self.bench.happens(&input);
        }
        for input in due {
            self.bench.happens(&input);
        }
    }

    /// People come and go.
    fn change(&mut self) {
        if self.roll(2) == 0 {
            let key = self.pick(&["ana", "ben", "cyd"]);
            let (offline, busy) = (self.roll(3) == 0, self.roll(3) == 0);
            return self.bench.presence(
                key,
                Presence {
                    offline,
                    busy,
                    ..Presence::default()
                },
            );
        }
        let at = self.roll(2);
        self.there[at] = !self.there[at];
        let there = self.there;
        self.bench.reorganise(|parts| organisation(parts, there));
    }

    /// Everybody goes home: all callers leave, and time passes until nothing waits any more.
    fn evening(&mut self) {
        let calls: Vec<CallId> = self.bench.store.calls.keys().copied().collect();
        for call in &calls {
            self.bench.status(*call, CallStatus::Completed);
        }
        for _ in 0..10 {
            self.bench.pass(26 * 3600);
            self.bench.timers();
        }
        let store = &self.bench.store;
        assert!(store.waiting.is_empty(), "somebody waits in line for ever");
        for run in store.runs.values() {
            assert!(run.ended, "a run of {} waits for ever", run.flow);
        }
        for call in calls {
            assert!(store.calls[&call].ended_at.is_some());
            assert!(store.calls[&call].outcome.is_some());
            assert_eq!(self.bench.live_legs(call), [""; 0]);
            let accepted = store
                .legs
                .values()
                .filter(|leg| leg.call == call && leg.accepted);
            assert!(accepted.count() <= 2, "two dials at most, one winner each");
        }
    }
}

fn carrier(key: Option<CallbackKey>, carrier_id: String, kind: CallEventKind) -> Input {
    Input::Carrier {
        connection: "twilio".into(),
        inbound: Inbound::Call(CallEvent {
            key,
            carrier_id,
            kind,
        }),
    }
}

/// Each call has one line of its end, and the caller's script never comes from another call.
fn told_once(day: &Day) {
    for call in day.bench.store.calls.keys() {
        let lines = day.bench.store.events.iter().filter(|event| {
            matches!(&event.kind, crate::model::conversation::ThreadEventKind::Called { call: of, .. } if of == call)
        });
        assert_eq!(lines.count(), 1, "lines of a call");
    }
}

fn live(seed: u64) -> Day {
    println!("day {seed}");
    let mut day = Day::new(seed);
    for _ in 0..EVENTS_PER_DAY {
        day.event();
    }
    day.evening();
    told_once(&day);
    day
}

#[test]
fn made_up_days_end_in_order() {
    for seed in 0..DAYS {
        live(seed);
    }
}

#[test]
fn the_same_day_again_is_the_same() {
    let (one, other) = (live(7), live(7));
    assert_eq!(one.bench.store.events, other.bench.store.events);
    assert_eq!(one.bench.store.messages, other.bench.store.messages);
    assert_eq!(one.bench.store.calls, other.bench.store.calls);
}
