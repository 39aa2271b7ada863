//! Calls of the API: the key in a header, time limits, and retries of calls that can be repeated
//! safely.

use std::error::Error as _;
use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use bulk_retry_after::retry_after;
use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::{Method, Response, StatusCode, redirect};
use secrecy::ExposeSecret as _;
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use crate::api::error::{ApiError, ErrorBody, Refusal};
use crate::api::retry::{ATTEMPTS, Pause};
use crate::config::{Connection, is_loopback};

/// Time for a TCP connection and its TLS handshake.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Time for one call. API Gateway answers after 29 s at the latest, because it gives a function no
/// longer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(35);

/// Time without a byte after which the transfer of a file fails.
const IDLE_TIMEOUT: Duration = Duration::from_mins(1);

/// A client of the service, with the API key of one customer.
#[derive(Debug)]
pub struct Client {
    base: String,
    api: reqwest::Client,
    /// For signed links. It sends no API key, so that the storage never sees the key.
    pub(super) files: reqwest::Client,
}

/// The parts of a call that not every call has.
#[derive(Debug, Default)]
pub struct Call<'a> {
    pub query: Vec<(String, String)>,
    pub headers: HeaderMap,
    pub body: Option<&'a Value>,
}

impl Client {
    /// Creates a client for the configured connection.
    pub fn new(connection: &Connection) -> anyhow::Result<Self> {
        // Only the first call in a process has an effect.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut key = HeaderValue::from_str(connection.key.expose_secret()).map_err(|_| {
            bulk_terminal::Failure::new("the API key holds characters that no key has")
        })?;
        key.set_sensitive(true);
        let builder = || {
            let builder = reqwest::Client::builder()
                .user_agent(concat!("bulk/", env!("CARGO_PKG_VERSION")))
                .redirect(redirect::Policy::none())
                .connect_timeout(CONNECT_TIMEOUT);
            // A proxy from the environment cannot reach this machine's loopback addresses.
            if is_loopback(&connection.url) { builder.no_proxy() } else { builder }
        };
        let api = builder()
            .default_headers(HeaderMap::from_iter([("x-api-key".parse()?, key)]))
            .timeout(ANSWER_TIMEOUT)
            .build()
            .context("no usable TLS on this machine")?;
        let files = builder()
            .read_timeout(IDLE_TIMEOUT)
            .build()
            .context("no usable TLS on this machine")?;
        Ok(Self { base: connection.url.as_str().trim_end_matches('/').to_owned(), api, files })
    }

    /// Sends a `GET`, with retries as [`Client::repeated`] has them.
    pub async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, String)],
    ) -> Result<T, ApiError> {
        self.repeated(Method::GET, path, Call { query: pairs(query), ..Call::default() }).await
    }

    /// Sends a `GET` once: for callers that ask repeatedly.
    pub async fn get_once<T: DeserializeOwned>(&self, path: &str) -> Result<T, ApiError> {
        self.once(&Method::GET, path, &Call::default()).await
    }

    /// Makes a call that can be repeated safely, with retries while the service is unreachable.
    ///
    /// # Errors
    ///
    /// The error of the last of [`ATTEMPTS`] attempts, or a refusal by the service at once.
    pub async fn repeated<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        call: Call<'_>,
    ) -> Result<T, ApiError> {
        let mut pause = Pause::default();
        for _ in 1..ATTEMPTS {
            match self.once(&method, path, &call).await {
                Err(error) if error.is_transient() => {
                    tokio::time::sleep(pause.next(error.retry_after())).await;
                }
                answer => return answer,
            }
        }
        self.once(&method, path, &call).await
    }

    async fn once<T: DeserializeOwned>(
        &self,
        method: &Method,
        path: &str,
        call: &Call<'_>,
    ) -> Result<T, ApiError> {
        let mut url =
            Url::parse(&format!("{}{path}", self.base)).map_err(|_| ApiError::Unintelligible)?;
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&call.query);
        }
        let mut request = self.api.request(method.clone(), url).headers(call.headers.clone());
        if let Some(body) = call.body {
            request = request.json(body);
        }
        let response = request.send().await.map_err(|error| unreachable(&error))?;
        read(response).await
    }
}

async fn read<T: DeserializeOwned>(response: Response) -> Result<T, ApiError> {
    let status = response.status();
    let retry_after = retry_after(response.headers(), SystemTime::now());
    let body = response.bytes().await.map_err(|error| unreachable(&error))?;
    if status.is_success() {
        // An answer without a body is read as `()`.
        let json = if body.is_empty() { &b"null"[..] } else { &body };
        return serde_json::from_slice(json).map_err(|_| ApiError::Unintelligible);
    }
    let said = serde_json::from_slice::<ErrorBody>(&body).unwrap_or_default().text();
    if status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error() {
        let cause = match said {
            Some(said) => format!("it answered {}: {said}", status.as_u16()),
            None => format!("it answered {}", status.as_u16()),
        };
        return Err(ApiError::Unreachable { cause, retry_after });
    }
    match said {
        Some(detail) => Err(ApiError::Refused(Refusal { status: status.as_u16(), detail })),
        None => Err(ApiError::Unintelligible),
    }
}

/// Returns the parameters of a query string with names of their own.
pub(super) fn pairs(query: &[(&str, String)]) -> Vec<(String, String)> {
    query.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

/// Returns the error of a call that got no answer.
pub(super) fn unreachable(error: &reqwest::Error) -> ApiError {
    ApiError::Unreachable { cause: describe(error), retry_after: None }
}

/// Returns what happened to a request, in words. The text of the error itself is not used, because
/// it shows the URL, which may be a signed link.
pub(super) fn describe(error: &reqwest::Error) -> String {
    let what = if error.is_timeout() {
        "no answer in time"
    } else if error.is_connect() {
        "no connection"
    } else {
        "the connection broke"
    };
    // The innermost cause is that of the operating system or of TLS: "Connection refused",
    // "certificate expired", …
    let mut cause = error.source();
    while let Some(inner) = cause.and_then(std::error::Error::source) {
        cause = Some(inner);
    }
    match cause {
        Some(cause) => format!("{what} ({cause})"),
        None => what.to_owned(),
    }
}
