//! What is known of threads, and of the phones they are with.

use serde::Serialize;
use uuid::Uuid;

use crate::model::conversation::Conversation;
use crate::model::turn::{AUTOMATED_MAX, AUTOMATED_WITHIN, Thread};
use crate::model::{Id, NumberId, Party, Timestamp};

use super::{Loaded, place, place_mut};
use crate::store::StoreError;
use crate::store::both::sql;
use crate::store::party::{self, Entry, What};
use crate::store::pools::{Tx, read};
use crate::store::tables::{CONSENT, CONTACT, CONVERSATION, RUN};
use crate::store::upkeep::first_id;

/// How many of a conversation's latest texts are looked through for automated ones.
const AUTOMATED_AMONG: usize = 2 * AUTOMATED_MAX;

/// A thread asked for, and the first id of texts that count as lately.
#[derive(Serialize)]
struct AskedThread<'a> {
    i: usize,
    id: NumberId,
    text: &'a str,
    since: Uuid,
}

/// A conversation or contact asked for by its id.
#[derive(Serialize)]
struct AskedById {
    i: usize,
    number: Uuid,
    id: Uuid,
    since: Uuid,
}

fn has_conversation(thread: &Thread, id: Uuid) -> bool {
    thread.conversations.iter().any(|row| row.id.uuid() == id)
}

fn has_contact(thread: &Thread, id: Uuid) -> bool {
    thread.contacts.iter().any(|row| row.id.uuid() == id)
}

impl Loaded {
    pub(super) async fn load_threads(
        &mut self,
        tx: &mut Tx,
        keys: &[(NumberId, Party)],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        if keys.is_empty() {
            return Ok(());
        }
        let sql = sql!(format!(
            "with!(i i64, number_id=id id(num), party=text text, since uuid) \
             SELECT r.i, 'conversation', doc!(c: {CONVERSATION}) FROM each! party_index k CROSS JOIN conversation c \
              WHERE k.party = r.party AND k.what = 'conversation' AND k.within_id = r.number_id AND c.id = k.id \
             UNION ALL SELECT r.i, 'automated', (SELECT array!(t.created_at) FROM \
               (SELECT m.created_at, m.kind FROM message m WHERE m.conversation_id = k.id AND m.id >= r.since \
                ORDER BY m.id DESC LIMIT {AUTOMATED_AMONG}) t WHERE t.kind = 'automated') FROM each! party_index k \
              WHERE k.party = r.party AND k.what = 'conversation' AND k.within_id = r.number_id \
             UNION ALL SELECT r.i, 'run', doc!(x: {RUN}) FROM each! run x \
              WHERE x.number_id = r.number_id AND x.party = r.party AND NOT x.ended AND x.call_id IS NULL \
             UNION ALL SELECT r.i, 'consent', doc!(s: {CONSENT}) FROM each! consent_now n CROSS JOIN consent s \
              WHERE n.party = r.party AND s.id = n.consent_id \
             UNION ALL SELECT r.i, 'contact', doc!(p: {CONTACT}) \
              FROM each! party_index k CROSS JOIN account_number a CROSS JOIN contact p \
              WHERE k.party = r.party AND k.what = 'contact' AND a.account_id = k.within_id \
               AND a.number_id = r.number_id AND p.account_id = k.within_id AND p.id = k.id"
        ));
        let parties: Vec<String> = keys.iter().map(|(_, party)| party.to_string()).collect();
        let since = first_id(now - AUTOMATED_WITHIN);
        let question: Vec<AskedThread<'_>> = keys
            .iter()
            .zip(&parties)
            .enumerate()
            .map(|(i, ((number, _), party))| AskedThread {
                i,
                id: *number,
                text: party,
                since,
            })
            .collect();
        let mut threads: Vec<Thread> = keys.iter().map(|_| Thread::default()).collect();
        for (i, kind, doc) in tx.triples_of(sql, &question).await? {
            let Some((thread, (_, party))) = place_mut(&mut threads, i).zip(place(keys, i)) else {
                continue;
            };
            self.take(thread, party, &kind, &doc)?;
        }
        self.load_recent(tx, keys, &mut threads, since)?;
        for (key, mut thread) in keys.iter().zip(threads) {
            tidy(&mut thread);
            let of = thread.conversations.iter();
            let found = of.map(|row| (row.id, Some(key.clone())));
            self.state.conversations.extend(found);
            self.state.put_thread(key.0, key.1.clone(), thread);
        }
        Ok(())
    }

    /// What stands outside the index yet; see [`party`].
    fn load_recent(
        &mut self,
        tx: &mut Tx,
        keys: &[(NumberId, Party)],
        threads: &mut [Thread],
        since: Uuid,
    ) -> Result<(), StoreError> {
        let Tx::Lite(tx) = tx else {
            return Ok(());
        };
        let recent = party::recent(tx)?;
        let (mut conversations, mut contacts) = (Vec::new(), Vec::new());
        for (i, ((number, party), thread)) in keys.iter().zip(&*threads).enumerate() {
            for Entry { what, within, id } in recent.of(party) {
                let number = number.uuid();
                let row = AskedById {
                    i,
                    number,
                    id,
                    since,
                };
                match what {
                    What::Conversation if within == number && !has_conversation(thread, id) => {
                        conversations.push(row);
                    }
                    What::Contact if !has_contact(thread, id) => contacts.push(row),
                    _ => {}
                }
            }
        }
        // After a failed commit what is read again may be there twice.
        for asked in [&mut conversations, &mut contacts] {
            asked.sort_unstable_by_key(|row| (row.i, row.id));
            asked.dedup_by_key(|row| (row.i, row.id));
        }
        let sql = sql!(format!(
            "with!(i i64, id uuid, since uuid) \
             SELECT r.i, 'conversation', doc!(c: {CONVERSATION}) FROM each! conversation c WHERE c.id = r.id \
             UNION ALL SELECT r.i, 'automated', (SELECT array!(t.created_at) FROM \
               (SELECT m.created_at, m.kind FROM message m WHERE m.conversation_id = k.id AND m.id >= r.since \
                ORDER BY m.id DESC LIMIT {AUTOMATED_AMONG}) t WHERE t.kind = 'automated') FROM each! conversation k \
              WHERE k.id = r.id"
        ));
        let mut found = tx.triples_each(sql.lite, &sql.fields, &conversations)?;
        let sql = sql!(format!(
            "with!(i i64, number_id=number uuid, id uuid) \
             SELECT r.i, 'contact', doc!(p: {CONTACT}) FROM each! contact p CROSS JOIN account_number a \
              WHERE p.id = r.id AND a.account_id = p.account_id AND a.number_id = r.number_id"
        ));
        found.extend(tx.triples_each(sql.lite, &sql.fields, &contacts)?);
        for (i, kind, doc) in found {
            if let Some((thread, (_, party))) = place_mut(threads, i).zip(place(keys, i)) {
                self.take(thread, party, &kind, &doc)?;
            }
        }
        Ok(())
    }

    fn take(
        &mut self,
        thread: &mut Thread,
        party: &Party,
        kind: &str,
        doc: &str,
    ) -> Result<(), StoreError> {
        match kind {
            "conversation" => {
                let row: Conversation = read("conversation", doc)?;
                self.versions.insert(row.id.uuid(), row.version);
                thread.conversations.push(row);
            }
            "automated" => {
                let at: Vec<Timestamp> = read("message", doc)?;
                thread.automated.extend(at);
            }
            "run" => {
                let row: crate::model::conversation::RunRow = read("run", doc)?;
                self.versions.insert(row.id.uuid(), row.version);
                thread.runs.push(row);
            }
            "consent" => thread.consents.push(read("consent", doc)?),
            _ => {
                let row: crate::model::people::Contact = read("contact", doc)?;
                self.versions.insert(row.id.uuid(), row.version);
                // The table of phones may know one that the contact no longer has.
                if row.phones.iter().any(|phone| phone.phone == *party) {
                    thread.contacts.push(row);
                }
            }
        }
        Ok(())
    }
}

/// The order does not depend on the database.
fn tidy(thread: &mut Thread) {
    thread.conversations.sort_by_key(|row| row.id);
    thread.runs.sort_by_key(|row| row.id);
    thread.consents.sort_by_key(|row| row.id);
    thread.contacts.sort_by_key(|row| row.id);
    thread.contacts.dedup_by_key(|row| row.id);
    thread.automated.sort_by_key(|at| std::cmp::Reverse(*at));
    thread.automated.truncate(AUTOMATED_MAX);
}
