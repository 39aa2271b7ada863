use proptest::prelude::*;

use super::*;

const PATIENT: &str = r#"{
  "id": "01890a5d-ac96-774b-bcce-b302099a8057",
  "externalId": "A-1",
  "firstName": "John, Jonathan",
  "lastName": "O'Neil",
  "dob": "1980-02-03",
  "genderAtBirth": "M",
  "address": [
    {
      "addressLine1": "1 Main St",
      "addressLine2": "Apt 4",
      "city": "Boston",
      "state": "MA",
      "zip": "02139",
      "country": "USA"
    }
  ],
  "contact": [
    {
      "phone": "4155550100",
      "email": "john@example.com"
    },
    {
      "phone": "4155550101"
    }
  ],
  "personalIdentifiers": [
    {
      "type": "ssn",
      "value": "123456789"
    },
    {
      "type": "driversLicense",
      "value": "D123",
      "state": "CA"
    }
  ],
  "facilityIds": [
    "01890a5d-ac96-774b-bcce-b302099a8058"
  ],
  "cohortIds": [],
  "hieOptOut": false,
  "dateCreated": "2024-01-02T03:04:05.006Z",
  "dateUpdated": "2024-01-02T03:04:05.007Z"
}"#;

#[test]
fn a_patient_has_the_shape_of_the_api() {
    let patient: Patient = serde_json::from_str(PATIENT).unwrap();
    assert_eq!(serde_json::to_string_pretty(&patient).unwrap(), PATIENT);
}

#[test]
fn what_is_not_known_is_left_out() {
    let patient: Patient = serde_json::from_str(PATIENT).unwrap();
    let bare = Patient { external_id: None, ..patient };
    assert!(!serde_json::to_string(&bare).unwrap().contains("externalId"));
}

#[test]
fn a_value_that_is_not_valid_cannot_be_deserialized() {
    for (valid, invalid) in [
        ("\"1980-02-03\"", "\"1980-02-30\""),
        ("\"M\"", "\"Q\""),
        ("\"02139\"", "\"00000\""),
        ("\"4155550101\"", "\"41555\""),
        ("\"123456789\"", "\"000456789\""),
        ("\"Boston\"", "\" \""),
        ("\"john@example.com\"", "\"john\""),
        ("\"USA\"", "\"CAN\""),
    ] {
        let wrong = PATIENT.replace(valid, invalid);
        assert_ne!(wrong, PATIENT);
        let error = serde_json::from_str::<Patient>(&wrong).unwrap_err().to_string();
        assert!(invalid.len() < 4 || !error.contains(invalid.trim_matches('"')), "{error}");
    }
}

#[test]
fn debug_shows_no_value() {
    let patient: Patient = serde_json::from_str(PATIENT).unwrap();
    let debug = format!("{patient:?}");
    for value in [
        "A-1",
        "John",
        "Neil",
        "1980",
        "Main",
        "Apt",
        "Boston",
        "MA",
        "02139",
        "4155550",
        "john@",
        "123456789",
        "D123",
    ] {
        assert!(!debug.contains(value), "{value} in {debug}");
    }
}

/// Text that comes near to being a value of some kind.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[0-9/ T:-]{4,24}",
        "[0-9() x+.-]{6,20}",
        "[a-zA-Z,'. \u{e9}\u{301}\u{df}\u{fb01}\u{149}-]{1,16}",
        "[a-z.]{1,6}@[a-z.-]{3,10}",
        "\\PC{0,12}",
        any::<String>(),
    ]
}

/// Checks that what was read is read again as the same, from its text and from JSON.
fn reads_back<T>(text: &str) -> Result<(), TestCaseError>
where
    T: std::str::FromStr + PartialEq + std::fmt::Debug + Serialize + serde::de::DeserializeOwned,
{
    if let Ok(value) = text.parse::<T>() {
        let json = serde_json::to_string(&value).unwrap();
        let written: String = serde_json::from_str(&json).unwrap();
        prop_assert!(
            written.parse::<T>().ok().as_ref() == Some(&value),
            "{:?} became {:?}",
            text,
            written
        );
        prop_assert!(serde_json::from_str::<T>(&json).unwrap() == value);
    }
    Ok(())
}

proptest! {
    #[test]
    fn a_value_is_read_back_as_itself(text in text()) {
        reads_back::<Names>(&text)?;
        reads_back::<Dob>(&text)?;
        reads_back::<Gender>(&text)?;
        reads_back::<State>(&text)?;
        reads_back::<Zip>(&text)?;
        reads_back::<AddressText>(&text)?;
        reads_back::<Phone>(&text)?;
        reads_back::<Email>(&text)?;
        reads_back::<ExternalId>(&text)?;
        reads_back::<Ssn>(&text)?;
        reads_back::<LicenseNumber>(&text)?;
    }
}
