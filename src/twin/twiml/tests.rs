//! Documents and what is read out of them.

use super::*;

macro_rules! answers {
        ($($file:literal => $wanted:expr;)*) => { &[$(($file, include_str!(concat!("../cases/answers/", $file)), $wanted)),*] };
    }

/// The sample answers, with what is read out of them in short.
#[test]
fn sample_answers_are_read() {
    let table: &[(&str, &str, Result<&str, &str>)] = answers! {
        "conference.xml" => Ok("dial room-42 start=true end=false beep=false wait=true events=4");
        "dequeue.xml" => Err("<Queue> inside <Dial> is not known to the twin");
        "dial-one.xml" => Ok("dial 15s bridge=true action=true [+12025550101 whisper=false events=0]");
        "dial-simultaneous.xml" => Ok("dial 20s bridge=true action=true [+12025550101 whisper=true events=4] [+12025550102 whisper=true events=4] [+12025550103 whisper=true events=4]");
        "enqueue.xml" => Err("<Enqueue> is no verb that the twin knows");
        "gather.xml" => Ok("gather 1 '#' 5s empty=true barge=true prompts=1 | redirect https://hooks.example.com/t/menu?step=timeout");
        "hangup.xml" => Ok("hangup");
        "redirect.xml" => Ok("redirect https://hooks.example.com/t/next");
        "reject.xml" => Ok("reject busy=true");
        "say-play.xml" => Ok("say 'Welcome to Acme.' | play https://hooks.example.com/a/menu.mp3 | pause 1s");
        "screen-accepted.xml" => Ok("");
        "screen-called-leg.xml" => Ok("gather 1 '#' 8s empty=false barge=true prompts=1 | hangup");
        "sms-no-reply.xml" => Ok("");
        "sms-reply.xml" => Ok("message 'Thanks & see you <soon>' media=1 action=true");
        "voicemail.xml" => Ok("say 'Please leave a message after the tone.' | record 120s 5s '#' action=true file=2 text=true | hangup");
    };
    for (file, document, wanted) in table {
        check(file, document, *wanted);
    }
}

/// Whatever the daemon's adapter writes is understood here; the file is the adapter's own table.
#[test]
fn the_daemons_documents_are_read() {
    let file = include_str!("../../carrier/twilio/cases/scripts/scripts.json");
    let rows: Vec<serde_json::Value> = serde_json::from_str(file).expect("a list");
    assert!(rows.len() > 10);
    for row in rows {
        let document = row["document"].as_str().expect("a document");
        assert!(
            parse(document).is_ok(),
            "{:?} of {document}",
            parse(document)
        );
    }
}

#[test]
fn odd_documents_are_refused() {
    let wide = format!("<Response>{}</Response>", "<Hangup/>".repeat(2_000));
    let deep = format!("<Response>{}", "<Gather>".repeat(20));
    let eleven = format!(
        "<Response><Dial>{}</Dial></Response>",
        "<Number>+12025550101</Number>".repeat(11)
    );
    for (document, wanted) in [
        ("", "the document has no complete root element"),
        ("<Response>", "the document has no complete root element"),
        ("<Reply/>", "the root element is <Reply>, not <Response>"),
        (
            "<Response>hello</Response>",
            "there is text between the verbs",
        ),
        (
            "<Response/><Response/>",
            "the document has two root elements",
        ),
        (
            "<Response><Pay/></Response>",
            "<Pay> is no verb that the twin knows",
        ),
        (
            "<Response><Say Voice='x'>a</Say></Response>",
            "<Say Voice> is no attribute that the twin knows",
        ),
        (
            "<Response><Gather numDigits='one'/></Response>",
            "<Gather numDigits> is a whole number",
        ),
        ("<Response><Dial/></Response>", "<Dial> has nobody to ring"),
        (
            "<Response><Say>a</Say><Reject/></Response>",
            "<Reject> must be the first verb",
        ),
        (
            "<Response><Say>&bomb;</Say></Response>",
            "the document has an unknown entity",
        ),
        ("<!DOCTYPE x><Response/>", "a document type is not allowed"),
        (&wide, "the document has too many elements"),
        (&deep, "the document has too many elements"),
        (&eleven, "<Dial> takes at most ten numbers"),
        (
            &"x".repeat(DOCUMENT_BYTES_MAX + 1),
            "the document is over 64 kB (11750)",
        ),
    ] {
        check("odd", document, Err(wanted));
    }
    check(
        "escapes",
        "<Response><Say>a &amp; b &#x41;<![CDATA[<c>]]></Say></Response>",
        Ok("say 'a & b A<c>'"),
    );
}

fn check(name: &str, document: &str, wanted: Result<&str, &str>) {
    let shown = parse(document).map(|verbs| verbs.iter().map(show).collect::<Vec<_>>().join(" | "));
    assert_eq!(shown.as_deref().map_err(String::as_str), wanted, "{name}");
}

fn show(verb: &Verb) -> String {
    match verb {
        Verb::Say(say) => format!("say '{}'", say.text),
        Verb::Play(play) => format!("play {}", play.url),
        Verb::Pause { seconds } => format!("pause {seconds}s"),
        Verb::Gather(g) => format!(
            "gather {} '{}' {}s empty={} barge={} prompts={}",
            g.digits_max.unwrap_or(0),
            g.finish_on,
            g.timeout_s,
            g.on_empty,
            g.barge_in,
            g.prompts.len()
        ),
        Verb::Dial(d) => show_dial(d),
        Verb::Record(r) => format!(
            "record {}s {}s '{}' action={} file={} text={}",
            r.length_max_s,
            r.timeout_s,
            r.finish_on,
            r.action.is_some(),
            r.callback.as_ref().map_or(0, |c| c.events.len()),
            r.transcribe.is_some()
        ),
        Verb::Redirect(target) => format!("redirect {}", target.url),
        Verb::Reject { busy } => format!("reject busy={busy}"),
        Verb::Hangup => "hangup".to_owned(),
        Verb::Message(m) => format!(
            "message '{}' media={} action={}",
            m.body,
            m.media.len(),
            m.action.is_some()
        ),
    }
}

fn show_dial(dial: &Dial) -> String {
    let events = |callback: &Option<Callback>| callback.as_ref().map_or(0, |c| c.events.len());
    match &dial.to {
        DialTo::Conference(c) => format!(
            "dial {} start={} end={} beep={} wait={} events={}",
            c.name,
            c.start_on_enter,
            c.end_on_exit,
            c.beep,
            c.wait.is_some(),
            events(&c.callback)
        ),
        DialTo::Numbers(numbers) => {
            let mut shown = format!(
                "dial {}s bridge={} action={}",
                dial.timeout_s,
                dial.answer_on_bridge,
                dial.action.is_some()
            );
            for n in numbers {
                shown += &format!(
                    " [{} whisper={} events={}]",
                    n.phone,
                    n.whisper.is_some(),
                    events(&n.callback)
                );
            }
            shown
        }
    }
}
