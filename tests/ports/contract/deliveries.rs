//! Records of webhook deliveries: one for each webhook, written on the condition that its version
//! is the expected one.

use bulk_domain::delivery::{Attempt, AttemptOutcome, DocumentsRange, NoAnswer, WebhookDelivery};
use bulk_domain::job::JobStatus;
use bulk_domain::webhook::{DocumentsPlace, LinksPage, WebhookEvent, WebhookSubject};
use bulk_pipeline::ports::{DeliveryStore, Write};

use crate::given::{self, NOW, at};

async fn load(
    ports: &impl DeliveryStore,
    delivery: &WebhookDelivery,
) -> Option<(WebhookDelivery, u64)> {
    let found = ports.load_delivery(delivery.customer, delivery.subject).await.unwrap();
    found.map(|found| (found.value, found.version))
}

pub async fn a_delivery_is_stored_only_over_the_version_that_was_read(ports: &impl DeliveryStore) {
    let first = WebhookDelivery::new(given::customer(), given::job_id(), JobStatus::Completed);
    let mut second = first.clone();
    second.attempted(Attempt { when: at(NOW), outcome: AttemptOutcome::StatusCode(503) }, None);
    let mut third = second.clone();
    third.attempted(
        Attempt { when: at(NOW + 9000), outcome: AttemptOutcome::Error(NoAnswer::Timeout) },
        None,
    );

    assert_eq!(
        ports.store_delivery(&third, Some(1)).await.unwrap(),
        Write::Conflict,
        "nothing is stored"
    );
    assert_eq!(load(ports, &first).await, None);
    assert_eq!(ports.store_delivery(&first, None).await.unwrap(), Write::Done);
    let (stored, one) = load(ports, &first).await.unwrap();
    assert_eq!(stored, first);
    assert_eq!(
        ports.store_delivery(&third, None).await.unwrap(),
        Write::Conflict,
        "a version is stored"
    );
    assert_eq!(ports.store_delivery(&second, Some(one)).await.unwrap(), Write::Done);
    assert_eq!(
        ports.store_delivery(&third, Some(one)).await.unwrap(),
        Write::Conflict,
        "the version has changed"
    );
    let (stored, two) = load(ports, &first).await.unwrap();
    assert_eq!(stored, second);
    assert_eq!((one, two), (1, 2));
}

pub async fn a_delivery_is_of_one_event_of_one_job_or_of_one_message_with_links(
    ports: &impl DeliveryStore,
) {
    let (customer, job) = (given::customer(), given::job_id());
    let (download, patient) = (given::download(), given::patient());
    let links = |page| WebhookSubject::Links { links: LinksPage { download, patient, page } };
    let delivery = WebhookDelivery::new(customer, job, JobStatus::Processing);
    assert_eq!(ports.store_delivery(&delivery, None).await.unwrap(), Write::Done);
    let mut documents = WebhookDelivery::new(customer, job, WebhookEvent::Documents);
    documents.documents = DocumentsRange {
        from: DocumentsPlace { chunk: 3_999, patient: 249 },
        until: Some(DocumentsPlace { chunk: 4_000, patient: 0 }),
    };
    for other in [
        documents,
        WebhookDelivery::new(customer, job, JobStatus::Completed),
        WebhookDelivery::new(customer, given::job_id(), JobStatus::Processing),
        WebhookDelivery::about(customer, links(0)),
        WebhookDelivery::about(customer, links(1)),
    ] {
        assert_eq!(load(ports, &other).await, None);
        assert_eq!(ports.store_delivery(&other, None).await.unwrap(), Write::Done);
        assert_eq!(load(ports, &other).await.unwrap().0, other);
    }
    assert_eq!(load(ports, &delivery).await.unwrap().0, delivery);
}

contract!($ deliveries:
    a_delivery_is_stored_only_over_the_version_that_was_read,
    a_delivery_is_of_one_event_of_one_job_or_of_one_message_with_links,
);
