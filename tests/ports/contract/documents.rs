//! Documents: a list of any length is stored beside those of other tries, in pages that are read one by one.

use domain::document::DocumentRecord;
use domain::ids::{CustomerId, PatientId};
use domain::query::{QueryTry, StoredDocuments};
use pipeline::ports::DocumentStore;

use crate::given;

/// The most that DynamoDB takes as one item, names and keys included.
const LARGEST_ITEM: usize = 400 * 1024;

async fn store(
    ports: &impl DocumentStore,
    (customer, patient): (CustomerId, PatientId),
    found_by: QueryTry,
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
    let mut documents = Vec::new();
    for page in 0..stored.pages {
        documents.extend(ports.read_documents(customer, patient, stored.found_by, page).await.unwrap()?);
    }
    Some(documents)
}

fn somebody() -> (CustomerId, PatientId) {
    (given::customer(), given::patient())
}

pub async fn documents_are_read_as_they_were_stored_in_their_order(ports: &impl DocumentStore) {
    let (who, documents) = (somebody(), [300, 1, 20].map(given::document));
    let stored = store(ports, who, given::query_try(), &documents).await;
    assert_eq!(stored.pages, 1);
    assert_eq!(read(ports, who, stored).await.unwrap(), documents);
}

pub async fn no_documents_are_a_list_too(ports: &impl DocumentStore) {
    let who = somebody();
    let stored = store(ports, who, given::query_try(), &[]).await;
    assert_eq!(stored.pages, 0);
    assert_eq!(read(ports, who, stored).await, Some(Vec::new()));
}

pub async fn a_list_longer_than_an_item_has_pages(ports: &impl DocumentStore) {
    let who = somebody();
    let documents: Vec<_> = (0..40).map(|number| given::document(LARGEST_ITEM / 20 + number)).collect();
    let stored = store(ports, who, given::query_try(), &documents).await;
    assert!(stored.pages > 2, "{stored:?}");
    assert_eq!(read(ports, who, stored).await.unwrap(), documents);
}

pub async fn a_document_that_fills_a_page_alone_does_not_disturb_the_others(ports: &impl DocumentStore) {
    let who = somebody();
    let documents =
        [10, LARGEST_ITEM - 1000, 10, 10, LARGEST_ITEM / 2, LARGEST_ITEM / 2].map(given::document);
    let stored = store(ports, who, given::query_try(), &documents).await;
    assert_eq!(read(ports, who, stored).await.unwrap(), documents);
}

pub async fn a_list_that_is_stored_again_is_there_once(ports: &impl DocumentStore) {
    let (who, found_by) = (somebody(), given::query_try());
    let documents = [LARGEST_ITEM / 3, LARGEST_ITEM / 3, 5].map(given::document);
    let first = store(ports, who, found_by, &documents).await;
    assert_eq!(store(ports, who, found_by, &documents).await, first);
    assert_eq!(read(ports, who, first).await.unwrap(), documents);
}

pub async fn lists_of_other_tries_patients_and_customers_stand_beside_it(ports: &impl DocumentStore) {
    let ((customer, patient), found_by) = (somebody(), given::query_try());
    let lists = [
        ((customer, patient), found_by),
        ((customer, patient), given::query_try()),
        ((customer, given::patient()), found_by),
        ((given::customer(), patient), found_by),
    ];
    let mut kept = Vec::new();
    for (number, (who, found_by)) in (1..).zip(lists) {
        let documents = vec![given::document(number)];
        kept.push((who, store(ports, who, found_by, &documents).await, documents));
    }
    for (who, stored, documents) in kept {
        assert_eq!(read(ports, who, stored).await, Some(documents));
    }
}

pub async fn a_list_of_which_a_page_is_gone_is_gone(ports: &impl DocumentStore) {
    let who = somebody();
    let never = StoredDocuments { found_by: given::query_try(), pages: 2 };
    assert_eq!(read(ports, who, never).await, None);
    let stored = store(ports, who, given::query_try(), &[given::document(9)]).await;
    let longer = StoredDocuments { pages: stored.pages + 1, ..stored };
    assert_eq!(read(ports, who, longer).await, None);
}

pub async fn what_is_before_a_try_is_dropped_and_it_and_what_is_after_it_stays(ports: &impl DocumentStore) {
    let who @ (customer, patient) = somebody();
    let other = (customer, given::patient());
    let tries = [(); 4].map(|()| given::query_try());
    let documents: Vec<_> = (0..5).map(|_| given::document(LARGEST_ITEM / 3)).collect();
    let mut lists = Vec::new();
    for found_by in tries {
        lists.push(store(ports, who, found_by, &documents).await);
        store(ports, other, found_by, &documents).await;
    }
    assert!(lists[0].pages > 2);
    for _ in 0..2 {
        ports.drop_documents_before(customer, patient, tries[2]).await.unwrap();
        let mut left = Vec::new();
        for list in &lists {
            left.push(read(ports, who, *list).await.is_some());
        }
        assert_eq!(left, [false, false, true, true]);
    }
    for list in lists {
        assert_eq!(read(ports, other, list).await.unwrap(), documents);
    }
}

/// Of a try that died half-way some pages may be there.
pub async fn pages_that_no_query_names_are_dropped_too(ports: &impl DocumentStore) {
    let who @ (customer, patient) = somebody();
    let (dead, later) = (given::query_try(), given::query_try());
    let half = store(ports, who, dead, &[given::document(1)]).await;
    ports.drop_documents_before(customer, patient, later).await.unwrap();
    assert_eq!(read(ports, who, half).await, None);
    // Nothing to drop is no error.
    ports.drop_documents_before(customer, patient, later).await.unwrap();
}

contract!($ documents:
    documents_are_read_as_they_were_stored_in_their_order,
    no_documents_are_a_list_too,
    a_list_longer_than_an_item_has_pages,
    a_document_that_fills_a_page_alone_does_not_disturb_the_others,
    a_list_that_is_stored_again_is_there_once,
    lists_of_other_tries_patients_and_customers_stand_beside_it,
    a_list_of_which_a_page_is_gone_is_gone,
    what_is_before_a_try_is_dropped_and_it_and_what_is_after_it_stays,
    pages_that_no_query_names_are_dropped_too,
);
