//! `voicemail`: a message recorded into a box.

use super::{Came, Verb};
use crate::flow::effect::{Effect, Notify};
use crate::flow::engine::Engine;
use crate::flow::event::Event;
use crate::flow::reader::{Reading, Who};
use crate::flow::run::{Early, Wait};
use crate::flow::scope::Val;
use crate::flow::template::{Text, by_language};
use crate::flow::yaml::{Node, Value};
use crate::model::CallVerb;

/// How long a message may be, and the silence that ends it.
const MAX_S: (u32, u32, u32) = (10, 180, 600);
const SILENCE_S: (u32, u32, u32) = (1, 5, 30);
const MIN_S: (u32, u32, u32) = (0, 2, 60);
/// How long the length of a recording is awaited when its caller has hung up.
const RECORDED_WAIT_S: u32 = 60;

/// Records a message.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct VoicemailStep {
    owner: Who,
    greeting: Text,
    beep: bool,
    max_s: u32,
    silence_s: u32,
    min_s: u32,
    transcribe: bool,
    notify: NotifyWhom,
}

/// Who is told, as written.
#[derive(Debug, Clone, PartialEq)]
enum NotifyWhom {
    Nobody,
    Members,
    Users(Vec<String>),
}

/// Users told of one voicemail besides or in place of its box's members.
const TOLD_MAX: usize = 20;

impl VoicemailStep {
    pub(super) fn read(reading: &mut Reading<'_>, node: &Node) -> Option<Verb> {
        let fields = reading.form(node, "voicemail")?;
        let owner = reading.who(&fields, "voicemail");
        let greeting = match fields.get("greeting") {
            Some(node) => reading.text(node, "the greeting"),
            None => Some(default_greeting()),
        };
        let mut flag = |key: &str, default: bool| {
            fields
                .get(key)
                .and_then(|node| reading.boolean(node, key))
                .unwrap_or(default)
        };
        let (beep, transcribe) = (flag("beep", true), flag("transcribe", false));
        let mut seconds = |key: &str, (min, default, max): (u32, u32, u32)| {
            let node = fields.get(key);
            node.and_then(|node| reading.duration(node, &format!("`{key}`"), min, max))
                .unwrap_or(default)
        };
        let (max_s, silence_s, min_s) = (
            seconds("max", MAX_S),
            seconds("silence", SILENCE_S),
            seconds("min", MIN_S),
        );
        if let Some(node) = fields
            .get("min")
            .or(fields.get("max"))
            .filter(|_| min_s > max_s)
        {
            let message = "a message that is long enough for `min` is longer than `max`";
            let help = "every message would be `empty`; let `min` be shorter, or `max` longer";
            reading.fault_help(&node.at, "out-of-range", message, help);
        }
        let notify = match fields.get("notify") {
            Some(node) => read_notify(reading, node).unwrap_or(NotifyWhom::Members),
            None => NotifyWhom::Members,
        };
        let (owner, greeting) = (owner?, greeting?);
        let step = Self {
            owner,
            greeting,
            beep,
            max_s,
            silence_s,
            min_s,
            transcribe,
            notify,
        };
        Some(Verb::Voicemail(Box::new(step)))
    }

    pub(super) fn enter(&self, engine: &mut Engine<'_>) -> Came {
        let greeting = engine.spoken(&self.greeting);
        engine.said.push(greeting);
        engine.give(CallVerb::Record {
            max_s: self.max_s,
            silence_s: self.silence_s,
            beep: self.beep,
            transcribe: self.transcribe,
        });
        engine.run.call.sought = true;
        engine.run.early = None;
        engine.run.wait = Wait::Recording { hung_up: false };
        Came::Waits
    }

    pub(super) fn resume(&self, engine: &mut Engine<'_>, event: &Event<'_>) -> Came {
        let Wait::Recording { hung_up } = engine.run.wait else {
            return Came::Waits;
        };
        match event {
            // The caller is gone and the length of what was said comes in an event of its own.
            Event::HungUp => {
                engine.run.wait = Wait::Recording { hung_up: true };
                engine.run.due_at = Some(engine.after(RECORDED_WAIT_S));
                Came::Waits
            }
            Event::Timer if hung_up && engine.is_due() => self.never_told(engine),
            Event::RecordingReady(early) => {
                engine.run.early = Some(Early {
                    recording: early.recording.to_owned(),
                    url: early.url.to_owned(),
                    duration_s: early.duration_s,
                });
                Came::Waits
            }
            Event::Recorded { .. } => self.recorded(engine, event),
            _ => Came::Waits,
        }
    }

    /// The end of the recording was told; what it leaves out may be known from its file.
    fn recorded(&self, engine: &mut Engine<'_>, event: &Event<'_>) -> Came {
        let early = engine.run.early.take();
        let told = completed(event, early.as_ref());
        match told {
            Event::Recorded { duration_s, .. } if duration_s >= self.min_s.max(1) => {
                self.left(engine, &told);
                Came::outcome("left")
            }
            _ if engine.run.call.gone => Came::HungUp,
            _ => Came::outcome("empty"),
        }
    }

    /// The end of the recording was not told in time: its file is enough.
    fn never_told(&self, engine: &mut Engine<'_>) -> Came {
        if let Some(early) = engine.run.early.take()
            && early.duration_s >= self.min_s.max(1)
        {
            self.left(engine, &early.event());
            return Came::outcome("left");
        }
        engine.run.recording.clone_from(&engine.run.step);
        Came::HungUp
    }

    /// A recording told only after the run was over is still a voicemail.
    pub(crate) fn take_late(&self, engine: &mut Engine<'_>, event: &Event<'_>) {
        let Event::Recorded { duration_s, .. } = event else {
            return;
        };
        engine.run.recording = None;
        if *duration_s >= self.min_s.max(1) {
            self.left(engine, event);
            if !engine.run.call.answered {
                engine.effects.push(Effect::CallOutcome("voicemail"));
            }
        }
    }

    fn left(&self, engine: &mut Engine<'_>, event: &Event<'_>) {
        let Event::Recorded {
            duration_s,
            recording,
            url,
            ..
        } = *event
        else {
            return;
        };
        // A box that is no more must not cost the message: it goes to the number's default route.
        let default = || {
            let number = engine.facts.account.number(engine.facts.number.id);
            number.map(|number| number.route)
        };
        let Some(owner) = engine.route(&self.owner).or_else(default) else {
            let text = "a voicemail has no box to go into".to_owned();
            return engine.effects.push(Effect::Note { text });
        };
        engine.run.call.voicemail = true;
        engine.keep_here("seconds", Val::Number(f64::from(duration_s)));
        engine.effects.push(Effect::Voicemail {
            owner,
            duration_s,
            recording: recording.map(str::to_owned),
            url: url.map(str::to_owned),
            notify: self.notify.now(engine),
        });
    }
}

impl NotifyWhom {
    /// Whoever of them still works here.
    fn now(&self, engine: &Engine<'_>) -> Notify {
        match self {
            Self::Nobody => Notify::Nobody,
            Self::Members => Notify::Members,
            Self::Users(keys) => {
                let users = keys
                    .iter()
                    .filter_map(|key| engine.facts.directory.user_by_key(key));
                let active = users.filter(|user| user.active);
                Notify::Users(active.map(|user| user.id).collect())
            }
        }
    }
}

/// `members`, `none`, or users by key.
fn read_notify(reading: &mut Reading<'_>, node: &Node) -> Option<NotifyWhom> {
    if let Value::Scalar { .. } = node.value {
        let words = [("members", true), ("none", false)];
        let members = reading.choice(node, "notice", &words)?;
        return Some(match members {
            true => NotifyWhom::Members,
            false => NotifyWhom::Nobody,
        });
    }
    let items = reading.list(node, "`notify`");
    if items.is_empty() || items.len() > TOLD_MAX {
        let message = format!("`notify` names 1 to {TOLD_MAX} users, or is `members` or `none`");
        reading.fault(&node.at, "out-of-range", message);
    }
    let users: Vec<String> = items
        .into_iter()
        .filter_map(|item| reading.user(item))
        .collect();
    Some(NotifyWhom::Users(users))
}

impl Early {
    fn event(&self) -> Event<'_> {
        Event::Recorded {
            duration_s: self.duration_s,
            recording: Some(&self.recording),
            url: Some(&self.url),
            caller_gone: true,
        }
    }
}

/// What was told of a recording, with what its file had told before.
fn completed<'e>(event: &Event<'e>, early: Option<&'e Early>) -> Event<'e> {
    match (*event, early) {
        (
            Event::Recorded {
                duration_s,
                recording,
                url,
                caller_gone,
            },
            Some(early),
        ) if recording.is_none_or(|told| told == early.recording) => Event::Recorded {
            duration_s: duration_s.max(early.duration_s),
            recording: Some(&early.recording),
            url: url.or(Some(&early.url)),
            caller_gone,
        },
        (event, _) => event,
    }
}

fn default_greeting() -> Text {
    by_language(&[
        ("en", "Please leave a message after the tone."),
        ("es", "Por favor, deje un mensaje después de la señal."),
        ("fr", "Veuillez laisser un message après le bip."),
        ("de", "Bitte hinterlassen Sie eine Nachricht nach dem Ton."),
    ])
}
