//! What can stand behind a key, and how people are told of it.

use crate::flow::amounts::show_duration;

/// What stands behind a key.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Shape {
    /// A template, or one per language, that is spoken or shown to staff.
    Text,
    /// A template, or one per language, that goes out as a text message.
    Sms,
    /// A template in one language.
    Value,
    /// One word or text.
    Word,
    /// `20s`, `3m`, `24h`, `2d`; its reader knows the bounds.
    Duration,
    /// A duration of so many seconds to so many.
    Within(u32, u32),
    /// A whole number in these bounds.
    Count(u32, u32),
    Bool,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// Some of these words; a single one may stand without brackets.
    SomeOf(&'static [&'static str]),
    /// The key of a group, user, calendar, caseload or flow.
    Name,
    /// Some such keys; a single one may stand without brackets.
    Names,
    /// A phone number.
    Phone,
    /// `caller`, `number` or a phone number.
    CallerId,
    /// `contact.<field>` or `flow.<name>`.
    Place,
    /// `4` or `4..6`.
    Digits,
    /// Words; a single one may stand without brackets.
    Words,
    /// Names, each with its words.
    Choices,
    /// A condition.
    Condition,
    /// `[{ user: … }, { group: … }]`
    Targets,
    /// A map of names and texts.
    Values,
    /// A phone, or a name such as `contact.phone`.
    Reached,
    /// An address of the web whose host is written out.
    Url,
    /// Headers with a text or a secret each.
    Headers,
    /// A place, or places with paths into an answer.
    Saves,
    /// Anything; its reader has the last word.
    Any,
    /// `members`, `none`, or a list of users.
    Told,
    /// An e-mail address, or a name such as `contact.email`.
    Mail,
}

impl Shape {
    /// Its name in the reference, without bounds and words.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Sms => "text message",
            Self::Value => "value",
            Self::Word => "word",
            Self::Duration | Self::Within(..) => "duration",
            Self::Count(..) => "number",
            Self::Bool => "true or false",
            Self::OneOf(_) => "one of",
            Self::SomeOf(_) => "some of",
            Self::Name => "name",
            Self::Names => "names",
            Self::Phone => "phone",
            Self::CallerId => "number shown",
            Self::Place => "place",
            Self::Digits => "digits",
            Self::Words => "words",
            Self::Choices => "choices",
            Self::Condition => "condition",
            Self::Targets => "targets",
            Self::Values => "values",
            Self::Reached => "phone or name",
            Self::Url => "address",
            Self::Headers => "headers",
            Self::Saves => "places",
            Self::Any => "body",
            Self::Told => "who is told",
            Self::Mail => "e-mail or name",
        }
    }

    /// How it is written, for the reference.
    pub(crate) fn about(self) -> &'static str {
        match self {
            Self::Text => "A template, or a map by language: `{ en: Hello, es: Hola }`.",
            Self::Sms => {
                "Like a text; it goes out as a text message, so its length in segments is checked."
            }
            Self::Value => {
                "A template in one language; a lone `{{ name }}` keeps its type, and `~` empties."
            }
            Self::Word => "One word or text that is taken as it stands.",
            Self::Duration | Self::Within(..) => {
                "A whole number and its unit: `20s`, `3m`, `24h`, `2d`."
            }
            Self::Count(..) => "A whole number in plain digits: `3`.",
            Self::Bool => {
                "`true` or `false`; `yes`, `no`, `on` and `off` are texts to YAML 1.2 and refused."
            }
            Self::OneOf(_) => "One of the listed words.",
            Self::SomeOf(_) => {
                "A list of the listed words, `[busy, offline]`; a single one may stand without brackets."
            }
            Self::Name => "The key of a group, user, calendar, caseload or flow of the account.",
            Self::Names => {
                "A list of such keys, `[nurses, reception]`; a single one may stand without brackets."
            }
            Self::Phone => "A phone number with + and country code, in quotes: `\"+12025550199\"`.",
            Self::CallerId => {
                "`caller`, `number` (ours that was called), or a phone number in quotes."
            }
            Self::Place => "`contact.<field>` or `flow.<name>`.",
            Self::Digits => "`4`, or `4..6` for at least and at most.",
            Self::Words => {
                "A list of words, `[new, vip]`; a single one may stand without brackets."
            }
            Self::Choices => {
                "Names, each with the words that mean it: `{ large: [l, big], small: }`; the name is a word too."
            }
            Self::Condition => "A condition, see [Conditions](#conditions).",
            Self::Targets => {
                "A list: `[{ user: erin }, { group: nurses }, { number: \"+12025550199\" }]`."
            }
            Self::Values => "A map of names and values: `{ tries: 3 }`.",
            Self::Reached => {
                "A phone number in quotes, a name such as `contact.phone`, or a text with names in it."
            }
            Self::Url => {
                "An address of the web; its host is written out, names may stand behind it."
            }
            Self::Headers => {
                "A map of headers, each with a text or a secret: `{ authorization: { secret: crm, before: \"Bearer \" } }`."
            }
            Self::Saves => {
                "A place, or places with paths into a JSON answer: `{ flow.name: person.name }`."
            }
            Self::Any => "A text, or a mapping that is sent as JSON.",
            Self::Told => "`members`, `none`, or a list of users: `[erin, farid]`.",
            Self::Mail => "An e-mail address, or a name such as `contact.email`.",
        }
    }

    /// Its type as a column of the reference shows it, bounds and words with it.
    pub(crate) fn told(self) -> String {
        match self {
            Self::Within(min, max) => {
                format!("duration, {} to {}", show_duration(min), show_duration(max))
            }
            Self::Count(min, max) => format!("number, {min} to {max}"),
            Self::OneOf(words) => listed(words),
            Self::SomeOf(words) => format!("some of {}", listed(words)),
            other => other.name().to_owned(),
        }
    }
}

fn listed(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    quoted.join(", ")
}
