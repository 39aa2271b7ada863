//! `GET /medical/v1/document/download`: opens a link of a webhook about documents, without an API
//! key. The link's signature takes the place of the key (`bulk_domain::document::DocumentLink`).

use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Redirect, Response};
use bulk_domain::audit::{Link, Objects};
use bulk_domain::document::{BadLink, DocumentLink};
use bulk_pipeline::ports::Ports as _;
use bulk_pipeline::ports::prelude::*;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::audit::Trail;
use crate::audited::links;
use crate::backend::Backend;
use crate::error::ApiError;
use crate::operations::get_document_url::link_to_copy;
use crate::query_parameters::refuse_unknown;
use crate::request::Parameters;

/// Looks for a copy that is being fetched, which take two seconds. A receiver may open hundreds of
/// links at once, and each waits in an execution of this function.
const LOOKS: u32 = 4;

const FORGED: ApiError =
    ApiError::BadLink("The link is incomplete, or this service has not made it");
const EXPIRED: ApiError = ApiError::BadLink(
    "The link has expired. GET /medical/v1/document/download-url makes another one for its fileName",
);

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct LinkQuery {
    /// As in the link.
    #[param(required, value_type = String)]
    customer: Option<String>,
    /// As in the link: the document.
    #[param(required, value_type = String)]
    file_name: Option<String>,
    /// As in the link: when the link expires, in seconds since 1970.
    #[param(required, value_type = String)]
    expires: Option<String>,
    /// As in the link.
    #[param(required, value_type = String)]
    signature: Option<String>,
}

/// A redirect to a copy. The audit trail records that the answer has a link to a document.
#[derive(Debug)]
pub struct ToCopy(String);

impl IntoResponse for ToCopy {
    fn into_response(self) -> Response {
        let mut response = Redirect::to(&self.0).into_response();
        let objects = Objects { documents: 1, ..links([(Link::Document, true)]) };
        response.extensions_mut().insert(objects);
        response
    }
}

/// Open the link of a webhook about documents
///
/// `url` of a document in a message of the type `medical.document-download`. Needs no API key, and
/// redirects to the document. The first call fetches the document from the gateway. If that takes
/// more than 2 seconds, it is answered 503: open the link again after `Retry-After`.
#[utoipa::path(
    get, path = "/medical/v1/document/download", operation_id = "openDocumentLink", tag = "document",
    params(LinkQuery),
    responses(
        (status = 303, description = "`Location` answers `GET` with the document, as a file to save. Valid for 60 seconds."),
        (status = 400, description = "Unknown or repeated query parameter. `detail` names it."),
        (status = 403, description = "The link was changed, it has expired, or the key of the webhooks was replaced."),
        (status = 404, description = "There is no such document any more, or its patient is opted out."),
        (status = 429, description = "Too many requests."),
        (status = 500, description = "The service failed. The same call may succeed later."),
        (status = 502, description = "The gateway did not answer with the document. `detail` says what is wrong."),
        (status = 503, description = "The document is being fetched, or the service could not answer in time. `Retry-After` is the pause before a retry in seconds."),
    ),
    security(()),
)]
pub async fn handle<B: Backend>(
    State(backend): State<B>,
    Opened(link): Opened,
) -> Result<ToCopy, ApiError> {
    Ok(ToCopy(link_to_copy(backend.ports(), link.customer, link.document, LOOKS).await?))
}

/// The link that a call opens. A handler with this argument runs only for a link that the service
/// has signed and that has not expired, and reads this customer's document only.
#[derive(Debug)]
pub struct Opened(DocumentLink);

impl<B: Backend> FromRequestParts<B> for Opened {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, backend: &B) -> Result<Self, ApiError> {
        let trail = parts.extensions.get::<Trail>().cloned();
        let trail = trail.ok_or(ApiError::Bug("the request has no audit trail"))?;
        trail.asks_for_caller();
        refuse_unknown(parts)?;
        let Parameters(query) = Parameters::<LinkQuery>::from_request_parts(parts, backend).await?;
        let link = query.link().ok_or(FORGED)?;
        // A customer that there is not has no settings.
        let settings = backend.ports().directory().load_settings(link.customer).await?;
        let now = backend.ports().environment().now();
        match settings.link_key.map_or(Err(BadLink::Forged), |key| link.check(&key, now)) {
            Err(BadLink::Forged) => return Err(FORGED),
            Err(BadLink::Expired) => {
                trail.note_link(link.customer);
                return Err(EXPIRED);
            }
            Ok(()) => trail.note_link(link.customer),
        }
        trail.begin(&parts.method, backend).await?;
        Ok(Self(link))
    }
}

impl LinkQuery {
    fn link(&self) -> Option<DocumentLink> {
        let Self { customer, file_name, expires, signature } = self;
        let (customer, file_name) = (customer.as_deref()?, file_name.as_deref()?);
        DocumentLink::read(customer, file_name, expires.as_deref()?, signature.as_deref()?)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::body::Body;
    use axum::http::header::{LOCATION, RETRY_AFTER};
    use axum::http::request::Builder;
    use axum::http::{Request, StatusCode};
    use bulk_domain::audit::{Actor, AuditEvent, Outcome, Phase};
    use bulk_domain::document::{CopyState, LinkKey};
    use bulk_domain::ids::CustomerId;
    use bulk_domain::query::QueryAttemptId;
    use bulk_domain::row::Directory;
    use bulk_domain::webhook_url::UrlPolicy;
    use bulk_memory::Cloud;
    use bulk_pipeline::ports::{CopyRef, WebhookSettings, Write};
    use tower::ServiceExt as _;
    use uuid::Uuid;

    use super::*;
    use crate::if_match::IfMatch;
    use crate::openapi::examples::{CUSTOMER, DOCUMENT, PATIENT, backend_of, cloud, examples};
    use crate::operations::delete_patient::delete_patient;
    use crate::operations::rotate_webhook_key::rotate_webhook_key;
    use crate::operations::set_hie_opt_out::set_hie_opt_out;
    use crate::operations::update_settings::set_webhook;
    use crate::{AllowedOrigin, Settings, router};

    fn link() -> String {
        examples().into_iter().find(|example| example.operation == "openDocumentLink").unwrap().uri
    }

    /// Sends a request. Returns the answer, and the events of the call.
    async fn events_of(cloud: &Cloud, request: Builder) -> (Response, Vec<AuditEvent>) {
        let settings = Settings {
            allowed_origin: AllowedOrigin::default(),
            answer_within: Duration::from_secs(10),
            record_within: Duration::from_secs(5),
        };
        let before = cloud.audit_events().len();
        let request = request.body(Body::empty()).unwrap();
        let answer = router(backend_of(cloud.clone()), settings).oneshot(request).await.unwrap();
        (answer, cloud.audit_events().split_off(before))
    }

    /// Opens a link. Returns the answer, and the event of the call.
    async fn open(cloud: &Cloud, link: &str) -> (Response, AuditEvent) {
        let (answer, events) = events_of(cloud, Request::get(link)).await;
        let [event] = &events[..] else { panic!("{events:?}") };
        (answer, event.clone())
    }

    #[tokio::test]
    async fn a_link_leads_to_the_document_without_an_api_key_and_the_audit_trail_says_so() {
        let (answer, event) = open(&cloud().await, &link()).await;
        assert_eq!(answer.status(), StatusCode::SEE_OTHER);
        assert!(answer.headers()[LOCATION].to_str().unwrap().starts_with("memory://documents/"));
        assert_eq!((event.customer, event.key()), (Some(CUSTOMER), None));
        assert!(matches!(event.actor, Actor::Caller { .. }));
        assert_eq!(event.outcome, Some(Outcome::Status(303)));
        assert_eq!(event.objects.patients, [PATIENT].into());
        assert_eq!((event.objects.documents, event.objects.links), (1, [Link::Document].into()));
    }

    #[tokio::test]
    async fn a_link_that_was_changed_is_refused_and_belongs_to_no_customer() {
        let (cloud, link) = (cloud().await, link());
        let (stranger, other) =
            (Uuid::from_u128(7).to_string(), CustomerId::new(Uuid::from_u128(8)));
        let key = Some(LinkKey::new([3; 32]));
        let settings = WebhookSettings { link_key: key, ..WebhookSettings::default() };
        cloud.set_customer(other, Directory::default(), settings);
        let last = if link.ends_with('0') { "1" } else { "0" };
        for changed in [
            link.replace(&CUSTOMER.to_string(), &stranger),
            link.replace(&CUSTOMER.to_string(), &other.to_string()),
            link.replace("expires=1", "expires=2"),
            format!("{}{last}", &link[..link.len() - 1]),
            link.replace("signature=", "signature=00"),
            link.split("&signature").next().unwrap().to_owned(),
        ] {
            let (answer, event) = open(&cloud, &changed).await;
            assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{changed}");
            assert_eq!((event.customer, event.objects.links.len()), (None, 0), "{changed}");
        }
    }

    #[tokio::test]
    async fn a_link_is_refused_after_an_hour_in_the_name_of_its_customer() {
        let cloud = cloud().await;
        cloud.set_time(cloud.now().plus(Duration::from_mins(59)));
        assert_eq!(open(&cloud, &link()).await.0.status(), StatusCode::SEE_OTHER);
        cloud.set_time(cloud.now().plus(Duration::from_mins(1)));
        let (answer, event) = open(&cloud, &link()).await;
        assert_eq!(answer.status(), StatusCode::FORBIDDEN);
        assert_eq!(event.customer, Some(CUSTOMER));
    }

    #[tokio::test]
    async fn a_link_ends_when_the_key_of_the_webhooks_is_replaced_or_the_url_is_cleared() {
        let cloud = cloud().await;
        rotate_webhook_key(&cloud, CUSTOMER).await.unwrap();
        assert_eq!(open(&cloud, &link()).await.0.status(), StatusCode::FORBIDDEN);
        let stored = cloud.load_settings(CUSTOMER).await.unwrap();
        let key = stored.link_key.clone().unwrap();
        let now = cloud.now();
        let second = DocumentLink::signed(CUSTOMER, DOCUMENT.parse().unwrap(), &key, now).url("");
        assert_eq!(open(&cloud, &second).await.0.status(), StatusCode::SEE_OTHER);
        let policy = UrlPolicy::PublicOnly;
        set_webhook(&cloud, &cloud, policy, CUSTOMER, None, None).await.unwrap();
        assert_eq!(open(&cloud, &second).await.0.status(), StatusCode::FORBIDDEN);
    }

    #[tokio::test]
    async fn the_documents_of_a_patient_who_is_opted_out_or_deleted_are_not_there() {
        let cloud = cloud().await;
        set_hie_opt_out(&cloud, CUSTOMER, PATIENT, true).await.unwrap();
        assert_eq!(open(&cloud, &link()).await.0.status(), StatusCode::NOT_FOUND);
        let cloud = self::cloud().await;
        delete_patient(&cloud, CUSTOMER, PATIENT, &IfMatch::any()).await.unwrap();
        assert_eq!(open(&cloud, &link()).await.0.status(), StatusCode::NOT_FOUND);
    }

    #[tokio::test(start_paused = true)]
    async fn a_document_that_is_being_fetched_is_asked_for_again_after_a_pause() {
        let cloud = cloud().await;
        let document = DOCUMENT.parse().unwrap();
        cloud.delete_copies(CUSTOMER, PATIENT).await.unwrap();
        let copy = CopyRef { customer: CUSTOMER, document };
        let version = cloud.load_copy(copy).await.unwrap().map(|stored| stored.version);
        let leased = CopyState::leased(QueryAttemptId::new(Uuid::from_u128(1)), cloud.now());
        assert_eq!(cloud.store_copy(copy, leased, version).await.unwrap(), Write::Done);
        let (answer, _) = open(&cloud, &link()).await;
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(answer.headers()[RETRY_AFTER], "5");
    }

    #[tokio::test]
    async fn a_request_that_is_no_get_begins_with_an_event() {
        let cloud = cloud().await;
        let events = events_of(&cloud, Request::head(link())).await.1;
        let phases: Vec<Phase> = events.iter().map(|event| event.phase).collect();
        assert_eq!(phases, [Phase::Begun, Phase::Ended]);
    }
}
