//! Threads as the last turns left them, so that the next text of the same person needs no reading.
//!
//! Only SQLite has such a memory, because only there this process is the one that takes events; see [`super::seen`]. It
//! is part of the writer: what a turn has loaded and changed is put in with its commit, and taken out by the next turn
//! that wants it, so that a turn that fails leaves nothing wrong behind. Whoever else writes to what threads are made of
//! (an import, another process) empties it. Builds with debug assertions read the thread all the same and compare.

use hashlink::LruCache;

use crate::model::turn::{State, Thread, Turn, Write};
use crate::model::{NumberId, Party};

/// Parties at most; those longest not heard of go first. About 150 MB when it is full.
const PARTIES_MAX: usize = 131_072;
/// Numbers of ours that one party's threads are remembered of.
const NUMBERS_MAX: usize = 8;

/// Tables that threads are made of. Of texts a thread knows only when they were made, which never changes.
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
    !HARMLESS.iter().any(|harmless| sql.contains(harmless))
        && TABLES.iter().any(|table| writes(&table))
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
    forgotten: Vec<Party>,
}

impl Left {
    /// Takes the threads out of what a batch has loaded and changed.
    ///
    /// Contacts and consent concern a party on all numbers, and perhaps in ways that only the store can tell: whoever
    /// has new ones is read anew. So is whoever has something new that was not loaded.
    pub(super) fn by<'t>(state: &mut State, turns: impl Iterator<Item = &'t Turn>) -> Self {
        let mut forgotten: Vec<Party> = Vec::new();
        for write in turns.flat_map(|turn| &turn.writes) {
            let (number, party) = match write {
                Write::Contact(row) => {
                    forgotten.extend(row.phones.iter().map(|phone| phone.phone.clone()));
                    continue;
                }
                Write::Consent(row) => {
                    forgotten.push(row.party.clone());
                    continue;
                }
                Write::Message(row) => (row.number, &row.party),
                Write::Conversation(row) => (row.number, &row.party),
                Write::Run(row) if row.call.is_none() => (row.number, &row.party),
                _ => continue,
            };
            if !state.threads.contains_key(&(number, party.clone())) {
                forgotten.push(party.clone());
            }
        }
        Self {
            threads: state.threads.drain().collect(),
            forgotten,
        }
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
        for ((number, party), thread) in left.threads {
            match self.parties.get_mut(&party) {
                Some(threads) if threads.len() < NUMBERS_MAX => threads.push((number, thread)),
                Some(threads) => threads.clear(),
                None => {
                    self.parties.insert(party, vec![(number, thread)]);
                }
            }
        }
        for party in &left.forgotten {
            self.parties.remove(party);
        }
    }

    pub(super) fn clear(&mut self) {
        self.parties.clear();
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
