//! The client of a gateway: one method for each exchange.

use std::future::Future;
use std::ops::ControlFlow;

use bulk_domain::document::Demographics;
use url::Url;

use crate::bundle::SearchSet;
use crate::discovery::{Candidates, Discovery, GatewayPatientId};
use crate::document_list::{Collector, DocumentList};
use crate::error::{Exchange, Fault, QueryError, SetupError};
use crate::gateway_url::GatewayUrl;
use crate::http::Http;
use crate::pages::each_page;
use crate::search::{self, Parameter, Request};
use crate::secret::ReadSecret;
use crate::settings::{Limits, SearchMethod, Settings};
use crate::trust::TrustedServers;

/// A client of one gateway. It keeps connections and a token, so create one and share it between
/// all queries, also concurrent ones.
#[derive(Debug)]
pub struct Gateway<S> {
    pub(crate) http: Http<S>,
    pub(crate) base: GatewayUrl,
    pub(crate) trusted: TrustedServers,
    search: SearchMethod,
    pub(crate) limits: Limits,
}

impl<S: ReadSecret> Gateway<S> {
    /// Creates a client with these settings. `secrets` provides the token or the client's secret;
    /// it is not called if the settings have no authentication.
    ///
    /// # Errors
    ///
    /// This machine has no usable TLS.
    pub fn new(settings: Settings, secrets: S) -> Result<Self, SetupError> {
        let Settings { base, auth, search, limits, content_hosts } = settings;
        let (http, trusted) =
            (Http::new(auth, &limits, secrets)?, TrustedServers::new(&base, &content_hosts));
        Ok(Self { http, base, trusted, search, limits })
    }

    /// Searches the exchange for the patient with these demographics (ITI-78).
    ///
    /// # Errors
    ///
    /// The exchange failed. [`QueryError::is_transient`] says whether a retry may succeed. Several
    /// patients with these demographics are no error.
    pub async fn discover(&self, demographics: &Demographics) -> Result<Discovery, QueryError> {
        let parameters = search::discovery(demographics);
        let mut candidates = Candidates::new(parameters.clone());
        self.search(Exchange::Discovery, "Patient", &parameters, |page, base| {
            candidates.add(page, base)
        })
        .await?;
        Ok(candidates.into())
    }

    /// Returns the current documents of one of the exchange's patients (ITI-67), from all pages.
    ///
    /// # Errors
    ///
    /// The exchange failed, or found more than one of [`Limits`]. No part of the list is returned,
    /// because documents that are missing from it would be taken for deleted ones.
    pub async fn documents(&self, patient: &GatewayPatientId) -> Result<DocumentList, QueryError> {
        let parameters = search::documents(patient.as_str(), self.limits.page_size);
        let mut collector = Collector::new(patient, self.limits.documents);
        self.search(Exchange::Documents, "DocumentReference", &parameters, |page, base| {
            collector.add(page, base)
        })
        .await?;
        Ok(collector.into())
    }

    async fn search(
        &self,
        exchange: Exchange,
        resource: &str,
        parameters: &[Parameter],
        mut visit: impl FnMut(&SearchSet<'_>, &Url) -> Result<ControlFlow<()>, Fault> + Send,
    ) -> Result<(), QueryError> {
        let base = self.base.join(&[resource]);
        let first = Request::search(&self.base, self.search, resource, parameters);
        let pages =
            each_page(&self.http, first, &base, self.limits.pages, |page| visit(page, &base));
        self.in_time_of_search(pages).await.map_err(|fault| QueryError { exchange, fault })
    }

    pub(crate) async fn in_time_of_search<T>(
        &self,
        work: impl Future<Output = Result<T, Fault>> + Send,
    ) -> Result<T, Fault> {
        tokio::time::timeout(self.limits.search_timeout, work).await.unwrap_or(Err(Fault::Timeout))
    }
}
