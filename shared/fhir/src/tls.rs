//! TLS by ring and Mozilla's roots, as everywhere in this project.

use std::sync::Arc;

use crate::error::SetupError;

/// A client's TLS settings.
pub(crate) fn tls() -> Result<rustls::ClientConfig, SetupError> {
    let provider = rustls::crypto::ring::default_provider();
    let roots: rustls::RootCertStore = webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect();
    let versions = rustls::ClientConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .map_err(|_| SetupError::Tls)?;
    Ok(versions.with_root_certificates(roots).with_no_client_auth())
}
