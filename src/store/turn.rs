//! A batch of events in one transaction: known already? State in, decisions, state and effects out.

mod deciding;

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::metrics;
use crate::model::text::lossy;
use crate::model::turn::{Decision, Need, State, Turn};
use crate::model::{EventId, Hook, Timestamp};

use super::both::sql;
use super::load::Loaded;
use super::locks::take_locks;
use super::pools::{Arg, OnDisk, Tx, array, read};
use super::remembered::Left;
use super::save::{EventOut, NoticeOut, Saves, save_events, save_notices};
use super::seen::seen_key;
use super::{NodeScope, RACES_MAX, Store, StoreError, party};
use deciding::Deciding;

/// What stands in place of a raw event that carried secret digits.
const REDACTED: &str = r#"{"redacted":true}"#;

/// Something that happened, not yet decided.
#[derive(Debug, Clone)]
pub struct NewEvent {
    /// Its id.
    pub id: EventId,
    /// The connection's key; empty for events of our own.
    pub connection: String,
    /// The hook's word, or the word of what happened inside.
    pub hook: String,
    /// By what a repeat is known, unique inside its connection; `None`: never a repeat.
    pub dedupe: Option<[u8; 16]>,
    /// When it was received: the `now` of its decision.
    pub received_at: Timestamp,
    /// The seed of its decision.
    pub seed: u64,
    /// The webhook as received, or the input, as JSON.
    pub raw: Vec<u8>,
    /// What is surely needed: loaded before the first look.
    pub needs: Vec<Need>,
}

/// What came of an event.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// Decided and saved.
    Decided {
        /// What was decided.
        turn: Box<Turn>,
    },
    /// Known already; nothing was changed.
    Repeat {
        /// The call script that was answered then, or what a member was told, as JSON.
        answer: Option<String>,
    },
    /// Saved raw, for ops to look at; the reason.
    Undecided(String),
}

/// A batch that is decided and saved, on its way to disk.
#[derive(Debug, Default)]
pub struct Saved {
    answers: Vec<Answer>,
    flush: OnDisk,
}

impl Saved {
    /// What came of each event, once all of them are on disk. An error means that none may be acknowledged.
    pub async fn on_disk(self) -> Result<Vec<Answer>, StoreError> {
        self.flush.wait().await?;
        Ok(self.answers)
    }
}

/// What is known of an event before it is decided.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Known {
    /// Never seen.
    Fresh,
    /// The same as this one, which is saved.
    Repeat(EventId),
    /// The same as an earlier one of this batch.
    Twin(usize),
}

/// What became of each event of a batch, before it is saved.
enum Verdict {
    Decided(Box<Turn>, Option<String>),
    Undecided(String),
    Repeat(Option<String>),
    Twin(usize),
}

impl Store {
    /// Decides and saves a batch, and waits until it is on disk; see [`Store::turn_ahead`].
    pub async fn turn<D>(
        &self,
        scope: NodeScope,
        batch: Vec<NewEvent>,
        decide: D,
    ) -> Result<Vec<Answer>, StoreError>
    where
        D: FnMut(&State, usize, &NewEvent) -> Decision + Send + 'static,
    {
        let saved = self.turn_ahead(scope, batch, decide).await?;
        saved.on_disk().await
    }

    /// Decides and saves a batch, all in one transaction; answers in the batch's order, once it is on disk. The next
    /// batch may be given meanwhile.
    ///
    /// `decide` gets what is loaded so far, the event's place in the batch and the event; it may be
    /// called more than once for an event. When the database refuses what one event decided, the events are
    /// saved one by one and that one as undecided. An error means that what is missing in the store must not be
    /// acknowledged; events that were saved all the same are repeats when they come again.
    pub async fn turn_ahead<D>(
        &self,
        _scope: NodeScope,
        batch: Vec<NewEvent>,
        mut decide: D,
    ) -> Result<Saved, StoreError>
    where
        D: FnMut(&State, usize, &NewEvent) -> Decision + Send + 'static,
    {
        let store = self.clone();
        self.apart(async move {
            let places: Vec<usize> = (0..batch.len()).collect();
            match store.races(&batch, &places, &mut decide).await {
                Err(StoreError::Data(_) | StoreError::Corrupt { .. }) => {
                    metrics::batch_retries();
                    store.one_by_one(&batch, &mut decide).await
                }
                done => done,
            }
        })
        .await
    }

    /// Makes ready to take events: on SQLite reads which ones are known, which takes about a second for
    /// half a million. [`Store::turn`] does it at its first batch otherwise.
    pub async fn prepare_to_receive(&self, _scope: NodeScope) -> Result<(), StoreError> {
        drop(self.seen().await?);
        Ok(())
    }

    async fn one_by_one<D>(&self, batch: &[NewEvent], decide: &mut D) -> Result<Saved, StoreError>
    where
        D: FnMut(&State, usize, &NewEvent) -> Decision,
    {
        let mut all = Saved::default();
        for (place, event) in batch.iter().enumerate() {
            let event = std::slice::from_ref(event);
            let answer = match self.races(event, &[place], decide).await {
                Err(error @ (StoreError::Data(_) | StoreError::Corrupt { .. })) => {
                    let reason = error.to_string();
                    let mut refuse =
                        |_: &State, _: usize, _: &NewEvent| Decision::Undecided(reason.clone());
                    self.races(event, &[place], &mut refuse).await?
                }
                answer => answer?,
            };
            // What came before is on disk when the last one is.
            all.answers.extend(answer.answers);
            all.flush = answer.flush;
        }
        Ok(all)
    }

    async fn races<D>(
        &self,
        batch: &[NewEvent],
        places: &[usize],
        decide: &mut D,
    ) -> Result<Saved, StoreError>
    where
        D: FnMut(&State, usize, &NewEvent) -> Decision,
    {
        let mut locks = BTreeSet::new();
        let mut races = 0;
        loop {
            match self.attempt(batch, places, decide, &mut locks).await {
                Err(StoreError::Conflict(_)) if races < RACES_MAX => races += 1,
                done => return done,
            }
        }
    }

    async fn attempt<D>(
        &self,
        batch: &[NewEvent],
        places: &[usize],
        decide: &mut D,
        locks: &mut BTreeSet<i64>,
    ) -> Result<Saved, StoreError>
    where
        D: FnMut(&State, usize, &NewEvent) -> Decision,
    {
        let mut seen = self.seen().await?;
        let mut tx = self.inner.pools.begin().await?;
        let known = match &mut seen {
            Some(seen) => seen.find(&mut tx, batch).await?,
            None => claim_keys(&mut tx, batch).await?,
        };
        let repeats = answers_of(&mut tx, &known).await?;
        take_locks(&mut tx, locks, true).await?;
        let mut loaded = Loaded {
            locked: std::mem::take(locks),
            ..Loaded::default()
        };
        let deciding = Deciding::new(&mut tx, &mut loaded, batch, places, &known);
        let decided = deciding.all(repeats, decide).await;
        *locks = std::mem::take(&mut loaded.locked);
        let verdicts = decided?;
        save_all(&mut tx, batch, &verdicts, &loaded.versions).await?;
        let full = party::is_full(&mut tx)?;
        if let Tx::Lite(tx) = &mut tx {
            let turns = verdicts.iter().filter_map(|verdict| match verdict {
                Verdict::Decided(turn, _) => Some(&**turn),
                _ => None,
            });
            tx.leave(Left::by(&mut loaded.state, turns));
        }
        let flush = tx.commit_ahead().await?;
        if full {
            self.begin_moving();
        }
        if let Some(mut seen) = seen {
            let fresh = batch.iter().zip(&known);
            let fresh = fresh.filter(|(_, known)| **known == Known::Fresh);
            let keys = fresh.filter_map(|(event, _)| Some((key_of(event)?, event.id)));
            if seen.remember(keys, batch.last().map(|event| event.received_at)) {
                self.begin_sealing();
            }
        }
        Ok(Saved {
            answers: answer_all(verdicts),
            flush,
        })
    }
}

fn key_of(event: &NewEvent) -> Option<u128> {
    event.dedupe.map(|hash| seen_key(&event.connection, hash))
}

/// Which events of a batch are the same as an earlier one of it, by their key.
pub(super) fn twins(batch: &[NewEvent]) -> Vec<Known> {
    let mut first: HashMap<u128, usize> = HashMap::new();
    let twin = |(place, event): (usize, &NewEvent)| match key_of(event) {
        None => Known::Fresh,
        Some(key) => match *first.entry(key).or_insert(place) {
            earlier if earlier < place => Known::Twin(earlier),
            _ => Known::Fresh,
        },
    };
    batch.iter().enumerate().map(twin).collect()
}

/// On PostgreSQL the table of keys has the last word: who inserts a key has the event. The keys are inserted
/// in order, so that two nodes with the same keys wait for each other rather than dying.
async fn claim_keys(tx: &mut Tx, batch: &[NewEvent]) -> Result<Vec<Known>, StoreError> {
    #[derive(Serialize)]
    struct Key<'e> {
        i: usize,
        connection: &'e str,
        hash: Uuid,
        event: EventId,
        at: Timestamp,
    }
    #[derive(Deserialize)]
    struct Got {
        event: EventId,
    }
    let mut known = twins(batch);
    let keys: Vec<Key<'_>> = batch
        .iter()
        .enumerate()
        .filter(|(place, _)| known[*place] == Known::Fresh)
        .filter_map(|(i, event)| {
            Some(Key {
                i,
                connection: &event.connection,
                hash: Uuid::from_bytes(event.dedupe?),
                event: event.id,
                at: event.received_at,
            })
        })
        .collect();
    if keys.is_empty() {
        return Ok(known);
    }
    let all = array(&keys)?;
    let claim = sql!(
        "INSERT INTO seen (connection, hash, event_id, received_at) SELECT connection, hash, event_id, at \
         FROM rows!($1: connection text, hash uuid, event_id=event id(evt), at i64) AS r ORDER BY connection, hash \
         ON CONFLICT DO NOTHING RETURNING obj!('event', ident!(evt: event_id))"
    );
    let got: Vec<Got> = tx.list("seen", claim, &[Arg::Text(&all)]).await?;
    if got.len() == keys.len() {
        return Ok(known);
    }
    // What was there before names another event, or this very one when its commit was not heard of.
    let find = sql!(
        "SELECT r.i, 'seen', obj!('event', ident!(evt: s.event_id)) FROM rows!($1: i i64, connection text, hash uuid) AS r \
         CROSS JOIN seen s WHERE s.connection = r.connection AND s.hash = r.hash"
    );
    let claimed: std::collections::HashSet<EventId> = got.iter().map(|got| got.event).collect();
    let missed: Vec<&Key<'_>> = keys
        .iter()
        .filter(|key| !claimed.contains(&key.event))
        .collect();
    for (i, _, doc) in tx.triples(find, &[Arg::Text(&array(&missed)?)]).await? {
        let Got { event } = read("seen", &doc)?;
        if let Some(slot) = usize::try_from(i).ok().and_then(|i| known.get_mut(i)) {
            *slot = Known::Repeat(event);
        }
    }
    Ok(known)
}

/// What was answered to the events that are repeated.
async fn answers_of(
    tx: &mut Tx,
    known: &[Known],
) -> Result<HashMap<EventId, Option<String>>, StoreError> {
    #[derive(Serialize)]
    struct Asked {
        id: EventId,
    }
    #[derive(Deserialize)]
    struct Found {
        id: EventId,
        answer: Option<String>,
    }
    let repeated: BTreeSet<EventId> = known
        .iter()
        .filter_map(|known| match known {
            Known::Repeat(event) => Some(*event),
            _ => None,
        })
        .collect();
    if repeated.is_empty() {
        return Ok(HashMap::new());
    }
    let asked: Vec<Asked> = repeated.into_iter().map(|id| Asked { id }).collect();
    let sql = sql!(
        "SELECT doc!(e: id id(evt), answer text) FROM rows!($1: id id(evt)) AS r \
         CROSS JOIN event e WHERE e.id = r.id"
    );
    let found: Vec<Found> = tx.list("event", sql, &[Arg::Text(&array(&asked)?)]).await?;
    Ok(found.into_iter().map(|row| (row.id, row.answer)).collect())
}

async fn save_all(
    tx: &mut Tx,
    batch: &[NewEvent],
    verdicts: &[Verdict],
    versions: &HashMap<Uuid, i64>,
) -> Result<(), StoreError> {
    let mut saves = Saves::default();
    let (mut events, mut notices) = (Vec::with_capacity(batch.len()), Vec::new());
    for (event, verdict) in batch.iter().zip(verdicts) {
        let mut row = event_row(event);
        match verdict {
            Verdict::Repeat(_) | Verdict::Twin(_) => continue,
            Verdict::Decided(turn, answer) => {
                saves.add(turn, event.id, event.received_at, versions);
                row.account = turn.account;
                row.rule = Some(turn.rule);
                row.answer = answer.as_deref();
                if turn.redact {
                    row.raw = Cow::Borrowed(REDACTED);
                }
            }
            Verdict::Undecided(reason) => {
                row.undecided = Some(reason);
                // Nobody could tell whether the keys were a secret.
                if event.hook == Hook::Gather.as_str() {
                    row.raw = Cow::Borrowed(REDACTED);
                }
                notices.push(NoticeOut {
                    event: event.id,
                    position: 0,
                    at: event.received_at,
                    code: "undecided",
                    words: reason,
                });
            }
        }
        events.push(row);
    }
    save_events(tx, &events).await?;
    save_notices(tx, &notices).await?;
    saves.save(tx).await
}

fn event_row(event: &NewEvent) -> EventOut<'_> {
    EventOut {
        id: event.id,
        connection: &event.connection,
        hook: &event.hook,
        dedupe: event.dedupe.map(Uuid::from_bytes),
        received_at: event.received_at,
        seed: event.seed.cast_signed(),
        raw: lossy(&event.raw),
        needs: "",
        account: None,
        rule: None,
        answer: None,
        undecided: None,
    }
}

fn answer_all(verdicts: Vec<Verdict>) -> Vec<Answer> {
    let first: Vec<Option<String>> = verdicts
        .iter()
        .map(|verdict| match verdict {
            Verdict::Decided(_, answer) | Verdict::Repeat(answer) => answer.clone(),
            _ => None,
        })
        .collect();
    verdicts
        .into_iter()
        .map(|verdict| match verdict {
            Verdict::Decided(turn, _) => Answer::Decided { turn },
            Verdict::Undecided(reason) => Answer::Undecided(reason),
            Verdict::Repeat(answer) => Answer::Repeat { answer },
            Verdict::Twin(of) => Answer::Repeat {
                answer: first[of].clone(),
            },
        })
        .collect()
}

#[cfg(test)]
mod tests;
