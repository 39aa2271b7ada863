//! A document in the body of a webhook.

use serde::Serialize;

use super::to_json;
use crate::document::Document;
use crate::hidden_debug;

/// A document, with a link to its content.
#[derive(Serialize)]
pub struct LinkedDocument {
    /// What the list of documents shows, too.
    #[serde(flatten)]
    pub document: Document,
    /// Answers `GET` with the content, or with a redirect to it.
    pub url: String,
}

hidden_debug!(LinkedDocument);

impl LinkedDocument {
    /// Returns the bytes of this document in the body of a message.
    pub fn bytes(&self) -> usize {
        to_json(self).len()
    }
}
