//! The answer to a search: a `Bundle` of type `searchset`.

use std::collections::HashSet;

use serde::Deserialize;
use serde_json::value::RawValue;
use url::Url;

use crate::error::Fault;
use crate::lenient::{lenient, lenient_list, lenient_number};

/// One page of a search's answer.
#[derive(Debug)]
pub(crate) struct SearchSet<'a> {
    links: Vec<Link>,
    entries: Vec<&'a RawValue>,
    total: Option<u64>,
}

/// The fields of an answer, which is a `Bundle` or an `OperationOutcome`. Links are read strictly,
/// because the list would end early without an error if `next` were ignored.
#[derive(Deserialize)]
struct Top<'a> {
    #[serde(default, rename = "resourceType", deserialize_with = "lenient")]
    resource_type: String,
    #[serde(default, rename = "type", deserialize_with = "lenient")]
    kind: String,
    #[serde(default)]
    link: Option<Vec<Link>>,
    #[serde(default, borrow)]
    entry: Option<Vec<&'a RawValue>>,
    #[serde(default, deserialize_with = "lenient_number")]
    total: Option<u64>,
    #[serde(default, deserialize_with = "lenient_list")]
    issue: Vec<Issue>,
}

#[derive(Deserialize, Debug)]
struct Link {
    relation: String,
    url: String,
}

/// An entry of a page. Entries are parsed one by one, so that a malformed entry does not affect the
/// others.
#[derive(Deserialize)]
pub(crate) struct Entry<'a> {
    #[serde(borrow)]
    pub(crate) resource: &'a RawValue,
    #[serde(default, deserialize_with = "lenient")]
    search: SearchPart,
}

#[derive(Deserialize, Default)]
struct SearchPart {
    #[serde(default, deserialize_with = "lenient")]
    mode: Option<Mode>,
}

/// Why a bundle contains an entry.
#[derive(Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Mode {
    /// It matches the search. An entry without a mode counts as a match.
    Match,
    /// Another entry refers to it.
    Include,
    /// It reports on the search itself.
    Outcome,
}

impl Entry<'_> {
    /// Returns why the bundle contains the entry.
    pub(crate) fn mode(&self) -> Mode {
        self.search.mode.unwrap_or(Mode::Match)
    }

    /// Returns the type of its resource. Empty if the resource names none.
    pub(crate) fn resource_type(&self) -> String {
        #[derive(Deserialize, Default)]
        struct Type {
            #[serde(default, rename = "resourceType", deserialize_with = "lenient")]
            resource_type: String,
        }
        serde_json::from_str::<Type>(self.resource.get()).unwrap_or_default().resource_type
    }
}

impl<'a> SearchSet<'a> {
    /// Parses the answer to a search.
    ///
    /// # Errors
    ///
    /// The body is not a `searchset`, or it is an outcome that reports errors.
    pub(crate) fn read(body: &'a [u8]) -> Result<Self, Fault> {
        let top: Top<'a> = serde_json::from_slice(body).map_err(|_| Fault::Malformed)?;
        if top.resource_type == "OperationOutcome" {
            check(&top.issue)?;
        }
        if top.resource_type != "Bundle" || top.kind != "searchset" {
            return Err(Fault::Malformed);
        }
        let (links, entries) = (top.link.unwrap_or_default(), top.entry.unwrap_or_default());
        Ok(Self { links, entries, total: top.total })
    }

    /// Returns every entry; `None` in place of an entry that cannot be parsed.
    pub(crate) fn entries(&self) -> impl Iterator<Item = Option<Entry<'a>>> {
        self.entries.iter().map(|raw| serde_json::from_str(raw.get()).ok())
    }

    /// Returns the number of matches on all pages, if the gateway tells it.
    pub(crate) fn total(&self) -> Option<u64> {
        self.total
    }

    /// Returns the link to the next page.
    pub(crate) fn next(&self) -> Option<&str> {
        self.link("next")
    }

    /// Returns the search parameters that the gateway respected, by its `self` link. None if there
    /// is no such link.
    pub(crate) fn respected(&self, base: &Url) -> Respected {
        let own = self.link("self").and_then(|link| base.join(link).ok());
        let names = own.iter().flat_map(Url::query_pairs).filter(|(_, value)| !value.is_empty());
        // The name ends before a modifier, as in `family:exact`, or a type, as in
        // `subject:Patient`.
        Respected(
            names.map(|(name, _)| name.split(':').next().unwrap_or_default().to_owned()).collect(),
        )
    }

    /// Returns whether the gateway reports that some of its sources did not answer.
    ///
    /// # Errors
    ///
    /// An outcome among the entries is an error. FHIR allows none beside matches, so the matches
    /// cannot be trusted.
    pub(crate) fn is_incomplete(&self) -> Result<bool, Fault> {
        let mut incomplete = false;
        for entry in self.entries().flatten() {
            if entry.resource_type() == "OperationOutcome" {
                let outcome: Outcome =
                    serde_json::from_str(entry.resource.get()).unwrap_or_default();
                check(&outcome.issue)?;
                incomplete |= outcome.issue.iter().any(Issue::is_transient);
            }
        }
        Ok(incomplete)
    }

    fn link(&self, relation: &str) -> Option<&str> {
        self.links.iter().find(|link| link.relation == relation).map(|link| &*link.url)
    }
}

/// The search parameters that a gateway respected, by its own account.
#[derive(Clone, Debug, Default)]
pub(crate) struct Respected(HashSet<String>);

impl Respected {
    /// Returns whether the parameter is among them.
    pub(crate) fn has(&self, parameter: &str) -> bool {
        self.0.contains(parameter)
    }
}

/// An `OperationOutcome`: what a gateway reports about a search.
#[derive(Deserialize, Default)]
struct Outcome {
    #[serde(default, deserialize_with = "lenient_list")]
    issue: Vec<Issue>,
}

#[derive(Deserialize)]
struct Issue {
    #[serde(default, deserialize_with = "lenient")]
    severity: String,
    #[serde(default, deserialize_with = "lenient")]
    code: String,
}

impl Issue {
    /// Returns whether the issue has FHIR's type `transient`, or one of the types below it.
    fn is_transient(&self) -> bool {
        matches!(
            &*self.code,
            "transient"
                | "lock-error"
                | "no-store"
                | "exception"
                | "timeout"
                | "incomplete"
                | "throttled"
        )
    }
}

/// Returns a fault if there are errors among the issues.
fn check(issues: &[Issue]) -> Result<(), Fault> {
    let mut errors =
        issues.iter().filter(|issue| matches!(&*issue.severity, "error" | "fatal")).peekable();
    if errors.peek().is_none() {
        return Ok(());
    }
    Err(if errors.all(Issue::is_transient) { Fault::Transient } else { Fault::Reported })
}

#[cfg(test)]
mod tests;
