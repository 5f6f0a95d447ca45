//! Asking other systems: what is asked, what comes back, and what a caller hears meanwhile.

use super::*;
use crate::model::http::HttpAnswer;

const AFTER: &str = "  at_ok:\n    reply: \"ok {{ steps.one.status }} {{ flow.a }} {{ flow.b }}\"\n    next: end\n  at_refused:\n    reply: \"refused {{ steps.one.status }}\"\n    next: end\n  at_failed:\n    reply: failed\n    next: end\n";

fn asks(http: &str) -> Drive {
    Drive::sms(&format!(
        "  name:\n    set: {{ flow.a: \"x&y\", flow.b: ~ }}\n    next: one\n  one:\n    http: {{ {http} }}\n    then: {{ ok: at_ok, refused: at_refused, failed: at_failed }}\n{AFTER}"
    ))
}

fn answer(status: u16, body: &str) -> HttpAnswer {
    HttpAnswer::Answer {
        status,
        body: body.to_owned(),
    }
}

#[test]
fn a_request_is_made_of_the_values_of_the_run() {
    let check = |http: &str, expected: &str| {
        let mut drive = asks(http);
        drive.contact = Some(drive.known(None));
        drive.start();
        assert_eq!(drive.asked(), expected, "{http}");
        assert!(!drive.last().waits_for_text);
        assert_eq!(drive.last().due_at.unwrap().since(drive.now).as_secs(), 20);
    };
    check(
        "url: \"https://crm.example.org/people/{{ flow.a }}?name={{ contact.name }}\"",
        "http 1 GET https://crm.example.org/people/x%26y?name=Pia [] \"\"",
    );
    check(
        "url: https://crm.example.org, method: PUT, body: { name: \"{{ contact.name }}\", n: 3, yes: true, none: ~, text: \"3\", in: [\"{{ flow.b }}\", { a: \"{{ flow.a }}!\" }] }",
        "http 1 PUT https://crm.example.org [(\"content-type\", Text(\"application/json\"))] \"{\\\"name\\\":\\\"Pia\\\",\\\"n\\\":3,\\\"yes\\\":true,\\\"none\\\":null,\\\"text\\\":\\\"3\\\",\\\"in\\\":[null,{\\\"a\\\":\\\"x&y!\\\"}]}\"",
    );
    check(
        "url: https://crm.example.org/a, body: \"Hello {{ contact.name }}\", headers: { Authorization: { secret: crm, before: \"Bearer \" }, Content-Type: text/html }",
        "http 1 POST https://crm.example.org/a [(\"authorization\", Secret { name: \"crm\", before: \"Bearer \" }), (\"content-type\", Text(\"text/html\"))] \"Hello Pia\"",
    );
}

#[test]
fn an_answer_leads_on_and_is_kept() {
    let parts =
        "url: https://crm.example.org/a, save_as: { flow.a: person.name, flow.b: person.visits.0 }";
    let whole = "url: https://crm.example.org/a, save_as: flow.a";
    for (http, came, expected) in [
        (
            parts,
            answer(200, "{\"person\":{\"name\":\"Rosa\",\"visits\":[7]}}"),
            "reply \"ok 200 Rosa 7\"",
        ),
        (parts, answer(201, "no JSON at all"), "reply \"ok 201  \""),
        (whole, answer(204, " done \n"), "reply \"ok 204 done \""),
        (
            parts,
            answer(404, "{\"person\":{\"name\":\"Rosa\"}}"),
            "reply \"refused 404\"",
        ),
        (parts, answer(302, ""), "reply \"failed\""),
        (parts, answer(500, ""), "reply \"failed\""),
        (
            parts,
            HttpAnswer::None("no_answer".into()),
            "reply \"failed\"",
        ),
    ] {
        let mut drive = asks(http);
        drive.start();
        // Another request's answer, and a text meanwhile, change nothing.
        drive.take(Event::Answered {
            ask: 9,
            answer: &answer(200, ""),
        });
        assert_eq!(drive.asked(), "");
        drive.texts("hello?");
        assert_eq!(drive.last().ended, None);
        drive.take(Event::Answered {
            ask: 1,
            answer: &came,
        });
        assert_eq!(drive.asked(), expected, "{came:?}");
        // Told twice, it has one effect.
        drive.take(Event::Answered {
            ask: 1,
            answer: &came,
        });
        assert_eq!(drive.asked(), "");
    }
    let mut drive = asks(whole);
    drive.start();
    drive.later(19).take(Event::Timer);
    assert_eq!(drive.asked(), "");
    drive.later(1).take(Event::Timer);
    assert_eq!(drive.asked(), "reply \"failed\"");
}

#[test]
fn a_caller_asks_again_until_the_answer_is_there() {
    let begin = || {
        let mut drive = Drive::call(
            "  hello:\n    say: One moment\n    next: one\n  one:\n    http: { url: https://crm.example.org/a, save_as: flow.name }\n    then: { ok: known, caller_hung_up: note, else: unknown }\n  known:\n    say: \"Hello {{ flow.name }}\"\n    next: end\n  unknown:\n    say: Hello\n    next: end\n  note:\n    inbox: { group: nurses }\n    next: end\n",
        );
        drive.start();
        assert_eq!(drive.hears(), "en:One moment | ask again 1");
        drive
    };
    let mut drive = begin();
    drive.take(Event::Answered {
        ask: 1,
        answer: &answer(200, "Rosa"),
    });
    // The caller comes for it within the second, and so is not sent for.
    assert_eq!(drive.asked(), "outcome ended");
    assert_eq!(drive.hears(), "en:Hello Rosa | hangup");
    let mut drive = begin();
    drive.take(Event::HungUp);
    assert_eq!(drive.asked(), "inbox Nurses; outcome missed");
    drive.take(Event::Answered {
        ask: 1,
        answer: &answer(200, "Rosa"),
    });
    assert_eq!(drive.asked(), "");
    let mut drive = begin();
    drive.later(20).take(Event::Timer);
    assert_eq!(drive.hears(), "en:Hello | hangup");
}
