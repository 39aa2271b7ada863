//! Posting webhooks: a client that dials public addresses only, follows no redirects, waits four seconds
//! in all and reads no more of an answer than it needs.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use domain::webhook_url::{UrlPolicy, WebhookUrl};
use pipeline::ports::{PostOutcome, PostWebhook, WebhookRequest};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::RETRY_AFTER;
use reqwest::redirect;

/// Time for one attempt, from dialling to the answer's status.
const TIMEOUT: Duration = Duration::from_secs(4);

/// Posts webhooks.
#[derive(Clone, Debug)]
pub struct WebhookClient {
    http: reqwest::Client,
    policy: UrlPolicy,
}

/// The client could not be made: no usable TLS on this machine.
#[derive(Debug, thiserror::Error)]
#[error("the webhook client could not be made")]
pub struct ClientError;

impl WebhookClient {
    /// A client that dials what `policy` allows.
    pub fn new(policy: UrlPolicy) -> Result<Self, ClientError> {
        let provider = rustls::crypto::ring::default_provider();
        let roots: rustls::RootCertStore = webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect();
        let tls = rustls::ClientConfig::builder_with_provider(Arc::new(provider))
            .with_safe_default_protocol_versions()
            .map_err(|_| ClientError)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .dns_resolver(Arc::new(FilteredResolver { policy }))
            .redirect(redirect::Policy::none())
            .no_proxy()
            .timeout(TIMEOUT)
            .user_agent(concat!("bulk-patient-import/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|_| ClientError)?;
        Ok(Self { http, policy })
    }
}

impl PostWebhook for WebhookClient {
    async fn post(&self, request: WebhookRequest) -> PostOutcome {
        // Addresses written as such are not resolved, so the resolver does not see them: the rules for
        // the text of a URL do.
        let Ok(url) = WebhookUrl::parse(&request.url, self.policy) else {
            return PostOutcome::Unreachable("the URL is not allowed");
        };
        let mut post = self.http.post(url.as_url().clone());
        for (name, value) in request.headers {
            post = post.header(name, value);
        }
        match post.body(request.body).send().await {
            // The body is not read: dropping the response closes the connection.
            Ok(answer) => PostOutcome::Answered {
                status: answer.status().as_u16(),
                retry_after: answer
                    .headers()
                    .get(RETRY_AFTER)
                    .and_then(|value| value.to_str().ok())
                    .and_then(|seconds| seconds.trim().parse().ok())
                    .map(Duration::from_secs),
            },
            Err(error) if error.is_timeout() => PostOutcome::Unreachable("no answer within 4 seconds"),
            Err(error) if error.is_connect() => PostOutcome::Unreachable("no connection"),
            Err(_) => PostOutcome::Unreachable("the connection broke"),
        }
    }
}

/// Resolves names and leaves only the addresses that may be dialled: the very list that is dialled, so
/// that a second look-up cannot smuggle another address in.
#[derive(Debug)]
struct FilteredResolver {
    policy: UrlPolicy,
}

impl Resolve for FilteredResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let policy = self.policy;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed: Vec<SocketAddr> = found.filter(|address| policy.allows(address.ip())).collect();
            if allowed.is_empty() {
                return Err("no address that may be dialled".into());
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
