//! How much room a patient takes in the store.
//!
//! `DynamoDB` refuses an item over 400 KB (Developer Guide, "Service, account, and table quotas"), and a person's rows
//! share an item. So that one large row never fails its neighbours, what is stored is bounded here, and a row that does
//! not fit fails alone. Sizes are those of JSON in bytes, rounded up; a test compares them with the real ones.

/// The most that a patient's record may take: the limit of an item less room for keys and attribute names.
pub const LARGEST_RECORD: usize = 380 * 1024;

/// The most that one row may add to a record. Two such rows about one patient do not fit together; no real row comes
/// near.
pub const LARGEST_ROW: usize = 190 * 1024;

/// The most that the patients of one identity may take. The rest of the item is for remembered decisions.
pub const LARGEST_PEOPLE: usize = 128 * 1024;

/// The most that the patients of one identity and the remembered decisions about them may take.
pub const LARGEST_IDENTITY: usize = 380 * 1024;

/// A UUID with its quotes and a comma.
pub(crate) const ID: usize = 39;

/// Returns the size of a text with its quotes and a comma. Texts hold no control characters, so that only `"` and `\`
/// are escaped.
pub(crate) fn text(text: &str) -> usize {
    text.len() + text.bytes().filter(|byte| matches!(byte, b'"' | b'\\')).count() + 3
}
