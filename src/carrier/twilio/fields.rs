//! The fields of a webhook, wherever it carries them.

use std::borrow::Cow;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Method, Request, Uri};

use crate::carrier::Malformed;

/// Decoded names and values in order of arrival. Unknown names are kept: carriers add new ones at will.
#[derive(Default)]
pub(super) struct Fields<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

/// A bound on what a small body can be made of; the door caps the body itself.
const FIELDS_MAX: usize = 2048;

impl<'a> Fields<'a> {
    /// The fields of a webhook: of the query for a GET, else of the form.
    pub(super) fn of(request: &'a Request<Bytes>) -> Result<Self, Malformed> {
        if request.method() == Method::GET {
            return Ok(Self::of_query(request.uri()));
        }
        if !is_form(request.headers()) {
            return Err(Malformed::ContentType);
        }
        Ok(Self::read(request.body()))
    }

    /// The fields of a URL's query.
    pub(super) fn of_query(url: &'a Uri) -> Self {
        Self::read(url.query().unwrap_or_default().as_bytes())
    }

    fn read(text: &'a [u8]) -> Self {
        Self(form_urlencoded::parse(text).take(FIELDS_MAX).collect())
    }

    /// The first value of this name, be it empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_ref())
    }

    /// The first value of this name, unless it is missing or empty.
    pub(super) fn filled(&self, name: &str) -> Option<&str> {
        self.get(name).filter(|value| !value.is_empty())
    }

    /// The value of a field that every such webhook has.
    pub(super) fn need(&self, name: &'static str) -> Result<&str, Malformed> {
        self.filled(name).ok_or(Malformed::FieldMissing(name))
    }

    /// All of them.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }
}

/// Whether the body counts as a form; a body of unnamed type does, for its fields are then signed.
pub(super) fn is_form(headers: &HeaderMap) -> bool {
    let Some(kind) = headers.get(CONTENT_TYPE) else {
        return true;
    };
    let kind = kind.as_bytes();
    let kind = kind.split(|byte| *byte == b';').next().unwrap_or_default();
    kind.trim_ascii()
        .eq_ignore_ascii_case(b"application/x-www-form-urlencoded")
}
