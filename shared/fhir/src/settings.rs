//! What a platform engineer can set: where the gateway is, how the client authenticates, and its
//! limits.

use std::time::Duration;

use crate::gateway_url::GatewayUrl;

/// How to reach a gateway. Secrets are not part of it: they come from a
/// [`ReadSecret`](crate::ReadSecret).
#[derive(Clone, Debug)]
pub struct Settings {
    /// The FHIR base, such as `https://ihe.example.com/fhir`.
    pub base: GatewayUrl,
    /// How the client authenticates to the gateway.
    pub auth: Auth,
    /// Whether searches are sent as `GET` or `POST`.
    pub search: SearchMethod,
    /// The most time, pages, documents and bytes of a search.
    pub limits: Limits,
    /// The hosts beside the gateway's own that contents of documents may be fetched from, each as
    /// `host` or `host:port`. They never get the token.
    pub content_hosts: Vec<String>,
}

impl Settings {
    /// Returns settings without authentication and with the default limits.
    pub fn new(base: GatewayUrl) -> Self {
        Self {
            base,
            auth: Auth::None,
            search: SearchMethod::default(),
            limits: Limits::default(),
            content_hosts: Vec::new(),
        }
    }
}

/// How the client authenticates to the gateway.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Auth {
    /// Not at all: the network decides who may connect.
    None,
    /// With the secret as a bearer token.
    Bearer,
    /// With a token by OAuth 2.0 client credentials (RFC 6749, section 4.4; IHE IUA ITI-71). The
    /// secret is the client's.
    ClientCredentials {
        /// URL of the token endpoint.
        token_url: GatewayUrl,
        /// The client's id at the token endpoint.
        client_id: String,
        /// The requested scope, for example `ITI-67 ITI-78`. The request has none if it is `None`.
        scope: Option<String>,
        /// Where the request to the token endpoint holds the client's secret.
        authentication: ClientAuthentication,
    },
}

/// Where a request to a token endpoint holds the client's secret.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ClientAuthentication {
    /// In the `Authorization` header (`client_secret_basic`), as every server has to support.
    #[default]
    Basic,
    /// In the request's body (`client_secret_post`).
    Body,
}

/// The HTTP method of searches.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum SearchMethod {
    /// `GET Patient?family=…`, with the parameters in the URL.
    #[default]
    Get,
    /// `POST Patient/_search`, with the parameters in the body, because they are patient data and a
    /// proxy may log URLs. ITI-67 and ITI-78 oblige a server to support both methods; some servers
    /// do not.
    Post,
}

/// The most time, pages, documents and bytes of a search.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Time for a TCP connection and its TLS handshake.
    pub connect_timeout: Duration,
    /// Time for one request, from the connection to the last byte of its answer.
    pub request_timeout: Duration,
    /// Time for one search with all its pages.
    pub search_timeout: Duration,
    /// Entries that the client asks for in a page (`_count`). The gateway may ignore it, and
    /// chooses if it is `None`.
    pub page_size: Option<u16>,
    /// Pages of one search.
    pub pages: u32,
    /// Documents of one patient.
    pub documents: usize,
    /// Bytes of one answer, other than the content of a document.
    pub answer_bytes: usize,
    /// Time for the content of one document.
    pub content_timeout: Duration,
}

impl Default for Limits {
    /// Answers take seconds, because a gateway asks other gateways before it answers. A page of 100
    /// entries of 1 to 3 KiB has some hundred KiB; 8 MiB leave room for entries with contained
    /// resources.
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(3),
            request_timeout: Duration::from_secs(15),
            search_timeout: Duration::from_secs(45),
            page_size: Some(100),
            pages: 50,
            documents: 5000,
            answer_bytes: 8 << 20,
            content_timeout: Duration::from_mins(2),
        }
    }
}
