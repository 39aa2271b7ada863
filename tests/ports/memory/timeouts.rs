//! The queues in memory hide and bury messages as the template's do.

use std::time::Duration;

use domain::job::{LONGEST_LIFE, TIME_TO_PROCESS, TIME_TO_START};
use memory::{Queue, QueueName, Queues};

use crate::{given, template};

/// How often a message is received that nobody deletes.
fn receives(queue: &mut Queue, hidden_for: Duration) -> i64 {
    let (mut now, mut receives) = (given::at(given::NOW), 0);
    queue.send("message".to_owned(), now);
    while queue.receive(now, 0).is_some() {
        receives += 1;
        now = now.plus(hidden_for);
    }
    receives
}

/// What a job needs must outlive it: files until its last row has its outcome, and they are deleted after
/// `RetentionDays`; the job's document queries until `QueryDeadlineMinutes` at the most.
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
        let timeout = Duration::from_secs(properties["VisibilityTimeout"].as_i64().unwrap().unsigned_abs());
        let tries = properties["RedrivePolicy"]["maxReceiveCount"].as_i64().unwrap();
        assert_eq!(receives(Queues::default().get(name), timeout), tries, "{name:?}");
        let too_short = timeout.saturating_sub(Duration::from_millis(1));
        assert_eq!(receives(Queues::default().get(name), too_short), 1, "{name:?}");
    }
}
