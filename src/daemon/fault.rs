//! What a carrier holds against us, told to operators: a text or a call that fails for it is told in its thread,
//! but only who owns the connection can mend it.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::decide::Input;
use crate::model::{FailureClass, SendFailure};

use super::{Daemon, Inner, Received};

/// Each connection and code is told once in so long, whatever fails for it.
const TOLD_EVERY: Duration = Duration::from_secs(24 * 3600);
/// Connections and codes that are remembered here to have been told. The store remembers them all; this spares it
/// the question for every text that fails.
const TOLD_MAX: usize = 1_000;

/// What was told by this node.
#[derive(Debug, Default)]
pub(super) struct Told(Mutex<HashSet<String>>);

impl Told {
    /// Whether this was not told yet.
    fn is_new(&self, key: &str) -> bool {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if told.len() >= TOLD_MAX {
            told.clear();
        }
        told.insert(key.to_owned())
    }

    fn forget(&self, key: &str) {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.remove(key);
    }
}

/// Shows operators that a connection is not in order, once a day for each reason.
pub(super) async fn tell(daemon: &Daemon, connection: &str, failure: &SendFailure) {
    if failure.class != FailureClass::OurFault {
        return;
    }
    let day = daemon.now().micros().unsigned_abs() / TOLD_EVERY.as_micros() as u64;
    let key = format!("fault {day} {connection} {}", failure.code);
    if !daemon.faults_told.is_new(&key) {
        return;
    }
    let input = Input::Fault {
        connection: connection.to_owned(),
        code: failure.code.clone(),
        words: failure.words.clone(),
    };
    let received = Received {
        hook: "fault".to_owned(),
        // Other nodes meet the same fault; the first one tells it.
        dedupe: Some(Inner::dedupe(connection, &key)),
        raw: serde_json::to_vec(&input).unwrap_or_default(),
        ..Received::default()
    };
    if let Err(refused) = daemon.receive(input, received).await {
        tracing::warn!(
            reason = refused.reason(),
            "a connection's fault was not saved"
        );
        daemon.faults_told.forget(&key);
    }
}
