//! `POST /medical/v1/patient/match`

use axum::Json;
use axum::extract::State;
use domain::patient::Patient;
use pipeline::api::ApiError;
use pipeline::api::match_patient::{PersonToMatch, match_patient};
use serde_json::{Map, Value};

use crate::app::App;
use crate::auth::Caller;
use crate::error::Problem;
use crate::fields::Fields;
use crate::json::Body;

/// Find the patient that a row would update.
#[utoipa::path(
    post, path = "/medical/v1/patient/match", operation_id = "matchPatient", tag = "patient",
    request_body = crate::shapes::PersonShape,
    responses(
        (status = 200, description = "The oldest patient with the same names, birth date and gender and a zip code in common.", body = crate::shapes::PatientShape),
        (status = 400, description = "What was sent cannot be understood; `detail` says what."),
        (status = 404, description = "There is no such object of yours."),
        (status = 413, description = "The body is larger than 64 KiB."),
    ),
)]
pub async fn handle(
    State(app): State<App>,
    Caller(customer): Caller,
    Body(body): Body<Map<String, Value>>,
) -> Result<Json<Patient>, Problem> {
    let person = person(&body)?;
    Ok(Json(match_patient(&app.ports, customer, &person).await?))
}

fn person(body: &Map<String, Value>) -> Result<PersonToMatch, ApiError> {
    let mut fields = Fields::of(body);
    let first_name = fields.required("firstName");
    let last_name = fields.required("lastName");
    let dob = fields.required("dob");
    let gender_at_birth = fields.required("genderAtBirth");
    let zips = fields.addresses("address").iter().map(|address| address.zip).collect();
    fields.finish()?;
    let (Some(first_name), Some(last_name), Some(dob), Some(gender_at_birth)) =
        (first_name, last_name, dob, gender_at_birth)
    else {
        return Err(ApiError::Invalid(Vec::new()));
    };
    Ok(PersonToMatch { first_name, last_name, dob, gender_at_birth, zips })
}
