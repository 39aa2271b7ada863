//! Showing the gateway who we are: a token that is read or fetched once, kept while it is good, and
//! renewed once when it is refused.

use std::fmt;
use std::future::Future;
use std::time::Instant;

use reqwest::header::HeaderValue;
use tokio::sync::Mutex;

use crate::error::Fault;
use crate::settings::Auth;
use crate::token::{Token, TokenRequest};

/// A bearer token or a client secret. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret; white space around it, such as the line's end of a file, is none of it.
    pub fn new(secret: &str) -> Self {
        Self(secret.trim().to_owned())
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// The secret could not be read now; it may be later.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the secret could not be read")]
pub struct SecretUnavailable;

/// Reads the gateway's secret from where it is kept. Called when it is needed, not for every request.
pub trait ReadSecret: Send + Sync {
    /// The secret. `fresh` says that the one from before was refused: it may have been replaced since,
    /// so one from a cache will not do.
    fn read_secret(&self, fresh: bool) -> impl Future<Output = Result<Secret, SecretUnavailable>> + Send;
}

/// A secret that never changes.
impl ReadSecret for Secret {
    async fn read_secret(&self, _fresh: bool) -> Result<Secret, SecretUnavailable> {
        Ok(self.clone())
    }
}

/// No secret, for a gateway that asks for none.
impl ReadSecret for () {
    async fn read_secret(&self, _fresh: bool) -> Result<Secret, SecretUnavailable> {
        Err(SecretUnavailable)
    }
}

/// Makes the `Authorization` header of requests.
#[derive(Debug)]
pub(crate) struct Authorizer<S> {
    auth: Auth,
    secrets: S,
    /// Locked while a token is fetched: requests that need one wait for it, and do not fetch another.
    held: Mutex<Option<Held>>,
}

/// A header's value, until when it is good.
#[derive(Clone, Debug)]
struct Held {
    value: HeaderValue,
    until: Option<Instant>,
}

impl<S: ReadSecret> Authorizer<S> {
    pub(crate) fn new(auth: Auth, secrets: S) -> Self {
        Self { auth, secrets, held: Mutex::new(None) }
    }

    /// The header for a request; `None` where the gateway asks for none.
    pub(crate) async fn header(&self, http: &reqwest::Client) -> Result<Option<HeaderValue>, Fault> {
        if self.auth == Auth::None {
            return Ok(None);
        }
        let mut held = self.held.lock().await;
        let good = held.as_ref().filter(|held| held.until.is_none_or(|until| Instant::now() < until));
        if let Some(good) = good {
            return Ok(Some(good.value.clone()));
        }
        let obtained = self.obtain(http, false).await?;
        Ok(Some(held.insert(obtained).value.clone()))
    }

    /// Another header than the one that was refused; `None` if there is none to be had.
    pub(crate) async fn another(
        &self,
        http: &reqwest::Client,
        refused: &HeaderValue,
    ) -> Result<Option<HeaderValue>, Fault> {
        let mut held = self.held.lock().await;
        // Of several requests that were refused the same token, the first one renews it for all.
        if let Some(newer) = held.as_ref().filter(|held| held.value != refused) {
            return Ok(Some(newer.value.clone()));
        }
        let obtained = self.obtain(http, true).await?;
        let value = held.insert(obtained).value.clone();
        Ok((value != refused).then_some(value))
    }

    async fn obtain(&self, http: &reqwest::Client, refused: bool) -> Result<Held, Fault> {
        match &self.auth {
            // A bearer's secret is the token itself; `None` never gets here.
            Auth::None | Auth::Bearer => {
                let secret = self.read(refused).await?;
                Ok(Held { value: bearer(secret.expose())?, until: None })
            }
            Auth::ClientCredentials { token_url, client_id, scope, authentication } => {
                let request = TokenRequest {
                    url: token_url.as_url(),
                    client_id,
                    scope: scope.as_deref(),
                    authentication: *authentication,
                };
                let secret = self.read(false).await?;
                let token = match request.send(http, &secret).await {
                    // The client is refused, which is what a replaced secret looks like.
                    Err(refusal @ Fault::Token { status: 400 | 401, .. }) => {
                        let newer = self.read(true).await?;
                        if newer == secret {
                            return Err(refusal);
                        }
                        request.send(http, &newer).await?
                    }
                    result => result?,
                };
                let Token { text, good_for } = token;
                Ok(Held { value: bearer(&text)?, until: Instant::now().checked_add(good_for) })
            }
        }
    }

    async fn read(&self, fresh: bool) -> Result<Secret, Fault> {
        self.secrets.read_secret(fresh).await.map_err(|SecretUnavailable| Fault::SecretUnavailable)
    }
}

fn bearer(token: &str) -> Result<HeaderValue, Fault> {
    let mut value = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| Fault::SecretUnusable)?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_never_shown() {
        let secret = Secret::new(" canary\n");
        assert_eq!(secret.expose(), "canary");
        assert_eq!(format!("{secret:?}"), "Secret(…)");
        assert!(!format!("{:?}", bearer("canary").unwrap()).contains("canary"));
        assert!(!format!("{:?}", Authorizer::new(Auth::Bearer, secret)).contains("canary"));
    }

    #[test]
    fn a_secret_that_no_header_can_hold_is_refused() {
        assert_eq!(bearer("a\nb"), Err(Fault::SecretUnusable));
    }
}
