//! Calls: who is rung, who takes them, and the voicemail when nobody does.

use signalbox::twin::{Faults, LineKind, PhoneAction};

use crate::support::on_both_stores;
use crate::support::staff::Staff;
use crate::support::stage::{ANA, BEN, CLEO, CLINIC, Kind, SHARED, STRANGER, Stage};

on_both_stores!(
    the_first_who_accepts_has_the_call,
    a_leg_whose_answer_is_lost_rings_all_the_same,
    nobody_accepts,
    a_caller_is_moved_once,
    one_after_another_down_to_the_voicemail,
    the_second_answers,
    who_hangs_up_is_a_missed_call,
);

const CALL: &str = "SELECT status, outcome FROM call";

/// Ben picks up but presses nothing yet; Ana accepts; Ben, who presses too late, hears that it is taken.
async fn the_first_who_accepts_has_the_call(kind: Kind) {
    let stage = Stage::start(kind).await;
    let call = stage.twin.call(STRANGER, SHARED).unwrap();
    stage
        .sees(LineKind::Hears, STRANGER, "Welcome to Lakeside College")
        .await;
    stage.sees(LineKind::Rings, ANA, "").await;
    stage.sees(LineKind::Rings, BEN, "").await;
    stage.twin.phone(BEN, PhoneAction::Answer).unwrap();
    stage.sees(LineKind::Hears, BEN, "Press 1").await;
    stage.twin.phone(ANA, PhoneAction::Answer).unwrap();
    stage.sees(LineKind::Listens, ANA, "").await;
    stage.twin.press_on(ANA, "1").unwrap();
    stage.sees(LineKind::Connected, "", "").await;
    stage
        .until(
            "SELECT phone, CAST(accepted AS INTEGER) || '' FROM leg ORDER BY phone",
            &[&[ANA, "1"], &[BEN, "0"]],
        )
        .await;
    stage.twin.press_on(BEN, "1").unwrap();
    stage
        .sees(LineKind::Hears, BEN, "The call has already been taken")
        .await;
    stage.sees(LineKind::Ended, BEN, "").await;
    stage.twin.hang_up(&call).unwrap();
    stage.until(CALL, &[&["completed", "answered"]]).await;
    assert_eq!(stage.rows.count("voicemail").await, 0);
    stage
        .eventually("the outcome is counted", async || {
            stage
                .metric("signalbox_calls_total", &[("outcome", "answered")])
                .await
                == 1.0
        })
        .await;
}

/// The carrier rings Ana and Ben, and nobody learns that it does but by what it tells of their legs.
async fn a_leg_whose_answer_is_lost_rings_all_the_same(kind: Kind) {
    let stage = Stage::start(kind).await;
    stage.twin.set_faults(Faults {
        lose_answer_of_next_call: 2,
        ..Faults::default()
    });
    let call = stage.twin.call(STRANGER, SHARED).unwrap();
    stage.sees(LineKind::Rings, ANA, "").await;
    stage.sees(LineKind::Rings, BEN, "").await;
    let given_up = "SELECT reason FROM job WHERE due_at IS NULL AND reason IS NOT NULL";
    stage
        .eventually("both answers are lost", async || {
            stage.rows.column(given_up).await.len() == 2
        })
        .await;
    stage.twin.phone(ANA, PhoneAction::Answer).unwrap();
    stage.sees(LineKind::Listens, ANA, "").await;
    stage.twin.press_on(ANA, "1").unwrap();
    stage.sees(LineKind::Connected, "", "").await;
    stage.twin.hang_up(&call).unwrap();
    stage.until(CALL, &[&["completed", "answered"]]).await;
}

/// One lets it ring, one declines: the caller leaves a message for the group.
async fn nobody_accepts(kind: Kind) {
    let stage = Stage::start(kind).await;
    let call = stage.twin.call(STRANGER, SHARED).unwrap();
    stage.twin.voicemail(&call, 12, "").unwrap();
    stage.sees(LineKind::Rings, ANA, "").await;
    stage.sees(LineKind::Rings, BEN, "").await;
    stage.twin.phone(BEN, PhoneAction::Decline).unwrap();
    stage.sees(LineKind::NoAnswer, ANA, "").await;
    stage
        .sees(LineKind::Hears, STRANGER, "leave a message for billing")
        .await;
    stage.sees(LineKind::Recorded, STRANGER, "").await;
    voicemail_is_kept(&stage, "billing", "12").await;
    stage.until(CALL, &[&["completed", "voicemail"]]).await;
    stage.sees(LineKind::Ended, STRANGER, "").await;
    let counted = stage.metric("signalbox_calls_total", &[]).await;
    assert_eq!(counted, 1.0, "each call once");
}

/// The carrier moves the caller, and its answer to that is lost: the caller hears the greeting once.
async fn a_caller_is_moved_once(kind: Kind) {
    let stage = Stage::start(kind).await;
    stage.twin.call(STRANGER, SHARED).unwrap();
    stage.sees(LineKind::Rings, ANA, "").await;
    stage.sees(LineKind::Rings, BEN, "").await;
    stage.twin.set_faults(Faults {
        lose_answer_of_next_call: 1,
        ..Faults::default()
    });
    stage.twin.phone(ANA, PhoneAction::Decline).unwrap();
    stage.twin.phone(BEN, PhoneAction::Decline).unwrap();
    stage
        .sees(LineKind::Hears, STRANGER, "leave a message for billing")
        .await;
    stage
        .eventually("the move is settled", async || {
            stage.rows.count("job").await == 0
        })
        .await;
    let moves = stage.twin.requests().into_iter().filter(|request| {
        let urls = request.form.iter().any(|(name, _)| name == "Url");
        urls && !request.path.ends_with("/Calls.json")
    });
    assert_eq!(moves.count(), 1);
}

/// Ana is busy, Ben does not answer, Cleo declines; the recording is fetched and only the group hears it.
async fn one_after_another_down_to_the_voicemail(kind: Kind) {
    let stage = Stage::start(kind).await;
    let call = stage.twin.call(STRANGER, CLINIC).unwrap();
    stage
        .twin
        .voicemail(&call, 9, "Please call me back")
        .unwrap();
    let first = stage.sees(LineKind::Rings, ANA, "").await.id;
    stage.twin.phone(ANA, PhoneAction::Busy).unwrap();
    let second = stage.sees_after(first, LineKind::Rings, BEN, "").await.id;
    let over = stage
        .sees_after(second, LineKind::NoAnswer, BEN, "")
        .await
        .id;
    stage.sees_after(over, LineKind::Rings, CLEO, "").await;
    stage.twin.phone(CLEO, PhoneAction::Decline).unwrap();
    stage
        .sees(LineKind::Hears, STRANGER, "leave a message for the nurses")
        .await;
    voicemail_is_kept(&stage, "nurses", "9").await;
    let mail = stage.mail("A voicemail of 9 seconds").await.content;
    assert!(mail.contains(&format!("{}/voicemails", stage.staff_url())));
    assert!(!mail.contains(STRANGER) && !mail.contains("call me back"));
    let transcript = "SELECT transcript FROM voicemail";
    stage.until(transcript, &[&["Please call me back"]]).await;

    let cleo = Staff::sign_in(&stage, "cleo", "clinic").await;
    let page = cleo.page("/voicemails").await;
    let audio = page
        .split("src=\"")
        .find(|part| part.starts_with("/voicemails/"));
    let audio = audio
        .and_then(|part| part.split('"').next())
        .expect("a player")
        .to_owned();
    let heard = cleo.get(&audio).await.bytes().await.unwrap();
    assert!(heard.starts_with(b"RIFF"), "the player gets a WAV file");
    let stranger = stage
        .client()
        .get(format!("{}{audio}", stage.staff_url()))
        .send()
        .await
        .unwrap();
    assert!(
        !stranger.status().is_success(),
        "nobody hears it unsigned: {}",
        stranger.status()
    );
}

async fn the_second_answers(kind: Kind) {
    let mut stage = Stage::start(kind).await;
    let call = stage.twin.call(STRANGER, CLINIC).unwrap();
    let first = stage.sees(LineKind::Rings, ANA, "").await.id;
    // The state of a call is in the store: another process goes on with it.
    stage.kill();
    stage.restart().await;
    stage.twin.phone(ANA, PhoneAction::Decline).unwrap();
    stage.sees_after(first, LineKind::Rings, BEN, "").await;
    stage.twin.phone(BEN, PhoneAction::Answer).unwrap();
    stage.sees(LineKind::Connected, "", "").await;
    stage.twin.hang_up(&call).unwrap();
    stage.until(CALL, &[&["completed", "answered"]]).await;
    assert!(
        !stage
            .twin
            .lines(0)
            .iter()
            .any(|line| line.phone.as_deref() == Some(CLEO)),
        "Cleo was not rung"
    );
    assert_eq!(stage.rows.count("voicemail").await, 0);
}

async fn who_hangs_up_is_a_missed_call(kind: Kind) {
    let stage = Stage::start(kind).await;
    let call = stage.twin.call(STRANGER, CLINIC).unwrap();
    stage.sees(LineKind::Rings, ANA, "").await;
    stage.twin.hang_up(&call).unwrap();
    stage.until(CALL, &[&["completed", "missed"]]).await;
    stage
        .until("SELECT state FROM conversation", &[&["open"]])
        .await;
    stage.sees(LineKind::Canceled, ANA, "").await;
    assert!(
        !stage
            .twin
            .lines(0)
            .iter()
            .any(|line| line.phone.as_deref() == Some(BEN)),
        "nobody else was rung"
    );
    stage
        .until(
            "SELECT CAST(count(*) AS TEXT) FROM run WHERE NOT ended",
            &[&["0"]],
        )
        .await;
}

/// The group's box has the recording, and the blob folder its sound, fetched with the right credentials.
async fn voicemail_is_kept(stage: &Stage, group: &str, seconds: &str) {
    let row = "SELECT user_group.key, CAST(duration_s AS TEXT), party FROM voicemail \
               JOIN user_group ON user_group.id = voicemail.owner_id WHERE blob IS NOT NULL";
    stage.until(row, &[&[group, seconds, STRANGER]]).await;
    let blob = stage
        .rows
        .column("SELECT blob FROM voicemail")
        .await
        .remove(0);
    let sound = std::fs::read(stage.folder().join("data/blobs").join(blob)).unwrap();
    assert!(sound.starts_with(b"RIFF"), "the recording is a WAV file");
    let fetched = stage
        .twin
        .requests()
        .into_iter()
        .filter(|request| request.path.contains("/Recordings/"));
    let fetched: Vec<_> = fetched
        .map(|request| (request.method, request.path, request.status))
        .collect();
    assert_eq!(
        fetched
            .iter()
            .map(|(_, _, status)| *status)
            .collect::<Vec<_>>(),
        [200],
        "{fetched:?}"
    );
    // Without credentials the carrier would have refused it.
    let bare = format!("{}{}", stage.carrier_url(), fetched[0].1);
    assert_eq!(
        stage
            .client()
            .get(bare)
            .send()
            .await
            .unwrap()
            .status()
            .as_u16(),
        401
    );
}
