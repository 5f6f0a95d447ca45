//! A leg: one task with a mailbox. The person at its far end and the daemon both write to the mailbox.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Sleep;
use url::Url;

use super::fields::call_fields;
use super::hook::Hook;
use super::run::Source;
use super::shared::Shared;
use super::sign::Form;
use super::transcript::LineKind;
use super::world::{Direction, LEGS_LIVE_MAX, Leg, LegStatus};

/// Commands waiting in one mailbox, at most.
const MAILBOX_MAX: usize = 64;
/// Places of the mailbox kept free for commands that end something: keys may not fill it.
const MAILBOX_RESERVE: usize = 32;
/// Seconds until a phone rings, and until an unreachable one is given up.
const SET_UP_S: f64 = 0.3;

/// What is told to a leg.
#[derive(Debug)]
pub(super) enum Command {
    /// The person presses keys.
    Press(String),
    /// The person will speak after the tone.
    Speak(Speech),
    /// The phone is picked up, by its person or by its voicemail.
    Answer { machine: bool },
    /// The phone refuses or is engaged.
    Refuse,
    /// The person puts the phone down.
    HangUp,
    /// The leg is ended by our side.
    End(LegStatus),
    /// The daemon moves the leg to another document.
    Redirect(Source),
}

/// What a person says into a recording.
#[derive(Clone, Debug)]
pub(super) struct Speech {
    pub(super) seconds: u32,
    pub(super) words: String,
}

/// What can happen while a leg waits and goes on.
pub(super) enum Heard {
    TimeUp,
    Keys(String),
    Speech,
    Answer { machine: bool },
    Refuse,
}

/// Why a leg stops what it is doing.
#[derive(Debug)]
pub(super) enum Stop {
    /// The person at the far end hung up.
    HungUp,
    /// Our side ended it, with this last status.
    Ended(LegStatus),
    /// The daemon moved it to another document.
    Redirected(Source),
    /// A document or webhook is unusable; the words are for the transcript.
    Fault(String),
}

/// A moment to wait for.
pub(super) type Timer = Pin<Box<Sleep>>;

/// Where a leg's progress is posted.
pub(super) struct Progress {
    pub(super) url: Url,
    pub(super) get: bool,
    pub(super) events: Vec<String>,
    pub(super) hooks: mpsc::Sender<Hook>,
    pub(super) sequence: u32,
}

/// The running side of a leg.
pub(super) struct LegTask {
    pub(super) twin: Arc<Shared>,
    pub(super) sid: String,
    pub(super) phone: String,
    pub(super) mailbox: mpsc::Receiver<Command>,
    pub(super) progress: Option<Progress>,
    pub(super) speech: Option<Speech>,
    /// Documents fetched so far.
    pub(super) documents: u32,
    /// The address of the current document.
    pub(super) at: Url,
    /// Runs the document that a called person hears before the legs are connected.
    pub(super) whispering: bool,
    /// A machine has picked up.
    pub(super) machine: bool,
}

/// Who is to be connected by a new leg.
pub(super) struct NewLeg {
    pub(super) parent: Option<String>,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) direction: Direction,
    pub(super) token: Option<String>,
}

impl LegTask {
    /// Registers a leg; `None` when too many are alive.
    pub(super) fn new(twin: &Arc<Shared>, new: NewLeg) -> Option<Self> {
        let (sender, mailbox) = mpsc::channel(MAILBOX_MAX);
        let now = twin.now();
        let mut world = twin.world();
        if world.legs.len() >= LEGS_LIVE_MAX {
            return None;
        }
        let sid = world.sid("CA");
        let leg = Leg {
            sid: sid.clone(),
            parent: new.parent,
            from: new.from,
            to: new.to,
            direction: new.direction,
            status: match new.direction {
                Direction::Inbound => LegStatus::Ringing,
                Direction::Api | Direction::Dial => LegStatus::Queued,
            },
            created: now,
            answered: None,
            ended: None,
            doing: "waits".to_owned(),
            token: new.token,
            mailbox: sender,
        };
        let phone = leg.phone().to_owned();
        world.legs.insert(sid.clone(), leg);
        drop(world);
        Some(Self {
            twin: twin.clone(),
            sid,
            phone,
            mailbox,
            progress: None,
            speech: None,
            documents: 0,
            at: twin.settings.hooks_base.clone(),
            whispering: false,
            machine: false,
        })
    }

    /// Reports this leg's progress to an address.
    pub(super) fn report_to(&mut self, url: Url, get: bool, events: Vec<String>) {
        self.progress = Some(Progress {
            url,
            get,
            events,
            hooks: self.twin.ordered_hooks(),
            sequence: 0,
        });
    }

    /// Adds a line about this leg to the transcript.
    pub(super) fn line(&self, kind: LineKind, text: impl Into<String>) {
        let (call, phone) = (Some(self.sid.as_str()), Some(self.phone.as_str()));
        self.twin.line(kind, call, phone, text);
    }

    /// Notes for the page what the person is going through.
    pub(super) fn doing(&self, text: &str) {
        if let Some(leg) = self.twin.world().legs.get_mut(&self.sid) {
            text.clone_into(&mut leg.doing);
        }
    }

    /// The fields that every webhook of this leg carries.
    pub(super) fn fields(&self) -> Form {
        let world = self.twin.world();
        let leg = world.leg(&self.sid);
        leg.map_or_else(Vec::new, |leg| {
            call_fields(&self.twin.settings.account_sid, leg)
        })
    }

    pub(super) fn status(&self) -> LegStatus {
        let world = self.twin.world();
        world
            .leg(&self.sid)
            .map_or(LegStatus::Failed, |leg| leg.status)
    }

    /// Moves the leg to a status and reports it.
    pub(super) fn set_status(&mut self, status: LegStatus) {
        let now = self.twin.now();
        if let Some(leg) = self.twin.world().legs.get_mut(&self.sid) {
            leg.status = status;
            if status == LegStatus::InProgress {
                leg.answered.get_or_insert(now);
            }
        }
        self.report(status, Vec::new());
    }

    fn report(&mut self, status: LegStatus, more: Form) {
        let mut form = self.fields();
        let now = self.twin.now();
        let Some(progress) = &mut self.progress else {
            return;
        };
        if !progress.events.iter().any(|event| event == status.event()) {
            return;
        }
        form.extend(more);
        form.push(("Timestamp".to_owned(), super::fields::rfc2822(now)));
        form.push((
            "CallbackSource".to_owned(),
            "call-progress-events".to_owned(),
        ));
        form.push(("SequenceNumber".to_owned(), progress.sequence.to_string()));
        progress.sequence += 1;
        let (url, get) = (progress.url.clone(), progress.get);
        if progress.hooks.try_send(Hook { url, get, form }).is_err() {
            let text = "a status callback was dropped: too many are waiting";
            self.line(LineKind::Fault, text);
        }
    }

    /// Our side answers the caller, if that has not happened yet.
    pub(super) fn ensure_answered(&mut self) {
        if self.status() == LegStatus::Ringing {
            self.set_status(LegStatus::InProgress);
            self.line(LineKind::Answered, "the call is answered");
        }
    }

    /// A timer of so many seconds of the twin.
    pub(super) fn timer(&self, seconds: f64) -> Timer {
        let wait = self.twin.real(seconds).min(Duration::from_secs(86_400));
        Box::pin(tokio::time::sleep(wait))
    }

    /// The next thing that happens, or that the timer's time is up.
    pub(super) async fn next(&mut self, timer: Option<&mut Timer>) -> Result<Heard, Stop> {
        let command = match timer {
            None => self.mailbox.recv().await,
            Some(timer) => tokio::select! {
                biased;
                command = self.mailbox.recv() => command,
                () = timer => return Ok(Heard::TimeUp),
            },
        };
        match command {
            Some(Command::Press(keys)) => {
                self.line(LineKind::Pressed, keys.clone());
                Ok(Heard::Keys(keys))
            }
            Some(Command::Speak(speech)) => {
                self.speech = Some(speech);
                Ok(Heard::Speech)
            }
            Some(Command::Answer { machine }) => Ok(Heard::Answer { machine }),
            Some(Command::Refuse) => Ok(Heard::Refuse),
            Some(Command::HangUp) => {
                self.line(LineKind::HungUp, "puts the phone down");
                Err(Stop::HungUp)
            }
            Some(Command::End(status)) => Err(Stop::Ended(status)),
            Some(Command::Redirect(source)) => Err(Stop::Redirected(source)),
            // The world drops the sender only when the leg is over.
            None => Err(Stop::Ended(LegStatus::Completed)),
        }
    }

    /// Waits so many seconds; keys pressed meanwhile are heard by nobody.
    pub(super) async fn wait(&mut self, seconds: f64) -> Result<(), Stop> {
        let mut timer = self.timer(seconds);
        while !matches!(self.next(Some(&mut timer)).await?, Heard::TimeUp) {}
        Ok(())
    }

    /// Asks the daemon; what the person does meanwhile is not lost. A request under way is finished even
    /// when the person hangs up.
    pub(super) async fn ask(&mut self, hook: Hook) -> Result<String, Stop> {
        let (sender, mut answer) = tokio::sync::oneshot::channel();
        let twin = self.twin.clone();
        self.twin.spawn(async move {
            // The receiver is gone when the leg has stopped; then nobody needs the answer.
            let _ = sender.send(twin.deliver(hook).await);
        });
        loop {
            tokio::select! {
                biased;
                body = &mut answer => {
                    let body = body.unwrap_or_else(|_| Err("the twin stops".to_owned()));
                    return body.map_err(Stop::Fault);
                }
                heard = self.next(None) => { heard?; }
            }
        }
    }

    /// Lets the phone ring until it is answered (`Ok`) or the ringing is over.
    pub(super) async fn ring(&mut self, timeout_s: Option<f64>) -> Result<(), LegStatus> {
        self.set_status(LegStatus::Initiated);
        self.wait(SET_UP_S).await.map_err(before_answer)?;
        if self.twin.world().unreachable.contains(&self.phone) {
            self.line(LineKind::Unreachable, "cannot be reached");
            return Err(LegStatus::Failed);
        }
        // The status first: who reads the line may answer at once.
        self.doing("rings");
        self.set_status(LegStatus::Ringing);
        self.line(LineKind::Rings, "rings");
        let mut timer = timeout_s.map(|seconds| self.timer(seconds));
        loop {
            match self.next(timer.as_mut()).await.map_err(before_answer)? {
                Heard::Answer { machine } => {
                    self.machine = machine;
                    return Ok(());
                }
                Heard::Refuse => return Err(LegStatus::Busy),
                Heard::TimeUp => return Err(LegStatus::NoAnswer),
                Heard::Keys(_) | Heard::Speech => {}
            }
        }
    }

    /// The phone is picked up.
    pub(super) fn picked_up(&mut self) {
        self.doing("listens");
        self.set_status(LegStatus::InProgress);
        let who = if self.machine {
            "its voicemail picks up"
        } else {
            "picks up"
        };
        self.line(LineKind::Answered, who);
    }

    /// The end of the leg: reported and taken off the list.
    pub(super) fn finish(&mut self, status: LegStatus) {
        let kind = match status {
            LegStatus::Busy => LineKind::Busy,
            LegStatus::NoAnswer => LineKind::NoAnswer,
            LegStatus::Canceled => LineKind::Canceled,
            _ => LineKind::Ended,
        };
        self.line(kind, status.word());
        let seconds = self.talked_s();
        self.twin.world().retire(&self.sid, status, self.twin.now());
        let minutes = seconds.div_ceil(60);
        let more = vec![
            ("Duration".to_owned(), minutes.to_string()),
            ("CallDuration".to_owned(), seconds.to_string()),
        ];
        self.report(status, more);
    }

    /// The last status of a leg whose person hung up.
    pub(super) fn hung_up_status(&self) -> LegStatus {
        let world = self.twin.world();
        let answered = world.leg(&self.sid).and_then(|leg| leg.answered);
        answered.map_or(LegStatus::NoAnswer, |_| LegStatus::Completed)
    }

    /// Seconds since the answer.
    pub(super) fn talked_s(&self) -> u32 {
        let answered = self
            .twin
            .world()
            .leg(&self.sid)
            .and_then(|leg| leg.answered);
        answered.map_or(0, |at| self.twin.seconds_between(at, self.twin.now()))
    }
}

/// How a leg ends that is stopped before somebody answered it.
fn before_answer(stop: Stop) -> LegStatus {
    match stop {
        Stop::HungUp => LegStatus::Busy,
        Stop::Ended(status) => status,
        Stop::Redirected(_) | Stop::Fault(_) => LegStatus::Failed,
    }
}

impl Leg {
    /// Puts a command into the mailbox; false when it is full or the leg is over.
    pub(super) fn tell(&self, command: Command) -> bool {
        let spare = matches!(
            command,
            Command::Press(_) | Command::Speak(_) | Command::Redirect(_)
        );
        if spare && self.mailbox.capacity() <= MAILBOX_RESERVE {
            return false;
        }
        self.mailbox.try_send(command).is_ok()
    }
}
