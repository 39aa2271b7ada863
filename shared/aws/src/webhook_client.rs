//! Posting to customers' servers: a client that dials public addresses only, follows no redirects, waits
//! four seconds in all and reads no more of an answer than it needs.
//!
//! Where a name leads is decided by whoever owns the name, anew at every look-up. So the addresses are judged
//! where they are dialled: the client's own resolver drops what is not public, and what it leaves is the
//! very list that is dialled. There is no second look-up that could answer otherwise, and no connection
//! is kept for the next request.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use domain::delivery::NoAnswer;
use domain::webhook_url::{UrlPolicy, WebhookUrl};
use pipeline::ports::{PingOutcome, PostOutcome, WebhookRequest, WebhookServer};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Response, redirect};
use retry_after::retry_after;

/// Time for one attempt: look-up, connection, TLS, request and answer.
pub const TIMEOUT: Duration = Duration::from_secs(4);

/// Bytes of a ping's answer that are read. A right one has about fifty.
const PING_ANSWER_BYTES: usize = 4096;

/// Posts to customers' servers.
#[derive(Clone, Debug)]
pub struct WebhookClient {
    http: reqwest::Client,
    policy: UrlPolicy,
}

/// The client could not be made: no usable TLS on this machine.
#[derive(Debug, thiserror::Error)]
#[error("the webhook client could not be made")]
pub struct ClientError;

/// Looks up the addresses of a name.
pub trait LookUp: Send + Sync + 'static {
    /// All of them, whatever they are; the port does not matter.
    fn look_up(&self, name: &str) -> impl Future<Output = std::io::Result<Vec<SocketAddr>>> + Send;
}

/// Looks names up as the machine is set up to.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemLookUp;

impl LookUp for SystemLookUp {
    async fn look_up(&self, name: &str) -> std::io::Result<Vec<SocketAddr>> {
        Ok(tokio::net::lookup_host((name, 0)).await?.collect())
    }
}

impl WebhookClient {
    /// A client that dials what `policy` allows and trusts the certificate authorities that browsers trust.
    pub fn new(policy: UrlPolicy) -> Result<Self, ClientError> {
        Self::with(policy, SystemLookUp, webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect())
    }

    /// A client with another way to look names up, and other certificate authorities.
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
            // A function is frozen between two messages; a connection from before may be dead after it.
            .pool_max_idle_per_host(0)
            .timeout(TIMEOUT)
            .user_agent(concat!("bulk-patient-import/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|_| ClientError)?;
        Ok(Self { http, policy })
    }

    async fn send(&self, request: WebhookRequest) -> Result<Response, NoAnswer> {
        // Addresses written as such are not looked up, so that the resolver does not see them: the rules
        // for the text of a URL do.
        let url = WebhookUrl::parse(&request.url, self.policy).map_err(|_| NoAnswer::UrlNotAllowed)?;
        let mut post = self.http.post(url.as_url().clone());
        for (name, value) in request.headers {
            post = post.header(name, value);
        }
        post.body(request.body).send().await.map_err(|error| no_answer(&error))
    }
}

impl WebhookServer for WebhookClient {
    async fn post(&self, request: WebhookRequest) -> PostOutcome {
        match self.send(request).await {
            // The body is not read: dropping the response closes the connection.
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
        // The client's timeout counts on while the body is read.
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

/// What kept an answer from coming, told by the kinds of the errors and never by their texts, which can
/// quote the URL.
fn no_answer(error: &reqwest::Error) -> NoAnswer {
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(cause) = source {
        if let Some(failure) = cause.downcast_ref::<LookUpFailed>() {
            return failure.0;
        }
        if cause.is::<rustls::Error>() {
            return NoAnswer::NoTls;
        }
        // An I/O error wraps its cause without naming it as the source.
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

/// A look-up that left nothing to dial.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct LookUpFailed(NoAnswer);

/// Looks names up and leaves only the addresses that may be dialled.
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

/// What receivers this stack takes. Deployed stacks take public ones only: the template has no setting
/// for anything else. A stack on a developer's machine sets `ALLOW_LOOPBACK_WEBHOOKS=true`.
pub fn webhook_policy() -> UrlPolicy {
    match std::env::var("ALLOW_LOOPBACK_WEBHOOKS").as_deref() {
        Ok("true") => UrlPolicy::LoopbackToo,
        _ => UrlPolicy::PublicOnly,
    }
}
