//! The HTTP client of the AWS SDK, which replaces all of its connections as soon as one of them
//! fails.
//!
//! A function that was frozen finds every connection of its pool dead at once. If the pool stayed,
//! each attempt of a call would take the next dead connection out of it, and a pool of three would
//! use up all attempts of a call.

use std::sync::{Arc, PoisonError, RwLock};

use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::connector_metadata::ConnectorMetadata;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::{
    RuntimeComponents, RuntimeComponentsBuilder,
};
use aws_smithy_types::config_bag::ConfigBag;

/// Returns a client that the clients of all services share.
pub fn http_client() -> SharedHttpClient {
    SharedHttpClient::new(Renewing::default())
}

fn new_pool() -> SharedHttpClient {
    Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https()
}

/// A client with a pool of connections that is replaced when a connection of it fails.
#[derive(Clone, Debug, Default)]
struct Renewing {
    current: Arc<RwLock<Pool>>,
}

/// A pool of connections. Its number tells whether another call has replaced it.
#[derive(Clone, Debug)]
struct Pool {
    number: u64,
    client: SharedHttpClient,
}

impl Default for Pool {
    fn default() -> Self {
        Self { number: 0, client: new_pool() }
    }
}

impl Renewing {
    fn current(&self) -> Pool {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Replaces the pool of this number, unless another call has done so already.
    fn replace(&self, number: u64) {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        if current.number == number {
            *current = Pool { number: number + 1, client: new_pool() };
        }
    }
}

impl HttpClient for Renewing {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let Pool { number, client } = self.current();
        let inner = client.http_connector(settings, components);
        SharedHttpConnector::new(Connector { inner, pools: self.clone(), number })
    }

    fn validate_base_client_config(
        &self,
        components: &RuntimeComponentsBuilder,
        config: &ConfigBag,
    ) -> Result<(), BoxError> {
        self.current().client.validate_base_client_config(components, config)
    }

    fn validate_final_config(
        &self,
        components: &RuntimeComponents,
        config: &ConfigBag,
    ) -> Result<(), BoxError> {
        self.current().client.validate_final_config(components, config)
    }

    fn connector_metadata(&self) -> Option<ConnectorMetadata> {
        self.current().client.connector_metadata()
    }
}

/// Sends one attempt of a call over the pool of this number.
#[derive(Debug)]
struct Connector {
    inner: SharedHttpConnector,
    pools: Renewing,
    number: u64,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (answer, pools, number) = (self.inner.call(request), self.pools.clone(), self.number);
        HttpConnectorFuture::new(async move {
            let answer = answer.await;
            if answer.as_ref().is_err_and(|error| !error.is_user()) {
                pools.replace(number);
            }
            answer
        })
    }
}
