//! Rosters in the patients table: one item for each chunk that put somebody on a list.
//!
//! The partition is the list, the sort key `{job}#{chunk}` in the order of the entries; the ids are the bytes of
//! their UUIDs, one after the other.

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::ids::{CustomerId, PatientId};
use domain::patient::ExternalId;
use domain::plan::ChunkNumber;
use domain::roster::{Roster, RosterEntry};
use pipeline::ports::{FindByExternalId, PortResult, ReadRoster, StoreRoster};
use uuid::Uuid;

use crate::error::{failed, malformed};
use crate::item::{Item, key, s, text};
use crate::patients::{BY_EXTERNAL_ID, Patients, external_key};

const QUERY: &str = "dynamodb.Query";

impl StoreRoster for Patients {
    async fn store_roster(
        &self,
        customer: CustomerId,
        roster: Roster,
        entry: RosterEntry,
        patients: &[PatientId],
    ) -> PortResult<()> {
        let mut item = key(partition(customer, roster), sort_key(entry));
        let ids: Vec<u8> = patients.iter().flat_map(|patient| patient.as_uuid().into_bytes()).collect();
        item.insert("patients".to_owned(), AttributeValue::B(Blob::new(ids)));
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item));
        put.send().await.map_err(failed("dynamodb.PutItem"))?;
        Ok(())
    }
}

impl ReadRoster for Patients {
    async fn read_roster(
        &self,
        customer: CustomerId,
        roster: Roster,
        from: Option<RosterEntry>,
        limit: u32,
    ) -> PortResult<Vec<(RosterEntry, Vec<PatientId>)>> {
        // The least text is the start of the list.
        let from = from.map_or_else(|| " ".to_owned(), sort_key);
        // A page holds 1 MB at most: it can end before `limit` entries, and before the list does.
        let mut entries = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :list AND sk >= :from")
            .expression_attribute_values(":list", s(partition(customer, roster)))
            .expression_attribute_values(":from", s(from))
            .consistent_read(true)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .into_paginator()
            .items()
            .send();
        let mut found = Vec::new();
        while found.len() < limit as usize
            && let Some(item) = entries.next().await
        {
            let item = item.map_err(failed(QUERY))?;
            found.push(read(&item).ok_or_else(|| malformed(QUERY, "roster"))?);
        }
        Ok(found)
    }
}

impl FindByExternalId for Patients {
    async fn find_by_external_id(
        &self,
        customer: CustomerId,
        external_id: &ExternalId,
    ) -> PortResult<Vec<PatientId>> {
        let found = self
            .client
            .query()
            .table_name(&self.table)
            .index_name(BY_EXTERNAL_ID)
            .key_condition_expression("externalKey = :key")
            .expression_attribute_values(":key", s(external_key(customer, external_id)))
            .send()
            .await
            .map_err(failed(QUERY))?;
        let id = |item: &Item| text(item, "pk")?.split_once('#')?.1.parse().ok();
        found.items().iter().map(|item| id(item).ok_or_else(|| malformed(QUERY, "pk"))).collect()
    }
}

fn partition(customer: CustomerId, roster: Roster) -> String {
    match roster {
        Roster::Everybody => format!("{customer}#roster"),
        Roster::Cohort(cohort) => format!("{customer}#roster#{cohort}"),
    }
}

/// Numbers have as many digits as the largest one, so that text sorts as they do.
fn sort_key(entry: RosterEntry) -> String {
    format!("{}#{:010}", entry.job, entry.chunk.get())
}

fn read(item: &Item) -> Option<(RosterEntry, Vec<PatientId>)> {
    let (job, chunk) = text(item, "sk")?.split_once('#')?;
    let entry = RosterEntry { job: job.parse().ok()?, chunk: ChunkNumber::new(chunk.parse().ok()?) };
    let ids = item.get("patients")?.as_b().ok()?.as_ref();
    let ids = ids.chunks_exact(16).map(|id| Some(PatientId::new(Uuid::from_slice(id).ok()?)));
    Some((entry, ids.collect::<Option<_>>()?))
}

#[cfg(test)]
mod tests {
    use domain::ids::JobId;

    use super::*;

    #[test]
    fn entries_sort_as_their_chunks_do() {
        let job = JobId::new(Uuid::from_u128(1));
        let key = |chunk| sort_key(RosterEntry { job, chunk: ChunkNumber::new(chunk) });
        assert!(key(9) < key(10) && key(10) < key(u32::MAX));
    }
}
