//! What idempotency keys stand for, in the directory table: one item for each, under the key's hash.

use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::ids::CustomerId;
use domain::time::Timestamp;
use domain::upload_terms::UploadTerms;
use pipeline::idempotency::{IdempotencyKey, Parameters, Promise};
use pipeline::ports::{LoadPromise, PortResult, StorePromise, Write};
use sha2::{Digest as _, Sha256};

use crate::Directory;
use crate::directory::{customer_pk, hex};
use crate::error::{conditional, malformed};
use crate::item::{Item, key, n, number, parsed, required_number, s, text};

impl LoadPromise for Directory {
    async fn load_promise(
        &self,
        customer: CustomerId,
        key: &IdempotencyKey,
        now: Timestamp,
    ) -> PortResult<Option<Promise>> {
        let promise = self.get(promise_key(customer, key)).await?.as_ref().map(read).transpose()?;
        // DynamoDB removes what has expired when it comes to it, which may be days later.
        Ok(promise.filter(|promise| promise.expires_at.as_seconds() > now.as_seconds()))
    }
}

impl StorePromise for Directory {
    async fn store_promise(
        &self,
        customer: CustomerId,
        key: &IdempotencyKey,
        promise: &Promise,
        now: Timestamp,
    ) -> PortResult<Write> {
        let Promise { job, facility, parameters, expires_at } = promise;
        let mut item = promise_key(customer, key);
        item.extend([
            ("job".to_owned(), s(job)),
            ("facility".to_owned(), s(facility)),
            ("dryRun".to_owned(), AttributeValue::Bool(parameters.dry_run)),
            ("expiresAt".to_owned(), n(expires_at.as_seconds())),
        ]);
        item.extend(parameters.facility.map(|asked| ("askedFacility".to_owned(), s(asked))));
        item.extend(parameters.terms.bytes.map(|bytes| ("uploadBytes".to_owned(), n(bytes))));
        item.extend(parameters.terms.sha256_base64().map(|sha256| ("uploadSha256".to_owned(), s(sha256))));
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(pk) OR expiresAt <= :now")
            .expression_attribute_values(":now", n(now.as_seconds()));
        conditional("dynamodb.PutItem", put.send().await)
    }
}

fn promise_key(customer: CustomerId, idempotency: &IdempotencyKey) -> Item {
    let hash = hex(&Sha256::digest(idempotency.as_str().as_bytes()));
    key(customer_pk(customer), format_args!("idempotency#{hash}"))
}

fn read(item: &Item) -> PortResult<Promise> {
    let sha256 = text(item, "uploadSha256").map(|text| {
        let hash = STANDARD.decode(text).ok().and_then(|hash| hash.try_into().ok());
        hash.ok_or_else(|| malformed("dynamodb.read", "uploadSha256"))
    });
    Ok(Promise {
        job: parsed(item, "job")?,
        facility: parsed(item, "facility")?,
        parameters: Parameters {
            facility: text(item, "askedFacility").map(|_| parsed(item, "askedFacility")).transpose()?,
            dry_run: item.get("dryRun").and_then(|value| value.as_bool().ok()).copied().unwrap_or(false),
            terms: UploadTerms { bytes: number(item, "uploadBytes"), sha256: sha256.transpose()? },
        },
        expires_at: Timestamp::from_millis(required_number::<i64>(item, "expiresAt")? * 1000),
    })
}
