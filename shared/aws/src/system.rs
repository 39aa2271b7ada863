//! The clock and the randomness of the machine, and what its operator has set.

use bulk_domain::time::Timestamp;
use bulk_pipeline::ports::Environment;
use uuid::Uuid;

/// The machine that runs the function: its clock and its source of random bytes, and where the API
/// is.
#[derive(Clone, Debug, Default)]
pub struct System {
    api_url: String,
}

impl System {
    /// Returns the machine of a function that sends links to the API with this base URL.
    pub const fn with_api(api_url: String) -> Self {
        Self { api_url }
    }
}

impl Environment for System {
    fn now(&self) -> Timestamp {
        jiff::Timestamp::now().into()
    }

    fn new_id(&self) -> Uuid {
        Uuid::now_v7()
    }

    fn secret(&self) -> [u8; 32] {
        rand::random()
    }

    fn api_url(&self) -> &str {
        &self.api_url
    }
}
