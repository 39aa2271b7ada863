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

/// Names that no public DNS answers: single labels and the special-use names of RFC 6761 and RFC 8375.
fn is_internal_name(name: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    let special = ["localhost", "local", "internal", "home.arpa", "test", "invalid", "onion"];
    !name.contains('.') || special.iter().any(|suffix| name.ends_with(&format!(".{suffix}")))
}

/// Whether an address is one of the public internet. Everything in the special-purpose registries of
/// IANA (RFC 6890) is not, and neither is an IPv6 address that only wraps such an IPv4 address.
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
    let segments = address.segments();
    let embedded = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match segments {
        // IPv4-mapped, IPv4-compatible, and NAT64 (RFC 6052): as good as the IPv4 address inside. So is
        // 6to4, which carries it further ahead.
        [0, 0, 0, 0, 0, 0xffff | 0, high, low] if high != 0 => embedded(high, low),
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => embedded(high, low),
        // Teredo, documentation, benchmarks and ORCHID lie within the global range; all else in
        // 2000::/3 is public, and nothing outside of it is.
        [0x2001, 0..=0x1ff | 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => false,
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn https_to_a_public_name_or_address_is_taken() {
        for url in ["https://hooks.example.com/a?b=c", "https://8.8.8.8/", "https://[2606:4700::1111]:8443/x"]
        {
            assert!(WebhookUrl::parse(url, UrlPolicy::PublicOnly).is_ok(), "{url}");
        }
    }

    #[test]
    fn everything_else_is_refused_with_its_reason() {
        use WebhookUrlError::{Malformed, NotHttps, NotPublic, UserInfo};
        for (url, error) in [
            ("hooks.example.com", Malformed),
            ("", Malformed),
            ("http://hooks.example.com", NotHttps),
            ("ftp://hooks.example.com", NotHttps),
            ("https://user@hooks.example.com", UserInfo),
            ("https://user:secret@hooks.example.com", UserInfo),
            ("https://localhost/", NotPublic),
            ("https://intranet/", NotPublic),
            ("https://printer.local/", NotPublic),
            ("https://metadata.google.internal/", NotPublic),
            ("https://127.0.0.1/", NotPublic),
            ("https://2130706433/", NotPublic),
            ("https://0x7f.1/", NotPublic),
            ("https://169.254.169.254/latest/meta-data", NotPublic),
            ("https://10.1.2.3/", NotPublic),
            ("https://100.64.0.1/", NotPublic),
            ("https://[::1]/", NotPublic),
            ("https://[::ffff:10.0.0.1]/", NotPublic),
            ("https://[64:ff9b::a00:1]/", NotPublic),
            ("https://[2002:a00:1::]/", NotPublic),
            ("https://[fd00::1]/", NotPublic),
            ("https://[fe80::1]/", NotPublic),
            ("https://[2001:db8::1]/", NotPublic),
        ] {
            assert_eq!(WebhookUrl::parse(url, UrlPolicy::PublicOnly), Err(error), "{url}");
        }
    }

    #[test]
    fn loopback_is_taken_only_where_it_is_allowed() {
        for url in ["http://127.0.0.1:8080/hook", "http://localhost:8080/", "http://[::1]:8080/"] {
            assert!(WebhookUrl::parse(url, UrlPolicy::LoopbackToo).is_ok(), "{url}");
            assert!(WebhookUrl::parse(url, UrlPolicy::PublicOnly).is_err(), "{url}");
        }
        assert!(WebhookUrl::parse("http://10.0.0.1/", UrlPolicy::LoopbackToo).is_err());
    }
}
