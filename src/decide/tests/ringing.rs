//! Several who ring at once and must accept: a room, one leg each, the first key wins.

use super::phone::{dial_ended, word};
use super::sample::{Bench, PAT, SHARED};
use crate::model::{
    CallEventKind, CallId, CallStatus, CallVerb, CallbackKey, DialStatus, Inbound, LegId, Order,
};

const ALL: (&str, &str) = (
    "main",
    "
  ring:
    dial: { group: admissions, order: simultaneous, accept: key, ring: 20s }
    then: { answered: end, else: box }
  box:
    voicemail: { group: admissions }
    next: end
",
);

const RECORDS: &str = "\"Please leave a message after the tone.\", records";
const PROMPT: &str = "keys, hangs up";
const TAKEN: &str = "\"The call has already been taken.\", hangs up";

/// A call that rings ana and ben in a room.
struct Ringing {
    bench: Bench,
    call: CallId,
    ana: LegId,
    ben: LegId,
}

fn ringing() -> Ringing {
    let mut bench = Bench::with(&[ALL], |parts| {
        parts.uses("college", SHARED).call_flow = Some("main".into());
    });
    let (call, turn) = bench.rings(SHARED);
    assert_eq!(bench.hears(&turn), "holds");
    let (ana, ben) = (bench.leg_of("ana").id, bench.leg_of("ben").id);
    Ringing {
        bench,
        call,
        ana,
        ben,
    }
}

impl Ringing {
    /// Both legs are placed.
    fn placed(mut self) -> Self {
        let orders = self.bench.store.orders();
        assert_eq!(self.words(&orders), ["place ana", "place ben"]);
        for order in &orders {
            self.bench.ordered(order, None);
        }
        self
    }

    fn words(&self, orders: &[Order]) -> Vec<String> {
        orders
            .iter()
            .map(|order| word(&self.bench, order))
            .collect()
    }

    /// The orders since the last look.
    #[track_caller]
    fn orders(&mut self, expected: &[&str]) {
        let orders = self.bench.store.orders();
        assert_eq!(self.words(&orders), expected);
    }

    /// A called person answers or presses, and hears this.
    #[track_caller]
    fn screen(&mut self, leg: LegId, digits: Option<&str>, hears: &str) {
        let turn = self.bench.screen(leg, digits);
        let script = turn.answer.clone().expect("a leg that asks is answered");
        assert_eq!(script.key, CallbackKey::Leg(leg));
        assert_eq!(self.bench.hears(&turn), hears, "{digits:?}");
    }

    fn status(&mut self, leg: LegId, status: CallStatus) {
        self.bench.leg_status(leg, status);
    }

    /// The caller is not moved. A leg that shows itself after it was given up may be ended once more.
    #[track_caller]
    fn stays(&mut self) {
        let orders = self.bench.store.orders();
        assert!(
            orders
                .iter()
                .all(|order| matches!(order, Order::EndLeg { .. }))
        );
    }

    /// The caller is moved on and hears this.
    #[track_caller]
    fn moved_on(&mut self, hears: &str) {
        let turn = self.bench.store.calls[&self.call].turn;
        self.orders(&[&format!("move {turn}")]);
        let fetched = |bench: &Bench, call| bench.store.calls[&call].fetched;
        assert!(fetched(&self.bench, self.call) < turn);
        let told = self.bench.told(self.call, CallEventKind::Resumed);
        assert_eq!(self.bench.hears(&told), hears);
        assert_eq!(fetched(&self.bench, self.call), turn);
    }
}

#[test]
fn the_first_key_wins_and_the_others_hear_it() {
    let mut it = ringing().placed();
    let (ana, ben) = (it.ana, it.ben);
    it.status(ana, CallStatus::Ringing);
    it.screen(ben, None, PROMPT);
    it.screen(ana, None, PROMPT);
    it.screen(ana, Some("1"), "joins");
    it.orders(&[]);
    assert!(it.bench.leg_of("ana").accepted);
    it.screen(ben, Some("1"), TAKEN);
    assert!(!it.bench.leg_of("ben").accepted);
    it.status(ben, CallStatus::Completed);
    assert_eq!(it.bench.leg_of("ben").status, CallStatus::Completed);
    // A repeated key of the winner joins once more, and nobody else.
    it.screen(ana, Some("1"), "joins");
    it.orders(&[]);
    it.status(ana, CallStatus::Completed);
    let turn = it.bench.dial_ended(it.call, DialStatus::Answered);
    assert_eq!(it.bench.hears(&turn), "hangs up");
    it.bench.status(it.call, CallStatus::Completed);
    assert_eq!(it.bench.outcome(it.call), "answered");
    assert_eq!(it.bench.lines("college"), ["called answered"]);
    assert_eq!(it.bench.live_legs(it.call), [""; 0]);
    assert!(it.bench.store.voicemails.is_empty());
}

#[test]
fn legs_show_our_number_or_the_callers_where_there_is_a_token() {
    let mut it = ringing();
    let from = |orders: &[Order]| match &orders[0] {
        Order::PlaceLeg { from, token, .. } => (from.clone(), token.clone()),
        other => panic!("{other:?}"),
    };
    let orders = it.bench.store.orders();
    assert_eq!(from(&orders), (SHARED.to_owned(), None));
    it.bench.carrier(Inbound::Call(crate::model::CallEvent {
        key: None,
        carrier_id: "CA77".into(),
        kind: CallEventKind::Started {
            from: crate::model::Party::read(PAT),
            to: SHARED.into(),
            token: Some("tok".into()),
        },
    }));
    let orders = it.bench.store.orders();
    assert_eq!(from(&orders), (PAT.to_owned(), Some("tok".to_owned())));
}

#[test]
fn an_answer_without_a_key_does_not_take_the_call() {
    let mut it = ringing().placed();
    let (ana, ben) = (it.ana, it.ben);
    // Ana's mobile goes to its voicemail; ben declines.
    it.screen(ana, None, PROMPT);
    it.screen(ana, Some(""), "hangs up");
    it.orders(&[]);
    it.screen(ben, None, PROMPT);
    it.screen(ben, Some("2"), "hangs up");
    it.moved_on(RECORDS);
    it.bench.recorded(it.call, 8, true);
    assert_eq!(it.bench.outcome(it.call), "voicemail");
    assert_eq!(it.bench.live_legs(it.call), [""; 0]);
}

#[test]
fn a_machine_is_hung_up_on() {
    let mut it = ringing().placed();
    let machine = CallEventKind::Screen {
        digits: None,
        machine: true,
        unsure: false,
    };
    let turn = it.bench.leg(it.ana, machine);
    assert_eq!(it.bench.hears(&turn), "hangs up");
    it.status(it.ben, CallStatus::Busy);
    it.moved_on(RECORDS);
}

#[test]
fn whoever_cannot_be_reached() {
    use CallStatus::{Busy, Canceled, Failed, NoAnswer};
    for first in [Busy, NoAnswer, Failed, Canceled] {
        for second in [Busy, NoAnswer, Failed] {
            let mut it = ringing().placed();
            let (ana, ben) = (it.ana, it.ben);
            it.status(ana, first);
            it.status(ana, first);
            it.status(ana, CallStatus::Ringing);
            it.stays();
            it.status(ben, second);
            it.moved_on(RECORDS);
            // What is told once more moves nobody.
            it.status(ben, second);
            it.status(ana, CallStatus::InProgress);
            it.screen(ana, None, "hangs up");
            it.screen(ben, Some("1"), "hangs up");
            it.stays();
            assert_eq!(it.bench.hears_now(it.call), RECORDS);
        }
    }
}

#[test]
fn legs_that_cannot_be_placed() {
    let mut it = ringing();
    let orders = it.bench.store.orders();
    it.bench.ordered(&orders[0], Some("21211"));
    it.orders(&[]);
    it.bench.ordered(&orders[1], Some("21211"));
    it.moved_on(RECORDS);
    let late = it.bench.ordered(&orders[1], Some("21211"));
    assert_eq!((late.rule, late.writes.len()), ("leg_late", 0));
}

#[test]
fn a_leg_that_has_shown_itself_was_placed() {
    let mut it = ringing();
    let orders = it.bench.store.orders();
    // The answer to the request is lost, and the phone rings all the same.
    it.status(it.ana, CallStatus::Ringing);
    let late = it.bench.ordered(&orders[0], Some("answer_lost"));
    assert_eq!((late.rule, late.writes.len()), ("leg_late", 0));
    it.screen(it.ana, None, PROMPT);
    it.screen(it.ana, Some("1"), "joins");
    let late = it.bench.ordered(&orders[0], Some("answer_lost"));
    assert_eq!((late.rule, late.writes.len()), ("leg_late", 0));
    assert_eq!(it.bench.hears_now(it.call), "holds");
    assert_eq!(it.bench.live_legs(it.call), ["ana"]);
}

#[test]
fn nobody_waits_alone_in_the_room() {
    // Ana has pressed and is on the way into the room when the caller's leaving is told, by either report.
    for with_status in [true, false] {
        let mut it = ringing().placed();
        it.status(it.ben, CallStatus::Busy);
        it.screen(it.ana, None, PROMPT);
        it.screen(it.ana, Some("1"), "joins");
        if with_status {
            it.bench.status(it.call, CallStatus::Completed);
        } else {
            let gone = dial_ended(DialStatus::Canceled, true);
            it.bench.told(it.call, gone);
        }
        it.orders(&["end ana"]);
        assert_eq!(it.bench.leg_of("ana").status, CallStatus::Completed);
        it.status(it.ana, CallStatus::Completed);
        it.orders(&[]);
        assert_eq!(it.bench.outcome(it.call), "answered");
    }
}

#[test]
fn the_time_is_over() {
    let mut it = ringing().placed();
    it.bench.pass(21);
    assert_eq!(it.bench.timers().len(), 1);
    let turn = it.bench.store.calls[&it.call].turn;
    it.orders(&["end ana", "end ben", &format!("move {turn}")]);
    it.status(it.ana, CallStatus::Canceled);
    it.screen(it.ben, Some("1"), "hangs up");
    let told = it.bench.told(it.call, CallEventKind::Resumed);
    assert_eq!(it.bench.hears(&told), RECORDS);
    // Somebody who is just deciding gets a little more.
    let mut it = ringing().placed();
    it.screen(it.ana, None, PROMPT);
    it.bench.pass(21);
    it.bench.timers();
    it.orders(&[]);
    it.screen(it.ana, Some("1"), "joins");
    it.orders(&["end ben"]);
    it.bench.pass(60);
    assert!(it.bench.timers().is_empty());
}

#[test]
fn a_leg_placed_after_it_was_given_up_is_ended() {
    let mut it = ringing();
    let orders = it.bench.store.orders();
    it.bench.ordered(&orders[0], None);
    it.screen(it.ana, None, PROMPT);
    it.screen(it.ana, Some("1"), "joins");
    // Ben's leg has no carrier's id yet: nothing can be ended.
    it.orders(&[]);
    it.bench.ordered(&orders[1], None);
    it.orders(&["end ben"]);
    // Its webhook may come before the answer to the request that placed it.
    let mut it = ringing();
    let orders = it.bench.store.orders();
    it.screen(it.ana, None, PROMPT);
    it.screen(it.ana, Some("1"), "joins");
    it.orders(&[]);
    it.status(it.ben, CallStatus::Ringing);
    it.orders(&["end ben"]);
    it.bench.ordered(&orders[1], None);
    it.orders(&["end ben"]);
    it.screen(it.ben, None, TAKEN);
    // A webhook told the id already; the answer changes nothing.
    let before = it.bench.leg_of("ana");
    it.bench.ordered(&orders[0], None);
    assert_eq!(it.bench.leg_of("ana"), before);
}

#[test]
fn the_caller_leaves_the_room() {
    for with_status in [true, false] {
        let mut it = ringing().placed();
        it.screen(it.ben, None, PROMPT);
        if with_status {
            it.bench.status(it.call, CallStatus::Completed);
        } else {
            let turn = it
                .bench
                .told(it.call, dial_ended(DialStatus::Canceled, true));
            assert_eq!(turn.answer, None);
        }
        it.orders(&["end ana", "end ben"]);
        it.screen(it.ben, Some("1"), "hangs up");
        it.bench
            .told(it.call, dial_ended(DialStatus::Canceled, true));
        it.bench.status(it.call, CallStatus::Completed);
        it.orders(&[]);
        assert_eq!(it.bench.outcome(it.call), "missed");
        assert_eq!(it.bench.live_legs(it.call), [""; 0]);
        assert_eq!(it.bench.lines("college"), ["called missed", "posted"]);
    }
}

#[test]
fn the_caller_leaves_a_conversation() {
    let mut it = ringing().placed();
    it.screen(it.ana, None, PROMPT);
    it.screen(it.ana, Some("1"), "joins");
    it.orders(&["end ben"]);
    it.bench.status(it.call, CallStatus::Completed);
    assert_eq!(it.bench.outcome(it.call), "answered");
    it.status(it.ana, CallStatus::Completed);
    it.bench
        .told(it.call, dial_ended(DialStatus::Answered, true));
    assert_eq!(it.bench.lines("college"), ["called answered"]);
    assert_eq!(it.bench.live_legs(it.call), [""; 0]);
}

#[test]
fn a_room_whose_end_is_never_told() {
    let mut it = ringing().placed();
    it.screen(it.ana, None, PROMPT);
    it.screen(it.ana, Some("1"), "joins");
    it.orders(&["end ben"]);
    it.status(it.ana, CallStatus::Completed);
    it.bench.pass(15);
    it.bench.timers();
    it.moved_on("hangs up");
    assert_eq!(it.bench.outcome(it.call), "answered");
}

#[test]
fn legs_nobody_knows() {
    let mut it = ringing();
    let none: LegId = crate::model::Ids::new(it.bench.now, 4).fresh();
    it.screen(none, Some("1"), "hangs up");
    let turn = it.bench.leg_status(none, CallStatus::Completed);
    assert_eq!(
        (turn.rule, turn.answer, turn.writes.len()),
        ("leg_unknown", None, 0)
    );
    // A dialled leg that asks what nobody expects of it is ended, not left in silence.
    let turn = it.bench.leg(it.ana, CallEventKind::Resumed);
    assert_eq!(
        turn.answer.map(|script| script.verbs),
        Some(vec![CallVerb::Hangup])
    );
}
