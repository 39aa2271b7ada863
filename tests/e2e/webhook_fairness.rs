//! Fifty customers, one of which has a receiver that hangs: the others' webhooks arrive while it
//! hangs.
//!
//! `tests/webhooks/fairness.rs` simulates the full load in virtual time. Here the machine decides
//! how long everything takes, and other tests have receivers that hang, too. So this test only
//! shows that messages do not wait for a receiver that hangs.

use std::time::{Duration, Instant};

use futures::future::join_all;

use crate::customer::{Customer, PATIENCE};
use crate::receiver::Behaviour;

const CUSTOMERS: usize = 50;

/// How many webhooks each customer gets.
const WEBHOOKS: usize = 2;

/// How many webhooks the customer with the hanging receiver gets.
const HANGING_WEBHOOKS: usize = 10;

/// How long an attempt waits for a receiver that hangs, less the delay of a busy machine.
const ATTEMPT: Duration = Duration::from_millis(3500);

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
    let start = Instant::now();
    let of_others = join_all(customers.iter().map(|(customer, _)| async {
        for _ in 0..WEBHOOKS {
            customer.cause_a_webhook().await;
        }
    }));
    // These webhooks are caused beside all others, so that an attempt hangs whenever another
    // customer's message is in the queue.
    let of_hanging = async {
        for _ in 0..HANGING_WEBHOOKS {
            hanging.cause_a_webhook().await;
        }
    };
    futures::join!(of_others, of_hanging);
    let asked = start.elapsed();
    let mut arrivals = Vec::new();
    for (_, receiver) in &customers {
        let messages = receiver.wait_for_count(WEBHOOKS, PATIENCE).await;
        assert_eq!(messages.len(), WEBHOOKS, "each arrives once");
        arrivals.extend(messages.iter().map(|message| message.at));
    }
    let last = arrivals.iter().max().unwrap().duration_since(start);
    println!("98 webhooks asked for within {asked:?}, the last one arrived after {last:?}");
    let arrived_meanwhile = receiver.deliveries().iter().any(|hung| {
        let meanwhile = hung.at..hung.at + ATTEMPT;
        arrivals.iter().any(|arrival| meanwhile.contains(arrival))
    });
    assert!(arrived_meanwhile, "nothing arrived while the receiver hung");
}
