//! A client of an IHE gateway over FHIR R4: which patient of the exchange is ours, and what documents
//! the exchange has about them.
//!
//! - [`Gateway::discover`] is the Patient Demographics Query for Mobile (PDQm, ITI-78): a search of
//!   `Patient` by names, birth date, gender and zip codes. Exactly one match counts.
//! - [`Gateway::documents`] is Find Document References of MHD (ITI-67): a search of
//!   `DocumentReference` by that patient, every page of it.
//!
//! Three things make this more than two requests.
//!
//! **A gateway may ignore what it is asked.** A FHIR server does not have to respect every search
//! parameter, and ITI-78 asks it only to say in the answer's `self` link which ones it did. What is not
//! named there is applied here, to the answer; otherwise somebody else's documents could become ours.
//!
//! **A gateway may answer anything.** Pages may never end, or lead to another server; an answer may be
//! huge, or no FHIR at all. There is a limit to everything, and what is not needed is read leniently:
//! a wrong type in a field that is not looked at, or in one entry of many, spoils nothing else.
//!
//! **Search parameters are patient data**, and so is every URL that has them. Errors say which exchange
//! failed and how, in words of this crate: no URL, nothing of an answer. What is logged is counts.
//!
//! The structures of FHIR that this needs are a handful of fields. There are crates that model all of
//! FHIR R4; they are as strict as the standard, so that one odd code in a field that nobody reads would
//! lose a whole page, and they take minutes to compile.
#![warn(missing_docs)]

mod answer;
mod ask;
mod auth;
mod bundle;
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
mod search;
mod settings;
mod tls;
mod token;

pub use auth::{ReadSecret, Secret, SecretUnavailable};
pub use discovery::{Discovery, GatewayPatientId};
pub use document_list::DocumentList;
pub use error::{Exchange, Fault, QueryError, SetupError};
pub use gateway::Gateway;
pub use gateway_url::{GatewayUrl, GatewayUrlError, PlainHttp};
pub use settings::{Auth, ClientAuthentication, Limits, SearchMethod, Settings};
