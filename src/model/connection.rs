//! One configured link to a carrier: what every carrier has, and a map of what only this kind knows.
//!
//! The configuration reads it without knowing any carrier; the carrier of its `kind` checks its own settings
//! at start and reads them by name afterwards.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};

use super::Hook;

/// One value of a connection that only its carrier understands.
#[derive(Debug, Clone)]
pub enum Setting {
    /// A text. A number or truth value written without quotes is kept in its own variant.
    Text(String),
    /// A number.
    Number(f64),
    /// `true` or `false`.
    Bool(bool),
    /// What an environment variable or a file held; never shown.
    Secret(SecretString),
    /// Several values.
    List(Vec<Setting>),
    /// Named values.
    Map(BTreeMap<String, Setting>),
}

impl Setting {
    /// A secret made from plain words, for tests and the built-in demo.
    pub fn secret(text: &str) -> Self {
        Self::Secret(SecretString::from(text))
    }

    fn exposed(&self) -> Option<&str> {
        match self {
            Self::Secret(secret) => Some(secret.expose_secret()),
            _ => None,
        }
    }
}

impl From<&str> for Setting {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

/// What happens to a text of which nobody can say whether it left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnUnknown {
    /// It stays unknown, shown on its thread.
    #[default]
    Leave,
    /// The contact is sent the words by e-mail, where there is an address.
    Email,
}

/// Who confirms an opt-out to the phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OptOut {
    /// We do.
    #[default]
    Us,
    /// The carrier does, and blocks.
    Carrier,
}

/// A link to a carrier.
#[derive(Debug, Clone)]
pub struct Connection {
    /// Its name in URLs, in the organisation's file and in metrics.
    pub key: String,
    /// Which carrier adapter speaks it.
    pub kind: String,
    /// Where carriers reach us, as they spell it: scheme, host and perhaps a path, without a slash at the end.
    pub public_url: String,
    /// Text segments a second over all its numbers.
    pub rate: f64,
    /// Calls started a second.
    pub calls_per_second: f64,
    /// What happens to texts whose sending nobody can confirm.
    pub on_unknown: OnUnknown,
    /// Who confirms an opt-out on its numbers, unless the number says otherwise.
    pub opt_out: OptOut,
    settings: BTreeMap<String, Setting>,
}

impl Connection {
    /// Text segments a second when nothing else is configured: what a plain long code may send.
    pub const RATE_DEFAULT: f64 = 1.0;
    /// Calls started a second when nothing else is configured: what carriers grant a new account.
    pub const CALLS_PER_SECOND_DEFAULT: f64 = 1.0;

    /// A connection with the defaults and no settings of its own.
    pub fn new(key: &str, kind: &str, public_url: &str) -> Self {
        Self {
            key: key.to_owned(),
            kind: kind.to_owned(),
            public_url: public_url.trim_end_matches('/').to_owned(),
            rate: Self::RATE_DEFAULT,
            calls_per_second: Self::CALLS_PER_SECOND_DEFAULT,
            on_unknown: OnUnknown::default(),
            opt_out: OptOut::default(),
            settings: BTreeMap::new(),
        }
    }

    /// The same with one more setting.
    #[must_use]
    pub fn with(mut self, key: &str, setting: impl Into<Setting>) -> Self {
        self.settings.insert(key.to_owned(), setting.into());
        self
    }

    /// The setting of this name, of whatever kind.
    pub fn setting(&self, key: &str) -> Option<&Setting> {
        self.settings.get(key)
    }

    /// The names of all settings, so that the carrier can refuse those it does not know.
    pub fn setting_keys(&self) -> impl Iterator<Item = &str> {
        self.settings.keys().map(String::as_str)
    }

    /// A setting that is a text.
    pub fn text(&self, key: &str) -> Option<&str> {
        match self.settings.get(key)? {
            Setting::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A setting that is a number.
    pub fn number(&self, key: &str) -> Option<f64> {
        match self.settings.get(key)? {
            Setting::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// A setting that is true or false.
    pub fn flag(&self, key: &str) -> Option<bool> {
        match self.settings.get(key)? {
            Setting::Bool(flag) => Some(*flag),
            _ => None,
        }
    }

    /// A setting that is a secret, laid open: never log it.
    pub fn secret(&self, key: &str) -> Option<&str> {
        self.settings.get(key)?.exposed()
    }

    /// The secrets of a setting that is one secret or a list of them, laid open.
    pub fn secrets(&self, key: &str) -> Vec<&str> {
        match self.settings.get(key) {
            Some(Setting::List(all)) => all.iter().filter_map(Setting::exposed).collect(),
            Some(one) => one.exposed().into_iter().collect(),
            None => Vec::new(),
        }
    }

    /// One secret of a setting that is a map of named secrets, laid open.
    pub fn named_secret(&self, key: &str, name: &str) -> Option<&str> {
        match self.settings.get(key)? {
            Setting::Map(named) => named.get(name)?.exposed(),
            _ => None,
        }
    }

    /// The URL a carrier is given for one hook; `k` is our id for what it is about, so that what comes back
    /// names it whatever else the carrier says.
    pub fn hook_url(&self, hook: Hook, k: Option<&str>) -> String {
        let (base, key, hook) = (&self.public_url, &self.key, hook.as_str());
        match k {
            Some(k) => format!("{base}/carriers/{key}/{hook}?k={k}"),
            None => format!("{base}/carriers/{key}/{hook}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_by_kind_and_secrets_stay_hidden() {
        let list = Setting::List(vec![Setting::secret("old"), Setting::secret("new")]);
        let named = Setting::Map([("k1".to_owned(), Setting::secret("s1"))].into());
        let at = Connection::new("twilio", "twilio", "https://sms.example.org/")
            .with("account_sid", "AC1")
            .with("auth_token", Setting::secret("hush"))
            .with("tokens", list)
            .with("shared_keys", named);
        assert_eq!(at.text("account_sid"), Some("AC1"));
        assert_eq!(at.text("auth_token"), None);
        assert_eq!(at.secret("auth_token"), Some("hush"));
        assert_eq!(at.secrets("tokens"), ["old", "new"]);
        assert_eq!(at.secrets("auth_token"), ["hush"]);
        assert_eq!(at.named_secret("shared_keys", "k1"), Some("s1"));
        assert!(!format!("{at:?}").contains("hush"));
    }

    #[test]
    fn hook_urls_carry_our_id() {
        let at = Connection::new("twilio", "twilio", "https://sms.example.org/");
        assert_eq!(
            at.hook_url(Hook::CallStatus, Some("call_1.2")),
            "https://sms.example.org/carriers/twilio/call-status?k=call_1.2"
        );
        assert_eq!(
            at.hook_url(Hook::Sms, None),
            "https://sms.example.org/carriers/twilio/sms"
        );
    }
}
