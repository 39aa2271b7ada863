//! The queues in memory hide messages, and make dead letters of them, as those of the template do.

use bulk_domain::job::times::{LONGEST_LIFE, TIME_TO_PROCESS, TIME_TO_START};
use std::time::Duration;

use bulk_memory::{Queue, QueueName, Queues};

use crate::{given, template};

/// Returns how often a message is received if its receiver never deletes it.
fn receives(queue: &mut Queue, hidden_for: Duration) -> i64 {
    let (mut now, mut receives) = (given::at(given::NOW), 0);
    queue.send("message".to_owned(), now);
    while queue.receive(now, 0).is_some() {
        receives += 1;
        now = now.plus(hidden_for);
    }
    receives
}

/// A job's data must outlive the job. A job needs its files until its last row has an outcome, but
/// they are deleted after `RetentionDays`. It waits for its document queries, for
/// `QueryDeadlineMinutes` at most.
#[test]
fn no_setting_ends_the_life_of_files_before_that_of_their_job() {
    let days = template::parameter("RetentionDays")["MinValue"].as_i64().unwrap();
    let retention = Duration::from_hours(24) * u32::try_from(days).unwrap();
    assert!(retention >= LONGEST_LIFE, "RetentionDays may be {days}");
    let rule = &template::properties("Files")["LifecycleConfiguration"]["Rules"][0];
    let replaced = rule["NoncurrentVersionExpiration"]["NoncurrentDays"].as_i64().unwrap();
    assert!(replaced >= days, "an upload that was replaced is deleted after {replaced} days");
    let minutes = template::parameter("QueryDeadlineMinutes")["MaxValue"].as_i64().unwrap();
    let queries = Duration::from_mins(minutes.unsigned_abs());
    assert!(
        TIME_TO_START + TIME_TO_PROCESS.max(queries) <= LONGEST_LIFE,
        "queries may take {minutes} minutes"
    );
}

#[test]
fn a_message_is_hidden_as_long_and_received_as_often_as_the_template_says() {
    for name in QueueName::ALL {
        let properties = template::properties(name.resource());
        let timeout =
            Duration::from_secs(properties["VisibilityTimeout"].as_i64().unwrap().unsigned_abs());
        let receive_count = properties["RedrivePolicy"]["maxReceiveCount"].as_i64().unwrap();
        assert_eq!(receives(Queues::default().get(name), timeout), receive_count, "{name:?}");
        let too_short = timeout.saturating_sub(Duration::from_millis(1));
        assert_eq!(receives(Queues::default().get(name), too_short), 1, "{name:?}");
    }
}
