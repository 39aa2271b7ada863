//! Creating an import and uploading its file, again if the link expired or the connection broke.

use std::sync::Arc;

use bulk_terminal::{Exit, Failure, Output};
use uuid::Uuid;

use crate::api::{Client, Job, JobTerms, Pause, UploadError};
use crate::progress::{Progress, Unit};
use crate::source::SourceFile;

/// Attempts to upload before the command fails.
const ATTEMPTS: u32 = 5;

/// Creates an import, uploads its file, and returns the import.
pub async fn upload(
    client: &Client,
    source: SourceFile,
    terms: &JobTerms,
    output: Output,
) -> anyhow::Result<Job> {
    let bytes = source.bytes();
    let source = source.into_upload();
    let mut pause = Pause::default();
    let mut created = None;
    let mut attempt = 0;
    loop {
        attempt += 1;
        let new = match created.take() {
            Some(new) => new,
            None => client.create_job(terms, bytes, &Uuid::now_v7().to_string()).await?,
        };
        let progress = Arc::new(Progress::new("uploading", Unit::Bytes, 0, bytes, output));
        let shown = Arc::clone(&progress);
        let uploaded = client
            .upload(&new.upload_url, &new.upload_headers, &source, move |sent| shown.set(sent))
            .await;
        let problem = match uploaded {
            Ok(()) => {
                progress.finish();
                return Ok(new.job);
            }
            // The next attempt creates another import; this one expires.
            Err(UploadError::LinkExpired) => {
                "the storage does not accept the link any more".to_owned()
            }
            Err(UploadError::Broken(cause)) => {
                created = Some(new);
                cause
            }
            Err(UploadError::Refused(status, code)) => {
                progress.abandon();
                let code = code.map_or_else(String::new, |code| format!(" ({code})"));
                return Err(Failure::new(format!(
                    "the storage answered {status}{code} to the upload"
                ))
                .into());
            }
            Err(UploadError::Read(error)) => {
                progress.abandon();
                return Err(Failure::new(format!("the file cannot be read: {error}")).into());
            }
        };
        progress.abandon();
        if attempt == ATTEMPTS {
            return Err(Failure::new(format!("the file was not uploaded: {problem}"))
                .next("nothing was imported; check the network and run the same command again")
                .exit(Exit::Unreachable)
                .into());
        }
        output.note(format_args!("{problem}; uploading again"));
        tokio::time::sleep(pause.next(None)).await;
    }
}
