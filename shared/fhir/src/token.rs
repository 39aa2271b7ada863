//! Requests for a token: OAuth 2.0 client credentials (RFC 6749, section 4.4).

use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bulk_retry_after::retry_after;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Client, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use url::{Url, form_urlencoded};

use crate::answer::{broken, bytes};
use crate::error::Fault;
use crate::lenient::{lenient, lenient_number};
use crate::settings::ClientAuthentication;

/// Largest answer of a token endpoint. Even a large JWT makes a few KiB.
const ANSWER_BYTES: usize = 64 << 10;
/// Lifetime of a token if the answer does not give one. If the gateway answers 401 before, the
/// token is renewed then.
const DEFAULT_LIFETIME: Duration = Duration::from_mins(5);
/// A token is renewed this long before it expires, so that it does not expire while a request is
/// under way…
const MARGIN: Duration = Duration::from_secs(30);
/// … but it is used for at least this part of its lifetime, so that a token of a minute is used at
/// all.
const SHORTEST_USE: (u32, u32) = (3, 4);

/// A request for a token.
pub(crate) struct TokenRequest<'a> {
    pub(crate) url: &'a Url,
    pub(crate) client_id: &'a str,
    pub(crate) scope: Option<&'a str>,
    pub(crate) authentication: ClientAuthentication,
}

/// A token, and how long it may be used from now on.
pub(crate) struct Token {
    pub(crate) text: String,
    pub(crate) valid_for: Duration,
}

#[derive(Deserialize)]
struct Answer {
    access_token: String,
    #[serde(default, deserialize_with = "lenient")]
    token_type: Option<String>,
    #[serde(default, deserialize_with = "lenient_number")]
    expires_in: Option<u64>,
}

impl TokenRequest<'_> {
    /// Requests a token with the client's secret.
    pub(crate) async fn send(&self, http: &Client, secret: &SecretString) -> Result<Token, Fault> {
        let mut post = http
            .post(self.url.clone())
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(ACCEPT, "application/json");
        if self.authentication == ClientAuthentication::Basic {
            post = post.header(AUTHORIZATION, self.basic(secret)?);
        }
        let answer = post.body(self.form(secret)).send().await.map_err(|error| broken(&error))?;
        if answer.status() != StatusCode::OK {
            let status = answer.status().as_u16();
            let retry_after = retry_after(answer.headers(), SystemTime::now());
            return Err(Fault::Token { status, retry_after });
        }
        read(&bytes(answer, ANSWER_BYTES).await?)
    }

    fn form(&self, secret: &SecretString) -> String {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "client_credentials");
        if let Some(scope) = self.scope {
            form.append_pair("scope", scope);
        }
        if self.authentication == ClientAuthentication::Body {
            form.append_pair("client_id", self.client_id)
                .append_pair("client_secret", secret.expose_secret());
        }
        form.finish()
    }

    /// Returns the header of `client_secret_basic`: client id and secret are form-encoded before
    /// base64 (RFC 6749, section 2.3.1).
    fn basic(&self, secret: &SecretString) -> Result<HeaderValue, Fault> {
        let encoded =
            |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let pair = format!("{}:{}", encoded(self.client_id), encoded(secret.expose_secret()));
        let mut value = HeaderValue::from_str(&format!("Basic {}", BASE64_STANDARD.encode(pair)))
            .map_err(|_| Fault::SecretUnusable)?;
        value.set_sensitive(true);
        Ok(value)
    }
}

fn read(body: &[u8]) -> Result<Token, Fault> {
    let answer: Answer = serde_json::from_slice(body).map_err(|_| Fault::Malformed)?;
    let is_bearer = answer.token_type.is_none_or(|kind| kind.eq_ignore_ascii_case("bearer"));
    if !is_bearer || answer.access_token.is_empty() {
        return Err(Fault::Malformed);
    }
    Ok(Token { text: answer.access_token, valid_for: valid_for(answer.expires_in) })
}

fn valid_for(expires_in: Option<u64>) -> Duration {
    let lifetime = expires_in.map_or(DEFAULT_LIFETIME, Duration::from_secs);
    let (part, of) = SHORTEST_USE;
    // Divided first, because three times the longest lifetime overflows.
    lifetime.saturating_sub(MARGIN).max(lifetime / of * part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(authentication: ClientAuthentication) -> TokenRequest<'static> {
        let url = Box::leak(Box::new(Url::parse("https://h/token").unwrap()));
        TokenRequest { url, client_id: "a b", scope: Some("ITI-67 ITI-78"), authentication }
    }

    #[test]
    fn the_client_shows_its_secret_in_one_place_only() {
        let secret = SecretString::from("s:&é");
        let basic = request(ClientAuthentication::Basic);
        assert_eq!(basic.form(&secret), "grant_type=client_credentials&scope=ITI-67+ITI-78");
        let header = basic.basic(&secret).unwrap();
        let pair = BASE64_STANDARD
            .decode(header.to_str().unwrap().strip_prefix("Basic ").unwrap())
            .unwrap();
        assert_eq!(pair, b"a+b:s%3A%26%C3%A9");
        assert!(header.is_sensitive());
        assert_eq!(
            request(ClientAuthentication::Body).form(&secret),
            "grant_type=client_credentials&scope=ITI-67+ITI-78&client_id=a+b&client_secret=s%3A%26%C3%A9"
        );
    }

    #[test]
    fn a_token_is_renewed_shortly_before_it_ends() {
        for (expires_in, seconds) in [
            (Some(3600), 3570),
            (Some(60), 45),
            (Some(120), 90),
            (Some(4), 3),
            (Some(0), 0),
            (None, 270),
        ] {
            assert_eq!(valid_for(expires_in), Duration::from_secs(seconds), "{expires_in:?}");
        }
        assert!(valid_for(Some(u64::MAX)) > Duration::from_secs(1 << 60));
    }

    #[test]
    fn only_a_bearer_token_is_taken() {
        for body in [
            r#"{"access_token":"t","token_type":"Bearer","expires_in":60}"#,
            r#"{"access_token":"t","token_type":"bearer","expires_in":"60"}"#,
        ] {
            let token = read(body.as_bytes()).unwrap();
            assert_eq!((&*token.text, token.valid_for.as_secs()), ("t", 45), "{body}");
        }
        for body in [
            "",
            "{}",
            "[]",
            r#"{"access_token":""}"#,
            r#"{"access_token":"t","token_type":"mac"}"#,
            r#"{"access_token":1}"#,
        ] {
            assert!(matches!(read(body.as_bytes()), Err(Fault::Malformed)), "{body}");
        }
    }
}
