//! One person's way through a flow, as it is saved between events.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::effect::Ended;
use crate::model::{GroupId, LegId, Phone, RevisionId, RunId, Timestamp, UserId, WaitingId};

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
    /// The step it stands at; `None` before the first.
    pub step: Option<String>,
    /// How it ended.
    pub ended: Option<Ended>,
    /// What it waits for.
    #[serde(default)]
    pub(crate) wait: Wait,
    /// When it wants to be woken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) due_at: Option<Timestamp>,
    /// Its variables.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) vars: BTreeMap<String, serde_json::Value>,
    /// What its steps came to, as far as the flow asks.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) steps: BTreeMap<String, BTreeMap<String, serde_json::Value>>,
    /// Fields of the contact set by the present event, which what was loaded does not show yet.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) fields: BTreeMap<String, serde_json::Value>,
    /// The contact's tags as the present event leaves them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tags: Option<Vec<String>>,
    /// The same of the contact's caseloads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) caseloads: Option<Vec<String>>,
    /// The latest text of the person, for events that bring none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) text: Option<String>,
    /// Steps taken in the present event.
    #[serde(default)]
    pub(crate) steps_event: u32,
    /// How often the present event needed people whom only the ones before tell of.
    #[serde(default)]
    pub(crate) asked_event: u32,
    /// Questions of the present event that could not be put.
    #[serde(default)]
    pub(crate) unasked_event: u32,
    /// Steps taken in all.
    #[serde(default)]
    pub(crate) steps_total: u32,
    /// Scripts the caller was given: from the first on, the call is answered.
    #[serde(default)]
    pub(crate) turns: u32,
    /// How often devices were rung; makes names of rooms unique.
    #[serde(default)]
    pub(crate) rings: u32,
    /// How often another system was asked; tells answers apart.
    #[serde(default)]
    pub(crate) asked: u32,
    /// The flows that called the present one, outermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) callers: Vec<Caller>,
    /// What the flow that has just come to its end leaves to the one that called it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) result: Option<serde_json::Value>,
    /// It has left for another flow and not begun there yet.
    #[serde(default)]
    pub(crate) leaving: bool,
    /// What has become of the call so far.
    #[serde(default)]
    pub(crate) call: CallSoFar,
    /// The step of a recording whose caller has left and whose length has not been told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) recording: Option<String>,
    /// A recording whose file was ready before its end was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) early: Option<Early>,
    /// The caller's place in a queue, as the store has it; none when the caller waits in none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) queued: Option<Queued>,
}

/// A flow that waits for one that it called.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Caller {
    pub(crate) flow: String,
    /// The revision it is on; whoever keeps revisions puts it in.
    pub(crate) revision: Option<RevisionId>,
    pub(crate) step: Option<String>,
    pub(crate) vars: BTreeMap<String, serde_json::Value>,
    pub(crate) steps: BTreeMap<String, BTreeMap<String, serde_json::Value>>,
}

/// The variable of a called flow that goes back to its caller.
pub(crate) const RESULT: &str = "result";

/// See [`super::EarlyRecording`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Early {
    pub(crate) recording: String,
    pub(crate) url: String,
    pub(crate) duration_s: u32,
}

/// What has become of a call so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct CallSoFar {
    /// Somebody took it.
    pub(crate) answered: bool,
    /// A voicemail was left.
    pub(crate) voicemail: bool,
    /// A person was sought: a dial or a voicemail was reached.
    pub(crate) sought: bool,
    /// The caller has left.
    pub(crate) gone: bool,
}

/// What a run waits for.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Wait {
    /// Nothing: it has not begun, or has ended.
    #[default]
    Nothing,
    /// An answer to a question; so many more may be wrong.
    Answer { tries_left: u32 },
    /// Keys; so many more may be wrong.
    Keys { tries_left: u32 },
    /// Time to pass, or a text.
    Pause,
    /// The answer to this request of the run.
    Http { ask: u32 },
    /// Devices ring, or people talk.
    Dial(Box<Dialing>),
    /// A free member of a group.
    Queue(Box<Queueing>),
    /// A message is being recorded; `hung_up`: the caller has left and its length is not known yet.
    Recording { hung_up: bool },
}

/// A dial under way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Dialing {
    /// Who is still to be rung, one after another.
    pub(crate) queue: Vec<Target>,
    /// Who rings or rang.
    pub(crate) legs: Vec<RungLeg>,
    /// The room in which the caller waits.
    pub(crate) room: Option<String>,
    /// When the whole of it is over.
    pub(crate) until: Timestamp,
    /// More time was given to somebody who was just deciding.
    pub(crate) extended: bool,
}

/// A caller's stay in a queue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Queueing {
    /// The member who is rung now, and the room to meet in.
    pub(crate) dialing: Dialing,
    /// When the caller has waited long enough.
    pub(crate) until: Timestamp,
    /// The place in line that the caller was last told, and when.
    pub(crate) told: Option<(u32, Timestamp)>,
}

/// A caller's place in a queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Queued {
    pub(crate) id: WaitingId,
    pub(crate) group: GroupId,
    /// Who is rung for the caller.
    pub(crate) user: Option<UserId>,
    pub(crate) since: Timestamp,
    pub(crate) until: Timestamp,
    /// That of the row in the store; 0 before there is one.
    pub(crate) version: i64,
}

/// A device that may be rung.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Target {
    pub(crate) user: Option<UserId>,
    pub(crate) phone: Phone,
}

/// A device that rings or rang.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RungLeg {
    pub(crate) leg: LegId,
    pub(crate) user: Option<UserId>,
    pub(crate) state: LegState,
}

/// How far a device is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LegState {
    /// Placed; it rings.
    Ringing,
    /// Answered; hears the prompt.
    Prompted,
    /// Answered without accepting: a machine, or nobody pressed a key.
    Unaccepted,
    /// The person took the call.
    Accepted,
    /// The one who took it has left again.
    Left,
    /// Over: refused.
    Declined,
    /// Over: rang out, or answered without accepting.
    NoAnswer,
    /// Over: busy.
    Busy,
    /// Over: could not be placed.
    Failed,
}

impl LegState {
    /// Whether nothing more is expected of the device.
    pub(crate) const fn is_over(self) -> bool {
        matches!(
            self,
            Self::Declined | Self::NoAnswer | Self::Busy | Self::Failed | Self::Left
        )
    }
}

impl Run {
    /// A run that has not begun.
    pub fn new(id: RunId, flow_key: &str, now: Timestamp) -> Self {
        Self {
            id,
            flow: flow_key.to_owned(),
            started_at: now,
            step: None,
            ended: None,
            wait: Wait::Nothing,
            due_at: None,
            vars: BTreeMap::new(),
            steps: BTreeMap::new(),
            fields: BTreeMap::new(),
            tags: None,
            caseloads: None,
            text: None,
            steps_event: 0,
            asked_event: 0,
            unasked_event: 0,
            steps_total: 0,
            turns: 0,
            rings: 0,
            asked: 0,
            callers: Vec::new(),
            result: None,
            leaving: false,
            call: CallSoFar::default(),
            recording: None,
            early: None,
            queued: None,
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

    /// Whether it wants to be woken.
    pub fn wakes(&self) -> bool {
        self.due_at.is_some()
    }

    /// Whether it is in a flow that another one called.
    pub(crate) fn is_called(&self) -> bool {
        !self.callers.is_empty()
    }

    /// Takes down which revision the calling flow is on, once it is known.
    pub(crate) fn called_from(&mut self, revision: RevisionId) {
        if let Some(caller) = self.callers.last_mut() {
            caller.revision.get_or_insert(revision);
        }
    }

    /// The beginning of another flow, for good: variables and callers stay behind, the bounds on steps do not
    /// begin anew.
    pub(crate) fn into_flow(mut self, flow_key: &str) -> Self {
        self.callers.clear();
        self.vars.clear();
        self.steps.clear();
        self.at_beginning(flow_key)
    }

    /// The beginning of a called flow, with the variables it is given.
    pub(crate) fn into_part(
        mut self,
        flow_key: &str,
        with: BTreeMap<String, serde_json::Value>,
    ) -> Self {
        self.callers.push(Caller {
            flow: self.flow.clone(),
            revision: None,
            step: self.step.clone(),
            vars: std::mem::replace(&mut self.vars, with),
            steps: std::mem::take(&mut self.steps),
        });
        self.at_beginning(flow_key)
    }

    fn at_beginning(mut self, flow_key: &str) -> Self {
        flow_key.clone_into(&mut self.flow);
        self.step = None;
        self.wait = Wait::Nothing;
        self.due_at = None;
        self.leaving = true;
        self
    }

    /// At the step again that called the present flow; the revision that step is of.
    pub(crate) fn back(mut self) -> (Self, Option<RevisionId>) {
        let Some(caller) = self.callers.pop() else {
            return (self, None);
        };
        self.result = self.vars.remove(RESULT);
        self.flow = caller.flow;
        self.step = caller.step;
        self.vars = caller.vars;
        self.steps = caller.steps;
        self.leaving = true;
        (self, caller.revision)
    }
}
