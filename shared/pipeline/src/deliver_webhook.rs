//! Delivers one webhook: builds it, signs it, posts it, and records the outcome and when the next
//! attempt is due.
//!
//! The record of the delivery decides whether an attempt is made (`bulk_domain::delivery`). A
//! message of the queue only says that it may be time: it may be received twice, early, late and in
//! any order. No message waits in flight, because a queue with 120,000 messages in flight delivers
//! no more ("Amazon SQS standard queue quotas"). A message that has to wait is sent as a new one
//! with a delay, and the received one is deleted. A longer wait is several such delays, each of
//! which is handed on in the record.
//!
//! An attempt has six steps, and may die between any two of them:
//!
//! 1. **Begin.** A conditional write gives this message a lease of the delivery
//!    ([`LEASE`](bulk_domain::delivery::LEASE)). If the attempt dies after that, the message is
//!    received again, waits for the end of the lease, and makes the attempt.
//! 2. **Check the order.** Only now the job's other webhooks are read: if two begin at the same
//!    time, at least one of them sees the other.
//! 3. **Ping**, if the webhook has patient data or a link to it and the URL has not answered a ping
//!    since it was set. A ping that is not answered is the outcome of the attempt.
//! 4. **Post**, after the audit trail has the event of it. If the attempt dies after that, the
//!    customer's server receives the webhook again, under the same id.
//! 5. **Send the next message**, if there is a next attempt. If the attempt dies after that, there
//!    are two messages. One of them finds the lease expired, and the other finds that it is too
//!    late.
//! 6. **Store the outcome**, the time of the next attempt, and that another message carries the
//!    delivery on. If the next message could not be sent, the outcome is stored all the same, and
//!    the received message is retried in its place.
//!
//! The webhooks about documents of a job are one delivery, which goes on with the next patients
//! after each success. So a receiver gets one of them at a time, however slow it is, and the order
//! of a job's webhooks needs one record more. The delivery of `processing` starts it, so that the
//! customer learns of documents while the job runs. If it did not, the message about the end of the
//! job does.

mod documents;
mod handover;
mod links;
mod order;
mod recorded;
mod request;

use std::time::Duration;

use bulk_domain::audit::AuditEvent;
use bulk_domain::delivery::{
    Attempt, AttemptDecision, AttemptOutcome, Order, WebhookDelivery, pause_since,
};
use bulk_domain::job::Job;
use bulk_domain::mutants::{Bug, has};
use bulk_domain::webhook::{DocumentsPlace, LinksPage, WebhookEvent, WebhookSubject};
use tracing::warn;

use crate::Error;
use crate::conflicts::retry_conflicts;
use crate::messages::WebhookMessage;
use crate::ping::{ping, store_report};
use crate::ports::prelude::*;
use crate::ports::{
    LONGEST_DELAY, PortResult, Ports, PostOutcome, WebhookRequest, WebhookServer, WebhookSettings,
    Write,
};
use documents::{is_end, read_page};
use handover::{hand_on, send_for, wait};
use links::links_request;
use order::{has_documents, order, send_first};
use recorded::{Recorded, load, record, store};
use request::{ANSWER_TIME, audit_event, has_patient_data, objects, request};

pub use request::RESULT_LINK_VALID;

/// How long an attempt is put off if its event cannot be stored: as long as the longest pause of
/// other work after a disturbance of AWS.
const UNRECORDED_PAUSE: Duration = Duration::from_mins(2);

/// The outcome of a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DeliveryOutcome {
    /// The customer's server answered with success. Another message about documents may follow.
    Delivered,
    /// There was nothing to send: the webhook was delivered or abandoned earlier, or is out of
    /// date.
    NothingToSend,
    /// The customer has set no URL, or has not chosen these webhooks.
    NotWanted,
    /// It is too early: the next attempt is not due, another webhook of the job comes first, or
    /// document queries have not ended.
    TooEarly {
        /// The least time to wait.
        after: Duration,
    },
    /// An attempt is being made by another message, so that this one has to be received again. It
    /// is not sent as a new one: while the attempts die one after the other, in a disturbance of
    /// AWS, every copy would send more copies.
    Busy {
        /// The time after which it has to be received again, less than a minute.
        after: Duration,
    },
    /// The attempt failed, and a later one is planned.
    Retry {
        /// The time until the next attempt.
        after: Duration,
        /// The outcome of the failed attempt.
        cause: AttemptOutcome,
    },
    /// The last attempt failed. The customer can have the webhook sent again.
    Abandoned {
        /// The outcome of the last attempt.
        cause: AttemptOutcome,
    },
}

/// What is posted in an attempt.
struct Post<'a> {
    request: WebhookRequest,
    event: AuditEvent,
    /// Where the next message about documents begins, in an attempt at one of them.
    next: Option<DocumentsPlace>,
    /// The job, if the webhooks about documents begin after this one.
    starts_documents: Option<&'a Job>,
}

/// What a webhook is about, as it is stored.
enum About {
    /// An event of a job.
    Job(Box<Job>, WebhookEvent),
    /// Links to the documents of a patient.
    Links(LinksPage),
}

/// The time in which a worker usually records what it has done, after it has sent the next message.
/// A message that is received earlier has to be sent once more.
const RECORDING: Duration = Duration::from_secs(1);

/// Handles one message: makes one attempt, if one is due. The message is done when this returns
/// `Ok`, because every later attempt has a message of its own, except for
/// [`DeliveryOutcome::Busy`].
pub async fn deliver_webhook<P: Ports, S: WebhookServer>(
    ports: &P,
    server: &S,
    message: &WebhookMessage,
) -> Result<DeliveryOutcome, Error> {
    let about = match message.subject {
        WebhookSubject::Job { job, event } => match ports.jobs().load_job(job).await? {
            Some(job) => About::Job(Box::new(job), event),
            // The job of a deleted customer is gone.
            None => return Ok(DeliveryOutcome::NothingToSend),
        },
        WebhookSubject::Links { links } => About::Links(links),
    };
    // A conflict means that another message of the delivery was first, or that the answer to a
    // write of this one was lost.
    retry_conflicts(async || step(ports, server, &about, message).await).await
}

/// Does what the record says. Returns `None` if a write met a conflict.
async fn step<P: Ports, S: WebhookServer>(
    ports: &P,
    server: &S,
    about: &About,
    message: &WebhookMessage,
) -> Result<Option<DeliveryOutcome>, Error> {
    let mut recorded = load(ports, message).await?;
    let now = ports.environment().now();
    match recorded.delivery.decide(message.carrier, now) {
        AttemptDecision::Ignore => return Ok(Some(DeliveryOutcome::NothingToSend)),
        AttemptDecision::Wait(due) if now.until(due) > LONGEST_DELAY => {
            return hand_on(ports, message, recorded, now, due).await;
        }
        AttemptDecision::Wait(due) => return wait(ports, message, now, due).await.map(Some),
        AttemptDecision::Busy(until) => {
            return Ok(Some(DeliveryOutcome::Busy { after: now.until(until) }));
        }
        AttemptDecision::Attempt => {}
    }
    let settings = ports.directory().load_settings(message.customer).await?;
    let is_about_documents = message.subject.event() == Some(WebhookEvent::Documents);
    let is_wanted = !is_about_documents || settings.patient_webhooks;
    let keys = (&settings.key, &settings.link_key);
    let (Some(url), (Some(_), Some(link_key)), true) = (settings.url.clone(), keys, is_wanted)
    else {
        // Nothing is recorded then, except that a delivery with earlier attempts ends.
        recorded.delivery.skip();
        let is_done = recorded.version.is_none() || store(ports, &recorded).await? == Write::Done;
        return Ok(is_done.then_some(DeliveryOutcome::NotWanted));
    };
    let page = match about {
        About::Job(job, WebhookEvent::Documents) => {
            let page = read_page(ports, job, link_key, recorded.delivery.documents).await?;
            if page.patients.is_empty() {
                return go_on(ports, job, message, recorded, page.until).await;
            }
            recorded.delivery.documents.until = Some(page.until);
            Some(page)
        }
        About::Job(..) | About::Links(_) => None,
    };
    recorded.delivery.begin(message.carrier, now);
    if store(ports, &recorded).await? == Write::Conflict {
        return Ok(None);
    }
    recorded.version = Some(recorded.version.unwrap_or(0) + 1);
    let order = match about {
        About::Job(job, event) => order(ports, job, *event, &settings, now).await?,
        About::Links(_) => Order::Free,
    };
    let until = match order {
        Order::Free => {
            if !may_post(message, &settings) {
                let report = ping(ports, server, &url, &settings, ANSWER_TIME).await;
                if let Some(outcome) = report.failure {
                    let attempt = Attempt { when: ports.environment().now(), outcome };
                    return conclude(ports, message, recorded, attempt, None, None).await.map(Some);
                }
                store_report(ports, message.customer, &settings, report).await?;
            }
            let (delivery, page) = (&recorded.delivery, page.as_ref());
            let made = match about {
                About::Job(job, event) => {
                    let of_job = (&**job, *event);
                    let request = request(ports, of_job, delivery, page, url, &settings).await?;
                    Some((request, objects(*event, page)))
                }
                About::Links(links) => {
                    links_request(ports, *links, delivery, url, &settings).await?
                }
            };
            let Some((request, objects)) = made else { return skip(ports, recorded).await };
            let event = audit_event(delivery, &request, objects, ports.environment().now());
            match record_event(ports, &event).await {
                Ok(()) => {
                    let next = page.map(|page| page.until);
                    let starts_documents = match about {
                        About::Job(job, WebhookEvent::Processing) => {
                            Some(&**job).filter(|job| has_documents(job, &settings))
                        }
                        About::Job(..) | About::Links(_) => None,
                    };
                    let post = Post { request, event, next, starts_documents };
                    return attempt(ports, server, message, recorded, post).await.map(Some);
                }
                // The attempt is put off and not retried by the queue, because the job's later
                // webhook has to see when it is due. Otherwise its messages would be received each
                // second for as long as the audit trail takes no events.
                Err(error) => {
                    warn!("Webhook not posted, because its audit event is not stored: {error}");
                    now.plus(UNRECORDED_PAUSE)
                }
            }
        }
        Order::Wait(until) => until,
        Order::TooLate => return skip(ports, recorded).await,
    };
    recorded.delivery.put_off(until);
    hand_on(ports, message, recorded, now, until).await
}

/// Ends the delivery without a post. Returns `None` if the write met a conflict.
async fn skip<P: Ports>(
    ports: &P,
    mut recorded: Recorded,
) -> Result<Option<DeliveryOutcome>, Error> {
    recorded.delivery.skip();
    let skipped = store(ports, &recorded).await?;
    Ok((skipped == Write::Done).then_some(DeliveryOutcome::NothingToSend))
}

/// Goes on with the patients from `next` on without a post, because the present message has no
/// patients: the next ones wait for their queries, there are no more, or all were deleted.
async fn go_on<P: Ports>(
    ports: &P,
    job: &Job,
    message: &WebhookMessage,
    mut recorded: Recorded,
    next: DocumentsPlace,
) -> Result<Option<DeliveryOutcome>, Error> {
    let now = ports.environment().now();
    recorded.delivery.start_round(message.carrier.round);
    if is_end(job, next, now) {
        recorded.delivery.end_documents();
        let stored = store(ports, &recorded).await?;
        return Ok((stored == Write::Done).then_some(DeliveryOutcome::NothingToSend));
    }
    let is_behind = recorded.delivery.documents.from == next;
    let pause = pause_since(job.started_at.unwrap_or(job.created_at), now);
    let due = now.plus(if is_behind { pause } else { RECORDING });
    recorded.delivery.go_on(next, due);
    hand_on(ports, message, recorded, now, due).await
}

async fn record_event<P: Ports>(ports: &P, event: &AuditEvent) -> PortResult<()> {
    if has(Bug::WebhookNotAudited) {
        return Ok(());
    }
    ports.audit_trail().record(event).await
}

/// Returns whether a webhook may be posted without a ping before it.
fn may_post(message: &WebhookMessage, settings: &WebhookSettings) -> bool {
    settings.is_verified || !has_patient_data(message.subject) || has(Bug::ResultWithoutPing)
}

/// Posts the webhook in an attempt that has begun and that the audit trail has, and records the
/// outcome.
async fn attempt<P: Ports, S: WebhookServer>(
    ports: &P,
    server: &S,
    message: &WebhookMessage,
    recorded: Recorded,
    Post { request, event, next, starts_documents }: Post<'_>,
) -> Result<DeliveryOutcome, Error> {
    let (outcome, asked) = match server.post(request).await {
        PostOutcome::Answered { status, retry_after } => {
            (AttemptOutcome::StatusCode(status), retry_after)
        }
        PostOutcome::Unreachable(error) => (AttemptOutcome::Error(error), None),
    };
    let attempt = Attempt { when: ports.environment().now(), outcome };
    // The webhook has been posted and must not be posted again, so that this event is not retried.
    let _ = ports.audit_trail().record(&event.ended(attempt.when, outcome.into())).await;
    if outcome.is_success()
        && let Some(job) = starts_documents
    {
        // If this fails, the message about the end of the job repeats it.
        let _ = send_first(ports, job, WebhookEvent::Documents).await;
    }
    conclude(ports, message, recorded, attempt, asked, next).await
}

/// Records an attempt, and sends the next message if there is a next attempt. After success there
/// is if another message about documents begins at `next`.
async fn conclude<P: Ports>(
    ports: &P,
    message: &WebhookMessage,
    mut recorded: Recorded,
    attempt: Attempt,
    asked: Option<Duration>,
    next: Option<DocumentsPlace>,
) -> Result<DeliveryOutcome, Error> {
    let outcome = attempt.outcome;
    match next.filter(|_| outcome.is_success()) {
        Some(next) => recorded.delivery.attempted_before(attempt, next),
        None => recorded.delivery.attempted(attempt, asked),
    }
    let Some(due) = recorded.delivery.next_attempt else {
        record(ports, message, &recorded).await?;
        return Ok(if outcome.is_success() {
            DeliveryOutcome::Delivered
        } else {
            DeliveryOutcome::Abandoned { cause: outcome }
        });
    };
    let carrier = recorded.delivery.carrier().next();
    let received = due.max(attempt.when.plus(RECORDING));
    let next = WebhookMessage { carrier, ..*message };
    let sent = send_for(ports, &next, attempt.when, received).await;
    if sent.is_ok() || has(Bug::WebhookHandedToNone) {
        recorded.delivery.handed_on_to(carrier);
    }
    record(ports, message, &recorded).await?;
    sent?;
    Ok(if outcome.is_success() {
        DeliveryOutcome::Delivered
    } else {
        DeliveryOutcome::Retry { after: attempt.when.until(due), cause: outcome }
    })
}

/// Abandons the delivery of a webhook that failed through no fault of the customer's server.
/// Returns `None` if the delivery has ended or another message carries it on.
pub(crate) async fn abandon_delivery<P: Ports>(
    ports: &P,
    message: &WebhookMessage,
) -> Result<Option<WebhookDelivery>, Error> {
    retry_conflicts(async || {
        let mut recorded = load(ports, message).await?;
        if !recorded.delivery.wants(message.carrier) {
            return Ok(Some(None));
        }
        recorded.delivery.start_round(message.carrier.round);
        recorded.delivery.abandon(ports.environment().now());
        Ok((store(ports, &recorded).await? == Write::Done).then_some(Some(recorded.delivery)))
    })
    .await
}
