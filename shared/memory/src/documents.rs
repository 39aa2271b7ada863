//! Document queries and what they found, in the patients table.

use std::collections::{BTreeSet, HashMap};

use domain::document::DocumentRecord;
use domain::ids::{CustomerId, PatientId};
use domain::query::{PatientQuery, QueryTry, StoredDocuments};
use pipeline::ports::{LoadQueries, PortResult, ReadDocuments, StoreDocuments, StoreQuery, Versioned, Write};

use crate::cloud::{Billed, permanent};
use crate::{Cloud, Operation};

impl Cloud {
    /// The queries of a customer's patients.
    pub fn patient_queries(&self, customer: CustomerId) -> PortResult<Vec<(PatientId, PatientQuery)>> {
        let state = self.state();
        let queries = state.patients.queries.iter().filter(|((owner, _), _)| *owner == customer);
        queries.map(|((_, patient), document)| Ok((*patient, document.read()?.value))).collect()
    }

    /// Tries whose documents are stored, of all patients.
    pub fn document_lists(&self) -> Vec<QueryTry> {
        self.state().patients.documents.keys().map(|(.., found_by)| *found_by).collect()
    }
}

impl LoadQueries for Cloud {
    async fn load_queries(
        &self,
        customer: CustomerId,
        patients: &[PatientId],
    ) -> PortResult<HashMap<PatientId, Versioned<PatientQuery>>> {
        let patients: BTreeSet<PatientId> = patients.iter().copied().collect();
        let keys: Vec<(CustomerId, PatientId)> =
            patients.into_iter().map(|patient| (customer, patient)).collect();
        let loaded = self.load(&keys, |state| &state.patients.queries).await?;
        Ok(loaded.into_iter().map(|((_, patient), query)| (patient, query)).collect())
    }
}

impl StoreQuery for Cloud {
    async fn store_query(
        &self,
        customer: CustomerId,
        patient: PatientId,
        query: &PatientQuery,
        version: Option<u64>,
    ) -> PortResult<Write> {
        self.store((customer, patient), query, version, |state| &mut state.patients.queries).await
    }
}

impl StoreDocuments for Cloud {
    async fn store_documents(
        &self,
        customer: CustomerId,
        patient: PatientId,
        found_by: QueryTry,
        documents: &[DocumentRecord],
    ) -> PortResult<StoredDocuments> {
        let pages = u32::from(!documents.is_empty());
        if pages > 0 {
            let json = serde_json::to_string(documents)
                .map_err(|_| permanent(Operation::PutItem, "malformed documents"))?;
            self.call(Operation::PutItem, |state| {
                let units = (json.len() as u64).div_ceil(1024);
                state.patients.documents.insert((customer, patient, found_by), json);
                Billed::new((), units, 1)
            })
            .await?;
        }
        Ok(StoredDocuments { found_by, pages })
    }

    async fn drop_documents_before(
        &self,
        customer: CustomerId,
        patient: PatientId,
        first_kept: QueryTry,
    ) -> PortResult<()> {
        let dropped = self
            .call(Operation::Query, |state| {
                let documents = &mut state.patients.documents;
                let before = documents.len();
                documents.retain(|(owner, of, found_by), _| {
                    (*owner, *of) != (customer, patient) || *found_by >= first_kept
                });
                Billed::request(before - documents.len())
            })
            .await?;
        for _ in 0..dropped {
            self.call(Operation::DeleteItem, |_| Billed::request(())).await?;
        }
        Ok(())
    }
}

impl ReadDocuments for Cloud {
    async fn read_documents(
        &self,
        customer: CustomerId,
        patient: PatientId,
        stored: StoredDocuments,
    ) -> PortResult<Option<Vec<DocumentRecord>>> {
        if stored.pages == 0 {
            return Ok(Some(Vec::new()));
        }
        self.call(Operation::BatchGetItem, |state| {
            let json = state.patients.documents.get(&(customer, patient, stored.found_by));
            let read = json.map(|json| serde_json::from_str(json)).transpose();
            let units = json.map_or(1, |json| (json.len() as u64).div_ceil(4096));
            let result = read.map_err(|_| permanent(Operation::BatchGetItem, "malformed doc"));
            Billed { result, units, items: 1 }
        })
        .await
    }
}
