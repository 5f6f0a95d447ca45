//! Accounts and their parts, and our numbers with the keywords people text to them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::calendar::Calendar;
use super::people::{Caseload, Group, Member, Role};
use super::{AccountId, CostCentreId, GroupId, NumberId, ProgramId, UserId};

/// A business unit whose data no other account can see.
#[derive(Debug, Clone, PartialEq)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// Its immutable key.
    pub key: String,
    /// Its free name.
    pub name: String,
    /// Its time zone (IANA name).
    pub zone: String,
    /// Its language (BCP 47).
    pub language: String,
    /// What its traffic is billed to.
    pub cost_centre: CostCentreId,
    /// Up to ten columns that its contacts have.
    pub columns: BTreeMap<String, ColumnType>,
    /// What it may send.
    pub plan: Plan,
    /// Its groups, in the order they were made.
    pub groups: Vec<Group>,
    /// Its programs; `main` always exists.
    pub programs: Vec<Program>,
    /// Its calendars by key.
    pub calendars: BTreeMap<String, Calendar>,
    /// Which of our numbers it uses, and how.
    pub numbers: Vec<AccountNumber>,
    /// Its users with their roles.
    pub members: Vec<Member>,
    /// Its roles.
    pub roles: Vec<Role>,
}

impl Account {
    /// The group with this key.
    pub fn group(&self, key: &str) -> Option<&Group> {
        self.groups.iter().find(|group| group.key == key)
    }

    /// The group with this id.
    pub fn group_by_id(&self, id: GroupId) -> Option<&Group> {
        self.groups.iter().find(|group| group.id == id)
    }

    /// The program with this key.
    pub fn program(&self, key: &str) -> Option<&Program> {
        self.programs.iter().find(|program| program.key == key)
    }

    /// The program with this id.
    pub fn program_by_id(&self, id: ProgramId) -> Option<&Program> {
        self.programs.iter().find(|program| program.id == id)
    }

    /// The caseloads of all its programs.
    pub fn caseloads(&self) -> impl Iterator<Item = &Caseload> {
        self.programs.iter().flat_map(|program| &program.caseloads)
    }

    /// How the account uses a number.
    pub fn number(&self, id: NumberId) -> Option<&AccountNumber> {
        self.numbers.iter().find(|number| number.number == id)
    }

    /// The user's membership.
    pub fn member(&self, user: UserId) -> Option<&Member> {
        self.members.iter().find(|member| member.user == user)
    }
}

/// What a column of a contact holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ColumnType {
    /// Any text.
    Text,
    /// A decimal number.
    Number,
    /// A day.
    Date,
    /// Yes or no.
    Bool,
}

/// What an account may send in a month, and how fast.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Texts (or segments) a month; `None`: no limit.
    pub monthly: Option<u32>,
    /// What is counted.
    pub unit: PlanUnit,
    /// Texts a second.
    pub rate: f64,
    /// What happens to a text past the limit.
    pub beyond: Beyond,
    /// The calendar, by key, inside whose hours a text leaves that answers nobody
    /// ([`MessageKind::is_unprompted`](super::MessageKind::is_unprompted)); `None`: at any hour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<String>,
}

/// What a plan counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlanUnit {
    /// Whole texts.
    Messages,
    /// Segments.
    Segments,
}

/// What happens to a text past the plan's limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Beyond {
    /// It goes by e-mail, where the contact has an address.
    Email,
    /// It waits for the next month.
    Hold,
    /// It is refused.
    Refuse,
}

/// A part of an account that works on its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// Its id.
    pub id: ProgramId,
    /// Its immutable key.
    pub key: String,
    /// Its free name.
    pub name: String,
    /// The number it sends from.
    pub number: Option<NumberId>,
    /// Its caseloads, in the order they were made.
    pub caseloads: Vec<Caseload>,
}

/// Who is responsible: a group or a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Route {
    /// The group's members together.
    Group(GroupId),
    /// One user.
    User(UserId),
}

/// How an account uses one of our numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountNumber {
    /// The number.
    pub number: NumberId,
    /// The flow its calls go to, by key.
    pub call_flow: Option<String>,
    /// The flow its unmatched texts go to, by key.
    pub text_flow: Option<String>,
    /// Who gets what no flow takes.
    pub route: Route,
}

/// One of ours.
#[derive(Debug, Clone, PartialEq)]
pub struct Number {
    /// Its id.
    pub id: NumberId,
    /// As carriers write it: E.164, a short code or toll-free.
    pub address: String,
    /// Its connection's key.
    pub connection: String,
    /// Receives and sends texts.
    pub sms: bool,
    /// Receives and sends files.
    pub mms: bool,
    /// Takes calls.
    pub voice: bool,
    /// Who confirms STOP; `None`: as the connection says.
    pub opt_out: Option<OptOutBy>,
    /// Who gets what no keyword claims.
    pub manage_unmatched: AccountId,
    /// Whose its calls are.
    pub calls: AccountId,
    /// A placeholder cannot receive and is never sent from.
    pub active: bool,
    /// Whether a text of somebody with an open conversation goes there.
    pub open_conversations: bool,
    /// Text segments a second that the carrier takes from it; `None`: only the connection's rate holds.
    pub rate: Option<f64>,
}

/// Who confirms a STOP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OptOutBy {
    /// We do.
    Us,
    /// The carrier has done it.
    Carrier,
}

/// A word that picks account, program and flow on a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keyword {
    /// The number it holds on.
    pub number: NumberId,
    /// Whose it is.
    pub account: AccountId,
    /// As written.
    pub word: String,
    /// The word and its aliases, folded.
    pub folded: Vec<String>,
    /// How it is matched.
    pub matching: Matching,
    /// The program its conversations are in.
    pub program: ProgramId,
    /// The flow it starts, by key; `None`: the account's default route.
    pub flow: Option<String>,
    /// Words after the word.
    pub sub: Vec<SubKeyword>,
}

impl Keyword {
    /// All that it takes, folded: its words, and each with the words that may follow it. Nothing of this may be another
    /// keyword's on the same number.
    pub fn phrases(&self) -> Vec<String> {
        let mut all = Vec::new();
        for word in &self.folded {
            all.push(word.clone());
            for sub in self.sub.iter().flat_map(|sub| &sub.folded) {
                all.push(format!("{word} {sub}"));
            }
        }
        all
    }
}

/// A word after a keyword.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubKeyword {
    /// As written.
    pub word: String,
    /// The word and its aliases, folded.
    pub folded: Vec<String>,
    /// The flow it starts, by key; `None`: the keyword's.
    pub flow: Option<String>,
    /// Its program, when another than the keyword's.
    pub program: Option<ProgramId>,
}

/// How a keyword is matched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Matching {
    /// It is the text's first word (or first words).
    #[default]
    FirstWord,
    /// It is the whole text.
    Whole,
    /// It stands somewhere in the text.
    Phrase,
}
