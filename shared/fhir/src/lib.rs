//! A client of an IHE gateway over FHIR R4: it finds our patient in a health information exchange,
//! and lists the documents that the exchange has about the patient.
//!
//! - [`Gateway::discover`] is the Patient Demographics Query for Mobile (PDQm, ITI-78): a search of
//!   `Patient` by names, birth date, gender and zip codes. Exactly one match counts.
//! - [`Gateway::documents`] is Find Document References of MHD (ITI-67): a search of
//!   `DocumentReference` by that patient, every page of it.
//! - [`Gateway`] as a [`DocumentSource`](bulk_pipeline::ports::DocumentSource) is Retrieve Document
//!   of MHD (ITI-68): the content of one document, as a stream.
//!
//! Three things make this more than two requests.
//!
//! **A gateway may ignore search parameters.** A FHIR server need not respect all of them, and
//! ITI-78 only asks it to name in the answer's `self` link those that it respected. This client
//! applies the others to the answer itself; otherwise another person's documents could be stored
//! for our patient.
//!
//! **A gateway may answer anything.** Pages may never end or lead to another server; an answer may
//! be huge, or no FHIR at all. So there is a limit to everything, and fields are read leniently: a
//! wrong type in one field, or in one entry of many, costs that field or entry only.
//!
//! **Search parameters are patient data**, and so is every URL that holds them. An error says which
//! exchange failed and how, in words of this crate, without a URL and without text of an answer.
//! Logs hold counts only.
//!
//! This client needs a handful of FHIR's fields, so it models only those. There are crates that
//! model all of FHIR R4. They are as strict as the standard, so one odd code in an unused field
//! would lose a whole page. They also take minutes to compile.
#![warn(missing_docs)]

mod answer;
mod ask;
mod auth;
mod bundle;
mod content;
mod discovery;
mod document_list;
mod document_reference;
mod error;
mod gateway;
mod gateway_url;
mod http;
mod lenient;
mod pages;
mod patient;
mod reference;
mod search;
mod secret;
mod settings;
mod token;
mod trust;

pub use content::Content;
pub use discovery::{Discovery, GatewayPatientId};
pub use document_list::DocumentList;
pub use error::{Exchange, Fault, QueryError, SetupError};
pub use gateway::Gateway;
pub use gateway_url::{GatewayUrl, GatewayUrlError, PlainHttp};
pub use secret::{ReadSecret, SecretUnavailable};
pub use settings::{Auth, ClientAuthentication, Limits, SearchMethod, Settings};
