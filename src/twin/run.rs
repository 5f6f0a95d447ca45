//! Running documents on a leg: one verb after the other, one document after the other.

use url::Url;

use super::hook::Hook;
use super::leg::{Heard, LegTask, Stop};
use super::sign::Form;
use super::transcript::LineKind;
use super::twiml::{self, Gather, Target, Verb};
use super::world::LegStatus;

/// Documents of one call, at most: ends a call whose documents send it round in circles.
const DOCUMENTS_MAX: u32 = 5_000;
/// Keys that one `<Gather>` takes, at most.
const DIGITS_MAX: usize = 128;
/// Seconds for a sound whose length nobody knows.
const SOUND_S: f64 = 2.0;
const WORD_S: f64 = 0.35;
/// Times that something is repeated, at most.
const REPEATS_MAX: u32 = 100;
/// Seconds of what is repeated without end; no call lasts longer.
const FOR_EVER_S: f64 = 86_400.0;

/// Where a document comes from.
#[derive(Debug, Clone)]
pub(super) enum Source {
    /// Asked from the daemon, with these fields beside the usual ones.
    Ask { url: Url, get: bool, more: Form },
    /// Given in the request.
    Given(String),
}

impl LegTask {
    /// Runs a document and all that follow from it, on to the end of the last; whatever happens after
    /// that is the caller's to say.
    pub(super) async fn run(&mut self, first: Source) -> Result<(), Stop> {
        let mut next = Some(first);
        while let Some(source) = next.take() {
            let verbs = self.load(source).await?;
            for verb in &verbs {
                next = self.verb(verb).await?;
                if next.is_some() {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Runs documents until the leg is over, and returns its last status.
    pub(super) async fn program(&mut self, first: Source) -> LegStatus {
        let mut source = first;
        loop {
            let stop = match self.run(source).await {
                Ok(()) => return LegStatus::Completed,
                Err(stop) => stop,
            };
            match stop {
                Stop::Redirected(next) => source = next,
                Stop::Ended(status) => return status,
                Stop::HungUp => return self.hung_up_status(),
                Stop::Fault(text) => {
                    self.line(LineKind::Fault, text);
                    self.line(
                        LineKind::Hears,
                        "An application error has occurred. Goodbye.",
                    );
                    return LegStatus::Failed;
                }
            }
        }
    }

    /// Reads the next document.
    pub(super) async fn load(&mut self, source: Source) -> Result<Vec<Verb>, Stop> {
        self.documents += 1;
        if self.documents > DOCUMENTS_MAX {
            return Err(Stop::Fault(
                "the call asked for too many documents".to_owned(),
            ));
        }
        let text = match source {
            Source::Given(text) => text,
            Source::Ask { url, get, more } => {
                self.at = url.clone();
                let mut form = self.fields();
                form.extend(more);
                self.ask(Hook { url, get, form }).await?
            }
        };
        twiml::parse(&text).map_err(Stop::Fault)
    }

    /// The document at an address as a document names it, relative to itself.
    pub(super) fn source(&self, target: &Target, more: Form) -> Result<Source, Stop> {
        let url = self.address(&target.url)?;
        Ok(Source::Ask {
            url,
            get: target.get,
            more,
        })
    }

    /// The action of a verb; without one, the current document again.
    fn action(&self, target: Option<&Target>, get: bool, more: Form) -> Result<Source, Stop> {
        match target {
            Some(target) => self.source(target, more),
            None => Ok(Source::Ask {
                url: self.at.clone(),
                get,
                more,
            }),
        }
    }

    pub(super) fn address(&self, text: &str) -> Result<Url, Stop> {
        let fault = |_| Stop::Fault("the document has an address that is none".to_owned());
        self.at.join(text).map_err(fault)
    }

    async fn verb(&mut self, verb: &Verb) -> Result<Option<Source>, Stop> {
        match verb {
            Verb::Say(_) | Verb::Play(_) | Verb::Pause { .. } => {
                if !matches!(verb, Verb::Pause { .. }) {
                    self.ensure_answered();
                }
                self.doing("listens");
                self.prompt(verb, false).await.map(|_| None)
            }
            Verb::Gather(gather) => self.gather(gather).await,
            Verb::Dial(_) if self.whispering => Err(Stop::Fault(
                "<Dial> is not allowed before the legs are connected".to_owned(),
            )),
            Verb::Dial(dial) => self.dial(dial).await,
            Verb::Record(record) => match self.record(record).await? {
                Some(more) => self
                    .action(record.action.as_ref(), record.get, more)
                    .map(Some),
                None => Ok(None),
            },
            Verb::Redirect(target) => self.source(target, Vec::new()).map(Some),
            Verb::Reject { busy } => self.reject(*busy),
            Verb::Hangup => {
                self.ensure_answered();
                Err(Stop::Ended(LegStatus::Completed))
            }
            Verb::Message(_) => Err(Stop::Fault("<Message> is no verb of a call".to_owned())),
        }
    }

    fn reject(&mut self, busy: bool) -> Result<Option<Source>, Stop> {
        if self.status() != LegStatus::Ringing {
            return Err(Stop::Fault(
                "<Reject> after the call was answered".to_owned(),
            ));
        }
        let (heard, status) = match busy {
            true => ("the engaged tone", LegStatus::Busy),
            false => ("that the number is not in service", LegStatus::NoAnswer),
        };
        self.line(LineKind::Plays, heard);
        Err(Stop::Ended(status))
    }

    /// Speaks, plays or pauses. When listening, keys end it and are returned.
    pub(super) async fn prompt(
        &mut self,
        verb: &Verb,
        listening: bool,
    ) -> Result<Option<String>, Stop> {
        let (kind, text, seconds, times) = match verb {
            Verb::Say(say) => {
                let seconds = WORD_S * say.text.split_whitespace().count() as f64;
                (LineKind::Hears, say.text.clone(), seconds, say.times)
            }
            Verb::Play(play) if play.url.is_empty() => (
                LineKind::Plays,
                format!("the tones {}", play.digits),
                0.5,
                play.times,
            ),
            Verb::Play(play) => (LineKind::Plays, sound_name(&play.url), SOUND_S, play.times),
            Verb::Pause { seconds } => return self.listen(*seconds, listening).await,
            _ => return Ok(None),
        };
        if times == 0 {
            self.line(kind, format!("{text}, again and again"));
            return self.listen(FOR_EVER_S, listening).await;
        }
        for _ in 0..times.min(REPEATS_MAX) {
            self.line(kind, text.clone());
            let keys = self.listen(seconds, listening).await?;
            if keys.is_some() {
                return Ok(keys);
            }
        }
        Ok(None)
    }

    async fn listen(&mut self, seconds: f64, listening: bool) -> Result<Option<String>, Stop> {
        let mut timer = self.timer(seconds);
        loop {
            match self.next(Some(&mut timer)).await? {
                Heard::TimeUp => return Ok(None),
                Heard::Keys(keys) if listening => return Ok(Some(keys)),
                _ => {}
            }
        }
    }

    async fn gather(&mut self, gather: &Gather) -> Result<Option<Source>, Stop> {
        self.ensure_answered();
        self.doing("is asked for keys");
        let mut typed = Typed::default();
        for verb in &gather.prompts {
            if let Some(keys) = self.prompt(verb, gather.keys && gather.barge_in).await? {
                typed.take(&keys, gather);
                break;
            }
        }
        if !typed.done {
            self.line(LineKind::Listens, "waits for keys");
        }
        let mut timer = self.timer(gather.timeout_s);
        while !typed.done {
            match self.next(Some(&mut timer)).await? {
                Heard::TimeUp => typed.done = true,
                Heard::Keys(keys) if gather.keys => {
                    typed.take(&keys, gather);
                    timer = self.timer(gather.timeout_s);
                }
                _ => {}
            }
        }
        if typed.digits.is_empty() && !gather.on_empty {
            return Ok(None);
        }
        self.action(gather.action.as_ref(), gather.get, typed.fields())
            .map(Some)
    }
}

/// What was typed into a `<Gather>`.
#[derive(Default)]
struct Typed {
    digits: String,
    finished_on: String,
    done: bool,
}

impl Typed {
    fn take(&mut self, keys: &str, gather: &Gather) {
        let most = gather.digits_max.unwrap_or(DIGITS_MAX).min(DIGITS_MAX);
        for key in keys.chars() {
            if self.done {
                return;
            }
            if gather.finish_on.contains(key) {
                self.finished_on = key.to_string();
                self.done = true;
            } else {
                self.digits.push(key);
                self.done = self.digits.len() >= most;
            }
        }
    }

    fn fields(self) -> Form {
        let mut fields = vec![("Digits".to_owned(), self.digits.clone())];
        if !self.digits.is_empty() {
            fields.push(("FinishedOnKey".to_owned(), self.finished_on));
        }
        fields.push(("msg".to_owned(), "Gather End".to_owned()));
        fields
    }
}

/// The last part of an address, for the transcript.
fn sound_name(url: &str) -> String {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    path.rsplit('/').next().unwrap_or_default().to_owned()
}
