//! Imports while AWS calls fail and functions die. For a stack with `--faults`: `make e2e` starts one.
//!
//! What is right is not written down here: the same file, imported by another customer in calm weather,
//! says what has to come of every row.

mod exact;
mod gateway;
mod kills;
mod processes;
mod storm;
mod weather;

use tokio::sync::{Mutex, MutexGuard, OnceCell};

use exact::{Imported, import, sample};
use weather::Weather;

use crate::customer::Customer;

/// Rows of the file: the good, the bad, and the same people twice.
const ROWS: usize = 5000;

/// The file, and what came of it when nothing failed.
struct Expected {
    file: String,
    imported: Imported,
}

/// Nobody else changes the weather meanwhile.
async fn alone() -> MutexGuard<'static, ()> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());
    ONE_AT_A_TIME.lock().await
}

/// Imports the file in calm weather, the first time that it is asked for.
async fn expected(weather: &Weather) -> &'static Expected {
    static EXPECTED: OnceCell<Expected> = OnceCell::const_new();
    EXPECTED
        .get_or_init(async || {
            weather.set(&serde_json::json!([])).await;
            let file = sample(ROWS);
            let (customer, _) = Customer::with_facility();
            let (receiver, key) = customer.listen().await;
            let imported = import(&customer, &receiver, &file, async |_| ()).await;
            imported.assert_messages(&receiver, &key);
            imported.assert_stored(&customer);
            Expected { file, imported }
        })
        .await
}
