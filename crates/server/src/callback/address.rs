//! Where callbacks may go (R3.8): addresses that lead into the public internet, unless the operator allows others.
//!
//! A request's address is looked at when it is accepted, as far as it is a literal; every address that a name resolves to is looked
//! at again when it is connected to.

use http::Uri;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

/// A callback address that can be called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    /// The whole address. It may hold secrets: nothing but its endpoint is logged.
    pub(super) uri: Uri,
    /// `scheme://host:port`, in lower case, the port always said (R5.3).
    pub(super) endpoint: Arc<str>,
}

/// Why an address cannot be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadAddress {
    /// It is no whole http or https address.
    #[error("the stored callback address cannot be read")]
    Unreadable,
    /// It carries a user name or a password.
    #[error("the callback address carries credentials, which are not sent")]
    Credentials,
}

impl Target {
    /// Reads a stored callback address.
    pub(super) fn read(text: &str) -> Result<Self, BadAddress> {
        let uri: Uri = text.parse().map_err(|_| BadAddress::Unreadable)?;
        let authority = uri.authority().ok_or(BadAddress::Unreadable)?;
        if has_credentials(&uri) {
            return Err(BadAddress::Credentials);
        }
        let scheme = uri.scheme_str().unwrap_or_default().to_ascii_lowercase();
        let port = match (scheme.as_str(), uri.port_u16()) {
            ("http" | "https", Some(port)) => port,
            ("http", None) => 80,
            ("https", None) => 443,
            _ => return Err(BadAddress::Unreadable),
        };
        let host = authority.host().to_ascii_lowercase();
        if host.is_empty() {
            return Err(BadAddress::Unreadable);
        }
        let endpoint = format!("{scheme}://{host}:{port}").into();
        Ok(Self { uri, endpoint })
    }

    /// Whether it is called over TLS.
    pub(super) fn is_secure(&self) -> bool {
        self.endpoint.starts_with("https:")
    }

    /// The host, without the brackets of an IPv6 literal.
    pub(super) fn host(&self) -> &str {
        bare(self.uri.host().unwrap_or_default())
    }

    /// The port, the scheme's own if none is said.
    pub(super) fn port(&self) -> u16 {
        let own = if self.is_secure() { 443 } else { 80 };
        self.uri.port_u16().unwrap_or(own)
    }

    /// What the request line says.
    pub(super) fn path(&self) -> &str {
        self.uri.path_and_query().map_or("/", |path| path.as_str())
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.endpoint)
    }
}

/// Whether an address carries a user name or a password.
pub(crate) fn has_credentials(uri: &Uri) -> bool {
    uri.authority()
        .is_some_and(|authority| authority.as_str().contains('@'))
}

/// Whether a host is a literal address that does not lead into the public internet, this machine's own name, or a number that
/// resolvers take for an address.
pub(crate) fn is_private_host(host: &str) -> bool {
    if let Ok(address) = bare(host).parse::<IpAddr>() {
        return is_private(address);
    }
    let name = host.trim_end_matches('.').to_ascii_lowercase();
    let is_own = name == "localhost" || name.ends_with(".localhost");
    is_own || host.starts_with('[') || is_odd_number(&name)
}

/// Whether an address does not lead into the public internet.
pub(crate) fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_private_v4(address),
        IpAddr::V6(address) => is_private_v6(address),
    }
}

fn bare(host: &str) -> &str {
    let inner = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    inner.unwrap_or(host)
}

fn is_private_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || matches!(
            (a, b, c),
            (0 | 240.., ..) | (100, 64..=127, _) | (192, 0, 0) | (198, 18..=19, _)
        )
}

fn is_private_v6(address: Ipv6Addr) -> bool {
    // Addresses that carry one of IPv4 lead where that one does: mapped, 6to4, NAT64, ISATAP.
    let [first, second, third, _, fifth, sixth, high, low] = address.segments();
    let inner = |high: u16, low: u16| {
        is_private_v4(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)))
    };
    if let Some(mapped) = address.to_ipv4() {
        return is_private_v4(mapped);
    }
    match (first, second, third) {
        (0x2002, high, low) => inner(high, low),
        // NAT64 of a network of one's own, and Teredo, which leads behind somebody's NAT.
        (0x0064, 0xff9b, 1..) | (0x2001, 0, _) => true,
        (0x0064, 0xff9b, _) => inner(high, low),
        _ => {
            let is_isatap = matches!((fifth, sixth), (0 | 0x0200, 0x5efe)) && inner(high, low);
            address.is_unique_local()
                || address.is_unicast_link_local()
                || address.is_multicast()
                || first & 0xffc0 == 0xfec0
                || is_isatap
        }
    }
}

/// `2130706433`, `0x7f.1`, `127.1`: numbers that resolvers take for an address of IPv4.
fn is_odd_number(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or_default();
    let hex = last
        .strip_prefix("0x")
        .is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
    hex || (!last.is_empty() && last.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r3_8_private_literals_are_told_from_public_ones() {
        for host in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "0.0.0.0",
            "100.64.0.1",
            "198.18.0.1",
            "255.255.255.255",
            "224.0.0.1",
            "[::1]",
            "[::]",
            "[fe80::1]",
            "[fec0::1]",
            "[fed0::1]",
            "[fc00::1]",
            "[::ffff:10.0.0.1]",
            "[::ffff:7f00:1]",
            "[2002:7f00:1::]",
            "[2002:a00:1::]",
            "[64:ff9b::a00:1]",
            "[64:ff9b:1::808:808]",
            "[2001::1]",
            "[2001:db8::5efe:a00:1]",
            "[ff02::1]",
            "[fe80::1%251]",
            "localhost",
            "LOCALHOST.",
            "a.localhost",
            "2130706433",
            "0x7f000001",
            "0177.0.0.1",
            "127.1",
            "127.0.0.1.",
            "0x7f.1",
        ] {
            assert!(is_private_host(host), "{host}");
        }
        for host in [
            "8.8.8.8",
            "100.128.0.1",
            "172.32.0.1",
            "[2001:4860:4860::8888]",
            "[64:ff9b::808:808]",
            "example.com",
            "10.example",
            "x.0xyz",
            "[2002:808:808::]",
        ] {
            assert!(!is_private_host(host), "{host}");
        }
    }

    #[test]
    fn r5_3_an_endpoint_is_scheme_host_and_port() {
        for (address, endpoint, path) in [
            ("http://H.example/a?b=c", "http://h.example:80", "/a?b=c"),
            ("HTTPS://h", "https://h:443", "/"),
            ("https://[2001:DB8::1]:8/x", "https://[2001:db8::1]:8", "/x"),
            ("http://1.2.3.4:81/", "http://1.2.3.4:81", "/"),
        ] {
            let target = Target::read(address).expect(address);
            assert_eq!((&*target.endpoint, target.path()), (endpoint, path));
            assert_eq!(target.is_secure(), endpoint.starts_with("https"));
            assert!(!target.host().contains('['));
        }
        for address in ["", "/x", "ftp://h/", "http:///x", "h:1", "\u{7f}"] {
            assert_eq!(
                Target::read(address),
                Err(BadAddress::Unreadable),
                "{address}"
            );
        }
        let refused = Target::read("https://me:secret@h/");
        assert_eq!(refused, Err(BadAddress::Credentials));
    }
}
