//! The file to import, on the disk: standard input is put there first, since an upload has to say its size.

use std::fs::File;
use std::io::{self, Read as _, Seek as _};
use std::path::Path;

use domain::csv::{FileError, FileScan, FileSummary, Limits};

use crate::api::UploadSource;
use terminal::Failure;

/// Bytes that are read at a time.
const PIECE: usize = 256 * 1024;

/// An open file.
#[derive(Debug)]
pub struct Source {
    file: File,
    bytes: u64,
    name: String,
}

impl Source {
    /// Opens a file, or spools standard input for `-`.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        if path.as_os_str() == "-" {
            // It has no name, others cannot open it, and it is gone when this program is.
            let mut file = tempfile::tempfile().map_err(|error| unreadable("standard input", &error))?;
            let limit = u64::from(Limits::default().bytes) + 1;
            let bytes = io::copy(&mut io::stdin().lock().take(limit), &mut file)
                .map_err(|error| unreadable("standard input", &error))?;
            return Ok(Self { file, bytes, name: "standard input".to_owned() });
        }
        let name = path.display().to_string();
        let file = File::open(path).map_err(|error| unreadable(&name, &error))?;
        let metadata = file.metadata().map_err(|error| unreadable(&name, &error))?;
        if !metadata.is_file() {
            return Err(
                Failure::new(format!("{name} is not a file")).next("for a pipe, use `-` and standard input")
            );
        }
        Ok(Self { file, bytes: metadata.len(), name })
    }

    /// What to call it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its size.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Reads it once, as the service will, for what makes the whole file fail.
    pub fn scan(&self) -> Result<Result<FileSummary, FileError>, Failure> {
        let failed = |error: io::Error| unreadable(&self.name, &error);
        let mut file = &self.file;
        file.rewind().map_err(failed)?;
        let mut scan = FileScan::new(Limits::default());
        let mut piece = vec![0; PIECE];
        loop {
            let read = file.read(&mut piece).map_err(failed)?;
            if read == 0 {
                return Ok(scan.finish(&mut |_| {}));
            }
            if let Err(error) = scan.push(&piece[..read], &mut |_| {}) {
                return Ok(Err(error));
            }
        }
    }

    /// The file, to be uploaded.
    pub fn into_upload(self) -> UploadSource {
        UploadSource { file: tokio::fs::File::from_std(self.file), bytes: self.bytes }
    }
}

fn unreadable(name: &str, error: &io::Error) -> Failure {
    Failure::new(format!("{name} cannot be read: {error}"))
}
