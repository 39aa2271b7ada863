//! Replaces the webhook key, and looks at the signatures for more than a day.

use std::time::Duration;

use bulk_api::operations::rotate_webhook_key::{REPLACED_KEY_VALID, rotate_webhook_key};
use bulk_domain::job::JobStatus;
use bulk_domain::row::Directory;
use bulk_pipeline::ports::prelude::*;

use crate::setup::{URL, announce, canceled_job, cloud, customer, deliver_all, settings};

#[tokio::test]
async fn a_replaced_key_signs_for_a_day_and_not_longer() {
    let cloud = cloud();
    cloud.set_customer(customer(1), Directory::default(), settings(URL));
    rotate_webhook_key(&cloud, customer(1)).await.unwrap();
    let almost = REPLACED_KEY_VALID.saturating_sub(Duration::from_secs(1));
    for (number, wait, keys) in [(1, almost, 2), (2, Duration::from_secs(1), 1)] {
        cloud.set_time(cloud.now().plus(wait));
        let job = canceled_job(&cloud, customer(1), number).await;
        announce(&cloud, &job, JobStatus::Failed).await;
        deliver_all(&cloud).await;
        let (_, request) = cloud.received().pop().unwrap();
        let (_, signatures) =
            request.headers.iter().find(|(name, _)| *name == "webhook-signature").unwrap();
        assert_eq!(signatures.split(' ').count(), keys, "{signatures}");
    }
}

#[tokio::test]
async fn a_key_that_is_replaced_twice_within_a_day_is_still_valid() {
    let cloud = cloud();
    cloud.set_customer(customer(1), Directory::default(), settings(URL));
    let first = settings(URL).key.unwrap();
    rotate_webhook_key(&cloud, customer(1)).await.unwrap();
    let now = rotate_webhook_key(&cloud, customer(1)).await.unwrap();
    let keys = now.signing_keys(cloud.now());
    assert_eq!((keys.len(), keys.last()), (3, Some(&first)));
    assert_eq!(
        keys.first(),
        now.key.as_ref(),
        "the newest one makes the one signature of x-metriport-signature"
    );
}
