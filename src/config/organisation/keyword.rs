//! Keywords: each word belongs to one account on a number, and none takes a wish to stop for something else.

use std::collections::{HashMap, HashSet};

use super::draft::{Draft, set};
use super::file::{AccountPart, FlowName, KeywordPart, SubPart};
use super::node::Text;
use crate::model::account::{Account, Keyword, Matching, SubKeyword};
use crate::model::consent::is_reserved_word;
use crate::model::text::fold_keyword;
use crate::model::{AccountId, NumberId};

/// A keyword's words and aliases, and the same of a sub-keyword.
const WORDS_MAX: usize = 50;
/// Letters of a word; a text's first part has 160.
const WORD_CHARS_MAX: usize = 40;

/// A word that the file claims on a number for an account.
#[derive(Debug, Clone)]
pub(super) struct Claim {
    number: NumberId,
    account: AccountId,
    /// The keyword's own word, folded: what tells it from others.
    keyword: String,
    folded: String,
    word: Text,
}

impl Draft<'_> {
    pub(super) fn fill_keywords(&mut self, part: &AccountPart) {
        let key = &part.key.value;
        let Some(place) = self
            .rows
            .accounts
            .iter()
            .position(|account| account.key == *key)
        else {
            return;
        };
        for keyword in &part.keywords {
            self.fill_keyword(place, keyword);
        }
    }

    fn fill_keyword(&mut self, place: usize, part: &KeywordPart) {
        let account = self.rows.accounts[place].clone();
        self.check_flow(&account.key, &part.flow, false);
        let number = self.find_number(&part.number);
        let number = number.filter(|number| self.check_used(place, *number, &part.number));
        let program = part.program.as_ref();
        let program = program.and_then(|name| self.find_program(&account, name));
        let aliases = part.aliases.iter().flatten();
        let written: Vec<&Text> = std::iter::once(&part.word).chain(aliases).collect();
        let folded = self.fold(&written, None);
        let subs = part
            .sub
            .as_ref()
            .map(|subs| self.subs(&account, part, subs));
        let main = account.program("main").map(|main| main.id);
        let (Some(number), Some(own), Some(main)) = (number, folded.first().cloned(), main) else {
            return;
        };
        for (folded, word) in folded.iter().zip(&written) {
            self.claim(number, account.id, &own, folded, word);
        }
        let known = self.rows.keywords.iter().position(|row| {
            (row.number, row.account) == (number, account.id) && row.folded.first() == Some(&own)
        });
        let row = match known {
            Some(at) => &mut self.rows.keywords[at],
            None => self.rows.keywords.push_mut(Keyword {
                number,
                account: account.id,
                word: String::new(),
                folded: vec![own],
                matching: Matching::default(),
                program: main,
                flow: None,
                sub: Vec::new(),
            }),
        };
        row.word = part.word.value.clone();
        set(&mut row.folded, part.aliases.as_ref().map(|_| folded));
        set(&mut row.matching, part.matching);
        set(&mut row.program, program);
        set(&mut row.flow, flow(&part.flow));
        set(&mut row.sub, subs);
    }

    /// The words as they are compared. `after`: the keyword that they follow.
    fn fold(&self, written: &[&Text], after: Option<&Text>) -> Vec<String> {
        if let Some(past) = written.get(WORDS_MAX) {
            let words = format!("at most {WORDS_MAX} words may mean the same");
            self.found.wrong(&past.at, words, None);
        }
        let judged = written.iter().filter_map(|word| {
            let folded = fold_keyword(&word.value);
            let whole = match after {
                Some(after) => format!("{} {}", after.value, word.value),
                None => word.value.clone(),
            };
            self.judge_word(word, &folded, &whole).then_some(folded)
        });
        judged.collect()
    }

    fn judge_word(&self, word: &Text, folded: &str, whole: &str) -> bool {
        let words = if folded.is_empty() {
            format!(
                "\"{}\" has no letter or digit to be recognised by",
                word.value
            )
        } else if folded.chars().count() > WORD_CHARS_MAX {
            format!("a keyword has at most {WORD_CHARS_MAX} characters")
        } else if is_reserved_word(whole) {
            format!(
                "\"{whole}\" is a compliance word; it opts out, opts in or asks for help, and cannot be a keyword"
            )
        } else {
            return true;
        };
        self.found.wrong(&word.at, words, None);
        false
    }

    fn subs(&self, account: &Account, part: &KeywordPart, subs: &[SubPart]) -> Vec<SubKeyword> {
        let mut seen: Vec<(String, usize)> = Vec::new();
        let read = subs.iter().map(|sub| {
            self.check_flow(&account.key, &sub.flow, false);
            let written: Vec<&Text> = std::iter::once(&sub.word).chain(&sub.aliases).collect();
            let folded = self.fold(&written, Some(&part.word));
            for (folded, word) in folded.iter().zip(&written) {
                match seen.iter().find(|(earlier, _)| earlier == folded) {
                    Some((_, line)) => {
                        let words = format!(
                            "\"{}\" stands twice after {}, first on line {line}",
                            word.value, part.word.value
                        );
                        self.found.wrong(&word.at, words, None);
                    }
                    None => seen.push((folded.clone(), self.found.line(&word.at))),
                }
            }
            let program = sub.program.as_ref();
            SubKeyword {
                word: sub.word.value.clone(),
                folded,
                flow: sub.flow.as_ref().and_then(|flow| flow.value.clone()),
                program: program.and_then(|name| self.find_program(account, name)),
            }
        });
        read.collect()
    }

    /// Claims a word, unless the file gives it to somebody already.
    fn claim(
        &mut self,
        number: NumberId,
        account: AccountId,
        own: &str,
        folded: &str,
        word: &Text,
    ) {
        let same = |claim: &&Claim| claim.number == number && claim.folded == folded;
        match self.claims.iter().find(same) {
            Some(earlier) => {
                let line = format!("on line {}", self.found.line(&earlier.word.at));
                let owner = (earlier.account, earlier.word.value.as_str(), line.as_str());
                self.tell_clash(word, (number, account), owner);
                self.told.push((number, folded.to_owned()));
            }
            None => self.claims.push(Claim {
                number,
                account,
                keyword: own.to_owned(),
                folded: folded.to_owned(),
                word: word.clone(),
            }),
        }
    }

    /// Compares the file's claims with the words that keywords of the store keep.
    pub(super) fn check_claims(&self) {
        for claim in &self.claims {
            let told = (claim.number, claim.folded.clone());
            let others = self.rows.keywords.iter().filter(|row| {
                let own =
                    row.account == claim.account && row.folded.first() == Some(&claim.keyword);
                row.number == claim.number && !own
            });
            let mut taken = others.filter(|row| row.folded.contains(&claim.folded));
            if let Some(row) = taken.next().filter(|_| !self.told.contains(&told)) {
                let owner = (row.account, row.word.as_str(), "in the store");
                self.tell_clash(&claim.word, (claim.number, claim.account), owner);
            }
        }
        self.check_phrases();
    }

    /// A word of two may be one account's keyword, and another's keyword with a word that follows it. Within an account
    /// nobody loses a text by it, and `flow check` tells.
    fn check_phrases(&self) {
        let (mut owners, mut told) = (HashMap::new(), HashSet::new());
        for (place, row) in self.rows.keywords.iter().enumerate() {
            for phrase in row.phrases() {
                let first = *owners.entry((row.number, phrase.clone())).or_insert(place);
                let earlier = &self.rows.keywords[first];
                let is_word = row.folded.contains(&phrase) && earlier.folded.contains(&phrase);
                let is_anothers = earlier.account != row.account;
                if is_anothers && !is_word && told.insert((first, place)) {
                    self.tell_phrase(&phrase, earlier, row);
                }
            }
        }
    }

    /// Tells that keywords of two accounts claim the same words, at the one that the file claims last.
    fn tell_phrase(&self, phrase: &str, one: &Keyword, other: &Keyword) {
        let last_of = |row: &Keyword| {
            let of = |(_, claim): &(usize, &Claim)| {
                (claim.number, claim.account) == (row.number, row.account)
                    && row.folded.first() == Some(&claim.keyword)
            };
            let mut claims = self.claims.iter().enumerate().filter(of);
            let word = claims.clone().find(|(_, claim)| claim.folded == phrase);
            word.or_else(|| claims.next())
        };
        let (a, b) = (last_of(one), last_of(other));
        let is_first = a.map(|(place, _)| place) > b.map(|(place, _)| place);
        let (last, owner, earlier) = match is_first {
            true => (a, other, b),
            false => (b, one, a),
        };
        let Some((_, claim)) = last else { return };
        let place = earlier.map_or_else(
            || "in the store".to_owned(),
            |(_, claim)| format!("on line {}", self.found.line(&claim.word.at)),
        );
        let word = Text {
            value: phrase.to_uppercase(),
            ..claim.word.clone()
        };
        let owner = (owner.account, owner.word.as_str(), place.as_str());
        self.tell_clash(&word, (claim.number, claim.account), owner);
    }

    fn tell_clash(
        &self,
        word: &Text,
        (number, account): (NumberId, AccountId),
        (owner, owned, place): (AccountId, &str, &str),
    ) {
        let key = |id| {
            self.rows
                .account(id)
                .map_or("another account", |account| &account.key)
        };
        let address = self
            .rows
            .number(number)
            .map_or("this number", |number| &number.address);
        let words = if owner == account {
            format!(
                "\"{}\" stands twice on {address}; {owned} has it {place}",
                word.value
            )
        } else {
            format!(
                "\"{}\" on {address} cannot be account \"{}\"'s; account \"{}\" has it {place} ({owned})",
                word.value,
                key(account),
                key(owner),
            )
        };
        self.found.wrong(&word.at, words, None);
    }
}

fn flow(name: &Option<FlowName>) -> Option<Option<String>> {
    name.as_ref().map(|name| name.value.clone())
}
