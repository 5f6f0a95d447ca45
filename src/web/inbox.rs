//! The inbox: the list of conversations, and one conversation beside it.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum_extra::extract::cookie::CookieJar;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;

use super::page::{self, Member, Refusal};
use super::views::{self, Draft, Eyes, Frame, ItemView, ListView, Tab, ThreadView};
use super::words;
use crate::ambient;
use crate::api::auth::{self, Place};
use crate::api::door::Door;
use crate::model::ConversationId;
use crate::model::account::Route;
use crate::model::consent::Consent;
use crate::model::conversation::{Conversation, ConversationState};
use crate::model::staff::{StaffAction, StaffVerb};
use crate::store::{
    ConversationFilter, ConversationRow, Cursor, FilterState, ScopeConsent, ThreadItem,
};

/// Conversations on one page of the list.
const ROWS_MAX: u32 = 50;
/// Texts and events on one page of a thread.
const ITEMS_MAX: u32 = 100;

#[derive(Template)]
#[template(path = "inbox.html")]
struct InboxPage {
    frame: Option<Frame>,
    list: ListView,
    thread: Option<ThreadView>,
}

#[derive(Template)]
#[template(path = "part_rows.html")]
struct RowsPart {
    list: ListView,
    unread: u64,
    unheard: u64,
}

#[derive(Template)]
#[template(path = "part_thread.html")]
struct ThreadPart {
    thread: ThreadView,
}

/// What an address of the inbox says beside the conversation.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Wanted {
    show: String,
    #[serde(rename = "box")]
    owner: String,
    find: String,
    before: String,
    earlier: String,
    part: String,
}

/// `GET /`
pub(super) async fn home(Member(_): Member) -> Redirect {
    Redirect::to("/inbox")
}

/// `GET /inbox`
pub(super) async fn list(
    State(door): State<Arc<Door>>,
    who: Member,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Refusal> {
    let eyes = who.eyes(&door, &who.0.place)?;
    let list = list_view(&door, &eyes, &wanted, None).await?;
    if wanted.part == "rows" {
        return rows_part(&door, &who, list).await;
    }
    page::page(&InboxPage {
        frame: Some(who.frame(&door, "inbox").await?),
        list,
        thread: None,
    })
}

/// `GET /inbox/{conversation}`
pub(super) async fn thread(
    State(door): State<Arc<Door>>,
    who: Member,
    Path(id): Path<String>,
    Query(wanted): Query<Wanted>,
    headers: HeaderMap,
    cookies: CookieJar,
) -> Result<Response, Refusal> {
    let (place, mut row) = find(&door, &who, &id).await?;
    if place.scope != who.0.place.scope {
        return Ok(other_account(&door, &who, &place, cookies, &id));
    }
    if wanted.part == "rows" {
        let eyes = who.eyes(&door, &place)?;
        let list = list_view(&door, &eyes, &wanted, Some(row.conversation.id)).await?;
        return rows_part(&door, &who, list).await;
    }
    // A browser that loads ahead has not shown it to anybody.
    let ahead = headers.contains_key("sec-purpose") || headers.contains_key("purpose");
    if wanted.part.is_empty() && !ahead {
        mark_read(&door, &who, &mut row).await;
    }
    let draft = Draft::default();
    if wanted.part == "thread" {
        let eyes = who.eyes(&door, &place)?;
        let thread = thread_view(&door, &eyes, &row, &wanted, draft).await?;
        return page::page(&ThreadPart { thread });
    }
    shown(&door, &who, &row, &wanted, draft).await
}

/// A thread's page with what could not be sent.
pub(super) async fn again(
    door: &Door,
    who: &Member,
    id: ConversationId,
    status: StatusCode,
    draft: Draft,
) -> Result<Response, Refusal> {
    let (place, row) = find(door, who, &id.to_string()).await?;
    let mut who = Member(who.0.clone());
    who.0.place = place;
    let shown = shown(door, &who, &row, &Wanted::default(), draft).await?;
    Ok((status, shown).into_response())
}

/// The conversation of this id in one of the member's places, where they may see it.
pub(super) async fn find(
    door: &Door,
    who: &Member,
    id: &str,
) -> Result<(Place, ConversationRow), Refusal> {
    let id: ConversationId = id.parse().map_err(|_| Refusal::NotFound)?;
    for place in who.0.places() {
        let found = door
            .store()
            .conversation(place.scope, &place.sight, id)
            .await?;
        if let Some(row) = found {
            return Ok((place, row));
        }
    }
    Err(Refusal::NotFound)
}

async fn shown(
    door: &Door,
    who: &Member,
    row: &ConversationRow,
    wanted: &Wanted,
    draft: Draft,
) -> Result<Response, Refusal> {
    let eyes = who.eyes(door, &who.0.place)?;
    let thread = thread_view(door, &eyes, row, wanted, draft).await?;
    let list = list_view(door, &eyes, wanted, Some(row.conversation.id)).await?;
    page::page(&InboxPage {
        frame: Some(who.frame(door, "inbox").await?),
        list,
        thread: Some(thread),
    })
}

async fn rows_part(door: &Door, who: &Member, list: ListView) -> Result<Response, Refusal> {
    let counts = who.counts(door).await?;
    page::page(&RowsPart {
        list,
        unread: counts.unread,
        unheard: counts.unheard,
    })
}

/// Changes to the account the conversation is in, and comes again.
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
    (cookies, Redirect::to(&format!("/inbox/{id}"))).into_response()
}

/// Somebody responsible has it before their eyes. One who only looks over shoulders leaves it unread.
async fn mark_read(door: &Door, who: &Member, row: &mut ConversationRow) {
    let it = &mut row.conversation;
    let theirs = who
        .0
        .directory
        .includes(it.account, it.responsible(), who.0.user.id);
    if !it.unread || !theirs {
        return;
    }
    let action = StaffAction {
        by: who.0.user.id,
        account: it.account,
        what: StaffVerb::Read {
            conversation: it.id,
        },
    };
    // A mark that could not be set is no reason to keep the page back.
    if let Ok(acted) = door.staff.act(action, None).await {
        it.unread = false;
        it.version = acted.version.unwrap_or(it.version);
    }
}

async fn list_view(
    door: &Door,
    eyes: &Eyes<'_>,
    wanted: &Wanted,
    current: Option<ConversationId>,
) -> Result<ListView, Refusal> {
    let (state, show) = views::filter_state(&wanted.show);
    let find = wanted.find.trim();
    let filter = ConversationFilter {
        // What is looked for by name may be anywhere.
        state: if find.is_empty() {
            state
        } else {
            FilterState::Any
        },
        owner: views::box_of(eyes.directory, eyes.account, &wanted.owner),
        find: (!find.is_empty()).then(|| find.chars().take(80).collect()),
        me: eyes.user,
    };
    let (scope, sight) = (eyes.place.scope, &eyes.place.sight);
    let before: Option<Cursor> = wanted.before.parse().ok();
    let found = door
        .store()
        .conversations(scope, sight, &filter, before, ROWS_MAX)
        .await?;
    let counts = door.store().box_counts(scope, sight).await?;
    let query = wanted.query(show);
    let href = |id: ConversationId| format!("/inbox/{id}{query}");
    Ok(ListView {
        tabs: tabs(wanted, show),
        show,
        find: find.to_owned(),
        sees_all: sight.all,
        may_start: eyes.place.may_start_texts,
        boxes: eyes.boxes(filter.owner, &counts),
        rows: found
            .items
            .iter()
            .map(|row| {
                let id = row.conversation.id;
                eyes.row(row, href(id), current == Some(id))
            })
            .collect(),
        more: found.next.map(|next| {
            let path = current.map_or("/inbox".to_owned(), |id| format!("/inbox/{id}"));
            with(&format!("{path}{query}"), "before", &next.to_string())
        }),
        hours: eyes.hours(ambient::now()),
        nothing: nothing(show, !find.is_empty()),
        back: format!("/inbox{query}"),
        part: with(
            &match current {
                Some(id) => format!("/inbox/{id}{query}"),
                None => with(&format!("/inbox{query}"), "before", &wanted.before),
            },
            "part",
            "rows",
        ),
    })
}

async fn thread_view(
    door: &Door,
    eyes: &Eyes<'_>,
    row: &ConversationRow,
    wanted: &Wanted,
    draft: Draft,
) -> Result<ThreadView, Refusal> {
    let it = &row.conversation;
    let scope = eyes.place.scope;
    let before: Option<Cursor> = wanted.earlier.parse().ok();
    let found = door.store().thread(scope, it, before, ITEMS_MAX).await?;
    let contact = match it.contact {
        Some(contact) => door.store().contact(scope, contact).await?,
        None => None,
    };
    let consents = door.store().consents(scope, it).await?;
    let path = format!("/inbox/{}", it.id);
    let read_through = found.items.last().map_or(it.created_at, |item| item.at());
    let back_to = it.assignment.as_ref().map(|_| eyes.route(it.route));
    let moved = draft.read_through.is_some();
    Ok(ThreadView {
        id: it.id.to_string(),
        name: views::name_of(row),
        about: about(eyes, it),
        closed: it.state == ConversationState::Closed,
        flagged: it.flagged,
        unread: it.unread,
        version: it.version,
        read_through: read_through.micros(),
        groups: eyes.groups(it.responsible()),
        members: eyes.members(it.responsible()),
        complete_to: back_to,
        items: eyes.items(&found.items, draft.read_through),
        earlier: found
            .next
            .map(|next| with(&path, "earlier", &next.to_string())),
        part: with(&with(&path, "earlier", &wanted.earlier), "part", "thread"),
        person: eyes.person(row, contact.as_ref(), &consents),
        our_number: our_number(eyes, it),
        program: program(eyes, it),
        route: eyes.route(it.route),
        tags: it.tags.clone(),
        cannot_reply: cannot_reply(eyes, it),
        opted_out: opted_out(&consents),
        moved_words: moved_words(&found.items, draft.read_through, eyes),
        draft: draft.text,
        moved,
        refused: draft.refused,
        note_open: false,
        form: draft.form.unwrap_or_else(page::form_name),
    })
}

fn about(eyes: &Eyes<'_>, it: &Conversation) -> String {
    let responsible = match &it.assignment {
        Some(assignment) => format!("assigned to {}", eyes.route(assignment.to)),
        None => format!("in the box of {}", eyes.route(it.route)),
    };
    let state = match it.state {
        ConversationState::Open => responsible,
        ConversationState::Automated => "a flow is talking to them".to_owned(),
        ConversationState::Closed => "closed".to_owned(),
    };
    format!("{} · {state}", words::party(&it.party))
}

fn our_number(eyes: &Eyes<'_>, it: &Conversation) -> String {
    let number = eyes.directory.number(it.number);
    number.map_or("No longer ours".to_owned(), |number| {
        words::number(&number.address)
    })
}

fn program(eyes: &Eyes<'_>, it: &Conversation) -> String {
    let program = eyes.account.program_by_id(it.program);
    program.map_or("No longer there".to_owned(), |program| program.name.clone())
}

fn cannot_reply(eyes: &Eyes<'_>, it: &Conversation) -> Option<&'static str> {
    let number = eyes.directory.number(it.number);
    match number {
        _ if !it.party.can_receive() => Some("Nobody can be texted back here: it is not a phone."),
        Some(number) if number.active && number.sms => None,
        Some(_) => Some("This number of ours cannot send texts."),
        None => Some("This number is no longer ours."),
    }
}

/// Any "out" wins over every "in".
fn opted_out(consents: &[ScopeConsent]) -> Option<String> {
    let out = consents
        .iter()
        .any(|(_, said)| matches!(said, Some((Consent::Out, _))));
    out.then(|| {
        "They opted out: a reply goes by e-mail where that is possible, else it is refused."
            .to_owned()
    })
}

fn moved_words(items: &[ThreadItem], read_through: Option<i64>, eyes: &Eyes<'_>) -> String {
    let Some(read) = read_through else {
        return String::new();
    };
    let fresh = items.iter().filter(|item| item.at().micros() > read);
    let fresh = fresh.filter(|item| !item.is_by(eyes.user)).count();
    match fresh {
        0 => "The conversation changed since you read it.".to_owned(),
        1 => "Something came since you read this conversation.".to_owned(),
        more => format!("{more} things came since you read this conversation."),
    }
}

fn nothing(show: &str, found_by_name: bool) -> &'static str {
    match show {
        _ if found_by_name => "Nobody of that name or number.",
        "mine" => "Nothing is assigned to you.",
        "automated" => "No flow is talking to anybody.",
        "closed" => "Nothing has been closed yet.",
        _ => "All done: no open conversations.",
    }
}

fn tabs(wanted: &Wanted, show: &str) -> Vec<Tab> {
    let searching = !wanted.find.trim().is_empty();
    let tab = |(name, key): (&'static str, &str)| {
        let only = Wanted {
            owner: wanted.owner.clone(),
            ..Wanted::default()
        };
        Tab {
            name,
            href: format!("/inbox{}", only.query(key)),
            current: key == show && !searching,
        }
    };
    [
        ("Open", "open"),
        ("Mine", "mine"),
        ("Automated", "automated"),
        ("Closed", "closed"),
    ]
    .map(tab)
    .into()
}

impl Wanted {
    /// The filters as the query of an address; empty for the plain list.
    fn query(&self, show: &str) -> String {
        let mut query = String::new();
        let show = if show == "open" { "" } else { show };
        for (key, value) in [
            ("show", show),
            ("box", &self.owner),
            ("find", self.find.trim()),
        ] {
            query = with(&query, key, value);
        }
        query
    }
}

/// An address with one more part in its query; unchanged for an empty value.
pub(super) fn with(address: &str, key: &str, value: &str) -> String {
    if value.is_empty() {
        return address.to_owned();
    }
    let joint = if address.contains('?') { '&' } else { '?' };
    let value: String = form_urlencoded::byte_serialize(value.as_bytes()).collect();
    format!("{address}{joint}{key}={value}")
}

/// The route a form's choice means.
pub(super) fn chosen(eyes: &Eyes<'_>, value: &str) -> Option<Route> {
    views::box_of(eyes.directory, eyes.account, value)
}
