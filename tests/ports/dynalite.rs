//! The promises of `aws` on dynalite, a DynamoDB for Node, which `make ports` starts where npm is
//! at hand.

use crate::differences::Difference;
use crate::emulator::Emulator;

/// The text of a failure if a chunk cannot be counted and DynamoDB does not show the job with the
/// failed condition.
const UNSEEN: &str = "left: ChunkCompletion { counted: false, was_last: false }";

pub const DIFFERENCES: &[Difference] = &[
    Difference {
        because: "`ReturnValuesOnConditionCheckFailure` is ignored: no item comes with a failed condition",
        breaks: &[
            ("api_keys::a_key_finds_its_customer_and_no_other_key_does", "left: UnknownKey"),
            ("api_keys::a_key_has_the_rights_that_it_was_created_with", "left: UnknownKey"),
            ("api_keys::a_key_makes_as_many_calls_in_a_minute_as_it_may", "left: UnknownKey"),
            ("chunks::a_job_that_has_no_chunks_yet_counts_none", UNSEEN),
            ("chunks::the_last_end_is_told_and_so_is_every_repetition_after_it", UNSEEN),
            (
                "chunk_queries::a_canceled_job_does_not_wait_for_its_queries_and_counts_them_all_the_same",
                UNSEEN,
            ),
            (
                "chunk_queries::the_last_chunk_is_not_the_last_thing_while_queries_are_pending",
                UNSEEN,
            ),
            ("chunk_queries::parts_that_were_opened_are_not_opened_again", "left: None"),
            (
                "chunk_queries::a_repeated_end_of_a_part_is_told_the_sum_if_none_is_left",
                "left: None",
            ),
            ("undos::a_chunk_of_an_undo_is_counted_once_and_the_last_one_is_told", UNSEEN),
        ],
    },
    Difference {
        because: "`BatchGetItem` answers with 1.4 MB at most, DynamoDB with 16",
        breaks: &[("people::answers_of_more_than_16_mb_come_complete", "unprocessed keys")],
    },
    Difference {
        because: "there are no transactions",
        breaks: &[("people::several_persons_are_stored_all_or_none", "UnknownOperationException")],
    },
    Difference {
        because: "there are no statements",
        breaks: &[
            ("dynamodb::a_batch_has_25_statements_at_most", "UnknownOperationException"),
            ("dynamodb::a_batch_inserts_no_key_twice", "UnknownOperationException"),
            ("dynamodb::a_statement_inserts_no_item_over_another", "UnknownOperationException"),
            ("external_ids::first_entries_are_inserted_where_there_is_none", "left: [false]"),
            ("external_ids::of_many_first_entries_at_the_same_time_one_is_inserted", "left: 0"),
            ("people::new_persons_are_inserted_and_stored_ones_stay", "left: false"),
        ],
    },
    Difference {
        because: "an empty text is taken for a key of an index",
        breaks: &[(
            "dynamodb::an_empty_key_is_refused_and_another_empty_text_is_not",
            "a key of an index",
        )],
    },
];

pub fn backend() -> Emulator {
    Emulator::of_variable("DYNALITE", "make ports")
}

crate::emulator::dynamodb!(dynalite);
