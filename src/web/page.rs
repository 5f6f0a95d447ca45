//! What every page's handler needs: who is signed in, how a page is answered, how it says no.

use std::sync::Arc;

use askama::Template;
use axum::extract::FromRequestParts;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum_extra::extract::cookie::CookieJar;
use http::request::Parts;
use http::{Method, StatusCode, header};

use super::views::{self, Eyes, Frame};
use super::words::Clock;
use crate::ambient;
use crate::api::auth::{self, Place, SignedIn};
use crate::api::door::Door;
use crate::api::problem;
use crate::daemon::ActRefused;
use crate::model::account::Account;
use crate::store::{Counts, StoreError};

/// A page that says one thing.
#[derive(Template)]
#[template(path = "message.html")]
struct Message<'a> {
    frame: Option<Frame>,
    title: &'a str,
    words: &'a str,
    to: &'a str,
    to_words: &'a str,
}

/// A name for a form that is shown now: what is sent from it twice is done once.
pub(crate) fn form_name() -> String {
    format!("{:016x}", ambient::seed())
}

/// The name that a form keeps when it is shown again: only while nobody can say what became of it. After a clear
/// refusal it is a new form.
pub(crate) fn same_form(status: StatusCode, form: String) -> Option<String> {
    let open = status == StatusCode::SERVICE_UNAVAILABLE && !form.is_empty();
    open.then_some(form)
}

/// Why a page is not shown.
pub(crate) enum Refusal {
    /// Nobody is signed in; where they wanted to go.
    SignIn(String),
    /// Nothing here, or nothing this member may see: the two look alike on purpose.
    NotFound,
    /// Not for this member.
    Forbidden,
    /// The form makes no sense.
    BadForm(&'static str),
    /// The daemon refused the act.
    Act(ActRefused),
    /// The store could not be asked.
    Store(StoreError),
    /// A template did not render.
    Render(askama::Error),
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<askama::Error> for Refusal {
    fn from(error: askama::Error) -> Self {
        Self::Render(error)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::SignIn(next) => Redirect::to(&sign_in_at(&next)).into_response(),
            Self::NotFound => message(
                StatusCode::NOT_FOUND,
                "Nothing here",
                "There is nothing at this address that you may see.",
            ),
            Self::Forbidden => message(
                StatusCode::FORBIDDEN,
                "Not for you",
                "Your roles do not let you do this. Administrators give roles.",
            ),
            Self::BadForm(words) => message(StatusCode::BAD_REQUEST, "Not understood", words),
            Self::Act(refused) => message(
                problem::refused_status(refused.code),
                "Not done",
                &refused.words,
            ),
            Self::Store(error) => {
                tracing::warn!(code = error.code(), "the store refused a page of staff");
                let words = "The store cannot be reached now. Try again in a moment.";
                message(problem::store_status(&error), "Not now", words)
            }
            Self::Render(error) => {
                tracing::error!(%error, "a page could not be rendered");
                let words = "This page could not be made.";
                message(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "A mistake of ours",
                    words,
                )
            }
        }
    }
}

/// Answers with a page.
pub(crate) fn page(template: &impl Template) -> Result<Response, Refusal> {
    Ok(Html(template.render()?).into_response())
}

/// A signed-in member, or the way to the sign-in page.
pub(crate) struct Member(pub(crate) SignedIn);

impl FromRequestParts<Arc<Door>> for Member {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, door: &Arc<Door>) -> Result<Self, Refusal> {
        let cookies = CookieJar::from_headers(&parts.headers);
        match auth::signed_in(door, &cookies).await? {
            Some(who) => Ok(Self(who)),
            None => Err(Refusal::SignIn(wanted(parts))),
        }
    }
}

impl Member {
    /// How this member sees rows in one of their places.
    pub(crate) fn eyes<'a>(&'a self, door: &Door, place: &'a Place) -> Result<Eyes<'a>, Refusal> {
        let account: &Account = self
            .0
            .directory
            .account(place.scope.account())
            .ok_or(Refusal::NotFound)?;
        Ok(Eyes {
            directory: &self.0.directory,
            account,
            user: self.0.user.id,
            place,
            clock: Clock::new(door.now(), &account.zone),
        })
    }

    /// The frame around a page of the current account.
    pub(crate) async fn frame(&self, door: &Door, page: &'static str) -> Result<Frame, Refusal> {
        let counts = self.counts(door).await?;
        let away = door.store().away(self.0.user.id).await?;
        Ok(views::frame(
            &self.0,
            page,
            away,
            counts.unread,
            counts.unheard,
        ))
    }

    /// What waits in the member's boxes of the current account.
    pub(crate) async fn counts(&self, door: &Door) -> Result<Counts, StoreError> {
        let place = &self.0.place;
        door.store().counts(place.scope, &place.sight).await
    }
}

/// The sign-in page that leads on to `next`.
pub(crate) fn sign_in_at(next: &str) -> String {
    let next: String = form_urlencoded::byte_serialize(next.as_bytes()).collect();
    format!("/sign-in?next={next}")
}

/// An address of ours; anything else becomes the inbox, so that a link cannot lead a member elsewhere.
pub(crate) fn own_address(next: &str) -> &str {
    let ours = next.starts_with('/') && !next.starts_with("//") && !next.contains('\\');
    let plain = next.bytes().all(|byte| byte.is_ascii_graphic());
    if ours && plain { next } else { "/inbox" }
}

/// Where a request wanted to go: only what a visit can repeat.
fn wanted(parts: &Parts) -> String {
    let visit = parts.method == Method::GET && !parts.headers.contains_key(header::UPGRADE);
    let path = parts.uri.path_and_query().map(|path| path.as_str());
    path.filter(|_| visit).unwrap_or("/inbox").to_owned()
}

fn message(status: StatusCode, title: &str, words: &str) -> Response {
    let template = Message {
        frame: None,
        title,
        words,
        to: "/inbox",
        to_words: "To the inbox",
    };
    match template.render() {
        Ok(body) => (status, Html(body)).into_response(),
        Err(_) => (status, words.to_owned()).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_leads_only_to_our_own_pages() {
        for (next, to) in [
            ("/inbox/conv_1?x=1#a", "/inbox/conv_1?x=1#a"),
            ("https://example.org/", "/inbox"),
            ("//example.org/", "/inbox"),
            ("/\\example.org", "/inbox"),
            ("/a b", "/inbox"),
            ("", "/inbox"),
        ] {
            assert_eq!(own_address(next), to, "{next}");
        }
    }
}
