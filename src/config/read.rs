//! How each key becomes its field of the [`Config`].

mod http;

use std::path::{Path, PathBuf};
use std::str::FromStr;

use secrecy::SecretString;
use url::Url;

use crate::model::connection::{Connection, OnUnknown, OptOut, Setting};
use crate::model::consent::{ComplianceWords, WordList};

use super::reader::{Section, is_secret};
use super::tree::{Key, Node, Value};
use super::{Config, Limits, Listen, Log, LogFormat, Smtp, SmtpTls, Source, StoreAddress};

/// Segments or calls a second that no carrier grants; a larger number is a mistake.
const RATE_MAX: f64 = 100_000.0;

/// An ISO 3166 code of two letters.
struct Country(String);

impl FromStr for Country {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fits = text.len() == 2 && text.chars().all(|c| c.is_ascii_alphabetic());
        let country = fits.then(|| Self(text.to_ascii_uppercase()));
        country.ok_or("expected a country as two letters, such as MX")
    }
}

impl Section<'_> {
    /// The whole file; `None` when something that has no default is missing or wrong.
    pub(super) fn config(&self) -> Option<Config> {
        let data = self.path("data").unwrap_or_else(|| PathBuf::from("data"));
        let store = self.store(&data);
        let redis = self.address("redis", &["redis", "rediss"]);
        let public_url = self.public_url();
        let listen = self.listen();
        let staff_url = self.url("staff_url");
        let trusted_proxies = self.list("trusted_proxies");
        let flows = self.path("flows").unwrap_or_else(|| PathBuf::from("flows"));
        let blobs = self.path("blobs").unwrap_or_else(|| data.join("blobs"));
        let smtp = self.section("smtp").and_then(|section| section.smtp());
        let http = self.section("http").map(|section| section.http());
        let http = http.unwrap_or_default();
        let connections = self.connections(public_url.as_deref().unwrap_or_default());
        let limits = self.limits(!http.rules.allow.is_empty());
        let words = self.section("compliance").map(|it| it.compliance());
        let log = self.section("log").map(|section| section.log());
        self.finish();
        Some(Config {
            data,
            store: store?,
            redis,
            public_url: public_url?,
            staff_url: staff_url.unwrap_or_else(|| format!("http://{}", listen.staff)),
            trusted_proxies,
            listen,
            flows,
            blobs,
            smtp,
            http,
            connections,
            limits,
            words: words.unwrap_or_else(|| ComplianceWords::everywhere().clone()),
            log: log.unwrap_or_default(),
            source: Source::default(),
        })
    }

    fn path(&self, key: &str) -> Option<PathBuf> {
        self.text(key).map(PathBuf::from)
    }

    fn public_url(&self) -> Option<String> {
        let url = self.url("public_url");
        if self.node("public_url").is_none() {
            let help =
                "write the address carriers reach, such as `public_url: https://sms.example.org`";
            self.wrong("public_url", "is missing", Some(help));
        }
        url
    }

    fn connections(&self, public_url: &str) -> Vec<Connection> {
        let sections = self.named_sections("connections").into_iter();
        sections
            .filter_map(|(key, section)| section.connection(key, public_url))
            .collect()
    }

    /// `asks`: flows may ask other systems.
    fn limits(&self, asks: bool) -> Limits {
        let Some(section) = self.section("limits") else {
            return Limits::default();
        };
        section.finish();
        Limits::read(&section, asks)
    }

    fn store(&self, data: &Path) -> Option<StoreAddress> {
        let sqlite = || StoreAddress::Sqlite(data.join("signalbox.db"));
        match self.node("store") {
            None => Some(sqlite()),
            Some(node) if matches!(&node.value, Value::Text(text) if text == "sqlite") => {
                Some(sqlite())
            }
            Some(_) => self
                .address("store", &["postgres", "postgresql"])
                .map(StoreAddress::Postgres),
        }
    }

    /// A URL of another server: plain without a password, else a secret.
    fn address(&self, key: &str, schemes: &[&str]) -> Option<SecretString> {
        use secrecy::ExposeSecret;
        let node = self.node(key)?;
        let plain = match &node.value {
            Value::Text(text) => Some(SecretString::from(text.as_str())),
            _ => self.secret(key),
        };
        let address = plain?;
        let url = Url::parse(address.expose_secret()).ok();
        let fits = |url: &Url| schemes.contains(&url.scheme());
        match (url.filter(fits), &node.value) {
            (None, _) => {
                let words = format!("expected an address that begins with {}://", schemes[0]);
                self.wrong(key, words, None);
                None
            }
            (Some(url), Value::Text(_)) if url.password().is_some() => {
                self.hide(node);
                let help = "put the whole address into { env: NAME } or { file: PATH }";
                self.wrong(key, "a password does not belong into this file", Some(help));
                None
            }
            _ => Some(address),
        }
    }

    /// A web address of ours, without the slash at its end.
    fn url(&self, key: &str) -> Option<String> {
        let text = self.text(key)?;
        let fits = |url: &Url| {
            matches!(url.scheme(), "http" | "https")
                && url.host().is_some()
                && url.query().is_none()
                && url.fragment().is_none()
                && url.username().is_empty()
        };
        if !Url::parse(&text).is_ok_and(|url| fits(&url)) {
            let words = "expected http:// or https://, a host, and no query";
            self.wrong(key, words, None);
            return None;
        }
        Some(text.trim_end_matches('/').to_owned())
    }

    fn listen(&self) -> Listen {
        let default = Listen::default();
        let Some(section) = self.section("listen") else {
            return default;
        };
        section.finish();
        Listen {
            carriers: section.parsed("carriers").unwrap_or(default.carriers),
            staff: section.parsed("staff").unwrap_or(default.staff),
            ops: section.parsed("ops").unwrap_or(default.ops),
        }
    }

    fn smtp(&self) -> Option<Smtp> {
        self.finish();
        let words = [
            ("start", SmtpTls::Start),
            ("wrapped", SmtpTls::Wrapped),
            ("none", SmtpTls::None),
        ];
        let tls = self.choice("tls", &words).unwrap_or(SmtpTls::Start);
        let usual = match tls {
            SmtpTls::Start => 587,
            SmtpTls::Wrapped => 465,
            SmtpTls::None => 25,
        };
        let port = self
            .whole("port", 1, 65535)
            .and_then(|port| u16::try_from(port).ok());
        let (host, from) = (self.required("host"), self.required("from"));
        let (username, password) = (self.text("username"), self.secret("password"));
        if self.node("username").is_some() != self.node("password").is_some() {
            self.wrong(
                "username",
                "a sign-in needs both `username` and `password`",
                None,
            );
        }
        let from = from?;
        if from.parse::<lettre::message::Mailbox>().is_err() {
            let help = "such as signalbox@example.org";
            self.wrong("from", "expected an e-mail address", Some(help));
        }
        Some(Smtp {
            host: host?,
            port: port.unwrap_or(usual),
            tls,
            credentials: username.zip(password),
            from,
        })
    }

    /// The words that are written here, and those of the countries.
    fn compliance(&self) -> ComplianceWords {
        self.finish();
        let countries: Vec<Country> = self.list("countries");
        let countries: Vec<&str> = countries.iter().map(|it| it.0.as_str()).collect();
        let list = WordList {
            stop: self.list("stop"),
            start: self.list("start"),
            help: self.list("help"),
            yes: self.list("yes"),
        };
        ComplianceWords::shipped_in(&countries).with(&list)
    }

    fn required(&self, key: &str) -> Option<String> {
        let text = self.text(key);
        if self.node(key).is_none() {
            self.wrong(key, "is missing", None);
        }
        text
    }

    fn log(&self) -> Log {
        use tracing::Level;
        self.finish();
        let default = Log::default();
        let formats = [("text", LogFormat::Text), ("json", LogFormat::Json)];
        let levels = [
            ("error", Level::ERROR),
            ("warn", Level::WARN),
            ("info", Level::INFO),
            ("debug", Level::DEBUG),
        ];
        Log {
            format: self.choice("format", &formats).unwrap_or(default.format),
            level: self.choice("level", &levels).unwrap_or(default.level),
        }
    }

    fn connection(&self, key: &Key, public_url: &str) -> Option<Connection> {
        const OURS: [&str; 5] = ["kind", "rate", "calls_per_second", "on_unknown", "opt_out"];
        if !is_key(&key.text) {
            let words =
                "expected a key: a lower-case letter, then letters, digits and hyphens, 63 at most";
            self.wrong("", words, None);
        }
        let kind = self.required("kind");
        let unknown = [("leave", OnUnknown::Leave), ("email", OnUnknown::Email)];
        let opt_out = [("us", OptOut::Us), ("carrier", OptOut::Carrier)];
        let mut connection = Connection::new(&key.text, kind.as_deref().unwrap_or(""), public_url);
        connection.rate = self
            .number("rate", 0.01, RATE_MAX)
            .unwrap_or(connection.rate);
        let calls = self.number("calls_per_second", 0.01, RATE_MAX);
        connection.calls_per_second = calls.unwrap_or(connection.calls_per_second);
        connection.on_unknown = self.choice("on_unknown", &unknown).unwrap_or_default();
        connection.opt_out = self.choice("opt_out", &opt_out).unwrap_or_default();
        for (name, node) in self.others(&OURS) {
            self.note(&self.name(&name.text), &name.at, &node.at);
            if let Some(setting) = self.setting(&self.name(&name.text), node) {
                connection = connection.with(&name.text, setting);
            }
        }
        kind.map(|_| connection)
    }

    /// A value that only a carrier understands, with the secrets in it resolved.
    fn setting(&self, name: &str, node: &Node) -> Option<Setting> {
        if is_secret(node) {
            return self.resolve(name, node).map(Setting::Secret);
        }
        Some(match &node.value {
            Value::Null => return None,
            Value::Bool(flag) => Setting::Bool(*flag),
            Value::Number(number) => Setting::Number(*number),
            Value::Text(text) => Setting::Text(text.clone()),
            Value::List(items) => Setting::List(
                items
                    .iter()
                    .filter_map(|item| self.setting(name, item))
                    .collect(),
            ),
            Value::Map(entries) => {
                let read =
                    |(key, node): &(Key, Node)| Some((key.text.clone(), self.setting(name, node)?));
                Setting::Map(entries.iter().filter_map(read).collect())
            }
        })
    }
}

/// Whether a text can be the key of something named in YAML.
fn is_key(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    text.len() <= 63
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(plain)
}
