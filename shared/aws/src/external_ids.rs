//! The table of external ids. Its partition is a keyed hash of the external id, because keys hold
//! no content of a row. Nearly every external id has one entry, which has the sort key of the first
//! entry. The entries of other patients have their ids as sort keys.

use aws_sdk_dynamodb::Client;
use bulk_domain::hash_key::ExternalIdHash;
use bulk_domain::ids::CustomerId;
use bulk_pipeline::ports::{ExternalIdEntry, ExternalIdStore, PortResult, Write};

use crate::error::{conditional, malformed};
use crate::item::{Item, key, parsed, s, text};
use crate::table::{Table, find, store};

/// The sort key of the first entry, which sorts before those of the others.
const FIRST: &str = "#first";

/// The table of external ids.
#[derive(Clone, Debug)]
pub struct ExternalIds {
    pub(crate) table: Table,
}

impl ExternalIds {
    /// Returns the table of this name.
    pub fn new(client: Client, name: String) -> Self {
        Self { table: Table { client, name } }
    }
}

fn partition(customer: CustomerId, id: ExternalIdHash) -> String {
    format!("{customer}#{id}")
}

fn sort_key(entry: ExternalIdEntry) -> String {
    if entry.is_first { FIRST.to_owned() } else { entry.patient.to_string() }
}

fn entry_item(customer: CustomerId, id: ExternalIdHash, entry: ExternalIdEntry) -> Item {
    let mut item = key(partition(customer, id), sort_key(entry));
    item.insert("patient".to_owned(), s(entry.patient));
    item.insert("job".to_owned(), s(entry.job));
    item
}

fn read_entry(item: &Item) -> PortResult<ExternalIdEntry> {
    let sk = text(item, "sk").ok_or_else(|| malformed("dynamodb.Query", "sk"))?;
    let (patient, job) = (parsed(item, "patient")?, parsed(item, "job")?);
    Ok(ExternalIdEntry { patient, job, is_first: sk == FIRST })
}

impl ExternalIdStore for ExternalIds {
    async fn store_external_id(
        &self,
        customer: CustomerId,
        id: ExternalIdHash,
        entry: ExternalIdEntry,
    ) -> PortResult<Write> {
        let put = self
            .table
            .put(entry_item(customer, id, entry))
            // Ids of jobs sort by the time of their creation, as texts, too.
            .condition_expression(
                "attribute_not_exists(pk) OR (patient = :patient AND job <= :job)",
            )
            .expression_attribute_values(":patient", s(entry.patient))
            .expression_attribute_values(":job", s(entry.job));
        store(put).await
    }

    async fn insert_external_ids(
        &self,
        customer: CustomerId,
        entries: &[(ExternalIdHash, ExternalIdEntry)],
    ) -> PortResult<Vec<bool>> {
        let items = entries.iter().map(|(id, entry)| entry_item(customer, *id, *entry));
        self.table.insert_all(items.collect()).await
    }

    async fn read_external_id(
        &self,
        customer: CustomerId,
        id: ExternalIdHash,
        after: Option<ExternalIdEntry>,
        limit: u32,
    ) -> PortResult<Vec<ExternalIdEntry>> {
        // This text sorts before every key.
        let after = after.map_or_else(|| " ".to_owned(), sort_key);
        let query = self
            .table
            .query()
            .key_condition_expression("pk = :id AND sk > :after")
            .expression_attribute_values(":id", s(partition(customer, id)))
            .expression_attribute_values(":after", s(after))
            .consistent_read(true);
        find(query, Some(limit)).await?.iter().map(read_entry).collect()
    }

    async fn delete_external_id(
        &self,
        customer: CustomerId,
        id: ExternalIdHash,
        entry: ExternalIdEntry,
    ) -> PortResult<()> {
        let delete = self
            .table
            .client
            .delete_item()
            .table_name(&self.table.name)
            .set_key(Some(key(partition(customer, id), sort_key(entry))))
            .condition_expression("patient = :patient AND job = :job")
            .expression_attribute_values(":patient", s(entry.patient))
            .expression_attribute_values(":job", s(entry.job));
        // After a conflict, the entry is gone, or a newer job has stored it.
        let _ = conditional("dynamodb.DeleteItem", delete.send().await)?;
        Ok(())
    }
}
