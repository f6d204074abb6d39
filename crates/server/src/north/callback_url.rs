//! Callback addresses of requests (R3.8). Their form is checked by `api`; here, that a literal address is not a private one.
//! Names are checked at each delivery, at the address connected to.

use super::Settings;
use super::error::Error;
use api::Code;
use http::Uri;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Refuses a private address literal unless the operator allows them; `member` is the documented spelling.
pub(super) fn check(url: Option<&str>, member: &str, settings: &Settings) -> Result<(), Error> {
    let Some(url) = url.filter(|_| !settings.private_callbacks) else {
        return Ok(());
    };
    let refused = || {
        Error::detailed(
            Code::InvalidInput,
            format!("`{member}` must not be a private address"),
        )
    };
    let uri: Uri = url.parse().map_err(|_| refused())?;
    if uri.host().is_some_and(is_private) {
        Err(refused())
    } else {
        Ok(())
    }
}

/// Whether a host is a literal address that does not lead into the public internet, or this machine's own name.
fn is_private(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    match bare.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => is_private_v4(address),
        Ok(IpAddr::V6(address)) => is_private_v6(address),
        Err(_) => {
            let name = bare.trim_end_matches('.').to_ascii_lowercase();
            name == "localhost" || name.ends_with(".localhost") || is_odd_number(&name)
        }
    }
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
    // Addresses that carry one of IPv4 lead where that one does: mapped, 6to4, NAT64.
    let [first, second, third, .., high, low] = address.segments();
    let inner = |high: u16, low: u16| {
        is_private_v4(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)))
    };
    if let Some(mapped) = address.to_ipv4() {
        return is_private_v4(mapped);
    }
    match (first, second) {
        (0x2002, high) => inner(high, third),
        (0x0064, 0xff9b) => inner(high, low),
        _ => {
            address.is_unique_local()
                || address.is_unicast_link_local()
                || address.is_multicast()
                || first == 0xfec0
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
            "[fc00::1]",
            "[::ffff:10.0.0.1]",
            "[2002:7f00:1::]",
            "[64:ff9b::a00:1]",
            "[ff02::1]",
            "localhost",
            "LOCALHOST.",
            "a.localhost",
            "2130706433",
            "0x7f000001",
            "127.1",
            "0x7f.1",
        ] {
            assert!(is_private(host), "{host}");
        }
        for host in [
            "8.8.8.8",
            "100.128.0.1",
            "172.32.0.1",
            "[2001:4860:4860::8888]",
            "example.com",
            "10.example",
            "x.0xyz",
            "[2002:808:808::]",
        ] {
            assert!(!is_private(host), "{host}");
        }
    }

    #[test]
    fn an_operator_may_allow_them() {
        let strict = Settings::default();
        let lax = Settings {
            private_callbacks: true,
            ..Settings::default()
        };
        let url = Some("http://127.0.0.1:9/x");
        assert!(check(url, "callbackUrl", &strict).is_err());
        assert!(check(url, "callbackUrl", &lax).is_ok());
        assert!(check(Some("https://example.com:9/x"), "callbackUrl", &strict).is_ok());
        assert!(check(None, "callbackUrl", &strict).is_ok());
    }
}
