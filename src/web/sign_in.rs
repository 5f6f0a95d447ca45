//! Signing in with a password or a link that works once, and signing out.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum_extra::extract::cookie::CookieJar;
use http::{Extensions, HeaderMap, StatusCode, header};
use secrecy::SecretString;
use serde::Deserialize;

use super::page::{self, Member, Refusal};
use super::views::Frame;
use crate::api::auth;
use crate::api::door::Door;
use crate::api::password;
use crate::metrics;
use crate::model::people::User;

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignIn<'a> {
    frame: Option<Frame>,
    refused: Option<&'a str>,
    next: &'a str,
    user: &'a str,
}

#[derive(Template)]
#[template(path = "link.html")]
struct Link<'a> {
    frame: Option<Frame>,
    valid: bool,
    name: &'a str,
    token: &'a str,
    next: &'a str,
}

/// Where to go after signing in.
#[derive(Deserialize)]
pub(super) struct Next {
    #[serde(default)]
    next: String,
}

/// The sign-in form.
#[derive(Deserialize)]
pub(super) struct Entry {
    user: String,
    password: SecretString,
    #[serde(default)]
    next: String,
}

/// A link's token.
#[derive(Deserialize)]
pub(super) struct Token {
    #[serde(default)]
    token: String,
    #[serde(default)]
    next: String,
}

/// `GET /sign-in`
pub(super) async fn show(
    State(door): State<Arc<Door>>,
    cookies: CookieJar,
    Query(to): Query<Next>,
) -> Result<Response, Refusal> {
    if auth::signed_in(&door, &cookies).await?.is_some() {
        return Ok(Redirect::to(page::own_address(&to.next)).into_response());
    }
    form(StatusCode::OK, None, "", &to.next)
}

/// `POST /sign-in`
pub(super) async fn enter(
    State(door): State<Arc<Door>>,
    cookies: CookieJar,
    extensions: Extensions,
    headers: HeaderMap,
    Form(entry): Form<Entry>,
) -> Result<Response, Refusal> {
    let name = entry.user.trim();
    let from = auth::address_of(&door, &extensions, &headers);
    if let Err(wait) = door.throttle.take(name, from, door.now()) {
        return slowed(&entry, wait);
    }
    match right_user(&door, name, from, entry.password.clone()).await? {
        Checked::Busy => slowed(&entry, Duration::from_secs(1)),
        Checked::Wrong => {
            metrics::signins("refused");
            let words = "This user and password do not go together.";
            form(
                StatusCode::UNPROCESSABLE_ENTITY,
                Some(words),
                name,
                &entry.next,
            )
        }
        Checked::Right(user) => {
            metrics::signins("ok");
            tracing::info!(user = %user.id, "signed in with a password");
            let cookie = auth::begin_session(&door, user.id).await?;
            let to = Redirect::to(page::own_address(&entry.next));
            Ok((cookies.add(cookie), to).into_response())
        }
    }
}

enum Checked {
    Right(User),
    Wrong,
    Busy,
}

async fn right_user(
    door: &Door,
    name: &str,
    from: Option<IpAddr>,
    password: SecretString,
) -> Result<Checked, Refusal> {
    let directory = door.staff.directory();
    let user = find_user(&directory, name);
    let stored = match user {
        Some(user) => door.store().password(user.id).await?,
        None => None,
    };
    let same = password::check_password(door, password, stored).await;
    Ok(match (same, user) {
        (None, _) => Checked::Busy,
        (Some(true), Some(user)) => {
            door.throttle.give_back(name, from);
            Checked::Right(user.clone())
        }
        _ => Checked::Wrong,
    })
}

/// By key, or by e-mail where only one has it.
fn find_user<'a>(
    directory: &'a crate::model::directory::Directory,
    name: &str,
) -> Option<&'a User> {
    let by_key = directory.user_by_key(&name.to_lowercase());
    let found = by_key.or_else(|| {
        let has = |user: &&User| {
            let email = user.email.as_deref();
            email.is_some_and(|email| email.eq_ignore_ascii_case(name))
        };
        let mut having = directory.users().filter(has);
        having.next().filter(|_| having.next().is_none())
    });
    found.filter(|user| user.active)
}

/// `GET /sign-in/link?token=…`: asks before the link is used up, as mail programs visit links by themselves.
pub(super) async fn show_link(
    State(door): State<Arc<Door>>,
    Query(link): Query<Token>,
) -> Result<Response, Refusal> {
    let hash = auth::token_hash(&link.token);
    let user = door.store().link_user(&hash, door.now()).await?;
    let directory = door.staff.directory();
    let user = user
        .and_then(|id| directory.user(id))
        .filter(|user| user.active);
    let shown = page::page(&Link {
        frame: None,
        valid: user.is_some(),
        name: user.map_or("", |user| &user.name),
        token: &link.token,
        next: page::own_address(&link.next),
    })?;
    Ok(match user {
        Some(_) => shown,
        None => (StatusCode::GONE, shown).into_response(),
    })
}

/// `POST /sign-in/link`
pub(super) async fn enter_by_link(
    State(door): State<Arc<Door>>,
    cookies: CookieJar,
    Form(link): Form<Token>,
) -> Result<Response, Refusal> {
    let hash = auth::token_hash(&link.token);
    let user = door.store().link_use(&hash, door.now()).await?;
    let directory = door.staff.directory();
    let active = user
        .and_then(|id| directory.user(id))
        .filter(|user| user.active);
    let Some(user) = active else {
        metrics::signins("refused");
        let shown = page::page(&Link {
            frame: None,
            valid: false,
            name: "",
            token: "",
            next: "",
        })?;
        return Ok((StatusCode::GONE, shown).into_response());
    };
    metrics::signins("ok");
    tracing::info!(user = %user.id, "signed in with a link");
    let cookie = auth::begin_session(&door, user.id).await?;
    let to = Redirect::to(page::own_address(&link.next));
    Ok((cookies.add(cookie), to).into_response())
}

/// `POST /sign-out`
pub(super) async fn leave(
    State(door): State<Arc<Door>>,
    Member(who): Member,
    cookies: CookieJar,
) -> Result<Response, Refusal> {
    door.store().session_end(&who.session).await?;
    let cookies = cookies.add(auth::no_session_cookie(&door));
    Ok((cookies, Redirect::to("/sign-in")).into_response())
}

fn form(
    status: StatusCode,
    refused: Option<&str>,
    user: &str,
    next: &str,
) -> Result<Response, Refusal> {
    let shown = page::page(&SignIn {
        frame: None,
        refused,
        next: page::own_address(next),
        user,
    })?;
    Ok((status, shown).into_response())
}

fn slowed(entry: &Entry, wait: Duration) -> Result<Response, Refusal> {
    metrics::signins("limited");
    let seconds = wait.as_secs().max(1);
    let words = format!("Too many tries. Wait {seconds} seconds and try again.");
    let shown = form(
        StatusCode::TOO_MANY_REQUESTS,
        Some(&words),
        entry.user.trim(),
        &entry.next,
    )?;
    Ok(([(header::RETRY_AFTER, seconds.to_string())], shown).into_response())
}
