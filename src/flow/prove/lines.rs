//! Whether the numbers that bring calls or texts to a flow, and their carriers, can do what it asks for.

use std::collections::{BTreeMap, BTreeSet};

use crate::flow::Kind;
use crate::flow::amounts::{read_duration, show_duration};
use crate::flow::form::{self, Body, Shape};
use crate::flow::names::{FlowNumber, Leading};
use crate::flow::reader::Reading;
use crate::flow::yaml::{At, Node, Value};

/// Warns of what the numbers of the flow `key` lack; `on` is where its kind stands, `steps` its steps.
pub(crate) fn judge(reading: &mut Reading<'_>, key: &str, on: &Node, steps: &Node) {
    let lines = reading.names.lines(&reading.account, key, reading.kind);
    for line in &lines {
        let (able, what) = match reading.kind {
            Kind::Call => (line.voice, "calls"),
            Kind::Sms => (line.sms, "texts"),
        };
        if !able {
            lacks(
                reading,
                &on.at,
                line,
                &format!("takes no {what}"),
                "say `can: [sms, voice]` of the number when it can, or name another flow there",
            );
        }
    }
    other_kind(reading, key, on);
    let Value::Map(pairs) = &steps.value else {
        return;
    };
    for (_, step) in pairs {
        for line in &lines {
            one(reading, step, line);
        }
    }
}

/// Faults a kind that is not what those want who lead here.
fn other_kind(reading: &mut Reading<'_>, key: &str, on: &Node) {
    let (kind, account) = (reading.kind, reading.account.clone());
    let (other, what) = match kind {
        Kind::Call => (Kind::Sms, "texts"),
        Kind::Sms => (Kind::Call, "calls"),
    };
    let numbers = reading.names.lines(&account, key, other).into_iter();
    let mut leading: Vec<String> = numbers
        .map(|line| format!("the {what} of {}", line.address))
        .collect();
    let flows = reading.names.leading_to(&account, key).into_iter();
    let flows = flows.filter(|leading| leading.kind == other);
    let mut flows: Vec<String> = flows.map(|leading| leading.flow).collect();
    flows.dedup();
    leading.extend(flows.iter().map(|flow| format!("the flow `{flow}`")));
    if leading.is_empty() {
        return;
    }
    let message = format!(
        "this flow is on {}, and what leads here is not: {}",
        kind.as_str(),
        leading.join(", ")
    );
    let help = "give the flow another name, or lead them elsewhere first";
    reading.fault_help(&on.at, "wrong-kind", message, help);
}

/// Faults what is not taken any more and published flows still give; `with` is what is taken, and `at` where that stands
/// or would stand.
pub(crate) fn not_taken(reading: &mut Reading<'_>, key: &str, with: &[String], at: &At) {
    let leading = reading.names.leading_to(&reading.account, key).into_iter();
    let mut given: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for Leading { flow, gives, .. } in leading {
        for name in gives.into_iter().filter(|name| !with.contains(name)) {
            given.entry(name).or_default().insert(flow.clone());
        }
    }
    for (name, flows) in given {
        let flows: Vec<String> = flows.iter().map(|flow| format!("`{flow}`")).collect();
        let message = format!(
            "this flow takes no `{name}`, and what is published gives it one: {}",
            flows.join(", ")
        );
        let help = "take it below `with:`, or publish those without it first";
        reading.fault_help(at, "unknown-name", message, help);
    }
}

fn one(reading: &mut Reading<'_>, step: &Node, line: &FlowNumber) {
    if let Some(sends) = sends_texts(step).filter(|_| reading.kind == Kind::Call && !line.sms) {
        let help = "say `can: [sms, voice]` of the number when it can, or send an e-mail";
        lacks(reading, &sends, line, "sends no texts", help);
    }
    let Some(carrier) = line.carrier else { return };
    if let Some(dial) = step.get("dial").or_else(|| step.get("queue")) {
        longer(reading, dial, "ring", carrier.ring_s_max, line);
        let judged = dial
            .get("accept")
            .filter(|_| dial.word("accept") == Some("amd"));
        if let (Some(node), false) = (judged, carrier.detects_machines) {
            let help = "write `accept: key`";
            lacks(
                reading,
                &node.at,
                line,
                "cannot tell people from machines",
                help,
            );
        }
        let shown = dial
            .get("caller_id")
            .filter(|_| dial.word("caller_id") == Some("caller"));
        if let (Some(node), false) = (shown, carrier.shows_caller) {
            let help = "write `caller_id: number`";
            lacks(
                reading,
                &node.at,
                line,
                "cannot show the caller's own number",
                help,
            );
        }
    }
    if let Some(voicemail) = step.get("voicemail") {
        longer(reading, voicemail, "max", carrier.record_s_max, line);
        let wanted = voicemail
            .get("transcribe")
            .filter(|_| voicemail.word("transcribe") == Some("true"));
        if let (Some(node), false) = (wanted, carrier.transcribes) {
            let help = "leave `transcribe` out";
            lacks(
                reading,
                &node.at,
                line,
                "does not write recordings down",
                help,
            );
        }
    }
    if let Value::Map(pairs) = &step.value {
        for (verb, value) in pairs {
            texts(reading, &verb.text, value, line);
        }
    }
}

/// Where a step of a call says that it sends a text from the number that was called.
fn sends_texts(step: &Node) -> Option<At> {
    let Value::Map(pairs) = &step.value else {
        return None;
    };
    let sends = |verb: &str, value: &Node| match verb {
        "send" => true,
        "notify" => value.get("by").is_some_and(|by| match &by.value {
            Value::List(ways) => ways.iter().any(|way| way.scalar() == Some("text")),
            _ => by.scalar() == Some("text"),
        }),
        _ => false,
    };
    let found = pairs.iter().find(|(key, value)| sends(&key.text, value));
    found.map(|(key, _)| key.at.clone())
}

/// A time that the carrier cuts short.
fn longer(reading: &mut Reading<'_>, verb: &Node, key: &str, most_s: u32, line: &FlowNumber) {
    let wanted = verb.word(key).and_then(read_duration);
    if let (Some(node), true) = (verb.get(key), wanted.is_some_and(|wanted| wanted > most_s)) {
        let most = show_duration(most_s);
        let what = format!("has at most {most} for `{key}`");
        lacks(
            reading,
            &node.at,
            line,
            &what,
            &format!("write `{key}: {most}` or less"),
        );
    }
}

/// Texts that are longer as written than the carrier takes.
fn texts(reading: &mut Reading<'_>, verb: &str, value: &Node, line: &FlowNumber) {
    let (Some(form), Some(carrier)) = (form::of(verb), line.carrier) else {
        return;
    };
    let Body::Keys { keys, .. } = form.body else {
        return;
    };
    for key in keys {
        let most = match key.shape {
            Shape::Sms => carrier.text_chars_max,
            Shape::Text if reading.kind == Kind::Call => carrier.say_chars_max,
            _ => continue,
        };
        for node in super::texts::variants(form, key.word, value) {
            let Value::Scalar { text, .. } = &node.value else {
                continue;
            };
            if text.chars().count() > most {
                let what = format!("takes texts of at most {most} characters");
                lacks(reading, &node.at, line, &what, "make two steps of it");
            }
        }
    }
}

fn lacks(reading: &mut Reading<'_>, at: &At, line: &FlowNumber, what: &str, help: &str) {
    let message = format!("the number {} {what}", line.address);
    reading.warn(at, "capability", message, help);
}
