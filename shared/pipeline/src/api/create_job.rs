//! `POST /medical/v1/patient/bulk`: a new job and the link to upload its file with.

use domain::ids::{CustomerId, FacilityId, JobId};
use domain::job::{Job, UPLOAD_WINDOW};

use crate::api::ApiError;
use crate::ports::{Clock, CreateJob, LoadDirectory, Randomness, SignUpload};

/// What the caller asked for.
#[derive(Clone, Copy, Debug)]
pub struct NewJob {
    /// The facility of rows that name none, if given.
    pub facility: Option<FacilityId>,
    /// Only validate.
    pub dry_run: bool,
}

/// Makes the job. Fails without a facility to put the patients in.
pub async fn create_job(
    jobs: &impl CreateJob,
    directory: &impl LoadDirectory,
    files: &impl SignUpload,
    world: &(impl Clock + Randomness),
    customer: CustomerId,
    new: NewJob,
) -> Result<(Job, String), ApiError> {
    let known = directory.load_directory(customer).await?;
    let facility = choose_facility(new.facility, known.facilities.iter().copied())?;
    let job = Job::new(JobId::new(world.new_id()), customer, facility, new.dry_run, world.now());
    // First of all: a link that is signed later would take an upload after the job has expired.
    let upload_url = files.sign_upload((&job).into(), UPLOAD_WINDOW).await?;
    jobs.create_job(&job).await?;
    Ok((job, upload_url))
}

/// The facility that was asked for, or the customer's only one.
fn choose_facility(
    asked: Option<FacilityId>,
    mut known: impl Iterator<Item = FacilityId>,
) -> Result<FacilityId, ApiError> {
    const NOT_FOUND: ApiError = ApiError::NotFound("Could not find facility");
    match asked {
        Some(asked) => known.find(|id| *id == asked).ok_or(NOT_FOUND),
        None => match (known.next(), known.next()) {
            (None, _) => Err(NOT_FOUND),
            (Some(only), None) => Ok(only),
            (Some(_), Some(_)) => {
                Err(ApiError::BadRequest("More than one facility found, please specify a facility ID"))
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn choose(asked: Option<u128>, known: &[u128]) -> Result<u128, String> {
        let id = |number| FacilityId::new(Uuid::from_u128(number));
        choose_facility(asked.map(id), known.iter().copied().map(id))
            .map(|id| id.as_uuid().as_u128())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn the_named_facility_must_be_the_customers() {
        assert_eq!(choose(Some(2), &[1, 2]), Ok(2));
        assert_eq!(choose(Some(3), &[1, 2]), Err("Could not find facility".into()));
    }

    #[test]
    fn without_a_name_it_is_the_only_one() {
        assert_eq!(choose(None, &[1]), Ok(1));
        assert_eq!(choose(None, &[]), Err("Could not find facility".into()));
        assert_eq!(
            choose(None, &[1, 2]),
            Err("More than one facility found, please specify a facility ID".into())
        );
    }
}
