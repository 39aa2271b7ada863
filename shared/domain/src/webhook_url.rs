//! Where webhooks may be sent: over https, to public addresses, and nowhere else.
//!
//! A customer chooses the URL, and a function connects to it from inside an AWS account. Without
//! these rules a customer could reach what only this account can reach. The text of the URL is
//! checked when it is set. The address is checked again at each connection, because a name can
//! resolve to another address by then.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

/// Which receivers are allowed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UrlPolicy {
    /// Receivers with https and public addresses only.
    PublicOnly,
    /// Receivers with http or loopback addresses, too: for a stack on a developer's own machine.
    LoopbackToo,
}

/// A URL with a text that the rules allow.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WebhookUrl(Url);

/// Why a URL is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{}", self.text())]
pub enum WebhookUrlError {
    /// The text is not an absolute URL.
    Malformed,
    /// The scheme is not https.
    NotHttps,
    /// The URL has a user name or a password.
    UserInfo,
    /// The host is an address that is not public, or a name that never resolves to one.
    NotPublic,
}

impl WebhookUrlError {
    /// Returns what the caller is told.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Malformed => "webhookUrl: not a valid URL",
            Self::NotHttps => "webhookUrl: must start with https://",
            Self::UserInfo => "webhookUrl: must not contain a user name or password",
            Self::NotPublic => "webhookUrl: must be reachable at a public address",
        }
    }
}

impl WebhookUrl {
    /// Checks the text of a URL.
    pub fn parse(text: &str, policy: UrlPolicy) -> Result<Self, WebhookUrlError> {
        let url = Url::parse(text).map_err(|_| WebhookUrlError::Malformed)?;
        let host = url.host().ok_or(WebhookUrlError::Malformed)?;
        let (public, loopback) = match host {
            Host::Ipv4(address) => (is_public(address.into()), address.is_loopback()),
            Host::Ipv6(address) => (is_public(address.into()), address.is_loopback()),
            Host::Domain(name) => (!is_internal_name(name), is_localhost(name)),
        };
        let local = policy == UrlPolicy::LoopbackToo && loopback;
        if url.scheme() != "https" && !(local && url.scheme() == "http") {
            return Err(WebhookUrlError::NotHttps);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(WebhookUrlError::UserInfo);
        }
        if !(public || local) {
            return Err(WebhookUrlError::NotPublic);
        }
        Ok(Self(url))
    }

    /// Returns the URL as text.
    pub fn as_url(&self) -> &Url {
        &self.0
    }
}

impl fmt::Display for WebhookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl UrlPolicy {
    /// Returns whether the service may connect to an address.
    pub fn allows(self, address: IpAddr) -> bool {
        is_public(address) || (self == Self::LoopbackToo && address.is_loopback())
    }
}

fn is_localhost(name: &str) -> bool {
    let name = name.trim_end_matches('.');
    name.eq_ignore_ascii_case("localhost") || name.to_ascii_lowercase().ends_with(".localhost")
}

/// Returns whether no public DNS resolves a name: single labels, and the special-use names of RFC
/// 6761, RFC 6762, RFC 8375 and ICANN's `internal`.
fn is_internal_name(name: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    let special =
        ["localhost", "local", "internal", "home.arpa", "test", "invalid", "onion", "alt"];
    !name.contains('.')
        || special.iter().any(|special| {
            name.strip_suffix(special).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        })
}

/// Returns whether an address is one of the public internet. Addresses in IANA's special-purpose
/// registries (RFC 6890) are not, and neither is an IPv6 address that only wraps such an IPv4
/// address. Addresses that the registries call globally reachable, but at which no receiver runs
/// (anycast of protocols), are refused, too.
pub(crate) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

#[allow(clippy::match_same_arms, reason = "an arm for each registry entry")]
fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, d] = address.octets();
    let special = match (a, b) {
        // This network, private, loopback, link-local (cloud metadata).
        (0 | 10 | 127, _) | (169, 254) | (172, 16..=31) => true,
        // Private; IETF protocols and documentation; 6to4 relays.
        (192, 168) => true,
        (192, 0) => c == 0 || c == 2,
        (192, 88) => c == 99,
        // Carrier-grade NAT (RFC 6598), benchmarks, documentation.
        (100, 64..=127) | (198, 18 | 19) => true,
        (198, 51) => c == 100,
        (203, 0) => c == 113,
        // Multicast, reserved, broadcast. All other addresses are public.
        _ => a >= 224,
    };
    // Azure's platform address is public by its number and internal by its use.
    !special && (a, b, c, d) != (168, 63, 129, 16)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    match address.segments() {
        // IPv4-mapped, and NAT64 (RFC 6052), by which a network without IPv4 reaches an IPv4
        // address: as public as the IPv4 address inside.
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
            is_public_v4(Ipv4Addr::new(a, b, c, d))
        }
        // Within the global range: IETF protocols (Teredo, benchmarks, ORCHID and others), 6to4 and
        // documentation. 6to4 wraps IPv4 addresses and is deprecated (RFC 7526).
        [0x2001, 0..=0x1ff | 0xdb8, ..] | [0x2002, ..] | [0x3fff, 0..=0xfff, ..] => false,
        // All other addresses in 2000::/3 are public, and none outside of it is: neither loopback,
        // unique local (cloud metadata), link-local and multicast addresses nor those with an IPv4
        // address at their end (RFC 4291, deprecated).
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests;
