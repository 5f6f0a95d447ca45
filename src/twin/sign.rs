//! How a webhook is signed, so that the daemon's check is tested against code it does not share.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Fields of a webhook in the order in which they are sent.
pub(super) type Form = Vec<(String, String)>;

/// The value of `X-Twilio-Signature`: HMAC-SHA1 over the URL and the sorted, distinct fields, in base64.
///
/// `url` is the address as requested, without its fragment; `form` is empty for GET.
pub(super) fn signature(token: &str, url: &str, form: &[(String, String)]) -> String {
    let mut fields: Vec<&(String, String)> = form.iter().collect();
    fields.sort();
    fields.dedup();
    let mut text = url.to_owned();
    for (name, value) in fields {
        text.push_str(name);
        text.push_str(value);
    }
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, token.as_bytes());
    STANDARD.encode(hmac::sign(&key, text.as_bytes()))
}

/// A form body or query of these fields.
pub(super) fn encoded(form: &[(String, String)]) -> String {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(form)
        .finish()
}

/// The fields of a form body or query.
pub(super) fn decoded(text: &[u8]) -> Form {
    form_urlencoded::parse(text).into_owned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    /// Every vector that a sender could produce: what is not about the header's own form.
    #[test]
    fn agrees_with_the_vectors() {
        let file: Value =
            serde_json::from_str(include_str!("cases/twilio-form.json")).expect("the file is JSON");
        let mut judged = 0;
        for vector in file["vectors"].as_array().expect("a list") {
            let (signed, id) = (&vector["signed"], &vector["id"]);
            if signed["literal"] == true || signed["url"].is_null() {
                continue;
            }
            let key = signed["key"].as_str().expect("a key");
            let token = file["signing_keys"][key].as_str().expect("a token");
            let form: Form = serde_json::from_value(signed["params"].clone()).unwrap_or_default();
            let url = signed["url"].as_str().expect("a url");
            let wanted = &vector["headers"]["X-Twilio-Signature"];
            assert_eq!(
                Some(signature(token, url, &form).as_str()),
                wanted.as_str(),
                "{id}"
            );
            judged += 1;
        }
        assert!(judged > 20, "only {judged} vectors were judged");
    }
}
