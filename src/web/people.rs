//! The member's own page, the change of account, and what ops looks at.

use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum_extra::extract::cookie::CookieJar;
use serde::Deserialize;

use super::inbox::with;
use super::page::{self, Member, Refusal};
use super::views::Frame;
use super::words::{self, Stamp};
use crate::api::auth;
use crate::api::door::Door;
use crate::store::{Cursor, OpsSight};

/// Notices on one page.
const NOTICES_MAX: u32 = 50;
/// What the counts of the ops page look back over.
const COUNTED: Duration = Duration::from_secs(24 * 3600);

#[derive(Template)]
#[template(path = "me.html")]
struct MePage {
    frame: Option<Frame>,
    name: String,
    away: bool,
    devices: Vec<String>,
    account_name: String,
    groups: Vec<String>,
}

#[derive(Template)]
#[template(path = "ops.html")]
struct OpsPage {
    frame: Option<Frame>,
    counts: Vec<Count>,
    notices: Vec<NoticeView>,
    more: Option<String>,
}

struct Count {
    name: &'static str,
    value: u64,
}

struct NoticeView {
    at: Stamp,
    what: String,
    words: String,
}

/// The account to look at.
#[derive(Deserialize)]
pub(super) struct Account {
    account: String,
}

/// Whether a member can be rung.
#[derive(Deserialize)]
pub(super) struct Presence {
    presence: String,
}

/// Which notices.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Older {
    before: String,
}

/// `POST /account`
pub(super) async fn change_account(
    State(door): State<Arc<Door>>,
    Member(who): Member,
    cookies: CookieJar,
    Form(wanted): Form<Account>,
) -> Result<Response, Refusal> {
    let account = who.directory.account_by_key(&wanted.account);
    let account = account.filter(|account| who.accounts.contains(&account.id));
    let account = account.ok_or(Refusal::NotFound)?;
    let cookies = cookies.add(auth::account_cookie(&door, &account.key));
    Ok((cookies, Redirect::to("/inbox")).into_response())
}

/// `GET /me`
pub(super) async fn me(State(door): State<Arc<Door>>, who: Member) -> Result<Response, Refusal> {
    let frame = who.frame(&door, "me").await?;
    let user = &who.0.user;
    let account = who.0.account().ok_or(Refusal::NotFound)?;
    let groups = account
        .groups
        .iter()
        .filter(|group| group.members.contains(&user.id));
    let device = |device: &crate::model::people::Device| {
        let number = words::number(&device.phone.to_string());
        match &device.name {
            Some(name) => format!("{number} ({name})"),
            None => number,
        }
    };
    page::page(&MePage {
        away: frame.away,
        name: user.name.clone(),
        devices: user.devices.iter().map(device).collect(),
        account_name: account.name.clone(),
        groups: groups.map(|group| group.name.clone()).collect(),
        frame: Some(frame),
    })
}

/// `POST /me/presence`
pub(super) async fn presence(
    State(door): State<Arc<Door>>,
    Member(who): Member,
    Form(form): Form<Presence>,
) -> Result<Redirect, Refusal> {
    let away = match &form.presence[..] {
        "away" => true,
        "available" => false,
        _ => return Err(Refusal::BadForm("Presence is available or away.")),
    };
    door.store().set_away(who.user.id, away, door.now()).await?;
    Ok(Redirect::to("/me"))
}

/// `GET /ops`
pub(super) async fn ops(
    State(door): State<Arc<Door>>,
    who: Member,
    Query(older): Query<Older>,
) -> Result<Response, Refusal> {
    let sight = OpsSight::of_admin(&who.0.user).ok_or(Refusal::Forbidden)?;
    let eyes = who.eyes(&door, &who.0.place)?;
    let before: Option<Cursor> = older.before.parse().ok();
    let found = door.store().ops_notices(sight, before, NOTICES_MAX).await?;
    let counted = door.store().ops_counts(sight, door.now() - COUNTED).await?;
    let notices = found.items.iter().map(|notice| NoticeView {
        at: eyes.clock.stamp(notice.at),
        what: what(&notice.code),
        words: notice.words.clone(),
    });
    page::page(&OpsPage {
        notices: notices.collect(),
        counts: vec![
            Count {
                name: "texts in, 24 h",
                value: counted.texts_in,
            },
            Count {
                name: "texts out, 24 h",
                value: counted.texts_out,
            },
            Count {
                name: "calls, 24 h",
                value: counted.calls,
            },
            Count {
                name: "texts waiting",
                value: counted.texts_waiting,
            },
            Count {
                name: "texts, answer lost",
                value: counted.texts_unknown,
            },
            Count {
                name: "events undecided",
                value: counted.undecided,
            },
            Count {
                name: "jobs given up",
                value: counted.jobs_failed,
            },
        ],
        more: found
            .next
            .map(|next| with("/ops", "before", &next.to_string())),
        frame: Some(who.frame(&door, "ops").await?),
    })
}

fn what(code: &str) -> String {
    match code {
        "unknown_number" => "Not our number".to_owned(),
        "undecided" => "Undecided event".to_owned(),
        other => other.replace('_', " "),
    }
}
