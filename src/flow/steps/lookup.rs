//! `lookup`: who has a phone, or a value in a field; and whether the person is in a caseload.

use super::people::{phone, phone_now, wanted_phone};
use super::speak::required;
use super::{Came, Verb};
use crate::flow::effect::Wanted;
use crate::flow::engine::Engine;
use crate::flow::event::Person;
use crate::flow::reader::{Fields, Reading};
use crate::flow::scope::{Known, Type, Val};
use crate::flow::template::{Template, VALUE_CHARS_MAX};
use crate::flow::yaml::Node;
use crate::model::people::compared;
use crate::model::turn::FieldValue;

/// Who has this phone, or this value in a field, or whether this person is in a caseload.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Lookup {
    Phone(Template),
    Field {
        key: String,
        kind: Type,
        equals: Template,
    },
    Caseload(String),
}

impl Lookup {
    pub(super) fn read(reading: &mut Reading<'_>, node: &Node) -> Option<Verb> {
        let fields = reading.form(node, "lookup")?;
        if let Some(caseload) = fields.get("caseload") {
            return Self::of_caseload(reading, &fields, caseload);
        }
        match (fields.get("phone"), fields.get("field")) {
            (Some(_), Some(field)) => {
                let message = "`lookup` goes by a phone, a field or a caseload";
                reading.fault_help(&field.at, "two-owners", message, "keep one of them");
                None
            }
            (None, Some(field)) => {
                let found = found_by(reading, field);
                let equals = required(reading, fields.get("equals"), node, "lookup", "equals")?;
                let equals = reading.template(equals, "`equals`");
                let ((key, kind), equals) = found.zip(equals)?;
                Some(Verb::Lookup(Self::Field { key, kind, equals }))
            }
            (wanted, None) => {
                if let Some(equals) = fields.get("equals") {
                    let message = "`equals` belongs to a field";
                    let help = "add `field: contact.…`, or leave `equals` out";
                    reading.fault_help(&equals.at, "missing-key", message, help);
                }
                let wanted = required(reading, wanted, node, "lookup", "phone")?;
                let phone = phone(reading, wanted)?;
                Some(Verb::Lookup(Self::Phone(phone)))
            }
        }
    }

    fn of_caseload(reading: &mut Reading<'_>, fields: &Fields<'_>, node: &Node) -> Option<Verb> {
        let others = ["phone", "field", "equals"];
        if let Some(other) = others.iter().find_map(|key| fields.get(key)) {
            let message = "`lookup` goes by a phone, a field or a caseload";
            reading.fault_help(&other.at, "two-owners", message, "keep one of them");
            return None;
        }
        let key = reading.caseload(node)?;
        Some(Verb::Lookup(Self::Caseload(key)))
    }

    pub(super) fn enter(&self, engine: &mut Engine<'_>) -> Came {
        let found = match self {
            Self::Phone(phone) => who_has(engine, phone),
            Self::Field { .. } => self.with_value(engine),
            Self::Caseload(key) => Ok(is_in(engine, key)),
        };
        let person = match found {
            Ok(Some(person)) => person,
            Ok(None) => return Came::outcome("missing"),
            Err(came) => return came,
        };
        let text = |value: Option<String>| value.map_or(Val::Missing, Val::text);
        engine.keep_here("name", text(person.name));
        engine.keep_here("email", text(person.email));
        engine.keep_here("language", text(person.language));
        Came::outcome("found")
    }

    /// The only contact with the value: of several none is taken, as of a phone that a family shares.
    fn with_value(&self, engine: &mut Engine<'_>) -> Result<Option<Person>, Came> {
        let Some(asked) = self.asked(engine) else {
            return Ok(None);
        };
        let mut found = engine.with_value(&asked)?;
        let only = found.pop().filter(|_| found.is_empty());
        Ok(only)
    }

    /// The value that is meant now, in the form in which values are compared.
    fn asked(&self, engine: &Engine<'_>) -> Option<FieldValue> {
        let Self::Field { key, kind, equals } = self else {
            return None;
        };
        let text = equals.render(&engine.values(), VALUE_CHARS_MAX);
        let value = match Val::read(&text, *kind) {
            number @ Val::Number(_) => number.to_json().to_string(),
            value => value.shown(),
        };
        let (field, value) = (key.clone(), compared(&value)?);
        Some(FieldValue { field, value })
    }

    pub(super) fn wants(&self, engine: &Engine<'_>) -> Vec<Wanted> {
        match self {
            Self::Phone(phone) => wanted_phone(engine, phone),
            Self::Field { .. } => self
                .asked(engine)
                .map(Wanted::Contacts)
                .into_iter()
                .collect(),
            Self::Caseload(_) => Vec::new(),
        }
    }
}

/// The person at the far end, if they are in the caseload.
fn is_in(engine: &Engine<'_>, caseload: &str) -> Option<Person> {
    let caseloads = engine.values().caseloads();
    let contact = engine.facts.contact.map(Person::from);
    contact.filter(|_| caseloads.iter().any(|key| key == caseload))
}

/// Whoever once wrote has a contact; that makes nobody known.
fn who_has(engine: &mut Engine<'_>, phone: &Template) -> Result<Option<Person>, Came> {
    let facts = engine.facts;
    let Some(who) = phone_now(engine, phone) else {
        return Ok(None);
    };
    let person = if who == *facts.party {
        facts.contact.map(Person::from)
    } else {
        let known = engine.reach(std::slice::from_ref(&who))?;
        known.into_iter().next().and_then(|reach| reach.contact)
    };
    Ok(person.filter(|person| !person.stranger))
}

/// A field by which people are found: `contact.email`, or a column of the account's contacts.
fn found_by(reading: &mut Reading<'_>, node: &Node) -> Option<(String, Type)> {
    let path = reading.word(node, "a field")?.to_owned();
    let known = match path.split_once('.') {
        Some(("contact", field)) => reading.scope.contact(&path, field),
        _ => {
            let message = format!("`{path}` is no field of a contact");
            let help = "write `contact.` and the field, such as contact.email";
            reading.fault_help(&node.at, "unknown-name", message, help);
            return None;
        }
    };
    match known {
        Ok(Known::ContactEmail) => Some(("email".to_owned(), Type::Text)),
        Ok(Known::Column(key, kind)) if kind != Type::Bool => Some((key, kind)),
        Ok(_) => {
            let message = format!("nobody is found by `{path}`");
            let help = "name contact.email, or a column that holds a text, a number or a date; by phone: `lookup: { phone: … }`";
            reading.fault_help(&node.at, "type", message, help);
            None
        }
        Err(unknown) => {
            reading.unknown(&node.at, unknown);
            None
        }
    }
}
