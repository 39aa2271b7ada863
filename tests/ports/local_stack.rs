//! The promises of `aws` on ministack, the emulator of the running local stack, which `STACK`
//! names.
//!
//! Every test has tables, a bucket and queues of its own, because the functions of the stack would
//! take messages and files away from a test that used theirs.

use std::sync::LazyLock;

use serde::Deserialize;

use crate::differences::Difference;
use crate::emulator::Emulator;

pub const DIFFERENCES: &[Difference] = &[
    Difference {
        because: "a filter may name a key",
        breaks: &[("dynamodb::a_filter_does_not_name_a_key", "a filter by sk")],
    },
    Difference {
        because: "an update may set an attribute twice",
        breaks: &[("dynamodb::an_update_changes_nothing_twice", "an attribute twice")],
    },
    Difference {
        because: "a part of an upload may be of any size",
        breaks: &[("s3::a_part_of_less_than_5_mib_is_the_last", "failed: 1024")],
    },
    Difference {
        because: "whether a link has expired is decided at the end of an upload, not when it begins",
        breaks: &[(
            "links::a_link_whose_time_ends_during_an_upload_is_good",
            "left: \"HTTP/1.1 403\"",
        )],
    },
    Difference {
        because: "a request that names a version ignores its range",
        breaks: &[("s3::a_range_of_a_named_version_is_that_range", "b\"0123456789\"")],
    },
    Difference {
        because: "a batch of statements may insert one key twice",
        breaks: &[("dynamodb::a_batch_inserts_no_key_twice", "a key twice")],
    },
    Difference {
        because: "a message may be held back for longer than 12 hours",
        breaks: &[("sqs::a_message_is_held_back_for_12_hours_at_most", "a second more")],
    },
    Difference {
        because: "a message may be delayed for longer than 15 minutes",
        breaks: &[("webhook_queue::fifteen_minutes_is_the_longest_delay", "an `Ok` value")],
    },
];

static STACK: LazyLock<Stack> = LazyLock::new(|| {
    let path =
        std::env::var("STACK").expect("STACK names the file of a running stack: use `make e2e`");
    let json = std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_slice(&json).unwrap_or_else(|error| panic!("{path}: {error}"))
});

#[derive(Deserialize)]
struct Stack {
    endpoint: String,
}

pub fn backend() -> Emulator {
    Emulator::at(STACK.endpoint.clone())
}

crate::emulator::dynamodb!(local_stack);
crate::emulator::s3!(local_stack);
crate::emulator::sqs!(local_stack);
crate::emulator::logs!(local_stack);
