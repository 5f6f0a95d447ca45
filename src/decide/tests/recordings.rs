//! Recordings: their files and words, in whatever order they are told.

use super::phone::recorded;
use super::sample::{Bench, PLAIN, group, user};
use crate::decide::Input;
use crate::inbox::voicemail::is_missed_call;
use crate::model::conversation::{Voicemail, VoicemailState};
use crate::model::staff::{StaffAction, StaffVerb};
use crate::model::turn::JobKind;
use crate::model::{CallEventKind, CallId, CallStatus};

/// A caller who hears the beep of a number without a flow.
fn beep() -> (Bench, CallId) {
    let mut bench = Bench::new(&[]);
    let (call, _) = bench.rings(PLAIN);
    (bench, call)
}

fn ready(recording: &str, url: Option<&str>) -> CallEventKind {
    CallEventKind::RecordingReady {
        recording: recording.to_owned(),
        url: url.map(str::to_owned),
        duration_s: 11,
    }
}

const FILE: Option<&str> = Some("https://example.org/RE1");

fn words(recording: &str, text: Option<&str>) -> CallEventKind {
    CallEventKind::Transcribed {
        recording: recording.to_owned(),
        text: text.map(str::to_owned),
    }
}

/// The only item of the call.
#[track_caller]
fn item(bench: &Bench, call: CallId) -> Voicemail {
    let mut all = bench.store.voicemails_of(call);
    assert_eq!(all.len(), 1);
    all.remove(0)
}

fn fetches(bench: &Bench) -> usize {
    let fetch = |kind: &JobKind| matches!(kind, JobKind::FetchVoicemail { .. });
    bench
        .store
        .jobs
        .iter()
        .filter(|job| fetch(&job.kind))
        .count()
}

#[test]
fn the_file_comes_after_the_end_of_the_recording() {
    let (mut bench, call) = beep();
    bench.recorded(call, 9, false);
    let left = item(&bench, call);
    assert_eq!((left.state, left.duration_s), (VoicemailState::Awaited, 9));
    assert_eq!(left.recording.as_deref(), Some("RE1"));
    // Should it never be told, the file is tried all the same a little later.
    assert!(bench.store.jobs[0].due_at > bench.now);
    bench.told(call, ready("RE1", FILE));
    let left = item(&bench, call);
    assert_eq!(
        (left.state, left.duration_s),
        (VoicemailState::Fetching, 11)
    );
    assert_eq!(fetches(&bench), 2);
    let again = bench.told(call, ready("RE1", FILE));
    assert!(again.writes.is_empty());
    let gone = bench.told(call, ready("RE1", None));
    assert_eq!(gone.rule, "recording");
    assert_eq!(item(&bench, call).state, VoicemailState::Absent);
}

#[test]
fn the_file_comes_before_the_end_of_the_recording() {
    let (mut bench, call) = beep();
    let early = bench.told(call, ready("RE1", FILE));
    assert_eq!((early.rule, early.answer), ("recording", None));
    assert!(bench.store.voicemails.is_empty());
    // The report of the end leaves out what the file has told.
    let unnamed = CallEventKind::Recorded {
        duration_s: 9,
        recording: None,
        url: None,
        caller_gone: false,
    };
    bench.told(call, unnamed);
    let left = item(&bench, call);
    assert_eq!(
        (left.state, left.duration_s, left.recording.as_deref()),
        (VoicemailState::Awaited, 11, Some("RE1"))
    );
    assert_eq!(fetches(&bench), 1);
    let absent = beep();
    let (mut bench, call) = absent;
    let early = bench.told(call, ready("RE1", None));
    assert_eq!((early.rule, early.writes.len()), ("recording_early", 0));
}

#[test]
fn the_file_is_all_that_is_ever_told() {
    let (mut bench, call) = beep();
    bench.told(call, ready("RE1", FILE));
    bench.status(call, CallStatus::Completed);
    assert!(bench.store.voicemails.is_empty(), "its end may yet be told");
    bench.pass(61);
    bench.timers();
    assert_eq!(bench.outcome(call), "voicemail");
    let left = item(&bench, call);
    assert_eq!(
        (left.duration_s, left.recording.as_deref()),
        (11, Some("RE1"))
    );
    assert_eq!(fetches(&bench), 1);
    bench.recorded(call, 11, true);
    assert_eq!(bench.store.voicemails_of(call).len(), 1);
}

#[test]
fn a_recording_that_nobody_named_takes_the_file_that_comes() {
    let (mut bench, call) = beep();
    let unnamed = CallEventKind::Recorded {
        duration_s: 9,
        recording: None,
        url: None,
        caller_gone: true,
    };
    bench.told(call, unnamed);
    assert_eq!(item(&bench, call).state, VoicemailState::Absent);
    bench.told(call, ready("RE5", FILE));
    let left = item(&bench, call);
    assert_eq!(
        (left.state, left.recording.as_deref()),
        (VoicemailState::Fetching, Some("RE5"))
    );
}

#[test]
fn the_caller_hangs_up_and_only_the_file_tells() {
    let (mut bench, call) = beep();
    bench.status(call, CallStatus::Completed);
    assert!(bench.store.voicemails.is_empty());
    assert!(bench.lines("college").is_empty(), "its length is awaited");
    bench.told(call, ready("RE1", FILE));
    let left = item(&bench, call);
    assert_eq!((left.duration_s, left.owner), (11, group("front")));
    assert_eq!(bench.outcome(call), "voicemail");
    assert_eq!(
        bench.lines("college"),
        ["voicemail_left", "posted", "called voicemail"]
    );
    let late = bench.told(call, recorded(11, true));
    assert_eq!(bench.store.voicemails_of(call).len(), 1, "{late:?}");
}

#[test]
fn a_message_told_too_late_takes_the_place_of_the_missed_call() {
    let (mut bench, call) = beep();
    bench.status(call, CallStatus::Completed);
    bench.pass(61);
    bench.timers();
    assert_eq!(bench.outcome(call), "missed");
    assert!(is_missed_call(&item(&bench, call)));
    for (event, rule) in [
        (recorded(7, true), "call_turn"),
        (ready("RE1", FILE), "recording"),
    ] {
        assert_eq!(bench.told(call, event).rule, rule);
        let left = item(&bench, call);
        assert!(!is_missed_call(&left));
        assert_eq!(bench.outcome(call), "voicemail");
    }
    assert_eq!(item(&bench, call).state, VoicemailState::Fetching);
    assert_eq!(
        bench.lines("college"),
        ["called missed", "posted", "voicemail_left"]
    );
}

#[test]
fn too_short_is_a_missed_call() {
    for gone in [true, false] {
        let (mut bench, call) = beep();
        bench.recorded(call, 1, gone);
        bench.status(call, CallStatus::Completed);
        assert_eq!(bench.outcome(call), "missed");
        assert!(is_missed_call(&item(&bench, call)));
        bench.told(call, ready("RE1", FILE));
        assert!(
            is_missed_call(&item(&bench, call)),
            "its file is not wanted"
        );
        assert_eq!(fetches(&bench), 0);
    }
}

/// Who is told of a voicemail in this box, and of whose box.
fn told(voicemail: &str) -> Vec<String> {
    let steps = format!("\n  box:\n    voicemail: {{ {voicemail} }}\n    next: end\n");
    let mut bench = Bench::with(&[("main", &steps)], |parts| {
        parts.uses("college", PLAIN).call_flow = Some("main".into());
        parts.user("ben").email = None;
    });
    let (call, _) = bench.rings(PLAIN);
    bench.recorded(call, 9, true);
    bench.told(call, ready("RE1", FILE));
    let tells = bench.store.jobs.iter().filter_map(|job| match &job.kind {
        JobKind::TellOfVoicemail { to, whose, seconds } => Some(format!("{to} {whose} {seconds}")),
        _ => None,
    });
    tells.collect()
}

#[test]
fn the_people_of_the_box_are_told_once() {
    // Ben has no address, and who left the organisation is told nothing.
    let all = [
        "cyd@example.org The billing group 9",
        "ana@example.org The billing group 9",
    ];
    assert_eq!(told("group: billing"), all);
    assert_eq!(told("group: billing, notify: members"), all);
    assert_eq!(told("user: ana"), ["ana@example.org Ana 9"]);
    assert_eq!(told("group: billing, notify: none"), [""; 0]);
    let named = ["ana@example.org The front group 9"];
    assert_eq!(told("group: front, notify: [ben, ana, gone]"), named);
}

#[test]
fn words_are_added_once() {
    let (mut bench, call) = beep();
    let early = bench.told(call, words("RE1", Some("hello")));
    assert_eq!(early.rule, "transcript_unmatched");
    bench.recorded(call, 9, true);
    assert_eq!(
        bench.told(call, words("RE1", None)).rule,
        "transcript_unmatched"
    );
    bench.told(call, words("RE1", Some(" call me back ")));
    bench.told(call, words("RE1", Some("something else")));
    assert_eq!(
        item(&bench, call).transcript.as_deref(),
        Some("call me back")
    );
}

#[test]
fn heard_by_those_of_the_box() {
    let (mut bench, call) = beep();
    bench.recorded(call, 9, true);
    let voicemail = item(&bench, call).id;
    let mut hear = |by: &str, of: &str| {
        let what = StaffVerb::Heard { voicemail, call };
        let (by, account) = (user(by), super::sample::account(of));
        let turn = bench.happens(&Input::Staff(StaffAction { by, account, what }));
        turn.refused.map_or("ok", |refused| refused.code)
    };
    assert_eq!(hear("ana", "college"), "not_yours");
    assert_eq!(hear("eve", "clinic"), "not_yours");
    assert_eq!(hear("cyd", "college"), "ok");
    assert_eq!(hear("cyd", "college"), "ok");
    let left = item(&bench, call);
    assert!(left.heard);
    assert_eq!(left.version, 2);
}
