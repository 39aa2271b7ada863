//! URLs of gateways: which ones are accepted, and whether a link in an answer leads to the same
//! server.

use std::fmt;

use url::{Host, Url};

/// Whether a gateway may be reached without TLS.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PlainHttp {
    /// No: the URL has to be https.
    Never,
    /// Yes, on a loopback address: for a stack on a developer's own machine.
    OnLoopback,
}

/// The URL of a gateway or of its token endpoint: https, without user info, query and fragment.
///
/// Private addresses are accepted, because a platform engineer sets this URL, not a customer, and
/// gateways are often reached over a private network.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GatewayUrl(Url);

/// Why a URL is refused. The text does not repeat the URL, because it may hold a password.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GatewayUrlError {
    /// It is not an absolute URL.
    #[error("not an absolute URL")]
    Malformed,
    /// Its scheme is not https.
    #[error("must start with https://")]
    NotHttps,
    /// It carries a user name or a password.
    #[error("must not contain a user name or password")]
    UserInfo,
    /// It has a query or a fragment.
    #[error("must not contain a query or a fragment")]
    Query,
}

impl GatewayUrl {
    /// Parses a URL.
    ///
    /// # Errors
    ///
    /// The first rule that the URL breaks.
    pub fn parse(text: &str, plain: PlainHttp) -> Result<Self, GatewayUrlError> {
        let url = Url::parse(text.trim()).map_err(|_| GatewayUrlError::Malformed)?;
        let host = url.host().ok_or(GatewayUrlError::Malformed)?;
        let loopback = match host {
            Host::Ipv4(address) => address.is_loopback(),
            Host::Ipv6(address) => address.is_loopback(),
            Host::Domain(name) => name.eq_ignore_ascii_case("localhost"),
        };
        let plain_http = plain == PlainHttp::OnLoopback && loopback && url.scheme() == "http";
        if url.scheme() != "https" && !plain_http {
            return Err(GatewayUrlError::NotHttps);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(GatewayUrlError::UserInfo);
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(GatewayUrlError::Query);
        }
        Ok(Self(url))
    }

    /// Returns the parsed URL.
    pub fn as_url(&self) -> &Url {
        &self.0
    }

    /// Returns the URL with path segments appended, such as `Patient`.
    pub(crate) fn join(&self, segments: &[&str]) -> Url {
        let mut url = self.0.clone();
        // Only a URL that cannot be a base, such as `mailto:`, has no path segments. `parse`
        // accepts http and https only.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }
}

impl fmt::Display for GatewayUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Returns the URL that a link in an answer leads to, if it has the scheme, host and port of the
/// answer's own URL. `None` for another server, because the client would send its token there.
pub(crate) fn follow(link: &str, from: &Url) -> Option<Url> {
    let mut url = from.join(link).ok()?;
    let same = url.origin() == from.origin() && url.origin().is_tuple();
    let bare = url.username().is_empty() && url.password().is_none();
    url.set_fragment(None);
    (same && bare).then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gateway_is_https_without_user_info_and_query() {
        use GatewayUrlError::{Malformed, NotHttps, Query, UserInfo};
        for (text, result) in [
            ("https://ihe.example.com/fhir", None),
            ("https://ihe.example.com:8443/a/b/", None),
            ("https://10.0.0.7/fhir", None),
            ("http://ihe.example.com/fhir", Some(NotHttps)),
            ("http://127.0.0.1:8080/fhir", Some(NotHttps)),
            ("ftp://ihe.example.com", Some(NotHttps)),
            ("https://user@ihe.example.com", Some(UserInfo)),
            ("https://:secret@ihe.example.com", Some(UserInfo)),
            ("https://ihe.example.com/fhir?x=1", Some(Query)),
            ("https://ihe.example.com/fhir#x", Some(Query)),
            ("/fhir", Some(Malformed)),
            ("", Some(Malformed)),
            ("mailto:a@b.c", Some(Malformed)),
        ] {
            assert_eq!(GatewayUrl::parse(text, PlainHttp::Never).err(), result, "{text}");
        }
    }

    #[test]
    fn plain_http_is_taken_on_loopback_when_that_is_set() {
        for text in ["http://127.0.0.1:1/fhir", "http://[::1]/fhir", "http://localhost:1"] {
            assert!(GatewayUrl::parse(text, PlainHttp::OnLoopback).is_ok(), "{text}");
        }
        for text in [
            "http://ihe.example.com",
            "http://127.0.0.1.example.com",
            "http://10.0.0.1",
            "ftp://localhost",
        ] {
            assert_eq!(
                GatewayUrl::parse(text, PlainHttp::OnLoopback),
                Err(GatewayUrlError::NotHttps),
                "{text}"
            );
        }
    }

    #[test]
    fn segments_are_added_whether_or_not_the_base_ends_with_a_slash() {
        for base in ["https://h/fhir", "https://h/fhir/"] {
            let base = GatewayUrl::parse(base, PlainHttp::Never).unwrap();
            assert_eq!(
                base.join(&["Patient", "_search"]).as_str(),
                "https://h/fhir/Patient/_search"
            );
        }
        let root = GatewayUrl::parse("https://h", PlainHttp::Never).unwrap();
        assert_eq!(root.join(&["Patient"]).as_str(), "https://h/Patient");
    }

    #[test]
    fn a_link_is_followed_on_the_same_scheme_host_and_port_only() {
        let from = Url::parse("https://h.example:8443/fhir/DocumentReference?patient=1").unwrap();
        for (link, to) in [
            ("https://h.example:8443/other?page=2", "https://h.example:8443/other?page=2"),
            ("HTTPS://H.EXAMPLE:8443/x", "https://h.example:8443/x"),
            ("DocumentReference?page=2", "https://h.example:8443/fhir/DocumentReference?page=2"),
            ("?page=2#x", "https://h.example:8443/fhir/DocumentReference?page=2"),
            ("/page/2", "https://h.example:8443/page/2"),
        ] {
            assert_eq!(follow(link, &from).unwrap().as_str(), to, "{link}");
        }
        for link in [
            "http://h.example:8443/x",
            "https://h.example/x",
            "https://evil.example:8443/x",
            "//evil.example/x",
            "https://h.example:8443@evil.example/x",
            "https://user@h.example:8443/x",
            "file:///etc/passwd",
            "javascript:alert(1)",
            "https://",
        ] {
            assert_eq!(follow(link, &from), None, "{link}");
        }
    }
}
