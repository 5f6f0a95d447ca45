//! What else must leave, what wakes by itself, and files that have been fetched.

use std::time::Duration;

use crate::model::turn::Job;
use crate::model::{CallId, JobId, MessageId, NumberId, Party, RunId, Timestamp, VoicemailId};

use super::{NodeScope, Store, StoreError};

/// A run whose time has come.
#[derive(Debug, Clone, PartialEq)]
pub struct DueTimer {
    /// Which run.
    pub run: RunId,
    /// The call it runs on.
    pub call: Option<CallId>,
    /// Our number.
    pub number: NumberId,
    /// The far end.
    pub party: Party,
}

impl Store {
    /// Jobs whose time has come, oldest first; each comes again after `lease` unless it was ended.
    pub async fn jobs_due(
        &self,
        _scope: NodeScope,
        _now: Timestamp,
        _limit: u32,
        _lease: Duration,
    ) -> Result<Vec<Job>, StoreError> {
        Err(StoreError::Unavailable("not opened".to_owned()))
    }

    /// A job is done. The e-mail of a text moves that text to `sent`.
    pub async fn job_done(
        &self,
        _scope: NodeScope,
        _job: JobId,
        _now: Timestamp,
    ) -> Result<(), StoreError> {
        Err(StoreError::Unavailable("not opened".to_owned()))
    }

    /// A job is tried again at `due_at`.
    pub async fn job_retry(
        &self,
        _scope: NodeScope,
        _job: JobId,
        _due_at: Timestamp,
    ) -> Result<(), StoreError> {
        Err(StoreError::Unavailable("not opened".to_owned()))
    }

    /// A job never will be done; kept with its reason. The e-mail of a text moves that text to `failed`.
    pub async fn job_failed(
        &self,
        _scope: NodeScope,
        _job: JobId,
        _now: Timestamp,
        _reason: &str,
    ) -> Result<(), StoreError> {
        Err(StoreError::Unavailable("not opened".to_owned()))
    }

    /// Runs whose time has come; each comes again after `lease` unless a turn changed it.
    pub async fn timers_due(
        &self,
        _scope: NodeScope,
        _now: Timestamp,
        _limit: u32,
        _lease: Duration,
    ) -> Result<Vec<DueTimer>, StoreError> {
        Err(StoreError::Unavailable("not opened".to_owned()))
    }

    /// A voicemail's file is here, under this key.
    pub async fn voicemail_ready(
        &self,
        _scope: NodeScope,
        _voicemail: VoicemailId,
        _blob: &str,
    ) -> Result<(), StoreError> {
        Err(StoreError::Unavailable("not opened".to_owned()))
    }

    /// A voicemail's file never will be here.
    pub async fn voicemail_absent(
        &self,
        _scope: NodeScope,
        _voicemail: VoicemailId,
    ) -> Result<(), StoreError> {
        Err(StoreError::Unavailable("not opened".to_owned()))
    }

    /// A text's file is here, under this key.
    pub async fn media_ready(
        &self,
        _scope: NodeScope,
        _message: MessageId,
        _index: u16,
        _blob: &str,
        _content_type: &str,
    ) -> Result<(), StoreError> {
        Err(StoreError::Unavailable("not opened".to_owned()))
    }
}
