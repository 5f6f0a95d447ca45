//! Where the outcomes of a step go: every one of them somewhere, and nothing else.

use std::collections::BTreeMap;

use super::Kind;
use super::check::Written;
use super::fault::{quoted, suggest};
use super::reader::Reading;
use super::steps::{self, Style, Target, Verb};
use super::yaml::{Key, Node, Value};

/// Where the outcomes of one step go, as written.
pub(crate) struct Outcomes<'w, 'n> {
    step: &'w Written<'n>,
    next: Option<Target>,
    named: Vec<(&'n Key, Option<Target>)>,
    rest: Option<(&'n Key, Option<Target>)>,
    /// `then` is there and cannot be read.
    unreadable: bool,
    pub(crate) hung_up: Target,
}

impl<'w, 'n> Outcomes<'w, 'n> {
    pub(crate) fn of(
        reading: &mut Reading<'_>,
        step: &'w Written<'n>,
        positions: &BTreeMap<&str, usize>,
    ) -> Self {
        let mut made = Self {
            step,
            next: None,
            named: Vec::new(),
            rest: None,
            unreadable: false,
            hung_up: Target::End,
        };
        if let Some((key, node)) = step.next {
            made.next = Some(target(reading, node, positions).unwrap_or(Target::End));
            if !matches!(step.spec.style, Style::Next(_)) {
                made.next_not_here(reading, key);
            }
        }
        let Some((key, node)) = step.then else {
            return made;
        };
        let Value::Map(pairs) = &node.value else {
            made.unreadable = true;
            let help = "write `then: { outcome: step }`";
            reading.fault_help(
                &node.at,
                "shape",
                "`then` says where each outcome goes",
                help,
            );
            return made;
        };
        if step.spec.style == Style::Leaves {
            let message = format!("`{}` leads nowhere, so it has no `then`", step.spec.word);
            reading.fault_help(&key.at, "next-not-here", message, "leave it out");
        }
        for (key, node) in pairs {
            let target = target(reading, node, positions);
            match key.text.as_str() {
                "else" => made.rest = Some((key, target)),
                "caller_hung_up" if reading.kind == Kind::Call => {
                    made.hung_up = target.unwrap_or(Target::End)
                }
                _ => made.named.push((key, target)),
            }
        }
        made
    }

    fn next_not_here(&self, reading: &mut Reading<'_>, key: &Key) {
        let word = self.step.spec.word;
        let (message, help) = match self.step.spec.style {
            Style::Leaves => (
                format!("`{word}` leads nowhere, so it has no `next`"),
                "leave it out".to_owned(),
            ),
            _ => (
                format!("`{word}` has several outcomes, and `next` takes one"),
                "write `then: { outcome: step, else: step }`".to_owned(),
            ),
        };
        reading.fault_help(&key.at, "next-not-here", message, help);
    }

    /// The outcomes this step can have. A menu's keys are those its `then` names.
    pub(crate) fn fixed_by(
        &self,
        verb: &mut Verb,
        reading: &mut Reading<'_>,
        key: &Key,
    ) -> Vec<String> {
        let fixed = match self.step.spec.style {
            Style::Next(outcomes) | Style::Then(outcomes) => outcomes,
            Style::Leaves => &[],
        };
        let mut all: Vec<String> = Vec::new();
        match verb {
            Verb::Menu(menu) => {
                let keys = self.named.iter().map(|(key, _)| key.text.clone());
                menu.keys = keys.filter(|key| steps::is_menu_key(key)).collect();
                if menu.keys.is_empty() {
                    let help = "write `then: { 1: step, 2: step, else: step }`";
                    reading.fault_help(&key.at, "missing-outcome", "this menu has no keys", help);
                }
                all.extend(menu.keys.iter().cloned());
            }
            Verb::Keywords(keywords) => {
                all.extend(keywords.choices.iter().map(|choice| choice.name.clone()))
            }
            Verb::Split(split) => all.extend(split.arms.iter().map(|(name, _)| name.clone())),
            Verb::Consent(consent) => {
                let names = consent.outcomes();
                all.extend(names.iter().map(|name| (*name).to_owned()));
                if let (Some((key, _)), true) = (self.step.next, names.len() > 1) {
                    self.next_not_here(reading, key);
                }
            }
            Verb::Branch(branch) => all.extend(branch.arms.iter().map(|(name, _)| name.clone())),
            _ => {}
        }
        let never = match verb {
            Verb::Queue(queue) if !queue.calls_back() => Some("callback"),
            _ => None,
        };
        let fixed = fixed.iter().filter(|name| Some(**name) != never);
        all.extend(fixed.map(|name| (*name).to_owned()));
        all
    }

    /// The outcomes of a step whose verb cannot be read, where the verb alone tells them.
    pub(crate) fn presumed(&self) -> Option<Vec<String>> {
        let spec = self.step.spec;
        if matches!(spec.word, "keywords" | "split" | "consent" | "branch") {
            return None;
        }
        let (Style::Next(fixed) | Style::Then(fixed)) = spec.style else {
            return None;
        };
        let named = |outcome: &str| self.named.iter().any(|(key, _)| key.text == outcome);
        let fixed = fixed
            .iter()
            .filter(|name| **name != "callback" || named(name));
        let mut all: Vec<String> = fixed.map(|name| (*name).to_owned()).collect();
        if spec.word == "menu" {
            let keys = self.named.iter().map(|(key, _)| key.text.clone());
            all.extend(keys.filter(|key| steps::is_menu_key(key)));
        }
        Some(all)
    }

    /// Every outcome with its target; faults for those that have none, and for names that are no outcome.
    pub(crate) fn complete(
        &mut self,
        reading: &mut Reading<'_>,
        outcomes: &[String],
    ) -> Vec<(String, Target)> {
        for (key, _) in &self.named {
            if !outcomes.contains(&key.text) {
                self.no_such_outcome(reading, key, outcomes);
            }
        }
        if let (Some((key, _)), true) = (self.rest, self.next.is_some()) {
            let message = "`next` and `else` both take what is not named";
            reading.fault_help(&key.at, "next-and-else", message, "keep one of them");
        }
        let rest = self
            .rest
            .map(|(_, target)| target.unwrap_or(Target::End))
            .or(self.next);
        let mut missing = Vec::new();
        let mut found = Vec::new();
        for outcome in outcomes {
            let named = self.named.iter().find(|(key, _)| key.text == *outcome);
            match named
                .map(|(_, target)| target.unwrap_or(Target::End))
                .or(rest)
            {
                Some(target) => found.push((outcome.clone(), target)),
                None => missing.push(outcome.as_str()),
            }
        }
        if !missing.is_empty() && !self.step.odd && !self.unreadable {
            self.missing(reading, &missing);
        }
        if let (Some((key, _)), true) = (self.rest, outcomes.iter().all(|name| self.is_named(name)))
        {
            let message = "every outcome is named, so `else` takes nothing";
            reading.warn(&key.at, "unused-else", message, "leave it out");
        }
        found
    }

    fn is_named(&self, outcome: &str) -> bool {
        // `else` of a branch is an outcome of its own.
        outcome != "else" && self.named.iter().any(|(key, _)| key.text == outcome)
    }

    fn no_such_outcome(&self, reading: &mut Reading<'_>, key: &Key, outcomes: &[String]) {
        let word = self.step.spec.word;
        let message = format!("`{word}` has no outcome `{}`", key.text);
        let call = (reading.kind == Kind::Call).then_some("caller_hung_up");
        let known = outcomes.iter().map(String::as_str).chain(call);
        let help = match (word, key.text.as_str()) {
            ("queue", "callback") => "add `callback_key: 9` to the queue".to_owned(),
            (_, "next") => "write `next: step` beside the verb".to_owned(),
            ("menu", _) => {
                "a menu's keys are digits, \"*\" and \"#\"; the rest are `invalid` and `timeout`"
                    .to_owned()
            }
            _ => suggest(&key.text, known),
        };
        reading.fault_help(&key.at, "unknown-outcome", message, help);
    }

    fn missing(&self, reading: &mut Reading<'_>, missing: &[&str]) {
        let (word, at) = (self.step.spec.word, self.step.verb.0.at.clone());
        let next = matches!(self.step.spec.style, Style::Next(_));
        let branches = word == "consent" && missing.len() > 1;
        if next && !branches && self.named.is_empty() {
            let message = format!("`{word}` does not say what comes after it");
            let help = "add `next: step`, or `next: end`";
            return reading.fault_help(&at, "missing-next", message, help);
        }
        let at = self.step.then.map_or(at, |(key, _)| key.at.clone());
        let message = format!("`{word}` leaves {} open", quoted(missing));
        let help = format!(
            "name it in `then`, or add `else: …`; `end` ends the flow ({word} in step `{}`)",
            self.step.name.text
        );
        reading.fault_help(&at, "missing-outcome", message, help);
    }
}

/// A step's name, or `end`.
fn target(
    reading: &mut Reading<'_>,
    node: &Node,
    positions: &BTreeMap<&str, usize>,
) -> Option<Target> {
    let name = reading.word(node, "a step")?;
    if name == "end" {
        return Some(Target::End);
    }
    match positions.get(name) {
        Some(position) => Some(Target::Step(*position)),
        None => {
            let known = positions.keys().copied().chain(["end"]);
            let help = suggest(name, known);
            reading.fault_help(
                &node.at,
                "unknown-step",
                format!("there is no step `{name}`"),
                help,
            );
            None
        }
    }
}
