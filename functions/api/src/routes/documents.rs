//! `GET /medical/v1/document?patientId=&count=&fromItem=`

use axum::Json;
use axum::extract::State;
use domain::document::Document;
use pipeline::api::ApiError;
use pipeline::api::list_documents::list_documents;
use pipeline::api::page::Counts;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::App;
use crate::auth::Caller;
use crate::error::Problem;
use crate::page::{Here, Meta, PageQuery};
use crate::query::{Parameters, patient};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DocumentsQuery {
    patient_id: Option<String>,
    count: Option<String>,
    from_item: Option<String>,
    output: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Documents)]
pub struct DocumentsBody {
    #[schema(value_type = Vec<crate::shapes::DocumentShape>)]
    documents: Vec<Document>,
    meta: Meta,
}

/// Read what is known of a patient's documents.
///
/// They are those of the last query that did not fail. There is a second page only where the answer would be larger
/// than 4 MB, or fewer are asked for. A newer query that succeeds replaces all of them: a caller between two pages is
/// then answered 409, and begins again without `fromItem`.
#[utoipa::path(
    get, path = "/medical/v1/document", operation_id = "listDocuments", tag = "document",
    params(
        ("patientId" = String, Query, format = "uuid", description = "The patient."),
        ("count" = Option<u32>, Query, minimum = 1, maximum = 20_000, description = "Items on a page. Default: all that fit into an answer."),
        ("fromItem" = Option<String>, Query, pattern = "^(|[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}[.][0-9]{1,9}[.][0-9]{1,9})$", description = "Where the page begins: taken from `meta.nextPage`."),
        ("output" = Option<String>, Query, pattern = "^(|dto)$", description = "The form of a document, of which there is one: `dto`."),
    ),
    responses(
        (status = 200, description = "The documents.", body = DocumentsBody),
        (status = 400, description = "The patient is missing, or something else cannot be understood; `detail` says what."),
        (status = 404, description = "There is no such object of yours."),
        (status = 409, description = "A newer query has replaced the documents since the page before this one."),
    ),
)]
pub async fn handle(
    State(app): State<App>,
    Caller(customer): Caller,
    Parameters(query): Parameters<DocumentsQuery>,
    here: Here,
) -> Result<Json<DocumentsBody>, Problem> {
    let patient = patient(query.patient_id.as_deref())?;
    let request = PageQuery { count: query.count, from_item: query.from_item }.parse(Counts::WHOLE)?;
    let output = output(query.output.as_deref())?;
    let page = list_documents(&app.ports, customer, patient, request).await?;
    let others = [("patientId", Some(patient.to_string())), ("output", output.map(str::to_owned))];
    let meta = here.meta(page.items.len(), page.next, request.count, &others);
    Ok(Json(DocumentsBody { documents: page.items, meta }))
}

/// The form of documents that is asked for, if one is. The public API has another one, too, which a caller that asks
/// for it must not be given this one in place of.
fn output(text: Option<&str>) -> Result<Option<&'static str>, ApiError> {
    match text.map(str::trim) {
        None | Some("") => Ok(None),
        Some("dto") => Ok(Some("dto")),
        Some(_) => Err(ApiError::BadRequest("output must be dto")),
    }
}
