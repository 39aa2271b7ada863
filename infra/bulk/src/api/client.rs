//! Calls: the key in a header, time limits, and another try where that can do no harm.

use std::error::Error as _;
use std::time::Duration;

use anyhow::Context as _;
use reqwest::header::{HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Method, Response, StatusCode, redirect};
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use crate::api::error::{ApiError, ErrorBody, Refusal};
use crate::api::jobs::Meta;
use crate::api::retry::{Pause, TRIES};
use crate::config::{Connection, is_loopback};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// API Gateway gives a function 29 s.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(35);

/// Time without a byte after which a transfer of a file is given up.
const IDLE_TIMEOUT: Duration = Duration::from_mins(1);

/// The service at an address, for the customer whose key it is.
#[derive(Debug)]
pub struct Client {
    base: String,
    api: reqwest::Client,
    /// For signed links, which are no business of whoever sees the API key, and the other way round.
    pub(super) files: reqwest::Client,
}

/// What a call sends.
#[derive(Debug, Default)]
pub struct Call<'a> {
    pub query: &'a [(&'a str, String)],
    pub headers: HeaderMap,
    pub body: Option<&'a Value>,
}

/// A page of a list that is read as a whole.
pub trait ListPage {
    /// What the list is of.
    type Item;
    /// Where the list goes on.
    fn meta(&self) -> &Meta;
    /// What is on the page.
    fn items(self) -> Vec<Self::Item>;
}

impl Client {
    /// A client for the connection that was configured.
    pub fn new(connection: &Connection) -> anyhow::Result<Self> {
        // Only the first call has an effect; the provider is the same for all.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut key = HeaderValue::from_str(connection.key.expose())
            .map_err(|_| terminal::Failure::new("the API key holds characters that no key has"))?;
        key.set_sensitive(true);
        let builder = || {
            let builder = reqwest::Client::builder()
                .user_agent(concat!("bulk/", env!("CARGO_PKG_VERSION")))
                .redirect(redirect::Policy::none())
                .connect_timeout(CONNECT_TIMEOUT);
            // A proxy that the environment names has no way to this machine's own addresses.
            if is_loopback(&connection.url) { builder.no_proxy() } else { builder }
        };
        let api = builder()
            .default_headers(HeaderMap::from_iter([("x-api-key".parse()?, key)]))
            .timeout(ANSWER_TIMEOUT)
            .build()
            .context("no usable TLS on this machine")?;
        let files = builder().read_timeout(IDLE_TIMEOUT).build().context("no usable TLS on this machine")?;
        Ok(Self { base: connection.url.as_str().trim_end_matches('/').to_owned(), api, files })
    }

    /// Reads. Can be repeated without harm, and is.
    pub async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, String)],
    ) -> Result<T, ApiError> {
        self.repeated(Method::GET, path, Call { query, ..Call::default() }).await
    }

    /// Reads a list with all of its pages.
    pub async fn get_all<P: DeserializeOwned + ListPage>(
        &self,
        path: &str,
        query: &[(&str, String)],
    ) -> Result<Vec<P::Item>, ApiError> {
        let mut query: Vec<(String, String)> =
            query.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        let mut items = Vec::new();
        loop {
            let borrowed: Vec<(&str, String)> =
                query.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
            let page: P = self.get(path, &borrowed).await?;
            let next = page.meta().next_query();
            items.extend(page.items());
            match next {
                // The same page again would never be the last.
                Some(next) if next != query => query = next,
                _ => return Ok(items),
            }
        }
    }

    /// Reads, without another try: for callers that come back anyway.
    pub async fn get_once<T: DeserializeOwned>(&self, path: &str) -> Result<T, ApiError> {
        self.once(&Method::GET, path, &Call::default()).await
    }

    /// Makes a call that can be repeated without harm until it is answered, a few times.
    pub async fn repeated<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        call: Call<'_>,
    ) -> Result<T, ApiError> {
        let mut pause = Pause::default();
        for _ in 1..TRIES {
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
        let mut url = Url::parse(&format!("{}{path}", self.base)).map_err(|_| ApiError::Unintelligible)?;
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(call.query);
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
    let retry_after = retry_after(&response);
    let body = response.bytes().await.map_err(|error| unreachable(&error))?;
    if status.is_success() {
        return serde_json::from_slice(&body).map_err(|_| ApiError::Unintelligible);
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

/// The header's seconds; its other form, a date, is not used by services like this.
pub(super) fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// What happened to a call, in words. The error's own text would show the URL, which can be a signed one.
pub(super) fn unreachable(error: &reqwest::Error) -> ApiError {
    ApiError::Unreachable { cause: describe(error), retry_after: None }
}

pub(super) fn describe(error: &reqwest::Error) -> String {
    let what = if error.is_timeout() {
        "no answer in time"
    } else if error.is_connect() {
        "no connection"
    } else {
        "the connection broke"
    };
    // The innermost cause is the system's: "Connection refused", "certificate expired", …
    let mut cause = error.source();
    while let Some(inner) = cause.and_then(std::error::Error::source) {
        cause = Some(inner);
    }
    match cause {
        Some(cause) => format!("{what} ({cause})"),
        None => what.to_owned(),
    }
}
