//! The door of the pages and the API to the core: what members do is decided like any other event.

use crate::decide::Input;
use crate::model::ConversationId;
use crate::model::staff::StaffAction;
use crate::model::turn::{Turn, Write};
use crate::store::Answer;

use super::Daemon;

/// What a member's action came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acted {
    /// The thread it concerned.
    pub conversation: Option<ConversationId>,
    /// That thread's version now.
    pub version: Option<i64>,
}

/// Why a member's action was not carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{words}")]
pub struct ActRefused {
    /// A stable code: `thread_moved`, `not_yours`, `opted_out`, `may_not_start`, `unavailable`…
    pub code: &'static str,
    /// For the member.
    pub words: String,
}

impl Daemon {
    /// Carries out what a member asks, if the rules allow it.
    ///
    /// # Errors
    /// The rules say no, or it could not be saved; then nothing has changed.
    pub async fn act(&self, action: StaffAction) -> Result<Acted, ActRefused> {
        match self.receive_own("staff", Input::Staff(action)).await {
            Ok(Answer::Decided { turn }) => acted(*turn),
            Ok(_) => Err(not_saved("undecided")),
            Err(refused) => Err(not_saved(refused.reason())),
        }
    }
}

fn not_saved(code: &'static str) -> ActRefused {
    ActRefused {
        code,
        words: "It could not be saved. Please try again in a moment.".to_owned(),
    }
}

fn acted(turn: Turn) -> Result<Acted, ActRefused> {
    if let Some(refusal) = turn.refused {
        return Err(ActRefused {
            code: refusal.code,
            words: refusal.words,
        });
    }
    let row = turn.writes.iter().rev().find_map(|write| match write {
        Write::Conversation(row) => Some(row),
        _ => None,
    });
    Ok(Acted {
        conversation: row.map(|row| row.id),
        version: row.map(|row| row.version),
    })
}
