//! What an operator can set: where the gateway is, how it knows us, and how long and how much we listen.

use std::time::Duration;

use crate::gateway_url::GatewayUrl;

/// How to reach a gateway. Holds no secrets: those come from a [`ReadSecret`](crate::ReadSecret).
#[derive(Clone, Debug)]
pub struct Settings {
    /// The FHIR base, such as `https://ihe.example.com/fhir`.
    pub base: GatewayUrl,
    /// How the gateway knows us.
    pub auth: Auth,
    /// How searches are sent.
    pub search: SearchMethod,
    /// How long and how much we listen.
    pub limits: Limits,
}

impl Settings {
    /// A gateway that asks for no authentication, with the usual limits.
    pub fn new(base: GatewayUrl) -> Self {
        Self { base, auth: Auth::None, search: SearchMethod::default(), limits: Limits::default() }
    }
}

/// How the gateway knows us.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Auth {
    /// It does not, or by the network only.
    None,
    /// The secret is a token that is sent as it is.
    Bearer,
    /// OAuth 2.0 client credentials (RFC 6749, section 4.4; IHE IUA ITI-71). The secret is the client's.
    ClientCredentials {
        /// Where tokens are given.
        token_url: GatewayUrl,
        /// Our name there.
        client_id: String,
        /// What is asked for, for example `ITI-67 ITI-78`; nothing is said if it is `None`.
        scope: Option<String>,
        /// How we show that we are this client.
        authentication: ClientAuthentication,
    },
}

/// How a client shows its secret to a token endpoint.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ClientAuthentication {
    /// In the `Authorization` header (`client_secret_basic`), as every server has to support.
    #[default]
    Basic,
    /// In the request's body (`client_secret_post`).
    Body,
}

/// How searches are sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum SearchMethod {
    /// `GET Patient?family=…`.
    #[default]
    Get,
    /// `POST Patient/_search`, with the parameters in the body: they are patient data, and a proxy on
    /// the way may log URLs. ITI-67 and ITI-78 oblige a server to support both; some do not.
    Post,
}

/// How long and how much we listen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Time to connect.
    pub connect_timeout: Duration,
    /// Time for one request, from dialling to the last byte of its answer.
    pub request_timeout: Duration,
    /// Time for one search with all its pages.
    pub search_timeout: Duration,
    /// How many entries a page should have (`_count`); the gateway's own choice if it is `None`, and
    /// in any case if it does not care.
    pub page_size: Option<u16>,
    /// Most pages of one search.
    pub pages: u32,
    /// Most documents of one patient.
    pub documents: usize,
    /// Most bytes of one answer.
    pub answer_bytes: usize,
}

impl Default for Limits {
    /// Gateways ask other gateways while we wait, so answers take seconds. 100 entries of 1 to 3 KiB
    /// make a page of some hundred KiB; 8 MiB leave room for those with contained resources.
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(3),
            request_timeout: Duration::from_secs(15),
            search_timeout: Duration::from_secs(45),
            page_size: Some(100),
            pages: 50,
            documents: 5000,
            answer_bytes: 8 << 20,
        }
    }
}
