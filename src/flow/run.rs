//! One person's way through a flow, as it is saved between events.

use serde::{Deserialize, Serialize};

use crate::model::{RunId, Timestamp};

/// One person's way through a flow. Saved as JSON; it names steps, so that it can be read beside the
/// revision it belongs to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Its id.
    pub id: RunId,
    /// The flow's key.
    pub flow: String,
    /// When it began.
    pub started_at: Timestamp,
}

impl Run {
    /// A run that has not begun.
    pub fn new(id: RunId, flow_key: &str, now: Timestamp) -> Self {
        Self {
            id,
            flow: flow_key.to_owned(),
            started_at: now,
        }
    }

    /// The run as it is saved.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// A saved run.
    ///
    /// # Errors
    /// The text is not what [`Run::to_json`] made.
    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }
}
