//! The demographics that matching compares, in the body of a request.

use bulk_domain::patient::{Address, Dob, Gender, Names};
use bulk_domain::time::Timestamp;
use utoipa::ToSchema;

use crate::fields::Fields;
use crate::new_address::{NewAddress, one_or_more_addresses};

/// The demographics that matching compares.
#[derive(Clone, PartialEq, Eq, Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct MatchedDemographics {
    /// First names, separated by commas or spaces.
    #[schema(value_type = String, format = "names")]
    pub first_name: Names,
    /// Last names, separated by commas or spaces.
    #[schema(value_type = String, format = "names")]
    pub last_name: Names,
    /// Date of birth: `YYYY-MM-DD`, or another form that an imported file may have. 1900 or later.
    #[schema(value_type = String, format = Date)]
    pub dob: Dob,
    /// `M`, `F`, `O`, `U`, or the word.
    #[schema(value_type = String, format = "gender")]
    pub gender_at_birth: Gender,
    #[schema(schema_with = one_or_more_addresses)]
    pub address: Vec<Address>,
}

impl MatchedDemographics {
    /// Returns the demographics in these fields. If one of them has a problem, `fields` holds it,
    /// and the demographics are absent or incomplete. A date of birth that is in the future at
    /// `now` is a problem, too.
    pub fn read(fields: &mut Fields<'_>, now: Option<Timestamp>) -> Option<Self> {
        let first_name = fields.required("firstName");
        let last_name = fields.required("lastName");
        let dob: Option<Dob> = fields.required("dob");
        if let (Some(dob), Some(now)) = (dob, now)
            && let Err(problem) = dob.check_not_after(now.date())
        {
            fields.refuse("dob", &problem.to_string());
        }
        let gender_at_birth = fields.required("genderAtBirth");
        let address = NewAddress::list(fields, "address");
        Some(Self {
            first_name: first_name?,
            last_name: last_name?,
            dob: dob?,
            gender_at_birth: gender_at_birth?,
            address,
        })
    }
}
