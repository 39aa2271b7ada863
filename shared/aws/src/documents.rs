//! Document queries and what they found, in the patients table beside the patient.
//!
//! The query is one item. Documents are pages of some hundred KiB, under the try that found them; the query says
//! which try counts, so that readers never see half of a list.

use std::collections::{BTreeSet, HashMap};

use domain::document::DocumentRecord;
use domain::ids::{CustomerId, PatientId};
use domain::query::{PatientQuery, QueryTry, StoredDocuments};
use pipeline::ports::{LoadQueries, PortResult, ReadDocuments, StoreDocuments, StoreQuery, Versioned, Write};

use crate::batch::read_many;
use crate::document::{read_document, store_document};
use crate::error::{failed, malformed};
use crate::item::{Item, key, parsed, s, text};
use crate::patients::{Patients, patient_partition};

const QUERY: &str = "query";

/// Bytes of JSON in one item: half of what an item may have (AWS limit 400 KB), since the other half may be the
/// one document that did not fit any more.
const PAGE_BYTES: usize = 200 * 1024;

impl LoadQueries for Patients {
    async fn load_queries(
        &self,
        customer: CustomerId,
        patients: &[PatientId],
    ) -> PortResult<HashMap<PatientId, Versioned<PatientQuery>>> {
        // DynamoDB refuses a batch that names a key twice.
        let patients: BTreeSet<PatientId> = patients.iter().copied().collect();
        let of_patient: HashMap<String, PatientId> =
            patients.iter().map(|patient| (patient_partition(customer, *patient), *patient)).collect();
        let keys = of_patient.keys().map(|partition| key(partition, QUERY)).collect();
        let items = read_many(&self.client, &self.table, keys).await?;
        let read = |item: &Item| {
            let patient = text(item, "pk").and_then(|pk| of_patient.get(pk));
            Ok((*patient.ok_or_else(|| malformed("dynamodb.read", "pk"))?, read_document(item)?))
        };
        items.iter().map(read).collect()
    }
}

impl StoreQuery for Patients {
    async fn store_query(
        &self,
        customer: CustomerId,
        patient: PatientId,
        query: &PatientQuery,
        version: Option<u64>,
    ) -> PortResult<Write> {
        let item = key(patient_partition(customer, patient), QUERY);
        store_document(&self.client, &self.table, item, query, version).await
    }
}

impl StoreDocuments for Patients {
    async fn store_documents(
        &self,
        customer: CustomerId,
        patient: PatientId,
        found_by: QueryTry,
        documents: &[DocumentRecord],
    ) -> PortResult<StoredDocuments> {
        let pages = pages_of(documents)?;
        let stored = StoredDocuments { found_by, pages: u32::try_from(pages.len()).unwrap_or(u32::MAX) };
        for (number, page) in (0..).zip(pages) {
            let mut item = page_key(customer, patient, found_by, number);
            item.insert("doc".to_owned(), s(page));
            let put = self.client.put_item().table_name(&self.table).set_item(Some(item));
            put.send().await.map_err(failed("dynamodb.PutItem"))?;
        }
        Ok(stored)
    }

    async fn drop_documents_before(
        &self,
        customer: CustomerId,
        patient: PatientId,
        first_kept: QueryTry,
    ) -> PortResult<()> {
        let partition = patient_partition(customer, patient);
        let mut old = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :patient AND sk BETWEEN :least AND :kept")
            .expression_attribute_values(":patient", s(&partition))
            .expression_attribute_values(":least", s(page_prefix("")))
            // The pages of the try go on after this.
            .expression_attribute_values(":kept", s(page_prefix(first_kept)))
            .projection_expression("sk")
            .into_paginator()
            .items()
            .send();
        while let Some(page) = old.next().await {
            let page = page.map_err(failed("dynamodb.Query"))?;
            let sk: String = parsed(&page, "sk")?;
            let delete = self.client.delete_item().table_name(&self.table).set_key(Some(key(&partition, sk)));
            delete.send().await.map_err(failed("dynamodb.DeleteItem"))?;
        }
        Ok(())
    }
}

impl ReadDocuments for Patients {
    async fn read_documents(
        &self,
        customer: CustomerId,
        patient: PatientId,
        found_by: QueryTry,
        page: u32,
    ) -> PortResult<Option<Vec<DocumentRecord>>> {
        let keys = vec![page_key(customer, patient, found_by, page)];
        let items = read_many(&self.client, &self.table, keys).await?;
        let Some(item) = items.first() else { return Ok(None) };
        let page = text(item, "doc").ok_or_else(|| malformed("dynamodb.read", "doc"))?;
        serde_json::from_str(page).map(Some).map_err(|_| malformed("dynamodb.read", "doc"))
    }
}

fn page_prefix(found_by: impl std::fmt::Display) -> String {
    format!("documents#{found_by}")
}

/// Numbers have as many digits as the largest one, so that text sorts as they do.
fn page_key(customer: CustomerId, patient: PatientId, found_by: QueryTry, page: u32) -> Item {
    key(patient_partition(customer, patient), format_args!("{}#{page:04}", page_prefix(found_by)))
}

/// The documents as JSON lists that fit into an item each.
fn pages_of(documents: &[DocumentRecord]) -> PortResult<Vec<String>> {
    let mut pages: Vec<String> = Vec::new();
    for document in documents {
        let json = serde_json::to_string(document).map_err(|_| malformed("dynamodb.PutItem", "document"))?;
        match pages.last_mut() {
            Some(page) if page.len() + json.len() < PAGE_BYTES => {
                page.push(',');
                page.push_str(&json);
            }
            _ => pages.push(format!("[{json}")),
        }
    }
    for page in &mut pages {
        page.push(']');
    }
    Ok(pages)
}
