//! Which addresses a content is fetched from.
//!
//! A list of documents is data of others: an address in it could lead the service to any server,
//! with the gateway's token. So a content is fetched from the gateway's own server, and from those
//! hosts that a platform engineer allows, which never get the token.

use url::{Host, Url};

use crate::gateway_url::GatewayUrl;

/// The servers that contents may be fetched from.
#[derive(Clone, Debug)]
pub(crate) struct TrustedServers {
    base: Url,
    /// The other hosts, each as `host:port`.
    others: Vec<String>,
}

/// An address that a content may be fetched from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct TrustedUrl {
    pub(crate) url: Url,
    /// Whether it is on the gateway's own server, which gets the token.
    pub(crate) is_gateway: bool,
}

impl TrustedServers {
    /// Returns the gateway's server and these hosts, each with or without a port.
    pub(crate) fn new(base: &GatewayUrl, others: &[String]) -> Self {
        let with_port = |host: &String| {
            let host = host.to_ascii_lowercase();
            // An IPv6 address has colons, too, but inside its brackets.
            let end = host.rfind(']').unwrap_or(0);
            if host[end..].contains(':') { host } else { format!("{host}:443") }
        };
        Self { base: base.join(&[""]), others: others.iter().map(with_port).collect() }
    }

    /// Returns the address that a link in a `DocumentReference` leads to. A relative link is
    /// relative to the gateway's base URL (FHIR R4, "Attachment"). `None` if it must not be fetched
    /// from.
    pub(crate) fn resolve(&self, link: &str) -> Option<TrustedUrl> {
        self.follow(link, &self.base)
    }

    /// Returns the address that a redirect from `from` leads to, by the same rules.
    pub(crate) fn follow(&self, link: &str, from: &Url) -> Option<TrustedUrl> {
        let mut url = from.join(link.trim()).ok()?;
        url.set_fragment(None);
        if !url.username().is_empty() || url.password().is_some() {
            return None;
        }
        let is_gateway = url.origin() == self.base.origin() && url.origin().is_tuple();
        (is_gateway || self.is_allowed(&url)).then_some(TrustedUrl { url, is_gateway })
    }

    fn is_allowed(&self, url: &Url) -> bool {
        let (Some(host), Some(port)) = (url.host(), url.port_or_known_default()) else {
            return false;
        };
        // Without TLS only on loopback, and only if the gateway itself is reached so.
        let is_encrypted = url.scheme() == "https"
            || url.scheme() == "http" && self.base.scheme() == "http" && is_loopback(&host);
        is_encrypted && self.others.contains(&format!("{host}:{port}"))
    }
}

fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
        Host::Domain(name) => *name == "localhost",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway_url::PlainHttp;

    fn servers(base: &str, others: &[&str]) -> TrustedServers {
        let base = GatewayUrl::parse(base, PlainHttp::OnLoopback).unwrap();
        TrustedServers::new(
            &base,
            &others.iter().map(|host| (*host).to_owned()).collect::<Vec<_>>(),
        )
    }

    fn resolved(servers: &TrustedServers, link: &str) -> Option<(String, bool)> {
        servers.resolve(link).map(|found| (found.url.into(), found.is_gateway))
    }

    #[test]
    fn a_link_on_the_gateways_server_is_absolute_or_relative_to_its_base() {
        for base in ["https://h.example/fhir", "https://h.example/fhir/"] {
            let servers = servers(base, &[]);
            for (link, url) in [
                ("Binary/1", "https://h.example/fhir/Binary/1"),
                ("/Binary/1#x", "https://h.example/Binary/1"),
                ("https://H.example:443/files?id=1", "https://h.example/files?id=1"),
                ("?id=1", "https://h.example/fhir/?id=1"),
            ] {
                assert_eq!(resolved(&servers, link), Some((url.to_owned(), true)), "{link}");
            }
        }
    }

    #[test]
    fn a_link_to_another_server_is_followed_to_allowed_hosts_only_and_without_the_token() {
        let servers =
            servers("https://h.example/fhir", &["Files.example", "other.example:8443", "[::1]"]);
        for link in ["https://files.example/1", "https://other.example:8443/1", "https://[::1]/1"] {
            assert_eq!(resolved(&servers, link), Some((link.to_owned(), false)), "{link}");
        }
        for link in [
            "https://other.example/1",
            "https://files.example:8443/1",
            "http://files.example/1",
            "http://files.example:443/1",
            "//evil.example/1",
            "https://files.example@evil.example/1",
            "https://user@files.example/1",
            "https://h.example:8443/1",
            "http://h.example/1",
            "http://169.254.169.254/latest/meta-data",
            "file:///etc/passwd",
            "ftp://files.example/1",
            "data:text/plain,x",
            "javascript:alert(1)",
        ] {
            assert_eq!(resolved(&servers, link), None, "{link}");
        }
    }

    #[test]
    fn plain_http_is_followed_on_loopback_beside_a_gateway_on_loopback_only() {
        let link = "http://127.0.0.1:9/1";
        assert!(resolved(&servers("http://127.0.0.1:8/fhir", &["127.0.0.1:9"]), link).is_some());
        assert!(resolved(&servers("https://h.example/fhir", &["127.0.0.1:9"]), link).is_none());
    }

    #[test]
    fn a_redirect_is_relative_to_its_own_address() {
        let servers = servers("https://h.example/fhir", &["files.example"]);
        let from = Url::parse("https://files.example/a/b").unwrap();
        let found = servers.follow("c", &from).unwrap();
        assert_eq!((found.url.as_str(), found.is_gateway), ("https://files.example/a/c", false));
        assert!(servers.follow("https://h.example/x", &from).unwrap().is_gateway);
        assert_eq!(servers.follow("//evil.example", &from), None);
    }
}
