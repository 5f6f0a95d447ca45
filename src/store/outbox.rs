//! Texts that must leave: claimed, tried, and what came of it.

use std::time::Duration;

use crate::model::consent::Verdict;
use crate::model::{AccountId, Message, MessageId, MessageStatus, Timestamp};

use super::{NodeScope, Store, StoreError};

/// A text whose time has come, with all that decides whether it may leave.
#[derive(Debug, Clone)]
pub struct DueText {
    /// The text.
    pub message: Message,
    /// Our number as the carrier knows it.
    pub number_address: String,
    /// The connection's key.
    pub connection: String,
    /// What the phone said of the number, program, account and organisation: any `Out` wins.
    pub consent: Option<Verdict>,
    /// What the account has sent in its current month, the texts of this very call included.
    pub plan_used: PlanUse,
    /// The contact's address, where there is one.
    pub contact_email: Option<String>,
}

/// What an account has used of its plan in a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PlanUse {
    /// Texts.
    pub messages: u64,
    /// Segments.
    pub segments: u64,
}

/// What is done with a due text.
#[derive(Debug, Clone, PartialEq)]
pub enum Dispatch {
    /// It is sent now, and counted.
    Send,
    /// It goes by e-mail.
    Email {
        /// To whom.
        to: String,
        /// Its subject.
        subject: String,
        /// Its text.
        text: String,
        /// Why, as a code.
        reason: String,
    },
    /// It waits until then; the reason's code.
    Hold(Timestamp, String),
    /// It stays queued and is looked at again then: a rate, not a hold.
    Later(Timestamp),
    /// It never leaves; the reason's code.
    Refuse(String),
}

/// A text claimed for sending; its intent is recorded.
#[derive(Debug, Clone)]
pub struct ToSend {
    /// What is sent.
    pub text: DueText,
    /// Which attempt, from 1.
    pub attempt: u16,
}

/// What came of an attempt.
#[derive(Debug, Clone, PartialEq)]
pub struct AttemptOutcome {
    /// Which text.
    pub message: MessageId,
    /// Which attempt.
    pub attempt: u16,
    /// When.
    pub at: Timestamp,
    /// What.
    pub result: AttemptResult,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq)]
pub enum AttemptResult {
    /// The carrier took it.
    Accepted {
        /// The carrier's id.
        carrier_id: String,
        /// How far it is already.
        status: MessageStatus,
    },
    /// It surely did not leave; it is tried again.
    Retry {
        /// When.
        due_at: Timestamp,
        /// The reason's code.
        code: String,
    },
    /// It surely did not leave and never will.
    Failed {
        /// The reason's code.
        code: String,
    },
    /// The answer was lost: it may have left. Never sent again.
    Unknown {
        /// The reason's code.
        code: String,
        /// When the carrier's own record is looked at; `None`: never.
        look_again_at: Option<Timestamp>,
    },
}

/// A text whose answer was lost and whose time to be looked for has come.
#[derive(Debug, Clone)]
pub struct UnknownText {
    /// The text.
    pub message: Message,
    /// Our number as the carrier knows it.
    pub number_address: String,
    /// The connection's key.
    pub connection: String,
    /// When its last attempt began.
    pub attempted_at: Timestamp,
}

impl Store {
    /// Judges up to `limit` due texts, oldest first and in order inside a conversation, and saves what
    /// `judge` says; what is to be sent comes back claimed until `now + lease`.
    ///
    /// `month` gives the number (`yyyymm`) of an account's current month. The count of the plan is exact:
    /// locked, read and raised in this one transaction.
    pub async fn dispatch<M, J>(
        &self,
        _scope: NodeScope,
        _now: Timestamp,
        _limit: u32,
        _lease: Duration,
        _month: M,
        _judge: J,
    ) -> Result<Vec<ToSend>, StoreError>
    where
        M: Fn(AccountId) -> i32 + Send + 'static,
        J: FnMut(&DueText) -> Dispatch + Send + 'static,
    {
        Err(StoreError::Unavailable("not opened".to_owned()))
    }

    /// Saves what came of attempts.
    pub async fn attempted(
        &self,
        _scope: NodeScope,
        _outcomes: Vec<AttemptOutcome>,
    ) -> Result<(), StoreError> {
        Err(StoreError::Unavailable("not opened".to_owned()))
    }

    /// Texts that a node was sending when it went away become `unknown`, to be looked for at once.
    /// How many.
    pub async fn stale_sending(
        &self,
        _scope: NodeScope,
        _now: Timestamp,
    ) -> Result<u64, StoreError> {
        Err(StoreError::Unavailable("not opened".to_owned()))
    }

    /// `unknown` texts to be looked for now; each comes again after `lease` unless it was settled with
    /// [`Store::attempted`] or [`Store::settled`].
    pub async fn unknown_texts(
        &self,
        _scope: NodeScope,
        _now: Timestamp,
        _limit: u32,
        _lease: Duration,
    ) -> Result<Vec<UnknownText>, StoreError> {
        Err(StoreError::Unavailable("not opened".to_owned()))
    }

    /// An `unknown` text is not looked for any more; it stays `unknown` unless a receipt comes.
    pub async fn settled(
        &self,
        _scope: NodeScope,
        _messages: Vec<MessageId>,
    ) -> Result<(), StoreError> {
        Err(StoreError::Unavailable("not opened".to_owned()))
    }
}
