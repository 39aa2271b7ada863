//! `GET /medical/v1/document`: the documents that one patient's last successful query found, page by page.
//!
//! Where a page begins names the try that found the documents. A later query that succeeds replaces all of them; a
//! caller that is between two pages is told so and begins again, since the pages of two lists are no list.

use std::fmt;
use std::str::FromStr;

use domain::document::Document;
use domain::ids::{CustomerId, PatientId};
use domain::query::{QueryTry, StoredDocuments};

use crate::api::ApiError;
use crate::api::get_document_query::get_document_query;
use crate::api::page::{Page, PageBuilder, PageRequest};
use crate::ports::prelude::*;
use crate::ports::{PortError, Ports};

/// What a caller is told who asks for the rest of a list that a newer query has replaced.
const REPLACED: ApiError = ApiError::Conflict(
    "A newer query has replaced the patient's documents, please begin again with the first page",
);

/// How often the first page is read that a newer query replaces in the same moment.
const ATTEMPTS: u32 = 5;

/// A place among the documents of a patient. Written as `{try}.{stored page}.{index}`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DocumentPlace {
    /// The try that found them.
    pub found_by: QueryTry,
    /// The page that they are stored in, from 0.
    pub stored_page: u32,
    /// The document in it, from 0.
    pub index: u32,
}

/// Text that is no place among documents.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not a place in a list")]
pub struct NotAPlace;

impl fmt::Display for DocumentPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.found_by, self.stored_page, self.index)
    }
}

impl FromStr for DocumentPlace {
    type Err = NotAPlace;

    fn from_str(text: &str) -> Result<Self, NotAPlace> {
        let mut parts = text.splitn(3, '.');
        let mut part = || parts.next().ok_or(NotAPlace);
        Ok(Self {
            found_by: part()?.parse().map_err(|_| NotAPlace)?,
            stored_page: part()?.parse().map_err(|_| NotAPlace)?,
            index: part()?.parse().map_err(|_| NotAPlace)?,
        })
    }
}

/// The documents of the customer's patient from a place on.
pub async fn list_documents<P: Ports>(
    ports: &P,
    customer: CustomerId,
    patient: PatientId,
    request: PageRequest<DocumentPlace>,
) -> Result<Page<Document, DocumentPlace>, ApiError> {
    for _ in 0..ATTEMPTS {
        let query = get_document_query(ports, customer, patient).await?;
        let stored = query.and_then(|query| query.documents);
        if request.from.is_some_and(|place| stored.is_none_or(|stored| stored.found_by != place.found_by)) {
            return Err(REPLACED);
        }
        let Some(stored) = stored else { return Ok(Page { items: Vec::new(), next: None }) };
        if let Some(page) = read(ports, customer, patient, stored, request).await? {
            return Ok(page);
        }
    }
    let code = "documents are replaced again and again".to_owned();
    Err(ApiError::Internal(PortError { operation: "list_documents", code, transient: true }))
}

/// Returns the page; none if a newer query replaced the documents meanwhile.
async fn read<P: Ports>(
    ports: &P,
    customer: CustomerId,
    patient: PatientId,
    stored: StoredDocuments,
    request: PageRequest<DocumentPlace>,
) -> Result<Option<Page<Document, DocumentPlace>>, ApiError> {
    let first = DocumentPlace { found_by: stored.found_by, stored_page: 0, index: 0 };
    let mut place = request.from.unwrap_or(first);
    let mut page = PageBuilder::new(request.count);
    while place.stored_page < stored.pages {
        let found =
            ports.documents().read_documents(customer, patient, stored.found_by, place.stored_page).await?;
        let Some(found) = found else { return Ok(None) };
        for record in found.into_iter().skip(place.index as usize) {
            if !page.add(record.document) {
                return Ok(Some(page.before(Some(place))));
            }
            place.index += 1;
        }
        place = DocumentPlace { stored_page: place.stored_page + 1, index: 0, ..place };
    }
    Ok(Some(page.before(None)))
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_place_is_read_back_as_it_was_written() {
        let found_by = QueryTry::new(Uuid::from_u128(7));
        let place = DocumentPlace { found_by, stored_page: 12, index: 249 };
        assert_eq!(place.to_string().parse(), Ok(place));
        for text in ["", "x", "1.2.3", &format!("{place}.4"), &found_by.to_string()] {
            assert_eq!(text.parse::<DocumentPlace>(), Err(NotAPlace), "{text}");
        }
    }
}
