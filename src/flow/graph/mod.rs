//! A flow as a drawing that a manager understands: what each step does in words, and where each outcome leads.

mod diff;
mod labels;
mod layout;
mod notation;
mod plain;
mod svg;
#[cfg(test)]
mod tests;
mod written;

pub use diff::{Difference, between};
pub use notation::{dot, mermaid};
pub use svg::svg;

use super::Flow;
use super::steps::Target;
use super::yaml::{self, Node, Value};

/// Lines of words in a box; what is left out is for the file to tell.
const LINES_MAX: usize = 4;
/// Outcomes named on one arrow.
const NAMED_MAX: usize = 3;
/// Characters of a line.
const LINE_CHARS_MAX: usize = 32;

/// A flow as it is drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct Drawing {
    /// Whose flow it is, and which.
    pub title: String,
    /// What stands above its steps: each key with its value.
    pub head: Vec<(String, String)>,
    /// Its steps in the order of the file; the first one starts.
    pub steps: Vec<Shape>,
}

/// A step as it is drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct Shape {
    /// Its name.
    pub name: String,
    /// Its verb as the file has it.
    pub verb: String,
    /// What it does, a line each.
    pub words: Vec<String>,
    /// All that is written behind its verb.
    pub(crate) written: written::Written,
    /// All that is meant by it: the same for two spellings of one thing.
    pub(crate) meant: super::steps::Verb,
    /// Where its outcomes lead, each target once.
    pub arrows: Vec<Arrow>,
    /// How it differs from another revision's.
    pub change: Change,
}

/// Outcomes that lead to one place.
#[derive(Debug, Clone, PartialEq)]
pub struct Arrow {
    /// Their names as people read them.
    pub outcomes: Vec<String>,
    /// There is no other way, so that nothing need be said.
    pub only: bool,
    /// The place of the step they lead to; `None`: the end.
    pub to: Option<usize>,
    /// How they differ from another revision's.
    pub change: Change,
}

/// What became of a step or an arrow between two revisions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Change {
    /// Nothing.
    #[default]
    Same,
    /// It is new.
    Added,
    /// It is no more.
    Removed,
    /// It does or says something else.
    Changed,
}

impl Drawing {
    /// The drawing of a checked flow; `source` is the text it was read from.
    pub fn of(flow: &Flow, source: &str) -> Self {
        let tree = yaml::read("", source).ok();
        let written = tree.as_ref().and_then(|tree| get(tree, "steps"));
        let shape = |def: &super::steps::StepDef| {
            let step = written.and_then(|steps| get(steps, &def.name));
            let value = step.and_then(|step| get(step, def.spec.word));
            Shape {
                name: def.name.clone(),
                verb: def.spec.word.to_owned(),
                words: value
                    .map(|value| words(def.spec.word, value))
                    .unwrap_or_default(),
                written: written::written(def.spec.word, value, flow.kind),
                meant: def.verb.clone(),
                arrows: arrows(&def.then, def.hung_up),
                change: Change::Same,
            }
        };
        Self {
            title: format!("{} · {}", flow.account, flow.key),
            head: head(flow),
            steps: flow.steps.iter().map(shape).collect(),
        }
    }
}

fn head(flow: &Flow) -> Vec<(String, String)> {
    let given =
        |(name, value): &(String, serde_json::Value)| (format!("with {name}"), value.to_string());
    let first = [
        ("account", flow.account.as_str()),
        ("flow", flow.key.as_str()),
        ("on", flow.kind.as_str()),
    ];
    let first = first.map(|(key, value)| (key.to_owned(), value.to_owned()));
    first
        .into_iter()
        .chain(flow.with.iter().map(given))
        .collect()
}

impl Shape {
    /// What the verb does, in a word or two for people.
    pub fn does(&self) -> &str {
        match self.verb.as_str() {
            "say" => "Say",
            "play" => "Play",
            "menu" => "Menu",
            "gather" => "Ask for digits",
            "dial" => "Ring",
            "voicemail" => "Voicemail",
            "queue" => "Queue",
            "transfer" => "Transfer",
            "hangup" => "Hang up",
            "reject" => "Reject",
            "reply" => "Reply",
            "send" => "Send a text",
            "ask" => "Ask",
            "keywords" => "Keywords",
            "inbox" => "Into the inbox",
            "assign" => "Hand over",
            "close" => "Close",
            "consent" => "Consent",
            "hours" => "Opening hours",
            "branch" => "Decide",
            "split" => "Split",
            "lookup" => "Look up",
            "set" => "Remember",
            "tag" => "Tag",
            "http" => "Ask a server",
            "email" => "E-mail",
            "notify" => "Notify",
            "wait" => "Wait",
            "call" => "Do a part",
            "goto" => "Go to flow",
            other => other,
        }
    }

    /// The outcomes that end here.
    fn ends(&self) -> impl Iterator<Item = &Arrow> {
        self.arrows.iter().filter(|arrow| arrow.to.is_none())
    }
}

impl Arrow {
    /// Its outcomes in one line; nothing where there is no other way.
    pub fn label(&self) -> String {
        match self.outcomes.len() {
            _ if self.only => String::new(),
            named if named <= NAMED_MAX => self.outcomes.join(", "),
            _ => "otherwise".to_owned(),
        }
    }
}

/// Each target once, in the order of the file.
fn arrows(then: &[(String, Target)], hung_up: Target) -> Vec<Arrow> {
    let place = |target: Target| match target {
        Target::End => None,
        Target::Step(at) => Some(at),
    };
    let mut arrows: Vec<Arrow> = Vec::new();
    let leaves = (hung_up != Target::End).then(|| ("caller_hung_up".to_owned(), hung_up));
    for (outcome, target) in then.iter().cloned().chain(leaves) {
        let outcome = outcome.replace('_', " ");
        match arrows.iter_mut().find(|arrow| arrow.to == place(target)) {
            Some(arrow) => arrow.outcomes.push(outcome),
            None => arrows.push(Arrow {
                outcomes: vec![outcome],
                only: false,
                to: place(target),
                change: Change::Same,
            }),
        }
    }
    if let [only] = arrows.as_mut_slice() {
        only.only = true;
    }
    arrows
}

fn get<'n>(node: &'n Node, key: &str) -> Option<&'n Node> {
    match &node.value {
        Value::Map(pairs) => pairs
            .iter()
            .find(|(name, _)| name.text == key)
            .map(|(_, node)| node),
        _ => None,
    }
}

/// A verb's value in a few lines: the text first, then what it is done with.
fn words(verb: &str, node: &Node) -> Vec<String> {
    let mut lines = Vec::new();
    match &node.value {
        Value::Map(pairs) if verb == "branch" => {
            let ways = pairs.iter().map(|(key, value)| {
                let condition = value.scalar().map(plain::condition).unwrap_or_default();
                format!("{}: {condition}", plain::spaced(&key.text))
            });
            lines.extend(ways.flat_map(|way| wrapped(&way)));
        }
        Value::Map(pairs) if verb == "set" => {
            let values = pairs
                .iter()
                .map(|(key, value)| format!("{}: {}", plain::spaced(&key.text), inline(value)));
            lines.extend(values.flat_map(|value| wrapped(&value)));
        }
        Value::Map(pairs) if !is_by_language(pairs.iter().map(|(key, _)| key.text.as_str())) => {
            let spoken = |key: &str| ["text", "prompt", "greeting", "ask"].contains(&key);
            let (texts, rest): (Vec<_>, Vec<_>) =
                pairs.iter().partition(|(key, _)| spoken(&key.text));
            for (_, text) in texts {
                lines.extend(wrapped(&format!("“{}”", inline(text))));
            }
            let rest = rest.iter();
            let rest = rest.filter_map(|(key, value)| plain::setting(&key.text, &inline(value)));
            lines.extend(wrapped(&rest.collect::<Vec<_>>().join(" · ")));
        }
        _ => lines.extend(wrapped(&inline(node))),
    }
    if lines.len() > LINES_MAX {
        lines.truncate(LINES_MAX);
        if let Some(last) = lines.last_mut() {
            last.push('…');
        }
    }
    lines
}

/// A text may be written once for each language.
fn is_by_language<'k>(mut keys: impl Iterator<Item = &'k str>) -> bool {
    keys.all(|key| {
        let (tag, region) = key.split_once('-').unwrap_or((key, "US"));
        tag.len() == 2
            && region.len() == 2
            && key.bytes().all(|b| b.is_ascii_alphabetic() || b == b'-')
    })
}

/// A value on one line; of several languages the first.
fn inline(node: &Node) -> String {
    match &node.value {
        Value::Null => String::new(),
        Value::Scalar { text, .. } => {
            let plain = without_braces(text);
            plain.split_whitespace().collect::<Vec<_>>().join(" ")
        }
        Value::List(items) => items.iter().map(inline).collect::<Vec<_>>().join(", "),
        Value::Map(pairs) if is_by_language(pairs.iter().map(|(key, _)| key.text.as_str())) => {
            pairs
                .first()
                .map(|(_, node)| inline(node))
                .unwrap_or_default()
        }
        Value::Map(pairs) => {
            let pair = |(key, value): &(yaml::Key, Node)| {
                format!("{} {}", key.text.replace('_', " "), inline(value))
                    .trim_end()
                    .to_owned()
            };
            pairs.iter().map(pair).collect::<Vec<_>>().join(", ")
        }
    }
}

/// A text with `[account name]` for `{{ account.name }}`, whatever filters stand behind the name, and without `{% … %}`.
fn without_braces(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("{{").into_iter().chain(rest.find("{%")).min() {
        let ends = if rest[at..].starts_with("{{") {
            "}}"
        } else {
            "%}"
        };
        let Some((inner, after)) = rest[at + 2..].split_once(ends) else {
            break;
        };
        out.push_str(&rest[..at]);
        if ends == "}}" {
            let words = without_filters(inner);
            out.push('[');
            out.push_str(&plain::spaced(words.trim().trim_matches('-').trim()));
            out.push(']');
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

/// What is put out, without what stands behind bars: `flow.n + 1` of `flow.n | default(0) + 1`.
fn without_filters(inner: &str) -> String {
    let mut parts = inner.split('|');
    let mut out = parts.next().unwrap_or_default().trim_end().to_owned();
    for part in parts {
        let rest = part.trim_start();
        let rest = rest.trim_start_matches(|c: char| c.is_ascii_lowercase() || c == '_');
        let rest = match rest.strip_prefix('(') {
            Some(given) => given.split_once(')').map_or("", |(_, behind)| behind),
            None => rest,
        };
        out.push_str(rest.trim_end());
    }
    out
}

/// Lines of at most so many characters, broken between words.
fn wrapped(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let word: String = word.chars().take(LINE_CHARS_MAX).collect();
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= LINE_CHARS_MAX => {
                line.push(' ');
                line.push_str(&word);
            }
            _ => lines.push(word),
        }
    }
    lines
}
