//! What the names in a flow resolve against.

use std::collections::{BTreeMap, BTreeSet};

use super::check::read_published;
use super::yaml::{self, At, Value};
use super::{Flow, Kind};
use crate::model::Capabilities;
use crate::model::account::{Account, ColumnType, Number};
use crate::model::directory::Directory;
use crate::model::http::HttpRules;
use crate::model::people::User;

/// What exists, by key. A list of `None` means "not known here": every name of that kind is taken as good.
pub trait Names {
    /// The accounts.
    fn accounts(&self) -> Option<Vec<String>> {
        None
    }
    /// The groups of an account.
    fn groups(&self, _account: &str) -> Option<Vec<String>> {
        None
    }
    /// The active users of an account.
    fn users(&self, _account: &str) -> Option<Vec<String>> {
        None
    }
    /// The calendars of an account.
    fn calendars(&self, _account: &str) -> Option<Vec<String>> {
        None
    }
    /// The programs of an account.
    fn programs(&self, _account: &str) -> Option<Vec<String>> {
        None
    }
    /// The caseloads of all programs of an account.
    fn caseloads(&self, _account: &str) -> Option<Vec<String>> {
        None
    }
    /// The columns of an account's contacts.
    fn columns(&self, _account: &str) -> Option<Vec<(String, ColumnType)>> {
        None
    }
    /// The flows of an account.
    fn flows(&self, _account: &str) -> Option<Vec<(String, Kind)>> {
        None
    }
    /// What a flow of an account takes from one that calls it.
    fn taken_by(&self, _account: &str, _flow: &str) -> Option<Vec<String>> {
        None
    }
    /// The published flows of an account that lead to one of this name.
    fn leading_to(&self, _account: &str, _flow: &str) -> Vec<Leading> {
        Vec::new()
    }
    /// Whether nobody active is in this group.
    fn group_is_empty(&self, _account: &str, _group: &str) -> bool {
        false
    }
    /// Our numbers, those of other accounts included.
    fn numbers(&self, _account: &str) -> Option<Vec<String>> {
        None
    }

    /// Whether this user is known and does not work in the account any more.
    fn has_left(&self, _account: &str, _user: &str) -> bool {
        false
    }
    /// Whether flows can play this sound file.
    fn has_sound(&self, _file: &str) -> bool {
        true
    }
    /// How many devices each one has who is rung by this name, in order; `None`: not known here.
    fn devices(&self, _account: &str, _rung: Rung<'_>) -> Option<Vec<u32>> {
        None
    }
    /// The numbers whose calls or texts may come to this flow.
    fn lines(&self, _account: &str, _flow: &str, _kind: Kind) -> Vec<FlowNumber> {
        Vec::new()
    }
    /// What people call the account.
    fn account_name(&self, _account: &str) -> Option<String> {
        None
    }
    /// What flows may ask of other systems; `None`: not known here.
    fn http(&self) -> Option<&HttpRules> {
        None
    }
}

/// A flow that leads to another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leading {
    /// Its key.
    pub flow: String,
    /// What it decides.
    pub kind: Kind,
    /// The values that it gives.
    pub gives: Vec<String>,
}

/// Who is rung.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rung<'k> {
    /// The group with this key.
    Group(&'k str),
    /// The user with this key.
    User(&'k str),
}

/// A number that brings calls or texts to a flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlowNumber {
    /// As carriers write it.
    pub address: String,
    /// It takes texts.
    pub sms: bool,
    /// It takes calls.
    pub voice: bool,
    /// What its carrier can do; `None`: not known here.
    pub carrier: Option<Capabilities>,
}

/// Nothing is known, so every name is good.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoNames;

impl Names for NoNames {}

/// Only what columns the contacts of accounts have, and of which kinds, is known.
#[derive(Debug, Clone, Copy)]
pub struct ColumnNames<'a>(pub &'a Directory);

impl Names for ColumnNames<'_> {
    fn columns(&self, account: &str) -> Option<Vec<(String, ColumnType)>> {
        columns(self.0, account)
    }
}

/// A flow that exists: its account's key, its own key, and what it decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlowName {
    /// Its account's key.
    pub account: String,
    /// Its key.
    pub flow: String,
    /// What it decides.
    pub kind: Kind,
    /// What it takes from a flow that calls it.
    pub with: Vec<String>,
    /// The flows of its account that it leads to, once it is published, each with the values that it gives; those of a
    /// file are judged in the file.
    pub leads: Vec<(String, Vec<String>)>,
    /// Where its key is written.
    pub(crate) at: At,
}

/// The head of a flow file, when it can be read: for the list of flows that there are. What is wrong in the
/// file is for [`super::check`] to tell.
pub fn name_of(source: &str) -> Option<FlowName> {
    let tree = yaml::read("", source).ok()?;
    let Value::Map(pairs) = &tree.value else {
        return None;
    };
    let head = |wanted: &str| {
        let (_, node) = pairs.iter().find(|(key, _)| key.text == wanted)?;
        match &node.value {
            Value::Scalar { text, .. } => Some((text.clone(), node.at.clone())),
            _ => None,
        }
    };
    let kind = match head("on")?.0.as_str() {
        "call" => Kind::Call,
        "sms" => Kind::Sms,
        _ => return None,
    };
    let with = pairs.iter().find(|(key, _)| key.text == "with");
    let with = match with.map(|(_, node)| &node.value) {
        Some(Value::Map(taken)) => taken.iter().map(|(key, _)| key.text.clone()).collect(),
        _ => Vec::new(),
    };
    let (flow, at) = head("flow")?;
    Some(FlowName {
        account: head("account")?.0,
        flow,
        kind,
        with,
        leads: Vec::new(),
        at,
    })
}

/// The same of a flow that is published, with the flows that it leads to.
fn published_name_of(source: &str) -> Option<FlowName> {
    let read = read_published(source, &NoNames).ok();
    let leads = read.iter().flat_map(Flow::gives);
    Some(FlowName {
        leads: leads.collect(),
        ..name_of(source)?
    })
}

/// The flows that there are: those of these files, and those that are published beside them.
pub fn known<'t>(
    files: impl IntoIterator<Item = &'t str>,
    published: impl IntoIterator<Item = &'t str>,
) -> Vec<FlowName> {
    let mut places = BTreeSet::new();
    // Of several with one name, which is a fault, the first one stands for all.
    let mut known: Vec<FlowName> = files
        .into_iter()
        .filter_map(name_of)
        .filter(|name| places.insert(name.place()))
        .collect();
    let published = published.into_iter().filter_map(published_name_of);
    known.extend(published.filter(|name| places.insert(name.place())));
    known
}

impl FlowName {
    /// By which it is found: its account and its key.
    pub(crate) fn place(&self) -> (String, String) {
        (self.account.clone(), self.flow.clone())
    }
}

/// The names of an organisation.
pub struct DirectoryNames<'a> {
    directory: &'a Directory,
    flows: Vec<FlowName>,
    carriers: BTreeMap<String, Capabilities>,
    http: Option<HttpRules>,
    sounds: Option<BTreeSet<String>>,
}

impl<'a> DirectoryNames<'a> {
    /// What there is in `directory`, and these flows; without any, flows count as not known.
    pub fn new(directory: &'a Directory, flows: Vec<FlowName>) -> Self {
        Self {
            directory,
            flows,
            carriers: BTreeMap::new(),
            http: None,
            sounds: None,
        }
    }

    /// With what the carriers of the connections, by key, can do.
    #[must_use]
    pub fn with_carriers(mut self, carriers: BTreeMap<String, Capabilities>) -> Self {
        self.carriers = carriers;
        self
    }

    /// With what the configuration lets flows ask of other systems.
    #[must_use]
    pub fn with_http(mut self, rules: HttpRules) -> Self {
        self.http = Some(rules);
        self
    }

    /// With the names of the sound files that flows can play.
    #[must_use]
    pub fn with_sounds(mut self, names: BTreeSet<String>) -> Self {
        self.sounds = Some(names);
        self
    }

    /// Whether calls or texts on a number may come to a flow of this account.
    fn leads_to(&self, number: &Number, account: &Account, flow: &str, kind: Kind) -> bool {
        let of_number = account.number(number.id);
        let flow = Some(flow);
        match kind {
            Kind::Call => {
                number.calls == account.id
                    && of_number.is_some_and(|used| used.call_flow.as_deref() == flow)
            }
            Kind::Sms => {
                let keywords = self.directory.keywords(number.id).iter();
                let mut own = keywords.filter(|keyword| keyword.account == account.id);
                let by_number = number.manage_unmatched == account.id
                    && of_number.is_some_and(|used| used.text_flow.as_deref() == flow);
                by_number
                    || own.any(|keyword| {
                        keyword.flow.as_deref() == flow
                            || keyword.sub.iter().any(|sub| sub.flow.as_deref() == flow)
                    })
            }
        }
    }
}

fn columns(directory: &Directory, account: &str) -> Option<Vec<(String, ColumnType)>> {
    let columns = directory.account_by_key(account)?.columns.iter();
    Some(columns.map(|(key, kind)| (key.clone(), *kind)).collect())
}

impl Names for DirectoryNames<'_> {
    fn accounts(&self) -> Option<Vec<String>> {
        let accounts = self.directory.accounts();
        Some(accounts.map(|account| account.key.clone()).collect())
    }

    fn groups(&self, account: &str) -> Option<Vec<String>> {
        let account = self.directory.account_by_key(account)?;
        let keys = account.groups.iter().map(|group| group.key.clone());
        Some(keys.collect())
    }

    fn users(&self, account: &str) -> Option<Vec<String>> {
        let account = self.directory.account_by_key(account)?;
        let users = account
            .members
            .iter()
            .filter_map(|member| self.directory.user(member.user));
        let active = users.filter(|user| user.active);
        Some(active.map(|user| user.key.clone()).collect())
    }

    fn calendars(&self, account: &str) -> Option<Vec<String>> {
        let account = self.directory.account_by_key(account)?;
        Some(account.calendars.keys().cloned().collect())
    }

    fn programs(&self, account: &str) -> Option<Vec<String>> {
        let account = self.directory.account_by_key(account)?;
        let keys = account.programs.iter().map(|program| program.key.clone());
        Some(keys.collect())
    }

    fn caseloads(&self, account: &str) -> Option<Vec<String>> {
        let account = self.directory.account_by_key(account)?;
        Some(account.caseloads().map(|one| one.key.clone()).collect())
    }

    fn columns(&self, account: &str) -> Option<Vec<(String, ColumnType)>> {
        columns(self.directory, account)
    }

    fn leading_to(&self, account: &str, flow: &str) -> Vec<Leading> {
        let others = self.flows.iter();
        let others = others.filter(|one| one.account == account && one.flow != flow);
        let leading = others.flat_map(|one| {
            let here = one.leads.iter().filter(|(to, _)| to == flow);
            here.map(|(_, gives)| Leading {
                flow: one.flow.clone(),
                kind: one.kind,
                gives: gives.clone(),
            })
        });
        leading.collect()
    }

    fn taken_by(&self, account: &str, flow: &str) -> Option<Vec<String>> {
        let mut flows = self.flows.iter();
        let called = flows.find(|one| one.account == account && one.flow == flow);
        called.map(|one| one.with.clone())
    }

    fn flows(&self, account: &str) -> Option<Vec<(String, Kind)>> {
        if self.flows.is_empty() {
            return None;
        }
        let of_account = self.flows.iter().filter(|flow| flow.account == account);
        Some(
            of_account
                .map(|flow| (flow.flow.clone(), flow.kind))
                .collect(),
        )
    }

    fn group_is_empty(&self, account: &str, group: &str) -> bool {
        let account = self.directory.account_by_key(account);
        let group = account.and_then(|account| account.group(group));
        group.is_some_and(|group| self.directory.active_members(group).next().is_none())
    }

    fn numbers(&self, _: &str) -> Option<Vec<String>> {
        let numbers = self.directory.numbers();
        let mut numbers: Vec<String> = numbers.map(|number| number.address.clone()).collect();
        // Of two that are as near, the same is always the nearest.
        numbers.sort();
        Some(numbers)
    }

    fn has_left(&self, account: &str, user: &str) -> bool {
        let found = self.directory.user_by_key(user);
        let account = self.directory.account_by_key(account);
        let (Some(user), Some(account)) = (found, account) else {
            return false;
        };
        let is_member = account.members.iter().any(|member| member.user == user.id);
        is_member && !user.active
    }

    fn devices(&self, account: &str, rung: Rung<'_>) -> Option<Vec<u32>> {
        let count = |user: &User| u32::try_from(user.devices.len()).unwrap_or(u32::MAX);
        match rung {
            Rung::User(key) => self
                .directory
                .user_by_key(key)
                .map(|user| vec![count(user)]),
            Rung::Group(key) => {
                let group = self.directory.account_by_key(account)?.group(key)?;
                Some(self.directory.active_members(group).map(count).collect())
            }
        }
    }

    fn lines(&self, account: &str, flow: &str, kind: Kind) -> Vec<FlowNumber> {
        let Some(account) = self.directory.account_by_key(account) else {
            return Vec::new();
        };
        let numbers = self.directory.numbers();
        let mut found: Vec<FlowNumber> = numbers
            .filter(|number| number.active && self.leads_to(number, account, flow, kind))
            .map(|number| FlowNumber {
                address: number.address.clone(),
                sms: number.sms,
                voice: number.voice,
                carrier: self.carriers.get(&number.connection).copied(),
            })
            .collect();
        found.sort_by(|a, b| a.address.cmp(&b.address));
        found
    }

    fn account_name(&self, account: &str) -> Option<String> {
        let account = self.directory.account_by_key(account)?;
        Some(account.name.clone())
    }

    fn http(&self) -> Option<&HttpRules> {
        self.http.as_ref()
    }

    fn has_sound(&self, file: &str) -> bool {
        let sounds = self.sounds.as_ref();
        sounds.is_none_or(|sounds| sounds.contains(file))
    }
}
