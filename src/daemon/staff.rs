//! The door of the pages and the API to the core: what members do is decided like any other event.

use crate::decide::Input;
use crate::model::ConversationId;
use crate::model::staff::{StaffAction, StaffVerb};
use crate::model::turn::{Refusal, Told};
use crate::store::Answer;

use super::{Daemon, Refused};

/// The longest name of a form, in bytes.
const FORM_BYTES_MAX: usize = 64;

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
    /// Carries out what a member asks, if the rules allow it. `form` is what the member's form calls itself: the
    /// same action sent again from the same form is carried out once.
    ///
    /// # Errors
    /// The rules say no, or it was not saved in time; it may then have been saved all the same.
    pub async fn act(&self, action: StaffAction, form: Option<&str>) -> Result<Acted, ActRefused> {
        let once = form.and_then(|form| once(&action, form));
        let input = Input::Staff(action);
        let first = self.receive_once("staff", once.as_deref(), input.clone());
        if let Some(acted) = acted(first.await.map_err(not_taken)?) {
            return acted;
        }
        // What was refused had no effect, and need not be refused today.
        let again = self.receive_own("staff", input);
        acted(again.await.map_err(not_taken)?).unwrap_or_else(|| Err(undecided()))
    }
}

/// The name under which an action from a form is known. What its author had read is left out: it may be another
/// when the form is shown once more, though the action is the same.
pub(crate) fn once(action: &StaffAction, form: &str) -> Option<String> {
    let fits = !form.is_empty() && form.len() <= FORM_BYTES_MAX;
    let mut action = action.clone();
    if let StaffVerb::Reply {
        read_version,
        anyway,
        ..
    } = &mut action.what
    {
        (*read_version, *anyway) = (0, false);
    }
    let action = serde_json::to_string(&action).ok()?;
    fits.then(|| format!("{form}:{action}"))
}

/// What a member is told, now or again; nothing for a repeat of what was not carried out.
pub(crate) fn acted(answer: Answer) -> Option<Result<Acted, ActRefused>> {
    let told = match answer {
        Answer::Decided { turn } => match (turn.refused, turn.told) {
            (Some(Refusal { code, words }), _) => return Some(Err(ActRefused { code, words })),
            (None, Some(told)) => told,
            (None, None) => return Some(Err(undecided())),
        },
        Answer::Repeat { answer } => serde_json::from_str(&answer?).ok()?,
        Answer::Undecided(_) => return Some(Err(undecided())),
    };
    let Told {
        conversation,
        version,
    } = told;
    Some(Ok(Acted {
        conversation,
        version,
    }))
}

fn undecided() -> ActRefused {
    ActRefused {
        code: "undecided",
        words: "It could not be carried out. Ops can see why.".to_owned(),
    }
}

/// Nobody can say whether what was not answered in time was saved; sending the same form again is safe.
fn not_taken(refused: Refused) -> ActRefused {
    let words = match refused {
        Refused::Overloaded => "It was not saved. Please try again in a moment.",
        Refused::Unavailable | Refused::Stopping => {
            "Nobody can say yet whether it was saved. Please send it again in a moment: it goes out once."
        }
    };
    ActRefused {
        code: refused.reason(),
        words: words.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Ids;
    use crate::model::turn::Turn;

    fn reply(text: &str, read_version: i64) -> StaffAction {
        let mut ids = Ids::new(crate::model::Timestamp::default(), 1);
        StaffAction {
            by: ids.fresh(),
            account: ids.fresh(),
            what: StaffVerb::Reply {
                conversation: ids.fresh(),
                text: text.to_owned(),
                read_version,
                anyway: read_version > 1,
            },
        }
    }

    #[test]
    fn the_same_form_with_the_same_words_is_the_same_action() {
        let first = once(&reply("Yes", 1), "f1");
        assert!(first.is_some());
        assert_eq!(first, once(&reply("Yes", 2), "f1"));
        assert_ne!(first, once(&reply("No", 1), "f1"));
        assert_ne!(first, once(&reply("Yes", 1), "f2"));
        assert_eq!(once(&reply("Yes", 1), ""), None);
        assert_eq!(once(&reply("Yes", 1), &"f".repeat(65)), None);
    }

    #[test]
    fn a_repeat_hears_what_the_first_one_was_told() {
        let told = Told {
            conversation: None,
            version: Some(7),
        };
        let answer = serde_json::to_string(&told).ok();
        let turn = Turn {
            told: Some(told),
            ..Turn::default()
        };
        let turn = Box::new(turn);
        let first = acted(Answer::Decided { turn });
        assert!(matches!(&first, Some(Ok(acted)) if acted.version == Some(7)));
        assert_eq!(acted(Answer::Repeat { answer }), first);
        // Refused then: asked anew.
        assert_eq!(acted(Answer::Repeat { answer: None }), None);
    }
}
