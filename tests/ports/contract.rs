//! What the ports promise, with a file for each subject. The files `dynamodb`, `s3` and `sqs` have
//! what `aws` takes for granted of AWS.
//!
//! Each file ends with the list of its promises, from which a macro `tests` is made. The macro
//! takes an expression for a fresh backend and the differences of this backend, and becomes one
//! test for each promise. A promise that is not on the list is dead code, which the compiler
//! reports.

/// Makes the macro `tests` of a contract.
macro_rules! contract {
    ($dollar:tt $file:ident: $($promise:ident),+ $(,)?) => {
        macro_rules! tests {
            ($dollar backend:expr, $dollar differences:expr) => {
                $(
                    #[tokio::test]
                    async fn $promise() {
                        let name = concat!(stringify!($file), "::", stringify!($promise));
                        let kept = async { $crate::contract::$file::$promise(&$dollar backend.await).await };
                        $crate::differences::keep(name, $dollar differences, kept).await;
                    }
                )+
            };
        }
        pub(crate) use tests;
    };
}

pub mod api_keys;
pub mod audit_trail;
pub mod chunk_queries;
pub mod chunks;
pub mod copies;
pub mod copy_records;
pub mod deliveries;
pub mod directory;
pub mod directory_changes;
pub mod documents;
pub mod downloads;
pub mod dynamodb;
pub mod erased_objects;
pub mod erasure;
pub mod external_ids;
pub mod gateway_limits;
pub mod jobs;
pub mod links;
pub mod listed_deliveries;
pub mod objects;
pub mod open_jobs;
pub mod patient_queries;
pub mod people;
pub mod queues;
pub mod results;
pub mod rosters;
pub mod s3;
pub mod settings;
pub mod sqs;
pub mod undos;
pub mod uploads;
pub mod watchlist;
pub mod webhook_queue;
