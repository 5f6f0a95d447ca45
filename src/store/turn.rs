//! A batch of events in one transaction: known already? State in, decisions, state and effects out.

use crate::model::turn::{Decision, Need, State, Turn};
use crate::model::{EventId, Timestamp};

use super::{NodeScope, Store, StoreError};

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
        /// The call script that was answered then, as JSON.
        answer: Option<String>,
    },
    /// Saved raw, for ops to look at; the reason.
    Undecided(String),
}

impl Store {
    /// Decides and saves a batch, all in one transaction; answers in the batch's order.
    ///
    /// `decide` gets what is loaded so far, the event's place in the batch and the event; it may be
    /// called more than once for an event. An error means that nothing was saved.
    pub async fn turn<D>(
        &self,
        _scope: NodeScope,
        _batch: Vec<NewEvent>,
        _decide: D,
    ) -> Result<Vec<Answer>, StoreError>
    where
        D: FnMut(&State, usize, &NewEvent) -> Decision + Send + 'static,
    {
        Err(StoreError::Unavailable("not opened".to_owned()))
    }
}
