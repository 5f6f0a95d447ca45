//! How our documents compare with those that the carrier's own libraries build, and what they hold of
//! hostile texts.

use proptest::prelude::*;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use serde_json::{Value, json};

use super::{CALL_KEY, LEG_KEY, connection};
use crate::carrier::twilio::Twilio;
use crate::carrier::{Carrier, Voice};
use crate::model::{CallScript, CallVerb, CallbackKey, Hook, Ids, LegId, Timestamp};

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
            include_str!("../cases/answers/conference.xml"),
            key,
            vec![json!({ "hold": { "room": "room-42", "record": false } })],
            &[
                "endConferenceOnExit",
                "maxParticipants",
                "statusCallback",
                "statusCallbackEvent",
            ] as &[&str],
        ),
        (
            include_str!("../cases/answers/dial-one.xml"),
            key,
            vec![dial(vec![leg("+12025550101")], 15, None, false)],
            &["machineDetection", "amdStatusCallback"],
        ),
        (
            include_str!("../cases/answers/dial-simultaneous.xml"),
            key,
            vec![dial(three, 20, Some("+12025550188"), true)],
            &["timeLimit"],
        ),
        (
            include_str!("../cases/answers/gather.xml"),
            key,
            vec![gather(say("Press 1 for sales, 2 for support."), 5)],
            &[],
        ),
        (
            include_str!("../cases/answers/hangup.xml"),
            key,
            vec![json!("hangup")],
            &[],
        ),
        (
            include_str!("../cases/answers/reject.xml"),
            key,
            vec![json!({ "reject": { "busy": true } })],
            &[],
        ),
        (
            include_str!("../cases/answers/say-play.xml"),
            key,
            vec![
                say("Welcome to Acme."),
                json!({ "play": { "url": "https://hooks.example.com/a/menu.mp3" } }),
                json!({ "pause": { "seconds": 1 } }),
            ],
            &["voice", "loop"],
        ),
        (
            include_str!("../cases/answers/screen-accepted.xml"),
            leg_key,
            vec![],
            &[],
        ),
        (
            include_str!("../cases/answers/screen-called-leg.xml"),
            leg_key,
            vec![gather(say("Call for Acme. Press 1 to accept."), 8)],
            &["Hangup"],
        ),
        (
            include_str!("../cases/answers/voicemail.xml"),
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
        &tree(include_str!("../cases/answers/sms-no-reply.xml")),
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

proptest! {
    #[test]
    fn no_text_makes_a_broken_document(words in any::<String>(), language in any::<String>()) {
        let say = CallVerb::Say { text: words, language };
        let script = CallScript { key: CALL_KEY.parse().unwrap(), verbs: vec![say] };
        let answer = Twilio.answer(&connection(), &script);
        tree(std::str::from_utf8(answer.body()).unwrap());
    }
}
