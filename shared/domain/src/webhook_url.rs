//! Where webhooks may be sent: https, to public addresses, and nowhere else.
//!
//! A customer chooses the URL, and our function dials it from inside an AWS account. Without these rules
//! that would let a customer reach what only we can reach. The URL's text is judged when it is set; the
//! address is judged again when it is dialled, because a name can resolve to anything by then.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

/// What a receiver may be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UrlPolicy {
    /// https and public addresses only.
    PublicOnly,
    /// Also http, and loopback addresses: for a stack on a developer's own machine.
    LoopbackToo,
}

/// A URL that passed the rules for its text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WebhookUrl(Url);

/// Why a URL is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{}", self.text())]
pub enum WebhookUrlError {
    /// It is not an absolute URL.
    Malformed,
    /// It is not https.
    NotHttps,
    /// It carries a user name or a password.
    UserInfo,
    /// Its host is an address that is not public, or a name that never is.
    NotPublic,
}

impl WebhookUrlError {
    /// What the caller is told.
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
    /// Judges the text of a URL.
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

    /// The URL.
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
    /// Whether an address may be dialled.
    pub fn allows(self, address: IpAddr) -> bool {
        is_public(address) || (self == Self::LoopbackToo && address.is_loopback())
    }
}

fn is_localhost(name: &str) -> bool {
    let name = name.trim_end_matches('.');
    name.eq_ignore_ascii_case("localhost") || name.to_ascii_lowercase().ends_with(".localhost")
}

/// Names that no public DNS answers: single labels, and the special-use names of RFC 6761, RFC 6762, RFC 8375
/// and ICANN's `internal`.
fn is_internal_name(name: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    let special = ["localhost", "local", "internal", "home.arpa", "test", "invalid", "onion", "alt"];
    !name.contains('.')
        || special.iter().any(|special| {
            name.strip_suffix(special).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        })
}

/// Whether an address is one of the public internet. Everything in the special-purpose registries of
/// IANA (RFC 6890) is not, and neither is an IPv6 address that only wraps such an IPv4 address. What the
/// registries call globally reachable and nobody runs a receiver at (anycast of protocols) is refused, too.
pub fn is_public(address: IpAddr) -> bool {
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
        // Multicast, reserved, broadcast; all else is public.
        _ => a >= 224,
    };
    // Azure's platform address is public by number and internal by use.
    !special && (a, b, c, d) != (168, 63, 129, 16)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    match address.segments() {
        // IPv4-mapped, and NAT64 (RFC 6052), which is how a network without IPv4 reaches it: as good as the
        // IPv4 address inside.
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
            is_public_v4(Ipv4Addr::new(a, b, c, d))
        }
        // Within the global range: IETF protocols (Teredo, benchmarks, ORCHID and others), 6to4 and
        // documentation. 6to4 wraps IPv4 addresses and has been abandoned (RFC 7526).
        [0x2001, 0..=0x1ff | 0xdb8, ..] | [0x2002, ..] | [0x3fff, 0..=0xfff, ..] => false,
        // All else in 2000::/3 is public, and nothing outside of it is: neither loopback, unique local
        // (cloud metadata), link-local and multicast addresses nor those with an IPv4 address at their end
        // (RFC 4291, abandoned).
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests;
