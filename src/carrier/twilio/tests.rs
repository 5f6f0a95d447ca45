//! What the cases in files cannot say: settings, odd webhooks, hostile bytes, and how our documents
//! compare with those that the carrier's own libraries build.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request};
use proptest::prelude::*;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use serde_json::{Value, json};

use super::{Twilio, settings};
use crate::carrier::{Carrier, Rejected, Voice};
use crate::model::connection::Setting;
use crate::model::{
    CallScript, CallVerb, CallbackKey, Connection, Hook, Ids, LegId, Party, Timestamp,
};

const TOKEN: &str = "6b477958a1782a27c231c61ceab7cd2b";
const CALL_KEY: &str = "call_018bcfe568007000928a29c1e2b3f402.3";
const LEG_KEY: &str = "leg_018bcfe568007000928a29c1e2b3f403";

fn connection() -> Connection {
    Connection::new("twilio", "twilio", "https://hooks.example.com")
        .with("account_sid", "AC1")
        .with("auth_token", Setting::secret(TOKEN))
}

fn post(url: &str, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Request<Bytes> {
    let mut request = Request::new(body.into());
    *request.method_mut() = Method::POST;
    *request.uri_mut() = url.parse().unwrap();
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        request
            .headers_mut()
            .insert(name, HeaderValue::from_str(value).unwrap());
    }
    request
}

#[test]
fn mistakes_in_settings_are_named() {
    let bare = || Connection::new("twilio", "twilio", "https://h");
    let secret = Setting::secret;
    for (at, faults) in [
        (connection(), &[] as &[&str]),
        (connection().with("account_sid", secret("AC2")), &[]),
        (
            bare(),
            &["`account_sid` is missing", "`auth_token` is missing"],
        ),
        (
            connection().with("auth_tokn", secret("x")),
            &["`auth_tokn` is not a setting"],
        ),
        (
            connection().with("auth_token", "plain"),
            &["`auth_token` is missing"],
        ),
        (
            connection().with("dialect", "texml"),
            &["`dialect` must be"],
        ),
        (
            connection().with("dialect", "somleng"),
            &["`api_base` is missing"],
        ),
        (
            connection()
                .with("dialect", "signalwire")
                .with("api_base", "https://x.example.org"),
            &["`signing_key` is missing"],
        ),
        (
            connection().with("api_key_sid", "SK1"),
            &["`api_key_sid` and `api_key_secret`"],
        ),
        (
            connection().with("api_base", "api.twilio.com"),
            &["`api_base` must be a full"],
        ),
        (
            connection().with("ringback_url", "/ring.wav"),
            &["`ringback_url` must be a full"],
        ),
        (
            connection().with("media_hosts", "https://x/"),
            &["`media_hosts` must list"],
        ),
        (connection().with("retry", "rc=5#x"), &["`retry` must be"]),
        (
            connection().with("shared_keys", "x"),
            &["`shared_keys` must map"],
        ),
    ] {
        let found = Twilio.settings(&at).err().unwrap_or_default();
        assert_eq!(found.len(), faults.len(), "{found:?}");
        for (found, fault) in found.iter().zip(faults) {
            assert!(found.contains(fault), "{found}: {fault}");
        }
    }
}

#[test]
fn every_setting_stands_in_the_manual() {
    let manual = include_str!("../../../docs/carriers/twilio.md");
    for key in settings::KEYS {
        assert!(manual.contains(&format!("| `{key}` |")), "{key}");
    }
}

#[test]
fn a_second_token_and_a_missing_one() {
    let request = post(
        "https://hooks.example.com/twilio/sms",
        &[("X-Twilio-Signature", "0sW6x2R0fxZ5pS0MBcu5s2FPUAg=")],
        "",
    );
    let now = Timestamp::from_micros(0);
    let verify = |at: &Connection, request: &_| Twilio.verify(at, Hook::Sms, request, now);
    assert_eq!(
        verify(&connection(), &request),
        Err(Rejected::SignatureWrong)
    );
    let bare = Connection::new("t", "twilio", "https://h");
    assert_eq!(verify(&bare, &request), Err(Rejected::KeyMissing));

    let recorded = include_str!("cases/requests/sms.json");
    let recorded: crate::carrier::capture::Captured = serde_json::from_str(recorded).unwrap();
    let recorded = recorded.request().unwrap();
    let rotated = connection()
        .with("auth_token", Setting::secret("new"))
        .with("auth_token_secondary", Setting::secret(TOKEN));
    assert_eq!(verify(&rotated, &recorded), Ok(()));
    let somleng = connection().with("dialect", "somleng");
    assert_eq!(verify(&somleng, &recorded), Ok(()));
    let signalwire = rotated.with("dialect", "signalwire");
    assert_eq!(verify(&signalwire, &recorded), Err(Rejected::KeyMissing));
}

#[test]
fn refusals_have_their_own_codes() {
    let url = "https://hooks.example.com/twilio/sms";
    let json = ("Content-Type", "application/json");
    let named = "X-Twilio-Webhooks-Signature-Settings";
    let some = ("X-Twilio-Signature", "AAAA");
    for (headers, body, code) in [
        (vec![], "", "signature_missing"),
        (vec![("X-Twilio-Signature", "%")], "", "signature_malformed"),
        (vec![some], "", "signature_wrong"),
        (vec![some, json], "{}", "body_hash_missing"),
        (
            vec![some, (named, "key=a,algorithm=HMAC_MD5")],
            "",
            "algorithm_unknown",
        ),
        (vec![some, (named, "key=a")], "", "algorithm_unknown"),
        (
            vec![some, (named, "key=a,algorithm=HMAC_SHA256")],
            "",
            "key_unknown",
        ),
        (
            vec![some, (named, "algorithm=HMAC_SHA256")],
            "",
            "key_unknown",
        ),
    ] {
        let request = post(url, &headers, body);
        let now = Timestamp::from_micros(0);
        let refused = Twilio.verify(&connection(), Hook::Sms, &request, now);
        assert_eq!(refused.map_err(Rejected::code), Err(code), "{headers:?}");
    }
}

/// What a webhook of this hook, key and form means: the event's kind, or the code of the refusal.
fn meaning(hook: Hook, k: Option<&str>, form: &str) -> Value {
    let at = connection();
    let request = post(&at.hook_url(hook, k), &[], form.to_owned());
    match Twilio.parse(&at, hook, &request) {
        Err(malformed) => json!(malformed.code()),
        Ok(events) if events.is_empty() => json!("nothing"),
        Ok(events) => {
            let event = serde_json::to_value(&events[0]).unwrap();
            event.pointer("/call/kind").cloned().unwrap_or(event)
        }
    }
}

#[test]
fn odd_webhooks() {
    let call = Some(CALL_KEY);
    let leg = Some(LEG_KEY);
    let silent = format!("{CALL_KEY}&rec=none");
    let timed_out = format!("{LEG_KEY}&digits=none");
    let gone = json!({ "status": { "status": "completed", "duration_s": null } });
    let leg_gone = json!({ "leg_status": { "status": "completed", "sequence": null } });
    let recorded = |duration, sid: Option<&str>, gone| json!({ "recorded": { "duration_s": duration, "recording": sid, "url": sid.map(|_| "u"), "caller_gone": gone } });
    let screen = |digits: Option<&str>, machine| json!({ "screen": { "digits": digits, "machine": machine } });
    for (hook, k, form, meant) in [
        (
            Hook::Call,
            call,
            "CallSid=CA1&CallStatus=in-progress",
            json!("resumed"),
        ),
        (
            Hook::Call,
            call,
            "CallSid=CA1&CallStatus=completed",
            gone.clone(),
        ),
        (
            Hook::Call,
            Some(silent.as_str()),
            "CallSid=CA1&CallStatus=in-progress",
            recorded(0, None, false),
        ),
        (
            Hook::Call,
            call,
            "CallSid=CA1&CallStatus=completed&RecordingSid=RE1&RecordingUrl=u&RecordingDuration=9&Digits=hangup",
            recorded(9, Some("RE1"), true),
        ),
        (Hook::Call, leg, "CallSid=CA1", json!("k_invalid")),
        (
            Hook::Call,
            Some("call_1"),
            "CallSid=CA1",
            json!("k_invalid"),
        ),
        (
            Hook::Call,
            None,
            "CallSid=CA1&To=%2B12025550188",
            json!("field_missing"),
        ),
        (
            Hook::Call,
            None,
            "CallSid=CA1&From=&To=%2B12025550188",
            json!({ "started": { "from": "withheld", "to": "+12025550188", "token": null } }),
        ),
        (
            Hook::Gather,
            call,
            "CallSid=CA1&CallStatus=completed&Digits=",
            gone.clone(),
        ),
        (
            Hook::Gather,
            call,
            "CallSid=CA1&CallStatus=in-progress",
            json!({ "digits": { "digits": "" } }),
        ),
        (
            Hook::Gather,
            call,
            "CallSid=CA1&CallStatus=completed&Digits=12",
            json!({ "digits": { "digits": "12" } }),
        ),
        (Hook::Gather, None, "CallSid=CA1", json!("k_missing")),
        (
            Hook::Dial,
            leg,
            "CallSid=CA1&CallStatus=completed&DialCallStatus=answered",
            json!({ "dial_ended": { "status": "answered", "duration_s": 0, "caller_gone": true } }),
        ),
        (
            Hook::Dial,
            call,
            "CallSid=CA1&DialCallStatus=odd",
            json!("field_invalid"),
        ),
        (
            Hook::Screen,
            leg,
            "CallSid=CA2&CallStatus=in-progress&Digits=1",
            screen(Some("1"), false),
        ),
        (
            Hook::Screen,
            leg,
            "CallSid=CA2&CallStatus=in-progress&Digits=",
            screen(Some(""), false),
        ),
        (
            Hook::Screen,
            Some(&timed_out),
            "CallSid=CA2&CallStatus=in-progress",
            screen(Some(""), false),
        ),
        (
            Hook::Screen,
            leg,
            "CallSid=CA2&CallStatus=in-progress&AnsweredBy=machine_start",
            screen(None, true),
        ),
        (
            Hook::Screen,
            leg,
            "CallSid=CA2&CallStatus=in-progress&AnsweredBy=human",
            screen(None, false),
        ),
        (
            Hook::Screen,
            leg,
            "CallSid=CA2&CallStatus=completed&Digits=",
            leg_gone,
        ),
        (Hook::Screen, call, "CallSid=CA2", json!("k_invalid")),
        (
            Hook::Leg,
            leg,
            "CallSid=CA2&CallStatus=initiated&SequenceNumber=0",
            json!({ "leg_status": { "status": "queued", "sequence": 0 } }),
        ),
        (
            Hook::Leg,
            leg,
            "CallSid=CA2&CallStatus=busy",
            json!({ "leg_status": { "status": "busy", "sequence": null } }),
        ),
        (Hook::Leg, leg, "CallStatus=busy", json!("field_missing")),
        (
            Hook::CallStatus,
            call,
            "CallSid=CA1&CallStatus=dancing",
            json!("field_invalid"),
        ),
        (Hook::Hold, None, "", json!("hold_asked")),
        (
            Hook::Recording,
            call,
            "CallSid=CA1&RecordingSid=RE1&RecordingStatus=in-progress",
            json!("nothing"),
        ),
        (
            Hook::Recording,
            call,
            "CallSid=CA1&RecordingSid=RE1&RecordingStatus=completed",
            json!("field_missing"),
        ),
        (
            Hook::Transcript,
            call,
            "CallSid=CA1&RecordingSid=RE1&TranscriptionStatus=failed",
            json!({ "transcribed": { "recording": "RE1", "text": null } }),
        ),
        (
            Hook::Status,
            None,
            "MessageSid=SM1&MessageStatus=sending",
            json!({ "receipt": { "message": null, "carrier_id": "SM1", "status": "accepted", "error": null } }),
        ),
        (
            Hook::Status,
            None,
            "SmsSid=SM1&SmsStatus=canceled&ErrorCode=0",
            json!({ "receipt": { "message": null, "carrier_id": "SM1", "status": "failed", "error": null } }),
        ),
        (
            Hook::Status,
            None,
            "MessageSid=SM1&MessageStatus=new",
            json!("field_invalid"),
        ),
        (
            Hook::Status,
            call,
            "MessageSid=SM1&MessageStatus=sent",
            json!("k_invalid"),
        ),
        (
            Hook::Sms,
            None,
            "From=%2B12025550143&To=%2B12025550188",
            json!("field_missing"),
        ),
        (
            Hook::Sms,
            None,
            "MessageSid=1&From=%2B12025550143&To=2442&NumMedia=99999999999",
            json!({ "message": { "carrier_id": "1", "from": "+12025550143", "to": "2442", "text": "", "media": [], "carrier_answered": false } }),
        ),
    ] {
        assert_eq!(meaning(hook, k, form), meant, "{hook:?} {form}");
    }
    let at = connection();
    let json = post(
        &at.hook_url(Hook::Sms, None),
        &[("Content-Type", "application/json")],
        "{}",
    );
    assert!(Twilio.parse(&at, Hook::Sms, &json).is_err());
}

#[test]
fn acknowledgements_say_the_least_that_ends_well() {
    let at = connection();
    for (hook, status, part) in [
        (Hook::Sms, 200, "<Response/>"),
        (Hook::Status, 204, ""),
        (Hook::Leg, 204, ""),
        (Hook::Call, 200, "<Reject/>"),
        (Hook::Gather, 200, "<Hangup/>"),
        (
            Hook::Hold,
            200,
            "<Play loop=\"0\">https://hooks.example.com/carriers/twilio/hold</Play>",
        ),
    ] {
        let answer = Twilio.acknowledge(&at, hook);
        assert_eq!(answer.status(), status, "{hook:?}");
        let body = std::str::from_utf8(answer.body()).unwrap();
        assert!(body.contains(part), "{body}");
        assert_eq!(answer.headers().contains_key("content-type"), status == 200);
    }
    let own = at.with("ringback_url", "https://cdn.example.org/ring.mp3?a=1&b=2");
    let body = Twilio.hold(&own).into_body();
    assert!(std::str::from_utf8(&body).unwrap().contains("a=1&amp;b=2"));
}

/// An element: its name, attributes, text and children, with our addresses and theirs made alike.
#[derive(Debug, Default)]
struct Element {
    name: String,
    attributes: Vec<(String, String)>,
    text: String,
    children: Vec<Element>,
}

fn tree(xml: &str) -> Element {
    let mut reader = Reader::from_str(xml);
    let mut open = vec![Element::default()];
    let alike = |text: &str| match text.starts_with("https://hooks.example.com/t/")
        || text.contains("/carriers/")
    {
        true => "URL".to_owned(),
        false => text.to_owned(),
    };
    let element = |start: &BytesStart| Element {
        name: start.name().as_ref().to_owned(),
        attributes: start
            .attributes()
            .map(|it| {
                let it = it.unwrap();
                let key = it.key.as_ref().to_owned();
                (key, alike(&it.value))
            })
            .collect(),
        ..Element::default()
    };
    loop {
        match reader.read_event().unwrap() {
            Event::Start(start) => open.push(element(&start)),
            Event::Empty(start) => {
                let empty = element(&start);
                open.last_mut().unwrap().children.push(empty);
            }
            Event::End(_) => {
                let mut done = open.pop().unwrap();
                done.text = alike(done.text.trim());
                open.last_mut().unwrap().children.push(done);
            }
            Event::Text(text) => open.last_mut().unwrap().text.push_str(&text),
            Event::GeneralRef(name) => open.last_mut().unwrap().text.push(match &*name {
                "amp" => '&',
                "lt" => '<',
                "gt" => '>',
                "quot" => '"',
                "apos" => '\'',
                other => panic!("{other}"),
            }),
            Event::Eof => return open.swap_remove(0).children.swap_remove(0),
            _ => {}
        }
    }
}

/// Whether ours says all that theirs says, but for the named differences.
fn says(ours: &Element, theirs: &Element, but: &[&str]) {
    assert_eq!(ours.name, theirs.name);
    assert_eq!(ours.text, theirs.text, "{}", ours.name);
    for (name, value) in &theirs.attributes {
        let known = but.contains(&name.as_str());
        let same = ours
            .attributes
            .iter()
            .any(|(key, it)| key == name && it == value);
        assert!(same != known, "{} {name}={value}: {ours:?}", ours.name);
    }
    let wanted: Vec<_> = theirs
        .children
        .iter()
        .filter(|it| !but.contains(&it.name.as_str()))
        .collect();
    assert!(ours.children.len() >= wanted.len(), "{ours:?}");
    for (ours, theirs) in ours.children.iter().zip(wanted) {
        says(ours, theirs, but);
    }
}

#[test]
fn our_documents_say_what_the_carriers_own_samples_say() {
    let say = |text: &str| json!({ "say": { "text": text, "language": "en" } });
    let leg = |phone: &str| json!({ "leg": LEG_KEY, "phone": phone });
    let dial = |legs: Vec<Value>, ring: u32, caller: Option<&str>, screen: bool| json!({ "dial": { "legs": legs, "ring_s": ring, "caller_id": caller, "screen": screen, "record": false } });
    let gather = |prompt: Value, timeout: u32| json!({ "gather": { "prompt": [prompt], "digits_max": 1, "finish_on": "#", "timeout_s": timeout, "barge_in": true } });
    let three = ["+12025550101", "+12025550102", "+12025550103"]
        .map(leg)
        .to_vec();
    let key: CallbackKey = CALL_KEY.parse().unwrap();
    let leg_key: CallbackKey = LEG_KEY.parse().unwrap();
    let record =
        json!({ "record": { "max_s": 120, "silence_s": 5, "beep": true, "transcribe": true } });
    for (theirs, key, verbs, but) in [
        (
            include_str!("cases/answers/conference.xml"),
            key,
            vec![json!({ "hold": { "room": "room-42" } })],
            &[
                "endConferenceOnExit",
                "maxParticipants",
                "statusCallback",
                "statusCallbackEvent",
            ] as &[&str],
        ),
        (
            include_str!("cases/answers/dial-one.xml"),
            key,
            vec![dial(vec![leg("+12025550101")], 15, None, false)],
            &["machineDetection", "amdStatusCallback"],
        ),
        (
            include_str!("cases/answers/dial-simultaneous.xml"),
            key,
            vec![dial(three, 20, Some("+12025550188"), true)],
            &["timeLimit"],
        ),
        (
            include_str!("cases/answers/gather.xml"),
            key,
            vec![gather(say("Press 1 for sales, 2 for support."), 5)],
            &[],
        ),
        (
            include_str!("cases/answers/hangup.xml"),
            key,
            vec![json!("hangup")],
            &[],
        ),
        (
            include_str!("cases/answers/reject.xml"),
            key,
            vec![json!({ "reject": { "busy": true } })],
            &[],
        ),
        (
            include_str!("cases/answers/say-play.xml"),
            key,
            vec![
                say("Welcome to Acme."),
                json!({ "play": { "url": "https://hooks.example.com/a/menu.mp3" } }),
                json!({ "pause": { "seconds": 1 } }),
            ],
            &["voice", "loop"],
        ),
        (
            include_str!("cases/answers/screen-accepted.xml"),
            leg_key,
            vec![],
            &[],
        ),
        (
            include_str!("cases/answers/screen-called-leg.xml"),
            leg_key,
            vec![gather(say("Call for Acme. Press 1 to accept."), 8)],
            &["Hangup"],
        ),
        (
            include_str!("cases/answers/voicemail.xml"),
            key,
            vec![say("Please leave a message after the tone."), record],
            &["Hangup"],
        ),
    ] {
        let verbs: Vec<CallVerb> = verbs
            .into_iter()
            .map(|verb| serde_json::from_value(verb).unwrap())
            .collect();
        let answer = Twilio.answer(&connection(), &CallScript { key, verbs });
        let ours = tree(std::str::from_utf8(answer.body()).unwrap());
        says(&ours, &tree(theirs), but);
    }
    let none = Twilio.acknowledge(&connection(), Hook::Sms);
    let none = tree(std::str::from_utf8(none.body()).unwrap());
    says(
        &none,
        &tree(include_str!("cases/answers/sms-no-reply.xml")),
        &[],
    );
}

#[test]
fn a_long_text_is_said_in_parts_and_never_outgrows_the_document() {
    let say = |text: String| CallVerb::Say {
        text,
        language: "en".into(),
    };
    let key: CallbackKey = CALL_KEY.parse().unwrap();
    let said = |verbs| {
        let answer = Twilio.answer(&connection(), &CallScript { key, verbs });
        let body = std::str::from_utf8(answer.body()).unwrap().to_owned();
        assert!(body.len() <= 64_000, "{}", body.len());
        tree(&body)
    };
    let words = said(vec![say("word ".repeat(2000))]);
    assert_eq!(words.children.len(), 4);
    assert!(
        words
            .children
            .iter()
            .all(|it| it.text.chars().count() <= 4096)
    );
    said(vec![say("<".repeat(50_000))]);
    said((0..200).map(|_| say("😀&".repeat(500))).collect());
    let mut ids = Ids::new(Timestamp::from_micros(0), 1);
    let phone = "+12025550101".parse().unwrap();
    let legs = (0..50)
        .map(|_| crate::model::DialLeg {
            leg: ids.fresh::<LegId>(),
            phone,
        })
        .collect();
    let dial = CallVerb::Dial {
        legs,
        ring_s: 9999,
        caller_id: None,
        screen: true,
        record: true,
    };
    let both = said(vec![say("<".repeat(50_000)), dial]);
    let dial = both.children.last().unwrap();
    assert_eq!((dial.name.as_str(), dial.children.len()), ("Dial", 10));
    let dirty = said(vec![say("a\u{0}b\u{b}c\u{ffff}d\te".into())]);
    assert_eq!(dirty.children[0].text, "abcd\te");
}

fn requests() -> impl Strategy<Value = Request<Bytes>> {
    let names = [
        "CallSid",
        "MessageSid",
        "From",
        "To",
        "CallStatus",
        "MessageStatus",
        "Digits",
        "RecordingStatus",
        "NumMedia",
        "DialCallStatus",
    ];
    let field = (prop::sample::select(names.to_vec()), ".{0,20}");
    let form = prop::collection::vec(field, 0..12).prop_map(|fields| {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(fields).finish().into_bytes()
    });
    let body = prop_oneof![form, prop::collection::vec(any::<u8>(), 0..300)];
    let k = prop_oneof![
        Just(CALL_KEY.to_owned()),
        Just(LEG_KEY.to_owned()),
        "[!-~&&[^#\"<>\\\\^`{|}]]{0,40}"
    ];
    let kind = prop_oneof![
        Just("application/x-www-form-urlencoded"),
        Just("application/json"),
        Just("")
    ];
    (body, k, kind, "[ -~]{0,40}", any::<bool>()).prop_map(|(body, k, kind, signature, get)| {
        let url = format!("https://hooks.example.com/x?k={k}");
        let url = if url.parse::<http::Uri>().is_ok() {
            url
        } else {
            "https://h/".to_owned()
        };
        let headers = [("Content-Type", kind), ("X-Twilio-Signature", &signature)];
        let mut request = post(&url, &headers, body);
        if get {
            *request.method_mut() = Method::GET;
        }
        request
    })
}

proptest! {
    #[test]
    fn no_request_makes_us_panic_or_passes_unsigned(request in requests()) {
        let now = Timestamp::from_micros(0);
        for dialect in ["twilio", "signalwire", "somleng"] {
            let at = connection().with("dialect", dialect).with("signing_key", Setting::secret("k"));
            for hook in Hook::ALL {
                prop_assert!(Twilio.verify(&at, hook, &request, now).is_err());
                if let Ok(events) = Twilio.parse(&at, hook, &request) {
                    prop_assert!(events.iter().all(|event| !event.dedupe(hook).is_empty()));
                }
            }
        }
    }

    #[test]
    fn no_reply_makes_us_panic(status in 100u16..1000, body in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut reply = http::Response::new(Bytes::from(body));
        *reply.status_mut() = status.try_into().unwrap();
        let mut ids = Ids::new(Timestamp::from_micros(0), 1);
        let to: Party = Party::read("+12025550143");
        let (from, text, leg) = ("+12025550188".to_owned(), "x".to_owned(), ids.fresh());
        for order in [
            crate::model::Order::SendText { message: ids.fresh(), from: from.clone(), to: to.clone(), text: text.clone() },
            crate::model::Order::FindText { message: ids.fresh(), from, to, text, since: Timestamp::from_micros(0) },
            crate::model::Order::EndLeg { leg, carrier_id: "CA".into() },
            crate::model::Order::FetchMedia { url: "https://api.twilio.com/x".into() },
        ] {
            let _ = Twilio.moved(&connection(), &order, &reply);
            let _ = Twilio.outcome(&connection(), &order, &reply);
        }
    }

    #[test]
    fn no_text_makes_a_broken_document(words in any::<String>(), language in any::<String>()) {
        let say = CallVerb::Say { text: words, language };
        let script = CallScript { key: CALL_KEY.parse().unwrap(), verbs: vec![say] };
        let answer = Twilio.answer(&connection(), &script);
        tree(std::str::from_utf8(answer.body()).unwrap());
    }
}
