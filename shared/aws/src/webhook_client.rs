//! The client that posts to customers' servers. It dials public addresses only, follows no
//! redirects, waits no longer than the request allows, and reads no more of an answer than it
//! needs.
//!
//! The owner of a name decides which addresses it has, and can change them at every look-up. So the
//! addresses are checked where they are dialled: the client's own resolver drops those that are not
//! public, and the client dials the list that is left. There is no second look-up that could answer
//! otherwise, and no connection is kept for the next request.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::SystemTime;

use bulk_domain::delivery::NoAnswer;
use bulk_domain::webhook_url::{UrlPolicy, WebhookUrl};
use bulk_pipeline::ports::{PingOutcome, PostOutcome, WebhookRequest, WebhookServer};
use bulk_retry_after::retry_after;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Response, redirect};

/// Bytes of a ping's answer that are read. A right answer has about fifty.
const PING_ANSWER_BYTES: usize = 4096;

/// An HTTP client that posts webhooks and pings to customers' servers.
#[derive(Clone, Debug)]
pub struct WebhookClient {
    http: reqwest::Client,
    policy: UrlPolicy,
}

/// The client could not be made, because this machine has no usable TLS.
#[derive(Debug, thiserror::Error)]
#[error("the webhook client could not be made")]
pub struct ClientError;

/// Looks up the addresses of a host name.
pub trait LookUp: Send + Sync + 'static {
    /// Returns all addresses of a name, public or not. Their port does not matter.
    fn look_up(&self, name: &str) -> impl Future<Output = std::io::Result<Vec<SocketAddr>>> + Send;
}

/// Looks names up by the resolver of the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemLookUp;

impl LookUp for SystemLookUp {
    async fn look_up(&self, name: &str) -> std::io::Result<Vec<SocketAddr>> {
        Ok(tokio::net::lookup_host((name, 0)).await?.collect())
    }
}

impl WebhookClient {
    /// Returns a client that dials what `policy` allows, and trusts the certificate authorities
    /// that browsers trust.
    ///
    /// # Errors
    ///
    /// This machine has no usable TLS.
    pub fn new(policy: UrlPolicy) -> Result<Self, ClientError> {
        Self::with(policy, SystemLookUp, webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect())
    }

    /// Returns a client with another way to look names up, and with other certificate authorities.
    ///
    /// # Errors
    ///
    /// This machine has no usable TLS.
    pub fn with(
        policy: UrlPolicy,
        look_up: impl LookUp,
        roots: rustls::RootCertStore,
    ) -> Result<Self, ClientError> {
        let provider = rustls::crypto::ring::default_provider();
        let tls = rustls::ClientConfig::builder_with_provider(Arc::new(provider))
            .with_safe_default_protocol_versions()
            .map_err(|_| ClientError)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .dns_resolver(Arc::new(FilteredResolver { policy, look_up: Arc::new(look_up) }))
            .redirect(redirect::Policy::none())
            .no_proxy()
            // A function is frozen between two messages, and a connection from before may be dead
            // after it.
            .pool_max_idle_per_host(0)
            .user_agent(concat!("bulk-patient-import/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|_| ClientError)?;
        Ok(Self { http, policy })
    }

    async fn send(&self, request: WebhookRequest) -> Result<Response, NoAnswer> {
        // An address that is written in the URL is not looked up, so that the resolver never sees
        // it. The rules for the text of a URL check it instead.
        let url =
            WebhookUrl::parse(&request.url, self.policy).map_err(|_| NoAnswer::UrlNotAllowed)?;
        let mut post = self.http.post(url.as_url().clone()).timeout(request.within);
        for (name, value) in request.headers {
            post = post.header(name, value);
        }
        post.body(request.body).send().await.map_err(|error| no_answer(&error))
    }
}

impl WebhookServer for WebhookClient {
    async fn post(&self, request: WebhookRequest) -> PostOutcome {
        match self.send(request).await {
            // The body is not read, because dropping the response closes the connection.
            Ok(answer) => {
                let retry_after = retry_after(answer.headers(), SystemTime::now());
                PostOutcome::Answered { status: answer.status().as_u16(), retry_after }
            }
            Err(error) => PostOutcome::Unreachable(error),
        }
    }

    async fn ping(&self, request: WebhookRequest) -> PingOutcome {
        let mut answer = match self.send(request).await {
            Ok(answer) => answer,
            Err(error) => return PingOutcome::Unreachable(error),
        };
        let (status, mut body) = (answer.status().as_u16(), Vec::new());
        // The request's timeout includes the time in which the body is read.
        loop {
            match answer.chunk().await {
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => return PingOutcome::Answered { status, body },
                Err(error) => return PingOutcome::Unreachable(no_answer(&error)),
            }
            if body.len() > PING_ANSWER_BYTES {
                body.truncate(PING_ANSWER_BYTES);
                return PingOutcome::Answered { status, body };
            }
        }
    }
}

/// Returns why no answer was received. The kinds of the errors decide, and never their texts, which
/// can quote the URL.
fn no_answer(error: &reqwest::Error) -> NoAnswer {
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(cause) = source {
        if let Some(failure) = cause.downcast_ref::<LookUpFailed>() {
            return failure.0;
        }
        if cause.is::<rustls::Error>() {
            return NoAnswer::NoTls;
        }
        // An I/O error wraps its cause, but does not return it as its source.
        source = match cause.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => cause.source(),
        };
    }
    if error.is_timeout() {
        NoAnswer::Timeout
    } else if error.is_connect() {
        NoAnswer::NoConnection
    } else {
        NoAnswer::ConnectionBroke
    }
}

/// A look-up that left no address to dial.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct LookUpFailed(NoAnswer);

/// Looks names up and leaves only the addresses that `policy` allows.
struct FilteredResolver<L> {
    policy: UrlPolicy,
    look_up: Arc<L>,
}

impl<L: LookUp> Resolve for FilteredResolver<L> {
    fn resolve(&self, name: Name) -> Resolving {
        let (policy, look_up) = (self.policy, Arc::clone(&self.look_up));
        Box::pin(async move {
            let found = look_up.look_up(name.as_str()).await.unwrap_or_default();
            if found.is_empty() {
                return Err(LookUpFailed(NoAnswer::NameNotFound).into());
            }
            let allowed: Vec<SocketAddr> =
                found.into_iter().filter(|address| policy.allows(address.ip())).collect();
            if allowed.is_empty() {
                return Err(LookUpFailed(NoAnswer::AddressNotAllowed).into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

/// Returns which servers this stack may post to. Deployed stacks post to public ones only, because
/// the template has no setting for other ones. A stack on a developer's machine sets
/// `ALLOW_LOOPBACK_WEBHOOKS=true`.
pub fn webhook_policy() -> UrlPolicy {
    match std::env::var("ALLOW_LOOPBACK_WEBHOOKS").as_deref() {
        Ok("true") => UrlPolicy::LoopbackToo,
        _ => UrlPolicy::PublicOnly,
    }
}
