//! A bucket, and the client who uploads and downloads by signed links.

use std::time::Duration;

use aws::Files;
use bytes::Bytes;
use domain::job::Upload;
use domain::upload_terms::UploadTerms;
use pipeline::ports::{
    FileWriter as _, JobRef, ResultFile, SignDownload as _, SignUpload as _, WriteResults as _,
};
use reqwest::StatusCode;

use super::{endpoint, fresh};
use crate::backend::Customer;
use crate::{given, template};

const MINUTE: Duration = Duration::from_mins(1);

pub async fn bucket() -> Files {
    let (client, name) = (endpoint().s3(), fresh("files"));
    template::create_bucket(&client, &name).await;
    Files::new(client, name)
}

fn http() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build().unwrap()
}

async fn get(files: &Files, job: JobRef, file: ResultFile) -> reqwest::Response {
    let link = files.sign_download(job, file, MINUTE).await.unwrap();
    http().get(link).send().await.unwrap()
}

impl Customer for Files {
    async fn upload(&self, job: JobRef, bytes: Bytes) -> Upload {
        let link = self.sign_upload(job, &UploadTerms::default(), MINUTE).await.unwrap();
        let length = bytes.len() as u64;
        let answer = http().put(link.url).body(bytes).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        let header = |name| answer.headers().get(name).unwrap().to_str().unwrap().to_owned();
        Upload { version: header("x-amz-version-id"), etag: header("etag"), bytes: length }
    }

    async fn download(&self, job: JobRef, file: ResultFile) -> Option<Bytes> {
        let answer = get(self, job, file).await;
        match answer.status() {
            StatusCode::OK => Some(answer.bytes().await.unwrap()),
            StatusCode::NOT_FOUND => None,
            other => panic!("{other}"),
        }
    }
}

#[tokio::test]
async fn a_download_is_saved_as_a_csv_by_a_browser() {
    let (files, job) = (bucket().await, JobRef::from(&given::job()));
    let mut writer = files.write_results(job, ResultFile::Failures).await.unwrap();
    writer.write(b"a,b\r\n").await.unwrap();
    writer.finish().await.unwrap();
    let answer = get(&files, job, ResultFile::Failures).await;
    assert_eq!(answer.headers()["content-type"], "text/csv; charset=utf-8");
    assert_eq!(answer.headers()["content-disposition"], "attachment; filename=\"failures.csv\"");
}
