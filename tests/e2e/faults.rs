//! Imports a file while AWS calls fail and functions die. These tests need a stack with `--faults`:
//! `make faults` starts one.
//!
//! The expected outcome is that of the same file when another customer imports it without faults.

mod contents;
mod exact;
mod fault_proxy;
mod gateway;
mod kills;
mod processes;
mod storm;

use tokio::sync::{Mutex, MutexGuard, OnceCell};

use exact::{Imported, import, sample};
use fault_proxy::FaultProxy;

use crate::customer::Customer;

/// The number of rows in the file: valid rows, invalid rows and duplicate rows.
const ROWS: usize = 5000;

/// The file, and its outcomes without faults.
struct Expected {
    file: String,
    imported: Imported,
    /// The outcome of the second import of the same customer. Its rows have other warnings, because
    /// the first of a person's rows replaces what the last one gave.
    again: Imported,
}

/// Waits until no other test runs, because all share the rules of the fault proxy.
async fn alone() -> MutexGuard<'static, ()> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());
    ONE_AT_A_TIME.lock().await
}

/// Returns the outcome without faults. The first caller imports the file.
async fn expected(proxy: &FaultProxy) -> &'static Expected {
    static EXPECTED: OnceCell<Expected> = OnceCell::const_new();
    EXPECTED
        .get_or_init(async || {
            proxy.set(&serde_json::json!([])).await;
            let file = sample(ROWS);
            let (customer, _) = Customer::with_facility();
            let (receiver, key) = customer.listen().await;
            let imported = import(&customer, &receiver, &file, async |_| ()).await;
            imported.assert_messages(&receiver, &key);
            imported.assert_stored(&customer);
            let again = import(&customer, &receiver, &file, async |_| ()).await;
            assert_eq!(again.patients(), imported.patients());
            Expected { file, imported, again }
        })
        .await
}
