//! Twilio's signature of a form, written once more so that the program's check is not tested against itself.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The secret that signs webhooks of the tests' connection.
pub struct Signer(hmac::Key);

impl Signer {
    pub fn new(token: &str) -> Self {
        Self(hmac::Key::new(
            hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            token.as_bytes(),
        ))
    }

    /// The value of `X-Twilio-Signature` for a form posted to this address.
    pub fn sign(&self, url: &str, form: &[(String, String)]) -> String {
        let mut fields: Vec<_> = form.iter().collect();
        fields.sort();
        fields.dedup();
        let mut context = hmac::Context::with_key(&self.0);
        context.update(url.as_bytes());
        for (name, value) in fields {
            context.update(name.as_bytes());
            context.update(value.as_bytes());
        }
        STANDARD.encode(context.sign())
    }
}

/// The body of a form.
pub fn encoded(form: &[(String, String)]) -> String {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(form)
        .finish()
}

/// A form of these pairs.
pub fn form(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

/// A text as Twilio posts it: every field of a recorded one.
pub fn text_form(sid: &str, from: &str, to: &str, text: &str) -> Vec<(String, String)> {
    form(&[
        ("ToCountry", "US"),
        ("ToState", "DC"),
        ("SmsMessageSid", sid),
        ("NumMedia", "0"),
        ("ToCity", "WASHINGTON"),
        ("FromZip", "20001"),
        ("SmsSid", sid),
        ("FromState", "DC"),
        ("SmsStatus", "received"),
        ("FromCity", "WASHINGTON"),
        ("Body", text),
        ("FromCountry", "US"),
        ("To", to),
        ("ToZip", "20001"),
        ("NumSegments", "1"),
        ("MessageSid", sid),
        ("AccountSid", super::stage::ACCOUNT_SID),
        ("From", from),
        ("ApiVersion", "2010-04-01"),
    ])
}
