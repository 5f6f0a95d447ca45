//! `consent`: what the person allows, asked for, checked and taken down.
//!
//! One who has sent STOP is in again only by their own START: no flow says so for them.

use super::ask::{Sent, reply_to, too_many};
use super::{Came, Verb};
use crate::flow::Kind;
use crate::flow::answer::Choice;
use crate::flow::effect::{Effect, Scope};
use crate::flow::engine::Engine;
use crate::flow::event::Event;
use crate::flow::reader::{Fields, Reading};
use crate::flow::run::Wait;
use crate::flow::template::Text;
use crate::flow::yaml::Node;
use crate::model::CallVerb;
use crate::model::consent::{Consent, Verdict};

/// How often a person may answer otherwise.
const TRIES: (u32, u32, u32) = (1, 2, 10);
/// How long an answer by text is awaited.
const ANSWER_S: (u32, u32, u32) = (60, 24 * 3600, 30 * 24 * 3600);
/// How long a key is awaited.
const KEY_S: (u32, u32, u32) = (1, 8, 60);
/// Words that mean yes and no, whatever the language of the question.
const YES: [&str; 9] = ["yes", "y", "ok", "sure", "si", "oui", "ja", "sim", "1"];
const NO: [&str; 7] = ["no", "n", "nope", "non", "nein", "nao", "2"];

/// What the person allows.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ConsentStep {
    scope: Scope,
    does: Does,
}

#[derive(Debug, Clone, PartialEq)]
enum Does {
    Record(Consent),
    Check,
    Ask(Box<Question>),
}

#[derive(Debug, Clone, PartialEq)]
struct Question {
    prompt: Text,
    tries: u32,
    timeout_s: u32,
}

impl ConsentStep {
    pub(super) fn read(reading: &mut Reading<'_>, node: &Node) -> Option<Verb> {
        let fields = reading.form(node, "consent")?;
        let given = ["record", "ask", "check"].map(|key| fields.get(key));
        if given.iter().flatten().count() != 1 {
            let help = "write `consent: { record: in }`, `{ ask: … }` or `{ check: program }`";
            let message = "`consent` does one of `record`, `ask` and `check`";
            reading.fault_help(fields.at, "missing-key", message, help);
            return None;
        }
        let scope = scope(reading, fields.get("scope").or(fields.get("check")));
        let does = match given {
            [Some(record), ..] => {
                let verdicts = [("in", Consent::In), ("out", Consent::Out)];
                let said = reading.choice(record, "consent", &verdicts);
                said.map(Does::Record)
            }
            [_, Some(ask), _] => question(reading, &fields, ask).map(Box::new).map(Does::Ask),
            _ => Some(Does::Check),
        };
        misplaced(reading, &fields);
        Some(Verb::Consent(Self {
            scope: scope?,
            does: does?,
        }))
    }

    /// What it can come to.
    pub(crate) fn outcomes(&self) -> &'static [&'static str] {
        match self.does {
            Does::Record(_) => &["ok"],
            Does::Check | Does::Ask(_) => &["in", "out", "unknown"],
        }
    }

    /// Whether it asks the person, and waits for an answer.
    pub(crate) fn asks(&self) -> bool {
        matches!(self.does, Does::Ask(_))
    }

    pub(super) fn enter(&self, engine: &mut Engine<'_>) -> Came {
        match &self.does {
            Does::Record(verdict) => {
                self.record(engine, *verdict);
                Came::outcome("ok")
            }
            Does::Check => Came::outcome(word(self.verdict(engine))),
            Does::Ask(question) => self.ask(engine, question, question.tries.saturating_sub(1)),
        }
    }

    /// Nobody is texted whom any scope keeps out, so that answers first.
    fn verdict(&self, engine: &Engine<'_>) -> Verdict {
        let allowed = engine.allowed();
        if allowed.is_out() {
            return Verdict::Out;
        }
        match self.scope {
            Scope::Number => allowed.number,
            Scope::Program => allowed.program,
            Scope::Account => allowed.account,
        }
    }

    fn record(&self, engine: &mut Engine<'_>, verdict: Consent) {
        if !engine.facts.party.can_receive() {
            return;
        }
        let stopped = engine.allowed().number == Verdict::Out;
        if self.scope == Scope::Number && verdict == Consent::In && stopped {
            let text = "The flow would take down a consent, but this person has opted out; only their START undoes that.";
            return engine.effects.push(Effect::Note {
                text: text.to_owned(),
            });
        }
        engine.allow(self.scope, verdict);
    }

    fn ask(&self, engine: &mut Engine<'_>, question: &Question, tries_left: u32) -> Came {
        if engine.flow.kind == Kind::Call {
            if engine.run.call.gone || !engine.facts.party.can_receive() {
                return Came::outcome("unknown");
            }
            if self.verdict(engine) == Verdict::Out {
                return Came::outcome("out");
            }
            let prompt = vec![engine.spoken(&question.prompt)];
            engine.give(CallVerb::Gather {
                prompt,
                digits_max: Some(1),
                finish_on: None,
                timeout_s: question.timeout_s,
                barge_in: true,
            });
            engine.run.wait = Wait::Keys { tries_left };
            return Came::Waits;
        }
        match reply_to(engine, &question.prompt) {
            Sent::TooMany => return too_many(),
            // A question that cannot be put is not answered.
            Sent::Refused => return Came::outcome(word(self.verdict(engine))),
            Sent::Ok => {}
        }
        engine.run.wait = Wait::Answer { tries_left };
        engine.run.due_at = Some(engine.after(question.timeout_s));
        Came::Waits
    }

    pub(super) fn resume(&self, engine: &mut Engine<'_>, event: &Event<'_>) -> Came {
        let Does::Ask(question) = &self.does else {
            return Came::Waits;
        };
        let (answer, tries_left) = match (&engine.run.wait, event) {
            (Wait::Answer { .. }, Event::Timer) if engine.is_due() => {
                return Came::outcome("unknown");
            }
            (Wait::Answer { tries_left }, Event::Text(text)) => (*text, *tries_left),
            (Wait::Keys { tries_left }, Event::Digits(digits)) => (*digits, *tries_left),
            _ => return Came::Waits,
        };
        match yes_or_no(answer) {
            Some(verdict) => {
                self.record(engine, verdict);
                // What could not be taken down is not so.
                Came::outcome(word(self.verdict(engine)))
            }
            None if tries_left == 0 => Came::outcome("unknown"),
            None => self.ask(engine, question, tries_left - 1),
        }
    }
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::In => "in",
        Verdict::Out => "out",
        Verdict::Unknown => "unknown",
    }
}

fn yes_or_no(answer: &str) -> Option<Consent> {
    let choice = |name: &str, words: &[&str]| {
        let mut made = Choice::new(name);
        words.iter().for_each(|word| made.add(Choice::fold(word)));
        made
    };
    let choices = [choice("yes", &YES), choice("no", &NO)];
    match Choice::pick(&choices, answer)? {
        "yes" => Some(Consent::In),
        _ => Some(Consent::Out),
    }
}

fn scope(reading: &mut Reading<'_>, node: Option<&Node>) -> Option<Scope> {
    let scopes = [
        ("number", Scope::Number),
        ("program", Scope::Program),
        ("account", Scope::Account),
    ];
    match node {
        Some(node) => reading.choice(node, "scope", &scopes),
        None => Some(Scope::Program),
    }
}

fn question(reading: &mut Reading<'_>, fields: &Fields<'_>, ask: &Node) -> Option<Question> {
    let prompt = reading.text(ask, "the question");
    let (min, default, max) = TRIES;
    let tries = fields
        .get("tries")
        .and_then(|node| reading.count(node, "`tries`", min, max));
    let tries = tries.unwrap_or(default);
    let (min, default, max) = match reading.kind {
        Kind::Call => KEY_S,
        Kind::Sms => ANSWER_S,
    };
    let timeout = fields
        .get("timeout")
        .and_then(|node| reading.duration(node, "the timeout", min, max));
    Some(Question {
        prompt: prompt?,
        tries,
        timeout_s: timeout.unwrap_or(default),
    })
}

/// Keys that go with another way to use the verb.
fn misplaced(reading: &mut Reading<'_>, fields: &Fields<'_>) {
    let asks = fields.get("ask").is_some();
    let table = [
        ("tries", asks, "ask"),
        ("timeout", asks, "ask"),
        ("scope", fields.get("check").is_none(), "record` or `ask"),
    ];
    for (key, fits, with) in table {
        if let (Some(node), false) = (fields.get(key), fits) {
            let message = format!("`{key}` goes with `{with}`");
            reading.fault_help(&node.at, "unknown-key", message, "leave it out");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yes_and_no_are_read_in_many_tongues() {
        for (answer, expected) in [
            ("Yes please", Some(Consent::In)),
            ("SÍ", Some(Consent::In)),
            ("ok!", Some(Consent::In)),
            ("1", Some(Consent::In)),
            ("No.", Some(Consent::Out)),
            ("não, obrigado", Some(Consent::Out)),
            ("2", Some(Consent::Out)),
            ("maybe", None),
            ("yesterday", None),
            ("", None),
        ] {
            assert_eq!(yes_or_no(answer), expected, "{answer}");
        }
    }
}
