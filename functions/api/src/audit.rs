//! The audit trail of calls: every call of an operation that needs an API key, or a link in its
//! place, stores events, also a call that is refused.
//!
//! No answer leaves before its event is stored: a call with an event that cannot be stored is
//! answered 503, so that nothing is read without a trace. A call that may change something stores
//! an event before it begins, too, because a function that dies after a change stores none. If an
//! event cannot be stored, the function logs it as an error, which an alarm counts.
//!
//! An event has the template of the route and ids from path, query and answer. It never has a path
//! or a query as they were sent, which can hold patient data.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::RequestExt as _;
use axum::extract::{MatchedPath, Query, RawPathParams, Request, State};
use axum::http::Method;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use bulk_domain::audit::{Action, Actor, AuditEvent, Objects, Outcome, Phase};
use bulk_domain::document::DocumentName;
use bulk_domain::ids::{CohortId, CustomerId, FacilityId, JobId, PatientId};
use bulk_domain::key_id::KeyId;
use bulk_domain::time::Timestamp;
use bulk_pipeline::ports::prelude::*;
use bulk_pipeline::ports::{PortError, PortResult, Ports};
use serde::Deserialize;
use tracing::error;

use crate::backend::Backend;
use crate::error::ApiError;
use crate::request::opt_out;

/// Where a request came from. The server sets it as an extension of the request.
#[derive(Clone, Default, Debug)]
pub struct Origin {
    /// The address that API Gateway received the request from.
    pub source_address: Option<IpAddr>,
    /// API Gateway's id of the request.
    pub call_id: Option<String>,
}

/// What is known about a call while it is handled. Clones share it.
#[derive(Clone, Debug)]
pub struct Trail(Arc<Mutex<Known>>);

#[derive(Debug)]
struct Known {
    /// The event of the call, without its outcome.
    event: AuditEvent,
    /// Whether the operation has asked for the caller, as all operations do that need an API key or
    /// a link.
    is_audited: bool,
}

impl Trail {
    fn of(request: &Parts, objects: Objects, now: Timestamp) -> Self {
        let route = request.extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str);
        let origin = request.extensions.get::<Origin>().cloned().unwrap_or_default();
        let Origin { source_address, call_id } = origin;
        let event = AuditEvent {
            time: now,
            phase: Phase::Begun,
            action: Action::Call(format!("{} {route}", request.method).into()),
            customer: None,
            actor: Actor::Caller { key: None, source_address, call_id },
            objects,
            outcome: None,
        };
        Self(Arc::new(Mutex::new(Known { event, is_audited: false })))
    }

    fn with<T>(&self, work: impl FnOnce(&mut Known) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Marks the call as one that needs an API key, or a link in its place.
    pub fn asks_for_caller(&self) {
        self.with(|known| known.is_audited = true);
    }

    /// Notes the owner of the key that the call has.
    pub fn note_caller(&self, customer: CustomerId, id: KeyId) {
        self.with(|known| {
            known.event.customer = Some(customer);
            if let Actor::Caller { key, .. } = &mut known.event.actor {
                *key = Some(id);
            }
        });
    }

    /// Notes the customer whose link the call opens.
    pub fn note_link(&self, customer: CustomerId) {
        self.with(|known| known.event.customer = Some(customer));
    }

    /// Stores the event that the call is about to change these objects, as neither its path nor its
    /// query says.
    pub async fn announce<P: Ports>(&self, ports: &P, objects: Objects) -> Result<(), ApiError> {
        let mut event = self.with(|known| known.event.clone());
        event.objects.add(objects);
        ports.audit_trail().record(&event).await.map_err(ApiError::Unrecorded)
    }

    /// Stores the event that the call is about to begin, if it may change something.
    pub async fn begin<B: Backend>(&self, method: &Method, backend: &B) -> Result<(), ApiError> {
        if *method == Method::GET {
            return Ok(());
        }
        let event = self.with(|known| known.event.clone());
        backend.ports().audit_trail().record(&event).await.map_err(ApiError::Unrecorded)
    }
}

/// The backend, and the time in which an event has to be stored.
#[derive(Clone, Debug)]
pub struct Auditor<B> {
    /// The backend of the operations.
    pub backend: B,
    /// Time after which an event counts as not stored.
    pub record_within: Duration,
}

/// Runs the request, and stores the event of how it ended before its answer leaves.
pub async fn audited<B: Backend>(
    State(auditor): State<Auditor<B>>,
    mut request: Request,
    next: Next,
) -> Response {
    let objects = named(&mut request).await;
    let (mut parts, body) = request.into_parts();
    let trail = Trail::of(&parts, objects, auditor.backend.ports().environment().now());
    parts.extensions.insert(trail.clone());
    let response = next.run(Request::from_parts(parts, body)).await;
    let Some(mut event) = trail.with(|known| known.is_audited.then(|| known.event.clone())) else {
        return response;
    };
    event.objects.add(response.extensions().get().cloned().unwrap_or_default());
    let outcome = Outcome::Status(response.status().as_u16());
    let event = event.ended(auditor.backend.ports().environment().now(), outcome);
    match auditor.record(&event).await {
        Ok(()) => response,
        Err(cause) => {
            let event = serde_json::to_string(&event).unwrap_or_default();
            error!(audit.event = event, "Audit event not stored: {cause}");
            ApiError::Unrecorded(cause).into_response()
        }
    }
}

impl<B: Backend> Auditor<B> {
    async fn record(&self, event: &AuditEvent) -> PortResult<()> {
        let recorded = self.backend.ports().audit_trail().record(event);
        tokio::time::timeout(self.record_within, recorded).await.unwrap_or_else(|_| {
            Err(PortError {
                operation: "logs.PutLogEvents",
                code: "timeout".to_owned(),
                transient: true,
            })
        })
    }
}

/// Ids in a query, and whether it opts a patient out. The other parameters are not read, and
/// neither is a value that is no id.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct QueryIds {
    patient_id: Option<String>,
    facility_id: Option<String>,
    file_name: Option<String>,
    hie_opt_out: Option<String>,
}

/// Returns the objects that path and query name, whether or not they exist.
async fn named(request: &mut Request) -> Objects {
    let mut objects = Objects::default();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or("", MatchedPath::as_str);
    if let Ok(parameters) = request.extract_parts::<RawPathParams>().await {
        for (name, id) in &parameters {
            name_object(&mut objects, kind_of(route, name), id);
        }
    }
    if let Ok(Query(ids)) = request.extract_parts::<Query<QueryIds>>().await {
        let QueryIds { patient_id, facility_id, file_name, hie_opt_out } = ids;
        objects.opt_out = opt_out(hie_opt_out.as_deref()).ok();
        let document = file_name.unwrap_or_default().trim().parse::<DocumentName>();
        objects.patients.extend(document.map(|document| document.patient));
        name_object(&mut objects, "patient", patient_id.unwrap_or_default().trim());
        name_object(&mut objects, "facility", facility_id.unwrap_or_default().trim());
    }
    objects
}

/// Returns the kind of object that a parameter of a route names: the segment before it.
fn kind_of<'a>(route: &'a str, parameter: &str) -> &'a str {
    let before = route.split_once(&format!("/{{{parameter}}}")).map_or("", |(before, _)| before);
    before.rsplit('/').next().unwrap_or_default()
}

fn name_object(objects: &mut Objects, kind: &str, id: &str) {
    match kind {
        "patient" => objects.patients.extend(id.parse::<PatientId>()),
        "bulk" => objects.jobs.extend(id.parse::<JobId>()),
        "facility" => objects.facilities.extend(id.parse::<FacilityId>()),
        "cohort" => objects.cohorts.extend(id.parse::<CohortId>()),
        _ => {}
    }
}

#[cfg(test)]
mod tests;
