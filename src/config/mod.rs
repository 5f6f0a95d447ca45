//! The configuration: one YAML file and the environment become a [`Config`], whole and checked, or the list of
//! everything that is wrong with it.
//!
//! It knows connections by what all carriers have; what only one kind of carrier understands is handed on as a
//! map, and judged by that carrier at start ([`Config::judge`] shows its findings in place).

mod keys;
mod limits;
pub mod organisation;
mod problem;
mod read;
mod reader;
mod tree;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::Range;
use std::path::{Path, PathBuf};

use secrecy::SecretString;

use crate::model::Cidr;
use crate::model::connection::Connection;
use crate::model::consent::ComplianceWords;
use crate::model::http::HttpRules;

pub use keys::{ConfigKey, KEYS};
pub use limits::{LIMITS, Limit, Limits};
pub use problem::{Problem, Problems};
pub use tree::FILE_BYTES_MAX;

use reader::{Findings, Section};

/// The configuration of `signalbox demo`, as shipped.
const DEMO: &str = include_str!("../../config/demo.yaml");

/// Looks up a variable of the environment.
pub type Env<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Everything an administrator decides about this node. `docs/configuration.md` tells each key.
#[derive(Debug, Clone)]
pub struct Config {
    /// Folder of everything this node keeps.
    pub data: PathBuf,
    /// Where rows are kept.
    pub store: StoreAddress,
    /// Redis, when nodes share rates and notices.
    pub redis: Option<SecretString>,
    /// How carriers reach us; without a slash at the end.
    pub public_url: String,
    /// How members of staff reach the pages; without a slash at the end.
    pub staff_url: String,
    /// Who may tell a client's address in a header.
    pub trusted_proxies: Vec<Cidr>,
    /// Where we listen.
    pub listen: Listen,
    /// Folder of flow files.
    pub flows: PathBuf,
    /// Folder of recordings and media.
    pub blobs: PathBuf,
    /// The mail server, if there is one.
    pub smtp: Option<Smtp>,
    /// What flows may ask of other systems.
    pub http: Http,
    /// The links to carriers, in the order written.
    pub connections: Vec<Connection>,
    /// The bounds of everything.
    pub limits: Limits,
    /// The compliance words in force.
    pub words: ComplianceWords,
    /// What is logged, and how.
    pub log: Log,
    source: Source,
}

/// Where rows are kept.
#[derive(Debug, Clone)]
pub enum StoreAddress {
    /// An SQLite file.
    Sqlite(PathBuf),
    /// A PostgreSQL URL, which may hold a password.
    Postgres(SecretString),
}

/// The three addresses we listen on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listen {
    /// For carriers' webhooks.
    pub carriers: SocketAddr,
    /// For the pages and the API.
    pub staff: SocketAddr,
    /// For metrics and health.
    pub ops: SocketAddr,
}

impl Default for Listen {
    fn default() -> Self {
        let local = |port| SocketAddr::from(([127, 0, 0, 1], port));
        Self {
            carriers: local(8090),
            staff: local(8080),
            ops: local(9464),
        }
    }
}

/// What flows may ask of other systems.
#[derive(Debug, Clone, Default)]
pub struct Http {
    /// What may be asked, and which secret is for whom.
    pub rules: HttpRules,
    /// Secrets for headers, by name.
    pub secrets: BTreeMap<String, SecretString>,
}

/// A mail server.
#[derive(Debug, Clone)]
pub struct Smtp {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub tls: SmtpTls,
    /// Name and password, when it wants a sign-in.
    pub credentials: Option<(String, SecretString)>,
    /// Sender address of every e-mail.
    pub from: String,
}

/// How a connection to a mail server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmtpTls {
    /// STARTTLS, required.
    Start,
    /// TLS from the first byte.
    Wrapped,
    /// Not at all.
    None,
}

/// What is logged, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Log {
    /// For people or for programs.
    pub format: LogFormat,
    /// The least important level that is shown.
    pub level: tracing::Level,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// The file, kept to show later findings in place.
#[derive(Debug, Clone, Default)]
struct Source {
    file: String,
    text: String,
    places: reader::Places,
}

/// What a carrier finds wrong with a setting of its connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The connection.
    pub connection: String,
    /// The setting, written or missing.
    pub setting: String,
    /// What is wrong, and what to write.
    pub words: String,
    /// Whether the value must not be shown, because a secret was written plainly.
    pub hide: bool,
}

impl Config {
    /// The configuration in a file, with the secrets it points to resolved.
    pub fn load(path: &Path, env: Env<'_>) -> Result<Self, Problems> {
        let file = path.display().to_string();
        match std::fs::read_to_string(path) {
            Ok(text) => Self::read(&file, &text, env),
            Err(error) => Err(Problems {
                file,
                source: String::new(),
                list: vec![Problem {
                    at: None,
                    key: String::new(),
                    words: format!("cannot be read: {error}"),
                    help: Some(
                        "config/signalbox.yaml of the source tree is a commented start".to_owned(),
                    ),
                }],
            }),
        }
    }

    /// The configuration in a text; `file` is what problems call it.
    pub fn read(file: &str, text: &str, env: Env<'_>) -> Result<Self, Problems> {
        let problems = |list, hidden: &[Range<usize>]| Problems {
            file: file.to_owned(),
            source: problem::without(text, hidden),
            list,
        };
        let root = tree::parse(text).map_err(|(at, words)| {
            let broken = Problem {
                at: Some(at),
                key: String::new(),
                words,
                help: None,
            };
            problems(vec![broken], &[])
        })?;
        let found = Findings::new(env);
        let config = Section::root(&root, &found).and_then(|root| root.config());
        let (mut list, places) = (found.list.into_inner(), found.places.into_inner());
        let hidden = found.hidden.into_inner();
        match config {
            Some(mut config) if list.is_empty() => {
                config.source = Source {
                    file: file.to_owned(),
                    text: text.to_owned(),
                    places,
                };
                Ok(config)
            }
            _ => {
                list.sort_by_key(|problem| problem.at.as_ref().map(|at| at.start));
                Err(problems(list, &hidden))
            }
        }
    }

    /// The configuration of `signalbox demo`: everything under one folder, one connection to the built-in
    /// carrier simulator. `api_base` is the simulator's URL and `token` what both sign with.
    pub fn demo(
        data: &Path,
        listen: Listen,
        api_base: &str,
        token: &str,
    ) -> Result<Self, Problems> {
        let env = |name: &str| (name == "SIGNALBOX_DEMO_TOKEN").then(|| token.to_owned());
        let mut config = Self::read("config/demo.yaml", DEMO, &env)?;
        config.store = StoreAddress::Sqlite(data.join("signalbox.db"));
        config.blobs = data.join("blobs");
        config.data = data.to_owned();
        config.listen = listen;
        config.public_url = format!("http://{}", listen.carriers);
        config.staff_url = format!("http://{}", listen.staff);
        for connection in &mut config.connections {
            connection.public_url.clone_from(&config.public_url);
            *connection = connection.clone().with("api_base", api_base);
        }
        Ok(config)
    }

    /// The connection of this key.
    pub fn connection(&self, key: &str) -> Option<&Connection> {
        self.connections
            .iter()
            .find(|connection| connection.key == key)
    }

    /// Shows what carriers found wrong with their settings, in place; `Ok` when they found nothing.
    pub fn judge(&self, findings: Vec<Finding>) -> Result<(), Problems> {
        if findings.is_empty() {
            return Ok(());
        }
        let places = &self.source.places;
        let mut hidden = Vec::new();
        let list = findings.into_iter().map(|finding| {
            let connection = format!("connections.{}", finding.connection);
            let key = format!("{connection}.{}", finding.setting);
            let written = places.get(&key);
            hidden.extend(
                written
                    .filter(|_| finding.hide)
                    .map(|(_, value)| value.clone()),
            );
            Problem {
                at: written
                    .or_else(|| places.get(&connection))
                    .map(|(name, _)| name.clone()),
                key,
                words: finding.words,
                help: None,
            }
        });
        let list = list.collect();
        Err(Problems {
            file: self.source.file.clone(),
            source: problem::without(&self.source.text, &hidden),
            list,
        })
    }
}

impl Default for Log {
    fn default() -> Self {
        Self {
            format: LogFormat::Text,
            level: tracing::Level::INFO,
        }
    }
}

#[cfg(test)]
mod tests;
