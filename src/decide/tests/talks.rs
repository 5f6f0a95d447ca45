//! Recordings of talks: the thread is told of them, once their file is here, and no box.

use super::phone::dial_ended;
use super::sample::{Bench, SHARED, account};
use crate::model::conversation::{ThreadEvent, ThreadEventKind};
use crate::model::turn::JobKind;
use crate::model::{CallEventKind, CallId, CallStatus, DialStatus};

const FILE: Option<&str> = Some("https://example.org/RE1");

/// A caller whom ana's phone rings, one after another, recorded.
fn rings() -> (Bench, CallId) {
    let steps = "
  ring:
    dial: { group: admissions, ring: 20s, record: true }
    then: { answered: end, else: end }
";
    let mut bench = Bench::with(&[("main", steps)], |parts| {
        parts.uses("college", SHARED).call_flow = Some("main".into());
    });
    let (call, _) = bench.rings(SHARED);
    (bench, call)
}

/// The same, after ana talked to the caller.
fn talked() -> (Bench, CallId) {
    let (mut bench, call) = rings();
    let ana = bench.leg_of("ana").id;
    bench.leg_status(ana, CallStatus::InProgress);
    bench.leg_status(ana, CallStatus::Completed);
    bench.told(call, dial_ended(DialStatus::Answered, true));
    (bench, call)
}

fn talk(url: Option<&str>, duration_s: u32) -> CallEventKind {
    CallEventKind::TalkRecorded {
        recording: "RE1".to_owned(),
        url: url.map(str::to_owned),
        duration_s,
    }
}

/// What is fetched for threads: the line that tells of it, and from where.
fn fetched(bench: &Bench) -> Vec<(ThreadEvent, String)> {
    let jobs = bench.store.jobs.iter();
    jobs.filter_map(|job| match &job.kind {
        JobKind::FetchTalk { line, url } => Some(((**line).clone(), url.clone())),
        _ => None,
    })
    .collect()
}

#[test]
fn the_file_is_fetched_and_told_when_it_is_here() {
    let (mut bench, call) = talked();
    assert_eq!(bench.outcome(call), "answered");
    let before = bench.lines("college");
    let turn = bench.told(call, talk(FILE, 31));
    assert_eq!((turn.rule, turn.answer), ("talk_recorded", None));
    let fetched = fetched(&bench);
    let (line, url) = &fetched[0];
    assert_eq!((fetched.len(), Some(url.as_str())), (1, FILE));
    assert_eq!(line.account, account("college"));
    assert_eq!(line.conversation, bench.conversation("college").id);
    let kind = ThreadEventKind::CallRecorded {
        call,
        seconds: 31,
        blob: None,
    };
    assert_eq!(line.kind, kind);
    assert_eq!(bench.lines("college"), before, "nothing to listen to yet");
    assert!(bench.store.voicemails.is_empty(), "it is in no box");
}

#[test]
fn it_may_be_told_while_the_call_goes_on() {
    let (mut bench, call) = rings();
    let ana = bench.leg_of("ana").id;
    bench.leg_status(ana, CallStatus::InProgress);
    let turn = bench.store.calls[&call].turn;
    bench.told(call, talk(FILE, 31));
    assert_eq!(fetched(&bench).len(), 1);
    assert_eq!(
        bench.store.calls[&call].turn, turn,
        "the call stays where it is"
    );
    bench.told(call, dial_ended(DialStatus::Answered, true));
    assert_eq!(bench.outcome(call), "answered");
}

#[test]
fn what_the_carrier_has_not_is_told_at_once() {
    let (mut bench, call) = talked();
    let turn = bench.told(call, talk(None, 0));
    assert_eq!((turn.rule, turn.notices.len()), ("talk_recorded", 1));
    assert_eq!(bench.lines("college").last().unwrap(), "call_recorded");
    assert!(fetched(&bench).is_empty());
}

#[test]
fn a_talk_that_never_was_is_not_missed() {
    let (mut bench, call) = rings();
    bench.told(call, dial_ended(DialStatus::NoAnswer, true));
    let before = bench.lines("college");
    let turn = bench.told(call, talk(None, 0));
    assert_eq!((turn.rule, turn.writes.len()), ("talk_absent", 0));
    assert_eq!(bench.lines("college"), before);
}

/// From a queue the member is mostly first in the room, and the recording is reported of that leg; the call may be over
/// by then, or not.
#[test]
fn a_talk_from_a_queue_is_told_of_the_members_leg() {
    for over in [false, true] {
        let steps = "
  line:
    queue: { group: admissions, record: true }
    then: { connected: end, timeout: end }
";
        let mut bench = Bench::with(&[("main", steps)], |parts| {
            parts.uses("college", SHARED).call_flow = Some("main".into());
        });
        let (call, _) = bench.rings(SHARED);
        let ana = bench.leg_of("ana").id;
        bench.screen(ana, None);
        bench.screen(ana, Some("1"));
        if over {
            bench.told(call, dial_ended(DialStatus::Answered, true));
            bench.leg_status(ana, CallStatus::Completed);
            assert_eq!(bench.outcome(call), "answered");
        }
        let turn = bench.leg(ana, talk(FILE, 12));
        assert_eq!((turn.rule, turn.answer), ("talk_recorded", None));
        let fetched = fetched(&bench);
        let (line, url) = &fetched[0];
        assert_eq!((fetched.len(), Some(url.as_str())), (1, FILE));
        assert_eq!(line.conversation, bench.conversation("college").id);
        let kind = ThreadEventKind::CallRecorded {
            call,
            seconds: 12,
            blob: None,
        };
        assert_eq!(line.kind, kind);
    }
}
