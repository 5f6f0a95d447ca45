//! Listing texts, newest first: how the daemon finds out whether a send whose answer was lost was taken.

use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::rest::{Asked, Refused};
use super::shared::Shared;
use super::world::Text;
use crate::model::Timestamp;

const PAGE_DEFAULT: usize = 50;
const PAGE_MAX: usize = 1_000;

/// `GET Messages.json` with the filters `To`, `From`, `DateSent` and pages.
pub(super) fn texts(twin: &Arc<Shared>, asked: &Asked) -> Result<Response, Refused> {
    let whole = |name: &str, default: usize| {
        asked
            .get(name)
            .and_then(|text| text.parse().ok())
            .unwrap_or(default)
    };
    let size = whole("PageSize", PAGE_DEFAULT).clamp(1, PAGE_MAX);
    let page: usize = whole("Page", 0);
    let matching: Vec<Text> = {
        let world = twin.world();
        let found = world.texts.iter().rev().filter(|text| matches(asked, text));
        found
            .skip(page.saturating_mul(size))
            .take(size + 1)
            .cloned()
            .collect()
    };
    let shown: Vec<Value> = matching
        .iter()
        .take(size)
        .map(|text| twin.text_json(text))
        .collect();
    let uri = format!(
        "/2010-04-01/Accounts/{}/Messages.json",
        twin.settings.account_sid
    );
    let at = |page: usize| format!("{uri}?PageSize={size}&Page={page}");
    let next = (matching.len() > size).then(|| at(page + 1));
    let body = json!({
        "first_page_uri": at(0),
        "messages": shown,
        "next_page_uri": next,
        "page": page,
        "page_size": size,
        "uri": at(page),
    });
    Ok(axum::Json(body).into_response())
}

fn matches(asked: &Asked, text: &Text) -> bool {
    let is = |name: &str, value: &str| asked.get(name).is_none_or(|wanted| wanted == value);
    is("To", &text.to) && is("From", &text.from) && in_time(asked, text.at)
}

/// `DateSent=` a day, `DateSent<=` and `DateSent>=` a day or an instant.
fn in_time(asked: &Asked, at: Timestamp) -> bool {
    let shown = at.to_string();
    let day = |wanted: &str| wanted.get(..10).unwrap_or_default().to_owned();
    let on = asked
        .get("DateSent")
        .is_none_or(|wanted| shown.starts_with(&day(wanted)));
    // Written in the same form, instants compare as their texts do; a day compares by its length.
    let cut = |wanted: &str| {
        shown
            .get(..wanted.len().min(19))
            .unwrap_or(&shown)
            .to_owned()
    };
    let whole = |wanted: &str| {
        wanted
            .get(..wanted.len().min(19))
            .unwrap_or_default()
            .to_owned()
    };
    let from = asked
        .get("DateSent>")
        .is_none_or(|wanted| cut(wanted) >= whole(wanted));
    let until = asked
        .get("DateSent<")
        .is_none_or(|wanted| cut(wanted) <= whole(wanted));
    on && from && until
}
