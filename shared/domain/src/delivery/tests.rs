use uuid::Uuid;

use super::*;

const START: i64 = 1_700_000_000_000;

fn delivery(job: u128) -> WebhookDelivery {
    about(job, WebhookEvent::Completed)
}

fn about(job: u128, event: WebhookEvent) -> WebhookDelivery {
    let (customer, job) = (CustomerId::new(Uuid::from_u128(1)), JobId::new(Uuid::from_u128(job)));
    WebhookDelivery::new(customer, job, event)
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
    assert_eq!((delivery.state, delivery.round_attempts), (DeliveryState::Failed, 10));
}

#[test]
fn jitter_makes_a_wait_longer_by_a_fifth_at_most_and_is_not_the_same_for_all_jobs() {
    let mut waits = std::collections::BTreeSet::new();
    for job in 0..=255 {
        let mut delivery = delivery(job);
        for attempts in 1..=9_usize {
            delivery.attempted(answered(500), None);
            let wait = Duration::from_secs(u64::try_from(wait_s(&delivery).unwrap()).unwrap());
            assert!(wait >= RETRY_WAITS[attempts - 1] && wait <= RETRY_WAITS[attempts - 1] * 6 / 5);
            assert!(wait <= LONGEST_WAIT, "{wait:?}");
        }
        waits.insert(wait_s(&delivery));
    }
    assert!(waits.len() > 200, "{waits:?}");
}

#[test]
fn a_receiver_that_asks_for_time_gets_it_up_to_half_a_day() {
    for (asked, expected) in [(60, 60), (1, 5), (1_000_000, 12 * 3600)] {
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
    assert!(!delivery.wants(Carrier::of_round(0)) && !delivery.wants(Carrier::of_round(1)));
}

#[test]
fn a_round_by_hand_has_all_its_attempts_and_repeated_messages_of_ended_rounds_have_none() {
    let mut delivery = delivery(0);
    for _ in 0..10 {
        delivery.attempted(answered(500), None);
    }
    let [own, by_hand] = [0, 1].map(Carrier::of_round);
    assert!(!delivery.wants(own), "the job's own message is received again");
    assert!(delivery.wants(by_hand));
    delivery.start_round(1);
    delivery.attempted(answered(500), None);
    assert_eq!((delivery.state, wait_s(&delivery)), (DeliveryState::Processing, Some(5)));
    assert!(delivery.wants(by_hand) && !delivery.wants(own));
    delivery.start_round(1);
    assert_eq!(delivery.round_attempts, 1, "a round starts once");
}

fn after(seconds: u64) -> Timestamp {
    Timestamp::from_millis(START).plus(Duration::from_secs(seconds))
}

const FIRST: Carrier = Carrier::of_round(0);

#[test]
fn a_message_that_comes_before_the_next_attempt_is_due_waits_for_it() {
    let mut delivery = delivery(0);
    assert_eq!(delivery.decide(FIRST, after(0)), AttemptDecision::Attempt);
    delivery.begin(FIRST, after(0));
    delivery.attempted(answered(500), None);
    assert_eq!(delivery.decide(FIRST, after(4)), AttemptDecision::Wait(after(5)));
    assert_eq!(delivery.decide(FIRST, after(5)), AttemptDecision::Attempt);
}

#[test]
fn while_an_attempt_is_under_way_no_other_message_makes_one_unless_its_function_died() {
    let mut delivery = delivery(0);
    delivery.begin(FIRST, after(0));
    let lease_end = after(LEASE.as_secs());
    assert_eq!(delivery.decide(FIRST, after(1)), AttemptDecision::Busy(lease_end));
    assert_eq!(delivery.decide(FIRST, lease_end), AttemptDecision::Attempt);
    delivery.attempted(answered(204), None);
    assert_eq!(delivery.decide(FIRST, lease_end), AttemptDecision::Ignore);
}

#[test]
fn a_message_that_was_handed_on_is_over_and_its_successor_is_not() {
    let mut delivery = delivery(0);
    delivery.begin(FIRST, after(0));
    delivery.attempted(answered(500), None);
    delivery.handed_on_to(FIRST.next());
    assert_eq!(delivery.decide(FIRST, after(9)), AttemptDecision::Ignore);
    assert_eq!(delivery.decide(FIRST.next(), after(9)), AttemptDecision::Attempt);
}

#[test]
fn a_successor_is_wanted_even_if_the_record_does_not_know_of_it_and_its_predecessor_is_then_over() {
    let mut delivery = delivery(0);
    delivery.begin(FIRST, after(0));
    let lease_end = after(LEASE.as_secs());
    assert_eq!(delivery.decide(FIRST.next(), lease_end), AttemptDecision::Attempt);
    delivery.begin(FIRST.next(), lease_end);
    assert_eq!(delivery.decide(FIRST, after(100)), AttemptDecision::Ignore);
    delivery.begin(FIRST, after(100));
    assert_eq!(delivery.carrier(), FIRST.next(), "it never goes back");
}

#[test]
fn a_successor_that_comes_before_the_outcome_is_recorded_looks_again_soon() {
    let mut delivery = delivery(1);
    let first = delivery.carrier();
    delivery.begin(first, after(0));
    for (seconds, look) in [(0, 1), (2, 4), (10, 20), (30, 35)] {
        let decision = delivery.decide(first.next(), after(seconds));
        assert_eq!(decision, AttemptDecision::Busy(after(look)), "{seconds}");
    }
    assert_eq!(delivery.decide(first, after(2)), AttemptDecision::Busy(after(0).plus(LEASE)));
    assert_eq!(delivery.decide(first.next(), after(36)), AttemptDecision::Attempt);
}

#[test]
fn the_end_is_told_after_the_start_is_settled_however_that_went() {
    let mut start = about(0, WebhookEvent::Processing);
    assert_eq!(
        WebhookDelivery::order_after(None, after(0)),
        Order::Wait(after(1)),
        "not tried yet"
    );
    start.begin(FIRST, after(0));
    assert_eq!(
        WebhookDelivery::order_after(Some(&start), after(2)),
        Order::Wait(after(4)),
        "under way"
    );
    start.attempted(answered(500), Some(Duration::from_mins(1)));
    assert_eq!(
        WebhookDelivery::order_after(Some(&start), after(1)),
        Order::Wait(after(61)),
        "waiting"
    );
    assert_eq!(
        WebhookDelivery::order_after(Some(&start), after(70)),
        Order::Wait(after(76)),
        "due"
    );
    for state in [DeliveryState::Delivered, DeliveryState::Failed, DeliveryState::Skipped] {
        let settled = WebhookDelivery { state, next_attempt: None, ..start.clone() };
        assert_eq!(
            WebhookDelivery::order_after(Some(&settled), after(1)),
            Order::Free,
            "{state:?}"
        );
    }
}

#[test]
fn the_start_is_not_told_during_an_attempt_at_the_end_and_not_after_it_arrived() {
    let mut end = delivery(0);
    assert_eq!(WebhookDelivery::order_before(None, after(0)), Order::Free);
    end.begin(FIRST, after(0));
    assert_eq!(WebhookDelivery::order_before(Some(&end), after(1)), Order::Wait(after(2)));
    assert_eq!(
        WebhookDelivery::order_before(Some(&end), after(LEASE.as_secs())),
        Order::Free,
        "it died"
    );
    end.attempted(answered(500), None);
    assert_eq!(WebhookDelivery::order_before(Some(&end), after(1)), Order::Free);
    end.attempted(answered(200), None);
    assert_eq!(WebhookDelivery::order_before(Some(&end), after(1)), Order::TooLate);
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
fn messages_about_documents_follow_each_other_and_each_has_all_attempts() {
    let mut delivery = about(0, WebhookEvent::Documents);
    let (first, place) = (delivery.message_id(), DocumentsPlace { chunk: 0, patient: 100 });
    delivery.attempted(answered(500), None);
    delivery.attempted_before(answered(200), place);
    assert_eq!((delivery.state, wait_s(&delivery)), (DeliveryState::Processing, Some(0)));
    assert_ne!(delivery.message_id(), first);
    delivery.attempted(answered(500), None);
    assert_eq!(wait_s(&delivery), Some(5), "the waits begin again");
}

#[test]
fn a_message_about_documents_keeps_its_id_and_its_patients_in_a_new_round() {
    let mut delivery = about(0, WebhookEvent::Documents);
    delivery.attempted_before(answered(200), DocumentsPlace { chunk: 1, patient: 25 });
    assert_eq!(delivery.documents.until, None);
    delivery.documents.until = Some(DocumentsPlace { chunk: 2, patient: 0 });
    let (id, documents) = (delivery.message_id(), delivery.documents);
    delivery.attempted(answered(410), None);
    delivery.start_round(1);
    assert_eq!((delivery.message_id(), delivery.documents), (id, documents));
}

#[test]
fn documents_without_patients_are_skipped_and_after_patients_delivered() {
    let mut none = about(0, WebhookEvent::Documents);
    none.go_on(DocumentsPlace { chunk: 40, patient: 0 }, after(0));
    none.end_documents();
    assert_eq!(none.state, DeliveryState::Skipped);
    let mut some = about(0, WebhookEvent::Documents);
    some.attempted_before(answered(200), DocumentsPlace { chunk: 1, patient: 0 });
    some.end_documents();
    assert_eq!(some.state, DeliveryState::Delivered);
}

/// Returns what documents mean to the message about a job that completed at the start.
fn order_after_documents(documents: Option<&WebhookDelivery>, now_s: u64) -> Order {
    WebhookDelivery::order_after_documents(documents, after(0), after(now_s))
}

#[test]
fn completion_is_told_after_the_documents() {
    let mut documents = about(0, WebhookEvent::Documents);
    assert_eq!(order_after_documents(None, 0), Order::Wait(after(1)));
    documents.begin(FIRST, after(0));
    assert_eq!(order_after_documents(Some(&documents), 0), Order::Wait(after(1)));
    documents.put_off(after(200));
    assert_eq!(order_after_documents(Some(&documents), 100), Order::Wait(after(201)));
    documents.skip();
    assert_eq!(order_after_documents(Some(&documents), 0), Order::Free);
}

#[test]
fn completion_is_checked_less_often_the_longer_it_waits() {
    let mut documents = about(0, WebhookEvent::Documents);
    for (now, pause) in [(5, 1), (200, 20), (3_000, 60)] {
        documents.put_off(after(now));
        assert_eq!(order_after_documents(Some(&documents), now), Order::Wait(after(now + pause)));
    }
}

#[test]
fn completion_waits_for_a_day_unless_the_customer_has_failed_documents_sent_again() {
    let day = 24 * 3_600;
    let mut documents = about(0, WebhookEvent::Documents);
    documents.put_off(after(day));
    assert!(matches!(order_after_documents(Some(&documents), day - 1), Order::Wait(_)));
    assert_eq!(order_after_documents(Some(&documents), day), Order::Free);
    documents.start_round(1);
    assert!(matches!(order_after_documents(Some(&documents), day), Order::Wait(_)));
}
