//! The section `http`: what flows may ask of other systems, and the secrets that they send there.

use url::Url;

use crate::config::Http;
use crate::config::reader::Section;
use crate::config::tree::{Key, Node, Value};
use crate::model::http::{SecretRule, is_below};

/// The keys of one secret.
const KEYS: [&str; 4] = ["env", "file", "for", "accounts"];
const HELP: &str = "write { env: NAME, for: https://… } or { file: PATH, for: https://… }, so that no secret stands in this file";

impl<'a> Section<'a> {
    pub(super) fn http(&self) -> Http {
        self.finish();
        let mut http = Http::default();
        http.rules.allow = self.addresses("allow");
        let Some(secrets) = self.section("secrets") else {
            return http;
        };
        for (name, node) in secrets.others(&[]) {
            secrets.http_secret(name, node, &mut http);
        }
        http
    }

    /// Beginnings of addresses.
    fn addresses(&self, key: &str) -> Vec<Url> {
        let mut found = Vec::new();
        for text in self.list::<String>(key) {
            let fits = |url: &Url| {
                let web = matches!(url.scheme(), "http" | "https");
                let bare = url.query().is_none() && url.fragment().is_none();
                web && bare && url.username().is_empty() && url.password().is_none()
            };
            match Url::parse(&text).ok().filter(fits) {
                Some(url) => found.push(url),
                None => {
                    let words = format!("`{text}` is no address that could be allowed");
                    let help = "write http:// or https://, a host and perhaps a path";
                    self.wrong(key, words, Some(help));
                }
            }
        }
        found
    }

    /// One secret: where it is kept, the addresses that it is for, and the accounts that may use it.
    fn http_secret(&self, name: &'a Key, node: &'a Node, http: &mut Http) {
        let keys: &[(Key, Node)] = match &node.value {
            Value::Map(keys) => keys,
            _ => &[],
        };
        let has = |wanted: &str| keys.iter().any(|(key, _)| key.text == wanted);
        let known = keys
            .iter()
            .all(|(key, _)| KEYS.contains(&key.text.as_str()));
        if !known || has("env") == has("file") {
            self.hide(node);
            return self.wrong(&name.text, "expected a secret", Some(HELP));
        }
        let Some(section) = self.entry(name, node) else {
            return;
        };
        let kept = if has("env") { "env" } else { "file" };
        let value = section.secret_at(kept);
        let rule = SecretRule {
            places: section.addresses("for"),
            accounts: section.list("accounts"),
        };
        if has("accounts") && rule.accounts.is_empty() {
            let help = "name the accounts that may use it, or leave the line out for all";
            section.wrong("accounts", "names nobody", Some(help));
        }
        if !has("for") {
            let help = "name the address that it is for, such as `for: https://crm.example.org/api`; it is sent nowhere else";
            section.wrong("for", "is missing", Some(help));
        }
        let asked = |place: &&Url| {
            let mut allow = http.rules.allow.iter();
            allow.any(|allowed| is_below(allowed, place) || is_below(place, allowed))
        };
        if let Some(place) = rule.places.iter().find(|place| !asked(place)) {
            let words = format!("`{place}` is not among the addresses that flows may ask");
            section.wrong("for", words, Some("add it to http.allow"));
        }
        if let Some(value) = value {
            http.secrets.insert(name.text.clone(), value);
            http.rules.secrets.insert(name.text.clone(), rule);
        }
    }
}
