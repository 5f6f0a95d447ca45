//! What must be so at the end of a test.

use std::fmt::Debug;

use serde_json::Value;

use super::stage::Stage;
use crate::flow::Expect;
use crate::inbox::voicemail::is_missed_call;
use crate::model::account::Route;
use crate::model::conversation::ConversationState;
use crate::model::people::Contact;

impl Stage {
    /// Whether it is so; else what there is instead.
    pub(super) fn expects(&self, what: &Expect) -> Result<(), String> {
        match what {
            Expect::VoicemailIn(key) => self.has_voicemail(key),
            Expect::InBox(key) => self.is_in_box(key),
            Expect::Notified(users) => self.has_told(users),
            Expect::State(state) => {
                let thread = self.conversation().ok_or("there is no thread")?;
                let (found, state) = (thread.state.as_str(), state.as_str());
                match found == state {
                    true => Ok(()),
                    false => Err(format!("the thread is {found}, not {state}")),
                }
            }
            Expect::Contact(field, value) => {
                let found = self.contact().and_then(|one| field_of(one, field));
                match found == *value {
                    true => Ok(()),
                    false => {
                        let (found, value) = (shown(found.as_deref()), shown(value.as_deref()));
                        Err(format!("`{field}` is {found}, not {value}"))
                    }
                }
            }
            Expect::Tags(tags) => self.has_tags(tags),
            Expect::Caseloads(keys) => self.is_in_caseloads(keys),
            Expect::Sent(count) => {
                let found = u32::try_from(self.sent.len()).unwrap_or(u32::MAX);
                same("the number of texts sent is", found, *count)
            }
            Expect::EndedAt(step) => self.ended_at(step),
        }
    }

    fn key_of(&self, route: Route) -> String {
        let key = match route {
            Route::Group(id) => self.account.group_by_id(id).map(|group| &group.key),
            Route::User(id) => self.world.directory.user(id).map(|user| &user.key),
        };
        key.cloned().unwrap_or_default()
    }

    fn has_voicemail(&self, key: &str) -> Result<(), String> {
        let rows = self.state.voicemails.values().flatten();
        let boxes: Vec<String> = rows
            .filter(|row| !is_missed_call(row))
            .map(|row| self.key_of(row.owner))
            .collect();
        match boxes.iter().any(|have| have == key) {
            true => Ok(()),
            false if boxes.is_empty() => Err("no voicemail was left".to_owned()),
            false => Err(format!("the voicemail is in {}", boxes.join(", "))),
        }
    }

    fn is_in_box(&self, key: &str) -> Result<(), String> {
        let thread = self.conversation().ok_or("there is no thread")?;
        if thread.state != ConversationState::Open {
            return Err(format!(
                "the thread is in no box: it is {}",
                thread.state.as_str()
            ));
        }
        let found = self.key_of(thread.responsible());
        same("the thread is in", found.as_str(), key)
    }

    fn has_told(&self, users: &[String]) -> Result<(), String> {
        if users.is_empty() && !self.emails.is_empty() {
            return Err(format!("those told are {}", self.emails.join(", ")));
        }
        for key in users {
            let user = self.world.directory.user_by_key(key);
            let email = user.and_then(|user| user.email.as_ref());
            let email = email.ok_or_else(|| format!("{key} has no e-mail address"))?;
            if !self.emails.contains(email) {
                return Err(match self.emails.as_slice() {
                    [] => "nobody was told".to_owned(),
                    told => format!("those told are {}", told.join(", ")),
                });
            }
        }
        Ok(())
    }

    fn has_tags(&self, tags: &[String]) -> Result<(), String> {
        let have = self.contact().map(|one| one.tags.clone());
        let have = have.unwrap_or_default();
        match tags.iter().find(|tag| !have.contains(tag)) {
            None => Ok(()),
            Some(tag) => Err(format!(
                "the tag `{tag}` is missing; there is [{}]",
                have.join(", ")
            )),
        }
    }

    /// All of them and no others, so that one can be seen to be left.
    fn is_in_caseloads(&self, keys: &[String]) -> Result<(), String> {
        let sorted = |keys: &[String]| {
            let mut keys = keys.to_vec();
            keys.sort();
            keys
        };
        let have = self.contact().map_or(&[][..], |one| &one.caseloads);
        same("the caseloads are", sorted(have), sorted(keys))
    }

    fn ended_at(&self, step: &str) -> Result<(), String> {
        if self.is_running() {
            return Err("the flow is still under way".to_owned());
        }
        let last = self.last.as_ref().map_or("", |place| place.step.as_str());
        same("the last step was", last, step)
    }
}

/// A value as it is told, so that an empty one is not taken for a word.
fn shown(value: Option<&str>) -> String {
    value.map_or("empty".to_owned(), |value| format!("{value:?}"))
}

fn same<T: PartialEq + Debug>(what: &str, found: T, expected: T) -> Result<(), String> {
    match found == expected {
        true => Ok(()),
        false => Err(format!("{what} {found:?}, not {expected:?}")),
    }
}

fn field_of(contact: &Contact, field: &str) -> Option<String> {
    match field {
        "name" => contact.name.clone(),
        "email" => contact.email.clone(),
        "language" => contact.language.clone(),
        _ => match contact.columns.get(field)? {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => number.as_f64().map(|number| number.to_string()),
            other => Some(other.to_string()),
        },
    }
}
