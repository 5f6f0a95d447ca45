//! People: staff with their devices and roles, and contacts outside.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::account::Route;
use super::{AccountId, ContactId, GroupId, Party, Phone, RoleId, Timestamp, UserId};

/// A member of staff.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Their id.
    pub id: UserId,
    /// Their immutable key.
    pub key: String,
    /// Their name.
    pub name: String,
    /// Their address.
    pub email: Option<String>,
    /// What rings, in order.
    pub devices: Vec<Device>,
    /// Whether they still work here. Who has left is never responsible for anything.
    pub active: bool,
    /// Organisation administrator: may do everything in every account.
    pub admin: bool,
}

/// What rings for a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// Its number.
    pub phone: Phone,
    /// What it is, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// Whether a user can be rung now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Presence {
    /// They said they are away.
    pub offline: bool,
    /// They are on a call that came through us.
    pub busy: bool,
    /// A device of theirs rings for a call that came through us.
    #[serde(default)]
    pub ringing: bool,
    /// When a device of theirs last began to ring.
    #[serde(default)]
    pub rung_at: Option<Timestamp>,
    /// When the call that they took last began to ring them.
    #[serde(default)]
    pub answered_at: Option<Timestamp>,
}

/// An ordered list of users of one account; owns a box.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Its id.
    pub id: GroupId,
    /// Its immutable key.
    pub key: String,
    /// Its free name.
    pub name: String,
    /// Its members in ringing order.
    pub members: Vec<UserId>,
}

/// A user's place in an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Who.
    pub user: UserId,
    /// Their roles.
    pub roles: Vec<RoleId>,
}

/// A named subset of a program's contacts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caseload {
    /// Its immutable key, unique in the account.
    pub key: String,
    /// Its free name.
    pub name: String,
}

/// A named set of permissions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// Its id.
    pub id: RoleId,
    /// Its immutable key.
    pub key: String,
    /// Its free name.
    pub name: String,
    /// What it allows.
    pub permissions: Vec<Permission>,
}

/// What a role may allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Permission {
    /// May start a text, not only reply.
    MayStartTexts,
    /// Sees every box of the account, not only their own.
    SeesAllBoxes,
    /// Edits groups, keywords and flows of the account.
    ManagesAccount,
}

/// A person outside.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Contact {
    /// Their id.
    pub id: ContactId,
    /// Whose contact it is.
    pub account: AccountId,
    /// Their name, where known.
    pub name: Option<String>,
    /// Their phones.
    pub phones: Vec<ContactPhone>,
    /// Their address.
    pub email: Option<String>,
    /// Their language (BCP 47).
    pub language: Option<String>,
    /// Where they come from: `inbound`, `import`, `staff`, `organisation`.
    pub source: String,
    /// The account's columns, by key.
    pub columns: BTreeMap<String, serde_json::Value>,
    /// Tags.
    pub tags: Vec<String>,
    /// The caseloads they are in, by key.
    #[serde(default)]
    pub caseloads: Vec<String>,
    /// Replaces the default route.
    pub forwarded_route: Option<Route>,
    /// When they were first known.
    pub created_at: Timestamp,
    /// Raised by one at every change.
    pub version: i64,
}

/// The longest value by which contacts are found, in characters.
pub const COMPARED_CHARS_MAX: usize = 200;

/// The form in which values of fields are compared: no blanks around, and of the letters A to Z the case does not matter.
/// Nothing for what is empty or longer than any value that contacts are found by.
pub fn compared(text: &str) -> Option<String> {
    let text = text.trim().to_ascii_lowercase();
    let fits = !text.is_empty() && text.chars().nth(COMPARED_CHARS_MAX).is_none();
    fits.then_some(text)
}

impl Contact {
    /// What stands in `email` or a column, in the form in which it is compared. Yes and no tell nobody from another.
    pub fn compared(&self, field: &str) -> Option<String> {
        match (field, self.columns.get(field)) {
            ("email", _) => compared(self.email.as_deref()?),
            (_, Some(serde_json::Value::String(text))) => compared(text),
            (_, Some(serde_json::Value::Number(number))) => compared(&number.to_string()),
            _ => None,
        }
    }

    /// All by which the contact can be found besides phones.
    pub fn fields(&self) -> impl Iterator<Item = (&str, String)> {
        let keys = self.columns.keys().map(String::as_str);
        let keys = std::iter::once("email").chain(keys.filter(|key| *key != "email"));
        keys.filter_map(|key| Some((key, self.compared(key)?)))
    }
}

/// A phone of a contact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContactPhone {
    /// Its number.
    pub phone: Party,
    /// `mobile`, `home` or `work`.
    pub kind: String,
    /// Whether it may be texted.
    pub textable: bool,
}
