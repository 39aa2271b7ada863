//! One request to the gateway: authorized, limited in time and size, and sent again with another
//! token if the gateway refuses the first one.

use std::sync::Arc;

use reqwest::header::{ACCEPT, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use reqwest::{RequestBuilder, Response, StatusCode, redirect};

use crate::answer::{broken, fhir_json};
use crate::auth::Authorizer;
use crate::error::{Fault, SetupError};
use crate::search::Request;
use crate::secret::ReadSecret;
use crate::settings::{Auth, Limits};

/// An HTTP client for the gateway and its token endpoint.
#[derive(Debug)]
pub(crate) struct Http<S> {
    client: reqwest::Client,
    authorizer: Authorizer<S>,
    answer_bytes: usize,
}

impl<S: ReadSecret> Http<S> {
    pub(crate) fn new(auth: Auth, limits: &Limits, secrets: S) -> Result<Self, SetupError> {
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls()?)
            // A redirect could take search parameters and token to another server.
            .redirect(redirect::Policy::none())
            .no_proxy()
            .connect_timeout(limits.connect_timeout)
            .timeout(limits.request_timeout)
            .user_agent(concat!("bulk-patient-import/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|_| SetupError::Tls)?;
        Ok(Self {
            client,
            authorizer: Authorizer::new(auth, secrets),
            answer_bytes: limits.answer_bytes,
        })
    }

    /// Sends a request and returns the body of its answer.
    pub(crate) async fn fetch(&self, request: &Request) -> Result<Vec<u8>, Fault> {
        // Without `no-cache` some servers answer a search from the cache of an earlier one.
        let complete = |builder: RequestBuilder| {
            builder.header(ACCEPT, "application/fhir+json").header(CACHE_CONTROL, "no-cache")
        };
        let answer = self.send_authorized(request, true, complete).await?;
        fhir_json(answer, self.answer_bytes).await
    }

    /// Sends a request, which `complete` gives its other headers. A request to a server that
    /// `is_gateway` has the token.
    pub(crate) async fn send_authorized(
        &self,
        request: &Request,
        is_gateway: bool,
        complete: impl Fn(RequestBuilder) -> RequestBuilder,
    ) -> Result<Response, Fault> {
        let authorization =
            if is_gateway { self.authorizer.header(&self.client).await? } else { None };
        let answer = self.send(request, authorization.as_ref(), &complete).await?;
        if answer.status() == StatusCode::UNAUTHORIZED
            && let Some(refused) = authorization
            && let Some(another) = self.authorizer.another(&self.client, &refused).await?
        {
            return self.send(request, Some(&another), &complete).await;
        }
        Ok(answer)
    }

    async fn send(
        &self,
        request: &Request,
        authorization: Option<&HeaderValue>,
        complete: impl Fn(RequestBuilder) -> RequestBuilder,
    ) -> Result<Response, Fault> {
        let mut builder = match &request.form {
            None => self.client.get(request.url.clone()),
            Some(form) => self
                .client
                .post(request.url.clone())
                .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(form.clone()),
        };
        builder = complete(builder);
        if let Some(authorization) = authorization {
            builder = builder.header(AUTHORIZATION, authorization.clone());
        }
        // The text of the error is dropped, because it holds the URL and with it the search
        // parameters.
        builder.send().await.map_err(|error| broken(&error))
    }
}

/// Returns a TLS configuration with ring and Mozilla's root certificates, as in the whole project.
fn tls() -> Result<rustls::ClientConfig, SetupError> {
    let provider = rustls::crypto::ring::default_provider();
    let roots: rustls::RootCertStore = webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect();
    let versions = rustls::ClientConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .map_err(|_| SetupError::Tls)?;
    Ok(versions.with_root_certificates(roots).with_no_client_auth())
}
