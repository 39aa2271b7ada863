//! The header, the limits and the helpers that all fuzz targets share.

use bulk_domain::csv::{
    FileError, FileScan, FileSummary, Limits, RawRow, RowReader, ScannedRow, Separator,
};

/// A header with every column that exists once, and with two slots of every group.
pub const HEADER: &str = "externalId,firstName,lastName,dob,gender,addressLine1,addressLine2,city,state,zip,\
    zip-2,city-2,addressLine1-2,state-2,phone,email-2,phone-2,ssn,driversLicenceNo,driversLicenceState,\
    cohort,cohort-2,facilityId,hieOptOut,notes\n";

/// Small limits, so that inputs of a few hundred bytes reach them.
pub const LIMITS: Limits = Limits { rows: 8, bytes: 1500, row_bytes: 700 };

/// Splits an input into the bytes of a file and a number that selects what the target does with
/// them. The number is the last byte, so that a file can serve as an input.
pub fn parts(input: &[u8]) -> Option<(Vec<u8>, usize)> {
    let (&option, file) = input.split_last()?;
    let option = usize::from(option);
    // Every other input gets a sound header, because most of the code runs only after one.
    let file =
        if option.is_multiple_of(2) { file.to_vec() } else { [HEADER.as_bytes(), file].concat() };
    Some((file, option / 2))
}

/// Scans a file that arrives in pieces of this size.
pub fn scan(file: &[u8], size: usize) -> (Vec<ScannedRow>, Result<FileSummary, FileError>) {
    let mut rows = Vec::new();
    let mut scan = FileScan::new(LIMITS);
    for piece in file.chunks(size.max(1)) {
        if let Err(error) = scan.push(piece, &mut |row| rows.push(row)) {
            return (rows, Err(error));
        }
    }
    let summary = scan.finish(&mut |row| rows.push(row));
    (rows, summary)
}

/// Passes every row of a file, of up to `row_bytes` bytes, to `f`. Returns `false` if the file
/// cannot be read to its end.
pub fn each_row(
    file: &[u8],
    separator: Separator,
    row_bytes: usize,
    mut f: impl FnMut(&RawRow<'_>),
) -> bool {
    let mut reader = RowReader::new(separator).row_limit(row_bytes);
    reader.push(file);
    reader.finish();
    loop {
        match reader.next_row() {
            Ok(Some(row)) => f(&row),
            Ok(None) => return true,
            Err(_) => return false,
        }
    }
}
