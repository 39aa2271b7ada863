//! The texts that a caller sends along with a bulk download.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::hidden_debug;

/// Texts of a caller, which come back in the webhook. They may tell of the patient.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<String, String>")]
pub struct Metadata(BTreeMap<String, String>);

/// The metadata have more entries, or longer texts, than the public API takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "metadata has more than 50 entries, a key of more than 40 characters, or a value of more than 500"
)]
pub struct BadMetadata;

hidden_debug!(Metadata);

impl TryFrom<BTreeMap<String, String>> for Metadata {
    type Error = BadMetadata;

    fn try_from(texts: BTreeMap<String, String>) -> Result<Self, BadMetadata> {
        let (entries, key, value) = Self::LIMITS;
        let fits = |text: &str, most| text.chars().nth(most).is_none();
        let all_fit = texts.iter().all(|(name, text)| fits(name, key) && fits(text, value));
        if texts.len() <= entries && all_fit { Ok(Self(texts)) } else { Err(BadMetadata) }
    }
}

impl Metadata {
    /// The most entries, and the most characters of a key and of a value, as in the public API.
    pub const LIMITS: (usize, usize, usize) = (50, 40, 500);

    /// Returns whether there is nothing to send along.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_have_the_limits_of_the_public_api_and_stay_out_of_logs() {
        let of = |entries: usize, key: usize, value: usize| {
            let texts = (0..entries).map(|number| (format!("{number:0key$}"), "ä".repeat(value)));
            Metadata::try_from(texts.collect::<BTreeMap<_, _>>())
        };
        assert!(of(50, 40, 500).is_ok_and(|metadata| !format!("{metadata:?}").contains('ä')));
        for (entries, key, value) in [(51, 40, 500), (50, 41, 500), (50, 40, 501)] {
            assert_eq!(of(entries, key, value), Err(BadMetadata));
        }
    }
}
