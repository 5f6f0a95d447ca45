//! The shared inbox: what may be done with a thread, by whom, and where it then is.
//!
//! All moves are pure: they change a row they are given and return the line that the thread shows for it. They leave the
//! row's version alone; whoever saves the row raises it, once, however many moves a turn made.

pub mod assignment;
pub mod conversation;
pub mod sight;
pub mod voicemail;

#[cfg(test)]
mod sample;

use crate::model::turn::Refusal;

/// Why a move is refused; a closed list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Refused {
    /// The thread moved since its author read it.
    #[error("Something happened in this thread since you read it. Look again, or send it anyway.")]
    ThreadMoved,
    /// The thread or box is not one of the member's.
    #[error("This is not in one of your boxes.")]
    NotYours,
    /// Nobody who works here would have it.
    #[error("Nobody there can take it: choose somebody who is active.")]
    NobodyThere,
    /// It is not assigned.
    #[error("This thread is not assigned to anybody.")]
    NotAssigned,
    /// It is closed already.
    #[error("This thread is closed already.")]
    AlreadyClosed,
    /// It is not closed.
    #[error("This thread is not closed.")]
    NotClosed,
    /// The member may reply but not begin.
    #[error("Your roles do not let you start a text.")]
    MayNotStart,
}

impl Refused {
    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::ThreadMoved => "thread_moved",
            Self::NotYours => "not_yours",
            Self::NobodyThere => "nobody_there",
            Self::NotAssigned => "not_assigned",
            Self::AlreadyClosed => "already_closed",
            Self::NotClosed => "not_closed",
            Self::MayNotStart => "may_not_start",
        }
    }
}

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Self {
        Self {
            code: refused.code(),
            words: refused.to_string(),
        }
    }
}
