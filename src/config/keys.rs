//! The list of keys: what may be written where, its default and why. The reader refuses what is not in it, and
//! `docs/configuration.md` is made from it.

use super::limits::LIMITS;

/// A key as it is documented.
#[derive(Debug, Clone, Copy)]
pub struct ConfigKey {
    /// Its full name; `KEY` stands for a name that users choose.
    pub path: &'static str,
    /// What it is when nothing is written; empty: nothing.
    pub default: &'static str,
    /// What it is for.
    pub why: &'static str,
}

const fn key(path: &'static str, default: &'static str, why: &'static str) -> ConfigKey {
    ConfigKey { path, default, why }
}

/// All keys but the limits and those only a kind of carrier knows.
pub const KEYS: &[ConfigKey] = &[
    key(
        "data",
        "data",
        "Folder of everything this node keeps. Relative paths start where the process starts.",
    ),
    key(
        "store",
        "sqlite",
        "`sqlite` (the file signalbox.db in `data`, nothing to install), or `postgres://…` for more than one node; with a password in it as a secret: `{ env: NAME }` or `{ file: PATH }`.",
    ),
    key(
        "redis",
        "",
        "`redis://…` or a secret: what nodes share by the second (rates, live notices). May vanish at any time without loss.",
    ),
    key(
        "public_url",
        "required",
        "How carriers reach us, as they spell it: scheme, host, and a path when a proxy adds one. Signatures are computed over it, never over a header.",
    ),
    key(
        "staff_url",
        "http:// and `listen.staff`",
        "How members of staff reach the pages; links in e-mails begin with it.",
    ),
    key(
        "trusted_proxies",
        "none",
        "Addresses or blocks (`10.0.0.0/8`) whose X-Forwarded-For is believed for the client's address.",
    ),
    key(
        "listen.carriers",
        "127.0.0.1:8090",
        "Where carriers' webhooks arrive. Also the name of the systemd socket that replaces it.",
    ),
    key(
        "listen.staff",
        "127.0.0.1:8080",
        "Where the pages and the API are. Also the name of the systemd socket that replaces it.",
    ),
    key(
        "listen.ops",
        "127.0.0.1:9464",
        "Where metrics and health are. Also the name of the systemd socket that replaces it.",
    ),
    key(
        "flows",
        "flows",
        "Folder of flow files; watched, and published when they change and pass their check. Its folder `media` holds the sound files that flows play.",
    ),
    key(
        "blobs",
        "blobs in `data`",
        "Folder of recordings and media; shared between nodes when there are several.",
    ),
    key(
        "smtp.host",
        "",
        "Mail server. Without `smtp` no e-mail leaves, and a text that would have become one is refused.",
    ),
    key(
        "smtp.port",
        "587, or 465 with tls: wrapped, or 25 with tls: none",
        "Its port.",
    ),
    key(
        "smtp.tls",
        "start",
        "`start` (STARTTLS, required), `wrapped` (TLS from the first byte), or `none` (only to this machine or a network you trust).",
    ),
    key("smtp.username", "", "Sign-in name; needs a password."),
    key(
        "smtp.password",
        "",
        "A secret: `{ env: NAME }` or `{ file: PATH }`.",
    ),
    key(
        "smtp.from",
        "required",
        "Sender address of every e-mail, such as `signalbox@example.org`.",
    ),
    key(
        "http.allow",
        "none",
        "Addresses that the step `http` of a flow may ask, such as `[https://crm.example.org/api]`: what begins so, on the same host and port, and nothing else.",
    ),
    key(
        "http.secrets.KEY.env",
        "",
        "A secret that flows send in headers: the variable that holds it. A flow only ever names it, such as `crm` of `{ crm: { env: CRM_TOKEN, for: https://crm.example.org/api } }`.",
    ),
    key(
        "http.secrets.KEY.file",
        "",
        "The same from a file; one of the two.",
    ),
    key(
        "http.secrets.KEY.for",
        "required",
        "The address that it is for, or several: what begins so, on the same host and port. It is sent nowhere else, whatever a flow says.",
    ),
    key(
        "http.secrets.KEY.accounts",
        "all",
        "The accounts whose flows may send it, by key.",
    ),
    key(
        "connections.KEY.kind",
        "required",
        "Which carrier it is: `twilio` (also SignalWire and Somleng, see `dialect`).",
    ),
    key(
        "connections.KEY.rate",
        "1",
        "Text segments a second over all its numbers, as the carrier granted them.",
    ),
    key(
        "connections.KEY.calls_per_second",
        "1",
        "Calls started a second, as the carrier granted them.",
    ),
    key(
        "connections.KEY.on_unknown",
        "leave",
        "What happens to a text of which nobody can say whether it left: `leave` it shown as unknown, or `email` its words to the contact. It is never sent again.",
    ),
    key(
        "connections.KEY.opt_out",
        "us",
        "Who confirms STOP to the phone, `us` or the `carrier`; a number may say otherwise.",
    ),
    key(
        "compliance.countries",
        "none",
        "Countries (`[MX, BR]`, two letters each) whose own words for STOP, START, HELP and YES count besides the English and French ones, which count everywhere.",
    ),
    key(
        "compliance.stop",
        "none",
        "More words that opt out, such as `[HALT]`. A text counts when the whole of it is such a word; a keyword of the same word is reached no more.",
    ),
    key("compliance.start", "none", "More words that opt in again."),
    key("compliance.help", "none", "More words that ask for help."),
    key(
        "compliance.yes",
        "none",
        "More words that opt in again, but only from who has opted out: an ordinary answer else.",
    ),
    key(
        "log.format",
        "text",
        "`text` for people, `json` for programs.",
    ),
    key(
        "log.level",
        "info",
        "`error`, `warn`, `info` or `debug`. No level shows texts, full numbers or secrets.",
    ),
];

/// The keys a section of this pattern may have, limits included, each once.
pub(super) fn under(pattern: &str) -> Vec<&'static str> {
    if pattern == "limits" {
        return LIMITS.iter().map(|limit| limit.key).collect();
    }
    let mut known: Vec<&str> = Vec::new();
    for key in KEYS {
        let rest = match pattern {
            "" => Some(key.path),
            _ => key
                .path
                .strip_prefix(pattern)
                .and_then(|rest| rest.strip_prefix('.')),
        };
        let first = rest.and_then(|rest| rest.split('.').next());
        if let Some(first) = first.filter(|first| !known.contains(first)) {
            known.push(first);
        }
    }
    if pattern.is_empty() {
        known.push("limits");
    }
    known
}

/// Whether a key of this full pattern is in the list, as a value or as a section.
pub(super) fn is_known(pattern: &str) -> bool {
    let (section, key) = pattern.rsplit_once('.').unwrap_or(("", pattern));
    under(section).contains(&key)
}
