//! What only shows over a whole organisation and all its flows: numbers that lead nowhere, groups that nobody is in,
//! calendars that end, and words that several accounts claim.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::flow::fault::{Fault, suggest};
use crate::flow::reader::at_byte;
use crate::flow::yaml::At;
use crate::flow::{FlowName, Kind};
use crate::model::Timestamp;
use crate::model::account::{Account, AccountNumber, Keyword, Matching, Number};
use crate::model::consent::reserved_words;
use crate::model::directory::Directory;

/// From this month on next year's holidays are missed.
const HOLIDAYS_FROM_MONTH: i8 = 10;

/// An organisation that is looked at, and where it is written.
#[derive(Debug, Clone, Copy)]
pub struct Organisation<'a> {
    /// The organisation.
    pub directory: &'a Directory,
    /// All its flows; `None`: not known here, and every name of one is taken as good.
    pub flows: Option<&'a [FlowName]>,
    /// Its file, or what else people know it by.
    pub file: &'a str,
    /// The file's text; empty when it is in a store.
    pub source: &'a str,
    /// The moment from which next year is counted.
    pub now: Timestamp,
    /// Groups, with their account's key before them, of which the flows that name them tell that nobody is in them.
    pub told_empty: &'a BTreeSet<(String, String)>,
}

/// Finds every fault and warning in an organisation, in the order of its file.
pub fn judge(organisation: &Organisation<'_>) -> Vec<Fault> {
    let mut judging = Judging {
        organisation,
        faults: Vec::new(),
    };
    let mut accounts: Vec<&Account> = organisation.directory.accounts().collect();
    accounts.sort_by(|a, b| a.key.cmp(&b.key));
    let mut numbers: Vec<&Number> = organisation.directory.numbers().collect();
    numbers.sort_by(|a, b| a.address.cmp(&b.address));
    for account in accounts {
        judging.account(account);
    }
    for number in numbers {
        judging.number(number);
        judging.keywords(number);
    }
    let mut faults = judging.faults;
    faults.sort_by_key(|fault| (fault.span.start, fault.line, fault.column));
    faults.dedup();
    faults
}

struct Judging<'a> {
    organisation: &'a Organisation<'a>,
    faults: Vec<Fault>,
}

impl Judging<'_> {
    fn fault(&mut self, at: &At, code: &'static str, message: String, help: &str) {
        let fault = Fault::new(self.organisation.file, at, code, message);
        self.faults.push(fault.with_help(help));
    }

    fn warn(&mut self, at: &At, code: &'static str, message: String, help: &str) {
        let fault = Fault::new(self.organisation.file, at, code, message);
        self.faults.push(fault.with_help(help).warning());
    }

    /// Where the words first stand, one behind the other; the top of the file when they do not.
    fn at(&self, words: &[&str]) -> At {
        let source = self.organisation.source;
        let mut found = None;
        let mut from = 0;
        for word in words {
            match find_word(source, word, from) {
                Some(at) => {
                    found = Some(at..at + word.len());
                    from = at + word.len();
                }
                None => break,
            }
        }
        found.map_or_else(At::default, |span| at_byte(source, span))
    }

    /// Where the word of a keyword stands in its entry.
    fn keyword(&self, account: &str, number: &Number, keyword: &Keyword) -> At {
        let found = self.within(self.entry(account, number, keyword), &keyword.word);
        found.unwrap_or_else(|| self.at(&["accounts", account, "keywords", &keyword.word]))
    }

    /// The entry of a keyword in the list of its account: the first that has both its number and its word.
    fn entry(&self, account: &str, number: &Number, keyword: &Keyword) -> Range<usize> {
        let source = self.organisation.source;
        let mut from = self.at(&["accounts", account, "keywords"]).span.end;
        while let Some(at) = find_word(source, &keyword.word, from) {
            let entry = entry_around(source, at);
            if self.within(entry.clone(), &number.address).is_some() {
                return entry;
            }
            from = at + keyword.word.len();
        }
        0..0
    }

    /// Where a word stands in a part of the file.
    fn within(&self, part: Range<usize>, word: &str) -> Option<At> {
        let source = self.organisation.source;
        let at = find_word(source, word, part.start).filter(|at| at + word.len() <= part.end)?;
        Some(at_byte(source, at..at + word.len()))
    }

    fn account(&mut self, account: &Account) {
        let directory = self.organisation.directory;
        for group in &account.groups {
            let (key, owner) = (&group.key, &account.key);
            let told = &self.organisation.told_empty;
            let is_told = told.contains(&(owner.clone(), key.clone()));
            if !is_told && directory.active_members(group).next().is_none() {
                let at = self.at(&["accounts", owner, "groups", key]);
                let message = format!("nobody active is in the group `{key}` of account `{owner}`");
                let help = "texts and voicemails go to the number's own route instead; a dial finds nobody";
                self.warn(&at, "empty-group", message, help);
            }
        }
        let year = |calendar: &crate::model::calendar::Calendar| {
            let now = calendar.zone().to_datetime(self.organisation.now.to_jiff());
            (now.year() + 1, now.month() >= HOLIDAYS_FROM_MONTH)
        };
        for (key, calendar) in &account.calendars {
            let (next, soon) = year(calendar);
            let ends = calendar.has_holidays() && !calendar.has_holidays_in(next);
            if ends && (soon || !calendar.has_holidays_in(next - 1)) {
                let owner = &account.key;
                let at = self.at(&["accounts", owner, "calendars", key]);
                let message =
                    format!("the calendar `{key}` of account `{owner}` has no holidays in {next}");
                let help =
                    format!("add the holidays of {next}; without them it is open on those days");
                self.warn(&at, "holidays", message, &help);
            }
        }
    }

    fn number(&mut self, number: &Number) {
        if !number.active {
            return;
        }
        let directory = self.organisation.directory;
        for (account, used) in directory.users_of(number.id) {
            self.used(number, account, used);
        }
        let flow_of = |account, call: bool| {
            let account = directory.account(account)?;
            let used = account.number(number.id)?;
            let flow = if call {
                &used.call_flow
            } else {
                &used.text_flow
            };
            flow.as_ref().map(|_| ())
        };
        let kinds = [
            (number.voice, number.calls, true, "calls", "call_flow"),
            (
                number.sms,
                number.manage_unmatched,
                false,
                "texts",
                "text_flow",
            ),
        ];
        for (able, owner, call, what, key) in kinds {
            if !able || flow_of(owner, call).is_some() {
                continue;
            }
            let address = &number.address;
            let owner = directory
                .account(owner)
                .map_or("", |account| account.key.as_str());
            let at = self.at(&["numbers", address]);
            let message =
                format!("no flow takes the {what} to {address}, which are account `{owner}`'s");
            let help = format!(
                "name one as `{key}` of the number in account `{owner}`; without it they go to its default route"
            );
            self.warn(&at, "number-without-flow", message, &help);
        }
    }

    /// How one account uses a number: its flows exist.
    fn used(&mut self, number: &Number, account: &Account, used: &AccountNumber) {
        let (address, owner) = (number.address.as_str(), account.key.as_str());
        for (flow, kind) in [(&used.call_flow, Kind::Call), (&used.text_flow, Kind::Sms)] {
            if let Some(flow) = flow {
                let at = self.at(&["accounts", owner, address, flow]);
                self.exists(&at, account, flow, kind, &format!("the number {address}"));
            }
        }
    }

    /// A flow that something in the organisation names.
    fn exists(&mut self, at: &At, account: &Account, flow: &str, kind: Kind, by: &str) {
        let Some(flows) = self.organisation.flows else {
            return;
        };
        let own: Vec<&FlowName> = flows
            .iter()
            .filter(|have| have.account == account.key)
            .collect();
        match own.iter().find(|have| have.flow == flow) {
            Some(found) if found.kind == kind => {}
            Some(found) => {
                let message = format!(
                    "{by} leads to `{flow}`, which is a flow on {}",
                    found.kind.as_str()
                );
                let help = format!("name a flow on {}", kind.as_str());
                self.fault(at, "wrong-kind", message, &help);
            }
            None => {
                let message = format!(
                    "{by} leads to `{flow}`, and account `{}` has no such flow",
                    account.key
                );
                let help = suggest(flow, own.iter().map(|have| have.flow.as_str()));
                self.fault(at, "unknown-flow", message, &help);
            }
        }
    }

    fn keywords(&mut self, number: &Number) {
        let directory = self.organisation.directory;
        let keywords = directory.keywords(number.id);
        for keyword in keywords {
            let Some(account) = directory.account(keyword.account) else {
                continue;
            };
            let entry = self.entry(&account.key, number, keyword);
            let at = self.keyword(&account.key, number, keyword);
            let by = format!("the keyword `{}`", keyword.word);
            let subs = keyword.sub.iter().filter_map(|sub| sub.flow.as_ref());
            for flow in keyword.flow.iter().chain(subs) {
                let place = self.within(entry.clone(), flow);
                self.exists(place.as_ref().unwrap_or(&at), account, flow, Kind::Sms, &by);
            }
            let mut words = keyword.folded.iter();
            if let Some((word, does)) = words.find_map(|word| Some((word, reserved_words(word)?))) {
                let message = format!("`{word}` {does}, and never reaches a flow");
                self.fault(&at, "compliance-word", message, "choose another word");
            }
        }
        for (n, one) in keywords.iter().enumerate() {
            for other in &keywords[n + 1..] {
                self.clash(number, one, other);
            }
        }
    }

    /// Two keywords of one number.
    fn clash(&mut self, number: &Number, one: &Keyword, other: &Keyword) {
        let (a, b) = (one.phrases(), other.phrases());
        let owner = |keyword: &Keyword| {
            let account = self.organisation.directory.account(keyword.account);
            account
                .map_or("", |account| account.key.as_str())
                .to_owned()
        };
        let (first, second) = (owner(one), owner(other));
        if let Some(same) = a.iter().find(|phrase| b.contains(phrase)) {
            let at = self.keyword(&second, number, other);
            let message = format!(
                "accounts `{first}` and `{second}` both claim `{same}` on {}",
                number.address
            );
            let help = "one of them needs another word";
            return self.fault(&at, "keyword-clash", message, help);
        }
        if one.account == other.account {
            return;
        }
        for (short, long, loser, winner) in [
            (one, &b, &first, (&second, other)),
            (other, &a, &second, (&first, one)),
        ] {
            if short.matching == Matching::Whole {
                continue;
            }
            let taken = short.folded.iter().find_map(|word| {
                let begins = |phrase: &&String| {
                    phrase
                        .strip_prefix(word.as_str())
                        .is_some_and(|rest| rest.starts_with(' '))
                };
                long.iter().find(begins).map(|phrase| (word, phrase))
            });
            let Some((word, phrase)) = taken else {
                continue;
            };
            let (account, keyword) = winner;
            let at = self.keyword(account, number, keyword);
            let message = format!(
                "texts to {} that begin with `{phrase}` go to account `{account}`, though `{word}` is account `{loser}`'s",
                number.address
            );
            let help =
                "the longer word wins; where that is not meant, one of them needs another word";
            self.warn(&at, "keyword-shadow", message, help);
        }
    }
}

/// The entry of a list that a byte is in: from the line that begins with `-` to the next such line.
fn entry_around(source: &str, at: usize) -> Range<usize> {
    let is_entry = |begins: usize| source[begins..].trim_start_matches(' ').starts_with("- ");
    let line_of = |at: usize| source[..at].rfind('\n').map_or(0, |end| end + 1);
    let mut begins = line_of(at);
    while begins > 0 && !is_entry(begins) {
        begins = line_of(begins - 1);
    }
    let ends = source[at..]
        .match_indices('\n')
        .map(|(end, _)| at + end + 1);
    let ends = ends.into_iter().find(|line| is_entry(*line));
    begins..ends.unwrap_or(source.len())
}

/// The first place from `from` on where the word stands alone.
fn find_word(source: &str, word: &str, from: usize) -> Option<usize> {
    let of_word = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
    let rest = source.get(from..)?;
    let mut found = rest.match_indices(word).map(|(at, _)| from + at);
    found.find(|at| {
        !word.is_empty()
            && !source[..*at].ends_with(of_word)
            && !source[at + word.len()..].starts_with(of_word)
    })
}
