//! A customer of an emulated bucket, who uploads and downloads by signed links, and the versions
//! that the bucket stores.

use std::time::Duration;

use bulk_aws::Objects;
use bulk_domain::ids::{CustomerId, PatientId};
use bulk_domain::job::Upload;
use bulk_domain::upload_terms::UploadTerms;
use bulk_pipeline::ports::prelude::*;
use bulk_pipeline::ports::{JobRef, ResultFile};
use bytes::Bytes;
use reqwest::StatusCode;

use crate::backend::{Customer, Versions};
use crate::services::http;

const MINUTE: Duration = Duration::from_mins(1);

impl Customer for Objects {
    async fn upload(&self, job: JobRef, bytes: Bytes) -> Upload {
        let link = self.sign_upload(job, &UploadTerms::default(), MINUTE).await.unwrap();
        let length = bytes.len() as u64;
        let answer = http().put(link.url).body(bytes).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        let header = |name| answer.headers().get(name).unwrap().to_str().unwrap().to_owned();
        Upload { version: header("x-amz-version-id"), etag: header("etag"), bytes: length }
    }

    async fn download(&self, job: JobRef, file: ResultFile) -> Option<Bytes> {
        let link = self.sign_download(job, file, MINUTE).await.unwrap();
        let answer = http().get(link).send().await.unwrap();
        match answer.status() {
            StatusCode::OK => Some(answer.bytes().await.unwrap()),
            StatusCode::NOT_FOUND => None,
            other => panic!("{other}"),
        }
    }
}

impl Versions for Objects {
    async fn versions_of_copies(&self, customer: CustomerId, patient: PatientId) -> usize {
        self.versions(customer, "documents/", &patient.to_string()).await.unwrap().len()
    }
}
