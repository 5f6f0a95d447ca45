//! The caller's line and those that ring: what a carrier would do with our scripts and orders, and tell of it.

use std::time::Duration;

use super::keys::Takes;
use super::line::{Due, How, Ring, Talk, Waits, sounds_s};
use super::stage::Stage;
use super::transcript::Who;
use crate::decide::Input;
use crate::model::{
    CallEvent, CallEventKind, CallScript, CallStatus, CallVerb, CallbackKey, DialStatus, Inbound,
    LegId, Order,
};

/// Verbs that ring people.
const RINGING: [&str; 2] = ["dial", "queue"];

impl Stage {
    /// A call comes.
    pub(in crate::decide) fn calls(&mut self) -> Result<(), String> {
        let kind = CallEventKind::Started {
            from: self.party.clone(),
            to: self.number.address.clone(),
            token: None,
        };
        let turn = self.carrier(Inbound::Call(CallEvent {
            key: None,
            carrier_id: "caller".to_owned(),
            kind,
        }))?;
        self.hears_script(turn.answer)
    }

    /// Something happens to the caller's leg.
    pub(super) fn caller(&mut self, kind: CallEventKind) -> Result<(), String> {
        let call = self.line.call.ok_or("nobody calls")?;
        let turn = self.carrier(Inbound::Call(CallEvent {
            key: Some(CallbackKey::Call(call, self.line.turn)),
            carrier_id: "caller".to_owned(),
            kind,
        }))?;
        self.hears_script(turn.answer)
    }

    /// Something happens to a called leg; what it is answered.
    fn leg(&mut self, leg: LegId, kind: CallEventKind) -> Result<Vec<CallVerb>, String> {
        let turn = self.carrier(Inbound::Call(CallEvent {
            key: Some(CallbackKey::Leg(leg)),
            carrier_id: leg.to_string(),
            kind,
        }))?;
        Ok(turn.answer.map(|script| script.verbs).unwrap_or_default())
    }

    fn leg_status(&mut self, leg: LegId, status: CallStatus) -> Result<(), String> {
        let sequence = None;
        self.leg(leg, CallEventKind::LegStatus { status, sequence })
            .map(drop)
    }

    /// The caller's leg carries out a script.
    fn hears_script(&mut self, script: Option<CallScript>) -> Result<(), String> {
        let Some(script) = script.filter(|_| !self.line.over) else {
            return Ok(());
        };
        if let CallbackKey::Call(call, turn) = script.key {
            (self.line.call, self.line.turn) = (Some(call), turn);
        }
        self.line.waits = Waits::Nothing;
        self.line.pressed.clear();
        self.line.talk = None;
        self.line.rings.retain(|ring| !ring.dialled);
        for verb in script.verbs {
            self.carries_out(verb)?;
        }
        Ok(())
    }

    fn carries_out(&mut self, verb: CallVerb) -> Result<(), String> {
        for text in verb.texts() {
            self.hears(text);
        }
        let after = |seconds: u32| self.now + Duration::from_secs(u64::from(seconds));
        match verb {
            CallVerb::Gather {
                timeout_s,
                prompt,
                digits_max: most,
                finish_on,
                ..
            } => {
                let lasts_s = prompt.iter().map(sounds_s).sum::<u32>();
                self.line.waits = Waits::Keys {
                    until: after(timeout_s + lasts_s),
                    takes: Takes {
                        most,
                        finish_on,
                        timeout_s,
                    },
                };
            }
            CallVerb::Dial {
                legs,
                ring_s,
                screen,
                ..
            } => {
                let until = after(ring_s);
                self.line.waits = Waits::Dial { until, screen };
                for leg in legs {
                    self.rings_now(Ring {
                        leg: leg.leg,
                        until,
                        dialled: true,
                        detects: false,
                    });
                }
            }
            CallVerb::Record {
                silence_s, max_s, ..
            } => {
                self.line.waits = Waits::Recording {
                    until: after(silence_s),
                    most_s: max_s,
                };
            }
            CallVerb::Hold { .. } => self.line.waits = Waits::Room,
            CallVerb::AskAgain { seconds } => {
                self.line.waits = Waits::Again {
                    until: after(seconds.max(1)),
                };
            }
            CallVerb::Transfer { phone, .. } => {
                let place = self.latest(&["transfer"]);
                self.log(Who::Flow, format!("hands the caller on to {phone}"), place);
                self.line.handed_on = Some(phone.to_string());
            }
            CallVerb::Hangup => return self.is_over("hangs up", CallStatus::Completed),
            CallVerb::Reject { .. } => return self.is_over("rejects the call", CallStatus::Busy),
            _ => {}
        }
        Ok(())
    }

    fn is_over(&mut self, words: &str, status: CallStatus) -> Result<(), String> {
        let place = self.latest_step();
        self.log(Who::Flow, words.to_owned(), place);
        self.ended(status)
    }

    /// The caller's leg is no more.
    fn ended(&mut self, status: CallStatus) -> Result<(), String> {
        self.line.over = true;
        self.line.handed_on = None;
        self.line.waits = Waits::Nothing;
        self.line.pressed.clear();
        self.line.talk = None;
        let duration_s = None;
        self.caller(CallEventKind::Status { status, duration_s })
    }

    fn rings_now(&mut self, ring: Ring) {
        let words = format!("rings {}", self.whose(ring.leg));
        let place = self.latest(&RINGING);
        self.log(Who::Flow, words, place);
        self.line.rings.push(ring);
    }

    /// Whose phone a leg is: a user's key, or its number.
    fn whose(&self, leg: LegId) -> String {
        let calls = self.state.calls.values().flatten();
        let mut legs = calls.flat_map(|call| &call.legs);
        let Some(row) = legs.find(|row| row.id == leg) else {
            return "somebody".to_owned();
        };
        let user = row.user.and_then(|id| self.world.directory.user(id));
        user.map_or_else(|| row.phone.to_string(), |user| user.key.clone())
    }

    /// Who rings now, in ringing order.
    pub(super) fn ringing(&self) -> Vec<String> {
        let legs = self.line.rings.iter();
        let legs = legs.map(|ring| self.whose(ring.leg));
        legs.chain(self.line.handed_on.clone()).collect()
    }

    fn ring_of(&self, who: &str) -> Result<Ring, String> {
        let mut rings = self.line.rings.iter();
        let found = rings.find(|ring| self.whose(ring.leg) == who);
        found.cloned().ok_or_else(|| match self.ringing() {
            none if none.is_empty() => format!("{who} does not ring; nobody does"),
            others => format!("{who} does not ring; it rings at {}", others.join(", ")),
        })
    }

    /// The carrier does what it was ordered to.
    pub(super) fn carry_out(&mut self, order: &Order) -> Result<(), String> {
        match order {
            Order::PlaceLeg {
                leg,
                ring_s,
                detects,
                ..
            } => {
                let until = self.now + Duration::from_secs(u64::from(*ring_s));
                self.rings_now(Ring {
                    leg: *leg,
                    until,
                    dialled: false,
                    detects: *detects,
                });
                self.happens(&Input::Ordered {
                    order: order.clone(),
                    carrier_id: Some(leg.to_string()),
                    failed: None,
                })
                .map(drop)
            }
            Order::MoveCall { call, turn, .. } if !self.line.over => {
                (self.line.call, self.line.turn) = (Some(*call), *turn);
                self.caller(CallEventKind::Resumed)
            }
            Order::EndLeg { leg, .. } => self.ended_by_us(*leg),
            _ => Ok(()),
        }
    }

    fn ended_by_us(&mut self, leg: LegId) -> Result<(), String> {
        let rang = self.line.rings.iter().any(|ring| ring.leg == leg);
        self.line.rings.retain(|ring| ring.leg != leg);
        self.leg_status(
            leg,
            match rang {
                true => CallStatus::Canceled,
                false => CallStatus::Completed,
            },
        )
    }

    /// Something of the line has come due.
    pub(super) fn line_due(&mut self, due: &Due) -> Result<(), String> {
        if let Due::Leg(leg) = due {
            let ring = self.line.rings.iter().find(|ring| ring.leg == *leg);
            let ring = ring.cloned().ok_or("nothing rings")?;
            return self.comes_to(&ring, How::NoAnswer);
        }
        match self.line.waits {
            Waits::Keys { .. } => self.keys_end(),
            Waits::Dial { .. } => self.ring_out(),
            Waits::Recording { .. } => self.recorded(0, false),
            Waits::Again { .. } => self.caller(CallEventKind::Resumed),
            Waits::Nothing | Waits::Room => Ok(()),
        }
    }

    fn ring_out(&mut self) -> Result<(), String> {
        for ring in self.line.rings.clone() {
            self.comes_to(&ring, How::NoAnswer)?;
        }
        Ok(())
    }

    /// A caller who is asked to wait a moment does.
    pub(super) fn wait_for_script(&mut self) -> Result<(), String> {
        for _ in 0..60 {
            let Waits::Again { until } = self.line.waits else {
                break;
            };
            let seconds = until.since(self.now).as_secs();
            self.passes(u32::try_from(seconds).unwrap_or(1).max(1))?;
        }
        Ok(())
    }

    /// What the caller is at, for people.
    pub(super) fn at_now(&self) -> String {
        match self.line.waits {
            _ if self.line.call.is_none() => "there is no call".to_owned(),
            _ if self.line.over => "the call is over".to_owned(),
            _ if self.line.talk.is_some() => "the caller talks to somebody".to_owned(),
            Waits::Keys { .. } => "keys are awaited".to_owned(),
            Waits::Dial { .. } | Waits::Room => match self.ringing() {
                none if none.is_empty() => "the caller waits".to_owned(),
                some => format!("it rings at {}", some.join(", ")),
            },
            Waits::Recording { .. } => "a message is recorded".to_owned(),
            Waits::Again { .. } | Waits::Nothing => "the caller waits".to_owned(),
        }
    }

    /// The caller speaks after the tone, as long as it is recorded.
    pub(super) fn leaves_voicemail(&mut self, seconds: u32) -> Result<(), String> {
        match self.line.waits {
            Waits::Recording { most_s, .. } => {
                let seconds = seconds.min(most_s);
                self.now = self.now + Duration::from_secs(u64::from(seconds));
                self.recorded(seconds, false)
            }
            _ => Err(format!("nothing is recorded now; {}", self.at_now())),
        }
    }

    fn recorded(&mut self, duration_s: u32, caller_gone: bool) -> Result<(), String> {
        let some = duration_s > 0;
        self.caller(CallEventKind::Recorded {
            duration_s,
            recording: some.then(|| "recording".to_owned()),
            url: some.then(|| "https://carrier.example.org/recording".to_owned()),
            caller_gone,
        })
    }

    /// A called person answers, and takes the call or does not.
    pub(super) fn answers(&mut self, who: Option<&str>, accept: bool) -> Result<(), String> {
        let ring = match who {
            Some(who) => self.ring_of(who)?,
            None => {
                let first = self.line.rings.first().cloned();
                first.ok_or_else(|| format!("nobody rings; {}", self.at_now()))?
            }
        };
        self.leg_status(ring.leg, CallStatus::InProgress)?;
        if ring.dialled && !self.is_screened() {
            return self.connected(&ring);
        }
        self.prompted(&ring, if accept { "1" } else { "" })
    }

    fn is_screened(&self) -> bool {
        matches!(self.line.waits, Waits::Dial { screen: true, .. })
    }

    /// A called person hears what a leg that has answered is told, and presses this key when asked.
    fn prompted(&mut self, ring: &Ring, key: &str) -> Result<(), String> {
        let asks = |digits, machine| CallEventKind::Screen {
            digits,
            machine,
            unsure: false,
        };
        // Nobody is asked for a key: who does not take the call is a machine.
        let machine = ring.detects && key.is_empty();
        let mut verbs = self.leg(ring.leg, asks(None, machine))?;
        if verbs
            .iter()
            .any(|verb| matches!(verb, CallVerb::Gather { .. }))
        {
            let who = self.whose(ring.leg);
            for text in verbs.iter().flat_map(CallVerb::texts) {
                let place = self.latest(&RINGING);
                self.log(Who::Flow, format!("asks {who} {text:?}"), place);
            }
            verbs = self.leg(ring.leg, asks(Some(key.to_owned()), false))?;
        }
        match verbs.as_slice() {
            [] | [CallVerb::Join { .. }] => self.connected(ring),
            _ => self.left_unaccepted(ring),
        }
    }

    fn connected(&mut self, ring: &Ring) -> Result<(), String> {
        let (leg, since) = (ring.leg, self.now);
        self.line.talk = Some(Talk { leg, since });
        self.line.rings.retain(|one| one.leg != leg);
        let others = self.line.rings.iter().filter(|one| one.dialled);
        let others: Vec<LegId> = others.map(|one| one.leg).collect();
        self.line.rings.retain(|one| !one.dialled);
        for other in others {
            self.leg_status(other, CallStatus::Canceled)?;
        }
        Ok(())
    }

    /// A leg that was answered is over without having taken the call.
    fn left_unaccepted(&mut self, ring: &Ring) -> Result<(), String> {
        self.line.rings.retain(|one| one.leg != ring.leg);
        let turn = self.line.turn;
        self.leg_status(ring.leg, CallStatus::Completed)?;
        self.dial_over(ring, turn, DialStatus::Answered)
    }

    /// The carrier's own dial is over with its last leg, unless the caller has been moved on already.
    fn dial_over(&mut self, ring: &Ring, turn: u32, status: DialStatus) -> Result<(), String> {
        let last = ring.dialled && self.line.rings.is_empty();
        if !last || self.line.turn != turn {
            return Ok(());
        }
        self.caller(CallEventKind::DialEnded {
            status,
            duration_s: 0,
            caller_gone: false,
        })
    }

    /// Somebody who rings, or everybody, does not take the call.
    pub(super) fn come_to(&mut self, who: Option<&str>, how: How) -> Result<(), String> {
        let rings = match who {
            Some(who) => vec![self.ring_of(who)?],
            None if self.line.rings.is_empty() => {
                return Err(format!("nobody rings; {}", self.at_now()));
            }
            None => self.line.rings.clone(),
        };
        if how == How::NoAnswer && rings.len() == self.line.rings.len() {
            return self.rings_out(&rings);
        }
        for ring in rings {
            self.comes_to(&ring, how)?;
        }
        Ok(())
    }

    /// The time passes in which these ring.
    fn rings_out(&mut self, rings: &[Ring]) -> Result<(), String> {
        let until = rings
            .iter()
            .map(|ring| ring.until)
            .max()
            .unwrap_or(self.now);
        let left = until.since(self.now).as_secs();
        self.passes(u32::try_from(left).unwrap_or(u32::MAX))?;
        for ring in rings {
            if self.line.rings.contains(ring) {
                self.comes_to(ring, How::NoAnswer)?;
            }
        }
        Ok(())
    }

    fn comes_to(&mut self, ring: &Ring, how: How) -> Result<(), String> {
        let asked = (!ring.dialled && !ring.detects) || self.is_screened();
        if how == How::Declines && asked {
            return self.prompted(ring, "2");
        }
        let (status, dial) = how.statuses();
        let turn = self.line.turn;
        self.line.rings.retain(|one| one.leg != ring.leg);
        // Only the end of the dial can say that its one phone refused.
        let told = how == How::Declines && ring.dialled && self.line.rings.is_empty();
        if !told {
            self.leg_status(ring.leg, status)?;
        }
        self.dial_over(ring, turn, dial)
    }

    /// Somebody hangs up: the caller, or a called person who talks.
    pub(super) fn hangs_up(&mut self, who: Option<&str>) -> Result<(), String> {
        if self.line.over || self.line.call.is_none() {
            return Err(self.at_now());
        }
        let Some(who) = who else {
            return self.caller_leaves();
        };
        let talk = self.line.talk;
        let talk = talk.filter(|talk| self.whose(talk.leg) == who);
        let talk = talk.ok_or_else(|| format!("{who} is not on the line; {}", self.at_now()))?;
        let turn = self.line.turn;
        self.line.talk = None;
        self.leg_status(talk.leg, CallStatus::Completed)?;
        if self.line.turn != turn {
            return Ok(());
        }
        self.caller(self.talked(talk, false))
    }

    fn talked(&self, talk: Talk, caller_gone: bool) -> CallEventKind {
        let seconds = self.now.since(talk.since).as_secs();
        CallEventKind::DialEnded {
            status: DialStatus::Answered,
            duration_s: u32::try_from(seconds).unwrap_or(u32::MAX),
            caller_gone,
        }
    }

    fn caller_leaves(&mut self) -> Result<(), String> {
        match (self.line.waits, self.line.talk) {
            (Waits::Recording { .. }, _) => self.recorded(0, true)?,
            (Waits::Dial { .. } | Waits::Room, Some(talk)) => {
                self.caller(self.talked(talk, true))?;
            }
            (Waits::Dial { .. } | Waits::Room, None) => {
                let (dialled, placed): (Vec<_>, Vec<_>) =
                    self.line.rings.drain(..).partition(|ring| ring.dialled);
                self.line.rings = placed;
                for ring in dialled {
                    self.leg_status(ring.leg, CallStatus::Canceled)?;
                }
                self.caller(CallEventKind::DialEnded {
                    status: DialStatus::Canceled,
                    duration_s: 0,
                    caller_gone: true,
                })?;
            }
            _ => {}
        }
        self.ended(CallStatus::Completed)
    }
}
