//! The uploads that an S3 event names.

use aws_lambda_events::s3::S3EventRecord;
use bulk_aws::Objects;
use bulk_domain::job::Upload;
use bulk_pipeline::messages::UploadMessage;

/// An object that an event names.
#[derive(PartialEq, Debug)]
pub enum Uploaded {
    /// The upload of a job.
    Job(UploadMessage),
    /// An object that is not the upload of a job.
    NotAnUpload,
    /// The upload of a job, without the etag or the size that S3 documents for the event.
    Incomplete,
}

impl From<S3EventRecord> for Uploaded {
    fn from(record: S3EventRecord) -> Self {
        let object = record.s3.object;
        let Some(job) = object.key.as_deref().and_then(Objects::job_of_upload) else {
            return Self::NotAnUpload;
        };
        let bytes = object.size.and_then(|size| u64::try_from(size).ok());
        let (Some(etag), Some(bytes)) = (object.e_tag, bytes) else { return Self::Incomplete };
        let version = object.version_id.unwrap_or_else(|| Upload::NO_VERSION.to_owned());
        Self::Job(UploadMessage {
            customer: job.customer,
            job: job.job,
            upload: Upload { version, etag: format!("\"{}\"", etag.trim_matches('"')), bytes },
        })
    }
}

#[cfg(test)]
mod tests {
    use aws_lambda_events::s3::S3Event;
    use serde_json::{Value, json};

    use super::*;

    const ID: &str = "0199a1b2-0000-7000-8000-00000000";

    /// The event on file, after this change to its object.
    fn uploaded(change: impl FnOnce(&mut Value)) -> Uploaded {
        let mut event: Value =
            serde_json::from_str(include_str!("../../../tests/events/fan-out.json")).unwrap();
        change(&mut event["Records"][0]["s3"]["object"]);
        let event: S3Event = serde_json::from_value(event).unwrap();
        event.records.into_iter().next().unwrap().into()
    }

    fn job(version: &str) -> Uploaded {
        Uploaded::Job(UploadMessage {
            customer: format!("{ID}c001").parse().unwrap(),
            job: format!("{ID}a001").parse().unwrap(),
            upload: Upload {
                version: version.to_owned(),
                etag: "\"d41d8cd98f00b204e9800998ecf8427e\"".to_owned(),
                bytes: 1024,
            },
        })
    }

    #[test]
    fn an_upload_is_the_version_that_the_event_names() {
        assert_eq!(uploaded(|_| {}), job("096fKKXTRTtl3on89fVO.nfljtsv6qko"));
    }

    #[test]
    fn an_upload_to_a_bucket_without_versions_is_the_null_version() {
        let unversioned: S3Event =
            serde_json::from_str(include_str!("../../../tests/events/fan-out-unversioned.json"))
                .unwrap();
        let record = unversioned.records.into_iter().next().unwrap();
        assert_eq!(Uploaded::from(record), job("null"));
    }

    #[test]
    fn an_object_with_another_key_is_not_an_upload() {
        for key in ["uploads/x.csv", "plans/a/b.jsonl"] {
            assert_eq!(uploaded(|object| object["key"] = json!(key)), Uploaded::NotAnUpload);
        }
    }

    #[test]
    fn an_upload_without_etag_or_size_is_told_apart_from_other_objects() {
        for field in ["eTag", "size"] {
            assert_eq!(
                uploaded(|object| object[field] = Value::Null),
                Uploaded::Incomplete,
                "{field}"
            );
        }
    }
}
