//! Plays the cases of every carrier: `cases/` holds signature vectors, recorded requests with their
//! meanings, orders with the requests they become, replies with what they mean, and scripts with their
//! documents.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use http::{HeaderName, Request, Response};
use serde_json::{Map, Value, json};

use super::capture::{Capture, Captured};
use super::{ALL, Carrier};
use crate::model::connection::Setting;
use crate::model::{
    CallScript, Connection, FailureClass, Hook, Order, Outcome, SendFailure, Timestamp,
};

#[test]
fn every_case_of_every_carrier() {
    for carrier in ALL {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("src/carrier")
            .join(carrier.name())
            .join("cases");
        let at = connection(*carrier, &read(&folder.join("connection.json")));
        for file in files(&folder.join("vectors")) {
            vectors(*carrier, &file);
        }
        let meanings = files(&folder.join("requests"));
        let mut meant = 0;
        for file in meanings
            .iter()
            .filter(|file| name(file).ends_with(".meaning.json"))
        {
            meaning(*carrier, &at, file);
            meant += 2;
        }
        assert_eq!(
            meant,
            meanings.len(),
            "every recorded request has its meaning"
        );
        for case in all(&folder.join("orders")) {
            order(*carrier, &at, &case);
        }
        for case in all(&folder.join("replies")) {
            reply(*carrier, &at, &case);
        }
        for case in all(&folder.join("scripts")) {
            script(*carrier, &at, &case);
        }
    }
}

fn read(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path:?}: {error}"))
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let files = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{folder:?}");
    files
}

fn name(path: &Path) -> &str {
    path.file_name().unwrap().to_str().unwrap()
}

/// The cases of all files of a folder, each with a name for the report.
fn all(folder: &Path) -> Vec<(String, Value)> {
    let cases = |file: &PathBuf| {
        let cases = read(file).as_array().cloned().unwrap();
        let file = name(file).to_owned();
        let name = move |(at, case): (usize, Value)| (format!("{file}[{at}]"), case);
        cases.into_iter().enumerate().map(name).collect::<Vec<_>>()
    };
    files(folder).iter().flat_map(cases).collect()
}

fn connection(carrier: &dyn Carrier, file: &Value) -> Connection {
    let text = |key: &str| file[key].as_str().unwrap();
    let settings = file["settings"].as_object().unwrap();
    let at = Connection::new(text("key"), carrier.name(), text("public_url"));
    let at = settings.iter().fold(at, |at, (key, value)| match value {
        Value::String(text) => at.with(key, text.as_str()),
        secret => at.with(key, Setting::secret(secret["secret"].as_str().unwrap())),
    });
    assert_eq!(carrier.settings(&at), Ok(()));
    at
}

fn vectors(carrier: &dyn Carrier, file: &Path) {
    let Ok(Capture::Vectors(at, vectors)) = Capture::read(&read(file).to_string()) else {
        panic!("{file:?} is no vector file");
    };
    for vector in vectors {
        let request = vector.captured.request().unwrap();
        let verdict = carrier.verify(&at, Hook::Sms, &request, Timestamp::from_micros(0));
        if !vector.policy && !vector.sdk_disagree {
            let (valid, id) = (vector.expected.valid, &vector.id);
            assert_eq!(verdict.is_ok(), valid, "{id}: {verdict:?}");
        }
    }
}

fn meaning(carrier: &dyn Carrier, at: &Connection, file: &Path) {
    let (id, expected) = (name(file), read(file));
    let recorded = file.with_file_name(id.replace(".meaning", ""));
    let recorded: Captured = serde_json::from_value(read(&recorded)).unwrap();
    let mut request = recorded.request().unwrap();
    let hook = Hook::from_word(expected["hook"].as_str().unwrap()).unwrap();
    let now = Timestamp::from_micros(0);
    assert_eq!(carrier.verify(at, hook, &request, now), Ok(()), "{id}");
    // The recorded address has no id of ours.
    let url = at.hook_url(hook, expected["k"].as_str());
    let query = request.uri().query().unwrap_or_default().to_owned();
    let joint = if url.contains('?') { '&' } else { '?' };
    *request.uri_mut() = format!("{url}{joint}{query}").parse().unwrap();
    let meant = match carrier.parse(at, hook, &request) {
        Ok(events) => json!({
            "means": events,
            "dedupe": events.iter().map(|event| event.dedupe(hook)).collect::<Vec<_>>(),
        }),
        Err(malformed) => json!({ "malformed": malformed.code() }),
    };
    for (key, value) in meant.as_object().unwrap() {
        assert_eq!(&expected[key], value, "{id}, {key}");
    }
}

fn order(carrier: &dyn Carrier, at: &Connection, (id, case): &(String, Value)) {
    let order: Order = serde_json::from_value(case["order"].clone()).unwrap();
    let made = match carrier.request(at, &order) {
        Ok(request) => request_json(&request),
        Err(failure) => failure_json(&failure),
    };
    assert_eq!(made, case["becomes"], "{id}");
}

fn request_json(request: &Request<Bytes>) -> Value {
    let mut shown = json!({
        "method": request.method().as_str(),
        "url": request.uri().to_string(),
        "authorized": request.headers().contains_key("authorization"),
    });
    if !request.body().is_empty() {
        let fields = form_urlencoded::parse(request.body());
        let fields = fields
            .map(|(name, value)| json!([name, value]))
            .collect::<Vec<_>>();
        shown["fields"] = fields.into();
    }
    shown
}

fn reply(carrier: &dyn Carrier, at: &Connection, (id, case): &(String, Value)) {
    let order: Order = serde_json::from_value(case["order"].clone()).unwrap();
    let body = match &case["body"] {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        json => json.to_string(),
    };
    let mut reply = Response::new(Bytes::from(body));
    let status = case["status"].as_u64().unwrap();
    *reply.status_mut() = u16::try_from(status).unwrap().try_into().unwrap();
    for (name, value) in case["headers"].as_object().unwrap_or(&Map::new()) {
        let value = value.as_str().unwrap().parse().unwrap();
        reply
            .headers_mut()
            .insert(HeaderName::from_bytes(name.as_bytes()).unwrap(), value);
    }
    let meant = match carrier.moved(at, &order, &reply) {
        Some(order) => json!({ "moved": order }),
        None => match carrier.outcome(at, &order, &reply) {
            Ok(outcome) => outcome_json(&outcome),
            Err(failure) => failure_json(&failure),
        },
    };
    assert_eq!(meant, case["means"], "{id}");
}

fn outcome_json(outcome: &Outcome) -> Value {
    match outcome {
        Outcome::TextAccepted { carrier_id, status } => {
            json!({ "accepted": carrier_id, "status": status })
        }
        Outcome::TextsFound(found) => json!({ "found": found }),
        Outcome::LegPlaced { carrier_id } => json!({ "placed": carrier_id }),
        Outcome::Done => json!("done"),
        Outcome::Media {
            content_type,
            bytes,
        } => json!({ "media": content_type, "bytes": bytes.len() }),
    }
}

fn failure_json(failure: &SendFailure) -> Value {
    assert!(!failure.words.is_empty());
    let class = match failure.class {
        FailureClass::Transient => json!("transient"),
        FailureClass::RateLimited(after) => {
            json!({ "rate_limited": after.map(|after| after.as_secs()) })
        }
        FailureClass::Permanent => json!("permanent"),
        FailureClass::OptedOut => json!("opted_out"),
        FailureClass::OurFault => json!("our_fault"),
        FailureClass::Unknown => json!("unknown"),
    };
    json!({ "failed": class, "code": failure.code })
}

fn script(carrier: &dyn Carrier, at: &Connection, (id, case): &(String, Value)) {
    let script: CallScript = serde_json::from_value(case["script"].clone()).unwrap();
    let answer = carrier.voice().unwrap().answer(at, &script);
    let text = std::str::from_utf8(answer.body()).unwrap();
    assert_eq!(text, case["document"].as_str().unwrap(), "{id}");
}
