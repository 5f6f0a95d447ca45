//! Requests kept in files: those captured from a carrier, and vectors of format
//! `carrier-signature-vectors/1`, which also say what a verifier must answer.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Uri};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::by_kind;
use crate::model::Connection;
use crate::model::connection::Setting;

/// The only format of vector files that is known.
const FORMAT: &str = "carrier-signature-vectors/1";

/// A file that cannot be used, with the reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CaptureError {
    /// Not JSON, or not of either shape.
    #[error("not a captured request, nor a file of format {FORMAT}: {0}")]
    Shape(String),
    /// No adapter of this build knows the carrier.
    #[error("no adapter of this build knows the carrier `{0}`")]
    Carrier(String),
    /// The request cannot be rebuilt.
    #[error("the {0} of the request cannot be read")]
    Request(&'static str),
}

/// What a file holds.
#[derive(Debug)]
pub enum Capture {
    /// One request as it came.
    Request(Box<Captured>),
    /// Requests with what must be said of them, and the connection that judges.
    Vectors(Connection, Vec<Vector>),
}

/// A request as it came.
#[derive(Debug, Deserialize)]
pub struct Captured {
    /// Whose it is, as the file says; not always an adapter's name.
    #[serde(default)]
    pub carrier: Option<String>,
    method: String,
    url: String,
    headers: Map<String, Value>,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    body_base64: Option<String>,
}

/// A request and the verdict that belongs to it.
#[derive(Debug, Deserialize)]
pub struct Vector {
    /// Its name.
    pub id: String,
    /// What it shows.
    pub title: String,
    /// The verdict.
    pub expected: Expected,
    /// A choice of each verifier's owner rather than the carrier's rule.
    #[serde(default)]
    pub policy: bool,
    /// The carrier's own libraries do not agree about it.
    #[serde(default)]
    pub sdk_disagree: bool,
    /// The request.
    #[serde(flatten)]
    pub captured: Captured,
}

/// A verdict.
#[derive(Debug, Deserialize)]
pub struct Expected {
    /// Whether the request must be accepted.
    pub valid: bool,
    /// Why.
    pub reason: String,
}

#[derive(Deserialize)]
struct VectorFile {
    format: String,
    carrier: String,
    keys: Map<String, Value>,
    vectors: Vec<Vector>,
}

impl Capture {
    /// Reads a file's text.
    pub fn read(text: &str) -> Result<Self, CaptureError> {
        let shape = |error: serde_json::Error| CaptureError::Shape(error.to_string());
        let value: Value = serde_json::from_str(text).map_err(shape)?;
        if value.get("vectors").is_none() {
            let captured = serde_json::from_value(value).map_err(shape)?;
            return Ok(Self::Request(Box::new(captured)));
        }
        let file: VectorFile = serde_json::from_value(value).map_err(shape)?;
        if file.format != FORMAT {
            return Err(CaptureError::Shape(format!(
                "its format is {}",
                file.format
            )));
        }
        let mut at = connection(&file.carrier)?;
        for (name, value) in &file.keys {
            at = at.with(name, secrets(value));
        }
        Ok(Self::Vectors(at, file.vectors))
    }
}

/// A connection to the carrier of this name, which may be a dialect of another, without any key.
pub fn connection(carrier: &str) -> Result<Connection, CaptureError> {
    let (kind, dialect) = match carrier {
        "signalwire" | "somleng" => ("twilio", Some(carrier)),
        kind => (kind, None),
    };
    by_kind(kind).ok_or_else(|| CaptureError::Carrier(carrier.to_owned()))?;
    let at = Connection::new(carrier, kind, "https://localhost");
    Ok(match dialect {
        Some(dialect) => at.with("dialect", dialect),
        None => at,
    })
}

fn secrets(value: &Value) -> Setting {
    match value {
        Value::Object(named) => {
            let named = named.iter();
            Setting::Map(
                named
                    .map(|(key, value)| (key.clone(), secrets(value)))
                    .collect(),
            )
        }
        Value::Array(all) => Setting::List(all.iter().map(secrets).collect()),
        one => Setting::secret(one.as_str().unwrap_or_default()),
    }
}

impl Captured {
    /// The request as a door would have handed it over.
    pub fn request(&self) -> Result<Request<Bytes>, CaptureError> {
        let mut request = Request::new(self.body()?);
        let method = Method::from_bytes(self.method.as_bytes());
        *request.method_mut() = method.map_err(|_| CaptureError::Request("method"))?;
        let url: Result<Uri, _> = self.url.parse();
        *request.uri_mut() = url.map_err(|_| CaptureError::Request("URL"))?;
        for (name, value) in &self.headers {
            let name = HeaderName::from_bytes(name.as_bytes()).ok();
            let values = match value {
                Value::Array(values) => values.as_slice(),
                one => std::slice::from_ref(one),
            };
            for value in values {
                let value = value.as_str().map(HeaderValue::from_str);
                let pair = name.clone().zip(value.and_then(Result::ok));
                let (name, value) = pair.ok_or(CaptureError::Request("headers"))?;
                request.headers_mut().append(name, value);
            }
        }
        Ok(request)
    }

    /// The bytes where the file has them, else the text.
    fn body(&self) -> Result<Bytes, CaptureError> {
        match &self.body_base64 {
            Some(text) => {
                let bytes = STANDARD.decode(text);
                bytes
                    .map(Bytes::from)
                    .map_err(|_| CaptureError::Request("body"))
            }
            None => Ok(self.body.clone().unwrap_or_default().into()),
        }
    }
}
