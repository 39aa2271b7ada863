//! The searches in FHIR's terms.

use domain::document::Demographics;
use domain::patient::{Gender, Names, Zip};
use url::{Url, form_urlencoded};

use crate::gateway_url::GatewayUrl;
use crate::settings::SearchMethod;

/// Values of one parameter that are sent at most. Longer lists make URLs that servers refuse.
const VALUES: usize = 8;
/// Several names are also searched for as one, if they are not longer than this.
const JOINED_CHARS: usize = 100;
/// Shorter names are particles (`de`, `la`) that too many names begin with.
const NAME_CHARS: usize = 3;

/// A request, complete but for its authorization.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// Where it goes.
    pub(crate) url: Url,
    /// The form to post; a `GET` if there is none.
    pub(crate) form: Option<String>,
}

/// One search parameter: any of its values will do.
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
    /// A search of a resource type.
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
            SearchMethod::Post => Self { url: base.join(&[resource, "_search"]), form: Some(query) },
        }
    }

    /// A page.
    pub(crate) fn page(url: Url) -> Self {
        Self { url, form: None }
    }
}

/// What a patient is searched for by (ITI-78).
pub(crate) fn discovery(demographics: &Demographics) -> Vec<Parameter> {
    let mut parameters = vec![
        Parameter { name: "family", values: names(&demographics.family) },
        Parameter { name: "given", values: names(&demographics.given) },
        Parameter::one("birthdate", demographics.birth_date.to_iso()),
    ];
    // ITI-78 takes a single gender. Not knowing it is a reason not to ask for it: `unknown` would
    // exclude the record of whoever does know.
    let gender = match demographics.gender {
        Gender::Male => Some("male"),
        Gender::Female => Some("female"),
        Gender::Other => Some("other"),
        Gender::Unknown => None,
    };
    parameters.extend(gender.map(|gender| Parameter::one("gender", gender)));
    // The newest are last.
    let zips = demographics.postal_codes.iter().rev().take(VALUES).map(Zip::as_str);
    let values: Vec<String> = zips.map(str::to_owned).collect();
    if !values.is_empty() {
        parameters.push(Parameter { name: "address-postalcode", values });
    }
    parameters
}

/// What a patient's documents are searched for by (ITI-67). FHIR allows the bare id as well, but not
/// every server does.
pub(crate) fn documents(patient: &str, page_size: Option<u16>) -> Vec<Parameter> {
    let patient = Parameter::one("patient", format!("Patient/{patient}"));
    let mut parameters = vec![patient, Parameter::one("status", "current")];
    parameters.extend(page_size.map(|size| Parameter::one("_count", size.to_string())));
    parameters
}

/// The names to search for: each, since `John, Jonathan` may be known as either, and all as one, since
/// `de, la, Cruz` is one name elsewhere.
fn names(names: &Names) -> Vec<String> {
    let all: Vec<&str> = names.iter().collect();
    let joined = all.join(" ");
    if all.len() == 1 {
        return vec![joined];
    }
    let long: Vec<&str> = all.iter().copied().filter(|name| name.chars().count() >= NAME_CHARS).collect();
    let mut values: Vec<String> = Vec::new();
    if joined.chars().count() <= JOINED_CHARS {
        values.push(joined);
    }
    for name in if long.is_empty() { all } else { long } {
        if values.len() < VALUES && !values.iter().any(|value| value == name) {
            values.push(name.to_owned());
        }
    }
    values
}

/// Parameters as a query, in percent encoding as ITI-78 asks for: a `+` for a space would be a plus
/// sign to some.
fn encode(parameters: &[Parameter]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for parameter in parameters {
        let values: Vec<String> = parameter.values.iter().map(|value| escape(value)).collect();
        query.append_pair(parameter.name, &values.join(","));
    }
    query.finish().replace('+', "%20")
}

/// A value with FHIR's own escapes: a comma means "or", `$` and `|` part a value.
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
