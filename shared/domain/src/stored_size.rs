//! How many bytes a patient takes in the store.
//!
//! `DynamoDB` refuses an item over 400 KB (Developer Guide, "Service, account, and table quotas"),
//! and the patients of a bucket share an item. Items are bounded here, so that a row that does not
//! fit fails alone and never fails its neighbours. Sizes are those of JSON in bytes, rounded up; a
//! test compares them with the real ones.

/// The largest size of all patients of a person's item. The rest of the item is for remembered
/// decisions.
pub const LARGEST_PATIENTS: usize = 300 * 1024;

/// The largest size of a person's item: the limit of `DynamoDB` less room for keys and attribute
/// names.
pub const LARGEST_PERSON: usize = 390 * 1024;

/// The most that one row may add to a person's item. Two such rows of one person do not fit
/// together, and no real row comes near.
pub const LARGEST_ROW: usize = 190 * 1024;

/// The size of a UUID in base64 with its quotes and a comma.
pub(crate) const ID: usize = 25;

/// Returns the size of a text with its quotes and a comma. Texts hold no control characters, so
/// that only `"` and `\` are escaped.
pub(crate) fn text(text: &str) -> usize {
    text.len() + text.bytes().filter(|byte| matches!(byte, b'"' | b'\\')).count() + 3
}
