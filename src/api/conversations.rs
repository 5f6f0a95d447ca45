//! Conversations for programs.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::door::Door;
use super::problem::Problem;
use super::{Caller, Wanted, body, page, query};
use crate::model::account::{Account, Route};
use crate::model::conversation::{Assignment, ThreadEvent, ThreadEventKind};
use crate::model::directory::Directory;
use crate::model::staff::{StaffAction, StaffVerb};
use crate::model::{ConversationId, Message};
use crate::store::{ConversationFilter, ConversationRow, FilterState, ThreadItem};

#[derive(Deserialize)]
pub(super) struct ListQuery {
    state: Option<String>,
    #[serde(rename = "box")]
    owner: Option<String>,
    find: Option<String>,
    limit: Option<u32>,
    cursor: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct PageQuery {
    limit: Option<u32>,
    cursor: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Reply {
    text: String,
    read_version: i64,
    #[serde(default)]
    anyway: bool,
}

/// `GET /conversations`
pub(super) async fn list(
    State(door): State<Arc<Door>>,
    caller: Caller,
    asked: Result<Query<ListQuery>, QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let asked = query(asked)?;
    let wanted = Wanted::read(asked.limit, asked.cursor.as_deref())?;
    let seen = Seen::of(&caller)?;
    let owner = match asked.owner.as_deref() {
        None => None,
        Some(word) => Some(seen.route_of(word).ok_or_else(Problem::not_found)?),
    };
    let filter = ConversationFilter {
        state: state(asked.state.as_deref())?,
        owner,
        find: asked.find.filter(|find| !find.trim().is_empty()),
        me: caller.who.user.id,
    };
    let (scope, sight) = (caller.place.scope, &caller.place.sight);
    let found = door
        .store()
        .conversations(scope, sight, &filter, wanted.before, wanted.limit)
        .await?;
    let items = found
        .items
        .iter()
        .map(|row| seen.conversation(row))
        .collect();
    Ok(Json(page(items, found.next)))
}

/// `GET /conversations/{id}`
pub(super) async fn one(
    State(door): State<Arc<Door>>,
    mut caller: Caller,
    Path(id): Path<String>,
    asked: Result<Query<PageQuery>, QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let asked = query(asked)?;
    let wanted = Wanted::read(asked.limit, asked.cursor.as_deref())?;
    let row = find(&door, &mut caller, &id).await?;
    let seen = Seen::of(&caller)?;
    let found = door
        .store()
        .thread(
            caller.place.scope,
            &row.conversation,
            wanted.before,
            wanted.limit,
        )
        .await?;
    let items = found.items.iter().map(|item| seen.item(item)).collect();
    let mut thread = page(items, found.next);
    thread["conversation"] = seen.conversation(&row);
    Ok(Json(thread))
}

/// `POST /conversations/{id}/replies`
pub(super) async fn reply(
    State(door): State<Arc<Door>>,
    mut caller: Caller,
    Path(id): Path<String>,
    sent: Result<Json<Reply>, JsonRejection>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let sent = body(sent)?;
    let row = find(&door, &mut caller, &id).await?;
    let action = StaffAction {
        by: caller.who.user.id,
        account: caller.place.scope.account(),
        what: StaffVerb::Reply {
            conversation: row.conversation.id,
            text: sent.text,
            read_version: sent.read_version,
            anyway: sent.anyway,
        },
    };
    let acted = door.staff.act(action, None).await?;
    let answer = json!({ "conversation": row.conversation.id, "version": acted.version });
    Ok((StatusCode::ACCEPTED, Json(answer)))
}

/// The conversation of this id in one of the caller's places, which becomes theirs for this request.
async fn find(door: &Door, caller: &mut Caller, id: &str) -> Result<ConversationRow, Problem> {
    let id: ConversationId = id.parse().map_err(|_| Problem::not_found())?;
    for place in &caller.places {
        let found = door
            .store()
            .conversation(place.scope, &place.sight, id)
            .await?;
        if let Some(row) = found {
            caller.place = place.clone();
            return Ok(row);
        }
    }
    Err(Problem::not_found())
}

fn state(word: Option<&str>) -> Result<FilterState, Problem> {
    match word {
        None => Ok(FilterState::Any),
        Some("open") => Ok(FilterState::Open),
        Some("automated") => Ok(FilterState::Automated),
        Some("closed") => Ok(FilterState::Closed),
        Some(_) => Err(Problem::bad_request(
            "`state` is open, automated or closed.",
        )),
    }
}

/// The organisation as a caller sees it: ids become keys and names.
pub(super) struct Seen<'a> {
    directory: &'a Directory,
    account: &'a Account,
}

impl<'a> Seen<'a> {
    pub(super) fn of(caller: &'a Caller) -> Result<Self, Problem> {
        let directory = &caller.who.directory;
        let account = directory.account(caller.place.scope.account());
        let account = account.ok_or_else(Problem::not_found)?;
        Ok(Self { directory, account })
    }

    /// The route of a word such as `group:billing`.
    fn route_of(&self, word: &str) -> Option<Route> {
        match word.split_once(':')? {
            ("group", key) => self.account.group(key).map(|group| Route::Group(group.id)),
            ("user", key) => {
                let user = self.directory.user_by_key(key)?;
                self.account.member(user.id).map(|_| Route::User(user.id))
            }
            _ => None,
        }
    }

    pub(super) fn route(&self, route: Route) -> Value {
        let (kind, key) = match route {
            Route::Group(id) => (
                "group",
                self.account.group_by_id(id).map(|group| &group.key),
            ),
            Route::User(id) => ("user", self.directory.user(id).map(|user| &user.key)),
        };
        json!({ "kind": kind, "key": key, "name": self.directory.route_name(self.account.id, route) })
    }

    fn conversation(&self, row: &ConversationRow) -> Value {
        let it = &row.conversation;
        let number = self
            .directory
            .number(it.number)
            .map(|number| &number.address);
        let program = self
            .account
            .program_by_id(it.program)
            .map(|program| &program.key);
        let contact = it
            .contact
            .map(|id| json!({ "id": id, "name": row.contact_name }));
        json!({
            "id": it.id,
            "state": it.state,
            "party": it.party,
            "contact": contact,
            "number": number,
            "program": program,
            "route": self.route(it.route),
            "assignment": it.assignment.as_ref().map(|one| self.assignment(one)),
            "tags": it.tags,
            "priority": it.priority,
            "flagged": it.flagged,
            "unread": it.unread,
            "preview": it.preview,
            "last_at": it.last_at.to_string(),
            "created_at": it.created_at.to_string(),
            "version": it.version,
        })
    }

    fn assignment(&self, assignment: &Assignment) -> Value {
        let by = assignment.by.and_then(|id| self.directory.user(id));
        json!({
            "to": self.route(assignment.to),
            "by": by.map(|user| &user.key),
            "at": assignment.at.to_string(),
            "note": assignment.note,
        })
    }

    fn item(&self, item: &ThreadItem) -> Value {
        match item {
            ThreadItem::Text(message, _) => self.text(message),
            ThreadItem::Event(event) => self.event(event),
        }
    }

    fn text(&self, message: &Message) -> Value {
        let author = message.author.and_then(|id| self.directory.user(id));
        json!({
            "type": "text",
            "id": message.id,
            "at": message.created_at.to_string(),
            "kind": message.kind,
            "text": message.text,
            "files": message.media.len(),
            "status": message.status,
            "via": message.via,
            "segments": message.segments,
            "reason": message.reason,
            "author": author.map(|user| &user.key),
        })
    }

    fn event(&self, event: &ThreadEvent) -> Value {
        let by = event.by.and_then(|id| self.directory.user(id));
        json!({
            "type": "event",
            "id": event.id,
            "at": event.at.to_string(),
            "by": by.map(|user| &user.key),
            "event": happened(event),
        })
    }
}

/// What happened; of a recording where it is heard, and not our key of its file.
fn happened(event: &ThreadEvent) -> Value {
    let ThreadEventKind::CallRecorded {
        call,
        seconds,
        blob,
    } = &event.kind
    else {
        return json!(event.kind);
    };
    let audio = blob.as_ref();
    json!({
        "kind": "call_recorded",
        "call": call,
        "seconds": seconds,
        "audio": audio.map(|_| format!("/inbox/{}/recordings/{}", event.conversation, event.id)),
    })
}
