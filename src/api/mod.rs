//! The API under `/api/v1`: the same things as the pages, for programs. One table of endpoints makes the
//! routes and the OpenAPI document, so that the two cannot drift apart.

pub mod auth;
mod conversations;
mod daemon;
pub mod door;
mod openapi;
pub mod password;
pub(crate) mod problem;
mod throttle;
mod voicemails;

use std::sync::Arc;

use axum::Router;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{FromRequestParts, Query};
use axum::routing::{MethodRouter, get, post};
use axum_extra::extract::cookie::CookieJar;
use http::StatusCode;
use http::request::Parts;
use serde::Deserialize;
use serde_json::Value;

use self::auth::{Place, SignedIn};
use self::door::Door;
use self::problem::Problem;
use crate::store::Cursor;

/// Rows on a page when the caller does not say.
const LIMIT_DEFAULT: u32 = 50;
/// Rows on a page at most.
const LIMIT_MAX: u32 = 200;

/// One endpoint: what serves it and what is said of it.
struct Endpoint {
    method: &'static str,
    /// Below `/api/v1`.
    path: &'static str,
    /// The name of the operation for generated clients.
    operation: &'static str,
    summary: &'static str,
    query: &'static [Parameter],
    /// The name of the body's schema.
    body: Option<&'static str>,
    /// The status of success and the name of its schema.
    answer: (u16, &'static str),
    /// The statuses of refusals.
    refusals: &'static [u16],
    serve: fn() -> MethodRouter<Arc<Door>>,
}

/// A parameter of the query.
struct Parameter {
    name: &'static str,
    words: &'static str,
    /// As a schema's type.
    kind: &'static str,
    /// The words it may be; none: any.
    one_of: &'static [&'static str],
}

const ACCOUNT: Parameter = Parameter {
    name: "account",
    words: "The account's key; without it the one last looked at on the pages.",
    kind: "string",
    one_of: &[],
};
const LIMIT: Parameter = Parameter {
    name: "limit",
    words: "Rows on the page, 1 to 200; 50 without it.",
    kind: "integer",
    one_of: &[],
};
const CURSOR: Parameter = Parameter {
    name: "cursor",
    words: "Where to go on: `next` of the page before.",
    kind: "string",
    one_of: &[],
};

/// Every endpoint there is.
const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        method: "get",
        path: "/conversations",
        operation: "list_conversations",
        summary: "Conversations in the caller's boxes, latest first.",
        query: &[
            ACCOUNT,
            Parameter {
                name: "state",
                words: "Only those in this state; all without it.",
                kind: "string",
                one_of: &["open", "automated", "closed"],
            },
            Parameter {
                name: "box",
                words: "Only this box: `group:<key>` or `user:<key>`.",
                kind: "string",
                one_of: &[],
            },
            Parameter {
                name: "find",
                words: "Only those whose name or number contains this.",
                kind: "string",
                one_of: &[],
            },
            LIMIT,
            CURSOR,
        ],
        body: None,
        answer: (200, "ConversationPage"),
        refusals: &[400, 401, 404],
        serve: || get(conversations::list),
    },
    Endpoint {
        method: "get",
        path: "/conversations/{id}",
        operation: "get_conversation",
        summary: "One conversation with its latest texts and events, oldest first; `next` leads to earlier ones.",
        query: &[ACCOUNT, LIMIT, CURSOR],
        body: None,
        answer: (200, "Thread"),
        refusals: &[400, 401, 404],
        serve: || get(conversations::one),
    },
    Endpoint {
        method: "post",
        path: "/conversations/{id}/replies",
        operation: "reply",
        summary: "Answers a conversation. Refused with 409 when it moved since `read_version`, unless `anyway`.",
        query: &[ACCOUNT],
        body: Some("Reply"),
        answer: (202, "Replied"),
        refusals: &[400, 401, 403, 404, 409, 422],
        serve: || post(conversations::reply),
    },
    Endpoint {
        method: "get",
        path: "/voicemails",
        operation: "list_voicemails",
        summary: "Voicemails and missed calls in the caller's boxes, latest first.",
        query: &[
            ACCOUNT,
            Parameter {
                name: "only",
                words: "Only these; all without it.",
                kind: "string",
                one_of: &["unheard", "missed"],
            },
            LIMIT,
            CURSOR,
        ],
        body: None,
        answer: (200, "VoicemailPage"),
        refusals: &[400, 401, 404],
        serve: || get(voicemails::list),
    },
    Endpoint {
        method: "get",
        path: "/openapi.json",
        operation: "get_openapi",
        summary: "This description.",
        query: &[],
        body: None,
        answer: (200, "OpenApi"),
        refusals: &[],
        serve: || get(openapi::serve),
    },
];

/// The routes of the API.
pub(crate) fn router(door: Arc<Door>) -> Router {
    let routes = ENDPOINTS.iter().fold(Router::new(), |routes, endpoint| {
        routes.route(endpoint.path, (endpoint.serve)())
    });
    let missing = || async { Problem::not_found() };
    let method = || async {
        Problem::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            "This endpoint does not know this method.",
        )
    };
    let routes = routes.fallback(missing).method_not_allowed_fallback(method);
    Router::new().nest("/api/v1", routes.with_state(door))
}

/// A caller with a session, in the account they named or last looked at.
pub(crate) struct Caller {
    who: SignedIn,
    place: Place,
    /// Where a thing is looked for by its id: everywhere, unless an account was named.
    places: Vec<Place>,
}

#[derive(Default, Deserialize)]
struct Named {
    account: Option<String>,
}

impl FromRequestParts<Arc<Door>> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, door: &Arc<Door>) -> Result<Self, Problem> {
        let cookies = CookieJar::from_headers(&parts.headers);
        let who = auth::signed_in(door, &cookies).await?;
        let who = who.ok_or_else(Problem::not_signed_in)?;
        let named: Query<Named> = Query::try_from_uri(&parts.uri).unwrap_or_default();
        let mut places = who.places();
        if let Some(key) = &named.account {
            let account = who.directory.account_by_key(key).map(|account| account.id);
            places.retain(|place| Some(place.scope.account()) == account);
        }
        let place = places.first().cloned().ok_or_else(Problem::not_found)?;
        Ok(Self { who, place, places })
    }
}

/// The page a caller asks for.
struct Wanted {
    limit: u32,
    before: Option<Cursor>,
}

impl Wanted {
    fn read(limit: Option<u32>, cursor: Option<&str>) -> Result<Self, Problem> {
        let limit = limit.unwrap_or(LIMIT_DEFAULT);
        if !(1..=LIMIT_MAX).contains(&limit) {
            return Err(Problem::bad_request("`limit` is between 1 and 200."));
        }
        let read = |text: &str| {
            let cursor = text.parse();
            cursor.map_err(|_| Problem::bad_request("`cursor` is none of ours."))
        };
        let before = cursor.map(read).transpose()?;
        Ok(Self { limit, before })
    }
}

/// A page as the API shows it.
fn page(items: Vec<Value>, next: Option<Cursor>) -> Value {
    serde_json::json!({ "items": items, "next": next.map(|next| next.to_string()) })
}

fn query<T>(read: Result<Query<T>, QueryRejection>) -> Result<T, Problem> {
    read.map(|read| read.0)
        .map_err(|error| Problem::bad_request(error.body_text()))
}

fn body<T>(read: Result<axum::Json<T>, JsonRejection>) -> Result<T, Problem> {
    let refused =
        |error: JsonRejection| Problem::new(error.status(), "bad_request", error.body_text());
    read.map(|read| read.0).map_err(refused)
}
