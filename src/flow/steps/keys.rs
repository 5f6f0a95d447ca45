//! `menu` and `gather`: keys of the caller.

use super::speak::required;
use super::{Came, Verb};
use crate::flow::engine::Engine;
use crate::flow::event::Event;
use crate::flow::reader::Reading;
use crate::flow::run::Wait;
use crate::flow::scope::{Type, Val};
use crate::flow::steps::data::Place;
use crate::flow::template::Text;
use crate::flow::yaml::{Node, Value};
use crate::model::CallVerb;

/// How long the carrier waits for a key.
const TIMEOUT_S: (u32, u32, u32) = (1, 5, 60);
/// How often a caller may go wrong.
const TRIES_MAX: u32 = 10;
/// The most digits of one answer.
const DIGITS_MAX: u32 = 32;
/// The longest key of a menu.
pub(crate) const MENU_KEY_CHARS_MAX: usize = 4;

/// A prompt and the keys that answer it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Menu {
    prompt: Text,
    timeout_s: u32,
    tries: u32,
    barge_in: bool,
    /// The valid keys: those named in the step's `then`.
    pub(crate) keys: Vec<String>,
}

impl Menu {
    pub(super) fn read(reading: &mut Reading<'_>, node: &Node) -> Option<Verb> {
        let fields = reading.form(node, "menu")?;
        let prompt = required(reading, fields.get("prompt"), node, "menu", "prompt")
            .and_then(|prompt| reading.text(prompt, "the prompt"));
        let (timeout_s, tries, barge_in) = common(reading, &fields, 3);
        Some(Verb::Menu(Self {
            prompt: prompt?,
            timeout_s,
            tries,
            barge_in,
            keys: Vec::new(),
        }))
    }

    pub(super) fn enter(&self, engine: &mut Engine<'_>) -> Came {
        self.prompt(engine, self.tries.saturating_sub(1))
    }

    fn prompt(&self, engine: &mut Engine<'_>, tries_left: u32) -> Came {
        let longest = self
            .keys
            .iter()
            .map(|key| key.chars().count())
            .max()
            .unwrap_or(1);
        let verb = CallVerb::Gather {
            prompt: vec![engine.spoken(&self.prompt)],
            digits_max: Some(u32::try_from(longest).unwrap_or(1)),
            finish_on: None,
            timeout_s: self.timeout_s,
            barge_in: self.barge_in,
        };
        engine.give(verb);
        engine.run.wait = Wait::Keys { tries_left };
        Came::Waits
    }

    pub(super) fn resume(&self, engine: &mut Engine<'_>, event: &Event<'_>) -> Came {
        let (Wait::Keys { tries_left }, Event::Digits(digits)) = (&engine.run.wait, event) else {
            return Came::Waits;
        };
        let tries_left = *tries_left;
        if let Some(key) = self.keys.iter().find(|key| key == digits) {
            engine.keep_here("digits", Val::text(*digits));
            return Came::outcome(key.clone());
        }
        if tries_left > 0 {
            return self.prompt(engine, tries_left - 1);
        }
        engine.keep_here("digits", Val::text(*digits));
        Came::outcome(if digits.is_empty() {
            "timeout"
        } else {
            "invalid"
        })
    }
}

/// Digits into a variable.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Gather {
    prompt: Option<Text>,
    digits_min: u32,
    digits_max: Option<u32>,
    finish_on: Option<char>,
    timeout_s: u32,
    tries: u32,
    barge_in: bool,
    save_as: Option<Place>,
    /// Whether what is pressed must not be kept anywhere but in the variable.
    pub(crate) secret: bool,
}

impl Gather {
    pub(super) fn read(reading: &mut Reading<'_>, node: &Node) -> Option<Verb> {
        let fields = reading.form(node, "gather")?;
        // All of it is looked at before anything is given up, so that one look shows every fault.
        let prompt = fields
            .get("prompt")
            .and_then(|prompt| reading.text(prompt, "the prompt"));
        let digits = fields
            .get("digits")
            .map(|digits| digits_range(reading, digits));
        let finish_on = finish_on(reading, fields.get("finish_on"));
        if digits.is_none() && finish_on == Some(None) {
            let help = "add `digits: 4..6` or `finish_on: \"#\"`";
            reading.fault_help(
                fields.at,
                "missing-key",
                "nothing says when the digits are complete",
                help,
            );
        }
        let (timeout_s, tries, barge_in) = common(reading, &fields, 1);
        let secret = fields
            .get("secret")
            .and_then(|secret| reading.boolean(secret, "secret"))
            .unwrap_or(false);
        let save_as = fields
            .get("save_as")
            .and_then(|place| Place::read(reading, place, Type::Text));
        if let (true, Some(Place::Field(..)), Some(node)) =
            (secret, &save_as, fields.get("save_as"))
        {
            let help = "save it as `flow.<name>`, which goes with the run";
            reading.fault_help(
                &node.at,
                "secret",
                "a secret is not kept in a contact",
                help,
            );
        }
        let (digits_min, digits_max) = digits.unwrap_or(Some((1, None)))?;
        let finish_on = finish_on?;
        let gather = Self {
            prompt,
            digits_min,
            digits_max,
            finish_on,
            timeout_s,
            tries,
            barge_in,
            save_as,
            secret,
        };
        Some(Verb::Gather(gather))
    }

    /// The variable that secret digits are saved in.
    pub(crate) fn secret_variable(&self) -> Option<&str> {
        match &self.save_as {
            Some(Place::Var(name, _)) if self.secret => Some(name),
            _ => None,
        }
    }

    pub(super) fn enter(&self, engine: &mut Engine<'_>) -> Came {
        self.ask(engine, self.tries.saturating_sub(1))
    }

    fn ask(&self, engine: &mut Engine<'_>, tries_left: u32) -> Came {
        let verb = CallVerb::Gather {
            prompt: self
                .prompt
                .iter()
                .map(|prompt| engine.spoken(prompt))
                .collect(),
            digits_max: self.digits_max,
            finish_on: self.finish_on,
            timeout_s: self.timeout_s,
            barge_in: self.barge_in,
        };
        engine.give(verb);
        engine.run.wait = Wait::Keys { tries_left };
        Came::Waits
    }

    pub(super) fn resume(&self, engine: &mut Engine<'_>, event: &Event<'_>) -> Came {
        let (Wait::Keys { tries_left }, Event::Digits(digits)) = (&engine.run.wait, event) else {
            return Came::Waits;
        };
        let tries_left = *tries_left;
        let count = u32::try_from(digits.chars().count()).unwrap_or(u32::MAX);
        let enough = count >= self.digits_min && count <= self.digits_max.unwrap_or(DIGITS_MAX);
        if !enough {
            return if tries_left > 0 {
                self.ask(engine, tries_left - 1)
            } else {
                Came::outcome("timeout")
            };
        }
        if !self.secret {
            engine.keep_here("digits", Val::text(*digits));
        }
        if let Some(place) = &self.save_as {
            place.save(engine, Val::text(*digits));
        }
        Came::outcome("got")
    }
}

/// Timeout, tries and barge-in.
fn common(
    reading: &mut Reading<'_>,
    fields: &crate::flow::reader::Fields<'_>,
    tries: u32,
) -> (u32, u32, bool) {
    let (min, default, max) = TIMEOUT_S;
    let timeout = fields
        .get("timeout")
        .and_then(|node| reading.duration(node, "the timeout", min, max));
    let tries = match fields.get("tries") {
        Some(node) => reading
            .count(node, "`tries`", 1, TRIES_MAX)
            .unwrap_or(tries),
        None => tries,
    };
    let barge_in = fields
        .get("barge_in")
        .and_then(|node| reading.boolean(node, "barge_in"));
    (timeout.unwrap_or(default), tries, barge_in.unwrap_or(true))
}

/// `4` or `4..6`.
fn digits_range(reading: &mut Reading<'_>, node: &Node) -> Option<(u32, Option<u32>)> {
    let text = reading.word(node, "the number of digits")?;
    let (min, max) = text.split_once("..").unwrap_or((text, text));
    match (min.parse::<u32>(), max.parse::<u32>()) {
        (Ok(min), Ok(max)) if 1 <= min && min <= max && max <= DIGITS_MAX => Some((min, Some(max))),
        _ => {
            let message = format!("`{text}` is no number of digits");
            let help = format!("write 4, or 4..6; at most {DIGITS_MAX}");
            reading.fault_help(&node.at, "digits", message, help);
            None
        }
    }
}

/// The key that ends the digits; `none` for no such key, `#` by default.
fn finish_on(reading: &mut Reading<'_>, node: Option<&Node>) -> Option<Option<char>> {
    let Some(node) = node else {
        return Some(Some('#'));
    };
    if node.value == Value::Null {
        return Some(None);
    }
    let keys = [("#", Some('#')), ("*", Some('*')), ("none", None)];
    reading.choice(node, "key to finish on", &keys)
}
