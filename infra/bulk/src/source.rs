//! The file that the user names, as the CSV that the service reads.
//!
//! A spreadsheet, or text in another encoding than UTF-8, is converted on this machine first. A CSV
//! in UTF-8 is read as it is.

mod encoding;
mod places;
mod spreadsheet;

use std::fs::File;
use std::io::{self, BufWriter, Cursor, Read, Seek as _, Write as _};
use std::path::Path;

use bulk_domain::csv::{
    ColumnMapping, ColumnMappings, FileError, FileScan, FileSummary, HeaderCell, Limits,
    header_cells,
};
use bulk_terminal::Failure;
use bytes::Bytes;
use clap::Args;
use encoding_rs::Encoding;

use crate::api::UploadSource;
use crate::columns;
pub use places::{Place, Places};
use spreadsheet::SpreadsheetError;

/// Bytes that are read at once.
const PIECE: usize = 256 * 1024;

/// The longest beginning of a file that tells which kind it is.
const FIRST_BYTES: usize = 8;

/// How to read a file that is not a CSV in UTF-8.
#[derive(Debug, Default, Args)]
pub struct ReadAs {
    /// Read this sheet of a spreadsheet (.xlsx, .xls, .ods) [default: the first that is not hidden]
    #[arg(long, value_name = "NAME")]
    sheet: Option<String>,
    /// Encoding of a text file, such as windows-1252 [default: UTF-8, or what the file's byte order
    /// mark says]
    #[arg(long, value_name = "NAME", value_parser = encoding::by_name)]
    encoding: Option<&'static Encoding>,
    /// What a header cell means, if its name is not understood, such as dob="Birth Day". May be
    /// given several times
    #[arg(long = "column", value_name = "COLUMN=HEADER", value_parser = columns::mapping)]
    columns: Vec<ColumnMapping>,
}

impl ReadAs {
    /// Returns what the user says about header cells.
    ///
    /// # Errors
    ///
    /// Fails if two of the texts are about the same column or header cell.
    pub fn mappings(&self) -> Result<ColumnMappings, Failure> {
        ColumnMappings::try_from(self.columns.clone())
            .map_err(|problem| Failure::new(format!("--column: {problem}")))
    }
}

/// What the first bytes of a file say it is.
enum Kind {
    Spreadsheet,
    Text(Option<&'static Encoding>),
}

impl Kind {
    /// `.xlsx` and `.ods` are ZIP files; `.xls` and spreadsheets with a password are OLE compound
    /// files.
    fn of(first_bytes: &[u8]) -> Self {
        if first_bytes.starts_with(b"PK\x03\x04")
            || first_bytes.starts_with(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
        {
            Self::Spreadsheet
        } else {
            Self::Text(encoding::of_mark(first_bytes))
        }
    }
}

/// The bytes of the CSV.
enum Input {
    /// A file that can be read more than once.
    File(File),
    /// Standard input, which can be read once.
    Stream(Box<dyn Read>),
}

/// A file that was opened to be read.
pub struct Source {
    input: Input,
    name: String,
    places: Places,
}

impl Source {
    /// Opens a file, or standard input for `-`. Converts a spreadsheet and other encodings into a
    /// temporary file without a name, which disappears with this process.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be read or converted, or if `read_as` does not fit its kind.
    pub fn open(path: &Path, read_as: &ReadAs) -> Result<Self, Failure> {
        if path.as_os_str() == "-" {
            return Self::convert(
                "standard input".to_owned(),
                Box::new(io::stdin()),
                read_as,
                None,
            );
        }
        let name = path.display().to_string();
        let file = File::open(path).map_err(|error| unreadable(&name, &error))?;
        if !file.metadata().map_err(|error| unreadable(&name, &error))?.is_file() {
            return Err(Failure::new(format!("{name} is not a file"))
                .next("for a pipe, use `-` and standard input"));
        }
        let copy = file.try_clone().map_err(|error| unreadable(&name, &error))?;
        Self::convert(name, Box::new(copy), read_as, Some(file))
    }

    /// `file` is what `input` reads, if that is a file.
    fn convert(
        mut name: String,
        mut input: Box<dyn Read>,
        read_as: &ReadAs,
        file: Option<File>,
    ) -> Result<Self, Failure> {
        let failed = |error: io::Error| unreadable(&name, &error);
        let mut first_bytes = Vec::with_capacity(FIRST_BYTES);
        (&mut input).take(FIRST_BYTES as u64).read_to_end(&mut first_bytes).map_err(failed)?;
        let mut places = Places::default();
        let kind = Kind::of(&first_bytes);
        let input = Cursor::new(first_bytes).chain(input);
        let input = match (kind, read_as.encoding) {
            (Kind::Spreadsheet, Some(_)) => {
                return Err(Failure::new(format!(
                    "{name} is a spreadsheet, so that --encoding does not apply"
                )));
            }
            (Kind::Text(_), _) if read_as.sheet.is_some() => {
                return Err(Failure::new(format!(
                    "{name} is not a spreadsheet, so that --sheet does not apply"
                )));
            }
            (Kind::Spreadsheet, None) => {
                match converted_sheet(&name, input, read_as.sheet.as_deref())? {
                    Converted::Sheet(csv, sheet) => {
                        name = sheet_name(&name, &sheet);
                        places = Places::of_sheet(sheet.row_starts);
                        Input::File(csv)
                    }
                    // The rules of the service say what the file is, and what to do.
                    Converted::Unreadable(bytes) => Input::Stream(Box::new(Cursor::new(bytes))),
                }
            }
            (Kind::Text(marked), wanted) => match (wanted.or(marked), file) {
                (Some(encoding), _) if encoding != encoding_rs::UTF_8 => {
                    let mut csv = temporary()?;
                    encoding::write_utf8(input, encoding, BufWriter::new(&mut csv))
                        .map_err(failed)?;
                    Input::File(csv)
                }
                (_, Some(file)) => Input::File(file),
                (_, None) => Input::Stream(Box::new(input)),
            },
        };
        Ok(Self { input, name, places })
    }

    /// Returns what to call the file in messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the bytes of the CSV, and where in the user's file each of its rows is.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be read.
    pub fn read(self) -> Result<(Box<dyn Read>, Places), Failure> {
        let reader = match self.input {
            Input::Stream(stream) => stream,
            Input::File(mut file) => {
                file.rewind().map_err(|error| unreadable(&self.name, &error))?;
                Box::new(file)
            }
        };
        Ok((reader, self.places))
    }

    /// Puts the CSV on the disk if it is not there yet, because an upload has to state its size.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be read, or a temporary file cannot be written.
    pub fn into_file(self) -> Result<SourceFile, Failure> {
        let failed = |error: io::Error| unreadable(&self.name, &error);
        let file = match self.input {
            Input::File(file) => file,
            Input::Stream(stream) => {
                let mut file = temporary()?;
                let limit = u64::from(Limits::default().bytes) + 1;
                io::copy(&mut stream.take(limit), &mut file).map_err(failed)?;
                file
            }
        };
        let bytes = file.metadata().map_err(failed)?.len();
        Ok(SourceFile { file, bytes, name: self.name })
    }
}

/// Why a file cannot be imported.
#[derive(Debug)]
pub enum ScanError {
    /// The service would reject the whole file.
    Rejected(FileError),
    /// The file cannot be read.
    Unreadable(Failure),
}

/// A CSV on the disk.
#[derive(Debug)]
pub struct SourceFile {
    file: File,
    bytes: u64,
    name: String,
}

impl SourceFile {
    /// Returns what to call the file in messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the size in bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Reads the file as the service will, and returns its summary.
    ///
    /// # Errors
    ///
    /// The service would reject the file, or it cannot be read.
    pub fn scan(&self, mappings: &ColumnMappings) -> Result<FileSummary, ScanError> {
        let failed = |error: io::Error| ScanError::Unreadable(unreadable(&self.name, &error));
        let mut file = &self.file;
        file.rewind().map_err(failed)?;
        let mut scan = FileScan::new(Limits::default()).with_mappings(mappings.clone());
        let mut piece = vec![0; PIECE];
        loop {
            let read = file.read(&mut piece).map_err(failed)?;
            if read == 0 {
                return scan.finish(&mut |_| {}).map_err(ScanError::Rejected);
            }
            scan.push(&piece[..read], &mut |_| {}).map_err(ScanError::Rejected)?;
        }
    }

    /// Returns the cells of the header as far as it can be read, of a file that cannot be imported.
    ///
    /// # Errors
    ///
    /// The file cannot be read.
    pub fn header(&self) -> Result<Vec<HeaderCell>, Failure> {
        let failed = |error: io::Error| unreadable(&self.name, &error);
        let mut file = &self.file;
        file.rewind().map_err(failed)?;
        let mut beginning = Vec::new();
        file.take(PIECE as u64).read_to_end(&mut beginning).map_err(failed)?;
        Ok(header_cells(&beginning))
    }

    /// Returns the file, to be uploaded.
    pub fn into_upload(self) -> UploadSource {
        UploadSource { file: tokio::fs::File::from_std(self.file), bytes: self.bytes }
    }
}

/// What a file became that begins as a spreadsheet does.
enum Converted {
    Sheet(File, spreadsheet::Sheet),
    /// The file is damaged, has a password, or is something else in a ZIP file. Its bytes are as
    /// they were.
    Unreadable(Bytes),
}

/// Converts a sheet. The whole spreadsheet is held in memory, as its format demands.
fn converted_sheet(
    name: &str,
    mut input: impl Read,
    sheet: Option<&str>,
) -> Result<Converted, Failure> {
    let failed = |error: io::Error| unreadable(name, &error);
    let mut workbook = Vec::new();
    input.read_to_end(&mut workbook).map_err(failed)?;
    let workbook = Bytes::from(workbook);
    let csv = temporary()?;
    let mut out = BufWriter::new(&csv);
    let sheet = match spreadsheet::write_csv(Cursor::new(workbook.clone()), sheet, &mut out) {
        Ok(sheet) => sheet,
        Err(SpreadsheetError::Unreadable(_)) => return Ok(Converted::Unreadable(workbook)),
        Err(error) => return Err(Failure::new(format!("{name}: {error}"))),
    };
    out.flush().map_err(failed)?;
    drop(out);
    Ok(Converted::Sheet(csv, sheet))
}

/// Returns the name of the file with that of its sheet, and names the sheets that are left out.
fn sheet_name(file: &str, sheet: &spreadsheet::Sheet) -> String {
    if sheet.others.is_empty() {
        return file.to_owned();
    }
    let others =
        sheet.others.iter().map(|other| format!("“{other}”")).collect::<Vec<_>>().join(", ");
    format!("{file}, sheet “{}” (not {others})", sheet.name)
}

fn temporary() -> Result<File, Failure> {
    tempfile::tempfile()
        .map_err(|error| Failure::new(format!("no temporary file can be written: {error}")))
}

fn unreadable(name: &str, error: &io::Error) -> Failure {
    Failure::new(format!("{name} cannot be read: {error}"))
}
