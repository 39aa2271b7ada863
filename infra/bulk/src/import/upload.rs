//! A new import and its file: makes one, uploads, and begins anew where a link ran out or a line broke.

use std::sync::Arc;

use domain::ids::FacilityId;
use uuid::Uuid;

use crate::api::{Client, Job, Pause, UploadError};
use crate::progress::{Progress, Unit};
use crate::source::SourceFile;
use terminal::Output;
use terminal::{Exit, Failure};

/// Uploads that are begun before it is given up.
const TRIES: u32 = 5;

/// Makes an import and uploads its file; gives the import.
pub async fn upload(
    client: &Client,
    source: SourceFile,
    facility: Option<FacilityId>,
    dry_run: bool,
    output: Output,
) -> anyhow::Result<Job> {
    let bytes = source.bytes();
    let source = source.into_upload();
    let mut pause = Pause::default();
    let mut made = None;
    for remaining in (0..TRIES).rev() {
        let new = match made.take() {
            Some(new) => new,
            None => client.create_job(facility, dry_run, bytes, &Uuid::now_v7().to_string()).await?,
        };
        let progress = Arc::new(Progress::new("uploading", Unit::Bytes, 0, bytes, output));
        let shown = Arc::clone(&progress);
        let uploaded =
            client.upload(&new.upload_url, &new.upload_headers, &source, move |sent| shown.set(sent)).await;
        let problem = match uploaded {
            Ok(()) => {
                progress.finish();
                return Ok(new.job);
            }
            // Nobody will upload to this import any more: it expires by itself.
            Err(UploadError::LinkExpired) => "the storage does not accept the link any more".to_owned(),
            Err(UploadError::Broken(cause)) => {
                made = Some(new);
                cause
            }
            Err(UploadError::Refused(status, code)) => {
                progress.abandon();
                let code = code.map_or_else(String::new, |code| format!(" ({code})"));
                return Err(Failure::new(format!("the storage answered {status}{code} to the upload")).into());
            }
            Err(UploadError::Read(error)) => {
                progress.abandon();
                return Err(Failure::new(format!("the file cannot be read: {error}")).into());
            }
        };
        progress.abandon();
        if remaining == 0 {
            return Err(Failure::new(format!("the file was not uploaded: {problem}"))
                .next("nothing was imported; check the network and run the same command again")
                .exit(Exit::Unreachable)
                .into());
        }
        output.note(format_args!("{problem}; uploading again"));
        tokio::time::sleep(pause.next(None)).await;
    }
    Err(Failure::new("the file was not uploaded").exit(Exit::Unreachable).into())
}
