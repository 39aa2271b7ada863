//! The queues in memory hide and bury messages as the template's do.

use std::time::Duration;

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
