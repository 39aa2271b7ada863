use uuid::Uuid;

use super::*;

const START: i64 = 1_700_000_000_000;

fn delivery(job: u128) -> WebhookDelivery {
    let (customer, job) = (CustomerId::new(Uuid::from_u128(1)), JobId::new(Uuid::from_u128(job)));
    WebhookDelivery::new(customer, job, JobStatus::Completed)
}

fn answered(status: u16) -> Attempt {
    Attempt { when: Timestamp::from_millis(START), outcome: AttemptOutcome::StatusCode(status) }
}

fn wait_s(delivery: &WebhookDelivery) -> Option<i64> {
    delivery.next_attempt.map(|next| (next.as_millis() - START) / 1000)
}

#[test]
fn waiting_times_grow_and_the_tenth_attempt_is_the_last() {
    let mut delivery = delivery(0);
    let mut waits = Vec::new();
    while delivery.state == DeliveryState::Processing {
        delivery.attempted(answered(500), None);
        waits.push(wait_s(&delivery));
    }
    assert_eq!(waits[..9], [5, 30, 120, 600, 1800, 3600, 7200, 14400, 28800].map(Some));
    assert_eq!(waits[9..], [None]);
    assert_eq!((delivery.state, delivery.tries), (DeliveryState::Failed, 10));
}

#[test]
fn jitter_makes_a_wait_longer_by_a_fifth_at_most_and_is_not_the_same_for_all_jobs() {
    let mut waits = std::collections::BTreeSet::new();
    for job in 0..=255 {
        let mut delivery = delivery(job);
        for tries in 1..=9_usize {
            delivery.attempted(answered(500), None);
            let wait = Duration::from_secs(u64::try_from(wait_s(&delivery).unwrap()).unwrap());
            assert!(wait >= RETRY_AFTER[tries - 1] && wait <= RETRY_AFTER[tries - 1] * 6 / 5);
            assert!(wait <= LONGEST_WAIT, "the queue cannot hold a message back for {wait:?}");
        }
        waits.insert(wait_s(&delivery));
    }
    assert!(waits.len() > 200, "{waits:?}");
}

#[test]
fn a_receiver_that_asks_for_time_gets_it_within_what_the_queue_can_wait() {
    for (asked, expected) in [(60, 60), (1, 5), (1_000_000, 11 * 3600)] {
        let mut delivery = delivery(0);
        delivery.attempted(answered(429), Some(Duration::from_secs(asked)));
        assert_eq!(wait_s(&delivery), Some(expected));
    }
}

#[test]
fn gone_is_gone() {
    let mut delivery = delivery(0);
    delivery.attempted(answered(410), Some(Duration::from_secs(1)));
    assert_eq!((delivery.state, delivery.next_attempt), (DeliveryState::Failed, None));
}

#[test]
fn success_is_2xx_and_nothing_else() {
    for (status, state) in [
        (200, DeliveryState::Delivered),
        (204, DeliveryState::Delivered),
        (299, DeliveryState::Delivered),
        (199, DeliveryState::Processing),
        (300, DeliveryState::Processing),
        (302, DeliveryState::Processing),
        (404, DeliveryState::Processing),
        (500, DeliveryState::Processing),
    ] {
        let mut delivery = delivery(0);
        delivery.attempted(answered(status), None);
        assert_eq!(delivery.state, state, "{status}");
    }
}

#[test]
fn what_arrived_stays_arrived() {
    let mut delivery = delivery(0);
    delivery.attempted(answered(200), None);
    delivery.attempted(answered(500), None);
    assert_eq!((delivery.state, delivery.next_attempt), (DeliveryState::Delivered, None));
    assert!(!delivery.wants(0) && !delivery.wants(1));
}

#[test]
fn a_round_by_hand_has_all_its_attempts_and_repeated_messages_of_ended_rounds_have_none() {
    let mut delivery = delivery(0);
    for _ in 0..10 {
        delivery.attempted(answered(500), None);
    }
    assert!(!delivery.wants(0), "the job's own message came again");
    assert!(delivery.wants(1));
    delivery.start_round(1);
    delivery.attempted(answered(500), None);
    assert_eq!((delivery.state, wait_s(&delivery)), (DeliveryState::Processing, Some(5)));
    assert!(delivery.wants(1) && !delivery.wants(0));
    delivery.start_round(1);
    assert_eq!(delivery.tries, 1, "a round starts once");
}

#[test]
fn the_newest_attempts_are_remembered() {
    let mut delivery = delivery(0);
    for status in 0..=u16::try_from(ATTEMPTS_KEPT).unwrap() {
        delivery.attempted(answered(500 + status), None);
    }
    assert_eq!(delivery.attempts.len(), ATTEMPTS_KEPT);
    assert_eq!(delivery.attempts[0].outcome, AttemptOutcome::StatusCode(501));
}

#[test]
fn a_delivery_is_stored_and_read_back_and_holds_nothing_but_codes_and_times() {
    let mut before = delivery(0);
    before.attempted(answered(500), None);
    let outcome = AttemptOutcome::Error(NoAnswer::AddressNotAllowed);
    before.attempted(Attempt { when: Timestamp::from_millis(START), outcome }, None);
    let json = serde_json::to_value(&before).unwrap();
    assert_eq!(json["attempts"][0]["statusCode"], 500);
    assert_eq!(json["attempts"][1]["error"], "address-not-allowed");
    assert_eq!(serde_json::from_value::<WebhookDelivery>(json).unwrap(), before);
}

#[test]
fn retry_after_is_seconds_or_a_date() {
    let now = Timestamp::from_millis(START); // 2023-11-14T22:13:20Z
    for (header, seconds) in [
        ("120", Some(120)),
        (" 0 ", Some(0)),
        ("Tue, 14 Nov 2023 22:14:20 GMT", Some(60)),
        ("Mon, 13 Nov 2023 22:14:20 GMT", Some(0)),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("", None),
        ("99999999999999999999999999", None),
    ] {
        assert_eq!(retry_after(header, now).map(|wait| wait.as_secs()), seconds, "{header}");
    }
}
