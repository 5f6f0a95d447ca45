//! What a member does in a conversation. Each is a form of its own; after it the thread is shown again.

use std::sync::Arc;

use axum::Form;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use serde::Deserialize;

use super::inbox;
use super::page::{self, Member, Refusal};
use super::views::Draft;
use crate::api::door::Door;
use crate::api::problem;
use crate::daemon::{ActRefused, Acted};
use crate::model::ConversationId;
use crate::model::staff::{StaffAction, StaffVerb};

/// Characters of the longest reply: ten parts of a text.
pub(crate) const REPLY_CHARS_MAX: usize = 1600;
/// Characters of the longest note.
const NOTE_CHARS_MAX: usize = 1000;

/// A reply.
#[derive(Deserialize)]
pub(super) struct Reply {
    #[serde(default)]
    form: String,
    text: String,
    read_version: i64,
    #[serde(default)]
    read_through: i64,
    #[serde(default)]
    anyway: String,
}

/// A button alone.
#[derive(Deserialize)]
pub(super) struct Press {
    #[serde(default)]
    form: String,
}

/// A hand-over.
#[derive(Deserialize)]
pub(super) struct Assign {
    #[serde(default)]
    form: String,
    to: String,
    #[serde(default)]
    note: String,
}

/// The end of an assignment.
#[derive(Deserialize)]
pub(super) struct Complete {
    #[serde(default)]
    form: String,
    #[serde(default)]
    close: String,
}

/// A note.
#[derive(Deserialize)]
pub(super) struct Note {
    #[serde(default)]
    form: String,
    text: String,
}

/// A judgement.
#[derive(Deserialize)]
pub(super) struct Judge {
    #[serde(default)]
    form: String,
    out: String,
}

/// `POST /inbox/{conversation}/reply`
pub(super) async fn reply(
    State(door): State<Arc<Door>>,
    who: Member,
    Path(id): Path<String>,
    Form(form): Form<Reply>,
) -> Result<Response, Refusal> {
    let text = normal(&form.text);
    let conversation = seen(&id)?;
    if let Some(words) = unfit(&text, REPLY_CHARS_MAX) {
        let draft = Draft {
            text,
            refused: Some(words.to_owned()),
            ..Draft::default()
        };
        return inbox::again(
            &door,
            &who,
            conversation,
            StatusCode::UNPROCESSABLE_ENTITY,
            draft,
        )
        .await;
    }
    let what = StaffVerb::Reply {
        conversation,
        text: text.clone(),
        read_version: form.read_version,
        anyway: form.anyway == "yes",
    };
    match act(&door, &who, &id, what, &form.form).await? {
        Ok(_) => Ok(back(&id)),
        Err(refused) => {
            let moved = refused.code == "thread_moved";
            let status = problem::refused_status(refused.code);
            let draft = Draft {
                text,
                read_through: moved.then_some(form.read_through),
                refused: (!moved).then_some(refused.words),
                form: page::same_form(status, form.form),
            };
            inbox::again(&door, &who, conversation, status, draft).await
        }
    }
}

/// `POST /inbox/{conversation}/assign`
pub(super) async fn assign(
    State(door): State<Arc<Door>>,
    who: Member,
    Path(id): Path<String>,
    Form(form): Form<Assign>,
) -> Result<Response, Refusal> {
    let (place, _) = inbox::find(&door, &who, &id).await?;
    let to = inbox::chosen(&who.eyes(&door, &place)?, &form.to);
    let to = to.ok_or(Refusal::BadForm("There is no such group or member here."))?;
    let note = Some(normal(&form.note)).filter(|note| !note.is_empty());
    if note
        .as_deref()
        .is_some_and(|note| note.chars().count() > NOTE_CHARS_MAX)
    {
        return Err(Refusal::BadForm("This note is too long."));
    }
    let conversation = seen(&id)?;
    done(
        &door,
        &who,
        &id,
        StaffVerb::Assign {
            conversation,
            to,
            note,
        },
        &form.form,
    )
    .await
}

/// `POST /inbox/{conversation}/complete`
pub(super) async fn complete(
    State(door): State<Arc<Door>>,
    who: Member,
    Path(id): Path<String>,
    Form(form): Form<Complete>,
) -> Result<Response, Refusal> {
    let conversation = seen(&id)?;
    let close = form.close == "yes";
    done(
        &door,
        &who,
        &id,
        StaffVerb::Complete {
            conversation,
            close,
        },
        &form.form,
    )
    .await
}

/// `POST /inbox/{conversation}/close`
pub(super) async fn close(
    State(door): State<Arc<Door>>,
    who: Member,
    Path(id): Path<String>,
    Form(form): Form<Press>,
) -> Result<Response, Refusal> {
    let conversation = seen(&id)?;
    let what = StaffVerb::Close { conversation };
    done(&door, &who, &id, what, &form.form).await
}

/// `POST /inbox/{conversation}/reopen`
pub(super) async fn reopen(
    State(door): State<Arc<Door>>,
    who: Member,
    Path(id): Path<String>,
    Form(form): Form<Press>,
) -> Result<Response, Refusal> {
    let conversation = seen(&id)?;
    let what = StaffVerb::Reopen { conversation };
    done(&door, &who, &id, what, &form.form).await
}

/// `POST /inbox/{conversation}/note`
pub(super) async fn note(
    State(door): State<Arc<Door>>,
    who: Member,
    Path(id): Path<String>,
    Form(form): Form<Note>,
) -> Result<Response, Refusal> {
    let conversation = seen(&id)?;
    let text = normal(&form.text);
    if let Some(words) = unfit(&text, NOTE_CHARS_MAX) {
        return Err(Refusal::BadForm(words));
    }
    let what = StaffVerb::Note { conversation, text };
    done(&door, &who, &id, what, &form.form).await
}

/// `POST /inbox/{conversation}/judge`
pub(super) async fn judge(
    State(door): State<Arc<Door>>,
    who: Member,
    Path(id): Path<String>,
    Form(form): Form<Judge>,
) -> Result<Response, Refusal> {
    let conversation = seen(&id)?;
    let out = match &form.out[..] {
        "yes" => true,
        "no" => false,
        _ => return Err(Refusal::BadForm("Say yes or no.")),
    };
    done(
        &door,
        &who,
        &id,
        StaffVerb::JudgeRevocation { conversation, out },
        &form.form,
    )
    .await
}

/// `POST /inbox/{conversation}/read`: the open page tells that a new text is before somebody's eyes.
pub(super) async fn read(
    State(door): State<Arc<Door>>,
    who: Member,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let (_, row) = inbox::find(&door, &who, &id).await?;
    let it = &row.conversation;
    let theirs = who
        .0
        .directory
        .includes(it.account, it.responsible(), who.0.user.id);
    if it.unread && theirs {
        let what = StaffVerb::Read {
            conversation: it.id,
        };
        act(&door, &who, &id, what, "")
            .await?
            .map_err(Refusal::Act)?;
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Does it and shows the thread; what has left the member's sight by it leads to the list.
async fn done(
    door: &Door,
    who: &Member,
    id: &str,
    what: StaffVerb,
    form: &str,
) -> Result<Response, Refusal> {
    act(door, who, id, what, form)
        .await?
        .map_err(Refusal::Act)?;
    Ok(match inbox::find(door, who, id).await {
        Ok(_) => back(id),
        Err(_) => Redirect::to("/inbox").into_response(),
    })
}

/// Hands an act to the daemon, in the account where this member sees the conversation.
async fn act(
    door: &Door,
    who: &Member,
    id: &str,
    what: StaffVerb,
    form: &str,
) -> Result<Result<Acted, ActRefused>, Refusal> {
    let (place, _) = inbox::find(door, who, id).await?;
    let action = StaffAction {
        by: who.0.user.id,
        account: place.scope.account(),
        what,
    };
    Ok(door.staff.act(action, Some(form)).await)
}

fn seen(id: &str) -> Result<ConversationId, Refusal> {
    id.parse().map_err(|_| Refusal::NotFound)
}

fn back(id: &str) -> Response {
    Redirect::to(&format!("/inbox/{id}")).into_response()
}

/// Forms send line ends as CR LF; a text counts them as one character.
pub(crate) fn normal(text: &str) -> String {
    text.replace("\r\n", "\n")
        .replace('\r', "\n")
        .trim()
        .to_owned()
}

/// Why a text cannot go as it is.
pub(crate) fn unfit(text: &str, chars_max: usize) -> Option<&'static str> {
    match text.chars().count() {
        0 => Some("Write something first."),
        n if n > chars_max => Some("This is too long to send."),
        _ => None,
    }
}
