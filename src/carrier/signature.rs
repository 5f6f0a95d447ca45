//! What webhook signatures are made of: keyed hashes, the URL as it may have been signed, and
//! comparisons that take the same time whatever differs.

use std::fmt::Write as _;

use aws_lc_rs::{constant_time, digest, hmac};

/// The hash under a keyed hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hash {
    /// Only where a carrier knows nothing better.
    Sha1,
    /// The usual one.
    Sha256,
}

/// The keyed hash of these parts, one after the other.
pub(crate) fn keyed_hash(hash: Hash, key: &[u8], parts: &[&[u8]]) -> hmac::Tag {
    let algorithm = match hash {
        Hash::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        Hash::Sha256 => hmac::HMAC_SHA256,
    };
    let mut context = hmac::Context::with_key(&hmac::Key::new(algorithm, key));
    for part in parts {
        context.update(part);
    }
    context.sign()
}

/// Whether two secrets are the same; takes no hint from where they differ.
pub(crate) fn same(a: &[u8], b: &[u8]) -> bool {
    constant_time::verify_slices_are_equal(a, b).is_ok()
}

/// SHA-256 of a body, in lower-case hex.
pub(crate) fn sha256_hex(body: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, body).as_ref())
}

/// Lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

/// Which ports a carrier may have left out of, or put into, the URL that it signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PortRule {
    /// The URL counts as it stands.
    Exact,
    /// The scheme's own port may be there or not.
    DefaultOptional,
    /// Any port may be missing, and the scheme's own may have been added.
    AnyOptional,
}

/// The forms in which the sender may have signed this URL, the likeliest first.
pub(crate) fn url_forms(url: &http::Uri, rule: PortRule) -> Vec<String> {
    let scheme = url.scheme_str().unwrap_or("https");
    let authority = url.authority().map(|it| it.as_str()).unwrap_or_default();
    let tail = url.path_and_query().map_or("/", |it| it.as_str());
    let port = url.port();
    let host = match &port {
        Some(port) => &authority[..authority.len() - port.as_str().len() - 1],
        None => authority,
    };
    let default_port = if scheme == "http" { "80" } else { "443" };
    let with = |port: &str| format!("{scheme}://{host}:{port}{tail}");
    let without = || format!("{scheme}://{host}{tail}");
    match (port.as_ref().map(|port| port.as_str()), rule) {
        (None, PortRule::Exact) => vec![without()],
        (Some(port), PortRule::Exact) => vec![with(port)],
        (None, _) => vec![without(), with(default_port)],
        (Some(port), PortRule::DefaultOptional) if port != default_port => vec![with(port)],
        (Some(port), _) => vec![with(port), without()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_takes_the_forms_that_its_ports_allow() {
        for (url, rule, forms) in [
            (
                "https://h/p?q=%20",
                PortRule::AnyOptional,
                &["https://h/p?q=%20", "https://h:443/p?q=%20"] as &[_],
            ),
            (
                "http://h:8080/p",
                PortRule::AnyOptional,
                &["http://h:8080/p", "http://h/p"],
            ),
            (
                "http://h:8080/p",
                PortRule::DefaultOptional,
                &["http://h:8080/p"],
            ),
            (
                "http://h:80/p",
                PortRule::DefaultOptional,
                &["http://h:80/p", "http://h/p"],
            ),
            ("https://h/p", PortRule::Exact, &["https://h/p"]),
            (
                "https://u:p@[::1]:44/p",
                PortRule::AnyOptional,
                &["https://u:p@[::1]:44/p", "https://u:p@[::1]/p"],
            ),
        ] {
            assert_eq!(url_forms(&url.parse().unwrap(), rule), forms, "{url}");
        }
    }

    #[test]
    fn known_hashes() {
        assert_eq!(
            sha256_hex(b""),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
        // RFC 2202, test case 2.
        let tag = keyed_hash(Hash::Sha1, b"Jefe", &[b"what do ya want ", b"for nothing?"]);
        assert_eq!(
            hex(tag.as_ref()),
            "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"
        );
    }
}
