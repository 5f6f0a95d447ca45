//! The organisation's file: read, checked against what is already there, and turned into changes.
//!
//! Reading never stops at the first mistake: the tree of the file is walked whole (`file`, `form`), laid over
//! a copy of what the store has (`draft` and the files beside it), and the copy is compared with the original
//! (`change`). What the file leaves out is thereby untouched, and a file that was applied changes nothing.

use super::problem::{Problem, Problems};
use super::tree;
use crate::model::directory::Directory;
use crate::model::organisation::{CostCentre, OrgChange};
use crate::model::people::Contact;
use crate::model::{Ids, Timestamp};

mod account;
mod caseload;
mod change;
mod contact;
mod draft;
mod file;
mod form;
mod keyword;
mod node;
mod number;
#[cfg(test)]
mod tests;

use draft::Draft;
use node::Findings;

/// An organisation's file, read. What is wrong with its form is kept and told with everything else by
/// [`OrganisationFile::changes`], so that one run shows all mistakes.
#[derive(Debug, Clone)]
pub struct OrganisationFile {
    file: String,
    source: String,
    parts: file::Parts,
    problems: Vec<Problem>,
}

/// What is there before a file is applied, and what its names may mean beside that.
#[derive(Debug, Clone, Copy)]
pub struct Existing<'a> {
    /// The store's snapshot.
    pub directory: &'a Directory,
    /// The store's cost centres.
    pub cost_centres: &'a [CostCentre],
    /// Contacts with a phone of [`OrganisationFile::phones`], or more.
    pub contacts: &'a [Contact],
    /// The flows there are; `None`: flows are not known here and every name is taken as good.
    pub flows: Option<&'a [FlowRef]>,
    /// The keys of the connections; `None` as for flows.
    pub connections: Option<&'a [String]>,
}

impl<'a> Existing<'a> {
    /// Nothing but a snapshot: flows and connections are taken as good.
    pub fn of(directory: &'a Directory) -> Self {
        Self {
            directory,
            cost_centres: &[],
            contacts: &[],
            flows: None,
            connections: None,
        }
    }
}

/// A flow that a file may name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlowRef {
    /// Its account's key.
    pub account: String,
    /// Its key.
    pub key: String,
    /// Whether it is for calls; else for texts.
    pub call: bool,
}

impl OrganisationFile {
    /// Reads a file's text; `file` is its name as the user gave it, for what is shown. Never fails: mistakes
    /// come with the changes.
    pub fn read(file: &str, source: impl Into<String>) -> Self {
        let (file, source) = (file.to_owned(), source.into());
        let (parts, problems) = match tree::parse(&source) {
            Ok(root) => {
                let found = Findings::new(&source);
                let parts = file::read(&root, &found);
                (parts, found.list.into_inner())
            }
            Err((at, words)) => {
                let (key, help) = (String::new(), None);
                let at = Some(at);
                (
                    file::Parts::default(),
                    vec![Problem {
                        at,
                        key,
                        words,
                        help,
                    }],
                )
            }
        };
        Self {
            file,
            source,
            parts,
            problems,
        }
    }

    /// The phones of the file's contacts with their accounts' keys: which contacts [`Existing::contacts`] must have.
    pub fn phones(&self) -> Vec<(&str, crate::model::Phone)> {
        let accounts = self.parts.accounts.iter();
        let of_account = |account: &'_ file::AccountPart| -> Vec<crate::model::Phone> {
            let phones = account.contacts.iter().flat_map(|contact| &contact.phones);
            phones.map(|phone| phone.phone.value).collect()
        };
        accounts
            .flat_map(|account| {
                let phones = of_account(account).into_iter();
                phones.map(|phone| (account.key.value.as_str(), phone))
            })
            .collect()
    }

    /// What would change, in an order in which it can be saved; empty when the file was applied before. New
    /// rows get ids of `ids`; new contacts are known since `now`. Fails with every mistake of the file.
    pub fn changes(
        &self,
        existing: &Existing<'_>,
        ids: &mut Ids,
        now: Timestamp,
    ) -> Result<Vec<OrgChange>, Problems> {
        let draft = self.draft(existing, ids, now)?;
        Ok(change::changes(existing, &draft))
    }

    /// The organisation of the file alone, for checking flows without a store.
    pub fn directory(&self, ids: &mut Ids, now: Timestamp) -> Result<Directory, Problems> {
        self.whole(ids, now).map(|(directory, _)| directory)
    }

    /// The organisation of the file alone with its contacts, for tests and simulations.
    ///
    /// # Errors
    /// Every mistake of the file.
    pub fn whole(
        &self,
        ids: &mut Ids,
        now: Timestamp,
    ) -> Result<(Directory, Vec<Contact>), Problems> {
        let nothing = Directory::default();
        let rows = self.draft(&Existing::of(&nothing), ids, now)?;
        let directory = Directory::new(1, rows.accounts, rows.users, rows.numbers, rows.keywords);
        Ok((directory, rows.contacts))
    }

    fn draft(
        &self,
        existing: &Existing<'_>,
        ids: &mut Ids,
        now: Timestamp,
    ) -> Result<draft::Rows, Problems> {
        let found = Findings::new(&self.source);
        found
            .list
            .borrow_mut()
            .extend(self.problems.iter().cloned());
        let rows = Draft::new(existing, &found, ids, now).fill(&self.parts);
        let mut list = found.list.into_inner();
        if list.is_empty() {
            return Ok(rows);
        }
        list.sort_by_key(|problem| problem.at.as_ref().map(|at| at.start));
        let (file, source) = (self.file.clone(), self.source.clone());
        Err(Problems { file, list, source })
    }
}
