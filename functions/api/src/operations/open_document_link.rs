//! `GET /medical/v1/document/download`: opens a link of a webhook about documents, without an API
//! key. The link's signature takes the place of the key (`bulk_domain::document::DocumentLink`).

use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Redirect, Response};
use bulk_domain::audit::{Link, Objects};
use bulk_domain::document::{BadLink, DocumentLink};
use bulk_pipeline::ports::Ports;
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
/// redirects to the document. The first call fetches the document from the gateway and can take 10
/// seconds. A slow gateway is answered 503: open the link again after `Retry-After`.
#[utoipa::path(
    get, path = "/medical/v1/document/download", operation_id = "openDocumentLink", tag = "document",
    params(LinkQuery),
    responses(
        (status = 303, description = "`Location` answers `GET` with the document, as a file to save. Valid for 60 seconds."),
        (status = 400, description = "Unknown query parameter. `detail` names it."),
        (status = 403, description = "The link has expired, or it was changed."),
        (status = 404, description = "There is no such document any more, or its patient is opted out."),
        (status = 502, description = "The gateway did not answer with the document. `detail` says what is wrong."),
        (status = 503, description = "The document is being fetched, or the service could not answer in time. `Retry-After` is the pause before a retry in seconds."),
    ),
    security(()),
)]
pub async fn handle<B: Backend>(
    State(backend): State<B>,
    Opened(link): Opened,
) -> Result<ToCopy, ApiError> {
    Ok(ToCopy(link_to_copy(backend.ports(), link.customer, link.document).await?))
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
        let link = query.checked(backend.ports()).await?;
        trail.note_link(link.customer);
        Ok(Self(link))
    }
}

impl LinkQuery {
    fn link(&self) -> Option<DocumentLink> {
        let Self { customer, file_name, expires, signature } = self;
        let (customer, file_name) = (customer.as_deref()?, file_name.as_deref()?);
        DocumentLink::read(customer, file_name, expires.as_deref()?, signature.as_deref()?)
    }

    async fn checked<P: Ports>(&self, ports: &P) -> Result<DocumentLink, ApiError> {
        let link = self.link().ok_or(FORGED)?;
        let key = ports.directory().find_hash_key(link.customer).await?.ok_or(FORGED)?;
        match link.check(&key, ports.environment().now()) {
            Ok(()) => Ok(link),
            Err(BadLink::Forged) => Err(FORGED),
            Err(BadLink::Expired) => Err(EXPIRED),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::body::Body;
    use axum::http::header::LOCATION;
    use axum::http::{Request, StatusCode};
    use bulk_domain::audit::{Actor, AuditEvent, Outcome};
    use bulk_domain::ids::CustomerId;
    use bulk_memory::Cloud;
    use tower::ServiceExt as _;
    use uuid::Uuid;

    use super::*;
    use crate::openapi::examples::{CUSTOMER, PATIENT, backend_of, cloud, examples};
    use crate::operations::set_hie_opt_out::set_hie_opt_out;
    use crate::{AllowedOrigin, Settings, router};

    fn link() -> String {
        examples().into_iter().find(|example| example.operation == "openDocumentLink").unwrap().uri
    }

    /// Opens a link. Returns the status, where it leads to, and the event of the call.
    async fn open(cloud: &Cloud, link: &str) -> (StatusCode, Option<String>, AuditEvent) {
        let settings = Settings {
            allowed_origin: AllowedOrigin::default(),
            answer_within: Duration::from_secs(10),
            record_within: Duration::from_secs(5),
        };
        let request = Request::get(link).body(Body::empty()).unwrap();
        let before = cloud.audit_events().len();
        let answer = router(backend_of(cloud.clone()), settings).oneshot(request).await.unwrap();
        let to = answer.headers().get(LOCATION).map(|url| url.to_str().unwrap().to_owned());
        let events = cloud.audit_events().split_off(before);
        let [event] = &events[..] else { panic!("{events:?}") };
        (answer.status(), to, event.clone())
    }

    #[tokio::test]
    async fn a_link_leads_to_the_document_without_an_api_key_and_the_audit_trail_says_so() {
        let (status, to, event) = open(&cloud().await, &link()).await;
        assert_eq!(status, StatusCode::SEE_OTHER);
        assert!(to.unwrap().starts_with("memory://documents/"));
        assert_eq!((event.customer, event.key()), (Some(CUSTOMER), None));
        assert!(matches!(event.actor, Actor::Caller { .. }));
        assert_eq!(event.outcome, Some(Outcome::Status(303)));
        assert_eq!(event.objects.patients, [PATIENT].into());
        assert_eq!((event.objects.documents, event.objects.links), (1, [Link::Document].into()));
    }

    #[tokio::test]
    async fn a_link_that_was_changed_is_refused_and_belongs_to_no_customer() {
        let (cloud, link) = (cloud().await, link());
        let other = CustomerId::new(Uuid::from_u128(7)).to_string();
        for changed in [
            link.replace(&CUSTOMER.to_string(), &other),
            link.replace("expires=1", "expires=2"),
            link.replace("signature=", "signature=00"),
            link.split("&signature").next().unwrap().to_owned(),
        ] {
            let (status, to, event) = open(&cloud, &changed).await;
            assert_eq!((status, to), (StatusCode::FORBIDDEN, None), "{changed}");
            assert_eq!(event.customer, None, "{changed}");
        }
    }

    #[tokio::test]
    async fn a_link_is_refused_after_an_hour() {
        let cloud = cloud().await;
        cloud.set_time(cloud.now().plus(Duration::from_mins(59)));
        assert_eq!(open(&cloud, &link()).await.0, StatusCode::SEE_OTHER);
        cloud.set_time(cloud.now().plus(Duration::from_mins(1)));
        assert_eq!(open(&cloud, &link()).await.0, StatusCode::FORBIDDEN);
    }

    #[tokio::test]
    async fn the_documents_of_an_opted_out_patient_are_not_there() {
        let cloud = cloud().await;
        set_hie_opt_out(&cloud, CUSTOMER, PATIENT, true).await.unwrap();
        assert_eq!(open(&cloud, &link()).await.0, StatusCode::NOT_FOUND);
    }
}
