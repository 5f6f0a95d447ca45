//! What a Twilio connection can be told, with its mistakes named.

use http::Uri;

use crate::carrier::SettingFault;
use crate::model::Connection;
use crate::model::connection::Setting;

/// Every key that this adapter reads; the owner's manual explains each of them.
pub(super) const KEYS: &[&str] = &[
    "dialect",
    "account_sid",
    "auth_token",
    "auth_token_secondary",
    "api_key_sid",
    "api_key_secret",
    "shared_keys",
    "signing_key",
    "signing_key_secondary",
    "api_base",
    "media_hosts",
    "retry",
    "ringback_url",
    "say_voice",
];

/// Whose way of speaking Twilio's language the other end has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    Twilio,
    SignalWire,
    Somleng,
}

/// The settings of one connection, read but not copied. A missing secret reads as empty.
pub(super) struct Settings<'a> {
    at: &'a Connection,
    pub(super) dialect: Dialect,
}

impl<'a> Settings<'a> {
    /// Never fails: what [`check`] would refuse reads as its default.
    pub(super) fn of(at: &'a Connection) -> Self {
        let dialect = match at.text("dialect") {
            Some("signalwire") => Dialect::SignalWire,
            Some("somleng") => Dialect::Somleng,
            _ => Dialect::Twilio,
        };
        Self { at, dialect }
    }

    /// The tokens that may sign webhooks: the primary one first.
    pub(super) fn auth_tokens(&self) -> Vec<&'a str> {
        self.secrets(["auth_token", "auth_token_secondary"])
    }

    /// SignalWire's keys for webhooks.
    pub(super) fn signing_keys(&self) -> Vec<&'a str> {
        self.secrets(["signing_key", "signing_key_secondary"])
    }

    fn secrets(&self, keys: [&str; 2]) -> Vec<&'a str> {
        let found = keys.into_iter().filter_map(|key| self.at.secret(key));
        found.filter(|secret| !secret.is_empty()).collect()
    }

    /// The shared key of this id.
    pub(super) fn shared_key(&self, id: &str) -> Option<&'a str> {
        let found = self.at.named_secret("shared_keys", id);
        found.filter(|secret| !secret.is_empty())
    }

    /// The account that texts and calls belong to.
    pub(super) fn account_sid(&self) -> &'a str {
        plain(self.at, "account_sid").unwrap_or_default()
    }

    /// User name and password of requests: an API key where there is one, else the account's token.
    pub(super) fn login(&self) -> (&'a str, &'a str) {
        let key = plain(self.at, "api_key_sid");
        match key.zip(self.at.secret("api_key_secret")) {
            Some(key) => key,
            None => {
                let token = self.at.secret("auth_token").unwrap_or_default();
                (self.account_sid(), token)
            }
        }
    }

    /// Where requests go, without a slash at the end.
    pub(super) fn api_base(&self) -> &'a str {
        let base = self.at.text("api_base").unwrap_or("https://api.twilio.com");
        base.trim_end_matches('/')
    }

    /// Whether media may be fetched, without credentials, from this host.
    pub(super) fn is_media_host(&self, host: &str) -> bool {
        let known = self.dialect == Dialect::Twilio && MEDIA_HOSTS.contains(&host);
        known || list(self.at, "media_hosts").any(|it| it == Some(host))
    }

    /// What is put behind our URLs so that the carrier asks again when an answer fails, without the `#`.
    pub(super) fn retry(&self) -> &'a str {
        let default = match self.dialect {
            Dialect::Twilio | Dialect::SignalWire => "rc=5&rp=all",
            Dialect::Somleng => "",
        };
        self.at.text("retry").unwrap_or(default)
    }

    /// What a waiting caller hears in place of our ringing tone.
    pub(super) fn ringback_url(&self) -> Option<&'a str> {
        self.at.text("ringback_url")
    }

    /// The voice of spoken texts.
    pub(super) fn say_voice(&self) -> Option<&'a str> {
        self.at.text("say_voice")
    }
}

/// Where Twilio keeps the files of texts; its API redirects there.
const MEDIA_HOSTS: &[&str] = &[
    "mms.twiliocdn.com",
    "media.twiliocdn.com",
    "s3-external-1.amazonaws.com",
];

/// Settings that are secrets, and so never stand in the file.
const SECRETS: &[&str] = &[
    "auth_token",
    "auth_token_secondary",
    "api_key_secret",
    "signing_key",
    "signing_key_secondary",
];
const SECRET_WORDS: &str = "is a secret: write { env: NAME } or { file: PATH }";

/// The mistakes found so far.
#[derive(Default)]
struct Faults(Vec<SettingFault>);

impl Faults {
    fn note(&mut self, wrong: bool, setting: &str, words: &str) {
        if wrong {
            self.0.push(SettingFault {
                setting: setting.to_owned(),
                words: words.to_owned(),
                hide: false,
            });
        }
    }

    /// A mistake whose value may be a secret.
    fn hide(&mut self, wrong: bool, setting: &str, words: &str) {
        self.note(wrong, setting, words);
        if let Some(fault) = self.0.last_mut().filter(|_| wrong) {
            fault.hide = true;
        }
    }
}

/// Every mistake in the settings of a connection.
pub(super) fn check(at: &Connection) -> Result<(), Vec<SettingFault>> {
    let mut faults = Faults::default();
    for key in at.setting_keys().filter(|key| !KEYS.contains(key)) {
        let known = KEYS.join(", ");
        let words = format!("is not a setting of kind twilio; there are {known}");
        // What is misspelled may be a secret.
        faults.hide(true, key, &words);
    }
    check_keys(at, &mut faults);
    check_addresses(at, &mut faults);
    let retry = at.text("retry").is_some_and(|text| {
        !text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "=&,".contains(c))
    });
    faults.note(retry, "retry", "must be written as in `rc=5&rp=all`");
    match faults.0.is_empty() {
        true => Ok(()),
        false => Err(faults.0),
    }
}

/// Who we are, and what proves it.
fn check_keys(at: &Connection, faults: &mut Faults) {
    for key in SECRETS {
        let plain = at
            .setting(key)
            .is_some_and(|setting| !matches!(setting, Setting::Secret(_)));
        faults.hide(plain, key, SECRET_WORDS);
    }
    let shared = at
        .setting("shared_keys")
        .is_some_and(|it| !is_secret_map(it));
    let words = "must map the id of each key to its secret: { env: NAME } or { file: PATH }";
    faults.hide(shared, "shared_keys", words);
    let no_sid = plain(at, "account_sid").is_none_or(str::is_empty);
    faults.note(no_sid, "account_sid", "is missing");
    faults.note(is_unset(at, "auth_token"), "auth_token", "is missing");
    let key = plain(at, "api_key_sid").is_some_and(|sid| !sid.is_empty());
    let secret = !is_unset(at, "api_key_secret");
    faults.note(
        key && !secret,
        "api_key_sid",
        "needs `api_key_secret` beside it",
    );
    faults.note(
        secret && !key,
        "api_key_secret",
        "needs `api_key_sid` beside it",
    );
    let signalwire = at.text("dialect") == Some("signalwire");
    faults.note(
        signalwire && is_unset(at, "signing_key"),
        "signing_key",
        "is missing: SignalWire signs with it, not with the token",
    );
}

/// Whom we speak to, and where.
fn check_addresses(at: &Connection, faults: &mut Faults) {
    let dialect = at.text("dialect").unwrap_or("twilio");
    let known = ["twilio", "signalwire", "somleng"].contains(&dialect);
    faults.note(!known, "dialect", "must be twilio, signalwire or somleng");
    let no_base = plain(at, "api_base").is_none_or(str::is_empty);
    faults.note(
        known && dialect != "twilio" && no_base,
        "api_base",
        "is missing: only Twilio's own address is known",
    );
    for key in ["api_base", "ringback_url"] {
        let wrong = at.text(key).is_some_and(|url| !is_web_url(url));
        faults.note(wrong, key, "must be a full http or https URL");
    }
    let bare = |host: &str| !host.is_empty() && !host.contains(['/', '@', ':']);
    let hosts = list(at, "media_hosts").any(|host| !host.is_some_and(bare));
    faults.note(
        hosts,
        "media_hosts",
        "must list host names, without scheme or path",
    );
}

/// Whether a secret is not there; one that is written plainly is there, and wrong in another way.
fn is_unset(at: &Connection, key: &str) -> bool {
    match at.setting(key) {
        None => true,
        Some(Setting::Secret(_)) => at.secret(key).is_none_or(str::is_empty),
        Some(_) => false,
    }
}

/// A setting that is no secret but may come from the environment or a file like one.
fn plain<'a>(at: &'a Connection, key: &str) -> Option<&'a str> {
    at.text(key).or_else(|| at.secret(key))
}

/// The texts of a setting that is a list or one text; `None` for what is no text.
fn list<'a>(at: &'a Connection, key: &str) -> impl Iterator<Item = Option<&'a str>> {
    let one = at
        .setting(key)
        .map_or(&[] as &[_], |setting| match setting {
            Setting::List(all) => all.as_slice(),
            one => std::slice::from_ref(one),
        });
    one.iter().map(|setting| match setting {
        Setting::Text(text) => Some(text.as_str()),
        _ => None,
    })
}

fn is_secret_map(setting: &Setting) -> bool {
    let Setting::Map(named) = setting else {
        return false;
    };
    named
        .values()
        .all(|secret| matches!(secret, Setting::Secret(_)))
}

/// Whether the text is an absolute web address.
pub(super) fn is_web_url(text: &str) -> bool {
    let Ok(url) = text.parse::<Uri>() else {
        return false;
    };
    let web = matches!(url.scheme_str(), Some("http" | "https"));
    web && url.host().is_some_and(|host| !host.is_empty())
}
