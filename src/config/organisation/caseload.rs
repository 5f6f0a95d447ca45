//! Caseloads: those that programs declare, and who is in them.

use super::draft::{Draft, plain, set, unique};
use super::file::{AccountPart, CaseloadPart};
use super::node::Text;
use crate::model::account::Account;
use crate::model::people::Caseload;

/// Caseloads of an account.
const CASELOADS_MAX: usize = 200;

impl Draft<'_> {
    /// Comes after the programs, which declare them.
    pub(super) fn fill_caseloads(&mut self, place: usize, part: &AccountPart) {
        let all = part.programs.iter().flat_map(|program| &program.caseloads);
        unique(self.found, "caseload", all.map(|caseload| &caseload.key));
        for program in &part.programs {
            for caseload in &program.caseloads {
                self.fill_caseload(place, &program.key, caseload);
            }
        }
    }

    /// A key is one caseload's in the whole account, as flows and contacts name it without its program.
    fn fill_caseload(&mut self, place: usize, program: &Text, part: &CaseloadPart) {
        let account = &mut self.rows.accounts[place];
        let count = account.caseloads().count();
        let key = &part.key.value;
        let has = |known: &&Caseload| known.key == *key;
        let elsewhere = account.programs.iter().find(|other| {
            other.key != program.value && other.caseloads.iter().any(|one| has(&one))
        });
        if let Some(other) = elsewhere {
            let words = format!("the caseload \"{key}\" is one of program \"{}\"", other.key);
            let help = "a key is one caseload's in the whole account: choose another".to_owned();
            return self.found.wrong(&part.key.at, words, Some(help));
        }
        let programs = &mut account.programs;
        let Some(program) = programs.iter_mut().find(|one| one.key == program.value) else {
            return;
        };
        let known = program.caseloads.iter().position(|one| has(&one));
        if known.is_none() && count >= CASELOADS_MAX {
            let words = format!(
                "\"{key}\" is one caseload too many; an account has at most {CASELOADS_MAX}"
            );
            return self.found.wrong(&part.key.at, words, None);
        }
        let caseload = match known {
            Some(at) => &mut program.caseloads[at],
            None => program.caseloads.push_mut(Caseload {
                key: key.clone(),
                name: key.clone(),
            }),
        };
        set(&mut caseload.name, plain(&part.name));
    }

    /// The caseloads of the account that the file names in a list.
    pub(super) fn caseloads_named(&self, account: &Account, names: &[Text]) -> Vec<String> {
        unique(self.found, "caseload", names.iter());
        let known: Vec<&str> = account.caseloads().map(|one| one.key.as_str()).collect();
        let known = known.iter().map(|key| (*key, *key));
        let found = names
            .iter()
            .filter_map(|name| self.find("caseload", name, known.clone()));
        found.map(str::to_owned).collect()
    }
}
