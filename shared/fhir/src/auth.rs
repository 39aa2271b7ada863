//! The `Authorization` header of requests: obtained once, kept while it is valid, renewed once when
//! it is refused.

use std::time::Instant;

use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::Mutex;

use crate::error::Fault;
use crate::secret::{ReadSecret, SecretUnavailable};
use crate::settings::Auth;
use crate::token::{Token, TokenRequest};

/// Obtains the `Authorization` header and keeps it.
#[derive(Debug)]
pub(crate) struct Authorizer<S> {
    auth: Auth,
    secrets: S,
    /// Locked while a token is fetched, so that concurrent requests wait for that token and do not
    /// fetch another.
    held: Mutex<Option<Held>>,
}

#[derive(Clone, Debug)]
struct Held {
    value: HeaderValue,
    /// When the token has to be renewed. `None` for a token without a known lifetime.
    until: Option<Instant>,
}

impl<S: ReadSecret> Authorizer<S> {
    pub(crate) fn new(auth: Auth, secrets: S) -> Self {
        Self { auth, secrets, held: Mutex::new(None) }
    }

    /// Returns the header for a request. `None` if the gateway wants no authentication.
    pub(crate) async fn header(
        &self,
        http: &reqwest::Client,
    ) -> Result<Option<HeaderValue>, Fault> {
        if self.auth == Auth::None {
            return Ok(None);
        }
        let mut held = self.held.lock().await;
        let valid =
            held.as_ref().filter(|held| held.until.is_none_or(|until| Instant::now() < until));
        if let Some(valid) = valid {
            return Ok(Some(valid.value.clone()));
        }
        let obtained = self.obtain(http).await?;
        Ok(Some(held.insert(obtained).value.clone()))
    }

    /// Returns another header than the one that the gateway refused. `None` if there is no other.
    pub(crate) async fn another(
        &self,
        http: &reqwest::Client,
        refused: &HeaderValue,
    ) -> Result<Option<HeaderValue>, Fault> {
        let mut held = self.held.lock().await;
        // If several requests were refused with the same token, the first one renews it for all of
        // them.
        if let Some(newer) = held.as_ref().filter(|held| held.value != refused) {
            return Ok(Some(newer.value.clone()));
        }
        let obtained = self.obtain(http).await?;
        let value = held.insert(obtained).value.clone();
        Ok((value != refused).then_some(value))
    }

    async fn obtain(&self, http: &reqwest::Client) -> Result<Held, Fault> {
        let secret = self.read().await?;
        match &self.auth {
            // A bearer's secret is the token itself. `header` returns before this for `Auth::None`.
            Auth::None | Auth::Bearer => {
                Ok(Held { value: bearer(secret.expose_secret())?, until: None })
            }
            Auth::ClientCredentials { token_url, client_id, scope, authentication } => {
                let request = TokenRequest {
                    url: token_url.as_url(),
                    client_id,
                    scope: scope.as_deref(),
                    authentication: *authentication,
                };
                let token = match request.send(http, &secret).await {
                    // A token endpoint answers so if the client's secret was replaced after it was
                    // read.
                    Err(refusal @ Fault::Token { status: 400 | 401, .. }) => {
                        let newer = self.read().await?;
                        if newer.expose_secret() == secret.expose_secret() {
                            return Err(refusal);
                        }
                        request.send(http, &newer).await?
                    }
                    result => result?,
                };
                let Token { text, valid_for } = token;
                Ok(Held { value: bearer(&text)?, until: Instant::now().checked_add(valid_for) })
            }
        }
    }

    async fn read(&self) -> Result<SecretString, Fault> {
        let secret = self
            .secrets
            .read_secret()
            .await
            .map_err(|SecretUnavailable| Fault::SecretUnavailable)?;
        Ok(SecretString::from(secret.expose_secret().trim()))
    }
}

fn bearer(token: &str) -> Result<HeaderValue, Fault> {
    let mut value =
        HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| Fault::SecretUnusable)?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_never_shown() {
        let held = Held { value: bearer("canary").unwrap(), until: None };
        let mut authorizer = Authorizer::new(Auth::Bearer, ());
        *authorizer.held.get_mut() = Some(held);
        assert!(!format!("{authorizer:?}").contains("canary"));
    }

    impl ReadSecret for () {
        async fn read_secret(&self) -> Result<SecretString, SecretUnavailable> {
            Err(SecretUnavailable)
        }
    }

    #[test]
    fn a_secret_that_no_header_can_hold_is_refused() {
        assert_eq!(bearer("a\nb"), Err(Fault::SecretUnusable));
    }
}
