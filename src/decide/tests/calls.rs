//! Calls: from the first ring to the box, whoever is busy, absent or gone.

use super::phone::{dial_ended, recorded};
use super::sample::{Bench, PLAIN, Parts, SHARED, group, ops, user};
use crate::model::conversation::ConversationState;
use crate::model::people::Presence;
use crate::model::{CallEventKind, CallStatus, DialStatus, Inbound, MessageKind, Order};

pub(super) const DOWN: (&str, &str) = (
    "main",
    "
  ring:
    dial: { group: billing, order: sequential, ring: 15s }
    then: { answered: end, else: box }
  box:
    voicemail: { group: billing, min: 2s }
    next: end
",
);

const MENU: (&str, &str) = (
    "main",
    "
  hello:
    say: Welcome
    next: choose
  choose:
    menu: { prompt: Press one, tries: 2 }
    then: { 1: ring, invalid: box, timeout: box }
  ring:
    dial: { user: ana, accept: key }
    then: { answered: end, else: box }
  box:
    voicemail: { user: ana }
    next: end
",
);

fn bench(flow: (&str, &str)) -> Bench {
    Bench::with(&[flow], answers)
}

pub(super) fn answers(parts: &mut Parts) {
    parts.uses("college", SHARED).call_flow = Some("main".into());
}

const RECORDS: &str = "\"Please leave a message after the tone.\", records";

/// Rings down the group (ben, then ana) and leaves a voicemail.
#[track_caller]
fn check(first: DialStatus, second: DialStatus) {
    let mut bench = bench(DOWN);
    let (call, turn) = bench.rings(SHARED);
    assert_eq!(bench.hears(&turn), "rings ben");
    let turn = bench.dial_ended(call, first);
    assert_eq!(bench.hears(&turn), "rings ana", "{first:?}");
    let turn = bench.dial_ended(call, second);
    assert_eq!(bench.hears(&turn), RECORDS, "{second:?}");
    let turn = bench.recorded(call, 12, false);
    assert_eq!(bench.hears(&turn), "hangs up");
    bench.status(call, CallStatus::Completed);
    assert_eq!(bench.outcome(call), "voicemail");
    assert_eq!(bench.live_legs(call), [""; 0]);
    let left = bench.store.voicemails_of(call);
    assert_eq!(
        (left.len(), left[0].duration_s, left[0].owner),
        (1, 12, group("billing"))
    );
    assert_eq!(
        bench.lines("college"),
        ["voicemail_left", "posted", "called voicemail"]
    );
    assert_eq!(
        bench.conversation("college").responsible(),
        group("billing")
    );
}

#[test]
fn rings_down_the_group_to_its_voicemail() {
    use DialStatus::{Busy, Declined, Failed, NoAnswer};
    for first in [NoAnswer, Busy, Declined, Failed] {
        for second in [NoAnswer, Busy, Declined, Failed] {
            check(first, second);
        }
    }
}

#[test]
fn whoever_answers_has_the_call() {
    let mut bench = bench(DOWN);
    let (call, _) = bench.rings(SHARED);
    let (row, run) = (bench.store.calls[&call].clone(), bench.store.runs.len());
    assert_eq!((row.status, row.turn, run), (CallStatus::Ringing, 1, 1));
    bench.status(call, CallStatus::InProgress);
    bench.dial_ended(call, DialStatus::Busy);
    let ana = bench.leg_of("ana").id;
    bench.leg_status(ana, CallStatus::Ringing);
    bench.leg_status(ana, CallStatus::InProgress);
    assert!(bench.leg_of("ana").accepted);
    // A late report undoes nothing.
    bench.leg_status(ana, CallStatus::Ringing);
    bench.status(call, CallStatus::Ringing);
    assert_eq!(bench.leg_of("ana").status, CallStatus::InProgress);
    assert_eq!(bench.store.calls[&call].status, CallStatus::InProgress);
    let turn = bench.dial_ended(call, DialStatus::Answered);
    assert_eq!(bench.hears(&turn), "hangs up");
    bench.leg_status(ana, CallStatus::Completed);
    bench.status(call, CallStatus::Completed);
    bench.status(call, CallStatus::Completed);
    assert_eq!(bench.outcome(call), "answered");
    assert_eq!(bench.lines("college"), ["called answered"]);
    let events = bench.store.events.last().unwrap();
    let by = format!("{:?}", events.kind);
    assert!(by.contains(&format!("{:?}", user("ana"))), "{by}");
    assert_eq!(
        bench.conversation("college").state,
        ConversationState::Automated
    );
    assert!(bench.store.voicemails.is_empty());
}

#[test]
fn reports_of_legs_in_any_order_change_nothing_about_the_way() {
    use CallStatus::{Busy, Canceled, Completed, NoAnswer, Queued, Ringing};
    let orders: [&[CallStatus]; 4] = [
        &[Queued, Ringing, Busy],
        &[Busy, Ringing, Queued],
        &[Busy, Busy, NoAnswer],
        &[Canceled, Completed],
    ];
    for reports in orders {
        for before in [true, false] {
            let mut bench = bench(DOWN);
            let (call, _) = bench.rings(SHARED);
            let ben = bench.leg_of("ben").id;
            let report = |bench: &mut Bench| {
                for status in reports {
                    let turn = bench.leg_status(ben, *status);
                    assert_eq!(turn.answer, None);
                }
            };
            if before {
                report(&mut bench);
            }
            let turn = bench.dial_ended(call, DialStatus::Busy);
            assert_eq!(bench.hears(&turn), "rings ana", "{reports:?}");
            if !before {
                report(&mut bench);
            }
            assert_eq!(bench.live_legs(call), ["ana"]);
        }
    }
}

#[test]
fn groups_without_anybody_to_ring() {
    for (who, change) in [("left", 0), ("front", 0), ("billing", 1), ("billing", 2)] {
        let steps = DOWN
            .1
            .replace("group: billing, order", &format!("group: {who}, order"));
        let mut bench = bench(("main", &steps));
        if change == 1 {
            let away = Presence {
                offline: true,
                busy: false,
                ..Presence::default()
            };
            let busy = Presence {
                offline: false,
                busy: true,
                ..Presence::default()
            };
            bench.presence("ana", away);
            bench.presence("ben", busy);
        }
        if change == 2 {
            bench.reorganise(|parts| {
                answers(parts);
                parts.accounts[0].groups[1].members.clear();
            });
        }
        let (call, turn) = bench.rings(SHARED);
        assert_eq!(bench.hears(&turn), RECORDS, "{who} {change}");
        bench.recorded(call, 12, true);
        assert_eq!(bench.outcome(call), "voicemail");
        let left = bench.store.voicemails_of(call);
        let owner = if change == 2 {
            group("admissions")
        } else {
            group("billing")
        };
        assert_eq!(
            left[0].owner, owner,
            "a box whose people are gone is replaced"
        );
    }
}

#[test]
fn members_are_read_when_the_call_comes_and_the_caller_is_not_rung() {
    let mut own = bench(DOWN);
    let (_, turn) = own.rings_from("+12025550111", SHARED);
    assert_eq!(own.hears(&turn), "rings ana", "ben calls");
    let mut bench = bench(DOWN);
    let (call, _) = bench.rings(SHARED);
    // Ana leaves while ben's phone rings.
    bench.reorganise(|parts| {
        answers(parts);
        parts.user("ana").active = false;
    });
    let turn = bench.dial_ended(call, DialStatus::NoAnswer);
    assert_eq!(bench.hears(&turn), RECORDS);
}

/// What happens to a call, one after another.
fn way(at: usize, bench: &mut Bench, call: crate::model::CallId) {
    match at {
        0 => drop(bench.leg_status(bench.leg_of("ben").id, CallStatus::Ringing)),
        1 => drop(bench.dial_ended(call, DialStatus::NoAnswer)),
        2 => drop(bench.leg_status(bench.leg_of("ana").id, CallStatus::Ringing)),
        3 => drop(bench.dial_ended(call, DialStatus::Busy)),
        _ => drop(bench.recorded(call, 9, false)),
    }
}

#[test]
fn callers_who_hang_up_at_any_moment() {
    for steps in 0..=5 {
        for early in [false, true] {
            let mut bench = bench(DOWN);
            let (call, _) = bench.rings(SHARED);
            (0..steps).for_each(|at| way(at, &mut bench, call));
            // The leg's end and the verb's end are told in either order.
            let last = match steps {
                0..=3 => dial_ended(DialStatus::Canceled, true),
                4 => recorded(0, true),
                _ => CallEventKind::Resumed,
            };
            let turn = bench.store.calls[&call].turn;
            if early {
                bench.status(call, CallStatus::Completed);
            }
            let answer = bench.told_at(call, turn, last.clone());
            assert!(answer.answer.is_none() || early || steps == 5, "{steps}");
            bench.told_at(call, turn, last);
            bench.status(call, CallStatus::Completed);
            bench.pass(3600);
            bench.timers();
            let outcome = if steps == 5 { "voicemail" } else { "missed" };
            assert_eq!(bench.outcome(call), outcome, "{steps} {early}");
            assert_eq!(bench.live_legs(call), [""; 0], "{steps} {early}");
            assert!(bench.store.calls[&call].ended_at.is_some());
            let said = bench
                .lines("college")
                .into_iter()
                .filter(|line| line.starts_with("called"));
            assert_eq!(said.collect::<Vec<_>>(), [format!("called {outcome}")]);
            // Who was missed is in somebody's list, and in a box.
            let thread = bench.conversation("college");
            assert_eq!(
                (thread.state, thread.unread),
                (ConversationState::Open, true)
            );
            assert_eq!(bench.store.voicemails_of(call).len(), 1);
        }
    }
}

#[test]
fn menus_and_keys() {
    let mut bench = bench(MENU);
    let (call, turn) = bench.rings(SHARED);
    assert_eq!(bench.hears(&turn), "\"Welcome\", keys");
    let turn = bench.presses(call, "7");
    assert_eq!(bench.hears(&turn), "keys");
    let turn = bench.presses(call, "1");
    assert_eq!(bench.hears(&turn), "rings ana");
    // Her own mobile's voicemail does not press 1.
    let ana = bench.leg_of("ana").id;
    let turn = bench.screen(ana, None);
    assert_eq!(bench.hears(&turn), "keys, hangs up");
    let turn = bench.screen(ana, Some(""));
    assert_eq!(bench.hears(&turn), "hangs up");
    let turn = bench.dial_ended(call, DialStatus::Answered);
    assert_eq!(bench.hears(&turn), RECORDS);
    assert!(!bench.leg_of("ana").accepted);
    // She presses 1.
    let (call, _) = bench.rings(SHARED);
    bench.presses(call, "1");
    let ana = bench.leg_of("ana").id;
    bench.screen(ana, None);
    let turn = bench.screen(ana, Some("1"));
    assert_eq!(
        turn.answer.map(|script| script.verbs),
        Some(vec![]),
        "she is connected"
    );
    bench.dial_ended(call, DialStatus::Answered);
    assert_eq!(bench.outcome(call), "answered");
}

#[test]
fn an_old_turn_hears_the_present_script_and_changes_nothing() {
    let mut bench = bench(MENU);
    let (call, _) = bench.rings(SHARED);
    bench.presses(call, "1");
    let before = bench.store.clone();
    for turn in [0, 1, 3, 99] {
        let digits = "1".to_owned();
        let told = bench.told_at(call, turn, CallEventKind::Digits { digits });
        assert_eq!(
            (told.rule, bench.hears(&told).as_str()),
            ("call_stale", "rings ana")
        );
        assert!(told.writes.is_empty());
    }
    let told = bench.told(call, CallEventKind::Resumed);
    assert_eq!(
        (told.rule, bench.hears(&told).as_str()),
        ("call_resumed", "rings ana")
    );
    assert!(
        told.writes.is_empty(),
        "it had the script by an answer already"
    );
    assert_eq!(bench.store.calls, before.calls);
    assert_eq!(bench.store.runs, before.runs);
    // An event of a call nobody knows.
    let key = crate::model::CallbackKey::Call(crate::model::Ids::new(bench.now, 3).fresh(), 1);
    let told = bench.carrier(Inbound::Call(crate::model::CallEvent {
        key: Some(key),
        carrier_id: "CA999".into(),
        kind: CallEventKind::Resumed,
    }));
    assert_eq!((told.rule, told.writes.len()), ("call_unknown", 0));
    // After the end there is only the end.
    bench.status(call, CallStatus::Completed);
    let told = bench.told(call, CallEventKind::Resumed);
    assert_eq!(bench.hears(&told), "hangs up");
}

#[test]
fn a_hang_up_told_at_an_old_turn_counts() {
    for last in [dial_ended(DialStatus::Canceled, true), recorded(3, true)] {
        let mut bench = bench(DOWN);
        let (call, _) = bench.rings(SHARED);
        bench.dial_ended(call, DialStatus::NoAnswer);
        let told = bench.told_at(call, 1, last);
        assert_eq!(told.answer, None);
        assert!(bench.store.calls[&call].ended_at.is_some());
        assert_eq!(bench.outcome(call), "missed");
        assert_eq!(bench.live_legs(call), [""; 0]);
    }
}

#[test]
fn a_call_of_which_nothing_more_is_heard_is_over() {
    let mut bench = bench(MENU);
    let (call, _) = bench.rings(SHARED);
    bench.pass(4 * 3600);
    assert!(bench.timers().is_empty());
    bench.presses(call, "1");
    bench.pass(4 * 3600);
    assert!(bench.timers().is_empty(), "ana may be talking");
    bench.pass(3600);
    let turns = bench.timers();
    assert_eq!(turns[0].rule, "call_forgotten");
    assert!(bench.store.calls[&call].ended_at.is_some());
    assert_eq!(bench.outcome(call), "missed");
    assert_eq!(bench.live_legs(call), [""; 0]);
    assert!(bench.timers().is_empty());
}

#[test]
fn a_status_without_our_key_finds_its_call() {
    let mut bench = bench(DOWN);
    let (call, _) = bench.rings(SHARED);
    let carrier_id = bench.store.calls[&call].carrier_id.clone();
    let status = CallStatus::Completed;
    let mut tell = |carrier_id: String| {
        bench.carrier(Inbound::Call(crate::model::CallEvent {
            key: None,
            carrier_id,
            kind: CallEventKind::Status {
                status,
                duration_s: None,
            },
        }))
    };
    assert_eq!(tell("CA999".into()).rule, "call_unknown");
    assert_eq!(tell(carrier_id).rule, "call_status");
    assert_eq!(bench.outcome(call), "missed");
}

#[test]
fn a_number_without_a_flow_takes_voicemails() {
    let mut bench = Bench::new(&[]);
    let (call, turn) = bench.rings(PLAIN);
    assert_eq!(bench.hears(&turn), RECORDS);
    let turn = bench.recorded(call, 20, false);
    assert_eq!(bench.hears(&turn), "hangs up");
    assert_eq!(bench.outcome(call), "voicemail");
    assert_eq!(bench.store.voicemails_of(call)[0].owner, group("front"));
    // A flow that was never published: the same, and a person is told.
    let mut bench = Bench::with(&[], answers);
    let (call, turn) = bench.rings(SHARED);
    assert_eq!(bench.hears(&turn), RECORDS);
    bench.recorded(call, 20, true);
    assert_eq!(
        bench.store.voicemails_of(call)[0].owner,
        group("admissions")
    );
    assert_eq!(bench.lines("college")[..2], ["flow_stopped", "posted"]);
}

#[test]
fn a_caller_whose_flow_breaks_off_may_leave_a_voicemail() {
    let nowhere = (
        "main",
        "\n  hello:\n    say: Welcome\n    next: on\n  on:\n    goto: elsewhere\n",
    );
    let mut broken = bench(nowhere);
    let (call, turn) = broken.rings(SHARED);
    assert_eq!(broken.hears(&turn), RECORDS);
    assert_eq!(broken.lines("college"), ["flow_stopped", "posted"]);
    broken.recorded(call, 20, true);
    assert_eq!(broken.outcome(call), "voicemail");
    // The revision vanishes while a phone rings, and the caller is nowhere near a webhook.
    let steps = MENU.1.replace(
        "user: ana, accept: key",
        "group: admissions, order: simultaneous, accept: key",
    );
    let mut bench = bench(("main", &steps));
    let (call, _) = bench.rings(SHARED);
    bench.presses(call, "1");
    let placed = bench.store.orders();
    bench.ordered(&placed[0], None);
    bench.world.flows = std::sync::Arc::default();
    bench.pass(60);
    bench.timers();
    assert_eq!(bench.hears_now(call), RECORDS);
    let orders = bench.store.orders();
    let turn = bench.store.calls[&call].turn;
    assert!(
        orders
            .iter()
            .any(|order| matches!(order, Order::MoveCall { turn: to, .. } if *to == turn)),
        "{orders:?}"
    );
    assert!(
        orders
            .iter()
            .any(|order| matches!(order, Order::EndLeg { .. }))
    );
    let told = bench.told(call, CallEventKind::Resumed);
    assert_eq!(bench.hears(&told), RECORDS);
    bench.recorded(call, 5, true);
    assert_eq!(bench.outcome(call), "voicemail");
    assert_eq!(bench.live_legs(call), [""; 0]);
}

#[test]
fn calls_to_numbers_that_are_not_ours() {
    let mut bench = Bench::with(&[], |parts| parts.number(PLAIN).voice = false);
    for to in [PLAIN, "+12025550199"] {
        let turn = bench.carrier(Inbound::Call(crate::model::CallEvent {
            key: None,
            carrier_id: "CA1".into(),
            kind: CallEventKind::Started {
                from: crate::model::Party::Withheld,
                to: to.to_owned(),
                token: None,
            },
        }));
        assert_eq!(
            (turn.rule, ops(&turn)),
            ("unknown_number", vec!["unknown_number"])
        );
    }
}

#[test]
fn callers_who_hide_their_number() {
    let mut bench = bench(DOWN);
    let (call, turn) = bench.rings_from("anonymous", SHARED);
    assert_eq!(bench.hears(&turn), "rings ben");
    bench.told(call, dial_ended(DialStatus::Canceled, true));
    assert_eq!(bench.outcome(call), "missed");
    assert!(bench.store.contacts.is_empty());
    assert_eq!(
        bench.conversation("college").party,
        crate::model::Party::Withheld
    );
}

#[test]
fn calls_and_texts_of_a_person_share_a_thread() {
    let mut bench = bench(DOWN);
    bench.sms(SHARED, "bills");
    let (call, _) = bench.rings(SHARED);
    bench.told(call, dial_ended(DialStatus::Canceled, true));
    assert_eq!(bench.store.conversations.len(), 1);
    assert_eq!(bench.store.contacts.len(), 1);
    assert_eq!(bench.lines("college"), ["posted", "called missed"]);
    assert!(
        bench
            .store
            .messages
            .values()
            .all(|one| one.kind == MessageKind::Inbound)
    );
}

#[test]
fn secret_keys_leave_no_trace() {
    let steps = "
  pin:
    gather: { prompt: Your number, digits: 4, save_as: flow.pin, secret: true }
    then: { got: end, timeout: end }
";
    let mut secret = bench(("main", steps));
    let (call, _) = secret.rings(SHARED);
    let turn = secret.presses(call, "1234");
    assert!(turn.redact);
    // A repeat at an old turn: nobody can tell any more.
    let digits = "1234".to_owned();
    let digits = CallEventKind::Digits { digits };
    assert!(secret.told_at(call, 1, digits.clone()).redact);
    // The end of the call is told first, or nothing is known of the call.
    let (call, _) = secret.rings(SHARED);
    secret.status(call, CallStatus::Completed);
    assert!(secret.told_at(call, 1, digits.clone()).redact);
    assert!(secret.told(call, digits.clone()).redact);
    let nobody = crate::model::Ids::new(secret.now, 3).fresh();
    let unknown = secret.carrier(Inbound::Call(crate::model::CallEvent {
        key: Some(crate::model::CallbackKey::Call(nobody, 1)),
        carrier_id: "CA999".into(),
        kind: digits,
    }));
    assert!(unknown.redact);
    let mut open = bench(MENU);
    let (call, _) = open.rings(SHARED);
    assert!(!open.presses(call, "1").redact);
    // Keys that no menu waits for any more.
    assert!(open.presses(call, "4711").redact);
}
