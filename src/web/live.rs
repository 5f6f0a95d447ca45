//! Live pages: each change of a thread or box a member sees is told as a server-sent event, and the page
//! fetches what it shows anew. Nothing but ids travels here.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt, future};
use http::{HeaderName, StatusCode, header};
use serde_json::json;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_stream::wrappers::BroadcastStream;
use tokio_stream::wrappers::errors::BroadcastStreamRecvError;

use super::page::{Member, Refusal};
use crate::api::auth::Place;
use crate::api::door::Door;
use crate::metrics;
use crate::model::turn::Notice;

/// A stream ends after this; the browser comes again, and is asked anew who it is and what it may see.
const STREAM_LONGEST: Duration = Duration::from_secs(600);
/// A comment this often keeps proxies from closing an idle stream.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How soon a browser comes again.
const COME_AGAIN: Duration = Duration::from_millis(1500);
/// Seconds to wait when there are too many streams.
const RETRY_AFTER_S: &str = "15";

/// `GET /live`
pub(super) async fn stream(
    State(door): State<Arc<Door>>,
    Member(who): Member,
) -> Result<Response, Refusal> {
    let Some(place_taken) = Taken::one(&door) else {
        let later = [(header::RETRY_AFTER, RETRY_AFTER_S)];
        return Ok((StatusCode::SERVICE_UNAVAILABLE, later).into_response());
    };
    let places = who.places();
    let begin = Event::default().event("begin").data("{}").retry(COME_AGAIN);
    let changes = BroadcastStream::new(door.staff.live()).filter_map(move |notice| {
        // The permit lives as long as the stream.
        let _ = &place_taken;
        future::ready(event(&places, notice))
    });
    let stopping = door.staff.stopping();
    let end = async move {
        tokio::select! {
            () = stopping.cancelled_owned() => {}
            () = tokio::time::sleep(STREAM_LONGEST) => {}
        }
    };
    let events = futures_util::stream::once(future::ready(begin))
        .chain(changes)
        .take_until(end)
        .map(Ok::<_, Infallible>);
    let sse = Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE));
    // nginx would hold events back to fill its buffer.
    let unbuffered = [(HeaderName::from_static("x-accel-buffering"), "no")];
    Ok((unbuffered, sse).into_response())
}

/// A place among the streams; given back when the stream is dropped.
struct Taken {
    permit: Option<OwnedSemaphorePermit>,
    all: Arc<Semaphore>,
    most: usize,
}

impl Taken {
    fn one(door: &Door) -> Option<Self> {
        let all = Arc::clone(&door.live_clients);
        let permit = Some(Arc::clone(&all).try_acquire_owned().ok()?);
        let most = door.settings.live_clients_max;
        let taken = Self { permit, all, most };
        taken.count();
        Some(taken)
    }

    fn count(&self) {
        metrics::sse_clients(self.most.saturating_sub(self.all.available_permits()) as f64);
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.permit.take();
        self.count();
    }
}

/// What a member is told of a change: nothing when it is not theirs to see.
fn event(places: &[Place], notice: Result<Notice, BroadcastStreamRecvError>) -> Option<Event> {
    let notice = match notice {
        Ok(notice) => notice,
        Err(BroadcastStreamRecvError::Lagged(_)) => {
            return Some(Event::default().event("reload").data("{}"));
        }
    };
    let place = places
        .iter()
        .find(|place| place.scope.account() == notice.account)?;
    let sees = notice.boxes.iter().any(|owner| place.sight.sees(*owner));
    let for_all = notice.boxes.is_empty();
    if !sees && !for_all {
        return None;
    }
    let conversation = notice.conversation.filter(|_| sees);
    let data = json!({ "account": notice.account, "conversation": conversation });
    Some(Event::default().event("changed").data(data.to_string()))
}
