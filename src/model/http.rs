//! What a flow asks another system over HTTP, what it may ask, and what that answers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use url::Url;

/// A request of a flow. Secrets stand in it by name only: they are put in when it leaves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpRequest {
    /// `GET`, `POST`, `PUT`, `PATCH` or `DELETE`.
    pub method: HttpMethod,
    /// Where to.
    pub url: String,
    /// Its headers.
    pub headers: Vec<(String, HeaderText)>,
    /// Its body, JSON or plain text by the header `content-type`.
    pub body: Option<String>,
    /// Seconds until no answer is awaited any more.
    pub timeout_s: u32,
}

/// The methods that a flow may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum HttpMethod {
    /// Reads.
    Get,
    /// Adds or asks.
    Post,
    /// Replaces.
    Put,
    /// Changes.
    Patch,
    /// Removes.
    Delete,
}

impl HttpMethod {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    /// Whether asking twice does no harm.
    pub const fn is_safe(self) -> bool {
        matches!(self, Self::Get)
    }
}

/// The value of a header.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeaderText {
    /// As it stands.
    Text(String),
    /// A secret of the configuration, behind these words.
    Secret {
        /// Its name under `http.secrets`.
        name: String,
        /// What comes before it, such as `Bearer `.
        before: String,
    },
}

/// What came of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HttpAnswer {
    /// The other system answered.
    Answer {
        /// Its status.
        status: u16,
        /// Its body, as text.
        body: String,
    },
    /// It did not, or was not asked: a stable code such as `not_allowed`, `circuit_open` or `no_answer`.
    None(String),
}

/// What the configuration lets flows ask of other systems.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HttpRules {
    /// The beginnings of addresses that may be asked.
    pub allow: Vec<Url>,
    /// Which secrets there are, by name; never what they are.
    pub secrets: BTreeMap<String, SecretRule>,
}

/// For whom a secret is, and who may send it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SecretRule {
    /// The beginnings of addresses that it is sent to, and no others.
    pub places: Vec<Url>,
    /// The keys of the accounts whose flows may name it; empty: all.
    pub accounts: Vec<String>,
}

/// Why a secret is not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretRefused {
    /// There is none of this name.
    Unknown,
    /// It is for flows of other accounts.
    Account,
    /// It is for other addresses.
    Address,
}

impl HttpRules {
    /// The address, when it may be asked: the same scheme, host and port, and a path below one that is allowed.
    pub fn allowed(&self, url: &str) -> Option<Url> {
        if leads_up(url) {
            return None;
        }
        let url = Url::parse(url).ok()?;
        let plain = url.username().is_empty() && url.password().is_none();
        (plain && is_below_any(&self.allow, &url)).then_some(url)
    }

    /// Whether a flow of this account may send this secret to this address.
    ///
    /// # Errors
    /// Why not.
    pub fn sends(&self, secret: &str, account: &str, url: &Url) -> Result<(), SecretRefused> {
        let rule = self.secret_of(secret, account)?;
        match is_below_any(&rule.places, url) {
            true => Ok(()),
            false => Err(SecretRefused::Address),
        }
    }

    /// The rule of a secret, when flows of this account may name it.
    ///
    /// # Errors
    /// Why they may not.
    pub fn secret_of(&self, secret: &str, account: &str) -> Result<&SecretRule, SecretRefused> {
        let rule = self.secrets.get(secret).ok_or(SecretRefused::Unknown)?;
        let serves = rule.accounts.is_empty() || rule.accounts.iter().any(|key| key == account);
        serves.then_some(rule).ok_or(SecretRefused::Account)
    }
}

/// Whether an address that begins with `start` can be below one of `places`; `whole` when nothing follows `start`.
pub fn may_be_below(places: &[Url], start: &str, whole: bool) -> bool {
    let path_ends = start.find(['?', '#']);
    let whole = whole || path_ends.is_some();
    let Ok(url) = Url::parse(&start[..path_ends.unwrap_or(start.len())]) else {
        return false;
    };
    let open = |place: &Url| {
        !whole && place.origin() == url.origin() && place.path().starts_with(url.path())
    };
    is_below_any(places, &url) || places.iter().any(open)
}

fn is_below_any(places: &[Url], url: &Url) -> bool {
    places.iter().any(|place| is_below(place, url))
}

/// Whether an address is at this place or below it.
pub fn is_below(place: &Url, url: &Url) -> bool {
    let prefix = place.path().trim_end_matches('/');
    let rest = url.path().strip_prefix(prefix);
    let whole = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    place.origin() == url.origin() && whole
}

/// Whether a part of the path is nothing but dots, in whatever spelling: reading the address would take it for the way
/// up, out of what the flow's writer wrote.
fn leads_up(url: &str) -> bool {
    let path = url.split(['?', '#']).next().unwrap_or("");
    let path = path.split_once("://").map_or(path, |(_, rest)| rest);
    path.split(['/', '\\']).any(|part| {
        let part = part.to_ascii_lowercase().replace("%2e", ".");
        matches!(part.as_str(), "." | "..")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn urls(texts: &[&str]) -> Vec<Url> {
        texts.iter().map(|text| Url::parse(text).unwrap()).collect()
    }

    fn rules() -> HttpRules {
        let rule = |places: &[&str], accounts: &[&str]| SecretRule {
            places: urls(places),
            accounts: accounts.iter().map(|key| (*key).to_owned()).collect(),
        };
        HttpRules {
            allow: urls(&["https://crm.example.org/api/", "http://127.0.0.1:9000"]),
            secrets: [
                ("crm", rule(&["https://crm.example.org/api/people"], &[])),
                ("own", rule(&["http://127.0.0.1:9000"], &["clinic"])),
            ]
            .map(|(name, rule)| (name.to_owned(), rule))
            .into(),
        }
    }

    #[test]
    fn only_what_is_allowed_is_asked() {
        for (url, expected) in [
            ("https://crm.example.org/api", true),
            ("https://crm.example.org/api/a?b=c", true),
            ("https://CRM.example.org:443/api/a", true),
            ("http://127.0.0.1:9000/anything", true),
            ("https://crm.example.org/apix", false),
            ("https://crm.example.org/api/a/../b", false),
            ("https://crm.example.org/api/%2E%2e/b", false),
            ("https://crm.example.org/api/contacts/.", false),
            ("https://crm.example.org/api/v1.2/..a", true),
            ("https://crm.example.org/api/../admin", false),
            ("https://crm.example.org/api/%2e%2e/admin", false),
            ("http://crm.example.org/api", false),
            ("https://crm.example.org:8443/api", false),
            ("https://crm.example.org@evil.example.net/api", false),
            ("https://user:word@crm.example.org/api", false),
            ("https://evil.example.net/api", false),
            ("ftp://crm.example.org/api", false),
            ("nonsense", false),
        ] {
            assert_eq!(rules().allowed(url).is_some(), expected, "{url}");
        }
    }

    #[test]
    fn a_secret_goes_where_it_is_for_and_nowhere_else() {
        use SecretRefused::{Account, Address, Unknown};
        for (secret, account, url, expected) in [
            (
                "crm",
                "college",
                "https://crm.example.org/api/people",
                Ok(()),
            ),
            (
                "crm",
                "clinic",
                "https://crm.example.org/api/people/1",
                Ok(()),
            ),
            (
                "crm",
                "clinic",
                "https://crm.example.org/api/peoples",
                Err(Address),
            ),
            ("crm", "clinic", "https://crm.example.org/api", Err(Address)),
            (
                "crm",
                "clinic",
                "http://127.0.0.1:9000/api/people",
                Err(Address),
            ),
            ("own", "clinic", "http://127.0.0.1:9000/a", Ok(())),
            ("own", "college", "http://127.0.0.1:9000/a", Err(Account)),
            ("other", "clinic", "http://127.0.0.1:9000/a", Err(Unknown)),
        ] {
            let url = Url::parse(url).unwrap();
            assert_eq!(
                rules().sends(secret, account, &url),
                expected,
                "{secret} {account} {url}"
            );
        }
    }

    #[test]
    fn what_begins_an_address_may_lead_below_a_place_or_not() {
        let places = urls(&["https://crm.example.org/api/people"]);
        for (start, whole, expected) in [
            ("https://crm.example.org/api/people/1", true, true),
            ("https://crm.example.org/api/people?name=", false, true),
            ("https://crm.example.org/api/", false, true),
            ("https://crm.example.org/api/", true, false),
            ("https://crm.example.org/api/?name=", false, false),
            ("https://crm.example.org/", false, true),
            ("https://crm.example.org/apx/", false, false),
            ("https://other.example.org/api/people/", false, false),
            ("http://crm.example.org/api/people/", false, false),
            ("https://", false, false),
        ] {
            assert_eq!(
                may_be_below(&places, start, whole),
                expected,
                "{start} {whole}"
            );
        }
    }
}
