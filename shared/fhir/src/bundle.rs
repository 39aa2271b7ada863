//! The answer to a search: a `Bundle` of type `searchset`, as far as it concerns us.

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

/// What the top of an answer may hold. Links are read strictly: an unread `next` would cut the list short.
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

/// An entry of a page. Each is read by itself, so that one that is broken breaks no other.
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

/// Why an entry is there.
#[derive(Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Mode {
    /// It was searched for. So is what does not say why it is there.
    Match,
    /// Another entry refers to it.
    Include,
    /// It says something about the search.
    Outcome,
}

impl Entry<'_> {
    /// Why the entry is there.
    pub(crate) fn mode(&self) -> Mode {
        self.search.mode.unwrap_or(Mode::Match)
    }

    /// The type of its resource; empty if it does not say.
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
    /// Reads the answer to a search. An answer that only says what is wrong is a fault.
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

    /// Every entry; `None` for one that cannot be read.
    pub(crate) fn entries(&self) -> impl Iterator<Item = Option<Entry<'a>>> {
        self.entries.iter().map(|raw| serde_json::from_str(raw.get()).ok())
    }

    /// How many matches all pages have, if the gateway says so.
    pub(crate) fn total(&self) -> Option<u64> {
        self.total
    }

    /// The link to the next page.
    pub(crate) fn next(&self) -> Option<&str> {
        self.link("next")
    }

    /// Which search parameters the gateway says it respected. None of them if it does not say.
    pub(crate) fn respected(&self, base: &Url) -> Respected {
        let own = self.link("self").and_then(|link| base.join(link).ok());
        let names = own.iter().flat_map(Url::query_pairs).filter(|(_, value)| !value.is_empty());
        // A modifier, as in `family:exact`, or a type, as in `subject:Patient`, does not change which.
        Respected(names.map(|(name, _)| name.split(':').next().unwrap_or_default().to_owned()).collect())
    }

    /// Whether the gateway says that sources did not answer that should have.
    ///
    /// # Errors
    ///
    /// An outcome that is an error: FHIR allows none beside matches, so the matches are not to be trusted.
    pub(crate) fn is_incomplete(&self) -> Result<bool, Fault> {
        let mut incomplete = false;
        for entry in self.entries().flatten() {
            if entry.resource_type() == "OperationOutcome" {
                let outcome: Outcome = serde_json::from_str(entry.resource.get()).unwrap_or_default();
                check(&outcome.issue)?;
                incomplete |= outcome.issue.iter().any(Issue::is_passing);
            }
        }
        Ok(incomplete)
    }

    fn link(&self, relation: &str) -> Option<&str> {
        self.links.iter().find(|link| link.relation == relation).map(|link| &*link.url)
    }
}

/// Search parameters that a gateway says it respected.
#[derive(Clone, Debug, Default)]
pub(crate) struct Respected(HashSet<String>);

impl Respected {
    /// Whether this one is among them.
    pub(crate) fn has(&self, parameter: &str) -> bool {
        self.0.contains(parameter)
    }
}

/// What a gateway says about a search.
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
    /// Whether it is of the kind that passes: FHIR's issue type `transient` and those below it.
    fn is_passing(&self) -> bool {
        matches!(
            &*self.code,
            "transient" | "lock-error" | "no-store" | "exception" | "timeout" | "incomplete" | "throttled"
        )
    }
}

/// Refuses issues that are errors.
fn check(issues: &[Issue]) -> Result<(), Fault> {
    let mut errors = issues.iter().filter(|issue| matches!(&*issue.severity, "error" | "fatal")).peekable();
    if errors.peek().is_none() {
        return Ok(());
    }
    Err(if errors.all(Issue::is_passing) { Fault::Passing } else { Fault::Reported })
}

#[cfg(test)]
mod tests;
