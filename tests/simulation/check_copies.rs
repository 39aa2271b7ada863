//! Checks the copies of documents: each is the whole content of its document, and none is about a
//! patient that was opted out or deleted.

use std::collections::{BTreeMap, BTreeSet};

use bulk_domain::document::{DocumentKey, DocumentName, DocumentRecord};
use bulk_domain::ids::PatientId;

use crate::gateway::content_of;
use crate::run::Played;

/// Checks that no copy has half of a content, or the content of another document, and that nothing
/// is left of the documents of opted-out and deleted patients.
pub fn check_copies(played: &Played) {
    for customer in &played.story.customers {
        let opted_out: BTreeSet<PatientId> = (played.cloud.patients(customer.id).unwrap())
            .iter()
            .filter(|record| record.patient.hie_opt_out)
            .map(|record| record.patient.id)
            .collect();
        let copies: BTreeMap<DocumentName, _> =
            played.cloud.copies(customer.id).into_iter().collect();
        for (patient, query) in played.cloud.patient_queries(customer.id).unwrap() {
            let is_opted_out = opted_out.contains(&patient);
            assert!(
                !is_opted_out || query.documents.is_none(),
                "documents of an opted-out patient"
            );
            let first = query.documents.map(|stored| stored.first).unwrap_or_default();
            let name = |record: &DocumentRecord| DocumentName {
                patient,
                document: DocumentKey::of(&record.document.id),
            };
            for record in first {
                if let Some(copy) = copies.get(&name(&record)) {
                    assert!(*copy == content_of(&record), "another content");
                }
            }
        }
        for (document, copy) in copies {
            assert!(!opted_out.contains(&document.patient), "a copy for an opted-out patient");
            assert!(!played.is_deleted(document.patient), "a copy for a deleted patient");
            let text = std::str::from_utf8(&copy).unwrap();
            assert_eq!(text.matches("content of ").count(), 100, "half of {document}");
        }
    }
}

/// Returns what happened about copies in a story and how often.
pub fn statistics(played: &Played) -> Vec<(String, u64)> {
    let copies = |customer| played.cloud.copies(customer).len() as u64;
    let copies = played.story.customers.iter().map(|customer| copies(customer.id)).sum();
    let (linked, refused) = played.downloads;
    [("documents copied", copies), ("links to documents", linked), ("documents refused", refused)]
        .map(|(what, count)| (what.to_owned(), count))
        .into()
}
