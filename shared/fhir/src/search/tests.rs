use super::*;
use crate::gateway_url::PlainHttp;

fn base() -> GatewayUrl {
    GatewayUrl::parse("https://h/fhir", PlainHttp::Never).unwrap()
}

fn demographics(given: &str, family: &str, gender: &str, zips: &[&str]) -> Demographics {
    Demographics {
        first_name: given.parse().unwrap(),
        last_name: family.parse().unwrap(),
        dob: "1980-02-03".parse().unwrap(),
        gender: gender.parse().unwrap(),
        zips: zips.iter().map(|zip| zip.parse().unwrap()).collect(),
    }
}

fn url_of(parameters: &[Parameter]) -> String {
    let request = Request::search(&base(), SearchMethod::Get, "Patient", parameters);
    assert_eq!(request.form, None);
    request.url.to_string()
}

#[test]
fn discovery_is_the_query_of_iti_78() {
    let parameters = discovery(&demographics("Alice", "Mohr", "F", &["02139"]));
    assert_eq!(
        url_of(&parameters),
        "https://h/fhir/Patient?family=Mohr&given=Alice&birthdate=1980-02-03&gender=female&address-postalcode=02139"
    );
}

#[test]
fn the_document_query_is_that_of_iti_67() {
    let parameters = documents("a-1", None);
    assert_eq!(url_of(&parameters), "https://h/fhir/Patient?patient=Patient%2Fa-1&status=current");
    let parameters = documents("a|1", Some(100));
    assert_eq!(
        url_of(&parameters),
        "https://h/fhir/Patient?patient=Patient%2Fa%5C%7C1&status=current&_count=100"
    );
}

#[test]
fn a_gender_that_is_not_known_is_not_searched_for() {
    for (gender, code) in
        [("M", Some("male")), ("F", Some("female")), ("O", Some("other")), ("U", None)]
    {
        let parameters = discovery(&demographics("A", "B", gender, &[]));
        let sent = parameters.iter().find(|parameter| parameter.name == "gender");
        assert_eq!(sent.map(|parameter| &*parameter.values[0]), code);
    }
}

#[test]
fn several_names_are_searched_for_each_and_as_one() {
    let names = |text: &str| names(&text.parse::<Names>().unwrap());
    assert_eq!(names("John,Jonathan"), ["John Jonathan", "John", "Jonathan"]);
    assert_eq!(names("de la Cruz"), ["de la Cruz", "Cruz"]);
    assert_eq!(names("Li Wu"), ["Li Wu", "Li", "Wu"]);
    assert_eq!(names("Ana Ana"), ["Ana Ana", "Ana"]);
    assert_eq!(names("Li"), ["Li"]);
}

#[test]
fn a_query_has_an_end_whatever_a_patient_has() {
    let many: Vec<String> = (0..500).map(|n| format!("Name{n}")).collect();
    let zips: Vec<String> = (10000..10100).map(|zip| zip.to_string()).collect();
    let zips: Vec<&str> = zips.iter().map(String::as_str).collect();
    let parameters = discovery(&demographics(&many.join(" "), &many.join(" "), "F", &zips));
    assert!(parameters.iter().all(|parameter| parameter.values.len() <= VALUES));
    assert_eq!(parameters[4].values[0], "10099", "the newest address first");
    assert!(url_of(&parameters).len() < 1000);
}

#[test]
fn values_are_percent_encoded_and_escaped_in_fhirs_way() {
    let parameter = Parameter {
        name: "family",
        values: vec!["a b+c".into(), r"d,e|f$g\".into(), "é&=".into()],
    };
    assert_eq!(
        url_of(&[parameter]),
        "https://h/fhir/Patient?family=a%20b%2Bc%2Cd%5C%2Ce%5C%7Cf%5C%24g%5C%5C%2C%C3%A9%26%3D"
    );
}

#[test]
fn a_search_by_post_has_nothing_in_its_url() {
    let request =
        Request::search(&base(), SearchMethod::Post, "Patient", &[Parameter::one("family", "a b")]);
    assert_eq!(request.url.as_str(), "https://h/fhir/Patient/_search");
    assert_eq!(request.form.as_deref(), Some("family=a%20b"));
}
