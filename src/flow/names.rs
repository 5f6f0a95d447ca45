//! What the names in a flow resolve against.

use super::Kind;
use super::yaml::{self, Value};
use crate::model::account::ColumnType;
use crate::model::directory::Directory;

/// What exists, by key. A list of `None` means "not known here": every name of that kind is taken as good.
pub trait Names {
    /// The accounts.
    fn accounts(&self) -> Option<Vec<String>>;
    /// The groups of an account.
    fn groups(&self, account: &str) -> Option<Vec<String>>;
    /// The active users of an account.
    fn users(&self, account: &str) -> Option<Vec<String>>;
    /// The calendars of an account.
    fn calendars(&self, account: &str) -> Option<Vec<String>>;
    /// The programs of an account.
    fn programs(&self, account: &str) -> Option<Vec<String>>;
    /// The columns of an account's contacts.
    fn columns(&self, account: &str) -> Option<Vec<(String, ColumnType)>>;
    /// The flows of an account.
    fn flows(&self, account: &str) -> Option<Vec<(String, Kind)>>;
    /// Whether nobody active is in this group.
    fn group_is_empty(&self, account: &str, group: &str) -> bool;
    /// Our numbers, those of other accounts included.
    fn numbers(&self, _account: &str) -> Option<Vec<String>> {
        None
    }
}

/// Nothing is known, so every name is good.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoNames;

impl Names for NoNames {
    fn accounts(&self) -> Option<Vec<String>> {
        None
    }
    fn groups(&self, _: &str) -> Option<Vec<String>> {
        None
    }
    fn users(&self, _: &str) -> Option<Vec<String>> {
        None
    }
    fn calendars(&self, _: &str) -> Option<Vec<String>> {
        None
    }
    fn programs(&self, _: &str) -> Option<Vec<String>> {
        None
    }
    fn columns(&self, _: &str) -> Option<Vec<(String, ColumnType)>> {
        None
    }
    fn flows(&self, _: &str) -> Option<Vec<(String, Kind)>> {
        None
    }
    fn group_is_empty(&self, _: &str, _: &str) -> bool {
        false
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
            Value::Scalar { text, .. } => Some(text.clone()),
            _ => None,
        }
    };
    let kind = match head("on")?.as_str() {
        "call" => Kind::Call,
        "sms" => Kind::Sms,
        _ => return None,
    };
    Some(FlowName {
        account: head("account")?,
        flow: head("flow")?,
        kind,
    })
}

/// The names of an organisation.
pub struct DirectoryNames<'a> {
    directory: &'a Directory,
    flows: Vec<FlowName>,
}

impl<'a> DirectoryNames<'a> {
    /// What there is in `directory`, and these flows; without any, flows count as not known.
    pub fn new(directory: &'a Directory, flows: Vec<FlowName>) -> Self {
        Self { directory, flows }
    }
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

    fn columns(&self, account: &str) -> Option<Vec<(String, ColumnType)>> {
        let account = self.directory.account_by_key(account)?;
        let columns = account.columns.iter();
        Some(columns.map(|(key, kind)| (key.clone(), *kind)).collect())
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
        Some(numbers.map(|number| number.address.clone()).collect())
    }
}
