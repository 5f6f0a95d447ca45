//! `set` and `tag`, and the places that values are saved in.

use super::{Came, Verb};
use crate::flow::effect::{Effect, change};
use crate::flow::engine::Engine;
use crate::flow::formula::Formula;
use crate::flow::reader::Reading;
use crate::flow::scope::{Known, Type, Val};
use crate::flow::yaml::{At, Node, Value};

/// Names a `set` may take.
const SETS_MAX: usize = 30;
/// Tags of one step, and characters of one.
const TAGS_MAX: usize = 20;
const TAG_CHARS_MAX: usize = 40;

/// Where a value is saved.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Place {
    /// A field of the contact.
    Field(String, Type),
    /// A variable of the run.
    Var(String, Type),
}

impl Place {
    /// Reads `contact.<field>` or `flow.<name>`; `is` is the kind of value that will come.
    pub(super) fn read(reading: &mut Reading<'_>, node: &Node, is: Type) -> Option<Self> {
        let path = reading.word(node, "a place")?.to_owned();
        Self::named(reading, &node.at, &path, is)
    }

    pub(super) fn named(reading: &mut Reading<'_>, at: &At, path: &str, is: Type) -> Option<Self> {
        match path.split_once('.') {
            Some(("flow", name)) if is_name(name) => {
                let kind = reading.scope.vars.get(name).copied().unwrap_or(is);
                Some(Self::Var(name.to_owned(), kind))
            }
            Some(("contact", field)) => Self::field(reading, at, path, field, is),
            _ => {
                let message = format!("`{path}` is no place to save in");
                let help = "save as `contact.<field>` or `flow.<name>`";
                reading.fault_help(at, "not-writable", message, help);
                None
            }
        }
    }

    fn field(
        reading: &mut Reading<'_>,
        at: &At,
        path: &str,
        field: &str,
        is: Type,
    ) -> Option<Self> {
        let kind = match reading.scope.contact(path, field) {
            Ok(Known::ContactPhone | Known::ContactTags | Known::ContactCaseloads) => {
                let help = match field {
                    "tags" => "add and remove tags with `tag`",
                    "caseloads" => "write `tag: { add_caseload: …, remove_caseload: … }`",
                    _ => "a contact keeps its phone",
                };
                reading.fault_help(at, "not-writable", format!("`{path}` cannot be set"), help);
                return None;
            }
            Ok(name) => name.kind(),
            Err(unknown) => {
                reading.unknown(at, unknown);
                return None;
            }
        };
        let fits = kind.meets(is) || kind == Type::Text;
        if !fits {
            let message = format!("`{path}` holds {}, and this is {}", kind.word(), is.word());
            reading.fault_help(
                at,
                "type",
                message,
                "ask for the kind of answer that the column holds",
            );
            return None;
        }
        Some(Self::Field(field.to_owned(), kind))
    }

    /// The place as it is written.
    fn path(&self) -> String {
        match self {
            Self::Field(field, _) => format!("contact.{field}"),
            Self::Var(name, _) => format!("flow.{name}"),
        }
    }

    /// Saves a value, in the type the place has.
    pub(super) fn save(&self, engine: &mut Engine<'_>, value: Val) {
        match self {
            Self::Field(field, kind) => {
                let value = fitted(value, *kind);
                let json = value.to_json();
                engine.run.fields.insert(field.clone(), json.clone());
                engine.effects.push(Effect::SetField {
                    field: field.clone(),
                    value: json,
                });
            }
            Self::Var(name, _) => {
                engine.run.vars.insert(name.clone(), value.to_json());
            }
        }
    }
}

/// The value as this type; missing when it cannot be.
fn fitted(value: Val, kind: Type) -> Val {
    match (&value, kind) {
        (Val::Missing, _) | (_, Type::Any) => value,
        (Val::Number(_), Type::Number)
        | (Val::Date(_), Type::Date)
        | (Val::Bool(_), Type::Bool) => value,
        (_, kind) => Val::read(&value.shown(), kind),
    }
}

/// Whether a name of a step or variable is well formed.
pub(crate) fn is_name(name: &str) -> bool {
    name.len() <= 63
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// Variables and fields take values.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Set {
    /// Where none stands, the place is emptied.
    values: Vec<(Place, Option<Formula>)>,
}

impl Set {
    pub(super) fn read(reading: &mut Reading<'_>, node: &Node) -> Option<Verb> {
        let Value::Map(pairs) = &node.value else {
            let help = "write `set: { contact.status: applied }`";
            reading.fault_help(&node.at, "shape", "`set` needs names and values", help);
            return None;
        };
        if pairs.is_empty() || pairs.len() > SETS_MAX {
            let message = format!("`set` takes 1 to {SETS_MAX} names");
            reading.fault(&node.at, "shape", message);
        }
        let mut values = Vec::new();
        for (key, value) in pairs {
            let formula = match &value.value {
                Value::Null => None,
                _ => {
                    match Formula::read(reading, value, "the value", key.text.starts_with("flow."))
                    {
                        Some(formula) => Some(formula),
                        None => continue,
                    }
                }
            };
            let is = formula.as_ref().map_or(Type::Any, Formula::kind);
            let Some(place) = Place::named(reading, &key.at, &key.text, is) else {
                continue;
            };
            if let Some(formula) = &formula {
                fits(reading, &value.at, &place, formula);
            }
            values.push((place, formula));
        }
        Some(Verb::Set(Self { values }))
    }

    /// The fixed values that it sets, by name.
    pub(crate) fn fixed(&self) -> impl Iterator<Item = (String, Val)> {
        self.values.iter().filter_map(|(place, formula)| {
            let value = match formula {
                Some(formula) => formula.fixed()?,
                None => Val::Missing,
            };
            Some((place.path(), value))
        })
    }

    /// Whether it computes this variable from itself, which must be there already.
    pub(crate) fn needs_itself(&self, name: &str) -> bool {
        self.values.iter().any(|(place, formula)| {
            let is_it = matches!(place, Place::Var(key, _) if key == name);
            is_it && formula.as_ref().is_some_and(|formula| formula.needs(name))
        })
    }

    /// The names that it sets.
    pub(crate) fn names(&self) -> impl Iterator<Item = String> {
        self.values.iter().map(|(place, _)| place.path())
    }

    pub(super) fn enter(&self, engine: &mut Engine<'_>) -> Came {
        for (place, formula) in &self.values {
            let value = formula
                .as_ref()
                .map(|formula| formula.value(&engine.values()));
            let value = value.unwrap_or(Val::Missing);
            place.save(engine, value);
        }
        Came::outcome("next")
    }
}

/// A fixed text must be readable as what the column holds.
fn fits(reading: &mut Reading<'_>, at: &At, place: &Place, formula: &Formula) {
    let Place::Field(field, kind) = place else {
        return;
    };
    let Some(text) = formula.fixed().map(|value| value.shown()) else {
        return;
    };
    if Val::read(&text, *kind) == Val::Missing {
        let message = format!("`{field}` holds {}, and `{text}` is none", kind.word());
        let help = match kind {
            Type::Date => "write it as 2026-01-31",
            Type::Bool => "write yes or no",
            _ => "write it in digits",
        };
        reading.fault_help(at, "type", message, help);
    }
}

/// Tags and caseloads of the contact.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tag {
    add: Vec<String>,
    remove: Vec<String>,
    add_caseloads: Vec<String>,
    remove_caseloads: Vec<String>,
}

impl Tag {
    pub(super) fn read(reading: &mut Reading<'_>, node: &Node) -> Option<Verb> {
        let fields = reading.form(node, "tag")?;
        let (add, remove) = (fields.get("add"), fields.get("remove"));
        let (enter, leave) = (fields.get("add_caseload"), fields.get("remove_caseload"));
        if [add, remove, enter, leave].iter().all(Option::is_none) {
            let help = "write `tag: { add: [vip], remove: [new] }`, or `tag: { add_caseload: … }`";
            reading.fault_help(
                &node.at,
                "missing-key",
                "`tag` says neither what is added nor what is removed",
                help,
            );
        }
        Some(Verb::Tag(Self {
            add: add.map_or_else(Vec::new, |node| tags(reading, node)),
            remove: remove.map_or_else(Vec::new, |node| tags(reading, node)),
            add_caseloads: enter.map_or_else(Vec::new, |node| reading.caseloads(node)),
            remove_caseloads: leave.map_or_else(Vec::new, |node| reading.caseloads(node)),
        }))
    }

    pub(super) fn enter(&self, engine: &mut Engine<'_>) -> Came {
        if !(self.add.is_empty() && self.remove.is_empty()) {
            let mut now = engine.values().tags();
            change(&mut now, &self.add, &self.remove);
            engine.run.tags = Some(now);
            engine.effects.push(Effect::Tag {
                add: self.add.clone(),
                remove: self.remove.clone(),
            });
        }
        if !(self.add_caseloads.is_empty() && self.remove_caseloads.is_empty()) {
            self.change_caseloads(engine);
        }
        Came::outcome("next")
    }

    /// The lists of the contact that it changes.
    pub(crate) fn changes(&self) -> impl Iterator<Item = &'static str> {
        let tags = !(self.add.is_empty() && self.remove.is_empty());
        let caseloads = !(self.add_caseloads.is_empty() && self.remove_caseloads.is_empty());
        let tags = tags.then_some("contact.tags").into_iter();
        tags.chain(caseloads.then_some("contact.caseloads"))
    }

    /// A flow may be older than the organisation: nobody comes into a caseload that the account does not have.
    fn change_caseloads(&self, engine: &mut Engine<'_>) {
        let account = engine.facts.account;
        let is_there = |key: &&String| account.caseloads().any(|one| one.key == **key);
        let add: Vec<String> = self
            .add_caseloads
            .iter()
            .filter(is_there)
            .cloned()
            .collect();
        let remove = self.remove_caseloads.clone();
        let mut now = engine.values().caseloads();
        change(&mut now, &add, &remove);
        engine.run.caseloads = Some(now);
        engine.effects.push(Effect::Caseloads { add, remove });
    }
}

/// A list of tags.
pub(super) fn tags(reading: &mut Reading<'_>, node: &Node) -> Vec<String> {
    let items = reading.list(node, "tags");
    if items.len() > TAGS_MAX {
        reading.fault(&node.at, "out-of-range", format!("at most {TAGS_MAX} tags"));
    }
    let mut found = Vec::new();
    for item in items {
        let Some(tag) = reading.word(item, "a tag").map(str::trim) else {
            continue;
        };
        if tag.is_empty() || tag.chars().count() > TAG_CHARS_MAX {
            reading.fault(
                &item.at,
                "out-of-range",
                format!("a tag has 1 to {TAG_CHARS_MAX} characters"),
            );
        } else {
            found.push(tag.to_owned());
        }
    }
    found
}
