//! The voicemail boxes: recordings to listen to, and missed calls.

use std::sync::Arc;

use askama::Template;
use axum::Form;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum_extra::extract::cookie::CookieJar;
use http::StatusCode;
use serde::Deserialize;

use super::inbox::with;
use super::page::{self, Member, Refusal};
use super::views::{Frame, Tab, VoicemailView};
use crate::api::auth::{self, Place};
use crate::api::door::Door;
use crate::model::VoicemailId;
use crate::model::staff::{StaffAction, StaffVerb};
use crate::store::{Cursor, VoicemailFilter, VoicemailRow};

/// Voicemails on one page.
const ITEMS_MAX: u32 = 30;

#[derive(Template)]
#[template(path = "voicemails.html")]
struct VoicemailsPage {
    frame: Option<Frame>,
    tabs: Vec<Tab>,
    part: String,
    items: Vec<VoicemailView>,
    more: Option<String>,
    nothing: &'static str,
    back: String,
}

#[derive(Template)]
#[template(path = "part_voicemails.html")]
struct VoicemailsPart {
    items: Vec<VoicemailView>,
    more: Option<String>,
    nothing: &'static str,
    back: String,
    unread: u64,
    unheard: u64,
}

/// What an address of the list says.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Wanted {
    show: String,
    before: String,
    at: String,
    part: String,
}

/// The form that marks one as heard.
#[derive(Deserialize)]
pub(super) struct Heard {
    #[serde(default)]
    back: String,
}

/// `GET /voicemails`
pub(super) async fn list(
    State(door): State<Arc<Door>>,
    who: Member,
    Query(wanted): Query<Wanted>,
    cookies: CookieJar,
) -> Result<Response, Refusal> {
    // A link to one of them opens the page it stands on, in the account it belongs to.
    let mut before: Option<Cursor> = wanted.before.parse().ok();
    if !wanted.at.is_empty() {
        let (place, row) = find(&door, &who, &wanted.at).await?;
        if place.scope != who.0.place.scope {
            return Ok(other_account(&door, &who, &place, cookies, &wanted.at));
        }
        before = Some(Cursor::just_before(
            row.voicemail.created_at,
            row.voicemail.id,
        ));
    }
    let shown = Shown::of(&wanted);
    let eyes = who.eyes(&door, &who.0.place)?;
    let (scope, sight) = (eyes.place.scope, &eyes.place.sight);
    let found = door
        .store()
        .voicemails(scope, sight, shown.filter, before, ITEMS_MAX)
        .await?;
    let items = found.items.iter().map(|row| eyes.voicemail(row)).collect();
    let more = found.next.map(|next| shown.more(&next));
    if wanted.part == "items" {
        let counts = who.counts(&door).await?;
        let (unread, unheard) = (counts.unread, counts.unheard);
        return page::page(&VoicemailsPart {
            items,
            more,
            nothing: shown.nothing,
            back: shown.back,
            unread,
            unheard,
        });
    }
    page::page(&VoicemailsPage {
        frame: Some(who.frame(&door, "voicemails").await?),
        tabs: tabs(shown.show),
        part: with(&shown.back, "part", "items"),
        items,
        more,
        nothing: shown.nothing,
        back: shown.back,
    })
}

/// Which voicemails are shown, and where.
struct Shown {
    filter: VoicemailFilter,
    show: &'static str,
    /// What is said where there is none.
    nothing: &'static str,
    /// The address of this page.
    back: String,
}

impl Shown {
    fn of(wanted: &Wanted) -> Self {
        let (filter, show, nothing) = match &wanted.show[..] {
            "new" => (VoicemailFilter::Unheard, "new", "You have heard them all."),
            "missed" => (VoicemailFilter::Missed, "missed", "No missed calls."),
            _ => (VoicemailFilter::All, "", "No voicemail yet."),
        };
        let here = with(&with("/voicemails", "show", show), "before", &wanted.before);
        Self {
            filter,
            show,
            nothing,
            back: with(&here, "at", &wanted.at),
        }
    }

    /// The address of what comes after this page.
    fn more(&self, next: &Cursor) -> String {
        let here = with("/voicemails", "show", self.show);
        with(&here, "before", &next.to_string())
    }
}

/// `POST /voicemails/{voicemail}/heard`
pub(super) async fn heard(
    State(door): State<Arc<Door>>,
    who: Member,
    Path(id): Path<String>,
    Form(form): Form<Heard>,
) -> Result<Response, Refusal> {
    let (place, row) = find(&door, &who, &id).await?;
    let action = StaffAction {
        by: who.0.user.id,
        account: place.scope.account(),
        what: StaffVerb::Heard {
            voicemail: row.voicemail.id,
            call: row.voicemail.call,
        },
    };
    if !row.voicemail.heard {
        door.staff.act(action, None).await.map_err(Refusal::Act)?;
    }
    // The script asks without a place to go back to.
    Ok(match form.back.is_empty() {
        true => StatusCode::NO_CONTENT.into_response(),
        false => Redirect::to(page::own_address(&form.back)).into_response(),
    })
}

/// The voicemail of this id in one of the member's places, where they may see its box.
pub(super) async fn find(
    door: &Door,
    who: &Member,
    id: &str,
) -> Result<(Place, VoicemailRow), Refusal> {
    let id: VoicemailId = id.parse().map_err(|_| Refusal::NotFound)?;
    for place in who.0.places() {
        if let Some(row) = door
            .store()
            .voicemail(place.scope, &place.sight, id)
            .await?
        {
            return Ok((place, row));
        }
    }
    Err(Refusal::NotFound)
}

fn other_account(
    door: &Door,
    who: &Member,
    place: &Place,
    cookies: CookieJar,
    id: &str,
) -> Response {
    let account = who.0.directory.account(place.scope.account());
    let key = account.map_or("", |account| &account.key);
    let cookies = cookies.add(auth::account_cookie(door, key));
    (cookies, Redirect::to(&with("/voicemails", "at", id))).into_response()
}

fn tabs(show: &str) -> Vec<Tab> {
    [("All", ""), ("New", "new"), ("Missed calls", "missed")]
        .map(|(name, key)| Tab {
            name,
            href: with("/voicemails", "show", key),
            current: key == show,
        })
        .into()
}
