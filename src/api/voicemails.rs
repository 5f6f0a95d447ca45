//! Voicemails and missed calls for programs.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::conversations::Seen;
use super::door::Door;
use super::problem::Problem;
use super::{Caller, Wanted, page, query};
use crate::model::conversation::VoicemailState;
use crate::store::{VoicemailFilter, VoicemailRow};

#[derive(Deserialize)]
pub(super) struct ListQuery {
    only: Option<String>,
    limit: Option<u32>,
    cursor: Option<String>,
}

/// `GET /voicemails`
pub(super) async fn list(
    State(door): State<Arc<Door>>,
    caller: Caller,
    asked: Result<Query<ListQuery>, QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let asked = query(asked)?;
    let wanted = Wanted::read(asked.limit, asked.cursor.as_deref())?;
    let filter = match asked.only.as_deref() {
        None => VoicemailFilter::All,
        Some("unheard") => VoicemailFilter::Unheard,
        Some("missed") => VoicemailFilter::Missed,
        Some(_) => return Err(Problem::bad_request("`only` is unheard or missed.")),
    };
    let (scope, sight) = (caller.place.scope, &caller.place.sight);
    let found = door
        .store()
        .voicemails(scope, sight, filter, wanted.before, wanted.limit)
        .await?;
    let seen = Seen::of(&caller)?;
    let items = found.items.iter().map(|row| shown(&seen, row)).collect();
    Ok(Json(page(items, found.next)))
}

fn shown(seen: &Seen<'_>, row: &VoicemailRow) -> Value {
    let it = &row.voicemail;
    let audio = it.state == VoicemailState::Ready;
    json!({
        "id": it.id,
        "at": it.created_at.to_string(),
        "box": seen.route(it.owner),
        "party": it.party,
        "name": row.contact_name,
        "conversation": it.conversation,
        "missed_call": it.recording.is_none() && it.state == VoicemailState::Absent,
        "duration_s": it.duration_s,
        "state": it.state,
        "audio": audio.then(|| format!("/voicemails/{}/audio", it.id)),
        "transcript": it.transcript,
        "heard": it.heard,
        "version": it.version,
    })
}
