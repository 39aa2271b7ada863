//! The contents of documents at the simulated gateway: each is sent in pieces, with faults, and to
//! one worker at a time.

use std::time::Duration;

use bulk_domain::document::{CopyFailure, DocumentKey, DocumentName, DocumentRecord};
use bulk_domain::ids::{CustomerId, PatientId};
use bulk_domain::media_type::MediaType;
use bulk_domain::record::PatientRecord;
use bulk_domain::time::Timestamp;
use bulk_memory::Cloud;
use bulk_pipeline::ports::prelude::*;
use bulk_pipeline::ports::{DocumentContent, DocumentSource, FetchError};
use bytes::Bytes;

use super::{Exchange, GatewayFaults, until};
use crate::chance::Chance;

/// The gateway, as one invocation that copies documents of a patient sees it.
#[derive(Clone, Debug)]
pub struct Contents {
    exchange: Exchange,
    cloud: Cloud,
    chance: Chance,
    behaviour: GatewayFaults,
    customer: CustomerId,
    patient: PatientId,
    invoked: Timestamp,
}

/// A content that is being sent.
#[derive(Debug)]
pub struct Sent {
    media_type: MediaType,
    left: Vec<Result<Bytes, FetchError>>,
    contents: Contents,
    _under_way: UnderWay,
}

/// A fetch, which ends when this value is dropped, also if its invocation dies.
#[derive(Debug)]
struct UnderWay {
    exchange: Exchange,
    customer: CustomerId,
    document: DocumentName,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.exchange.log().fetched.remove(&(self.customer, self.document));
    }
}

impl Exchange {
    /// Returns the gateway for an invocation that begins now to copy documents of a patient.
    pub fn copying(
        &self,
        (customer, patient): (CustomerId, PatientId),
        cloud: &Cloud,
        chance: &Chance,
        behaviour: &GatewayFaults,
    ) -> Contents {
        Contents {
            exchange: self.clone(),
            cloud: cloud.clone(),
            chance: chance.clone(),
            behaviour: behaviour.clone(),
            customer,
            patient,
            invoked: cloud.now(),
        }
    }

    /// Returns whether the gateway has said that it does not have a document of the patient.
    pub fn is_gone(&self, customer: CustomerId, patient: PatientId) -> bool {
        self.log().gone.contains(&(customer, patient))
    }
}

/// Returns the content of a document.
pub fn content_of(document: &DocumentRecord) -> String {
    format!("content of {}", document.document.id.as_str()).repeat(100)
}

impl Contents {
    /// Begins a fetch, and checks that it may be made.
    fn begin(&self, document: DocumentName) -> UnderWay {
        let is_first = self.exchange.log().fetched.insert((self.customer, document));
        assert!(is_first, "a document is fetched twice at a time");
        let patients = self.cloud.patients(self.customer).unwrap();
        let record = patients.iter().find(|record| record.patient.id == self.patient);
        // A worker may have deleted the patient, or opted the patient out, since this invocation
        // read the patient.
        if let Some(PatientRecord { patient, .. }) = record {
            let is_news = patient.date_updated.plus(super::LONGEST_IMPORT) >= self.invoked;
            assert!(!patient.hie_opt_out || is_news, "a document of an opted-out patient");
        } else {
            let people = self.cloud.people(self.customer).unwrap();
            let deleted = people.iter().find_map(|person| person.deleted(self.patient));
            let is_news = deleted.is_some_and(|deleted| deleted.at >= self.invoked);
            assert!(is_news, "a document of a deleted patient");
        }
        let Self { exchange, customer, .. } = self.clone();
        UnderWay { exchange, customer, document }
    }

    fn failure(failure: CopyFailure) -> FetchError {
        FetchError { failure, cause: "of the story".to_owned(), retry_after: None }
    }
}

impl DocumentSource for Contents {
    type Content = Sent;

    async fn open(&self, document: &DocumentRecord) -> Result<Sent, FetchError> {
        let key = DocumentKey::of(&document.document.id);
        let name = DocumentName { patient: self.patient, document: key };
        let under_way = self.begin(name);
        let is_calm = self.exchange.log().is_calm;
        let takes = if is_calm { 0 } else { self.chance.below(20_000) };
        until(&self.cloud, &self.exchange, self.cloud.now().plus(Duration::from_millis(takes)))
            .await;
        if !is_calm && self.chance.once_in(self.behaviour.fault_in) {
            return Err(Self::failure(CopyFailure::Unavailable));
        }
        if !is_calm && self.chance.once_in(self.behaviour.refusal_in) {
            self.exchange.log().gone.insert((self.customer, self.patient));
            return Err(Self::failure(CopyFailure::Gone));
        }
        let content = content_of(document).into_bytes();
        let mut pieces: Vec<_> =
            content.chunks(300).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
        if !is_calm && self.chance.once_in(8) {
            pieces.truncate(pieces.len() / 2);
            pieces.push(Err(Self::failure(CopyFailure::Unavailable)));
        }
        pieces.reverse();
        Ok(Sent {
            media_type: MediaType::new("text/plain").unwrap(),
            left: pieces,
            contents: self.clone(),
            _under_way: under_way,
        })
    }
}

impl DocumentContent for Sent {
    fn media_type(&self) -> &MediaType {
        &self.media_type
    }

    async fn next(&mut self) -> Result<Option<Bytes>, FetchError> {
        let Contents { cloud, exchange, .. } = &self.contents;
        until(cloud, exchange, cloud.now().plus(Duration::from_millis(50))).await;
        self.left.pop().transpose()
    }
}
