//! `reply`, `ask` and `keywords`: texts to the person and what they answer.

use super::data::Place;
use super::speak::required;
use super::{Came, Verb};
use crate::flow::answer::{Answer, Choice};
use crate::flow::effect::Effect;
use crate::flow::engine::Engine;
use crate::flow::event::Event;
use crate::flow::reader::{Fields, Reading};
use crate::flow::run::Wait;
use crate::flow::scope::Val;
use crate::flow::template::{REPLY_CHARS_MAX, Text};
use crate::flow::yaml::{Key, Node, Value};

/// How often a person may go wrong.
const TRIES_MAX: u32 = 10;
/// How long an answer is awaited.
const TIMEOUT_S: (u32, u32, u32) = (60, 24 * 3600, 30 * 24 * 3600);
/// Words of one choice, and choices of one step.
const WORDS_MAX: usize = 30;
/// Questions that cannot be put within one event.
const UNASKED_PER_EVENT_MAX: u32 = 3;
const CHOICES_MAX: usize = 30;
const WORD_CHARS_MAX: usize = 60;

/// A text to the person.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Reply {
    text: Text,
}

impl Reply {
    pub(super) fn read(reading: &mut Reading<'_>, node: &Node) -> Option<Verb> {
        let fields = reading.form(node, "reply")?;
        let text = required(reading, fields.get("text"), node, "reply", "text")?;
        let text = reading.text(text, "the reply")?;
        Some(Verb::Reply(Self { text }))
    }

    pub(super) fn enter(&self, engine: &mut Engine<'_>) -> Came {
        match reply_to(engine, &self.text) {
            Sent::Ok => Came::outcome("ok"),
            Sent::Refused => Came::outcome("refused"),
            Sent::TooMany => too_many(),
        }
    }
}

/// What came of a text to the person.
pub(super) enum Sent {
    Ok,
    Refused,
    TooMany,
}

/// Texts the far end.
pub(super) fn reply_to(engine: &mut Engine<'_>, text: &Text) -> Sent {
    let facts = engine.facts;
    if engine.allowed().is_out() || !facts.party.can_receive() {
        return Sent::Refused;
    }
    if !facts.automated_left {
        return Sent::TooMany;
    }
    let (text, _) = engine.render(text, REPLY_CHARS_MAX);
    // A text of nothing but missing values is none.
    if text.trim().is_empty() {
        return Sent::Refused;
    }
    let step = engine.run.step.clone().unwrap_or_default();
    engine.effects.push(Effect::Reply { step, text });
    Sent::Ok
}

/// A question that cannot be put is not answered. A flow that would only ask once more, and has asked somebody else to
/// act in between, must not go round within one event.
fn unasked(engine: &mut Engine<'_>) -> Came {
    engine.run.unasked_event += 1;
    if engine.run.unasked_event > UNASKED_PER_EVENT_MAX {
        return Came::looped("the person cannot be asked, and the flow asks on");
    }
    Came::outcome("timeout")
}

/// Two machines that answer each other end in front of a person.
pub(super) fn too_many() -> Came {
    Came::looped("too many automated texts to this person")
}

/// A question.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Ask {
    prompt: Option<Text>,
    again: Option<Text>,
    save_as: Option<Place>,
    answer: Answer,
    tries: u32,
    timeout_s: u32,
}

impl Ask {
    pub(super) fn read(reading: &mut Reading<'_>, node: &Node) -> Option<Verb> {
        let fields = reading.form(node, "ask")?;
        let prompt = fields
            .get("prompt")
            .and_then(|node| reading.text(node, "the prompt"));
        let again = fields
            .get("again")
            .and_then(|node| reading.text(node, "`again`"));
        let tries = match fields.get("tries") {
            Some(node) => reading.count(node, "`tries`", 1, TRIES_MAX).unwrap_or(1),
            None => 1,
        };
        let (min, default, max) = TIMEOUT_S;
        let timeout = fields
            .get("timeout")
            .and_then(|node| reading.duration(node, "the timeout", min, max));
        let answer = read_answer(reading, &fields);
        let kind = answer
            .as_ref()
            .map_or(crate::flow::scope::Type::Any, Answer::kind);
        let save_as = fields
            .get("save_as")
            .and_then(|node| Place::read(reading, node, kind));
        let timeout_s = timeout.unwrap_or(default);
        let answer = answer?;
        Some(Verb::Ask(Box::new(Self {
            prompt,
            again,
            save_as,
            answer,
            tries,
            timeout_s,
        })))
    }

    /// Whether it sends a question, and does not only wait for what is said next.
    pub(crate) fn has_prompt(&self) -> bool {
        self.prompt.is_some()
    }

    pub(super) fn enter(&self, engine: &mut Engine<'_>) -> Came {
        match self.prompt.as_ref().map(|prompt| reply_to(engine, prompt)) {
            Some(Sent::Refused) => return unasked(engine),
            Some(Sent::TooMany) => return too_many(),
            Some(Sent::Ok) | None => {}
        }
        self.wait(engine, self.tries.saturating_sub(1))
    }

    fn wait(&self, engine: &mut Engine<'_>, tries_left: u32) -> Came {
        engine.run.wait = Wait::Answer { tries_left };
        engine.run.due_at = Some(engine.after(self.timeout_s));
        Came::Waits
    }

    pub(super) fn resume(&self, engine: &mut Engine<'_>, event: &Event<'_>) -> Came {
        let Wait::Answer { tries_left } = engine.run.wait else {
            return Came::Waits;
        };
        match event {
            Event::Timer if engine.is_due() => Came::outcome("timeout"),
            Event::Text(text) => self.answered(engine, text, tries_left),
            _ => Came::Waits,
        }
    }

    fn answered(&self, engine: &mut Engine<'_>, text: &str, tries_left: u32) -> Came {
        let account = engine.facts.account;
        let kept: String = text
            .chars()
            .take(crate::flow::template::VALUE_CHARS_MAX)
            .collect();
        engine.keep_here("text", Val::text(kept.trim()));
        if let Some(value) =
            self.answer
                .read(&kept, &account.language, &engine.facts.number.address)
        {
            if let Some(place) = &self.save_as {
                place.save(engine, value);
            }
            return Came::outcome("valid");
        }
        if tries_left == 0 {
            return Came::outcome("invalid");
        }
        match self
            .again
            .as_ref()
            .or(self.prompt.as_ref())
            .map(|again| reply_to(engine, again))
        {
            Some(Sent::TooMany) => too_many(),
            Some(Sent::Refused) => Came::outcome("invalid"),
            Some(Sent::Ok) | None => self.wait(engine, tries_left - 1),
        }
    }
}

fn read_answer(reading: &mut Reading<'_>, fields: &Fields<'_>) -> Option<Answer> {
    let kinds = [
        ("any", Answer::Any),
        ("number", Answer::Number),
        ("date", Answer::Date),
        ("phone", Answer::Phone),
        ("choice", Answer::Choice(Vec::new())),
        ("pattern", Answer::Pattern(String::new())),
    ];
    let word = match fields.get("expect") {
        Some(node) => {
            let names: Vec<(&str, usize)> = kinds
                .iter()
                .enumerate()
                .map(|(at, (name, _))| (*name, at))
                .collect();
            reading.choice(node, "kind of answer", &names)?
        }
        // What belongs to one kind only says which.
        None if fields.get("choices").is_some() => 4,
        None if fields.get("pattern").is_some() => 5,
        None => 0,
    };
    let answer = match (&kinds[word].1, fields.get("choices"), fields.get("pattern")) {
        (Answer::Choice(_), Some(node), _) => Answer::Choice(choices(reading, node, "choices")?),
        (Answer::Pattern(_), _, Some(node)) => pattern(reading, node)?,
        (Answer::Choice(_), None, _) => {
            let help = "add `choices: { small: [s], large: [l] }`";
            reading.fault_help(
                fields.at,
                "missing-key",
                "nothing says what there is to choose",
                help,
            );
            return None;
        }
        (Answer::Pattern(_), _, None) => {
            let help = "add `pattern: \"AA-9999\"`: A is a letter, 9 a digit, X either";
            reading.fault_help(
                fields.at,
                "missing-key",
                "nothing says what the answer looks like",
                help,
            );
            return None;
        }
        (plain, ..) => plain.clone(),
    };
    for (key, belongs) in [
        ("choices", matches!(answer, Answer::Choice(_))),
        ("pattern", matches!(answer, Answer::Pattern(_))),
    ] {
        if let (Some(node), false) = (fields.get(key), belongs) {
            let message = format!("`{key}` does not go with this kind of answer");
            reading.fault(&node.at, "unknown-key", message);
        }
    }
    Some(answer)
}

fn pattern(reading: &mut Reading<'_>, node: &Node) -> Option<Answer> {
    let mask = reading.word(node, "a pattern")?.trim();
    let open = mask.chars().any(|c| matches!(c, 'A' | '9' | 'X'));
    if !open || mask.chars().count() > WORD_CHARS_MAX {
        let help = "A stands for a letter, 9 for a digit, X for either; all else for itself";
        reading.fault_help(&node.at, "pattern", "this pattern fits no answer", help);
        return None;
    }
    if is_regular_expression(mask) {
        let help = "a pattern is written as the answer looks: A is a letter, 9 a digit, X either";
        let message = format!("only an answer with these very signs fits `{mask}`");
        reading.warn(&node.at, "pattern", message, help);
    }
    Some(Answer::Pattern(mask.to_owned()))
}

/// Whether it has signs that answers seldom have, and regular expressions do.
fn is_regular_expression(mask: &str) -> bool {
    let again = ["9+", "9*", "X+", "X*", "A+", "A*", ".+", ".*"];
    mask.contains(['[', ']', '{', '}', '\\'])
        || mask.starts_with('^')
        || mask.ends_with('$')
        || again.iter().any(|part| mask.contains(part))
}

/// `{ name: [word, …], … }`; the name itself is one of its words.
fn choices(reading: &mut Reading<'_>, node: &Node, what: &str) -> Option<Vec<Choice>> {
    let Value::Map(pairs) = &node.value else {
        let help = format!("write `{what}: {{ small: [s], large: [l] }}`");
        reading.fault_help(
            &node.at,
            "shape",
            format!("`{what}` needs names and their words"),
            help,
        );
        return None;
    };
    if pairs.is_empty() || pairs.len() > CHOICES_MAX {
        reading.fault(
            &node.at,
            "shape",
            format!("`{what}` takes 1 to {CHOICES_MAX} names"),
        );
    }
    let mut found: Vec<Choice> = Vec::new();
    for (key, words) in pairs {
        let mut choice = Choice::new(&key.text);
        claim(reading, &found, &mut choice, &key.text, key);
        let items = if words.value == Value::Null {
            Vec::new()
        } else {
            reading.list(words, "words")
        };
        if items.len() > WORDS_MAX {
            reading.fault(
                &words.at,
                "out-of-range",
                format!("at most {WORDS_MAX} words"),
            );
        }
        for item in items.into_iter().take(WORDS_MAX) {
            let Some(word) = reading.word(item, "a word") else {
                continue;
            };
            let place = Key {
                text: word.to_owned(),
                at: item.at.clone(),
            };
            claim(reading, &found, &mut choice, word, &place);
        }
        found.push(choice);
    }
    Some(found)
}

/// Adds a word to a choice; it must be usable and not be another's.
fn claim(
    reading: &mut Reading<'_>,
    others: &[Choice],
    choice: &mut Choice,
    word: &str,
    place: &Key,
) {
    reading.not_reserved(&place.at, word);
    let folded = Choice::fold(word);
    if folded.is_empty() || folded.chars().count() > WORD_CHARS_MAX {
        let message = format!("`{word}` is no word that somebody could text");
        reading.fault(&place.at, "word", message);
    } else if let Some(other) = others.iter().find(|other| other.has(&folded)) {
        let message = format!("`{word}` already belongs to `{}`", other.name);
        reading.fault(&place.at, "two-owners", message);
    } else {
        choice.add(folded);
    }
}

/// Branches on the latest text.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Keywords {
    pub(crate) choices: Vec<Choice>,
}

impl Keywords {
    pub(super) fn read(reading: &mut Reading<'_>, node: &Node) -> Option<Verb> {
        let choices = choices(reading, node, "keywords")?;
        Some(Verb::Keywords(Self { choices }))
    }

    pub(super) fn enter(&self, engine: &mut Engine<'_>) -> Came {
        let text = engine.values().latest_text();
        let found = text.and_then(|text| Choice::pick(&self.choices, text));
        Came::outcome(found.map_or_else(|| "unmatched".to_owned(), str::to_owned))
    }
}
