//! The first text to somebody: only for roles that may start texts.

use std::sync::Arc;

use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use serde::Deserialize;

use super::actions::{REPLY_CHARS_MAX, normal, unfit};
use super::page::{self, Member, Refusal};
use super::views::{Choice, Frame};
use super::words;
use crate::api::door::Door;
use crate::api::problem;
use crate::model::account::{Account, Program};
use crate::model::staff::{StaffAction, StaffVerb};
use crate::model::{NumberId, Party};

#[derive(Template)]
#[template(path = "start.html")]
struct StartPage {
    frame: Option<Frame>,
    refused: Option<String>,
    programs: Vec<Choice>,
    to: String,
    text: String,
    form: String,
}

/// A first text.
#[derive(Default, Deserialize)]
pub(super) struct Start {
    to: String,
    program: String,
    text: String,
    #[serde(default)]
    form: String,
}

/// `GET /inbox/new`
pub(super) async fn show(State(door): State<Arc<Door>>, who: Member) -> Result<Response, Refusal> {
    form(&door, &who, StatusCode::OK, None, Start::default()).await
}

/// `POST /inbox/new`
pub(super) async fn send(
    State(door): State<Arc<Door>>,
    who: Member,
    Form(mut start): Form<Start>,
) -> Result<Response, Refusal> {
    let account = who.0.account().ok_or(Refusal::NotFound)?;
    let program = account.program(&start.program);
    let number = program.and_then(|program| number_of(account, program));
    let text = normal(&start.text);
    let to = party(&start.to);
    let (program, number, to) = match (program, number, to) {
        (Some(program), Some(number), Some(to)) => (program.id, number, to),
        (.., None) => {
            let words = "A phone number is written in international form, such as +1 202 555 0143.";
            return again(&door, &who, words, start).await;
        }
        _ => {
            return again(
                &door,
                &who,
                "This program has no number to send from.",
                start,
            )
            .await;
        }
    };
    if let Some(words) = unfit(&text, REPLY_CHARS_MAX) {
        return again(&door, &who, words, start).await;
    }
    let action = StaffAction {
        by: who.0.user.id,
        account: account.id,
        what: StaffVerb::StartText {
            program,
            number,
            to,
            text,
        },
    };
    match door.staff.act(action, Some(&start.form)).await {
        Ok(acted) => {
            let thread = acted.conversation.map(|id| format!("/inbox/{id}"));
            Ok(Redirect::to(thread.as_deref().unwrap_or("/inbox")).into_response())
        }
        Err(refused) => {
            let status = problem::refused_status(refused.code);
            let kept = page::same_form(status, std::mem::take(&mut start.form));
            start.form = kept.unwrap_or_default();
            form(&door, &who, status, Some(refused.words), start).await
        }
    }
}

async fn again(
    door: &Door,
    who: &Member,
    words: &str,
    mut start: Start,
) -> Result<Response, Refusal> {
    start.form.clear();
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    form(door, who, status, Some(words.to_owned()), start).await
}

async fn form(
    door: &Door,
    who: &Member,
    status: StatusCode,
    refused: Option<String>,
    start: Start,
) -> Result<Response, Refusal> {
    if !who.0.place.may_start_texts {
        return Err(Refusal::Forbidden);
    }
    let account = who.0.account().ok_or(Refusal::NotFound)?;
    let choice = |program: &Program| {
        let number = who.0.directory.number(number_of(account, program)?)?;
        Some(Choice {
            value: program.key.clone(),
            name: format!("{} ({})", program.name, words::number(&number.address)),
            current: program.key == start.program,
            unread: 0,
        })
    };
    let shown = page::page(&StartPage {
        frame: Some(who.frame(door, "inbox").await?),
        refused,
        programs: account.programs.iter().filter_map(choice).collect(),
        to: start.to,
        text: start.text,
        form: Some(start.form)
            .filter(|form| !form.is_empty())
            .unwrap_or_else(page::form_name),
    })?;
    Ok((status, shown).into_response())
}

/// The number a program sends from: its own, else the account's first.
fn number_of(account: &Account, program: &Program) -> Option<NumberId> {
    let first = account.numbers.first().map(|uses| uses.number);
    program.number.or(first)
}

/// A phone as people type it: blanks, hyphens and parentheses say nothing.
fn party(typed: &str) -> Option<Party> {
    let bare: String = typed
        .chars()
        .filter(|c| !" \u{a0}-().".contains(*c))
        .collect();
    let party = Party::read(&bare);
    party.phone().is_some().then_some(party)
}
