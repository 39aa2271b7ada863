//! How many bytes a patient takes in the store.
//!
//! `DynamoDB` refuses an item over 400 KB (Developer Guide, "Service, account, and table quotas"),
//! and the rows of an identity share an item. Items are bounded here, so that a row that does not
//! fit fails alone and never fails its neighbours. Sizes are those of JSON in bytes, rounded up; a
//! test compares them with the real ones.

/// The largest patient record: the limit of an item less room for keys and attribute names.
pub const LARGEST_RECORD: usize = 380 * 1024;

/// The most that one row may add to a record. Two such rows of one patient do not fit together, and
/// no real row comes near.
pub const LARGEST_ROW: usize = 190 * 1024;

/// The largest size of the patients of one identity. The rest of the item is for remembered
/// decisions.
pub const LARGEST_PEOPLE: usize = 128 * 1024;

/// The largest size of the patients of one identity together with the remembered decisions about
/// them.
pub const LARGEST_IDENTITY: usize = 380 * 1024;

/// The size of a UUID with its quotes and a comma.
pub(crate) const ID: usize = 39;

/// Returns the size of a text with its quotes and a comma. Texts hold no control characters, so
/// that only `"` and `\` are escaped.
pub(crate) fn text(text: &str) -> usize {
    text.len() + text.bytes().filter(|byte| matches!(byte, b'"' | b'\\')).count() + 3
}
