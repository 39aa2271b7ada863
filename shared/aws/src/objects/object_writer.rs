//! Writes an object of unknown size as a stream: by one `PutObject` if it stays small, or by a
//! multipart upload. It needs the memory of one part.

use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use bulk_pipeline::ports::{FileWriter, PortResult};

use crate::error::{failed, malformed};

const CREATE: &str = "s3.CreateMultipartUpload";

/// Bytes of a part: the least that S3 takes. With the 10,000 parts that S3 takes, a file may have
/// up to 48 GiB.
const PART_BYTES: usize = 5 * 1024 * 1024;

/// Bytes by which a part may be longer, because it ends with the end of a write.
const LAST_WRITE_BYTES: usize = 512 * 1024;

/// An object that is being written. An upload that is never finished leaves nothing readable, and
/// the bucket's lifecycle removes its parts.
#[derive(Debug)]
pub struct ObjectWriter {
    client: Client,
    bucket: String,
    key: String,
    content_type: String,
    buffer: Vec<u8>,
    upload: Option<String>,
    parts: Vec<CompletedPart>,
}

impl ObjectWriter {
    pub(crate) fn new(client: Client, bucket: String, key: String, content_type: String) -> Self {
        Self {
            client,
            bucket,
            key,
            content_type,
            buffer: room_for_a_part(),
            upload: None,
            parts: Vec::new(),
        }
    }

    async fn upload_part(&mut self) -> PortResult<()> {
        let upload = if let Some(upload) = &self.upload {
            upload.clone()
        } else {
            let created = self
                .client
                .create_multipart_upload()
                .bucket(&self.bucket)
                .key(&self.key)
                .content_type(&self.content_type)
                .send()
                .await
                .map_err(failed(CREATE))?;
            let upload = created.upload_id.ok_or_else(|| malformed(CREATE, "upload id"))?;
            self.upload.insert(upload).clone()
        };
        let last = self.parts.last().and_then(CompletedPart::part_number);
        let number = last.unwrap_or(0) + 1;
        let part = self
            .client
            .upload_part()
            .bucket(&self.bucket)
            .key(&self.key)
            .upload_id(upload)
            .part_number(number)
            .body(ByteStream::from(std::mem::take(&mut self.buffer)))
            .send()
            .await
            .map_err(failed("s3.UploadPart"))?;
        self.buffer = room_for_a_part();
        self.parts.push(CompletedPart::builder().part_number(number).set_e_tag(part.e_tag).build());
        Ok(())
    }
}

/// Returns a buffer of its final size, because a growing buffer leaves a hole of each of its sizes
/// in the memory. The system provides the memory only as it is filled.
fn room_for_a_part() -> Vec<u8> {
    Vec::with_capacity(PART_BYTES + LAST_WRITE_BYTES)
}

impl FileWriter for ObjectWriter {
    async fn write(&mut self, bytes: &[u8]) -> PortResult<()> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= PART_BYTES {
            self.upload_part().await?;
        }
        Ok(())
    }

    async fn finish(mut self) -> PortResult<()> {
        if self.upload.is_none() {
            self.client
                .put_object()
                .bucket(&self.bucket)
                .key(&self.key)
                .content_type(&self.content_type)
                .body(ByteStream::from(self.buffer))
                .send()
                .await
                .map_err(failed("s3.PutObject"))?;
            return Ok(());
        }
        if !self.buffer.is_empty() {
            self.upload_part().await?;
        }
        self.client
            .complete_multipart_upload()
            .bucket(&self.bucket)
            .key(&self.key)
            .set_upload_id(self.upload)
            .multipart_upload(
                CompletedMultipartUpload::builder().set_parts(Some(self.parts)).build(),
            )
            .send()
            .await
            .map_err(failed("s3.CompleteMultipartUpload"))?;
        Ok(())
    }
}
