//! Documents: a list of any length is stored beside the lists of other attempts, in pages that are
//! read one by one.

use bulk_domain::document::DocumentRecord;
use bulk_domain::ids::{CustomerId, PatientId};
use bulk_domain::query::{QueryAttemptId, StoredDocuments};
use bulk_pipeline::ports::DocumentStore;

use crate::given;

/// Bytes of the largest item that DynamoDB takes, names and keys included.
const LARGEST_ITEM: usize = 400 * 1024;

async fn store(
    ports: &impl DocumentStore,
    (customer, patient): (CustomerId, PatientId),
    found_by: QueryAttemptId,
    documents: &[DocumentRecord],
) -> StoredDocuments {
    let stored = ports.store_documents(customer, patient, found_by, documents).await.unwrap();
    assert_eq!(stored.found_by, found_by);
    stored
}

async fn read(
    ports: &impl DocumentStore,
    (customer, patient): (CustomerId, PatientId),
    stored: StoredDocuments,
) -> Option<Vec<DocumentRecord>> {
    let mut documents = stored.first;
    for page in 1..stored.pages {
        documents
            .extend(ports.read_documents(customer, patient, stored.found_by, page).await.unwrap()?);
    }
    Some(documents)
}

fn patient_of_customer() -> (CustomerId, PatientId) {
    (given::customer(), given::patient())
}

pub async fn documents_are_read_as_they_were_stored_in_their_order(ports: &impl DocumentStore) {
    let (key, documents) = (patient_of_customer(), [300, 1, 20].map(given::document));
    let stored = store(ports, key, given::query_attempt(), &documents).await;
    assert_eq!(stored.pages, 1);
    assert_eq!(read(ports, key, stored).await.unwrap(), documents);
}

pub async fn no_documents_are_a_list_too(ports: &impl DocumentStore) {
    let key = patient_of_customer();
    let stored = store(ports, key, given::query_attempt(), &[]).await;
    assert_eq!((stored.pages, stored.first.len()), (1, 0));
    assert_eq!(read(ports, key, stored).await, Some(Vec::new()));
}

pub async fn a_list_longer_than_an_item_has_pages(ports: &impl DocumentStore) {
    let key = patient_of_customer();
    let documents: Vec<_> =
        (0..40).map(|number| given::document(LARGEST_ITEM / 20 + number)).collect();
    let stored = store(ports, key, given::query_attempt(), &documents).await;
    assert!(stored.pages > 2, "{stored:?}");
    assert_eq!(read(ports, key, stored).await.unwrap(), documents);
}

pub async fn a_document_that_fills_a_page_alone_does_not_disturb_the_others(
    ports: &impl DocumentStore,
) {
    let key = patient_of_customer();
    let documents =
        [10, LARGEST_ITEM - 1000, 10, 10, LARGEST_ITEM / 2, LARGEST_ITEM / 2].map(given::document);
    let stored = store(ports, key, given::query_attempt(), &documents).await;
    assert_eq!(read(ports, key, stored).await.unwrap(), documents);
}

pub async fn a_list_that_is_stored_again_is_there_once(ports: &impl DocumentStore) {
    let (key, found_by) = (patient_of_customer(), given::query_attempt());
    let documents = [LARGEST_ITEM / 3, LARGEST_ITEM / 3, 5].map(given::document);
    let first = store(ports, key, found_by, &documents).await;
    assert_eq!(store(ports, key, found_by, &documents).await, first);
    assert_eq!(read(ports, key, first).await.unwrap(), documents);
}

pub async fn lists_of_other_attempts_patients_and_customers_stand_beside_it(
    ports: &impl DocumentStore,
) {
    let ((customer, patient), found_by) = (patient_of_customer(), given::query_attempt());
    let lists = [
        ((customer, patient), found_by),
        ((customer, patient), given::query_attempt()),
        ((customer, given::patient()), found_by),
        ((given::customer(), patient), found_by),
    ];
    let mut kept = Vec::new();
    for (number, (key, found_by)) in (1..).zip(lists) {
        let documents = vec![given::document(number)];
        kept.push((key, store(ports, key, found_by, &documents).await, documents));
    }
    for (key, stored, documents) in kept {
        assert_eq!(read(ports, key, stored).await, Some(documents));
    }
}

pub async fn a_list_of_which_a_page_is_gone_is_gone(ports: &impl DocumentStore) {
    let key = patient_of_customer();
    let never = StoredDocuments {
        found_by: given::query_attempt(),
        pages: 2,
        first: vec![given::document(9)],
    };
    assert_eq!(read(ports, key, never).await, None);
    let stored = store(ports, key, given::query_attempt(), &[given::document(9)]).await;
    let longer = StoredDocuments { pages: stored.pages + 1, ..stored };
    assert_eq!(read(ports, key, longer).await, None);
}

pub async fn pages_before_an_attempt_are_dropped_and_its_own_and_later_ones_stay(
    ports: &impl DocumentStore,
) {
    let key @ (customer, patient) = patient_of_customer();
    let other = (customer, given::patient());
    let attempts = [(); 4].map(|()| given::query_attempt());
    let documents: Vec<_> = (0..5).map(|_| given::document(LARGEST_ITEM / 3)).collect();
    let mut lists = Vec::new();
    for found_by in attempts {
        lists.push(store(ports, key, found_by, &documents).await);
        store(ports, other, found_by, &documents).await;
    }
    assert!(lists[0].pages > 2);
    for _ in 0..2 {
        ports.drop_documents_before(customer, patient, attempts[2]).await.unwrap();
        let mut left = Vec::new();
        for list in &lists {
            left.push(read(ports, key, list.clone()).await.is_some());
        }
        assert_eq!(left, [false, false, true, true]);
    }
    for list in lists {
        assert_eq!(read(ports, other, list).await.unwrap(), documents);
    }
}

pub async fn all_pages_of_a_patient_are_dropped_and_no_others(ports: &impl DocumentStore) {
    let key @ (customer, patient) = patient_of_customer();
    let other = (customer, given::patient());
    let documents: Vec<_> = (0..3).map(|_| given::document(LARGEST_ITEM / 3)).collect();
    let found_by = given::query_attempt();
    let list = store(ports, key, found_by, &documents).await;
    let kept = store(ports, other, found_by, &documents).await;
    let all = QueryAttemptId::AFTER_ALL;
    ports.drop_documents_before(customer, patient, all).await.unwrap();
    assert_eq!(read(ports, key, list).await, None);
    assert_eq!(read(ports, other, kept).await.unwrap(), documents);
}

/// An attempt that died before it stored its last page leaves pages behind.
pub async fn pages_that_no_query_names_are_dropped_too(ports: &impl DocumentStore) {
    let key @ (customer, patient) = patient_of_customer();
    let (dead, later) = (given::query_attempt(), given::query_attempt());
    let documents = [1, LARGEST_ITEM / 2, 2].map(given::document);
    let half = store(ports, key, dead, &documents).await;
    ports.drop_documents_before(customer, patient, later).await.unwrap();
    assert_eq!(read(ports, key, half).await, None);
    // A retry finds nothing to drop, which is no error.
    ports.drop_documents_before(customer, patient, later).await.unwrap();
}

contract!($ documents:
    documents_are_read_as_they_were_stored_in_their_order,
    no_documents_are_a_list_too,
    a_list_longer_than_an_item_has_pages,
    a_document_that_fills_a_page_alone_does_not_disturb_the_others,
    a_list_that_is_stored_again_is_there_once,
    lists_of_other_attempts_patients_and_customers_stand_beside_it,
    a_list_of_which_a_page_is_gone_is_gone,
    pages_before_an_attempt_are_dropped_and_its_own_and_later_ones_stay,
    all_pages_of_a_patient_are_dropped_and_no_others,
    pages_that_no_query_names_are_dropped_too,
);
