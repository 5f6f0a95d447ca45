//! Recorded talks: fetched with the connection's credentials, told in the thread, heard by those who see it.

use http::StatusCode;
use signalbox::twin::{Faults, LineKind, PhoneAction};

use crate::support::on_both_stores;
use crate::support::staff::Staff;
use crate::support::stage::{ANA, BEN, CLINIC, Kind, SHARED, STRANGER, Stage};

on_both_stores!(
    a_dialled_talk_is_kept,
    a_talk_in_a_room_is_kept,
    a_talk_from_a_queue_is_kept,
    a_recording_that_cannot_be_fetched_is_told,
);

const LINES: &str = "SELECT CAST(kind AS TEXT) FROM thread_event";

/// The lines that tell of recordings.
async fn recorded(stage: &Stage) -> Vec<serde_json::Value> {
    let lines = stage.rows.column(LINES).await;
    let lines = lines.iter().map(|line| serde_json::from_str(line).unwrap());
    lines
        .filter(|line: &serde_json::Value| line["kind"] == "call_recorded")
        .collect()
}

/// The twin delivers every webhook twice: one recording, one line, one file.
async fn a_dialled_talk_is_kept(kind: Kind) {
    let stage = Stage::start(kind).await;
    let flow = "flow: in-turn\naccount: clinic\non: call\nsteps:\n  ring:\n    dial: { group: nurses, ring: 20s, record: true }\n    then: { answered: keep, else: end }\n  keep:\n    inbox: { group: nurses }\n    next: end\n";
    stage.publish("in-turn.yaml", flow).await;
    stage.twin.set_faults(Faults {
        deliver_twice: true,
        ..Faults::default()
    });
    let call = stage.twin.call(STRANGER, CLINIC).unwrap();
    stage.sees(LineKind::Rings, ANA, "").await;
    stage.twin.phone(ANA, PhoneAction::Answer).unwrap();
    stage.sees(LineKind::Connected, STRANGER, "").await;
    stage.twin.hang_up(&call).unwrap();
    talk_is_kept(&stage, "cleo", "clinic").await;
    let outcome = "SELECT status, outcome FROM call";
    stage.until(outcome, &[&["completed", "answered"]]).await;
    // Cleo is no member of the college, and its people see nothing of the clinic's threads.
    let ben = Staff::sign_in(&stage, "ben", "college").await;
    assert!(!ben.page("/inbox").await.contains("The call was recorded"));
}

async fn a_talk_in_a_room_is_kept(kind: Kind) {
    let stage = Stage::start(kind).await;
    let flow = "flow: together\naccount: college\non: call\nsteps:\n  ring:\n    dial: { group: billing, order: simultaneous, accept: key, ring: 20s, record: true }\n    then: { answered: keep, else: end }\n  keep:\n    inbox: { group: billing }\n    next: end\n";
    stage.publish("together.yaml", flow).await;
    let call = stage.twin.call(STRANGER, SHARED).unwrap();
    stage.sees(LineKind::Rings, ANA, "").await;
    stage.sees(LineKind::Rings, BEN, "").await;
    stage.twin.phone(ANA, PhoneAction::Answer).unwrap();
    stage.sees(LineKind::Listens, ANA, "").await;
    stage.twin.press_on(ANA, "1").unwrap();
    stage.sees(LineKind::Connected, STRANGER, "").await;
    stage.twin.hang_up(&call).unwrap();
    let path = talk_is_kept(&stage, "ben", "college").await;
    // Who has no sight of the thread does not hear it, though signed in.
    let cleo = Staff::sign_in(&stage, "cleo", "clinic").await;
    assert_eq!(cleo.get(&path).await.status(), StatusCode::NOT_FOUND);
}

/// The member is in the room before the caller, so that the recording is reported of the member's leg.
async fn a_talk_from_a_queue_is_kept(kind: Kind) {
    let stage = Stage::start(kind).await;
    let flow = "flow: together\naccount: college\non: call\nsteps:\n  line:\n    queue: { group: billing, ring: 20s, record: true }\n    then: { connected: keep, timeout: end }\n  keep:\n    inbox: { group: billing }\n    next: end\n";
    stage.publish("together.yaml", flow).await;
    stage.twin.set_faults(Faults {
        deliver_twice: true,
        ..Faults::default()
    });
    let call = stage.twin.call(STRANGER, SHARED).unwrap();
    stage.sees(LineKind::Rings, ANA, "").await;
    stage.twin.phone(ANA, PhoneAction::Answer).unwrap();
    stage.sees(LineKind::Listens, ANA, "").await;
    stage.twin.press_on(ANA, "1").unwrap();
    stage.sees(LineKind::Connected, STRANGER, "").await;
    stage.twin.hang_up(&call).unwrap();
    talk_is_kept(&stage, "ben", "college").await;
    let outcome = "SELECT status, outcome FROM call";
    stage.until(outcome, &[&["completed", "answered"]]).await;
}

/// The thread has one line of it, the blob folder its sound, and this member hears it by the line's link: returned.
async fn talk_is_kept(stage: &Stage, user: &str, account: &str) -> String {
    stage
        .eventually("the thread tells of the recording", async || {
            !recorded(stage).await.is_empty()
        })
        .await;
    let lines = recorded(stage).await;
    assert_eq!(lines.len(), 1, "{lines:?}");
    let blob = lines[0]["blob"].as_str().expect("a file");
    let sound = std::fs::read(stage.folder().join("data/blobs").join(blob)).unwrap();
    assert!(sound.starts_with(b"RIFF"), "the recording is a WAV file");
    let fetched = stage.twin.requests().into_iter();
    let fetched = fetched.filter(|request| request.path.contains("/Recordings/"));
    let fetched: Vec<u16> = fetched.map(|request| request.status).collect();
    assert_eq!(fetched, [200], "fetched once, with credentials");
    assert_eq!(stage.rows.count("voicemail").await, 0);

    let staff = Staff::sign_in(stage, user, account).await;
    let page = staff.page(&staff.conversation(STRANGER_SHOWN).await).await;
    assert!(page.contains("The call was recorded (0:"), "{page}");
    let links = page
        .split("href=\"")
        .filter(|part| part.contains("/recordings/tev_"));
    let links: Vec<&str> = links.filter_map(|part| part.split('"').next()).collect();
    assert_eq!(links.len(), 1, "{page}");
    let answer = staff.get(links[0]).await;
    assert_eq!(answer.headers()["content-type"], "audio/x-wav");
    assert!(answer.bytes().await.unwrap().starts_with(b"RIFF"));
    let unsigned = stage
        .client()
        .get(format!("{}{}", stage.staff_url(), links[0]));
    let unsigned = unsigned.send().await.unwrap();
    assert!(!unsigned.status().is_success(), "{}", unsigned.status());
    links[0].to_owned()
}

/// The caller's number as the list of conversations shows it.
const STRANGER_SHOWN: &str = "+1\u{a0}202\u{a0}555\u{a0}0143";

/// The carrier tells of a file where it may not be fetched from: that is given up at once, and told.
async fn a_recording_that_cannot_be_fetched_is_told(kind: Kind) {
    let stage = Stage::start(kind).await;
    let call = stage.twin.call(STRANGER, CLINIC).unwrap();
    stage.sees(LineKind::Rings, ANA, "").await;
    stage.twin.hang_up(&call).unwrap();
    let outcome = "SELECT status, outcome FROM call";
    stage.until(outcome, &[&["completed", "missed"]]).await;
    let script = "SELECT CAST(script AS TEXT) FROM call";
    let script = stage.rows.column(script).await.remove(0);
    let at = script.find("call_").expect("the call's id");
    let id = &script[at..at + "call_".len() + 32];
    let url = format!("{}?k={id}.1&of=talk", stage.hook("recording"));
    let form = [
        ("RecordingSid", "RE00000000000000000000000000000009"),
        ("RecordingStatus", "completed"),
        ("RecordingUrl", "https://elsewhere.example.org/RE9"),
        ("RecordingDuration", "4"),
        ("CallSid", call.as_str()),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()));
    for _ in 0..2 {
        let answer = stage.signed(&url, &form).send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.status());
    }
    stage
        .eventually("the thread tells that it is lost", async || {
            !recorded(&stage).await.is_empty()
        })
        .await;
    let lines = recorded(&stage).await;
    assert_eq!((lines.len(), lines[0]["blob"].is_null()), (1, true));
    let cleo = Staff::sign_in(&stage, "cleo", "clinic").await;
    let page = cleo.page(&cleo.conversation(STRANGER_SHOWN).await).await;
    assert!(
        page.contains("its recording could not be fetched"),
        "{page}"
    );
    assert!(!page.contains("/recordings/"), "{page}");
}
