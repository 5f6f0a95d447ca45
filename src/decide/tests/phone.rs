//! What a carrier would tell of a call, and what its caller hears.

use super::sample::Bench;
use crate::decide::Input;
use crate::model::turn::Turn;
use crate::model::{
    CallEvent, CallEventKind, CallId, CallScript, CallStatus, CallVerb, CallbackKey, DialStatus,
    Inbound, Leg, LegId, Order, Party,
};

impl Bench {
    /// A call comes from our person.
    pub(super) fn rings(&mut self, to: &str) -> (CallId, Turn) {
        self.rings_from(super::sample::PAT, to)
    }

    pub(super) fn rings_from(&mut self, from: &str, to: &str) -> (CallId, Turn) {
        let carrier_id = format!("CA{}", self.events);
        let turn = self.carrier(Inbound::Call(CallEvent {
            key: None,
            carrier_id: carrier_id.clone(),
            kind: CallEventKind::Started {
                from: Party::read(from),
                to: to.to_owned(),
                token: None,
            },
        }));
        let mut calls = self.store.calls.values();
        let call = calls.find(|call| call.carrier_id == carrier_id);
        (call.expect("a call").id, turn)
    }

    /// Something happens to the caller's leg, at the turn it is at.
    pub(super) fn told(&mut self, call: CallId, kind: CallEventKind) -> Turn {
        let turn = self.store.calls[&call].turn;
        self.told_at(call, turn, kind)
    }

    pub(super) fn told_at(&mut self, call: CallId, turn: u32, kind: CallEventKind) -> Turn {
        let key = Some(CallbackKey::Call(call, turn));
        let carrier_id = self.store.calls[&call].carrier_id.clone();
        self.carrier(Inbound::Call(CallEvent {
            key,
            carrier_id,
            kind,
        }))
    }

    pub(super) fn presses(&mut self, call: CallId, digits: &str) -> Turn {
        let digits = digits.to_owned();
        self.told(call, CallEventKind::Digits { digits })
    }

    pub(super) fn dial_ended(&mut self, call: CallId, status: DialStatus) -> Turn {
        self.told(call, dial_ended(status, false))
    }

    pub(super) fn recorded(&mut self, call: CallId, seconds: u32, gone: bool) -> Turn {
        self.told(call, recorded(seconds, gone))
    }

    /// The caller's leg reports a state.
    pub(super) fn status(&mut self, call: CallId, status: CallStatus) -> Turn {
        let duration_s = None;
        self.told(call, CallEventKind::Status { status, duration_s })
    }

    /// Something happens to a called leg.
    pub(super) fn leg(&mut self, leg: LegId, kind: CallEventKind) -> Turn {
        self.carrier(Inbound::Call(CallEvent {
            key: Some(CallbackKey::Leg(leg)),
            carrier_id: format!("CL{leg}"),
            kind,
        }))
    }

    pub(super) fn leg_status(&mut self, leg: LegId, status: CallStatus) -> Turn {
        let sequence = None;
        self.leg(leg, CallEventKind::LegStatus { status, sequence })
    }

    /// A called leg answers, or presses a key at the prompt.
    pub(super) fn screen(&mut self, leg: LegId, digits: Option<&str>) -> Turn {
        let digits = digits.map(str::to_owned);
        let kind = CallEventKind::Screen {
            digits,
            machine: false,
            unsure: false,
        };
        self.leg(leg, kind)
    }

    /// The carrier carried an order out; or says why not.
    pub(super) fn ordered(&mut self, order: &Order, failed: Option<&str>) -> Turn {
        let carrier_id = match (order, failed) {
            (Order::PlaceLeg { leg, .. }, None) => Some(format!("CL{leg}")),
            _ => None,
        };
        self.happens(&Input::Ordered {
            order: order.clone(),
            carrier_id,
            failed: failed.map(str::to_owned),
        })
    }

    /// The latest leg of a member.
    pub(super) fn leg_of(&self, key: &str) -> Leg {
        let user = Some(super::sample::user(key));
        let mut legs = self.store.legs.values().rev();
        legs.find(|leg| leg.user == user).expect("a leg").clone()
    }

    /// What the answer of a turn says, in a few words.
    pub(super) fn hears(&self, turn: &Turn) -> String {
        let verbs = turn.answer.iter().flat_map(|script| &script.verbs);
        let words: Vec<String> = verbs.map(|verb| self.word(verb)).collect();
        words.join(", ")
    }

    /// What the caller would hear who asked again.
    pub(super) fn hears_now(&self, call: CallId) -> String {
        let script: &CallScript = self.store.calls[&call].script.as_ref().expect("a script");
        let words: Vec<String> = script.verbs.iter().map(|verb| self.word(verb)).collect();
        words.join(", ")
    }

    fn word(&self, verb: &CallVerb) -> String {
        match verb {
            CallVerb::Say { text, .. } => format!("\"{text}\""),
            CallVerb::Gather { .. } => "keys".to_owned(),
            CallVerb::Dial { legs, .. } => {
                let who = legs.iter().map(|leg| self.whose(leg.leg));
                format!("rings {}", who.collect::<Vec<String>>().join(" "))
            }
            CallVerb::Record { .. } => "records".to_owned(),
            CallVerb::Hold { .. } => "holds".to_owned(),
            CallVerb::Join { .. } => "joins".to_owned(),
            CallVerb::Transfer { phone, .. } => format!("handed on to {phone}"),
            CallVerb::AskAgain { .. } => "asks again".to_owned(),
            CallVerb::Hangup => "hangs up".to_owned(),
            other => format!("{other:?}").to_lowercase(),
        }
    }

    fn whose(&self, leg: LegId) -> String {
        let user = self.store.legs[&leg].user.expect("a member");
        self.world.directory.user(user).expect("known").key.clone()
    }

    /// How the call ended for people, and that everything about it is over.
    pub(super) fn outcome(&self, call: CallId) -> String {
        let row = &self.store.calls[&call];
        let run = &self.store.runs[&row.run.expect("a run")];
        assert!(run.ended, "the run goes on");
        row.outcome.clone().expect("an outcome")
    }

    /// The legs of a call that are not over.
    pub(super) fn live_legs(&self, call: CallId) -> Vec<String> {
        let legs = self.store.legs.values();
        legs.filter(|leg| leg.call == call && !leg.status.is_final())
            .map(|leg| self.whose(leg.id))
            .collect()
    }
}

pub(super) fn dial_ended(status: DialStatus, caller_gone: bool) -> CallEventKind {
    CallEventKind::DialEnded {
        status,
        duration_s: if status == DialStatus::Answered {
            30
        } else {
            0
        },
        caller_gone,
    }
}

pub(super) fn recorded(duration_s: u32, caller_gone: bool) -> CallEventKind {
    CallEventKind::Recorded {
        duration_s,
        recording: Some("RE1".into()),
        url: Some("https://example.org/RE1".into()),
        caller_gone,
    }
}

/// An order in a few words.
pub(super) fn word(bench: &Bench, order: &Order) -> String {
    match order {
        Order::PlaceLeg { leg, .. } => format!("place {}", bench.whose(*leg)),
        Order::EndLeg { leg, .. } => format!("end {}", bench.whose(*leg)),
        Order::MoveCall { turn, .. } => format!("move {turn}"),
        other => panic!("{other:?}"),
    }
}
