//! `http`: asks another system, which an admin has allowed in the configuration.
//!
//! The step only says what is asked; it leaves after the commit, and the answer is an event. Meanwhile a caller's leg asks
//! again every second, and a text flow just waits.

use url::Url;

use super::data::Place;
use super::speak::required;
use super::{Came, Verb};
use crate::flow::Kind;
use crate::flow::effect::Effect;
use crate::flow::engine::Engine;
use crate::flow::event::Event;
use crate::flow::fault::suggest;
use crate::flow::reader::{Fields, Reading};
use crate::flow::run::Wait;
use crate::flow::scope::{Type, Val, Values};
use crate::flow::template::{Part, Template, VALUE_CHARS_MAX, typed};
use crate::flow::yaml::{At, Node, Value};
use crate::model::CallVerb;
use crate::model::http::{
    HeaderText, HttpAnswer, HttpMethod, HttpRequest, HttpRules, SecretRefused, may_be_below,
};

/// How long an answer is awaited.
const TIMEOUT_S: (u32, u32, u32) = (1, 5, 15);
/// What is given on top before a request counts as lost: it may have to wait for its turn.
const LOST_S: u32 = 15;
/// How often a caller's leg asks whether the answer is there.
const ASK_AGAIN_S: u32 = 1;
const HEADERS_MAX: usize = 20;
const SAVES_MAX: usize = 20;
/// Values of one body, and how deep they may stand in one another.
const BODY_VALUES_MAX: usize = 100;
const BODY_DEPTH_MAX: usize = 5;

/// A request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Http {
    method: HttpMethod,
    url: Vec<Part>,
    headers: Vec<(String, Header)>,
    body: Option<Body>,
    timeout_s: u32,
    save: Save,
}

#[derive(Debug, Clone, PartialEq)]
enum Header {
    Text(Template),
    Secret { name: String, before: String },
}

#[derive(Debug, Clone, PartialEq)]
enum Body {
    Text(Template),
    Json(Json),
}

/// A JSON document with values of the run in it.
#[derive(Debug, Clone, PartialEq)]
enum Json {
    Map(Vec<(String, Json)>),
    List(Vec<Json>),
    Fixed(serde_json::Value),
    Value(Template),
}

/// What is kept of the answer.
#[derive(Debug, Clone, PartialEq)]
enum Save {
    Nothing,
    Whole(Place),
    /// Parts of a JSON answer, each by its path.
    Parts(Vec<(Place, Vec<String>)>),
}

impl Http {
    pub(super) fn read(reading: &mut Reading<'_>, node: &Node) -> Option<Verb> {
        let fields = reading.form(node, "http")?;
        let url = required(reading, fields.get("url"), node, "http", "url");
        let url = url.and_then(|url| read_url(reading, url));
        let body = match fields.get("body") {
            Some(body) => Some(read_body(reading, body)?),
            None => None,
        };
        let method = match fields.get("method") {
            Some(method) => reading.choice(method, "method", &METHODS),
            None if body.is_some() => Some(HttpMethod::Post),
            None => Some(HttpMethod::Get),
        };
        let headers = match fields.get("headers") {
            Some(headers) => read_headers(reading, headers)?,
            None => Vec::new(),
        };
        let (min, default, max) = TIMEOUT_S;
        if let (Some(node), Some(url)) = (fields.get("url"), &url) {
            judge(reading, node, url, fields.get("headers"));
        }
        let timeout = fields
            .get("timeout")
            .and_then(|node| reading.duration(node, "the timeout", min, max));
        let save = read_save(reading, &fields)?;
        if let (Some(node), Some(HttpMethod::Get)) = (fields.get("body"), method) {
            let help = "leave the body out, or write `method: POST`";
            reading.fault_help(&node.at, "unknown-key", "a GET has no body", help);
        }
        Some(Verb::Http(Box::new(Self {
            method: method?,
            url: url?,
            headers,
            body,
            timeout_s: timeout.unwrap_or(default),
            save,
        })))
    }

    pub(super) fn enter(&self, engine: &mut Engine<'_>) -> Came {
        let request = self.request(&engine.values());
        engine.run.asked = engine.run.asked.saturating_add(1);
        let ask = engine.run.asked;
        engine.effects.push(Effect::Http { ask, request });
        if engine.flow.kind == Kind::Call && !engine.run.call.gone {
            engine.give(CallVerb::AskAgain {
                seconds: ASK_AGAIN_S,
            });
        }
        engine.run.wait = Wait::Http { ask };
        engine.run.due_at = Some(engine.after(self.timeout_s + LOST_S));
        Came::Waits
    }

    fn request(&self, values: &Values<'_>) -> HttpRequest {
        let part = |part: &Part| match part {
            Part::Words(words) => words.clone(),
            Part::Value(name) => encoded(&values.get(name).shown()),
        };
        let header = |(name, header): &(String, Header)| {
            let value = match header {
                Header::Text(template) => {
                    let text = template.render(values, VALUE_CHARS_MAX);
                    HeaderText::Text(text.replace(char::is_control, " "))
                }
                Header::Secret { name, before } => HeaderText::Secret {
                    name: name.clone(),
                    before: before.clone(),
                },
            };
            (name.clone(), value)
        };
        let mut headers: Vec<(String, HeaderText)> = self.headers.iter().map(header).collect();
        let named = headers
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        let usual = match &self.body {
            Some(Body::Json(_)) if !named => Some("application/json"),
            Some(Body::Text(_)) if !named => Some("text/plain; charset=utf-8"),
            _ => None,
        };
        let text = |usual: &str| HeaderText::Text(usual.to_owned());
        headers.extend(usual.map(|usual| ("content-type".to_owned(), text(usual))));
        HttpRequest {
            method: self.method,
            url: self.url.iter().map(part).collect(),
            headers,
            body: self.body.as_ref().map(|body| match body {
                Body::Text(template) => template.render(values, VALUE_CHARS_MAX),
                Body::Json(json) => json.made(values).to_string(),
            }),
            timeout_s: self.timeout_s,
        }
    }

    pub(super) fn resume(&self, engine: &mut Engine<'_>, event: &Event<'_>) -> Came {
        let Wait::Http { ask } = engine.run.wait else {
            return Came::Waits;
        };
        let answer = match event {
            Event::Answered { ask: of, answer } if *of == ask => *answer,
            Event::Timer if engine.is_due() => return Came::outcome("failed"),
            _ => return Came::Waits,
        };
        let HttpAnswer::Answer { status, body } = answer else {
            return Came::outcome("failed");
        };
        engine.keep_here("status", Val::Number(f64::from(*status)));
        match status {
            200..=299 => {
                self.save(engine, body);
                Came::outcome("ok")
            }
            400..=499 => Came::outcome("refused"),
            _ => Came::outcome("failed"),
        }
    }

    fn save(&self, engine: &mut Engine<'_>, body: &str) {
        match &self.save {
            Save::Nothing => {}
            Save::Whole(place) => place.save(engine, short(body)),
            Save::Parts(parts) => {
                let json: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
                for (place, path) in parts {
                    place.save(engine, found(&json, path));
                }
            }
        }
    }
}

fn short(text: &str) -> Val {
    let short: String = text.trim().chars().take(VALUE_CHARS_MAX).collect();
    Val::text(short)
}

/// What stands in an answer at a path; missing where nothing does, or something that is no single value.
fn found(json: &serde_json::Value, path: &[String]) -> Val {
    let mut at = Some(json);
    for part in path {
        at = at.and_then(|json| match json {
            serde_json::Value::Array(items) => items.get(part.parse::<usize>().ok()?),
            other => other.get(part),
        });
    }
    match at {
        Some(serde_json::Value::String(text)) => short(text),
        Some(other) => Val::from_json(other, Type::Any),
        None => Val::Missing,
    }
}

/// A value in an address: nothing in it can be taken for a part of the address.
fn encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out += &format!("%{byte:02X}");
        }
    }
    out
}

impl Json {
    fn made(&self, values: &Values<'_>) -> serde_json::Value {
        match self {
            Self::Map(pairs) => {
                let pairs = pairs.iter();
                let made = pairs.map(|(key, json)| (key.clone(), json.made(values)));
                serde_json::Value::Object(made.collect())
            }
            Self::List(items) => items.iter().map(|json| json.made(values)).collect(),
            Self::Fixed(json) => json.clone(),
            Self::Value(template) => typed(template, values, VALUE_CHARS_MAX).to_json(),
        }
    }
}

const METHODS: [(&str, HttpMethod); 5] = [
    ("GET", HttpMethod::Get),
    ("POST", HttpMethod::Post),
    ("PUT", HttpMethod::Put),
    ("PATCH", HttpMethod::Patch),
    ("DELETE", HttpMethod::Delete),
];

/// The host is written out, so that nothing a person says chooses where a request goes.
fn read_url(reading: &mut Reading<'_>, node: &Node) -> Option<Vec<Part>> {
    let template = reading.template(node, "the address")?;
    let Template::Plain(parts) = template else {
        let message = "an address takes names in {{ }} and no filters or conditions";
        let help = "put the value into a variable with `set` first";
        reading.fault_help(&node.at, "url", message, help);
        return None;
    };
    let host = match parts.first() {
        Some(Part::Words(words)) => words
            .strip_prefix("https://")
            .or_else(|| words.strip_prefix("http://")),
        _ => None,
    };
    let whole = parts.len() == 1;
    let fixed = host.is_some_and(|host| {
        let end = host.find(['/', '?']).unwrap_or(host.len());
        let odd = |c: char| c.is_whitespace() || c == '@' || c == '\\';
        end > 0 && (whole || end < host.len()) && !host.contains(odd)
    });
    if !fixed {
        let message = "this is no address whose host is written out";
        let help = "write it as https://host.example.org/path?name={{ contact.name }}";
        reading.fault_help(&node.at, "url", message, help);
        return None;
    }
    Some(parts)
}

/// Where the configuration is known: whether the address may be asked, and every secret be sent there.
fn judge(reading: &mut Reading<'_>, node: &Node, url: &[Part], headers: Option<&Node>) {
    let names = reading.names;
    let (Some(rules), Some(Part::Words(start))) = (names.http(), url.first()) else {
        return;
    };
    let whole = url.len() == 1;
    if !may_be_below(&rules.allow, start, whole) {
        let message = "the configuration does not let flows ask this address";
        let help = format!("add it to http.allow; {}", listed(&rules.allow));
        reading.fault_help(&node.at, "not-allowed", message, help);
        return;
    }
    let Some(Value::Map(headers)) = headers.map(|headers| &headers.value) else {
        return;
    };
    let secrets = headers.iter().filter_map(|(_, value)| value.get("secret"));
    for secret in secrets {
        if let Value::Scalar { text, .. } = &secret.value {
            judge_secret(reading, rules, secret, text, (start, whole));
        }
    }
}

fn judge_secret(
    reading: &mut Reading<'_>,
    rules: &HttpRules,
    node: &Node,
    name: &str,
    (start, whole): (&str, bool),
) {
    let (message, help) = match rules.secret_of(name, &reading.account) {
        Ok(rule) if may_be_below(&rule.places, start, whole) => return,
        Ok(rule) => (
            format!("the secret `{name}` is not for this address"),
            format!(
                "it is sent only where http.secrets.{name}.for says; {}",
                listed(&rule.places)
            ),
        ),
        Err(SecretRefused::Account) => (
            format!("the secret `{name}` is not for flows of this account"),
            format!("http.secrets.{name}.accounts of the configuration names those it is for"),
        ),
        Err(_) => {
            let known = rules.secrets.keys().map(String::as_str);
            (
                format!("the configuration has no secret `{name}`"),
                suggest(name, known),
            )
        }
    };
    reading.fault_help(&node.at, "not-allowed", message, help);
}

/// The addresses that there are instead.
fn listed(places: &[Url]) -> String {
    match places {
        [] => "it has none".to_owned(),
        [first] => format!("it has {first}"),
        [first, ..] => format!("it has {first} and {} more", places.len() - 1),
    }
}

fn read_headers(reading: &mut Reading<'_>, node: &Node) -> Option<Vec<(String, Header)>> {
    let Value::Map(pairs) = &node.value else {
        let help = "write `headers: { accept: application/json }`";
        reading.fault_help(&node.at, "shape", "`headers` needs names and values", help);
        return None;
    };
    if pairs.len() > HEADERS_MAX {
        let message = format!("a request has at most {HEADERS_MAX} headers");
        reading.fault(&node.at, "out-of-range", message);
    }
    let mut found = Vec::new();
    for (key, value) in pairs {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
        let ours = ["host", "content-length", "transfer-encoding", "connection"];
        let lower = key.text.to_ascii_lowercase();
        if key.text.is_empty() || !key.text.bytes().all(plain) || ours.contains(&lower.as_str()) {
            let message = format!("`{}` is no header that a flow sets", key.text);
            reading.fault(&key.at, "header", message);
            continue;
        }
        let header = match &value.value {
            Value::Map(_) => read_secret(reading, value),
            _ => reading.template(value, "a header").map(Header::Text),
        };
        if let Some(Header::Text(template)) = &header
            && is_for_a_secret(&lower)
        {
            judge_written(reading, &value.at, &lower, template);
        }
        found.extend(header.map(|header| (lower, header)));
    }
    Some(found)
}

/// The shortest text beside values that may be a secret.
const SECRET_LEN_MIN: usize = 8;

/// Tells of text in a header made for a secret.
fn judge_written(reading: &mut Reading<'_>, at: &At, header: &str, template: &Template) {
    let message = "a secret does not belong into a flow";
    let help = "put it into the configuration under http.secrets, and write { secret: name, before: \"Bearer \" }";
    // Of a cookie's name and value the value may be one.
    let is_long = |text: &str| {
        let value = |word: &str| word.rsplit('=').next().map_or(0, str::len);
        text.split([' ', ';'])
            .any(|word| value(word) >= SECRET_LEN_MIN)
    };
    match template.fixed() {
        // Whoever writes it is refused; a flow that was published with it goes on.
        Some(_) if header.ends_with("authorization") && !reading.is_published => {
            reading.fault_help(at, "secret", message, help);
        }
        // The name of another header may be meant otherwise, and so may text beside a value.
        Some(_) => reading.warn(at, "secret", message, help),
        None if template.texts().any(is_long) => reading.warn(at, "secret", message, help),
        None => {}
    }
}

/// Whether systems want a secret in a header of this name, in small letters.
fn is_for_a_secret(header: &str) -> bool {
    let words = [
        "auth",
        "authorization",
        "cookie",
        "key",
        "apikey",
        "password",
        "secret",
        "token",
    ];
    header != "idempotency-key" && header.split('-').any(|word| words.contains(&word))
}

fn read_secret(reading: &mut Reading<'_>, node: &Node) -> Option<Header> {
    let fields = reading.fields(node, "a header", &["secret", "before"], None)?;
    let secret = required(reading, fields.get("secret"), node, "a header", "secret")?;
    let name = reading.word(secret, "a secret's name")?.to_owned();
    let before = match fields.get("before") {
        Some(before) => reading.word(before, "what comes before")?.to_owned(),
        None => String::new(),
    };
    Some(Header::Secret { name, before })
}

fn read_body(reading: &mut Reading<'_>, node: &Node) -> Option<Body> {
    if let Value::Scalar { .. } = node.value {
        return reading.template(node, "the body").map(Body::Text);
    }
    let mut left = BODY_VALUES_MAX;
    json(reading, node, BODY_DEPTH_MAX, &mut left).map(Body::Json)
}

fn json(reading: &mut Reading<'_>, node: &Node, deep: usize, left: &mut usize) -> Option<Json> {
    if deep == 0 || *left == 0 {
        let message = format!("a body has at most {BODY_VALUES_MAX} values, {BODY_DEPTH_MAX} deep");
        reading.fault(&node.at, "out-of-range", message);
        return None;
    }
    *left -= 1;
    Some(match &node.value {
        Value::Null => Json::Fixed(serde_json::Value::Null),
        Value::Scalar { text, bare: true } => {
            let value = serde_json::from_str(text);
            Json::Fixed(value.unwrap_or_else(|_| text.as_str().into()))
        }
        Value::Scalar { text, .. } if text.is_empty() => Json::Fixed("".into()),
        Value::Scalar { .. } => Json::Value(reading.template(node, "a value")?),
        Value::List(items) => {
            let read = items.iter().map(|item| json(reading, item, deep - 1, left));
            Json::List(read.collect::<Vec<_>>().into_iter().flatten().collect())
        }
        Value::Map(pairs) => {
            let mut found = Vec::new();
            for (key, value) in pairs {
                let made = json(reading, value, deep - 1, left);
                found.extend(made.map(|made| (key.text.clone(), made)));
            }
            Json::Map(found)
        }
    })
}

fn read_save(reading: &mut Reading<'_>, fields: &Fields<'_>) -> Option<Save> {
    let Some(node) = fields.get("save_as") else {
        return Some(Save::Nothing);
    };
    let Value::Map(pairs) = &node.value else {
        return Place::read(reading, node, Type::Text).map(Save::Whole);
    };
    if pairs.is_empty() || pairs.len() > SAVES_MAX {
        let message = format!("`save_as` takes 1 to {SAVES_MAX} names");
        reading.fault(&node.at, "shape", message);
    }
    let mut parts = Vec::new();
    for (key, value) in pairs {
        let place = Place::named(reading, &key.at, &key.text, Type::Any);
        let path = reading.word(value, "a path into the answer");
        let path = path.map(|path| path.split('.').map(str::to_owned).collect());
        parts.extend(place.zip(path));
    }
    Some(Save::Parts(parts))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stay_values_in_an_address() {
        for (text, expected) in [
            ("Pia", "Pia"),
            ("a b&c=d/../e", "a%20b%26c%3Dd%2F..%2Fe"),
            ("é", "%C3%A9"),
            ("", ""),
        ] {
            assert_eq!(encoded(text), expected, "{text}");
        }
    }

    #[test]
    fn parts_of_an_answer_are_found() {
        let json = serde_json::json!({ "a": { "b": [1, { "c": "x" }] }, "d": null, "e": true });
        for (path, expected) in [
            ("a.b.0", Val::Number(1.0)),
            ("a.b.1.c", Val::text("x")),
            ("a.b.7", Val::Missing),
            ("a", Val::Missing),
            ("d", Val::Missing),
            ("e", Val::Bool(true)),
            ("nowhere.at.all", Val::Missing),
        ] {
            let path: Vec<String> = path.split('.').map(str::to_owned).collect();
            assert_eq!(found(&json, &path), expected, "{path:?}");
        }
    }
}
