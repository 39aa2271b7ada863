use super::*;

fn request(number: u128) -> QueryRequestId {
    QueryRequestId::new(Uuid::from_u128(number))
}

fn at(minute: u64) -> Timestamp {
    Timestamp::from_millis(1_800_000_000_000).plus(Duration::from_mins(minute))
}

fn an_attempt() -> QueryAttemptId {
    QueryAttemptId::new(Uuid::now_v7())
}

fn started(by: u128, minute: u64) -> PatientQuery {
    match PatientQuery::decide(None, request(by), an_attempt(), at(minute)) {
        RequestDecision::Start(query) => query,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_request_is_served_once_however_often_it_comes() {
    let ended = started(1, 0).ended(QueryOutcome::Documents(3), None);
    let served = RequestDecision::Served(QueryOutcome::Documents(3));
    assert_eq!(PatientQuery::decide(Some(&ended), request(1), an_attempt(), at(1)), served);
    let RequestDecision::Start(second) =
        PatientQuery::decide(Some(&ended), request(2), an_attempt(), at(2))
    else {
        panic!()
    };
    assert_eq!(PatientQuery::decide(Some(&second), request(1), an_attempt(), at(3)), served);
    let ended = second.ended(QueryOutcome::NotKnown, None);
    assert_eq!(PatientQuery::decide(Some(&ended), request(1), an_attempt(), at(4)), served);
}

#[test]
fn a_request_during_a_running_query_joins_it() {
    let running = started(1, 0);
    let RequestDecision::Join(joined) =
        PatientQuery::decide(Some(&running), request(2), an_attempt(), at(1))
    else {
        panic!()
    };
    assert_eq!(
        PatientQuery::decide(Some(&joined), request(2), an_attempt(), at(2)),
        RequestDecision::Wait
    );
    assert_eq!(
        PatientQuery::decide(Some(&joined), request(1), an_attempt(), at(2)),
        RequestDecision::Wait
    );
    let ended = joined.ended(QueryOutcome::Ambiguous, None);
    for asker in [1, 2] {
        let decision = PatientQuery::decide(Some(&ended), request(asker), an_attempt(), at(3));
        assert_eq!(decision, RequestDecision::Served(QueryOutcome::Ambiguous));
    }
}

#[test]
fn a_query_of_a_dead_worker_is_started_by_the_next_request_and_serves_all() {
    let running = started(1, 0);
    let RequestDecision::Start(again) =
        PatientQuery::decide(Some(&running), request(2), an_attempt(), at(7))
    else {
        panic!()
    };
    let ended = again.ended(QueryOutcome::Documents(0), None);
    let decision = PatientQuery::decide(Some(&ended), request(1), an_attempt(), at(8));
    assert_eq!(decision, RequestDecision::Served(QueryOutcome::Documents(0)));
}

#[test]
fn a_query_that_was_released_is_for_the_next_request_and_has_not_failed() {
    let mine = an_attempt();
    let RequestDecision::Start(running) = PatientQuery::decide(None, request(1), mine, at(0))
    else {
        panic!()
    };
    assert!(running.is_leased_to(mine) && !running.is_leased_to(an_attempt()));
    let given_back = running.given_back();
    assert!(!given_back.is_leased_to(mine));
    let next = an_attempt();
    let RequestDecision::Start(again) =
        PatientQuery::decide(Some(&given_back), request(1), next, at(0))
    else {
        panic!()
    };
    assert!(again.is_leased_to(next));
    assert_eq!(again.failures, 0);
    assert!(!again.ended(QueryOutcome::NotKnown, None).is_leased_to(next));
}

#[test]
fn a_query_fails_for_good_after_its_last_attempt() {
    let mut query = started(1, 0);
    for minute in 1..u64::from(MOST_ATTEMPTS) {
        let given_back = query.failed_once();
        assert_eq!(given_back.outcome, None);
        let RequestDecision::Start(again) =
            PatientQuery::decide(Some(&given_back), request(1), an_attempt(), at(minute))
        else {
            panic!()
        };
        query = again;
    }
    assert_eq!(query.failed_once().outcome, Some(QueryOutcome::Failed));
}

#[test]
fn a_query_that_kills_its_workers_is_exhausted_after_its_last_attempt() {
    let mut query = started(1, 0);
    for minute in (10..).step_by(10).take(MOST_ATTEMPTS as usize) {
        assert!(!query.is_exhausted());
        let RequestDecision::Start(again) =
            PatientQuery::decide(Some(&query), request(1), an_attempt(), at(minute))
        else {
            panic!()
        };
        query = again;
    }
    assert!(query.is_exhausted());
}

#[test]
fn a_query_is_abandoned_only_while_no_worker_holds_it() {
    let running = started(1, 0);
    assert_eq!(running.abandoned(at(1)), None);
    let abandoned = running.abandoned(at(7)).unwrap();
    assert_eq!(abandoned.outcome_for(request(1)), Some(QueryOutcome::Failed));
    assert_eq!(abandoned.abandoned(at(8)), None);
}

#[test]
fn a_query_by_hand_waits_for_a_worker_and_there_is_only_one_at_a_time() {
    let asked = PatientQuery::asked(None, request(1), at(0)).unwrap();
    assert_eq!(PatientQuery::asked(Some(&asked), request(2), at(1)), None);
    assert!(matches!(
        PatientQuery::decide(Some(&asked), request(1), an_attempt(), at(1)),
        RequestDecision::Start(_)
    ));
    let ended = asked.ended(QueryOutcome::NotKnown, None);
    assert!(PatientQuery::asked(Some(&ended), request(2), at(2)).is_some());
}

#[test]
fn documents_stay_readable_until_a_later_query_succeeds() {
    let found_by = QueryAttemptId::new(Uuid::from_u128(1));
    let stored = StoredDocuments { found_by, pages: 2, first: Vec::new() };
    let first = started(1, 0).ended(QueryOutcome::Documents(9), Some(stored.clone()));
    let RequestDecision::Start(second) =
        PatientQuery::decide(Some(&first), request(2), an_attempt(), at(1))
    else {
        panic!()
    };
    assert_eq!(second.documents, Some(stored.clone()));
    assert_eq!(second.clone().ended(QueryOutcome::Failed, None).documents, Some(stored));
    assert_eq!(second.ended(QueryOutcome::NotKnown, None).documents, None);
}

#[test]
fn a_part_asks_with_the_same_request_on_every_delivery() {
    let part =
        QueryPart { job: JobId::new(Uuid::from_u128(1)), chunk: ChunkNumber::new(2), part: 3 };
    assert_eq!(QueryRequestId::of_part(part), QueryRequestId::of_part(part));
    let other = QueryPart { part: 4, ..part };
    assert_ne!(QueryRequestId::of_part(part), QueryRequestId::of_part(other));
}
