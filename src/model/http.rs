//! What a flow asks another system over HTTP, and what that answers.

use serde::{Deserialize, Serialize};

/// A request of a flow. Secrets stand in it by name only: they are put in when it leaves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpRequest {
    /// `GET`, `POST`, `PUT`, `PATCH` or `DELETE`.
    pub method: HttpMethod,
    /// Where to.
    pub url: String,
    /// Its headers.
    pub headers: Vec<(String, HeaderText)>,
    /// Its body, JSON or plain text by the header `content-type`.
    pub body: Option<String>,
    /// Seconds until no answer is awaited any more.
    pub timeout_s: u32,
}

/// The methods that a flow may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum HttpMethod {
    /// Reads.
    Get,
    /// Adds or asks.
    Post,
    /// Replaces.
    Put,
    /// Changes.
    Patch,
    /// Removes.
    Delete,
}

impl HttpMethod {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    /// Whether asking twice does no harm.
    pub const fn is_safe(self) -> bool {
        matches!(self, Self::Get)
    }
}

/// The value of a header.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeaderText {
    /// As it stands.
    Text(String),
    /// A secret of the configuration, behind these words.
    Secret {
        /// Its name under `http.secrets`.
        name: String,
        /// What comes before it, such as `Bearer `.
        before: String,
    },
}

/// What came of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HttpAnswer {
    /// The other system answered.
    Answer {
        /// Its status.
        status: u16,
        /// Its body, as text.
        body: String,
    },
    /// It did not, or was not asked: a stable code such as `not_allowed`, `circuit_open` or `no_answer`.
    None(String),
}
