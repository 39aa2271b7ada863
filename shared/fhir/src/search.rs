//! The two searches in FHIR's terms: parameters, and the requests that send them.

use bulk_domain::document::Demographics;
use bulk_domain::patient::{Gender, Names, Zip};
use url::{Url, form_urlencoded};

use crate::gateway_url::GatewayUrl;
use crate::settings::SearchMethod;

/// Most values of one parameter. Longer lists make URLs that servers refuse.
const VALUES: usize = 8;
/// Longest name in characters that is searched for as several names joined.
const LONGEST_JOINED: usize = 100;
/// Shortest name in characters that is searched for by itself. Shorter ones are particles (`de`,
/// `la`) that too many names begin with.
const SHORTEST_NAME: usize = 3;

/// A request without its authorization.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) url: Url,
    /// The form to post. The request is a `GET` if there is none.
    pub(crate) form: Option<String>,
}

/// One search parameter. A resource matches if it has any of the values.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Parameter {
    pub(crate) name: &'static str,
    pub(crate) values: Vec<String>,
}

impl Parameter {
    pub(crate) fn one(name: &'static str, value: impl Into<String>) -> Self {
        Self { name, values: vec![value.into()] }
    }
}

impl Request {
    /// Returns the request of a search for resources of a type.
    pub(crate) fn search(
        base: &GatewayUrl,
        method: SearchMethod,
        resource: &str,
        parameters: &[Parameter],
    ) -> Self {
        let query = encode(parameters);
        match method {
            SearchMethod::Get => {
                let mut url = base.join(&[resource]);
                url.set_query(Some(&query));
                Self { url, form: None }
            }
            SearchMethod::Post => {
                Self { url: base.join(&[resource, "_search"]), form: Some(query) }
            }
        }
    }

    /// Returns the request for a further page.
    pub(crate) fn page(url: Url) -> Self {
        Self { url, form: None }
    }
}

/// Returns the parameters of the search for a patient (ITI-78).
pub(crate) fn discovery(demographics: &Demographics) -> Vec<Parameter> {
    let mut parameters = vec![
        Parameter { name: "family", values: names(&demographics.last_name) },
        Parameter { name: "given", values: names(&demographics.first_name) },
        Parameter::one("birthdate", demographics.dob.to_iso()),
    ];
    // ITI-78 takes a single gender. An unknown one is left out, because `unknown` would exclude the
    // records of sources that know the gender.
    let gender = match demographics.gender {
        Gender::Male => Some("male"),
        Gender::Female => Some("female"),
        Gender::Other => Some("other"),
        Gender::Unknown => None,
    };
    parameters.extend(gender.map(|gender| Parameter::one("gender", gender)));
    // The newest addresses are the last ones.
    let zips = demographics.zips.iter().rev().take(VALUES).map(Zip::as_str);
    let values: Vec<String> = zips.map(str::to_owned).collect();
    if !values.is_empty() {
        parameters.push(Parameter { name: "address-postalcode", values });
    }
    parameters
}

/// Returns the parameters of the search for a patient's documents (ITI-67). The id has its type,
/// because some servers do not take a bare id, although FHIR allows it.
pub(crate) fn documents(patient: &str, page_size: Option<u16>) -> Vec<Parameter> {
    let patient = Parameter::one("patient", format!("Patient/{patient}"));
    let mut parameters = vec![patient, Parameter::one("status", "current")];
    parameters.extend(page_size.map(|size| Parameter::one("_count", size.to_string())));
    parameters
}

/// Returns the names to search for: each by itself, because the exchange may know `John, Jonathan`
/// as either of them, and all joined, because `de la Cruz` may be one name there.
fn names(names: &Names) -> Vec<String> {
    let all: Vec<&str> = names.iter().collect();
    let joined = all.join(" ");
    if all.len() == 1 {
        return vec![joined];
    }
    let long: Vec<&str> =
        all.iter().copied().filter(|name| name.chars().count() >= SHORTEST_NAME).collect();
    let mut values: Vec<String> = Vec::new();
    if joined.chars().count() <= LONGEST_JOINED {
        values.push(joined);
    }
    for name in if long.is_empty() { all } else { long } {
        if values.len() < VALUES && !values.iter().any(|value| value == name) {
            values.push(name.to_owned());
        }
    }
    values
}

/// Returns the parameters as a query string in percent encoding, which ITI-78 asks for. Some
/// servers read a `+`, which forms use for a space, as a plus sign.
fn encode(parameters: &[Parameter]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for parameter in parameters {
        let values: Vec<String> = parameter.values.iter().map(|value| escape(value)).collect();
        query.append_pair(parameter.name, &values.join(","));
    }
    query.finish().replace('+', "%20")
}

/// Returns a value with FHIR's own escapes: a comma means "or"; `$` and `|` separate parts of a
/// value.
fn escape(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    for c in value.chars() {
        if matches!(c, '\\' | ',' | '$' | '|') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

#[cfg(test)]
mod tests;
