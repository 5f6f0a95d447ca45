//! Calls: dials, whispers, rooms, recordings, and what the REST API does to them.

use super::daemon::{ANA, BEN, CALLER, OURS, stage};
use super::*;

#[tokio::test]
async fn keys_are_gathered_and_an_empty_gather_falls_through() {
    let on = stage(&[
        (
            "/hooks/call",
            "<Response><Gather numDigits='1' timeout='5' action='/menu'><Say>Press one.</Say></Gather>\
             <Say>Nobody pressed.</Say></Response>",
        ),
        ("/menu", "<Response><Say>You did.</Say></Response>"),
    ])
    .await;
    let call = on.twin.call(CALLER, OURS).expect("a call");
    on.sees(LineKind::Hears, CALLER, "Press one.").await;
    on.twin.press(&call, "1").expect("pressed");
    on.sees(LineKind::Hears, CALLER, "You did.").await;
    let menu = &on.daemon.seen("/menu")[0];
    assert_eq!(
        (menu.get("Digits"), menu.get("CallStatus")),
        ("1", "in-progress")
    );
    let over = on.daemon.wait("/hooks/call-status", 1).await;
    assert_eq!(over[0].get("CallStatus"), "completed");
    on.twin.call("withheld", OURS).expect("a call");
    on.sees(LineKind::Hears, "withheld", "Nobody pressed.")
        .await;
    assert_eq!(on.daemon.seen("/hooks/call")[1].get("From"), "+266696687");
}

const DIAL_BOTH: &str = "<Response><Dial timeout='20' answerOnBridge='true' callerId='+12025550188' \
    action='/dialled'><Number statusCallback='/leg' statusCallbackEvent='initiated ringing answered completed' \
    url='/whisper'>+12025550101</Number><Number>+12025550102</Number></Dial></Response>";

#[tokio::test]
async fn the_first_answer_cancels_the_others_before_any_key() {
    let on = stage(&[("/hooks/call", DIAL_BOTH), ("/whisper", WHISPER)]).await;
    on.twin.call(CALLER, OURS).expect("a call");
    on.sees(LineKind::Rings, ANA, "").await;
    on.sees(LineKind::Rings, BEN, "").await;
    on.twin.phone(ANA, PhoneAction::Answer).expect("answered");
    on.sees(LineKind::Canceled, BEN, "").await;
    on.sees(LineKind::Hears, ANA, "Press 1 to accept.").await;
    assert_eq!(
        on.twin.phone(BEN, PhoneAction::Answer),
        Err(TwinError::IdlePhone)
    );
    on.twin.press_on(ANA, "1").expect("pressed");
    on.sees(LineKind::Connected, CALLER, "").await;
    on.twin.phone(ANA, PhoneAction::HangUp).expect("hung up");
    let result = on.daemon.wait("/dialled", 1).await.remove(0);
    assert_eq!(
        (result.get("DialCallStatus"), result.get("DialBridged")),
        ("completed", "true")
    );
    let legs = on.daemon.wait("/leg", 4).await;
    let got: Vec<&str> = legs.iter().map(|hook| hook.get("CallStatus")).collect();
    assert_eq!(got, ["initiated", "ringing", "in-progress", "completed"]);
    assert_eq!(legs[2].get("SequenceNumber"), "2");
    assert_eq!(legs[0].get("ParentCallSid"), result.get("CallSid"));
}

const WHISPER: &str = "<Response><Gather numDigits='1' timeout='8' action='/key'><Say>Press 1 to accept.</Say>\
    </Gather><Hangup/></Response>";

#[tokio::test]
async fn a_refused_whisper_connects_nobody() {
    let on = stage(&[
        ("/hooks/call", DIAL_BOTH),
        ("/whisper", "<Response><Hangup/></Response>"),
    ])
    .await;
    on.twin.call(CALLER, OURS).expect("a call");
    on.sees(LineKind::Rings, ANA, "").await;
    on.twin.phone(ANA, PhoneAction::Answer).expect("answered");
    let result = on.daemon.wait("/dialled", 1).await.remove(0);
    assert_eq!(result.get("DialBridged"), "false");
    assert_eq!(
        result.get("CallStatus"),
        "ringing",
        "the caller was never answered"
    );
    let connected = |line: &Line| line.kind == LineKind::Connected;
    assert!(!on.twin.lines(0).iter().any(connected));
}

#[tokio::test]
async fn dials_end_in_each_of_their_ways() {
    let one = "<Response><Dial timeout='20' action='/dialled'>+12025550101</Dial></Response>";
    for (action, wanted) in [
        (Some(PhoneAction::Decline), "busy"),
        (Some(PhoneAction::Busy), "busy"),
        (None, "no-answer"),
    ] {
        let on = stage(&[("/hooks/call", one)]).await;
        on.twin.call(CALLER, OURS).expect("a call");
        on.sees(LineKind::Rings, ANA, "").await;
        if let Some(action) = action {
            on.twin.phone(ANA, action).expect("done");
        }
        let result = on.daemon.wait("/dialled", 1).await.remove(0);
        assert_eq!(result.get("DialCallStatus"), wanted);
    }
    let on = stage(&[("/hooks/call", one)]).await;
    on.twin.set_reachable(ANA, false).expect("switched off");
    on.twin.call(CALLER, OURS).expect("a call");
    let result = on.daemon.wait("/dialled", 1).await.remove(0);
    assert_eq!(result.get("DialCallStatus"), "failed");
}

#[tokio::test]
async fn a_caller_who_hangs_up_stops_the_ringing() {
    let on = stage(&[("/hooks/call", DIAL_BOTH)]).await;
    let call = on.twin.call(CALLER, OURS).expect("a call");
    on.sees(LineKind::Rings, BEN, "").await;
    on.twin.hang_up(&call).expect("hung up");
    on.sees(LineKind::Canceled, BEN, "").await;
    let result = on.daemon.wait("/dialled", 1).await.remove(0);
    assert_eq!(result.get("DialCallStatus"), "canceled");
    let over = on.daemon.wait("/hooks/call-status", 1).await;
    assert_eq!(over[0].get("CallStatus"), "no-answer");
    assert_eq!(on.twin.press(&call, "1"), Err(TwinError::UnknownCall));
}

#[tokio::test]
async fn a_sequence_rings_one_after_the_other() {
    let on = stage(&[(
        "/hooks/call",
        "<Response><Dial sequential='true' timeout='10' action='/dialled'><Number>+12025550101</Number>\
         <Number>+12025550102</Number></Dial></Response>",
    )])
    .await;
    on.twin.call(CALLER, OURS).expect("a call");
    on.sees(LineKind::Rings, ANA, "").await;
    on.twin.phone(ANA, PhoneAction::Decline).expect("declined");
    on.sees(LineKind::Rings, BEN, "").await;
    on.twin.phone(BEN, PhoneAction::Answer).expect("answered");
    on.sees(LineKind::Connected, CALLER, "").await;
}

const VOICEMAIL: &str = "<Response><Say>After the tone.</Say><Record maxLength='60' finishOnKey='#' \
    action='/recorded' recordingStatusCallback='/file' recordingStatusCallbackEvent='completed absent' \
    transcribe='true' transcribeCallback='/words'/><Hangup/></Response>";

#[tokio::test]
async fn a_voicemail_is_recorded_announced_and_fetched_with_credentials() {
    let on = stage(&[("/hooks/call", VOICEMAIL)]).await;
    let call = on.twin.call(CALLER, OURS).expect("a call");
    on.sees(LineKind::Records, CALLER, "").await;
    on.twin
        .voicemail(&call, 12, "Please call me.")
        .expect("spoken");
    let action = on.daemon.wait("/recorded", 1).await.remove(0);
    assert_eq!(action.get("RecordingDuration"), "12");
    let file = on.daemon.wait("/file", 1).await.remove(0);
    assert_eq!(
        (file.get("RecordingStatus"), file.get("CallSid")),
        ("completed", call.as_str())
    );
    let url = format!("{}.wav", file.get("RecordingUrl"));
    let refused = on.client.get(&url).send().await.expect("an answer");
    assert_eq!(refused.status().as_u16(), 401);
    let wav = on
        .client
        .get(&url)
        .basic_auth("AC1", Some("secret"))
        .send()
        .await
        .expect("an answer");
    let bytes = wav.bytes().await.expect("bytes");
    let reader = hound::WavReader::new(std::io::Cursor::new(bytes)).expect("a WAV file");
    assert_eq!(reader.duration(), 12 * 8_000);
    let words = on.daemon.wait("/words", 1).await.remove(0);
    assert_eq!(words.get("TranscriptionText"), "Please call me.");
}

#[tokio::test]
async fn a_hang_up_keeps_what_was_said_and_silence_leaves_nothing() {
    let on = stage(&[("/hooks/call", VOICEMAIL)]).await;
    let call = on.twin.call(CALLER, OURS).expect("a call");
    on.twin
        .voicemail(&call, 3, "")
        .expect("spoken after the tone");
    on.sees(LineKind::Records, CALLER, "").await;
    on.sees(LineKind::Spoke, CALLER, "3 s").await;
    on.twin.hang_up(&call).expect("hung up");
    let action = on.daemon.wait("/recorded", 1).await.remove(0);
    assert_eq!(
        (action.get("Digits"), action.get("RecordingDuration")),
        ("hangup", "3")
    );
    on.twin.call(ANA, OURS).expect("a call");
    on.sees(LineKind::Ended, ANA, "completed").await;
    let files = on.daemon.wait("/file", 2).await;
    assert_eq!(files[1].get("RecordingStatus"), "absent");
    assert_eq!(on.daemon.seen("/recorded").len(), 1);
}

const RECORDED: &str =
    "recordingStatusCallback='/file' recordingStatusCallbackEvent='completed absent'";

#[tokio::test]
async fn a_dialled_talk_is_recorded_and_a_refused_one_is_not() {
    let dial = format!(
        "<Response><Dial timeout='20' action='/dialled' record='record-from-answer-dual' {RECORDED}>\
         <Number>{ANA}</Number></Dial></Response>"
    );
    let on = stage(&[("/hooks/call", &dial)]).await;
    on.twin.call(CALLER, OURS).expect("a call");
    on.sees(LineKind::Rings, ANA, "").await;
    on.twin.phone(ANA, PhoneAction::Decline).expect("declined");
    on.daemon.wait("/dialled", 1).await;
    let call = on.twin.call(BEN, OURS).expect("a call");
    let rung = on.daemon.seen("/dialled").len();
    assert_eq!(rung, 1);
    let rings = |line: &Line| line.kind == LineKind::Rings;
    let within = std::time::Duration::from_secs(10);
    let first = on
        .twin
        .lines(0)
        .iter()
        .find(|line| rings(line))
        .map(|line| line.id);
    let after = first.expect("the first ring");
    on.twin
        .wait_for(after, within, rings)
        .await
        .expect("a ring");
    on.twin.phone(ANA, PhoneAction::Answer).expect("answered");
    on.sees(LineKind::Connected, BEN, "").await;
    on.twin.hang_up(&call).expect("hung up");
    let file = on.daemon.wait("/file", 1).await.remove(0);
    assert_eq!(
        (
            file.get("RecordingSource"),
            file.get("RecordingStatus"),
            file.get("CallSid")
        ),
        ("DialVerb", "completed", call.as_str())
    );
    let url = format!("{}.wav", file.get("RecordingUrl"));
    let wav = on.client.get(&url).basic_auth("AC1", Some("secret"));
    let wav = wav.send().await.expect("an answer");
    assert_eq!(wav.status().as_u16(), 200);
    assert_eq!(on.daemon.seen("/file").len(), 1);
}

#[tokio::test]
async fn what_is_said_in_a_room_is_recorded_by_who_asked_for_it() {
    let room = |more: &str| {
        format!(
            "<Response><Dial action='/left'><Conference endConferenceOnExit='true' {more}>room-1\
             </Conference></Dial></Response>"
        )
    };
    let recorded = room(&format!("record='record-from-start' {RECORDED}"));
    let on = stage(&[("/hooks/call", &recorded)]).await;
    on.daemon.answer("/leg-answer", 200, &room(""));
    let call = on.twin.call(CALLER, OURS).expect("a call");
    on.sees(LineKind::Joined, CALLER, "").await;
    let url = on.daemon.url("/leg-answer");
    let placed = [("To", ANA), ("From", OURS), ("Url", url.as_str())];
    on.post("Calls.json", &placed).await.expect("an answer");
    on.sees(LineKind::Rings, ANA, "").await;
    on.twin.phone(ANA, PhoneAction::Answer).expect("answered");
    on.sees(LineKind::Connected, CALLER, "").await;
    on.twin.hang_up(&call).expect("hung up");
    let file = on.daemon.wait("/file", 1).await.remove(0);
    assert_eq!(
        (file.get("RecordingSource"), file.get("RecordingStatus")),
        ("Conference", "completed")
    );
    // One who leaves a room that nobody else entered has said nothing to anybody.
    let alone = on.twin.call(BEN, OURS).expect("a call");
    on.sees(LineKind::Joined, BEN, "").await;
    on.twin.hang_up(&alone).expect("hung up");
    on.sees(LineKind::Left, BEN, "").await;
    assert_eq!(on.daemon.seen("/file").len(), 1);
}

#[tokio::test]
async fn legs_meet_in_a_room_and_its_end_frees_the_rest() {
    let room = |end: bool, start: bool| {
        format!(
            "<Response><Dial action='/left'><Conference startConferenceOnEnter='{start}' \
             endConferenceOnExit='{end}' waitUrl='/hold' statusCallback='/room' \
             statusCallbackEvent='start end join leave'>room-1</Conference></Dial></Response>"
        )
    };
    let hold =
        "<Response><Say>Please wait.</Say><Pause length='2'/><Redirect>/hold</Redirect></Response>";
    let on = stage(&[("/hooks/call", &room(true, false)), ("/hold", hold)]).await;
    on.daemon.answer("/leg-answer", 200, &room(false, true));
    on.daemon
        .answer("/left", 200, "<Response><Say>It is over.</Say></Response>");
    let call = on.twin.call(CALLER, OURS).expect("a call");
    on.sees(LineKind::Hears, CALLER, "Please wait.").await;
    let (status, leg) = on
        .post(
            "Calls.json",
            &[
                ("To", ANA),
                ("From", OURS),
                ("Url", on.daemon.url("/leg-answer").as_str()),
                ("StatusCallback", on.daemon.url("/leg").as_str()),
                (
                    "StatusCallbackEvent",
                    "initiated ringing answered completed",
                ),
            ],
        )
        .await
        .expect("an answer");
    assert_eq!((status, leg["status"].as_str()), (201, Some("queued")));
    on.sees(LineKind::Rings, ANA, "").await;
    on.twin.phone(ANA, PhoneAction::Answer).expect("answered");
    on.sees(LineKind::Connected, CALLER, "").await;
    on.sees(LineKind::Connected, ANA, "").await;
    on.twin.hang_up(&call).expect("hung up");
    on.sees(LineKind::Hears, ANA, "It is over.").await;
    let events = on.daemon.wait("/room", 6).await;
    let got: Vec<&str> = events
        .iter()
        .map(|hook| hook.get("StatusCallbackEvent"))
        .collect();
    let wanted = ["join", "join", "start", "leave", "leave", "end"];
    assert!(
        got.iter()
            .zip(wanted)
            .all(|(event, end)| event.ends_with(end)),
        "{got:?}"
    );
    assert_eq!(
        on.daemon.wait("/leg", 4).await[3].get("CallStatus"),
        "completed"
    );
}

#[tokio::test]
async fn a_call_is_moved_and_ended_over_the_api() {
    let on = stage(&[("/hooks/call", "<Response><Pause length='600'/></Response>")]).await;
    on.daemon.answer(
        "/moved",
        200,
        "<Response><Say>Elsewhere.</Say><Pause length='600'/></Response>",
    );
    let call = on.twin.call(CALLER, OURS).expect("a call");
    on.sees(LineKind::Hook, "", "/hooks/call").await;
    let url = on.daemon.url("/moved");
    let path = format!("Calls/{call}.json");
    assert_eq!(
        on.post(&path, &[("Url", url.as_str())])
            .await
            .map(|(status, _)| status),
        Some(200)
    );
    on.sees(LineKind::Hears, CALLER, "Elsewhere.").await;
    on.post(&path, &[("Status", "completed")])
        .await
        .expect("an answer");
    on.sees(LineKind::Ended, CALLER, "completed").await;
    let late = on
        .post(&path, &[("Url", url.as_str())])
        .await
        .expect("an answer");
    assert_eq!((late.0, late.1["code"].as_i64()), (400, Some(21_220)));
}

#[tokio::test]
async fn a_placed_leg_is_canceled_times_out_and_may_show_the_caller() {
    let on = stage(&[("/hooks/call", "<Response><Pause length='600'/></Response>")]).await;
    let url = on.daemon.url("/leg-answer");
    let back = on.daemon.url("/leg");
    let place = |from: &'static str, token: String| {
        let (url, back) = (url.clone(), back.clone());
        let on = &on;
        async move {
            let fields = [
                ("To", ANA),
                ("From", from),
                ("Url", url.as_str()),
                ("Timeout", "10"),
                ("StatusCallback", back.as_str()),
                ("CallToken", token.as_str()),
            ];
            on.post("Calls.json", &fields).await.expect("an answer")
        }
    };
    assert_eq!(place(CALLER, "forged".to_owned()).await.1["code"], 21_210);
    on.twin.call(CALLER, OURS).expect("a call");
    let token = on.daemon.wait("/hooks/call", 1).await[0]
        .get("CallToken")
        .to_owned();
    let (status, leg) = place(CALLER, token).await;
    assert_eq!(status, 201);
    on.sees(LineKind::Rings, ANA, "").await;
    let path = format!("Calls/{}.json", leg["sid"].as_str().expect("an id"));
    on.post(&path, &[("Status", "completed")])
        .await
        .expect("an answer");
    assert_eq!(
        on.daemon.wait("/leg", 1).await[0].get("CallStatus"),
        "canceled"
    );
    place(OURS, String::new()).await;
    assert_eq!(
        on.daemon.wait("/leg", 2).await[1].get("CallStatus"),
        "no-answer"
    );
}

#[tokio::test]
async fn faulty_answers_fail_the_call_visibly() {
    for document in [
        "<Response><Pay/></Response>",
        "no XML",
        "<Response><Dial>+1</Dial",
        "",
    ] {
        let on = stage(&[("/hooks/call", document)]).await;
        on.twin.call(CALLER, OURS).expect("a call");
        on.sees(LineKind::Fault, CALLER, "").await;
        let over = on.daemon.wait("/hooks/call-status", 1).await;
        assert_eq!(over[0].get("CallStatus"), "failed");
    }
}

#[tokio::test]
async fn it_is_told_whether_a_person_or_a_machine_picks_up() {
    let on = stage(&[("/leg-answer", "<Response><Hangup/></Response>")]).await;
    let url = on.daemon.url("/leg-answer");
    let fields = [
        ("To", ANA),
        ("From", OURS),
        ("Url", url.as_str()),
        ("MachineDetection", "Enable"),
    ];
    for (nth, action, who) in [
        (1, PhoneAction::Answer, "human"),
        (2, PhoneAction::Machine, "machine_start"),
    ] {
        let before = on.twin.last_line();
        let placed = on.post("Calls.json", &fields).await.expect("an answer");
        assert_eq!(placed.0, 201);
        let rings = |line: &crate::twin::Line| line.kind == LineKind::Rings;
        let within = std::time::Duration::from_secs(10);
        on.twin
            .wait_for(before, within, rings)
            .await
            .expect("a ring");
        on.twin.phone(ANA, action).expect("picked up");
        let asked = on.daemon.wait("/leg-answer", nth).await;
        assert_eq!(asked[nth - 1].get("AnsweredBy"), who);
    }
    let odd = [
        fields[0],
        fields[1],
        fields[2],
        ("MachineDetection", "Perhaps"),
    ];
    let refused = on.post("Calls.json", &odd).await.expect("an answer");
    assert_eq!(refused.0, 400);
}
