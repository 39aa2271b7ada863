//! Facilities and cohorts: how calls read, change and delete them.

use bulk_domain::e_tag::ETag;
use bulk_domain::ids::CustomerId;
use bulk_pipeline::conflicts::WriteAttempts;
use bulk_pipeline::ports::prelude::*;
use bulk_pipeline::ports::{DirectoryEntry, Ports, Write};

use crate::error::{ApiError, Named};
use crate::if_match::IfMatch;

/// Returns the customer's facility or cohort with this id.
pub async fn get_entry<E: DirectoryEntry<Id: Named>>(
    ports: &impl Ports,
    customer: CustomerId,
    id: E::Id,
) -> Result<E, ApiError> {
    let stored = ports.directory().load_entry::<E>(customer, id).await?;
    stored.map(|stored| stored.value).ok_or(E::Id::NOT_FOUND)
}

/// Changes a facility or a cohort, if it is as the caller expects it. Returns it as it is then.
pub async fn change_entry<E: DirectoryEntry<Id: Named>>(
    ports: &impl Ports,
    customer: CustomerId,
    id: E::Id,
    if_match: &IfMatch,
    change: impl Fn(E) -> E,
) -> Result<E, ApiError> {
    let directory = ports.directory();
    let mut attempts = WriteAttempts::default();
    loop {
        attempts.begin()?;
        let stored = directory.load_entry::<E>(customer, id).await?.ok_or(E::Id::NOT_FOUND)?;
        let changed = change(stored.value.clone());
        // Also by an earlier attempt of this call, if the answer to its write was lost.
        if changed == stored.value {
            return Ok(changed);
        }
        if_match.check(&ETag::of(&stored.value))?;
        if directory.replace_entry(customer, &changed, stored.version).await? == Write::Done {
            return Ok(changed);
        }
    }
}

/// Deletes a facility or a cohort, if it is as the caller expects it and `check` finds nothing that
/// uses it.
pub async fn delete_entry<
    E: DirectoryEntry<Id: Named>,
    C: Future<Output = Result<(), ApiError>>,
>(
    ports: &impl Ports,
    customer: CustomerId,
    id: E::Id,
    if_match: &IfMatch,
    check: impl Fn() -> C,
) -> Result<(), ApiError> {
    let directory = ports.directory();
    let mut attempts = WriteAttempts::default();
    let mut was_written = false;
    loop {
        attempts.begin()?;
        let stored = match directory.load_entry::<E>(customer, id).await? {
            Some(stored) => stored,
            // The write took place, and its answer was lost.
            None if was_written => return Ok(()),
            None => return Err(E::Id::NOT_FOUND),
        };
        if_match.check(&ETag::of(&stored.value))?;
        check().await?;
        was_written = true;
        if directory.delete_entry::<E>(customer, id, stored.version).await? == Write::Done {
            return Ok(());
        }
    }
}
