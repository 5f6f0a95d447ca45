//! `<Dial>`: rings numbers, one after the other or all at once, and connects the first that answers.
//!
//! The first leg that *answers* has the call, and the others stop ringing at once, before anybody pressed
//! a key: a mobile's own voicemail that picks up takes the call from all others, as at the carrier.

use std::sync::{Arc, OnceLock};

use tokio::sync::mpsc;

use super::fields::form;
use super::hook::Hook;
use super::leg::{Command, Heard, LegTask, NewLeg, Stop, Timer};
use super::record;
use super::run::Source;
use super::shared::Shared;
use super::sign::Form;
use super::transcript::LineKind;
use super::twiml::{DIAL_NUMBERS_MAX, Dial, DialTo, Number};
use super::world::{Direction, LegStatus};

/// What a called leg tells the leg that dialled it.
enum News {
    /// It was picked up, first of all.
    Answered,
    /// Its own document is through: the two hear each other.
    Connected,
    /// It is over.
    Ended(LegResult),
}

/// How a called leg ended.
struct LegResult {
    sid: String,
    status: LegStatus,
    seconds: u32,
    connected: bool,
}

/// What connects a called leg with the leg that dialled it.
struct Link {
    /// Taken by the leg that answers first.
    claim: Arc<OnceLock<String>>,
    news: mpsc::Sender<News>,
}

/// How a `<Dial>` ended, in the words of its action webhook.
pub(super) struct DialResult {
    pub(super) sid: Option<String>,
    pub(super) status: &'static str,
    pub(super) seconds: u32,
    pub(super) connected: bool,
}

impl DialResult {
    pub(super) fn fields(&self) -> Form {
        let mut fields = form([
            ("DialCallStatus", self.status),
            ("DialCallDuration", &self.seconds.to_string()),
            ("DialBridged", if self.connected { "true" } else { "false" }),
        ]);
        if let Some(sid) = &self.sid {
            fields.push(("DialCallSid".to_owned(), sid.clone()));
        }
        fields
    }

    fn of(leg: LegResult) -> Self {
        Self {
            sid: Some(leg.sid),
            status: leg.status.word(),
            seconds: leg.seconds,
            connected: leg.connected,
        }
    }
}

/// The legs of one round of ringing.
struct Round {
    claim: Arc<OnceLock<String>>,
    news: mpsc::Receiver<News>,
    ringing: Vec<String>,
    ended: Vec<LegResult>,
}

impl LegTask {
    /// Runs a `<Dial>`; its action's document is next, where there is an action.
    pub(super) async fn dial(&mut self, dial: &Dial) -> Result<Option<Source>, Stop> {
        if !dial.answer_on_bridge {
            self.ensure_answered();
        }
        let (result, stop) = match &dial.to {
            DialTo::Numbers(numbers) if dial.sequential => self.ring_each(dial, numbers).await,
            DialTo::Numbers(numbers) => self.ring_round(dial, numbers).await,
            DialTo::Conference(conference) => self.join(dial, conference).await,
        };
        if let (Some(callback), true, DialTo::Numbers(_)) =
            (&dial.recorded, result.connected, &dial.to)
        {
            self.talk_recorded(callback, record::Source::Dial, result.seconds)?;
        }
        let Some(action) = &dial.action else {
            return stop.map_or(Ok(None), Err);
        };
        let source = self.source(action, result.fields())?;
        match stop {
            None => Ok(Some(source)),
            Some(Stop::HungUp) => {
                self.tell_after_hang_up(source).await;
                Err(Stop::HungUp)
            }
            Some(stop) => Err(stop),
        }
    }

    /// The action webhook of a verb during which the person hung up: its answer is of no use any more.
    pub(super) async fn tell_after_hang_up(&mut self, source: Source) {
        let over = self.hung_up_status();
        if let Some(leg) = self.twin.world().legs.get_mut(&self.sid) {
            leg.status = over;
        }
        if let Source::Ask { url, get, more } = source {
            let mut form = self.fields();
            form.extend(more);
            // A failure is a line of the transcript already.
            let _ = self.twin.deliver(Hook { url, get, form }).await;
        }
    }

    async fn ring_each(&mut self, dial: &Dial, numbers: &[Number]) -> (DialResult, Option<Stop>) {
        let mut last = nobody();
        for number in numbers {
            let (result, stop) = self.ring_round(dial, std::slice::from_ref(number)).await;
            let over = stop.is_some() || result.status == LegStatus::Completed.word();
            if over {
                return (result, stop);
            }
            last = result;
        }
        (last, None)
    }

    /// Rings all numbers at once. Returns how it went, and what made this leg stop meanwhile.
    async fn ring_round(&mut self, dial: &Dial, numbers: &[Number]) -> (DialResult, Option<Stop>) {
        self.doing("hears it ring");
        let mut round = match self.place(dial, numbers) {
            Ok(round) => round,
            Err(stop) => return (nobody(), Some(stop)),
        };
        let mut timer = Some(self.timer(dial.timeout_s));
        let stop = loop {
            if round.ringing.is_empty() {
                break None;
            }
            tokio::select! {
                biased;
                news = round.news.recv() => match news {
                    Some(news) => self.heard(dial, &mut round, news, &mut timer),
                    None => break None,
                },
                heard = self.next(timer.as_mut()) => match heard {
                    Err(stop) => break Some(stop),
                    Ok(Heard::Keys(keys)) if dial.hang_up_on_star && keys.contains('*') => {
                        self.end_round(&round, LegStatus::Completed);
                    }
                    Ok(Heard::TimeUp) => {
                        timer = None;
                        self.end_round(&round, LegStatus::NoAnswer);
                    }
                    Ok(_) => {}
                },
            }
        };
        if stop.is_some() {
            self.end_round(&round, LegStatus::Canceled);
            while let Some(news) = round.news.recv().await {
                self.heard(dial, &mut round, news, &mut timer);
            }
        }
        (round.result(), stop)
    }

    fn place(&mut self, dial: &Dial, numbers: &[Number]) -> Result<Round, Stop> {
        let (sender, news) = mpsc::channel(DIAL_NUMBERS_MAX * 3);
        let claim = Arc::new(OnceLock::new());
        let mut round = Round {
            claim,
            news,
            ringing: Vec::new(),
            ended: Vec::new(),
        };
        let from = self.presented(dial);
        for number in numbers.iter().take(DIAL_NUMBERS_MAX) {
            let whisper = number.whisper.as_ref();
            let whisper = whisper
                .map(|target| self.source(target, Vec::new()))
                .transpose()?;
            let new = NewLeg {
                parent: Some(self.sid.clone()),
                from: from.clone(),
                to: number.phone.clone(),
                direction: Direction::Dial,
                token: None,
            };
            let Some(mut leg) = LegTask::new(&self.twin, new) else {
                self.line(
                    LineKind::Fault,
                    "too many legs are alive; one was not placed",
                );
                continue;
            };
            if let Some(callback) = &number.callback {
                let url = self.address(&callback.target.url)?;
                leg.report_to(url, callback.target.get, callback.events.clone());
            }
            round.ringing.push(leg.sid.clone());
            let link = Link {
                claim: round.claim.clone(),
                news: sender.clone(),
            };
            start(&self.twin, leg, whisper, link);
        }
        Ok(round)
    }

    /// The number that rung phones show.
    fn presented(&self, dial: &Dial) -> String {
        let world = self.twin.world();
        let leg = world.leg(&self.sid);
        let own = leg.map_or_else(String::new, |leg| leg.from.clone());
        dial.caller_id.clone().unwrap_or(own)
    }

    fn heard(&mut self, dial: &Dial, round: &mut Round, news: News, timer: &mut Option<Timer>) {
        match news {
            News::Answered => {
                *timer = None;
                let winner = round.claim.get().cloned().unwrap_or_default();
                for sid in round.ringing.iter().filter(|sid| **sid != winner) {
                    tell(&self.twin, sid, Command::End(LegStatus::Canceled));
                }
            }
            News::Connected => {
                self.ensure_answered();
                self.line(LineKind::Connected, "the two hear each other");
                self.doing("talks");
                *timer = Some(self.timer(dial.limit_s));
            }
            News::Ended(result) => {
                round.ringing.retain(|sid| *sid != result.sid);
                round.ended.push(result);
            }
        }
    }

    /// Ends what is left of a round: the answered leg is completed, the others get `unanswered`.
    fn end_round(&self, round: &Round, unanswered: LegStatus) {
        for sid in &round.ringing {
            let answered = round.claim.get() == Some(sid);
            let status = if answered {
                LegStatus::Completed
            } else {
                unanswered
            };
            tell(&self.twin, sid, Command::End(status));
        }
    }

    /// The life of a leg that a `<Dial>` rings.
    async fn called(mut self, whisper: Option<Source>, link: Link) {
        let mut connected = false;
        let ended = match self.ring(None).await {
            Err(status) => Stop::Ended(status),
            Ok(()) => self.connect(whisper, &link, &mut connected).await,
        };
        let status = match &ended {
            Stop::Ended(status) => *status,
            Stop::HungUp | Stop::Redirected(_) => LegStatus::Completed,
            Stop::Fault(text) => {
                self.line(LineKind::Fault, text.clone());
                LegStatus::Failed
            }
        };
        let (sid, seconds) = (self.sid.clone(), self.talked_s());
        if let Stop::Redirected(source) = ended {
            // Moved away by the daemon: the other leg is free, this one goes on by itself.
            let _ = link
                .news
                .send(News::Ended(LegResult {
                    sid,
                    status,
                    seconds,
                    connected,
                }))
                .await;
            let status = self.program(source).await;
            return self.finish(status);
        }
        self.finish(status);
        // Nobody listens any more when the leg that dialled is over.
        let _ = link
            .news
            .send(News::Ended(LegResult {
                sid,
                status,
                seconds,
                connected,
            }))
            .await;
    }

    /// From the answer on: the leg's own document, then the talk. Returns why it ended.
    async fn connect(
        &mut self,
        whisper: Option<Source>,
        link: &Link,
        connected: &mut bool,
    ) -> Stop {
        if link.claim.set(self.sid.clone()).is_err() {
            return Stop::Ended(LegStatus::Canceled);
        }
        self.picked_up();
        let _ = link.news.send(News::Answered).await;
        if let Some(source) = whisper {
            self.whispering = true;
            let heard = self.run(source).await;
            self.whispering = false;
            if let Err(stop) = heard {
                return stop;
            }
        }
        *connected = true;
        self.line(LineKind::Connected, "the two hear each other");
        self.doing("talks");
        let _ = link.news.send(News::Connected).await;
        loop {
            if let Err(stop) = self.next(None).await {
                return stop;
            }
        }
    }
}

impl Round {
    /// The leg that had the call, else the one whose end says most.
    fn result(self) -> DialResult {
        let winner = self.claim.get().cloned();
        let weight = |leg: &LegResult| match leg.status {
            _ if Some(&leg.sid) == winner.as_ref() => 5,
            LegStatus::Busy => 4,
            LegStatus::NoAnswer => 3,
            LegStatus::Canceled => 2,
            _ => 1,
        };
        let best = self.ended.into_iter().max_by_key(weight);
        best.map_or_else(nobody, DialResult::of)
    }
}

/// A separate function with a plain type, since a leg that starts legs would otherwise contain itself.
fn start(twin: &Arc<Shared>, leg: LegTask, whisper: Option<Source>, link: Link) {
    let life: std::pin::Pin<Box<dyn Future<Output = ()> + Send>> =
        Box::pin(leg.called(whisper, link));
    twin.spawn(life);
}

fn tell(twin: &Shared, sid: &str, command: Command) {
    if let Some(leg) = twin.world().legs.get(sid) {
        // A full mailbox holds an end already.
        let _ = leg.tell(command);
    }
}

fn nobody() -> DialResult {
    DialResult {
        sid: None,
        status: LegStatus::Failed.word(),
        seconds: 0,
        connected: false,
    }
}
