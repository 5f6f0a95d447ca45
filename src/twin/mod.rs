//! The twin: a carrier in the machine, for the demo and for tests.
//!
//! It plays Twilio towards the daemon over real HTTP, with signed webhooks, and demands the right
//! credentials on its REST API. A call is one task per leg; what persons do with their phones comes from
//! the page `/demo`, from its control routes, or from the methods of [`Twin`]. Everything that happens
//! is a numbered [`Line`] of the transcript. The twin shares no code with the carrier adapters, so that
//! a mistake there is not repeated here.

mod audio;
mod calls;
mod conference;
mod control;
mod dial;
mod fault;
mod fields;
mod hook;
mod leg;
mod list;
mod page;
mod record;
mod rest;
mod run;
mod serve;
mod settings;
mod shared;
mod sign;
mod state;
#[cfg(test)]
mod tests;
mod text;
mod transcript;
mod twiml;
mod world;
mod xml;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::{any, get};
use tokio::net::TcpListener;

pub use calls::PhoneAction;
pub use fault::{DELAY_MS_MAX, Faults, Receipts, Refusal};
pub use settings::{TwinError, TwinNumber, TwinPerson, TwinSettings};
pub use text::TwinMedia;
pub use transcript::{Line, LineKind, TRANSCRIPT_LINES_MAX};
pub use world::{LEGS_LIVE_MAX, LegStatus, ReceivedRequest};

use shared::Shared;

/// A running twin; clones are the same twin.
#[derive(Clone)]
pub struct Twin(Arc<Shared>);

impl Twin {
    /// A twin that knows no calls and texts yet.
    ///
    /// # Errors
    /// When the HTTP client for webhooks cannot be made.
    pub fn new(settings: TwinSettings) -> Result<Self, TwinError> {
        Shared::new(settings).map(Self)
    }

    fn shared(&self) -> Arc<Shared> {
        self.0.clone()
    }

    /// The REST API below `/2010-04-01/`, the media storage, and all of [`Twin::page_router`].
    pub fn router(&self) -> Router {
        Router::new()
            .route("/2010-04-01/{*path}", any(rest::rest))
            .route("/storage/{token}", get(rest::storage))
            .with_state(self.0.clone())
            .merge(self.page_router())
    }

    /// The page `/demo` and its control routes `/demo/api/…`, for a listener that has the inbox too.
    pub fn page_router(&self) -> Router {
        page::router(self.clone())
    }

    /// Serves [`Twin::router`] until [`Twin::stop`]. Only here can an answer be lost on purpose.
    pub async fn serve(&self, listener: TcpListener) {
        serve::serve(&self.0, listener, self.router()).await;
    }

    /// Ends all calls, streams and connections, and waits for that.
    pub async fn stop(&self) {
        self.0.shut_down().await;
    }

    /// A person texts one of our numbers; the webhook is under way. Returns the carrier's id.
    ///
    /// # Errors
    /// Not one of our numbers, an empty or overlong text, too many texts under way.
    pub fn text(
        &self,
        from: &str,
        to: &str,
        body: &str,
        media: &[TwinMedia],
    ) -> Result<String, TwinError> {
        self.0.person_texts(from, to, body, media)
    }

    /// A person calls one of our numbers (`from` may be `withheld`). Returns the carrier's id of the call.
    ///
    /// # Errors
    /// Not one of our numbers, too many live legs.
    pub fn call(&self, from: &str, to: &str) -> Result<String, TwinError> {
        self.0.person_calls(from, to)
    }

    /// The person at the far end of a leg presses keys.
    ///
    /// # Errors
    /// The call is over, or these are no keys.
    pub fn press(&self, call: &str, digits: &str) -> Result<(), TwinError> {
        self.0.press(call, digits)
    }

    /// The person at the far end of a leg hangs up.
    ///
    /// # Errors
    /// The call is over.
    pub fn hang_up(&self, call: &str) -> Result<(), TwinError> {
        self.0.hang_up(call)
    }

    /// The person will speak for so many seconds as soon as something records; `says` is what a
    /// transcription shows (a sample sentence when empty).
    ///
    /// # Errors
    /// The call is over, or the length is not 1 to 3600 s.
    pub fn voicemail(&self, call: &str, seconds: u32, says: &str) -> Result<(), TwinError> {
        self.0.speak(call, seconds, says)
    }

    /// Somebody uses a phone that was rung.
    ///
    /// # Errors
    /// No leg of this phone is ringing (or, to hang up, alive).
    pub fn phone(&self, phone: &str, action: PhoneAction) -> Result<(), TwinError> {
        self.0.use_phone(phone, action)
    }

    /// Keys pressed on a phone that was rung and picked up.
    ///
    /// # Errors
    /// The phone has no answered call, or these are no keys.
    pub fn press_on(&self, phone: &str, digits: &str) -> Result<(), TwinError> {
        self.0.press_on(phone, digits)
    }

    /// Switches a phone off or on; calls to one that is off fail.
    ///
    /// # Errors
    /// Too many phones are off.
    pub fn set_reachable(&self, phone: &str, reachable: bool) -> Result<(), TwinError> {
        self.0.set_reachable(phone, reachable)
    }

    /// What goes wrong on purpose from now on.
    pub fn set_faults(&self, faults: Faults) {
        self.0.world().faults = faults;
    }

    /// What goes wrong on purpose and has not happened yet.
    pub fn faults(&self) -> Faults {
        self.0.world().faults.clone()
    }

    /// The latest requests of the daemon to the REST API, oldest first.
    pub fn requests(&self) -> Vec<ReceivedRequest> {
        self.0.world().requests.iter().cloned().collect()
    }

    /// How often the daemon asked for a text to this phone, whatever came of it.
    pub fn sends_to(&self, phone: &str) -> usize {
        let is_send = |request: &&ReceivedRequest| {
            let to = request
                .form
                .iter()
                .any(|(name, value)| name == "To" && value == phone);
            to && request.method == "POST" && request.path.ends_with("/Messages.json")
        };
        self.0.world().requests.iter().filter(is_send).count()
    }

    /// The kept lines of the transcript with a number above `after`.
    pub fn lines(&self, after: u64) -> Vec<Line> {
        self.0.transcript.after(after)
    }

    /// The number of the latest line; 0 before the first.
    pub fn last_line(&self) -> u64 {
        self.0.transcript.last()
    }

    /// The first line above `after` that is as wanted; `None` when there is none within the real time given.
    pub async fn wait_for(
        &self,
        after: u64,
        within: Duration,
        wanted: impl Fn(&Line) -> bool,
    ) -> Option<Line> {
        let mut watch = self.0.transcript.watch();
        let found = async {
            let mut seen = after;
            loop {
                watch.borrow_and_update();
                let lines = self.lines(seen);
                seen = lines.last().map_or(seen, |line| line.id);
                if let Some(line) = lines.into_iter().find(&wanted) {
                    return Some(line);
                }
                watch.changed().await.ok()?;
            }
        };
        tokio::time::timeout(within, found).await.ok().flatten()
    }
}
