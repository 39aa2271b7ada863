//! How the text of a header cell is matched to a column.
//!
//! A cell is squeezed to its letters and digits in lower case; that leaves `firstname` of `First
//! Name`, and `zip2` of `ZIP-2`. One thing must survive the squeezing: whether something stood
//! before the index. `addressLine1-2` is the first line of the second address, while
//! `addressLine12` is no column at all, because without a separator line 12 cannot be told from
//! line 1, index 2.

use crate::column::{ColumnName, Field, Slot};

use super::aliases::{Named, named};

/// A header cell that names a column of the import.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Recognised {
    pub(super) named: Named,
    pub(super) index: Index,
    /// Whether the text is as good for the second line of an address as for the first line of the
    /// second one: `Address 2`, `street_2`.
    pub(super) is_address_2: bool,
}

/// The index that a header cell gives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Index {
    None,
    Slot(Slot),
    /// A number, and not one from 1 to 10.
    OutOfRange,
}

/// The letters and digits of a header cell, in lower case, without what stands in brackets.
#[derive(Default)]
struct Squeezed {
    text: String,
    /// How many letters and digits stand before the last separator (0 if there is none).
    last_gap: usize,
    /// Whether that separator has a `+` in it.
    plus: bool,
}

/// Returns the letters and digits of a header cell, in lower case; `None` for text with letters of
/// another alphabet.
pub(in crate::csv) fn squeeze(cell: &str) -> Option<String> {
    squeeze_with_gaps(cell).map(|squeezed| squeezed.text)
}

fn squeeze_with_gaps(cell: &str) -> Option<Squeezed> {
    let mut squeezed = Squeezed::default();
    let (mut gap, mut plus) = (false, false);
    let text = without_brackets(cell);
    for c in text.chars() {
        if c.is_ascii_alphanumeric() {
            if gap {
                squeezed.last_gap = squeezed.text.len();
                squeezed.plus = plus;
            }
            (gap, plus) = (false, false);
            squeezed.text.push(c.to_ascii_lowercase());
        } else if c.is_alphanumeric() {
            return None;
        } else {
            gap = true;
            plus |= c == '+';
        }
    }
    Some(squeezed)
}

/// Drops what stands in brackets, as in `dob (YYYY-MM-DD)`, unless it is a number: `zip (2)`.
fn without_brackets(cell: &str) -> String {
    let mut kept = String::with_capacity(cell.len());
    let mut rest = cell;
    while let Some(open) = rest.find(['(', '[', '{']) {
        let inner = &rest[open + 1..];
        let Some(close) = inner.find([')', ']', '}']) else { break };
        kept.push_str(&rest[..open]);
        kept.push(' ');
        if inner[..close].bytes().all(|byte| byte.is_ascii_digit()) {
            kept.push_str(&inner[..close]);
            kept.push(' ');
        }
        rest = &inner[close + 1..];
    }
    kept.push_str(rest);
    kept
}

/// Returns the column that a header cell names, if any.
pub(super) fn recognise(cell: &str) -> Option<Recognised> {
    let squeezed = squeeze_with_gaps(cell)?;
    ["", "patients", "patient"].iter().find_map(|prefix| recognise_after(prefix, &squeezed))
}

/// Returns the column that a header cell names by itself, if any.
pub(super) fn column_alone(cell: &str) -> Option<ColumnName> {
    let Recognised { named, index, .. } = recognise(cell)?;
    let slot = match index {
        Index::None => None,
        Index::Slot(slot) => Some(slot),
        Index::OutOfRange => return None,
    };
    Some(ColumnName::new(named.field, slot))
}

fn recognise_after(prefix: &str, squeezed: &Squeezed) -> Option<Recognised> {
    let text = squeezed.text.strip_prefix(prefix)?;
    let last_gap = squeezed.last_gap.saturating_sub(prefix.len());
    if let Some(named) = named(text) {
        let is_address_2 = text == "address2";
        return Some(Recognised { named, index: Index::None, is_address_2 });
    }
    let digits = text.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    // A separator among the digits at the end parts the base name from the index; else all of them
    // are the index, and the base name ends in a letter.
    let (base, index) = text.split_at(last_gap.max(digits));
    // `ZIP+4` is a zip code with its four more digits, and not the zip code of a fourth address.
    if squeezed.plus && last_gap == base.len() {
        return None;
    }
    let named = named(base).filter(|named| named.field.is_grouped() && !index.is_empty())?;
    let slot = index.parse().ok().and_then(Slot::new);
    let is_bare_line = named.field == Field::AddressLine1 && !base.ends_with('1');
    let is_address_2 = is_bare_line && slot.is_some_and(|slot| slot.get() == 2);
    Some(Recognised { named, index: slot.map_or(Index::OutOfRange, Index::Slot), is_address_2 })
}

/// Whether the name of a column speaks of opting out of the exchange of health information.
pub(super) fn speaks_of_opting_out(cell: &str) -> bool {
    let squeezed: String =
        cell.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    ["optout", "optedout", "optsout", "optingout", "optinout", "hieopt"]
        .iter()
        .any(|words| squeezed.contains(words))
}
