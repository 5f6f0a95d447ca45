//! What is known of threads, and of the phones they are with.

use serde::Serialize;
use uuid::Uuid;

use crate::model::conversation::{Conversation, RunRow};
use crate::model::lately::{AUTOMATED_AMONG, LateText};
use crate::model::people::Contact;
use crate::model::turn::{AUTOMATED_WITHIN, Thread};
use crate::model::{Id, NumberId, Party, Timestamp};

use super::{Loaded, place, place_mut};
use crate::store::StoreError;
use crate::store::both::sql;
use crate::store::party::{self, What};
use crate::store::pools::{Tx, read};
use crate::store::tables::{CONSENT, CONTACT, CONVERSATION, RUN};
use crate::store::upkeep::first_id;

/// A number of ours and who is on the other side.
type Key = (NumberId, Party);
/// Threads with whose they are.
type Threads = Vec<(Key, Thread)>;

/// A thread asked for.
#[derive(Serialize)]
struct AskedThread<'a> {
    i: usize,
    id: NumberId,
    text: &'a str,
}

/// A conversation or contact of a thread, asked for by its id; `since` is the first id of texts that count as lately.
#[derive(Serialize, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct AskedById {
    i: usize,
    id: Uuid,
    number: Uuid,
    since: Uuid,
}

/// What threads are made of: found by their parties, still to be read.
#[derive(Default)]
struct Parts {
    conversations: Vec<AskedById>,
    contacts: Vec<AskedById>,
}

impl Loaded {
    pub(super) async fn load_threads(
        &mut self,
        tx: &mut Tx,
        keys: &[Key],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (known, unknown) = recall(tx, keys, now)?;
        if cfg!(debug_assertions) {
            compare(tx, &known, now).await?;
        }
        let read = read_threads(tx, &unknown, now).await?;
        for (key, thread) in known.into_iter().chain(read) {
            self.take_in(key, thread);
        }
        Ok(())
    }

    fn take_in(&mut self, key: Key, thread: Thread) {
        let rows = thread.conversations.iter();
        let conversations = rows.map(|row| (row.id.uuid(), row.version));
        let contacts = thread.contacts.iter();
        let contacts = contacts.map(|row| (row.id.uuid(), row.version));
        let runs = thread.runs.iter().map(|row| (row.id.uuid(), row.version));
        self.versions
            .extend(conversations.chain(contacts).chain(runs));
        let rows = thread.conversations.iter();
        let found = rows.map(|row| (row.id, Some(key.clone())));
        self.state.conversations.extend(found);
        self.state.put_thread(key.0, key.1, thread);
    }
}

/// What threads are remembered, and which are not.
fn recall(tx: &mut Tx, keys: &[Key], now: Timestamp) -> Result<(Threads, Vec<Key>), StoreError> {
    let Tx::Lite(lite) = tx else {
        return Ok((Vec::new(), keys.to_vec()));
    };
    let since = first_id(now - AUTOMATED_WITHIN);
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for (number, party) in keys {
        let key = (*number, party.clone());
        match lite.take_thread(*number, party)? {
            Some(mut thread) => {
                thread.lately.keep_from(since);
                tidy(&mut thread);
                known.push((key, thread));
            }
            None => unknown.push(key),
        }
    }
    Ok((known, unknown))
}

/// Whether what is remembered is what is saved.
async fn compare(tx: &mut Tx, known: &[(Key, Thread)], now: Timestamp) -> Result<(), StoreError> {
    let keys: Vec<Key> = known.iter().map(|(key, _)| key.clone()).collect();
    let saved = read_threads(tx, &keys, now).await?;
    for ((_, have), (_, saved)) in known.iter().zip(saved) {
        assert_eq!(*have, saved, "a thread is remembered as it is not");
    }
    Ok(())
}

/// Reads threads as they are saved.
async fn read_threads(tx: &mut Tx, keys: &[Key], now: Timestamp) -> Result<Threads, StoreError> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let mut threads: Vec<Thread> = keys.iter().map(|_| Thread::default()).collect();
    let parts = load_parties(tx, keys, &mut threads, now).await?;
    load_conversations(tx, &parts.conversations, &mut threads).await?;
    load_contacts(tx, &parts.contacts, keys, &mut threads).await?;
    threads.iter_mut().for_each(tidy);
    Ok(keys.iter().cloned().zip(threads).collect())
}

/// What stands under each party itself, and what it is known by.
async fn load_parties(
    tx: &mut Tx,
    keys: &[Key],
    threads: &mut [Thread],
    now: Timestamp,
) -> Result<Parts, StoreError> {
    let sql = sql!(format!(
        "with!(i i64, number_id=id id(num), party=text text) \
         SELECT r.i, k.what, ident!(x: k.id) FROM each! party_index k \
          WHERE k.party = r.party AND (k.what = 'contact' OR k.within_id = r.number_id) \
         UNION ALL SELECT r.i, 'run', doc!(x: {RUN}) FROM each! run x \
          WHERE x.number_id = r.number_id AND x.party = r.party AND NOT x.ended AND x.call_id IS NULL \
         UNION ALL SELECT r.i, 'consent', doc!(s: {CONSENT}) FROM each! consent_now n CROSS JOIN consent s \
          WHERE n.party = r.party AND s.id = n.consent_id"
    ));
    let parties: Vec<String> = keys.iter().map(|(_, party)| party.to_string()).collect();
    let asked = keys.iter().zip(&parties).enumerate();
    let asked = asked.map(|(i, ((number, _), party))| AskedThread {
        i,
        id: *number,
        text: party,
    });
    let asked: Vec<AskedThread<'_>> = asked.collect();
    let since = first_id(now - AUTOMATED_WITHIN);
    let mut parts = recent(tx, keys, since)?;
    for (i, kind, doc) in tx.triples_of(sql, &asked).await? {
        let Some((thread, (number, _))) = place_mut(threads, i).zip(place(keys, i)) else {
            continue;
        };
        let part = |table| asked_by_id(table, i, *number, &doc, since);
        match kind.as_str() {
            "conversation" => parts.conversations.push(part("conversation")?),
            "contact" => parts.contacts.push(part("contact")?),
            "run" => {
                let row: RunRow = read("run", &doc)?;
                thread.runs.push(row);
            }
            _ => thread.consents.push(read("consent", &doc)?),
        }
    }
    // What is being moved into the index may stand in both places.
    for asked in [&mut parts.conversations, &mut parts.contacts] {
        asked.sort_unstable();
        asked.dedup();
    }
    Ok(parts)
}

async fn load_conversations(
    tx: &mut Tx,
    asked: &[AskedById],
    threads: &mut [Thread],
) -> Result<(), StoreError> {
    let sql = sql!(format!(
        "with!(i i64, id uuid) SELECT r.i, 'conversation', row!(c: {CONVERSATION}) \
         FROM each! conversation c WHERE c.id = r.id"
    ));
    let rows: Vec<(i64, Conversation)> = tx.rows_of("conversation", sql, asked).await?;
    for (i, row) in rows {
        if let Some(thread) = place_mut(threads, i) {
            thread.conversations.push(row);
        }
    }
    let sql = sql!(format!(
        "with!(i i64, id uuid, since uuid) SELECT r.i, ident!(conv: r.id), (SELECT array!(ident!(msg: t.id) \
          || CASE WHEN t.kind IN ('automated', 'unprompted') THEN ':' || t.created_at ELSE '' END) FROM \
          (SELECT m.id, m.created_at, m.kind FROM message m WHERE m.conversation_id = r.id AND m.id >= r.since \
           ORDER BY m.id DESC LIMIT {AUTOMATED_AMONG}) t) FROM each! (SELECT 1) AS one"
    ));
    if asked.is_empty() {
        return Ok(());
    }
    for (i, conversation, doc) in tx.triples_of(sql, asked).await? {
        let texts: Vec<String> = read("message", &doc)?;
        let Some(thread) = place_mut(threads, i) else {
            continue;
        };
        for text in &texts {
            thread.lately.take(late_text(&conversation, text)?);
        }
    }
    Ok(())
}

/// A text as it is told: its id, and when it was made if it is an automated one.
fn late_text(conversation: &str, told: &str) -> Result<LateText, StoreError> {
    let (id, at) = match told.split_once(':') {
        Some((id, at)) => (id, at.parse().map(|at| Some(Timestamp::from_micros(at)))),
        None => (told, Ok(None)),
    };
    let read = (conversation.parse(), id.parse(), at);
    let (Ok(conversation), Ok(id), Ok(automated)) = read else {
        return Err(StoreError::Corrupt {
            table: "message",
            row: id.to_owned(),
            words: "its ids or its time cannot be read".to_owned(),
        });
    };
    Ok(LateText {
        conversation,
        id,
        automated,
    })
}

/// The contacts of the accounts that use each thread's number.
async fn load_contacts(
    tx: &mut Tx,
    asked: &[AskedById],
    keys: &[Key],
    threads: &mut [Thread],
) -> Result<(), StoreError> {
    let sql = sql!(format!(
        "with!(i i64, id uuid, number_id=number uuid) SELECT r.i, 'contact', row!(p: {CONTACT}) \
         FROM each! contact p CROSS JOIN account_number a \
         WHERE p.id = r.id AND a.account_id = p.account_id AND a.number_id = r.number_id"
    ));
    let rows: Vec<(i64, Contact)> = tx.rows_of("contact", sql, asked).await?;
    for (i, row) in rows {
        let Some((thread, (_, party))) = place_mut(threads, i).zip(place(keys, i)) else {
            continue;
        };
        // The index may know a phone that the contact no longer has.
        if row.phones.iter().any(|phone| phone.phone == *party) {
            thread.contacts.push(row);
        }
    }
    Ok(())
}

/// What stands outside the index yet; see [`party`].
fn recent(tx: &mut Tx, keys: &[Key], since: Uuid) -> Result<Parts, StoreError> {
    let mut parts = Parts::default();
    let Tx::Lite(tx) = tx else {
        return Ok(parts);
    };
    let recent = party::recent(tx)?;
    for (i, (number, party)) in keys.iter().enumerate() {
        let number = number.uuid();
        for entry in recent.of(party) {
            let part = AskedById {
                i,
                id: entry.id,
                number,
                since,
            };
            match entry.what {
                What::Conversation if entry.within == number => parts.conversations.push(part),
                What::Conversation => {}
                What::Contact => parts.contacts.push(part),
            }
        }
    }
    Ok(parts)
}

fn asked_by_id(
    table: &'static str,
    i: i64,
    number: NumberId,
    id: &str,
    since: Uuid,
) -> Result<AskedById, StoreError> {
    let read = id
        .rsplit('_')
        .next()
        .and_then(|hex| Uuid::try_parse(hex).ok());
    let read = read.zip(usize::try_from(i).ok());
    let (id, i) = read.ok_or_else(|| StoreError::Corrupt {
        table,
        row: id.to_owned(),
        words: "its id cannot be read".to_owned(),
    })?;
    let number = number.uuid();
    Ok(AskedById {
        i,
        id,
        number,
        since,
    })
}

/// The order does not depend on the database.
fn tidy(thread: &mut Thread) {
    thread.conversations.sort_by_key(|row| row.id);
    thread.runs.sort_by_key(|row| row.id);
    thread.consents.sort_by_key(|row| row.id);
    thread.contacts.sort_by_key(|row| row.id);
    thread.contacts.dedup_by_key(|row| row.id);
}
