//! Contacts of a file: found by account and phone, their columns read by the account's types.

use std::collections::BTreeMap;

use serde_json::Value;

use super::draft::{Draft, filled, plain, set};
use super::file::{AccountPart, ColumnValue, ContactPart, PhonePart};
use super::node::{At, Text};
use crate::model::account::{Account, ColumnType};
use crate::model::people::{Contact, ContactPhone};
use crate::model::{AccountId, Party, Phone};

/// Phones of a contact.
const PHONES_MAX: usize = 10;

impl Draft<'_> {
    pub(super) fn fill_contacts(&mut self, part: &AccountPart) {
        let accounts = self.rows.accounts.iter();
        let Some(account) = accounts
            .clone()
            .find(|account| account.key == part.key.value)
        else {
            return;
        };
        let account = account.clone();
        self.check_phones(part);
        for contact in &part.contacts {
            if let Some(row) = self.contact(&account, part, contact) {
                self.rows.contacts.push(row);
            }
        }
    }

    /// A phone tells which contact is meant, so that it stands once in an account.
    fn check_phones(&self, part: &AccountPart) {
        let mut seen: Vec<&At<Phone>> = Vec::new();
        for phone in part.contacts.iter().flat_map(|contact| &contact.phones) {
            let phone = &phone.phone;
            match seen.iter().find(|earlier| earlier.value == phone.value) {
                Some(earlier) => {
                    let line = self.found.line(&earlier.at);
                    let words = format!("this phone stands here twice, first on line {line}");
                    self.found.wrong(&phone.at, words, None);
                }
                None => seen.push(phone),
            }
        }
    }

    fn contact(
        &mut self,
        account: &Account,
        whole: &AccountPart,
        part: &ContactPart,
    ) -> Option<Contact> {
        if part.phones.is_empty() || part.phones.len() > PHONES_MAX {
            let words = format!("a contact has 1 to {PHONES_MAX} phones");
            self.found.wrong(&part.at, words, None);
            return None;
        }
        let known = self.known_contact(account.id, part)?;
        let mut row = known.unwrap_or_else(|| self.new_contact(account.id));
        row.phones = part
            .phones
            .iter()
            .map(|phone| merge(phone, &row.phones))
            .collect();
        set(&mut row.name, plain(&part.name).map(filled));
        set(&mut row.email, plain(&part.email).map(filled));
        set(&mut row.language, plain(&part.language).map(Some));
        let unreadable = |key: &Text| {
            whole
                .columns
                .iter()
                .any(|(column, kind)| column.value == key.value && kind.is_none())
        };
        for (key, value) in part.columns.iter().filter(|(key, _)| !unreadable(key)) {
            if let Some(value) = self.column(&account.columns, key, value) {
                row.columns.insert(key.value.clone(), value);
            }
        }
        let tags = part.tags.as_ref();
        set(
            &mut row.tags,
            tags.map(|tags| tags.iter().map(|tag| tag.value.clone()).collect()),
        );
        let caseloads = part.caseloads.as_ref();
        let caseloads = caseloads.map(|names| self.caseloads_named(account, names));
        set(&mut row.caseloads, caseloads);
        Some(row)
    }

    /// The contact of the store that has one of the phones; the outer `None`: two have.
    fn known_contact(&self, account: AccountId, part: &ContactPart) -> Option<Option<Contact>> {
        let has = |contact: &&Contact| {
            let same = |phone: &PhonePart| {
                let party = Party::Phone(phone.phone.value);
                contact.phones.iter().any(|known| known.phone == party)
            };
            contact.account == account && part.phones.iter().any(same)
        };
        let mut known = self.existing.contacts.iter().filter(has);
        let first = known.next();
        if known.next().is_some() {
            let words = "these phones belong to more than one contact of the account";
            self.found.wrong(&part.at, words, None);
            return None;
        }
        Some(first.cloned())
    }

    fn new_contact(&mut self, account: AccountId) -> Contact {
        Contact {
            id: self.ids.fresh(),
            account,
            name: None,
            phones: Vec::new(),
            email: None,
            language: None,
            source: "organisation".to_owned(),
            columns: BTreeMap::new(),
            tags: Vec::new(),
            caseloads: Vec::new(),
            forwarded_route: None,
            created_at: self.now,
            version: 1,
        }
    }

    fn column(
        &self,
        columns: &BTreeMap<String, ColumnType>,
        key: &Text,
        value: &At<ColumnValue>,
    ) -> Option<Value> {
        let known = columns.iter().map(|(key, kind)| (key.as_str(), *kind));
        let kind = self.find("column", key, known)?;
        let read = match (kind, &value.value) {
            (ColumnType::Text, ColumnValue::Text(text)) => Some(Value::from(text.as_str())),
            (ColumnType::Number, ColumnValue::Number(number)) => Some(json_number(*number)),
            (ColumnType::Bool, ColumnValue::Bool(flag)) => Some(Value::from(*flag)),
            (ColumnType::Date, ColumnValue::Text(text)) => date(text),
            _ => None,
        };
        if read.is_none() {
            let expected = match kind {
                ColumnType::Text => "a text (in quotes, where it looks like a number)",
                ColumnType::Number => "a number",
                ColumnType::Date => "a date such as 2026-12-25",
                ColumnType::Bool => "true or false",
            };
            let words = format!("column \"{}\" holds {expected}", key.value);
            self.found.wrong(&value.at, words, None);
        }
        read
    }
}

/// A phone of the file; what it does not say stays, and only mobiles are texted unless it is said.
fn merge(part: &PhonePart, known: &[ContactPhone]) -> ContactPhone {
    let phone = Party::Phone(part.phone.value);
    let earlier = known.iter().find(|known| known.phone == phone);
    let kind = match (part.kind, earlier) {
        (Some(kind), _) => kind.to_owned(),
        (None, Some(earlier)) => earlier.kind.clone(),
        (None, None) => "mobile".to_owned(),
    };
    let textable = part.textable.or(earlier.map(|earlier| earlier.textable));
    let textable = textable.unwrap_or(kind == "mobile");
    ContactPhone {
        phone,
        kind,
        textable,
    }
}

/// Whole numbers stay whole.
fn json_number(number: f64) -> Value {
    /// Above it a double skips whole numbers (2^53).
    const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;
    if number.fract() == 0.0 && number.abs() <= WHOLE_MAX {
        Value::from(number as i64)
    } else {
        Value::from(number)
    }
}

fn date(text: &str) -> Option<Value> {
    let date: jiff::civil::Date = text.trim().parse().ok()?;
    Some(Value::from(date.to_string()))
}
