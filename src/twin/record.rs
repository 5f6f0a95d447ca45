//! `<Record>`: what a person says after the tone, its file and its transcription.

use std::sync::Arc;

use url::Url;

use super::fields::{form, rfc2822};
use super::hook::Hook;
use super::leg::{Heard, LegTask, Stop};
use super::shared::Shared;
use super::sign::Form;
use super::transcript::LineKind;
use super::twiml::{Callback, Record};
use super::world::{LegStatus, Recording};

/// Seconds from the end of a recording until its file can be fetched, and until its text is there.
const FILE_READY_S: f64 = 1.0;
const TEXT_READY_S: f64 = 2.0;
/// Recordings of this length are transcribed, in seconds.
const TRANSCRIBED_S: std::ops::RangeInclusive<u32> = 2..=120;

/// What was recorded, and how it came to an end.
#[derive(Default)]
struct Take {
    seconds: u32,
    words: String,
    key: String,
}

/// What is posted about a recording after the verb is through.
struct Publication {
    sid: String,
    seconds: u32,
    words: String,
    started: String,
    file: Option<(Url, bool, Vec<String>)>,
    text: Option<(Url, bool)>,
    call: Form,
    /// Recordings belong to the first leg of a call.
    owner: String,
    source: Source,
}

/// What made a recording.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    Verb,
    Dial,
    Room,
}

impl LegTask {
    /// Runs a `<Record>`. Returns the fields for its action; none when nothing was said.
    pub(super) async fn record(&mut self, verb: &Record) -> Result<Option<Form>, Stop> {
        self.ensure_answered();
        if verb.beep {
            self.line(LineKind::Plays, "a beep");
        }
        self.doing("is recorded");
        self.line(LineKind::Records, "what is said now is recorded");
        let started = rfc2822(self.twin.now());
        let mut take = Take::default();
        let stop = self.take(verb, &mut take).await.err();
        if matches!(stop, Some(Stop::HungUp)) {
            "hangup".clone_into(&mut take.key);
        }
        let publication = self.publication(verb, &take, started)?;
        let fields = (take.seconds > 0).then(|| self.action_fields(&publication, &take.key));
        if take.seconds > 0 {
            self.line(LineKind::Recorded, format!("{} s", take.seconds));
        }
        self.publish(publication);
        match (stop, fields, &verb.action) {
            (None, fields, _) => Ok(fields),
            (Some(Stop::HungUp), Some(fields), Some(action)) => {
                let source = self.source(action, fields)?;
                self.tell_after_hang_up(source).await;
                Err(Stop::HungUp)
            }
            (Some(stop), _, _) => Err(stop),
        }
    }

    /// Listens until silence, a key, the longest time, or the end of the call.
    async fn take(&mut self, verb: &Record, take: &mut Take) -> Result<(), Stop> {
        loop {
            if let Some(speech) = self.speech.take() {
                let left = verb.length_max_s.saturating_sub(take.seconds);
                let seconds = speech.seconds.min(left);
                take.words.push_str(&speech.words);
                if self.speak(verb, seconds, take).await? || take.seconds >= verb.length_max_s {
                    return Ok(());
                }
            }
            let mut silence = self.timer(verb.timeout_s);
            match self.next(Some(&mut silence)).await? {
                Heard::TimeUp => return Ok(()),
                Heard::Keys(keys) if finishes(verb, &keys, take) => return Ok(()),
                _ => {}
            }
        }
    }

    /// So many seconds are spoken; true when a key ended the recording.
    async fn speak(&mut self, verb: &Record, seconds: u32, take: &mut Take) -> Result<bool, Stop> {
        let from = self.twin.now();
        let before = take.seconds;
        let mut timer = self.timer(f64::from(seconds));
        loop {
            let heard = self.next(Some(&mut timer)).await;
            let spoken = self
                .twin
                .seconds_between(from, self.twin.now())
                .min(seconds);
            take.seconds = before + spoken;
            match heard? {
                Heard::TimeUp => {
                    take.seconds = before + seconds;
                    self.line(LineKind::Spoke, format!("spoke for {seconds} s"));
                    return Ok(false);
                }
                Heard::Keys(keys) if finishes(verb, &keys, take) => return Ok(true),
                _ => {}
            }
        }
    }

    fn publication(
        &self,
        verb: &Record,
        take: &Take,
        started: String,
    ) -> Result<Publication, Stop> {
        let file = verb.callback.as_ref().map(|callback| {
            let url = self.address(&callback.target.url)?;
            Ok((url, callback.target.get, callback.events.clone()))
        });
        let text = verb.transcribe.as_ref();
        let text = text.map(|target| Ok((self.address(&target.url)?, target.get)));
        let mut world = self.twin.world();
        let parent = world.leg(&self.sid).and_then(|leg| leg.parent.clone());
        let sid = world.sid("RE");
        drop(world);
        Ok(Publication {
            sid,
            seconds: take.seconds,
            words: take.words.clone(),
            started,
            file: file.transpose()?,
            text: text.transpose()?,
            call: self.fields(),
            owner: parent.unwrap_or_else(|| self.sid.clone()),
            source: Source::Verb,
        })
    }

    /// The recording of a talk that is over: so long, since then.
    pub(super) fn talk_recorded(
        &self,
        callback: &Callback,
        source: Source,
        seconds: u32,
    ) -> Result<(), Stop> {
        let url = self.address(&callback.target.url)?;
        let sid = self.twin.world().sid("RE");
        self.publish(Publication {
            sid,
            seconds: seconds.max(1),
            words: String::new(),
            started: rfc2822(self.twin.now()),
            file: Some((url, callback.target.get, callback.events.clone())),
            text: None,
            call: Form::new(),
            owner: self.sid.clone(),
            source,
        });
        Ok(())
    }

    fn action_fields(&self, publication: &Publication, key: &str) -> Form {
        form([
            ("RecordingUrl", &self.twin.recording_url(&publication.sid)),
            ("RecordingSid", &publication.sid),
            ("RecordingDuration", &publication.seconds.to_string()),
            ("Digits", key),
        ])
    }

    /// The file and the text follow later, and also when the call is over by then.
    fn publish(&self, publication: Publication) {
        let twin = self.twin.clone();
        let (sid, seconds) = (publication.sid.clone(), publication.seconds);
        if seconds > 0 {
            twin.world().add_recording(Recording {
                sid,
                seconds,
                ready: false,
            });
        }
        self.twin
            .spawn(async move { twin.publish(publication).await });
    }
}

impl Shared {
    async fn publish(self: &Arc<Self>, publication: Publication) {
        self.pause(FILE_READY_S).await;
        self.world().recording_ready(&publication.sid);
        self.publish_file(&publication).await;
        if TRANSCRIBED_S.contains(&publication.seconds) {
            self.pause(TEXT_READY_S).await;
            self.publish_text(&publication).await;
        }
    }

    async fn publish_file(self: &Arc<Self>, publication: &Publication) {
        let Some((url, get, events)) = publication.file.clone() else {
            return;
        };
        let status = if publication.seconds > 0 {
            "completed"
        } else {
            "absent"
        };
        if !events.iter().any(|event| event == status) {
            return;
        }
        let (source, channels) = match publication.source {
            Source::Verb => ("RecordVerb", "1"),
            Source::Dial => ("DialVerb", "2"),
            Source::Room => ("Conference", "1"),
        };
        let mut fields = form([
            ("RecordingSource", source),
            ("RecordingSid", &publication.sid),
            ("RecordingStatus", status),
            ("RecordingChannels", channels),
            ("AccountSid", &self.settings.account_sid),
        ]);
        // The recording of a room belongs to none of its legs.
        if publication.source != Source::Room {
            fields.push(("CallSid".to_owned(), publication.owner.clone()));
        }
        fields.extend(if publication.seconds > 0 {
            form([
                (
                    "RecordingUrl",
                    self.recording_url(&publication.sid).as_str(),
                ),
                ("ErrorCode", "0"),
                ("RecordingStartTime", &publication.started),
                ("RecordingDuration", &publication.seconds.to_string()),
            ])
        } else {
            form([("ErrorCode", "16102"), ("RecordingDuration", "-1")])
        });
        // A failure is a line of the transcript already.
        let _ = self
            .deliver(Hook {
                url,
                get,
                form: fields,
            })
            .await;
    }

    async fn publish_text(self: &Arc<Self>, publication: &Publication) {
        let Some((url, get)) = publication.text.clone() else {
            return;
        };
        let sid = self.world().sid("TR");
        let recording = self.recording_url(&publication.sid);
        let spoken = if publication.words.is_empty() {
            "This is a sample of a transcribed message."
        } else {
            &publication.words
        };
        let mut fields = form([
            ("TranscriptionType", "fast"),
            ("TranscriptionSid", &sid),
            (
                "TranscriptionUrl",
                &format!("{recording}/Transcriptions/{sid}"),
            ),
            ("TranscriptionStatus", "completed"),
            ("TranscriptionText", spoken),
            ("RecordingSid", &publication.sid),
            ("RecordingUrl", &recording),
            ("url", ""),
        ]);
        let named = [
            "CallSid",
            "AccountSid",
            "From",
            "To",
            "Caller",
            "Called",
            "Direction",
            "ApiVersion",
        ];
        let call = publication
            .call
            .iter()
            .filter(|(name, _)| named.contains(&name.as_str()));
        fields.extend(call.cloned());
        fields.push((
            "CallStatus".to_owned(),
            LegStatus::Completed.word().to_owned(),
        ));
        // A failure is a line of the transcript already.
        let _ = self
            .deliver(Hook {
                url,
                get,
                form: fields,
            })
            .await;
    }

    fn recording_url(&self, sid: &str) -> String {
        format!("{}/Recordings/{sid}", self.api())
    }
}

/// Whether these keys end the recording; notes the one that does.
fn finishes(verb: &Record, keys: &str, take: &mut Take) -> bool {
    let key = keys.chars().find(|key| verb.finish_on.contains(*key));
    if let Some(key) = key {
        take.key = key.to_string();
    }
    key.is_some()
}
