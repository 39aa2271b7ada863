//! A webhook with links to the documents of a patient, after a bulk download has ended.
//!
//! It is made from what is stored at the attempt. A patient who was deleted or opted out meanwhile
//! gets no links, and neither does a copy that has reached the end of its retention.

use bulk_domain::audit::{Link, Objects};
use bulk_domain::delivery::WebhookDelivery;
use bulk_domain::document::{DocumentKey, DocumentRecord, LINK_VALID, content_disposition};
use bulk_domain::webhook::{LinkedDocument, LinksMessage, LinksPage};
use futures::{StreamExt as _, TryStreamExt as _, stream};

use super::request::signed;
use crate::Error;
use crate::documents::find_documents;
use crate::ports::prelude::*;
use crate::ports::{CopyRef, PortResult, Ports, WebhookRequest, WebhookSettings};

/// Copies that are looked for at the same time. At 20 ms each, those of a message take a tenth of a
/// second.
const CONCURRENT_LOOKS: usize = 16;

/// Returns the webhook, signed for an attempt that begins now, with what it has. `None` if there is
/// nothing to send any more: the patient was deleted or opted out, or a newer bulk download has
/// begun.
pub(super) async fn links_request<P: Ports>(
    ports: &P,
    links: LinksPage,
    delivery: &WebhookDelivery,
    url: String,
    settings: &WebhookSettings,
) -> Result<Option<(WebhookRequest, Objects)>, Error> {
    let (customer, patient) = (delivery.customer, links.patient);
    let stored = ports.downloads().load_download(customer, patient).await?;
    let Some(download) = stored.map(|stored| stored.value) else { return Ok(None) };
    let (true, Some(tally)) = (download.id == links.download, download.tally) else {
        return Ok(None);
    };
    let record = ports.patients().load_patients(customer, &[patient]).await?.remove(&patient);
    let Some(record) = record.filter(|record| !record.patient.hie_opt_out) else {
        return Ok(None);
    };
    let is_wanted =
        |record: &DocumentRecord| download.is_in(links.page, DocumentKey::of(&record.document.id));
    let documents = find_documents(ports, customer, patient, usize::MAX, is_wanted).await?;
    let linked = documents.into_iter().map(|document| {
        link(ports, CopyRef { customer, document: document.name(patient) }, document)
    });
    let linked: Vec<Option<LinkedDocument>> =
        stream::iter(linked).buffered(CONCURRENT_LOOKS).try_collect().await?;
    let linked: Vec<LinkedDocument> = linked.into_iter().flatten().collect();
    let external_id = record.patient.external_id.as_ref();
    let (id, now) = (delivery.message_id(), ports.environment().now());
    let message = LinksMessage::new(id, &download, tally, links.page, external_id, &linked, now);
    let objects = Objects {
        patients: [patient].into(),
        documents: linked.len(),
        links: (!linked.is_empty()).then_some(Link::Document).into_iter().collect(),
        ..Objects::default()
    };
    Ok(Some((signed(delivery, message.to_body(), url, settings, now), objects)))
}

/// Returns a document with a link to its copy; `None` if there is no copy.
async fn link<P: Ports>(
    ports: &P,
    copy: CopyRef,
    document: DocumentRecord,
) -> PortResult<Option<LinkedDocument>> {
    let Some(media_type) = ports.copies().find_copy(copy).await? else { return Ok(None) };
    let disposition = content_disposition(copy.document, &media_type);
    let url = ports.copies().sign_copy(copy, &media_type, &disposition, LINK_VALID);
    let url = url.await?;
    Ok(Some(LinkedDocument { document: document.shown(copy.document.patient), url }))
}
