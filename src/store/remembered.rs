//! Threads as the last turns left them, so that the next text of the same person needs no reading.
//!
//! Only SQLite has such a memory, because only there this process is the one that takes events; see [`super::seen`]. It
//! is part of the writer: what a turn has loaded and changed is put in with its commit, and taken out by the next turn
//! that wants it, so that a turn that fails leaves nothing wrong behind. Whoever else writes to what threads are made of
//! (an import, another process) empties it. Builds with debug assertions read the thread all the same and compare.

use std::collections::{HashMap, HashSet};

use hashlink::LruCache;

use crate::model::conversation::Conversation;
use crate::model::people::Contact;
use crate::model::turn::{State, Thread, Turn, Write};
use crate::model::{NumberId, Party};

/// Parties at most; those longest not heard of go first. About 170 MB when it is full of people who are answered now and
/// then. The latest automated texts of a conversation are 50 bytes each and 3 KB at most: were all of them at that limit at
/// once, it would be some 400 MB more.
const PARTIES_MAX: usize = 131_072;
/// Numbers of ours that one party's threads are remembered of.
const NUMBERS_MAX: usize = 8;

/// Tables that threads are made of. Of texts a thread knows only their ids and when automated ones were
/// made, which never changes.
const TABLES: [&str; 6] = [
    "conversation",
    "contact",
    "run",
    "consent",
    "account_number",
    "message",
];

/// Statements that change nothing of what a thread shows, though they write to its tables.
const HARMLESS: [&str; 3] = [
    "UPDATE message",
    "INSERT INTO message_media",
    "UPDATE run SET claimed_until",
];

/// Whether a statement changes what threads show.
pub(super) fn touches_threads(sql: &str) -> bool {
    let writes = |table: &&str| {
        ["INSERT INTO ", "UPDATE ", "DELETE FROM "]
            .iter()
            .any(|verb| sql.contains(&format!("{verb}{table}")))
    };
    !HARMLESS.iter().any(|harmless| sql.contains(harmless)) && TABLES.iter().any(writes)
}

/// The threads of one party, each on its number.
type Threads = Vec<(NumberId, Thread)>;

/// SQLite's memory of threads.
#[derive(Debug)]
pub(super) struct Remembered {
    parties: LruCache<Party, Threads>,
    /// What SQLite said of other writers when this was last right.
    version: i64,
}

impl Default for Remembered {
    fn default() -> Self {
        Self {
            parties: LruCache::new(PARTIES_MAX),
            version: 0,
        }
    }
}

/// What a turn leaves to be remembered once it is committed.
#[derive(Debug, Default)]
pub(super) struct Left {
    threads: Vec<((NumberId, Party), Thread)>,
    /// Parties of whom only these threads are remembered.
    forgotten: Vec<Party>,
}

impl Left {
    /// Takes the threads out of what a batch has loaded and changed.
    ///
    /// Contacts and consent concern a party on all numbers, and in ways that only the store can tell: whoever has new
    /// ones is read anew, save for a stranger's first contact. So is whoever has something new that was not loaded.
    pub(super) fn by<'t>(state: &mut State, turns: impl Iterator<Item = &'t Turn>) -> Self {
        let alone = Alone::of(state);
        let mut forgotten: Vec<Party> = Vec::new();
        let mut unsure: HashSet<&'t Party> = HashSet::new();
        for write in turns.flat_map(|turn| &turn.writes) {
            let (number, party) = match write {
                Write::Contact(row) => {
                    let phones = row.phones.iter().map(|phone| &phone.phone);
                    forgotten.extend(phones.clone().cloned());
                    unsure.extend(phones.filter(|party| !alone.is_first(row, party)));
                    continue;
                }
                Write::Consent(row) => {
                    unsure.insert(&row.party);
                    continue;
                }
                Write::Message(row) => (row.number, &row.party),
                Write::Conversation(row) => (row.number, &row.party),
                Write::Run(row) if row.call.is_none() => (row.number, &row.party),
                _ => continue,
            };
            if !state.threads.contains_key(&(number, party.clone())) {
                unsure.insert(party);
            }
        }
        forgotten.extend(unsure.iter().copied().cloned());
        let threads = state.threads.drain();
        Self {
            threads: threads
                .filter(|((_, party), _)| !unsure.contains(party))
                .collect(),
            forgotten,
        }
    }
}

/// Parties of whom one thread is loaded.
struct Alone<'s>(HashMap<&'s Party, Option<&'s Thread>>);

impl<'s> Alone<'s> {
    fn of(state: &'s State) -> Self {
        let mut parties = HashMap::with_capacity(state.threads.len());
        for ((_, party), thread) in &state.threads {
            let one = parties.entry(party).and_modify(|one| *one = None);
            one.or_insert(Some(thread));
        }
        Self(parties)
    }

    /// Whether this is the first contact with a party of whom nothing else is loaded, in an account that has a
    /// conversation with it there: then the account uses that number, and the contact belongs to the thread.
    fn is_first(&self, row: &Contact, party: &Party) -> bool {
        let Some(Some(thread)) = self.0.get(party) else {
            return false;
        };
        let of_account = |conversation: &Conversation| conversation.account == row.account;
        row.version == 1 && thread.conversations.iter().any(of_account)
    }
}

impl Remembered {
    /// Forgets everything when somebody else has written since; `version` is SQLite's word for that.
    pub(super) fn check(&mut self, version: i64) {
        if self.version != version {
            self.parties.clear();
            self.version = version;
        }
    }

    /// The thread, if it is remembered; it is not any more.
    pub(super) fn take(&mut self, number: NumberId, party: &Party) -> Option<Thread> {
        let threads = self.parties.get_mut(party)?;
        let place = threads.iter().position(|(of, _)| *of == number)?;
        Some(threads.swap_remove(place).1)
    }

    /// Remembers what a committed turn left.
    pub(super) fn put(&mut self, left: Left) {
        for party in &left.forgotten {
            self.parties.remove(party);
        }
        for ((number, party), thread) in left.threads {
            match self.parties.get_mut(&party) {
                Some(threads) if threads.len() < NUMBERS_MAX => threads.push((number, thread)),
                Some(threads) => threads.clear(),
                None => {
                    self.parties.insert(party, vec![(number, thread)]);
                }
            }
        }
    }

    pub(super) fn clear(&mut self) {
        self.parties.clear();
    }

    #[cfg(test)]
    pub(super) fn has(&self, number: NumberId, party: &Party) -> bool {
        let mut threads = self.parties.peek(party).into_iter().flatten();
        threads.any(|(of, _)| *of == number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_that_change_threads_are_known_by_their_tables() {
        for (sql, touches) in [
            ("INSERT INTO conversation (id) VALUES (?1)", true),
            ("UPDATE contact SET name = ?1", true),
            ("INSERT INTO contact_value (id) VALUES (?1)", true),
            ("INSERT INTO consent_now (party) VALUES (?1)", true),
            ("DELETE FROM message WHERE id = ?1", true),
            ("INSERT INTO account_number (id) VALUES (?1)", true),
            ("UPDATE run SET state = ?1", true),
            ("UPDATE run SET claimed_until = ?1 WHERE id = ?2", false),
            ("UPDATE message SET status = 'sent'", false),
            ("INSERT INTO message_media (id) VALUES (?1)", false),
            ("INSERT INTO event (id) VALUES (?1)", false),
            ("SELECT c.id FROM conversation c", false),
        ] {
            assert_eq!(touches_threads(sql), touches, "{sql}");
        }
    }
}
