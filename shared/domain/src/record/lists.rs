//! How the lists of a patient grow: a value is added once, however it is written.

use crate::patient::{Address, AddressText, Contact};

/// Adds a value that the list does not have yet. Returns whether it was added.
pub(super) fn add<T: PartialEq>(list: &mut Vec<T>, value: T) -> bool {
    let is_new = !list.contains(&value);
    if is_new {
        list.push(value);
    }
    is_new
}

/// Adds an address that the patient does not have yet. Returns whether it was added.
pub(super) fn add_address(known: &mut Vec<Address>, address: &Address) -> bool {
    let is_new = !known.iter().any(|known| is_same_place(known, address));
    if is_new {
        known.push(address.clone());
    }
    is_new
}

/// Whether two addresses differ in nothing but upper and lower case.
fn is_same_place(a: &Address, b: &Address) -> bool {
    // Without new texts: a patient with thousands of addresses is compared with each of thousands
    // of rows.
    fn lower(text: &AddressText) -> impl Iterator<Item = char> {
        text.as_str().chars().flat_map(char::to_lowercase)
    }
    let same = |a: &AddressText, b: &AddressText| lower(a).eq(lower(b));
    let same_line2 = match (&a.address_line2, &b.address_line2) {
        (Some(a), Some(b)) => same(a, b),
        (a, b) => a == b,
    };
    (a.zip, a.state) == (b.zip, b.state)
        && same(&a.address_line1, &b.address_line1)
        && same(&a.city, &b.city)
        && same_line2
}

/// Adds the phone number and the e-mail address that the patient does not have yet. Returns whether
/// one of them was added.
pub(super) fn add_contact(known: &mut Vec<Contact>, contact: &Contact) -> bool {
    let phone =
        contact.phone.filter(|phone| known.iter().all(|known| known.phone.as_ref() != Some(phone)));
    let email = contact
        .email
        .clone()
        .filter(|email| known.iter().all(|known| known.email.as_ref() != Some(email)));
    let is_new = phone.is_some() || email.is_some();
    if is_new {
        known.push(Contact { phone, email });
    }
    is_new
}
