//! The clock and the randomness of the machine.

use bulk_domain::time::Timestamp;
use bulk_pipeline::ports::Environment;
use uuid::Uuid;

/// The machine that runs the function: its clock, and its source of random bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct System;

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
}
