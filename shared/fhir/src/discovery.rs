//! The choice among the patients that a gateway answers: the only one that has the demographics, or
//! none.

mod matching;

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};
use url::Url;

use crate::bundle::{Mode, Respected, SearchSet};
use crate::error::Fault;
use crate::patient::Patient;
use crate::search::Parameter;
use matching::has;

/// The gateway's id of a patient. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct GatewayPatientId(String);

impl GatewayPatientId {
    /// Longest id in bytes. FHIR allows 64, and some servers create longer ones.
    const BYTES: usize = 255;

    /// Returns the id, if the text can be one.
    pub fn new(text: &str) -> Option<Self> {
        let is_id = !text.is_empty()
            && text.len() <= Self::BYTES
            && text.bytes().all(|b| b.is_ascii_graphic());
        is_id.then(|| Self(text.to_owned()))
    }

    /// Returns the id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

bulk_domain::hidden_debug!(GatewayPatientId);

/// The outcome of a discovery.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Discovery {
    /// Exactly one patient of the exchange has the demographics.
    Match(GatewayPatientId),
    /// No patient of the exchange has them.
    NoMatch {
        /// Whether the gateway reported that some of its sources did not answer.
        incomplete: bool,
    },
    /// Several patients of the exchange have them.
    Ambiguous,
}

/// The patients that have the demographics, collected from all pages.
pub(crate) struct Candidates {
    wanted: Vec<Parameter>,
    /// From the `self` link of the first page. ITI-78 does not define that link on later pages.
    respected: Option<Respected>,
    found: BTreeSet<GatewayPatientId>,
    incomplete: bool,
}

impl Candidates {
    pub(crate) fn new(wanted: Vec<Parameter>) -> Self {
        Self { wanted, respected: None, found: BTreeSet::new(), incomplete: false }
    }

    /// Adds the patients of a page. Breaks at the second one, because the outcome is then
    /// ambiguous.
    pub(crate) fn add(
        &mut self,
        page: &SearchSet<'_>,
        base: &Url,
    ) -> Result<ControlFlow<()>, Fault> {
        self.incomplete |= page.is_incomplete()?;
        let respected = self.respected.get_or_insert_with(|| page.respected(base));
        let patients = patients(page)?;
        for (_, patient) in patients.iter().filter(|(mode, _)| *mode == Mode::Match) {
            if !self
                .wanted
                .iter()
                .all(|parameter| respected.has(parameter.name) || has(patient, parameter))
            {
                continue;
            }
            let current =
                if patient.is_active() { Some(patient) } else { successor(patient, &patients) };
            if let Some(current) = current {
                self.found.insert(GatewayPatientId::new(&current.id).ok_or(Fault::Malformed)?);
            }
        }
        Ok(if self.found.len() > 1 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    }
}

impl From<Candidates> for Discovery {
    fn from(candidates: Candidates) -> Self {
        let mut found = candidates.found.into_iter();
        match (found.next(), found.next()) {
            (None, _) => Self::NoMatch { incomplete: candidates.incomplete },
            (Some(patient), None) => Self::Match(patient),
            (Some(_), Some(_)) => Self::Ambiguous,
        }
    }
}

/// Returns the patients of a page. One that cannot be parsed is an error: it could be the second
/// match, which makes the outcome ambiguous.
fn patients(page: &SearchSet<'_>) -> Result<Vec<(Mode, Patient)>, Fault> {
    let mut patients = Vec::new();
    for entry in page.entries() {
        let entry = entry.ok_or(Fault::Malformed)?;
        if entry.resource_type() == "Patient" {
            let patient =
                serde_json::from_str(entry.resource.get()).map_err(|_| Fault::Malformed)?;
            patients.push((entry.mode(), patient));
        }
    }
    Ok(patients)
}

/// Returns the record that an inactive one was merged into. ITI-78 puts it into the same bundle.
fn successor<'a>(patient: &Patient, patients: &'a [(Mode, Patient)]) -> Option<&'a Patient> {
    let id = patient.replaced_by()?;
    patients.iter().map(|(_, other)| other).find(|other| other.id == id && other.is_active())
}

#[cfg(test)]
mod tests;
