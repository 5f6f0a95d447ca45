//! Whose request it is, when proxies stand in between.

use std::net::IpAddr;

use http::HeaderMap;

use crate::model::Cidr;

/// Hops of a forwarding header that are looked at; a longer list is forged or a mistake.
const HOPS_MAX: usize = 32;

/// The address of the client: the nearest one on the way that is no trusted proxy. Only what a trusted proxy
/// wrote is believed, so a header from anybody else changes nothing.
pub fn client(peer: IpAddr, headers: &HeaderMap, trusted: &[Cidr]) -> IpAddr {
    let is_proxy = |address: IpAddr| trusted.iter().any(|block| block.contains(address));
    let mut nearest = peer.to_canonical();
    let hops = headers.get_all("x-forwarded-for").into_iter().rev();
    let hops = hops.flat_map(|line| line.to_str().unwrap_or("").rsplit(',').map(hop));
    for hop in hops.take(HOPS_MAX) {
        if !is_proxy(nearest) {
            break;
        }
        let Some(address) = hop else { break };
        nearest = address;
    }
    nearest
}

/// One entry of the header: an address, perhaps with a port or in brackets.
fn hop(entry: &str) -> Option<IpAddr> {
    let entry = entry.trim();
    let bare = entry.trim_start_matches('[').trim_end_matches(']');
    let address = bare.parse().ok();
    let address = address.or_else(|| entry.parse::<std::net::SocketAddr>().ok().map(|at| at.ip()));
    address.map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(peer: &str, lines: &[&str], expected: &str) {
        let trusted = ["10.0.0.0/8".parse().unwrap(), "::1".parse().unwrap()];
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append("x-forwarded-for", line.parse().unwrap());
        }
        let found = client(peer.parse().unwrap(), &headers, &trusted);
        assert_eq!(found.to_string(), expected, "{peer} {lines:?}");
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        check("203.0.113.9", &[], "203.0.113.9");
        check("203.0.113.9", &["198.51.100.1"], "203.0.113.9");
        check("10.0.0.1", &["198.51.100.1"], "198.51.100.1");
        check("10.0.0.1", &["198.51.100.1, 10.0.0.7"], "198.51.100.1");
        check(
            "10.0.0.1",
            &["6.6.6.6, 198.51.100.1, 10.0.0.7"],
            "198.51.100.1",
        );
        check(
            "10.0.0.1",
            &["6.6.6.6", "198.51.100.1", "10.0.0.7"],
            "198.51.100.1",
        );
        check("10.0.0.1", &["10.0.0.2"], "10.0.0.2");
        check("10.0.0.1", &["nonsense"], "10.0.0.1");
        check(
            "10.0.0.1",
            &["198.51.100.1, nonsense, 10.0.0.3"],
            "10.0.0.3",
        );
        check("10.0.0.1", &["198.51.100.1:4711"], "198.51.100.1");
        check("::1", &["[2001:db8::7]"], "2001:db8::7");
        check("::ffff:10.0.0.1", &["198.51.100.1"], "198.51.100.1");
    }
}
