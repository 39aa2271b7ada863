//! The document queries of patients: read in batches of any size, written on the condition that the
//! version is the expected one.

use bulk_domain::ids::{CustomerId, PatientId};
use bulk_domain::query::{PatientQuery, QueryOutcome, RequestDecision, StoredDocuments};
use bulk_pipeline::ports::{DocumentStore, Write};
use futures::future::try_join_all;

use crate::given;

async fn load(
    ports: &impl DocumentStore,
    customer: CustomerId,
    patient: PatientId,
) -> Option<(PatientQuery, u64)> {
    let mut found = ports.load_queries(customer, &[patient]).await.unwrap();
    assert!(found.len() <= 1);
    found.remove(&patient).map(|found| (found.value, found.version))
}

/// Returns a query that another request joined, that ended, and that a later request started again.
fn eventful() -> PatientQuery {
    let decision = |known: &PatientQuery, minute: i64| {
        let now = given::at(given::NOW + minute * 60_000);
        PatientQuery::decide(Some(known), given::request(), given::query_attempt(), now)
    };
    let RequestDecision::Join(joined) = decision(&given::query(), 1) else {
        panic!("the query runs, so that a request joins it")
    };
    let ended = joined.ended(QueryOutcome::Documents(70_000), Some(given::stored_documents(3)));
    let RequestDecision::Start(again) = decision(&ended, 2) else {
        panic!("the query has ended, so that a request starts it")
    };
    let RequestDecision::Join(joined) = decision(&again, 3) else {
        panic!("the query runs, so that a request joins it")
    };
    joined
}

pub async fn a_query_is_loaded_as_it_was_stored(ports: &impl DocumentStore) {
    let queries = [
        given::query(),
        eventful(),
        eventful().failed_once(),
        eventful().ended(QueryOutcome::NotKnown, None),
        eventful().ended(QueryOutcome::Failed, None),
    ];
    for query in queries {
        let (customer, patient) = (given::customer(), given::patient());
        assert_eq!(ports.store_query(customer, patient, &query, None).await.unwrap(), Write::Done);
        assert_eq!(load(ports, customer, patient).await.unwrap().0, query);
    }
}

/// A list of documents is stored compressed, unless it is short.
pub async fn a_query_is_loaded_with_any_number_of_documents(ports: &impl DocumentStore) {
    for count in [0, 1, 2, 3, 4, 30, 500] {
        let first = (0..count).map(given::document).collect();
        let documents = StoredDocuments { first, ..given::stored_documents(1) };
        let (customer, patient) = (given::customer(), given::patient());
        let query = given::query().ended(QueryOutcome::Documents(1), Some(documents));
        assert_eq!(ports.store_query(customer, patient, &query, None).await.unwrap(), Write::Done);
        assert_eq!(load(ports, customer, patient).await.unwrap().0, query);
    }
}

pub async fn a_query_is_stored_only_over_the_version_that_was_read(ports: &impl DocumentStore) {
    let (customer, patient) = (given::customer(), given::patient());
    let [first, second, third, other] = [(); 4].map(|()| given::query());
    let store = async |query: &PatientQuery, version| {
        ports.store_query(customer, patient, query, version).await.unwrap()
    };
    assert_eq!(store(&other, Some(1)).await, Write::Conflict, "nothing is stored");
    assert_eq!(load(ports, customer, patient).await, None);
    assert_eq!(store(&first, None).await, Write::Done);
    let (_, one) = load(ports, customer, patient).await.unwrap();
    // The worker that stored the first version continues without reading it.
    assert_eq!(one, 1);
    assert_eq!(store(&other, None).await, Write::Conflict, "a version is stored");
    assert_eq!(store(&second, Some(1)).await, Write::Done);
    assert_eq!(load(ports, customer, patient).await, Some((second.clone(), 2)));
    for version in [None, Some(1), Some(3), Some(0)] {
        assert_eq!(store(&other, version).await, Write::Conflict, "{version:?}");
    }
    assert_eq!(load(ports, customer, patient).await, Some((second, 2)));
    assert_eq!(store(&third, Some(2)).await, Write::Done);
    assert_eq!(load(ports, customer, patient).await, Some((third, 3)));
}

pub async fn a_query_is_deleted_only_in_the_version_that_was_read(ports: &impl DocumentStore) {
    let (customer, patient, other) = (given::customer(), given::patient(), given::patient());
    let delete = async |version| ports.delete_query(customer, patient, version).await.unwrap();
    assert_eq!(delete(1).await, Write::Conflict, "nothing is stored");
    for patient in [patient, other] {
        let stored = ports.store_query(customer, patient, &given::query(), None).await.unwrap();
        assert_eq!(stored, Write::Done);
    }
    assert_eq!(delete(2).await, Write::Conflict);
    assert!(load(ports, customer, patient).await.is_some());
    assert_eq!(delete(1).await, Write::Done);
    assert_eq!(load(ports, customer, patient).await, None);
    assert_eq!(delete(1).await, Write::Conflict, "it is deleted");
    assert!(load(ports, customer, other).await.is_some());
}

pub async fn of_many_who_start_a_query_one_does(ports: &impl DocumentStore) {
    let (customer, patient) = (given::customer(), given::patient());
    for version in [None, Some(1)] {
        let queries: Vec<PatientQuery> = (0..8).map(|_| given::query()).collect();
        let writes =
            queries.iter().map(|query| ports.store_query(customer, patient, query, version));
        let writes = try_join_all(writes).await.unwrap();
        let done: Vec<_> = (0..8).filter(|&index| writes[index] == Write::Done).collect();
        assert_eq!(done.len(), 1);
        assert_eq!(load(ports, customer, patient).await.unwrap().0, queries[done[0]]);
    }
}

pub async fn a_query_of_one_customer_is_none_of_another(ports: &impl DocumentStore) {
    let (customer, other, patient) = (given::customer(), given::customer(), given::patient());
    let query = given::query();
    let _ = ports.store_query(customer, patient, &query, None).await.unwrap();
    assert_eq!(load(ports, other, patient).await, None);
    assert_eq!(
        ports.store_query(other, patient, &given::query(), None).await.unwrap(),
        Write::Done
    );
    assert_eq!(load(ports, customer, patient).await, Some((query, 1)));
}

pub async fn of_hundreds_those_that_were_ever_queried_are_found(ports: &impl DocumentStore) {
    let customer = given::customer();
    let queries: Vec<_> = (0..150).map(|_| (given::patient(), given::query())).collect();
    let mut asked = Vec::new();
    for (patient, query) in &queries {
        asked.extend([given::patient(), *patient]);
        assert_eq!(ports.store_query(customer, *patient, query, None).await.unwrap(), Write::Done);
    }
    let found = ports.load_queries(customer, &asked).await.unwrap();
    assert_eq!(found.len(), queries.len());
    assert!(queries.iter().all(|(patient, query)| found[patient].value == *query));
}

pub async fn a_patient_who_is_named_twice_is_found_once(ports: &impl DocumentStore) {
    let (customer, patient) = (given::customer(), given::patient());
    assert_eq!(ports.load_queries(customer, &[]).await.unwrap().len(), 0);
    let _ = ports.store_query(customer, patient, &given::query(), None).await.unwrap();
    let asked = [patient, given::patient(), patient];
    assert_eq!(ports.load_queries(customer, &asked).await.unwrap().len(), 1);
}

contract!($ patient_queries:
    a_query_is_loaded_as_it_was_stored,
    a_query_is_loaded_with_any_number_of_documents,
    a_query_is_stored_only_over_the_version_that_was_read,
    a_query_is_deleted_only_in_the_version_that_was_read,
    of_many_who_start_a_query_one_does,
    a_query_of_one_customer_is_none_of_another,
    of_hundreds_those_that_were_ever_queried_are_found,
    a_patient_who_is_named_twice_is_found_once,
);
