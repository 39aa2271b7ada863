//! How the client authenticates to the gateway.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bulk_fhir::{Auth, ClientAuthentication, Fault, Gateway, ReadSecret, SecretUnavailable};
use secrecy::SecretString;

use crate::server::{ALL_KNOWN, FixedSecret, NoSecret, Sandbox, matched, person};

/// A secret that is replaced after it was read for the first time.
#[derive(Clone, Default)]
struct Replaced {
    reads: Arc<AtomicUsize>,
}

impl ReadSecret for Replaced {
    async fn read_secret(&self) -> Result<SecretString, SecretUnavailable> {
        let is_first = self.reads.fetch_add(1, Ordering::Relaxed) == 0;
        Ok(SecretString::from(if is_first { "old" } else { "s3cret/+" }))
    }
}

fn sandbox(arguments: &[&str]) -> Sandbox {
    Sandbox::start(&[&ALL_KNOWN[..], arguments].concat())
}

fn client_credentials(sandbox: &Sandbox, authentication: ClientAuthentication) -> Auth {
    Auth::ClientCredentials {
        token_url: sandbox.url("/_sandbox/token"),
        client_id: "bulk import".into(),
        scope: Some("ITI-67 ITI-78".into()),
        authentication,
    }
}

fn oauth<S: ReadSecret>(sandbox: &Sandbox, secrets: S) -> Gateway<S> {
    sandbox.gateway_with(client_credentials(sandbox, ClientAuthentication::Basic), secrets)
}

async fn refused<S: ReadSecret + std::fmt::Debug>(gateway: &Gateway<S>) -> Fault {
    let error = gateway.discover(&person(1)).await.unwrap_err();
    assert!(!format!("{error} {error:?} {gateway:?}").contains("s3cret"));
    error.fault
}

#[tokio::test]
async fn a_bearer_token_is_shown_and_a_wrong_one_is_refused() {
    let sandbox = sandbox(&["--token", "s3cret/+"]);
    matched(
        sandbox
            .gateway_with(Auth::Bearer, FixedSecret::new("s3cret/+\n"))
            .discover(&person(1))
            .await,
    );
    let status_401 = Fault::Status { status: 401, retry_after: None };
    assert_eq!(
        refused(&sandbox.gateway_with(Auth::Bearer, FixedSecret::new("wrong"))).await,
        status_401
    );
    assert_eq!(refused(&sandbox.gateway()).await, status_401);
    assert_eq!(sandbox.requests("GET Patient"), 3, "the same token is not tried twice");
}

#[tokio::test]
async fn a_bearer_token_that_was_replaced_is_read_again_once() {
    let sandbox = sandbox(&["--token", "s3cret/+"]);
    let secrets = Replaced::default();
    let gateway = sandbox.gateway_with(Auth::Bearer, secrets.clone());
    for number in 0..3 {
        matched(gateway.discover(&person(number)).await);
    }
    assert_eq!(secrets.reads.load(Ordering::Relaxed), 2);
    assert_eq!(sandbox.requests("GET Patient"), 4, "only the first was refused");
}

#[tokio::test]
async fn one_token_serves_all_queries_of_a_client() {
    let sandbox = sandbox(&["--client-secret", "s3cret/+"]);
    for authentication in [ClientAuthentication::Basic, ClientAuthentication::Body] {
        sandbox.admin("DELETE", "requests");
        let auth = client_credentials(&sandbox, authentication);
        let gateway = Arc::new(sandbox.gateway_with(auth, FixedSecret::new("s3cret/+")));
        let queries: Vec<_> = (0..20)
            .map(|number| {
                let gateway = gateway.clone();
                tokio::spawn(async move { matched(gateway.discover(&person(number)).await) })
            })
            .collect();
        for query in queries {
            query.await.unwrap();
        }
        assert_eq!(sandbox.requests("token"), 1, "{authentication:?}");
    }
}

#[tokio::test]
async fn a_token_that_was_revoked_is_renewed_once_for_all() {
    let sandbox = sandbox(&["--client-secret", "s3cret/+"]);
    let gateway = Arc::new(oauth(&sandbox, FixedSecret::new("s3cret/+")));
    let patient = matched(gateway.discover(&person(1)).await);
    sandbox.admin("DELETE", "token");
    let queries: Vec<_> = (0..10)
        .map(|_| {
            let (gateway, patient) = (gateway.clone(), patient.clone());
            tokio::spawn(async move { gateway.documents(&patient).await.unwrap() })
        })
        .collect();
    for query in queries {
        query.await.unwrap();
    }
    assert_eq!(sandbox.requests("token"), 2);
}

#[tokio::test]
async fn a_token_is_renewed_before_it_ends() {
    let sandbox = sandbox(&["--client-secret", "s3cret/+", "--expires-in", "4"]);
    let gateway = oauth(&sandbox, FixedSecret::new("s3cret/+"));
    matched(gateway.discover(&person(1)).await);
    tokio::time::sleep(Duration::from_millis(3200)).await;
    matched(gateway.discover(&person(2)).await);
    assert_eq!(sandbox.requests("token"), 2);
    assert_eq!(sandbox.requests("GET Patient"), 2, "neither search was refused");
}

#[tokio::test]
async fn a_client_secret_that_was_replaced_is_read_again() {
    let sandbox = sandbox(&["--client-secret", "s3cret/+"]);
    let secrets = Replaced::default();
    matched(oauth(&sandbox, secrets.clone()).discover(&person(1)).await);
    assert_eq!(secrets.reads.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn a_client_that_is_refused_stays_refused() {
    let sandbox = sandbox(&["--client-secret", "s3cret/+"]);
    let fault = refused(&oauth(&sandbox, FixedSecret::new("wrong"))).await;
    assert_eq!(fault, Fault::Token { status: 401, retry_after: None });
    assert!(!fault.is_transient());
    assert_eq!(sandbox.requests("GET Patient"), 0, "no patient is searched for without a token");
}

#[tokio::test]
async fn a_gateway_that_refuses_every_token_is_asked_twice_and_no_more() {
    let sandbox = sandbox(&["--client-secret", "s3cret/+", "--fault", "401=1"]);
    let fault = refused(&oauth(&sandbox, FixedSecret::new("s3cret/+"))).await;
    assert_eq!(fault, Fault::Status { status: 401, retry_after: None });
    assert_eq!(sandbox.requests("GET Patient"), 2);
    assert_eq!(sandbox.requests("token"), 2);
}

#[tokio::test]
async fn a_secret_that_cannot_be_read_may_be_readable_later() {
    let sandbox = sandbox(&["--token", "s3cret/+"]);
    let fault = refused(&sandbox.gateway_with(Auth::Bearer, NoSecret)).await;
    assert_eq!(fault, Fault::SecretUnavailable);
    assert!(fault.is_transient());
}
