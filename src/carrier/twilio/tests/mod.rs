//! What the cases in files cannot say: settings, odd webhooks, hostile bytes.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Twilio, settings};
use crate::carrier::{Carrier, Rejected, Voice as _};
use crate::model::connection::Setting;
use crate::model::{Connection, Hook, Ids, Party, Timestamp};

mod documents;

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
            &["`auth_token` is a secret"],
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
            &["`api_key_sid` needs `api_key_secret`"],
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
            let shown = format!("`{}` {}", found.setting, found.words);
            assert!(shown.contains(fault), "{shown}: {fault}");
        }
    }
}

#[test]
fn every_setting_stands_in_the_manual() {
    let manual = include_str!("../../../../docs/carriers/twilio.md");
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

    let recorded = include_str!("../cases/requests/sms.json");
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
    let talk = format!("{CALL_KEY}&of=talk");
    let of_leg = format!("{LEG_KEY}&of=talk");
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
            "CallSid=CA2&CallStatus=in-progress&AnsweredBy=unknown",
            json!({ "screen": { "digits": null, "machine": false, "unsure": true } }),
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
            Hook::Recording,
            call,
            "CallSid=CA1&RecordingSid=RE1&RecordingStatus=completed&RecordingUrl=u&RecordingDuration=7",
            json!({ "recording_ready": { "recording": "RE1", "url": "u", "duration_s": 7 } }),
        ),
        (
            Hook::Recording,
            Some(talk.as_str()),
            "ConferenceSid=CF1&RecordingSid=RE1&RecordingStatus=completed&RecordingUrl=u&RecordingDuration=7",
            json!({ "talk_recorded": { "recording": "RE1", "url": "u", "duration_s": 7 } }),
        ),
        (
            Hook::Recording,
            Some(of_leg.as_str()),
            "ConferenceSid=CF1&RecordingSid=RE1&RecordingStatus=completed&RecordingUrl=u&RecordingDuration=7",
            json!({ "talk_recorded": { "recording": "RE1", "url": "u", "duration_s": 7 } }),
        ),
        (
            Hook::Recording,
            Some(talk.as_str()),
            "CallSid=CA1&RecordingSid=RE1&RecordingStatus=absent&RecordingDuration=-1",
            json!({ "talk_recorded": { "recording": "RE1", "url": null, "duration_s": 0 } }),
        ),
        (
            Hook::Recording,
            None,
            "RecordingSid=RE1&RecordingStatus=absent",
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
}
