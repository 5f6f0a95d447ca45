//! How each verb is written: its keys, and what stands behind them. The reader takes the keys of a verb from
//! here, and so do the JSON Schema for editors ([`super::schema`]) and the proofs that look at what was written
//! ([`super::prove`]); a test holds it to what the reader of each verb asks for.

mod calls;
mod people;
mod texts;

/// How one verb is written.
#[derive(Debug)]
pub(crate) struct Form {
    /// The verb.
    pub(crate) word: &'static str,
    /// What it does, for editors.
    pub(crate) about: &'static str,
    /// The key that a bare value, or a map by language, is short for.
    pub(crate) main: Option<&'static str>,
    pub(crate) body: Body,
}

/// What stands behind a verb.
#[derive(Debug)]
pub(crate) enum Body {
    /// Nothing.
    Empty,
    /// Keys that the language knows.
    Keys {
        keys: &'static [KeyForm],
        /// Exactly one of these must be there.
        one_of: &'static [&'static str],
        /// At least one of these must be there.
        any_of: &'static [&'static str],
    },
    /// Names that the writer chooses, each with such a value.
    Names(Shape),
}

/// One key of a verb.
#[derive(Debug)]
pub(crate) struct KeyForm {
    pub(crate) word: &'static str,
    pub(crate) shape: Shape,
    pub(crate) required: bool,
    /// What it says, for editors.
    pub(crate) about: &'static str,
}

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
    /// `20s`, `3m`, `24h`, `2d`.
    Duration,
    /// A whole number in these bounds.
    Count(u32, u32),
    Bool,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// Some of these words; a single one may stand without brackets.
    SomeOf(&'static [&'static str]),
    /// The key of a group, user, calendar or flow.
    Name,
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

impl Form {
    /// Its keys.
    pub(crate) fn keys(&self) -> &'static [KeyForm] {
        match self.body {
            Body::Keys { keys, .. } => keys,
            Body::Empty | Body::Names(_) => &[],
        }
    }
}

/// How this verb is written; nothing for a word that is none, or is not described yet.
pub(crate) fn of(word: &str) -> Option<&'static Form> {
    let mut all = calls::FORMS.iter().chain(texts::FORMS).chain(people::FORMS);
    all.find(|form| form.word == word)
}

/// The key that says who; the same for every verb that has a box or a list.
const GROUP: KeyForm = may("group", Shape::Name, "A group of the account, by its key.");
const USER: KeyForm = may(
    "user",
    Shape::Name,
    "An active user of the account, by key.",
);

const fn may(word: &'static str, shape: Shape, about: &'static str) -> KeyForm {
    KeyForm {
        word,
        shape,
        required: false,
        about,
    }
}

const fn must(word: &'static str, shape: Shape, about: &'static str) -> KeyForm {
    KeyForm {
        word,
        shape,
        required: true,
        about,
    }
}

const fn keys(keys: &'static [KeyForm]) -> Body {
    Body::Keys {
        keys,
        one_of: &[],
        any_of: &[],
    }
}
