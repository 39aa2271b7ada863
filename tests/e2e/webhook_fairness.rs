//! Fifty customers, one of which hangs: the others' webhooks arrive all the same.
//!
//! On AWS, Lambda runs many batches of the queue at the same time, and the proof for that is a test of
//! `pipeline::in_groups`. The emulator runs one batch of a FIFO queue after the other, so that this is the
//! harder case: a batch that a hanging receiver is in holds up the next batch by up to 4 seconds.

use std::time::{Duration, Instant};

use futures::future::join_all;

use crate::customer::Customer;
use crate::receiver::Behaviour;

const CUSTOMERS: usize = 50;

/// Webhooks of each customer.
const WEBHOOKS: usize = 2;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_customer_that_hangs_does_not_keep_the_others_from_their_webhooks() {
    let mut customers = Vec::new();
    for _ in 0..CUSTOMERS {
        let (customer, _) = Customer::with_facility();
        let (receiver, _) = customer.listen().await;
        customers.push((customer, receiver));
    }
    let (hanging, receiver) = customers.pop().unwrap();
    receiver.set(Behaviour::Slow(Duration::from_mins(1)));
    // Without pause, so that there is always a batch with a message to the hanging receiver.
    let start = Instant::now();
    for _ in 0..3 {
        hanging.cause_a_webhook().await;
    }
    join_all(customers.iter().map(|(customer, _)| async {
        for _ in 0..WEBHOOKS {
            customer.cause_a_webhook().await;
        }
    }))
    .await;
    let asked = start.elapsed();
    let mut last = Duration::ZERO;
    for (_, receiver) in &customers {
        let messages = receiver.wait_for_count(WEBHOOKS, Duration::from_mins(1)).await;
        assert_eq!(messages.len(), WEBHOOKS, "each arrives once");
        last = last.max(messages.iter().map(|message| message.at - start).max().unwrap());
    }
    println!("98 webhooks asked for within {asked:?}, the last one arrived after {last:?}");
    // One after the other, with a batch of one message, the hanging receiver alone takes 4 s for each of
    // its attempts: three jobs, tried again after 5 s.
    assert!(last < asked + Duration::from_secs(12), "{last:?}");
    assert!(receiver.deliveries().len() >= 3);
}
