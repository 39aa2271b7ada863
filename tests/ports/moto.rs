//! The promises of `aws` on moto, a server of many services for Python, which `make ports` starts.

use crate::differences::Difference;
use crate::emulator::Emulator;

/// The text of a failure if moto accepts a request that AWS refuses.
const TAKEN: &str = "left: 200";

pub const DIFFERENCES: &[Difference] = &[
    Difference {
        because: "an item may have 405,000 bytes, which is less than 400 KiB",
        breaks: &[
            ("dynamodb::an_item_over_400_kb_is_refused", "ValidationException"),
            (
                "people::a_person_of_nearly_400_kb_is_stored_and_a_larger_one_refused_for_good",
                "ValidationException",
            ),
        ],
    },
    Difference {
        because: "several quoted terms of a filter for log events are one phrase",
        breaks: &[("audit_trail::an_event_is_found_by_all_of_its_ids_and_by_no_other", "left: []")],
    },
    Difference {
        because: "a filter may name a key",
        breaks: &[("dynamodb::a_filter_does_not_name_a_key", "a filter by sk")],
    },
    Difference {
        because: "an attribute of another type than the index says is taken for a key of it",
        breaks: &[("dynamodb::a_key_of_an_index_has_its_type", "a put")],
    },
    Difference {
        because: "signatures, expiry times and checksums of links are not checked",
        breaks: &[
            ("links::a_link_past_its_time_is_refused", TAKEN),
            ("links::a_link_to_one_file_opens_no_other", TAKEN),
            ("links::a_link_to_read_does_not_write", TAKEN),
            ("links::a_strict_link_takes_no_file_of_another_checksum", TAKEN),
            ("links::a_strict_link_takes_no_file_of_another_size", TAKEN),
            ("links::what_a_strict_link_signs_has_to_be_sent", TAKEN),
        ],
    },
    Difference {
        because: "a link to a missing file is answered 403, even if its signer may list the bucket",
        breaks: &[
            ("results::a_file_is_there_when_it_is_finished_and_not_before", "403 Forbidden"),
            ("results::the_two_files_of_a_job_are_two", "403 Forbidden"),
        ],
    },
    Difference {
        because: "an empty message and a message with control characters are accepted",
        breaks: &[
            ("sqs::a_message_is_not_empty", "an empty message"),
            ("sqs::a_message_holds_no_control_characters", "InvalidMessageContents"),
        ],
    },
    Difference {
        because: "a statement that inserts an item has no parameters",
        breaks: &[
            ("dynamodb::a_batch_has_25_statements_at_most", "no code"),
            ("dynamodb::a_batch_inserts_no_key_twice", "no code"),
            ("dynamodb::a_statement_inserts_no_item_over_another", "no code"),
            ("external_ids::first_entries_are_inserted_where_there_is_none", "HTTP 500"),
            ("external_ids::of_many_first_entries_at_the_same_time_one_is_inserted", "HTTP 500"),
            ("people::new_persons_are_inserted_and_stored_ones_stay", "HTTP 500"),
        ],
    },
];

pub fn backend() -> Emulator {
    Emulator::of_variable("MOTO", "make ports")
}

crate::emulator::dynamodb!(moto);
crate::emulator::s3!(moto);
crate::emulator::sqs!(moto);
crate::emulator::logs!(moto);
