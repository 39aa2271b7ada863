//! The gateway's circuit breaker and the rate limit of each customer, written on the condition that
//! the version is the expected one.

use bulk_domain::circuit_breaker::CircuitBreaker;
use bulk_domain::rate_limit::RateLimit;
use bulk_pipeline::ports::{GatewayLimits, Write};
use futures::future::try_join_all;

use crate::given;

fn slots(second: i64) -> RateLimit {
    RateLimit { next: given::at(given::NOW + second * 1000 + 1) }
}

pub async fn slots_are_taken_only_from_what_was_read(ports: &impl GatewayLimits) {
    let customer = given::customer();
    let store = async |second, version| {
        ports.store_rate_limit(customer, slots(second), version).await.unwrap()
    };
    let load = async || {
        let stored = ports.load_rate_limit(customer).await.unwrap();
        stored.map(|stored| (stored.value, stored.version))
    };
    assert_eq!(load().await, None);
    assert_eq!(store(9, Some(1)).await, Write::Conflict, "nothing is stored");
    assert_eq!(store(1, None).await, Write::Done);
    let (first, one) = load().await.unwrap();
    assert_eq!(first, slots(1));
    assert_eq!(store(9, None).await, Write::Conflict, "a version is stored");
    assert_eq!(store(2, Some(one)).await, Write::Done);
    let (second, two) = load().await.unwrap();
    assert_eq!(second, slots(2));
    for version in [None, Some(one), Some(two + 1)] {
        assert_eq!(store(9, version).await, Write::Conflict, "{version:?} over {two}");
    }
    assert_eq!(load().await, Some((slots(2), two)));
}

pub async fn of_many_who_take_the_same_slots_one_does(ports: &impl GatewayLimits) {
    let customer = given::customer();
    let writes = (0..8).map(|second| ports.store_rate_limit(customer, slots(second), None));
    let writes = try_join_all(writes).await.unwrap();
    assert_eq!(writes.iter().filter(|write| **write == Write::Done).count(), 1);
}

pub async fn each_customer_has_slots_of_its_own(ports: &impl GatewayLimits) {
    let (customer, other) = (given::customer(), given::customer());
    assert_eq!(ports.store_rate_limit(customer, slots(1), None).await.unwrap(), Write::Done);
    assert!(ports.load_rate_limit(other).await.unwrap().is_none());
    assert_eq!(ports.store_rate_limit(other, slots(2), None).await.unwrap(), Write::Done);
    assert_eq!(ports.load_rate_limit(customer).await.unwrap().unwrap().value, slots(1));
}

pub async fn the_breaker_changes_only_from_what_was_read(ports: &impl GatewayLimits) {
    assert!(ports.load_circuit_breaker().await.unwrap().is_none());
    let closed = (0..5)
        .fold(CircuitBreaker::default(), |breaker, _| breaker.after_failure(given::at(given::NOW)));
    assert!(closed.open_until.is_some());
    for (number, breaker) in [closed, CircuitBreaker::default(), closed].into_iter().enumerate() {
        let known = ports.load_circuit_breaker().await.unwrap();
        let version = known.map(|known| known.version);
        assert_eq!(version.is_some(), number > 0);
        for wrong in [Some(version.unwrap_or(0) + 1), version.map_or(Some(0), |_| None)] {
            assert_eq!(
                ports.store_circuit_breaker(breaker, wrong).await.unwrap(),
                Write::Conflict,
                "{wrong:?}"
            );
        }
        assert_eq!(ports.store_circuit_breaker(breaker, version).await.unwrap(), Write::Done);
        assert_eq!(ports.load_circuit_breaker().await.unwrap().unwrap().value, breaker);
    }
}

contract!($ gateway_limits:
    slots_are_taken_only_from_what_was_read,
    of_many_who_take_the_same_slots_one_does,
    each_customer_has_slots_of_its_own,
    the_breaker_changes_only_from_what_was_read,
);
