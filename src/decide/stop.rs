//! A flow that could not go on: its thread goes to a person, with the reason.

use super::Cx;
use super::frame::Frame;
use crate::model::conversation::ThreadEventKind;

/// Why a flow could not go on.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Stop {
    reason: String,
    /// More came of it than a run may do.
    looped: bool,
}

impl Stop {
    /// It went round.
    pub(super) fn looped(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            looped: true,
        }
    }
}

impl From<String> for Stop {
    fn from(reason: String) -> Self {
        Self {
            reason,
            looped: false,
        }
    }
}

/// A person gets the thread, with the reason.
pub(super) fn stopped<'a>(cx: &mut Cx<'a>, frame: &mut Frame<'a>, why: impl Into<Stop>) {
    let Stop { reason, looped } = why.into();
    let line = ThreadEventKind::FlowStopped {
        reason: reason.clone(),
        looped,
    };
    frame.event(cx, None, line);
    frame.post_unless_open(cx, None, Some(reason));
    frame.conversation.unread = true;
}
