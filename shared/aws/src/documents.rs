//! Document queries, the documents that they found, and the records of copies, in the patients
//! table.
//!
//! The query is one item, with the first page of documents. Further pages have items of their own,
//! under the attempt that found them. The query names the attempt that counts, so that a reader
//! never sees half of a list. Long JSON is compressed (`bulk_domain::stored_json`).

use std::collections::{BTreeSet, HashMap};

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use bulk_domain::document::{CopyState, DocumentKey, DocumentRecord, pages_of};
use bulk_domain::ids::{CustomerId, PatientId};
use bulk_domain::query::{PatientQuery, QueryAttemptId, StoredDocuments};
use bulk_pipeline::ports::{CopyRef, DocumentStore, PortResult, Versioned, Write};

use crate::Patients;
use crate::error::malformed;
use crate::item::{
    Item, compressed_json, from_compressed_json, key, parsed, required_number, s, text,
};
use crate::table::{find, read_document};

const QUERY: &str = "query";

/// The sort keys of the records of copies begin with this.
const COPIES: &str = "copy#";

/// Bytes of JSON, before compression, up to which documents share an item: half of what an item may
/// have (AWS limit 400 KB). A longer document has an item of its own.
const PAGE_BYTES: usize = 200 * 1024;

impl DocumentStore for Patients {
    async fn load_queries(
        &self,
        customer: CustomerId,
        patients: &[PatientId],
    ) -> PortResult<HashMap<PatientId, Versioned<PatientQuery>>> {
        // Each key once, because DynamoDB refuses a batch that names a key twice.
        let patients: BTreeSet<PatientId> = patients.iter().copied().collect();
        let of_patient: HashMap<String, PatientId> = patients
            .iter()
            .map(|patient| (patient_partition(customer, *patient), *patient))
            .collect();
        let keys = of_patient.keys().map(|partition| key(partition, QUERY)).collect();
        let read = |item: &Item| {
            let patient = text(item, "pk").and_then(|pk| of_patient.get(pk));
            let patient = *patient.ok_or_else(|| malformed("dynamodb.read", "pk"))?;
            let value = from_compressed_json(item, "doc")?;
            Ok((patient, Versioned { value, version: required_number(item, "version")? }))
        };
        self.table.get_many(keys).await?.iter().map(read).collect()
    }

    async fn store_query(
        &self,
        customer: CustomerId,
        patient: PatientId,
        query: &PatientQuery,
        version: Option<u64>,
    ) -> PortResult<Write> {
        let mut item = key(patient_partition(customer, patient), QUERY);
        item.insert("doc".to_owned(), compressed_json(query)?);
        self.table.put_version(item, version).await
    }

    async fn delete_query(
        &self,
        customer: CustomerId,
        patient: PatientId,
        version: u64,
    ) -> PortResult<Write> {
        self.table.delete_version(key(patient_partition(customer, patient), QUERY), version).await
    }

    async fn store_documents(
        &self,
        customer: CustomerId,
        patient: PatientId,
        found_by: QueryAttemptId,
        documents: &[DocumentRecord],
    ) -> PortResult<StoredDocuments> {
        let mut stored = StoredDocuments { found_by, pages: 0, first: Vec::new() };
        for page in pages_of(documents, PAGE_BYTES) {
            if stored.pages == 0 {
                stored.first = page.to_vec();
            } else {
                let mut item = page_key(customer, patient, found_by, stored.pages);
                item.insert("doc".to_owned(), compressed_json(&page)?);
                self.table.replace(item).await?;
            }
            stored.pages += 1;
        }
        Ok(stored)
    }

    async fn drop_documents_before(
        &self,
        customer: CustomerId,
        patient: PatientId,
        first_kept: QueryAttemptId,
    ) -> PortResult<()> {
        let partition = patient_partition(customer, patient);
        let old = self
            .table
            .query()
            .key_condition_expression("pk = :patient AND sk BETWEEN :least AND :kept")
            .expression_attribute_values(":patient", s(&partition))
            .expression_attribute_values(":least", s(page_prefix("")))
            // The keys of the pages of the first kept attempt are longer than this, so that they
            // sort after it.
            .expression_attribute_values(":kept", s(page_prefix(first_kept)))
            .projection_expression("sk");
        self.delete_found(&partition, old).await
    }

    async fn read_documents(
        &self,
        customer: CustomerId,
        patient: PatientId,
        found_by: QueryAttemptId,
        page: u32,
    ) -> PortResult<Option<Vec<DocumentRecord>>> {
        let keys = vec![page_key(customer, patient, found_by, page)];
        let items = self.table.get_many(keys).await?;
        items.first().map(|item| from_compressed_json(item, "doc")).transpose()
    }

    async fn load_copy(&self, copy: CopyRef) -> PortResult<Option<Versioned<CopyState>>> {
        let items = self.table.get_many(vec![copy_key(copy)]).await?;
        items.first().map(read_document).transpose()
    }

    async fn load_copies(
        &self,
        customer: CustomerId,
        patient: PatientId,
    ) -> PortResult<HashMap<DocumentKey, Versioned<CopyState>>> {
        let partition = patient_partition(customer, patient);
        let read = |item: &Item| {
            let key = text(item, "sk").and_then(|sk| sk.strip_prefix(COPIES));
            let key = key.and_then(|key| key.parse().ok());
            Ok((key.ok_or_else(|| malformed("dynamodb.Query", "sk"))?, read_document(item)?))
        };
        find(self.copies_of(&partition), None).await?.iter().map(read).collect()
    }

    async fn store_copy(
        &self,
        copy: CopyRef,
        state: CopyState,
        version: Option<u64>,
    ) -> PortResult<Write> {
        self.table.put_document(copy_key(copy), &state, version).await
    }

    async fn delete_copy_records(
        &self,
        customer: CustomerId,
        patient: PatientId,
    ) -> PortResult<()> {
        let partition = patient_partition(customer, patient);
        let copies = self.copies_of(&partition).projection_expression("sk");
        self.delete_found(&partition, copies).await
    }
}

impl Patients {
    /// Returns the DynamoDB Query for the records of copies in a patient's partition.
    fn copies_of(&self, partition: &str) -> QueryFluentBuilder {
        self.table
            .query()
            .key_condition_expression("pk = :patient AND begins_with(sk, :copies)")
            .expression_attribute_values(":patient", s(partition))
            .expression_attribute_values(":copies", s(COPIES))
            .consistent_read(true)
    }

    /// Deletes the items of a partition that a DynamoDB Query finds.
    async fn delete_found(&self, partition: &str, query: QueryFluentBuilder) -> PortResult<()> {
        for item in find(query, None).await? {
            let sk: String = parsed(&item, "sk")?;
            self.table.delete(key(partition, sk)).await?;
        }
        Ok(())
    }
}

fn copy_key(CopyRef { customer, document }: CopyRef) -> Item {
    let sk = format!("{COPIES}{}", document.document);
    key(patient_partition(customer, document.patient), sk)
}

fn page_prefix(found_by: impl std::fmt::Display) -> String {
    format!("documents#{found_by}")
}

/// Returns a key in which the page has as many digits as the largest number, so that keys sort as
/// numbers do.
fn page_key(customer: CustomerId, patient: PatientId, found_by: QueryAttemptId, page: u32) -> Item {
    key(patient_partition(customer, patient), format_args!("{}#{page:04}", page_prefix(found_by)))
}

/// Returns the partition of a patient's document query and documents.
fn patient_partition(customer: CustomerId, patient: PatientId) -> String {
    format!("{customer}#{patient}")
}
