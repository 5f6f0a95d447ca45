//! Several callers wait in line for the members of one group: who is rung for whom, and in which order.

use super::phone::{dial_ended, word};
use super::sample::{Bench, PLAIN, SHARED, account, group, user};
use crate::decide::{At, decide, needs};
use crate::model::people::Presence;
use crate::model::turn::Decision;
use crate::model::{CallId, CallStatus, DialStatus, Ids, LegId, Order};

const LINE: (&str, &str) = (
    "main",
    "
  line:
    queue: { group: admissions, max_wait: 5m, ring: 15s, position: true, callback_key: 9 }
    then: { connected: end, timeout: box, callback: back }
  back:
    inbox: { group: admissions, note: Asked to be called back }
    next: end
  box:
    voicemail: { group: admissions }
    next: end
",
);

fn bench() -> Bench {
    Bench::with(&[LINE], |parts| {
        parts.uses("college", SHARED).call_flow = Some("main".into());
    })
}

impl Bench {
    /// Somebody calls; the last digits of the phone tell callers apart.
    pub(super) fn queues(&mut self, caller: u32) -> CallId {
        let (call, turn) = self.rings_from(&format!("+120255501{caller}"), SHARED);
        assert_eq!(self.hears(&turn), "keys");
        call
    }

    /// The orders since the last look.
    #[track_caller]
    fn ordered_now(&mut self, expected: &[&str]) {
        let orders = self.store.orders();
        let found: Vec<String> = orders.iter().map(|order| word(self, order)).collect();
        assert_eq!(found, expected);
        for order in orders {
            if matches!(order, Order::PlaceLeg { .. }) {
                self.ordered(&order, None);
            }
        }
    }

    /// The member picks up, presses 1 and has the caller.
    pub(super) fn takes(&mut self, key: &str) -> LegId {
        let leg = self.leg_of(key).id;
        self.screen(leg, None);
        let turn = self.screen(leg, Some("1"));
        assert_eq!(self.hears(&turn), "joins");
        leg
    }

    /// For whom a member is rung.
    fn rung_for(&self) -> Vec<(CallId, String)> {
        let rows = self.store.waiting.values();
        let rung = rows.filter_map(|row| Some((row.call, self.store.legs_of(row.call, row.user?))));
        rung.collect()
    }
}

impl super::store::Store {
    fn legs_of(&self, call: CallId, user: crate::model::UserId) -> String {
        let mut legs = self.legs.values();
        let found = legs.find(|leg| leg.call == call && leg.user == Some(user));
        found.map(|leg| leg.phone.to_string()).unwrap_or_default()
    }
}

#[test]
fn each_member_is_rung_for_one_caller_and_first_come_is_first_served() {
    let mut bench = bench();
    let one = bench.queues(51);
    bench.ordered_now(&["place ana"]);
    let two = bench.queues(52);
    bench.ordered_now(&["place ben"]);
    let three = bench.queues(53);
    let four = bench.queues(54);
    bench.ordered_now(&[]);
    assert_eq!(bench.rung_for().len(), 2);
    // Ben takes the second caller, and is free again when the third and the fourth look.
    let ben = bench.takes("ben");
    bench.ordered_now(&[&format!("move {}", bench.store.calls[&two].turn)]);
    bench.leg_status(ben, CallStatus::Completed);
    let turn = bench.told(two, dial_ended(DialStatus::Answered, false));
    assert_eq!(bench.hears(&turn), "hangs up");
    assert_eq!(bench.outcome(two), "answered");
    // Who came later leaves Ben to who came first, though the later one looks first.
    bench.presses(four, "");
    bench.ordered_now(&[]);
    bench.presses(three, "");
    bench.ordered_now(&["place ben"]);
    let rung: Vec<CallId> = bench.rung_for().into_iter().map(|(call, _)| call).collect();
    assert_eq!(rung, [one, three]);
    // The callers who wait, from first to last.
    assert_eq!(bench.store.waiting.len(), 3);
}

#[test]
fn a_member_who_talks_is_not_rung_and_is_when_the_talk_is_over() {
    let mut bench = bench();
    bench.presence(
        "ben",
        Presence {
            offline: true,
            ..Presence::default()
        },
    );
    bench.queues(51);
    bench.ordered_now(&["place ana"]);
    let ana = bench.takes("ana");
    bench.store.orders();
    let two = bench.queues(52);
    for _ in 0..5 {
        bench.pass(3);
        bench.timers();
    }
    bench.ordered_now(&[]);
    bench.leg_status(ana, CallStatus::Completed);
    bench.pass(3);
    bench.timers();
    bench.ordered_now(&["place ana"]);
    assert_eq!(bench.leg_of("ana").call, two);
}

#[test]
fn who_leaves_lets_the_next_come_forward() {
    let mut bench = bench();
    bench.presence(
        "ben",
        Presence {
            offline: true,
            ..Presence::default()
        },
    );
    let one = bench.queues(51);
    bench.ordered_now(&["place ana"]);
    let two = bench.queues(52);
    bench.ordered_now(&[]);
    // The first hangs up while Ana rings.
    bench.status(one, CallStatus::Completed);
    bench.ordered_now(&["end ana"]);
    assert_eq!(bench.outcome(one), "missed");
    bench.leg_status(bench.leg_of("ana").id, CallStatus::Canceled);
    // Ana rests, and is rung for the second.
    bench.pass(3);
    bench.timers();
    bench.ordered_now(&[]);
    bench.pass(30);
    bench.timers();
    bench.ordered_now(&["place ana"]);
    assert_eq!(bench.leg_of("ana").call, two);
    // The second would rather be called back.
    let turn = bench.presses(two, "9");
    assert_eq!(bench.hears(&turn), "hangs up");
    bench.ordered_now(&["end ana"]);
    assert_eq!(
        bench.lines("college").last().map(String::as_str),
        Some("called missed")
    );
    assert!(bench.store.waiting.is_empty());
}

#[test]
fn repeats_and_late_reports_change_nothing() {
    let mut bench = bench();
    let call = bench.queues(51);
    bench.ordered_now(&["place ana"]);
    let turn = bench.store.calls[&call].turn;
    let ana = bench.takes("ana");
    bench.store.orders();
    let waiting = bench.store.waiting.clone();
    assert!(waiting.is_empty());
    // The caller's leg asks for more music, of the turn before: it is told of the room.
    let digits = String::new();
    let late = bench.told_at(call, turn, crate::model::CallEventKind::Digits { digits });
    assert_eq!(bench.hears(&late), "holds");
    // The key comes twice, the ringing is told late, an old timer fires.
    let again = bench.screen(ana, Some("1"));
    assert_eq!(bench.hears(&again), "joins");
    bench.leg_status(ana, CallStatus::Ringing);
    bench.timers();
    bench.ordered_now(&[]);
    // It is over twice.
    bench.status(call, CallStatus::Completed);
    bench.status(call, CallStatus::Completed);
    assert_eq!(bench.outcome(call), "answered");
    assert_eq!(bench.live_legs(call), [""; 0]);
}

#[test]
fn two_who_look_in_one_batch_do_not_ring_the_same_member() {
    let mut bench = bench();
    bench.presence(
        "ana",
        Presence {
            offline: true,
            ..Presence::default()
        },
    );
    bench.presence(
        "ben",
        Presence {
            offline: true,
            ..Presence::default()
        },
    );
    let calls = [bench.queues(51), bench.queues(52)];
    bench.ordered_now(&[]);
    bench.presence("ana", Presence::default());
    bench.pass(10);
    // Both timers are decided on what was loaded once, as in a batch.
    let inputs = bench.store.due(bench.now);
    assert_eq!(inputs.len(), 2);
    let mut state = None;
    let mut known = Vec::new();
    let mut placed = Vec::new();
    for (at, input) in inputs.iter().enumerate() {
        known.extend(needs(&bench.world, input));
        let at = At {
            event: Ids::new(bench.now, 900 + at as u64).fresh(),
            now: bench.now,
            seed: 900 + at as u64,
        };
        let turn = loop {
            let have = state.get_or_insert_with(|| bench.store.load(&known));
            have.absorb(bench.store.load(&known));
            match decide(&bench.world, have, input, at) {
                Decision::Done(turn) => {
                    have.apply(&turn);
                    break turn;
                }
                Decision::Need(more) => known.extend(more),
                Decision::Undecided(why) => panic!("{why}"),
            }
        };
        bench.store.apply(&turn);
        placed.push(bench.store.orders().len());
    }
    assert_eq!(placed.iter().sum::<usize>(), 1, "{placed:?}");
    let rung: Vec<CallId> = bench.rung_for().into_iter().map(|(call, _)| call).collect();
    assert_eq!(rung, calls[..1]);
}

/// Two accounts, each with a line of its own, and Ana in both.
fn with_two_lines(ring: &str) -> Bench {
    let line = |group: &str, ring: &str| {
        format!(
            "\n  line:\n    queue: {{ group: {group}, max_wait: 5m, ring: {ring} }}\n    then: {{ connected: end, timeout: end }}\n"
        )
    };
    let (college, clinic) = (line("admissions", ring), line("nurses", "5s"));
    Bench::with(&[("main", &college), ("pills", &clinic)], |parts| {
        parts.uses("college", SHARED).call_flow = Some("main".into());
        parts.account("college").groups[0].members = vec![user("ana")];
        let mut plain = parts.uses("college", PLAIN).clone();
        plain.route = group("nurses");
        plain.call_flow = Some("pills".into());
        parts.number(PLAIN).calls = account("clinic");
        let clinic = parts.account("clinic");
        clinic.numbers.push(plain);
        clinic.groups[0].members = vec![user("ana")];
    })
}

#[test]
fn a_member_of_two_accounts_is_rung_by_one_line_at_a_time() {
    let mut bench = with_two_lines("60s");
    let one = bench.queues(51);
    bench.ordered_now(&["place ana"]);
    let ana = bench.leg_of("ana").id;
    bench.leg_status(ana, CallStatus::Ringing);
    let (two, turn) = bench.rings_from("+12025550152", PLAIN);
    assert_eq!(bench.hears(&turn), "keys");
    // Far longer than the other line leaves alone whom it rang itself.
    for _ in 0..15 {
        bench.pass(3);
        bench.timers();
        bench.ordered_now(&[]);
    }
    bench.leg_status(ana, CallStatus::NoAnswer);
    bench.store.orders();
    bench.pass(30);
    bench.presses(two, "");
    bench.ordered_now(&["place ana"]);
    assert_eq!(bench.leg_of("ana").call, two);
    // And the other way round: nor does the first line ring her now.
    bench.pass(10);
    bench.presses(one, "");
    bench.ordered_now(&[]);
}
