//! The names that texts and expressions may use, their types, and their values at a moment.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;

use super::event::Facts;
use super::fault::suggest;
use super::run::Run;
use crate::model::account::ColumnType;
use crate::model::people::Contact;

/// What kind of value a name has; known before the flow runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Type {
    Text,
    Number,
    Date,
    Bool,
    List,
    /// Not known here (no organisation to look at): decided when it runs.
    Any,
}

impl Type {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Text => "a text",
            Self::Number => "a number",
            Self::Date => "a date",
            Self::Bool => "yes or no",
            Self::List => "a list",
            Self::Any => "anything",
        }
    }

    /// Whether values of both kinds can be told equal or not.
    pub(crate) fn meets(self, other: Self) -> bool {
        self == other || self == Self::Any || other == Self::Any
    }
}

impl From<ColumnType> for Type {
    fn from(column: ColumnType) -> Self {
        match column {
            ColumnType::Text => Self::Text,
            ColumnType::Number => Self::Number,
            ColumnType::Date => Self::Date,
            ColumnType::Bool => Self::Bool,
        }
    }
}

/// A value, or its absence.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Val {
    Missing,
    Text(String),
    Number(f64),
    Date(Date),
    Bool(bool),
    List(Vec<String>),
}

impl Val {
    /// A text; an empty one is as good as none.
    pub(crate) fn text(text: impl Into<String>) -> Self {
        let text = text.into();
        if text.is_empty() {
            Self::Missing
        } else {
            Self::Text(text)
        }
    }

    /// How people read it; empty when it is missing.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Missing => String::new(),
            Self::Text(text) => text.clone(),
            Self::Number(number) => number.to_string(),
            Self::Date(date) => date.to_string(),
            Self::Bool(true) => "yes".to_owned(),
            Self::Bool(false) => "no".to_owned(),
            Self::List(items) => items.join(", "),
        }
    }

    pub(crate) fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Missing => serde_json::Value::Null,
            Self::Number(number) => number_json(*number),
            Self::Bool(value) => (*value).into(),
            Self::List(items) => items.clone().into(),
            Self::Text(_) | Self::Date(_) => self.shown().into(),
        }
    }

    /// A saved value, read as the type its name has.
    pub(crate) fn from_json(json: &serde_json::Value, kind: Type) -> Self {
        use serde_json::Value as Json;
        match json {
            Json::Null | Json::Object(_) => Self::Missing,
            Json::Bool(value) => Self::Bool(*value),
            Json::Number(number) => number.as_f64().map_or(Self::Missing, Self::Number),
            Json::String(text) => Self::read(text, kind),
            Json::Array(items) => {
                let texts = items
                    .iter()
                    .filter_map(|item| item.as_str().map(str::to_owned));
                Self::List(texts.collect())
            }
        }
    }

    /// A text read as a value of this type; missing when it is none.
    pub(crate) fn read(text: &str, kind: Type) -> Self {
        match kind {
            Type::Number => read_number(text).map_or(Self::Missing, Self::Number),
            Type::Date => text.trim().parse().map_or(Self::Missing, Self::Date),
            Type::Bool => match text.trim() {
                "true" | "yes" => Self::Bool(true),
                "false" | "no" => Self::Bool(false),
                _ => Self::Missing,
            },
            Type::Text | Type::List | Type::Any => Self::text(text),
        }
    }
}

/// Whole numbers are saved as such: `12`, not `12.0`.
fn number_json(number: f64) -> serde_json::Value {
    const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "whole and inside the range checked here"
    )]
    if number.fract() == 0.0 && number.abs() <= WHOLE_MAX {
        (number as i64).into()
    } else {
        number.into()
    }
}

/// A decimal number as people type it: `12`, `-3.5`, `3,5`. Never exponents, infinities or more than 15 digits.
pub(crate) fn read_number(text: &str) -> Option<f64> {
    let text = text.trim();
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (whole, part) = digits.split_once(['.', ',']).unwrap_or((digits, "0"));
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !plain(whole) || !plain(part) || whole.len() + part.len() > 15 {
        return None;
    }
    text.replace(',', ".").parse().ok()
}

/// A name, resolved.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Known {
    AccountName,
    AccountKey,
    AccountLanguage,
    ProgramName,
    ProgramKey,
    /// `call.from` and `message.from`: the far end.
    From,
    /// `call.to` and `message.to`: our number.
    To,
    MessageText,
    ContactName,
    ContactEmail,
    ContactLanguage,
    ContactPhone,
    ContactTags,
    ContactCaseloads,
    /// A column of the account's contacts.
    Column(String, Type),
    /// A variable of the run.
    Var(String, Type),
    /// What a step came to.
    Step(String, String, Type),
}

impl Known {
    pub(crate) fn kind(&self) -> Type {
        match self {
            Self::ContactTags | Self::ContactCaseloads => Type::List,
            Self::Column(_, kind) | Self::Var(_, kind) | Self::Step(_, _, kind) => *kind,
            _ => Type::Text,
        }
    }
}

/// Everything that can be named in one flow.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scope {
    /// The account's columns; `None`: not known.
    pub(crate) columns: Option<BTreeMap<String, Type>>,
    /// The account's caseloads; `None`: not known.
    pub(crate) caseloads: Option<Vec<String>>,
    /// The run's variables.
    pub(crate) vars: BTreeMap<String, Type>,
    /// The steps' values.
    pub(crate) steps: BTreeMap<String, &'static [(&'static str, Type)]>,
    /// The names used that the run must keep for later.
    pub(crate) kept: BTreeSet<(String, String)>,
    /// The variables that are there when the flow begins.
    pub(crate) given: BTreeSet<String>,
    /// The values of steps and the variables that were named since this was last taken.
    pub(crate) uses: BTreeSet<String>,
    /// The flow was published: what has been refused only since then is taken.
    pub(crate) is_published: bool,
}

/// A name that means nothing: what is wrong, and the next move.
pub(crate) struct Unknown {
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) help: String,
}

/// What can stand before the first dot.
const ROOTS: [&str; 7] = [
    "account", "program", "call", "message", "contact", "flow", "steps",
];
/// The fields every contact has.
pub(crate) const CONTACT_FIELDS: [&str; 6] =
    ["name", "email", "language", "phone", "tags", "caseloads"];

/// The names that are there in every flow, and what each is.
pub(crate) static ALWAYS: [(&str, Known, &str); 16] = [
    ("account.name", Known::AccountName, "The account's name."),
    ("account.key", Known::AccountKey, "Its key."),
    ("account.language", Known::AccountLanguage, "Its language."),
    ("program.name", Known::ProgramName, "The program's name."),
    ("program.key", Known::ProgramKey, "Its key."),
    ("call.from", Known::From, "The phone of the person."),
    ("call.to", Known::To, "Our number."),
    ("message.from", Known::From, "The phone of the person."),
    ("message.to", Known::To, "Our number."),
    (
        "message.text",
        Known::MessageText,
        "The latest text of the person.",
    ),
    ("contact.name", Known::ContactName, "The contact's name."),
    ("contact.email", Known::ContactEmail, "Its e-mail address."),
    ("contact.language", Known::ContactLanguage, "Its language."),
    (
        "contact.phone",
        Known::ContactPhone,
        "The phone that calls or texts.",
    ),
    ("contact.tags", Known::ContactTags, "Its tags."),
    (
        "contact.caseloads",
        Known::ContactCaseloads,
        "The caseloads it is in, by key.",
    ),
];

/// What is always there by this name.
fn always(path: &str) -> Option<Known> {
    let found = ALWAYS.iter().find(|(name, ..)| *name == path);
    found.map(|(_, known, _)| known.clone())
}

/// The fields of one of the roots that are always there.
fn fields_of(root: &str) -> impl Iterator<Item = &'static str> {
    let split = ALWAYS.iter().filter_map(|(name, ..)| name.split_once('.'));
    split
        .filter(move |(of, _)| *of == root)
        .map(|(_, field)| field)
}

impl Scope {
    /// What a dotted name means.
    pub(crate) fn resolve(&mut self, path: &str) -> Result<Known, Unknown> {
        let mut parts = path.split('.');
        let (root, field, rest) = (parts.next().unwrap_or(""), parts.next(), parts.next());
        let Some(field) = field else {
            return Err(if ROOTS.contains(&root) {
                let help = format!("write `{root}.` and one of its fields");
                Unknown {
                    code: "unknown-name",
                    message: format!("`{root}` has no value of its own"),
                    help,
                }
            } else {
                unknown(path, root, ROOTS)
            });
        };
        if parts.next().is_some() || (rest.is_some() && root != "steps") {
            return Err(unknown(path, path, []));
        }
        if let (Some(known), None) = (always(path), rest) {
            return Ok(known);
        }
        match root {
            "contact" => self.contact(path, field),
            "flow" => self.var(path, field),
            "steps" => self.step(path, field, rest),
            _ if ROOTS.contains(&root) => Err(unknown(path, field, fields_of(root))),
            _ => Err(unknown(path, root, ROOTS)),
        }
    }

    /// A field of the contact.
    pub(crate) fn contact(&self, path: &str, field: &str) -> Result<Known, Unknown> {
        let built_in = fields_of("contact").find(|known| *known == field);
        if let Some(known) = built_in.and_then(|field| always(&format!("contact.{field}"))) {
            return Ok(known);
        }
        match &self.columns {
            None => Ok(Known::Column(field.to_owned(), Type::Any)),
            Some(columns) => match columns.get(field) {
                Some(kind) => Ok(Known::Column(field.to_owned(), *kind)),
                None => {
                    let known = CONTACT_FIELDS
                        .into_iter()
                        .chain(columns.keys().map(String::as_str));
                    Err(unknown(path, field, known))
                }
            },
        }
    }

    fn var(&mut self, path: &str, field: &str) -> Result<Known, Unknown> {
        match self.vars.get(field) {
            Some(kind) => {
                self.uses.insert(path.to_owned());
                Ok(Known::Var(field.to_owned(), *kind))
            }
            None => Err(Unknown {
                code: "unknown-name",
                message: format!("no step saves `{path}`"),
                help: suggest(field, self.vars.keys().map(String::as_str)),
            }),
        }
    }

    fn step(&mut self, path: &str, step: &str, value: Option<&str>) -> Result<Known, Unknown> {
        let Some(values) = self.steps.get(step) else {
            return Err(Unknown {
                code: "unknown-step",
                message: format!("there is no step `{step}`"),
                help: suggest(step, self.steps.keys().map(String::as_str)),
            });
        };
        let value = value.unwrap_or("");
        match values.iter().find(|(name, _)| *name == value) {
            Some((name, kind)) => {
                self.kept.insert((step.to_owned(), (*name).to_owned()));
                self.uses.insert(path.to_owned());
                Ok(Known::Step(step.to_owned(), (*name).to_owned(), *kind))
            }
            None => Err(unknown(path, value, values.iter().map(|(name, _)| *name))),
        }
    }
}

fn unknown<'n>(path: &str, wanted: &str, known: impl IntoIterator<Item = &'n str>) -> Unknown {
    let help = suggest(wanted, known);
    Unknown {
        code: "unknown-name",
        message: format!("`{path}` is not known here"),
        help,
    }
}

/// The values of names at a moment of a run.
#[derive(Clone, Copy)]
pub(crate) struct Values<'a> {
    pub(crate) run: &'a Run,
    pub(crate) facts: &'a Facts<'a>,
}

impl<'a> Values<'a> {
    /// The latest text of the person, which the present event may have brought or an earlier one.
    pub(crate) fn latest_text(&self) -> Option<&'a str> {
        self.facts.text.or(self.run.text.as_deref())
    }

    pub(crate) fn get(&self, name: &Known) -> Val {
        let facts = self.facts;
        match name {
            Known::AccountName => Val::text(&facts.account.name),
            Known::AccountKey => Val::text(&facts.account.key),
            Known::AccountLanguage => Val::text(&facts.account.language),
            Known::ProgramName => facts
                .program
                .map_or(Val::Missing, |program| Val::text(&program.name)),
            Known::ProgramKey => facts
                .program
                .map_or(Val::Missing, |program| Val::text(&program.key)),
            Known::From => Val::text(facts.party.to_string()),
            Known::To => Val::text(&facts.number.address),
            Known::MessageText => self.latest_text().map_or(Val::Missing, Val::text),
            Known::ContactName => self.contact("name", |contact| contact.name.clone()),
            Known::ContactEmail => self.contact("email", |contact| contact.email.clone()),
            Known::ContactLanguage => self.contact("language", |contact| contact.language.clone()),
            Known::ContactPhone => {
                Val::text(facts.party.phone().map_or(String::new(), |p| p.to_string()))
            }
            Known::ContactTags => Val::List(self.tags()),
            Known::ContactCaseloads => Val::List(self.caseloads()),
            Known::Column(key, kind) => self.column(key, *kind),
            Known::Var(key, kind) => self
                .run
                .vars
                .get(key)
                .map_or(Val::Missing, |json| Val::from_json(json, *kind)),
            Known::Step(step, value, kind) => {
                let json = self
                    .run
                    .steps
                    .get(step)
                    .and_then(|values| values.get(value));
                json.map_or(Val::Missing, |json| Val::from_json(json, *kind))
            }
        }
    }

    /// A built-in field; what this event has just set counts before what was loaded.
    fn contact(&self, field: &str, of: impl Fn(&Contact) -> Option<String>) -> Val {
        if let Some(json) = self.run.fields.get(field) {
            return Val::from_json(json, Type::Text);
        }
        self.facts
            .contact
            .and_then(of)
            .map_or(Val::Missing, Val::text)
    }

    fn column(&self, key: &str, kind: Type) -> Val {
        let loaded = || {
            self.facts
                .contact
                .and_then(|contact| contact.columns.get(key))
        };
        let json = self.run.fields.get(key).or_else(loaded);
        json.map_or(Val::Missing, |json| Val::from_json(json, kind))
    }

    /// The contact's tags, with what this event has just added and removed.
    pub(crate) fn tags(&self) -> Vec<String> {
        let loaded = self.facts.contact.map_or(&[][..], |contact| &contact.tags);
        self.run.tags.clone().unwrap_or_else(|| loaded.to_vec())
    }

    /// The contact's caseloads, likewise.
    pub(crate) fn caseloads(&self) -> Vec<String> {
        let contact = self.facts.contact;
        let loaded = contact.map_or(&[][..], |contact| &contact.caseloads);
        self.run
            .caseloads
            .clone()
            .unwrap_or_else(|| loaded.to_vec())
    }

    /// The languages to try: the person's own one, empty where it is not known, and the account's.
    pub(crate) fn languages(&self) -> (String, &'a str) {
        let own = self.get(&Known::ContactLanguage).shown();
        (own, &self.facts.account.language)
    }

    /// The day it is where the account is.
    pub(crate) fn now(&self) -> jiff::Zoned {
        let zone =
            jiff::tz::TimeZone::get(&self.facts.account.zone).unwrap_or(jiff::tz::TimeZone::UTC);
        self.facts.now.to_jiff().to_zoned(zone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_people_type_them() {
        for (text, number) in [
            ("12", Some(12.0)),
            (" -3.5 ", Some(-3.5)),
            ("+7", Some(7.0)),
            ("3,5", Some(3.5)),
            ("", None),
            ("1e9", None),
            ("inf", None),
            ("NaN", None),
            ("1.2.3", None),
            ("1,000,000", None),
            ("12345678901234567", None),
            ("twelve", None),
        ] {
            assert_eq!(read_number(text), number, "{text}");
        }
    }
}
