//! The lines of a script: what happens, and what must have happened.

use super::line::How;
use super::stage::Stage;
use super::transcript::{Difference, Who};
use crate::decide::Input;
use crate::flow::{Line, Says, StaffDoes, Test, show_duration};
use crate::model::account::{Account, Route};
use crate::model::http::HttpAnswer;
use crate::model::staff::{StaffAction, StaffVerb};
use crate::model::{Dlr, Inbound, MessageStatus};

/// Plays a test to its end, or to the first difference.
pub(super) fn play(stage: &mut Stage, test: &Test) -> Result<(), Difference> {
    let begun = stage.begins(test.text.as_deref());
    begun.map_err(|words| at(test.line, words))?;
    for line in &test.script {
        line_of(stage, line)?;
    }
    let handed_in = stage.hands_in();
    handed_in.map_err(|words| at(test.line, words))?;
    if let Some(reason) = &stage.stopped {
        return Err(at(test.line, format!("the flow could not go on: {reason}")));
    }
    for expected in &test.expect {
        let found = stage.expects(&expected.what);
        found.map_err(|words| at(expected.line, words))?;
    }
    Ok(())
}

fn line_of(stage: &mut Stage, line: &Line) -> Result<(), Difference> {
    // What comes of keys comes before the line that lets no more of them follow.
    let handed_in = stage.before(&line.says);
    handed_in.map_err(|words| at(line.line, words))?;
    let entry = Some(stage.transcript.len());
    stage.log(Who::Script(line.line), words(&line.says), None);
    stage.plays(&line.says).map_err(|words| Difference {
        entry,
        ..at(line.line, words)
    })
}

const fn at(line: u32, words: String) -> Difference {
    let entry = None;
    Difference { line, words, entry }
}

/// A line as people read it.
pub(super) fn words(says: &Says) -> String {
    let of = |word: &str, who: &Option<String>| match who {
        Some(who) => format!("{word} {who}"),
        None => word.to_owned(),
    };
    match says {
        Says::Hears(part) => format!("hears {part:?}"),
        Says::Presses(keys) => format!("presses {keys}"),
        Says::Rings(who) if who.is_empty() => "rings nobody".to_owned(),
        Says::Rings(who) => format!("rings {}", who.join(", ")),
        Says::Answers { who, accept: true } => of("answers", who),
        Says::Answers { who, accept: false } => of("answers without accepting", who),
        Says::NoAnswer(who) => of("no_answer", who),
        Says::Busy(who) => of("busy", who),
        Says::Declines(who) => of("declines", who),
        Says::Fails(who) => of("fails", who),
        Says::HangsUp(who) => of("hangs_up", who),
        Says::LeavesVoicemail(seconds) => {
            format!("leaves_voicemail {}", show_duration(*seconds))
        }
        Says::Passes(seconds) => format!("passes {}", show_duration(*seconds)),
        Says::Texts(text) => format!("texts {text:?}"),
        Says::Receives(part) => format!("receives {part:?}"),
        Says::ReceivesNothing => "receives_nothing".to_owned(),
        Says::Receipt { status, .. } => format!("receipt {}", status.as_str()),
        Says::Staff { user, .. } => format!("staff {user}"),
        Says::Http { answer, .. } => match answer {
            HttpAnswer::Answer { status, .. } => format!("http {status}"),
            HttpAnswer::None(code) => format!("http {code}"),
        },
    }
}

impl Stage {
    /// The call or the text with which it begins.
    ///
    /// # Errors
    /// What cannot be.
    pub fn begins(&mut self, text: Option<&str>) -> Result<(), String> {
        match text {
            None => {
                self.log(Who::Flow, format!("call from {}", self.party), None);
                self.calls()
            }
            Some(text) => {
                self.log(
                    Who::Flow,
                    format!("text {text:?} from {}", self.party),
                    None,
                );
                self.texts(text)
            }
        }
    }

    /// Plays one line of a script.
    ///
    /// # Errors
    /// What is otherwise than the line says, or why it cannot be.
    pub fn plays(&mut self, says: &Says) -> Result<(), String> {
        self.before(says)?;
        match says {
            Says::Hears(part) => {
                const INSTEAD: &str = "the caller has heard";
                match self.heard.iter().any(|text| text.contains(part)) {
                    true => {}
                    false => self.wait_for_script()?,
                }
                take(&mut self.heard, part, INSTEAD)
            }
            Says::Receives(part) => take(&mut self.got, part, "the texts were"),
            Says::ReceivesNothing => self.receives_nothing(),
            Says::Rings(who) => {
                self.wait_for_script()?;
                self.rings(who)
            }
            other => {
                self.acts();
                self.act(other)
            }
        }
    }

    /// Keys may be followed by more of them, and by time; before anything else they are handed in.
    fn before(&mut self, says: &Says) -> Result<(), String> {
        match says {
            Says::Presses(_) | Says::Passes(_) => Ok(()),
            // Whoever hangs up in the midst of it has pressed nothing that is handed in.
            Says::HangsUp(None) => {
                self.line.pressed.clear();
                Ok(())
            }
            _ => self.hands_in(),
        }
    }

    fn act(&mut self, says: &Says) -> Result<(), String> {
        match says {
            Says::Presses(keys) => self.types(keys),
            Says::Answers { who, accept } => self.answers(who.as_deref(), *accept),
            Says::NoAnswer(who) => self.come_to(who.as_deref(), How::NoAnswer),
            Says::Busy(who) => self.come_to(who.as_deref(), How::Busy),
            Says::Declines(who) => self.come_to(who.as_deref(), How::Declines),
            Says::Fails(who) => self.come_to(who.as_deref(), How::Fails),
            Says::HangsUp(who) => self.hangs_up(who.as_deref()),
            Says::LeavesVoicemail(seconds) => self.leaves_voicemail(*seconds),
            Says::Passes(seconds) => self.passes(*seconds),
            Says::Texts(text) => self.texts(text),
            Says::Receipt { status, error } => self.receipt(*status, error.clone()),
            Says::Staff { user, does } => self.staff(user, does),
            Says::Http { url, answer } => self.answered(url.as_deref(), answer.clone()),
            Says::Hears(_) | Says::Receives(_) | Says::ReceivesNothing | Says::Rings(_) => Ok(()),
        }
    }

    fn receives_nothing(&mut self) -> Result<(), String> {
        match self.got.front() {
            Some(text) => Err(format!("a text was sent: {text:?}")),
            None => Ok(()),
        }
    }

    fn rings(&self, who: &[String]) -> Result<(), String> {
        let (mut wanted, mut ringing) = (who.to_vec(), self.ringing());
        wanted.sort_unstable();
        ringing.sort_unstable();
        if wanted == ringing {
            return Ok(());
        }
        Err(match self.ringing() {
            none if none.is_empty() => format!("nobody rings; {}", self.at_now()),
            some => format!("it rings at {}", some.join(", ")),
        })
    }

    /// The carrier tells what became of our latest text.
    fn receipt(&mut self, status: MessageStatus, error: Option<String>) -> Result<(), String> {
        let message = self.sent.last().copied();
        let message = message.ok_or("no text was sent")?;
        let dlr = Dlr {
            message: Some(message),
            carrier_id: message.to_string(),
            status,
            error,
        };
        self.carrier(Inbound::Receipt(dlr)).map(drop)
    }

    /// A member of staff does something with the thread.
    fn staff(&mut self, user: &str, does: &StaffDoes) -> Result<(), String> {
        let by = self.world.directory.user_by_key(user);
        let by = by.ok_or_else(|| format!("there is no user `{user}`"))?.id;
        let thread = self.conversation().ok_or("there is no thread yet")?;
        let conversation = thread.id;
        let what = match does {
            StaffDoes::Replies(text) => StaffVerb::Reply {
                conversation,
                text: text.clone(),
                read_version: thread.version,
                anyway: false,
            },
            StaffDoes::Assigns(to) => StaffVerb::Assign {
                conversation,
                to: self
                    .route(to)
                    .ok_or_else(|| format!("there is no box `{to}`"))?,
                note: None,
            },
            StaffDoes::Completes => StaffVerb::Complete {
                conversation,
                close: false,
            },
            StaffDoes::Closes => StaffVerb::Close { conversation },
        };
        let account = self.account.id;
        let turn = self.happens(&Input::Staff(StaffAction { by, account, what }))?;
        match turn.refused {
            Some(refused) => Err(format!("{user} was refused: {}", refused.words)),
            None => Ok(()),
        }
    }

    /// The group or user with this key.
    pub(super) fn route(&self, key: &str) -> Option<Route> {
        let group = |account: &Account| Some(Route::Group(account.group(key)?.id));
        let user = || Some(Route::User(self.world.directory.user_by_key(key)?.id));
        group(&self.account).or_else(user)
    }
}

/// Takes what was said up to the first that has this part.
fn take(
    said: &mut std::collections::VecDeque<String>,
    part: &str,
    instead: &str,
) -> Result<(), String> {
    match said.iter().position(|text| text.contains(part)) {
        Some(at) => {
            said.drain(..=at);
            Ok(())
        }
        None => Err(match said.is_empty() {
            true => format!("{instead}: nothing"),
            false => {
                let all: Vec<String> = said.iter().map(|text| format!("{text:?}")).collect();
                format!("{instead}: {}", all.join(", "))
            }
        }),
    }
}
