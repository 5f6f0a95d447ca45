//! Whether a webhook was signed with one of the connection's keys.
//!
//! What is signed is the full URL followed by the decoded form fields in the order of their names, with
//! nothing between them; a GET signs its URL alone. A body of another type is covered by its hash, which
//! stands in the signed URL. SignalWire signs forms the same way but keeps repeated fields as they came,
//! and hashes a JSON body together with the URL.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, Method, Request};

use super::fields::{Fields, is_form};
use super::settings::{Dialect, Settings};
use crate::carrier::Rejected;
use crate::carrier::signature::{Hash, PortRule, hex, keyed_hash, same, sha256_hex, url_forms};

const SIGNATURE: &str = "x-twilio-signature";
const SETTINGS: &str = "x-twilio-webhooks-signature-settings";
const SIGNALWIRE: &str = "x-signalwire-signature";
const SIGNALWIRE_SHA256: &str = "x-signalwire-sha256-signature";
const BODY_HASH: &str = "bodySHA256";

/// Checks the signature of a request whose URI is the full public URL, and whose fields these are.
pub(super) fn verify(
    settings: &Settings<'_>,
    request: &Request<Bytes>,
    fields: &Fields<'_>,
) -> Result<(), Rejected> {
    let json = request.method() != Method::GET && !is_form(request.headers());
    match settings.dialect {
        Dialect::SignalWire if json => verify_signalwire_json(settings, request),
        Dialect::SignalWire => {
            let header = header(request.headers(), SIGNALWIRE);
            let header = header.or_else(|_| self::header(request.headers(), SIGNATURE))?;
            let keys = settings.signing_keys();
            let fields = joined_fields(request, fields, false);
            let rule = PortRule::DefaultOptional;
            verify_text(request, header, (Hash::Sha1, &keys), rule, &fields)
        }
        Dialect::Twilio | Dialect::Somleng => verify_twilio(settings, request, fields, json),
    }
}

fn verify_twilio(
    settings: &Settings<'_>,
    request: &Request<Bytes>,
    fields: &Fields<'_>,
    json: bool,
) -> Result<(), Rejected> {
    let header = header(request.headers(), SIGNATURE)?;
    let (hash, keys) = keys(settings, request.headers())?;
    let fields = if json {
        check_body_hash(request)?;
        String::new()
    } else {
        joined_fields(request, fields, true)
    };
    let rule = PortRule::AnyOptional;
    verify_text(request, header, (hash, &keys), rule, &fields)
}

/// The header's text; an empty one counts as missing.
fn header<'a>(headers: &'a HeaderMap, name: &str) -> Result<&'a str, Rejected> {
    let value = headers.get(name).ok_or(Rejected::SignatureMissing)?;
    let value = value.to_str().map_err(|_| Rejected::SignatureMalformed)?;
    Some(value.trim())
        .filter(|text| !text.is_empty())
        .ok_or(Rejected::SignatureMissing)
}

/// The hash and the keys that may have been used: those that the settings header names, else the tokens.
fn keys<'a>(
    settings: &Settings<'a>,
    headers: &HeaderMap,
) -> Result<(Hash, Vec<&'a str>), Rejected> {
    let named = match header(headers, SETTINGS) {
        Ok(named) => named,
        Err(Rejected::SignatureMissing) => return Ok((Hash::Sha1, settings.auth_tokens())),
        Err(_) => return Err(Rejected::AlgorithmUnknown),
    };
    let (mut key, mut algorithm) = (None, None);
    for (name, value) in named.split(',').filter_map(|part| part.split_once('=')) {
        match name.trim() {
            "key" => key = Some(value.trim()),
            "algorithm" => algorithm = Some(value.trim()),
            _ => {}
        }
    }
    let hash = match algorithm {
        Some("HMAC_SHA256") => Hash::Sha256,
        Some("HMAC_SHA1") => Hash::Sha1,
        _ => return Err(Rejected::AlgorithmUnknown),
    };
    let key = key.and_then(|id| settings.shared_key(id));
    Ok((hash, vec![key.ok_or(Rejected::KeyUnknown)?]))
}

/// The fields of a form as they are signed. Twilio signs each distinct value of a repeated name once, in
/// order; SignalWire every value in order of arrival.
fn joined_fields(request: &Request<Bytes>, fields: &Fields<'_>, distinct: bool) -> String {
    if request.method() == Method::GET {
        return String::new();
    }
    let mut pairs: Vec<_> = fields.pairs().collect();
    if distinct {
        pairs.sort_unstable();
        pairs.dedup();
    } else {
        pairs.sort_by_key(|pair| pair.0);
    }
    let mut joined = String::with_capacity(request.body().len());
    for (name, value) in pairs {
        joined.push_str(name);
        joined.push_str(value);
    }
    joined
}

/// Whether the body is the one whose hash stands in the URL that was signed.
fn check_body_hash(request: &Request<Bytes>) -> Result<(), Rejected> {
    let query = Fields::of_query(request.uri());
    let hash = query.get(BODY_HASH).ok_or(Rejected::BodyHashMissing)?;
    let right = same(hash.as_bytes(), sha256_hex(request.body()).as_bytes());
    right.then_some(()).ok_or(Rejected::BodyHashWrong)
}

/// Whether one of the keys makes this signature of one of the URL's forms and the text behind it.
fn verify_text(
    request: &Request<Bytes>,
    header: &str,
    (hash, keys): (Hash, &[&str]),
    rule: PortRule,
    text: &str,
) -> Result<(), Rejected> {
    let given = STANDARD.decode(header);
    let given = given.map_err(|_| Rejected::SignatureMalformed)?;
    let forms = url_forms(request.uri(), rule);
    first_key(keys)?;
    let right = keys.iter().any(|key| {
        forms.iter().any(|url| {
            let parts = [url.as_bytes(), text.as_bytes()];
            same(keyed_hash(hash, key.as_bytes(), &parts).as_ref(), &given)
        })
    });
    right.then_some(()).ok_or(Rejected::SignatureWrong)
}

fn first_key<'a>(keys: &[&'a str]) -> Result<&'a str, Rejected> {
    keys.first().copied().ok_or(Rejected::KeyMissing)
}

/// JSON of SignalWire: hex over the URL, exactly as it stands, and the raw body. Either header suffices.
fn verify_signalwire_json(
    settings: &Settings<'_>,
    request: &Request<Bytes>,
) -> Result<(), Rejected> {
    let keys = settings.signing_keys();
    first_key(&keys)?;
    let url = url_forms(request.uri(), PortRule::Exact).swap_remove(0);
    let parts = [url.as_bytes(), request.body()];
    let (mut any, mut right) = (false, false);
    for (name, hash) in [(SIGNALWIRE_SHA256, Hash::Sha256), (SIGNALWIRE, Hash::Sha1)] {
        let Ok(given) = header(request.headers(), name) else {
            continue;
        };
        any = true;
        right |= keys.iter().any(|key| {
            let made = hex(keyed_hash(hash, key.as_bytes(), &parts).as_ref());
            same(made.as_bytes(), given.as_bytes())
        });
    }
    match (any, right) {
        (false, _) => Err(Rejected::SignatureMissing),
        (true, false) => Err(Rejected::SignatureWrong),
        (true, true) => Ok(()),
    }
}
