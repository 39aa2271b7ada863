//! A sheet of a spreadsheet (`.xlsx`, `.xlsm`, `.xlsb`, `.xls`, `.ods`) as CSV.
//!
//! The conversion happens on the user's machine, because the service reads CSV only. Every row of
//! the sheet becomes one row of the CSV, blank rows included, so that [`Sheet::row_starts`] can
//! name the sheet's own row numbers.

use std::io::{Read, Seek, Write};

use calamine::{
    Data, ExcelDateTime, Range, Reader as _, Sheet as Metadata, SheetType, SheetVisible, Sheets,
    open_workbook_auto_from_rs,
};

/// Why a spreadsheet cannot be converted.
#[derive(Debug, thiserror::Error)]
pub enum SpreadsheetError {
    /// The file is damaged, protected by a password, or of a kind that the library does not know.
    #[error("the spreadsheet cannot be opened: {0}")]
    Unreadable(#[from] calamine::Error),
    /// The workbook has no sheet of the name that the user gave.
    #[error("there is no sheet “{name}”, but: {}", quoted(.sheets))]
    NoSuchSheet {
        /// The name that the user gave.
        name: String,
        /// The names of the sheets, in their order.
        sheets: Vec<String>,
    },
    /// The workbook has no sheet with cells, such as one that only has charts.
    #[error("the spreadsheet has no sheet")]
    NoSheet,
    /// The CSV could not be written.
    #[error("the converted file cannot be written: {0}")]
    Unwritable(#[from] std::io::Error),
}

/// The sheet that was converted.
#[derive(Debug)]
pub struct Sheet {
    /// The name of the sheet.
    pub name: String,
    /// The names of the other sheets, in their order.
    pub others: Vec<String>,
    /// The byte of the CSV at which each row of the sheet begins: that of row 1 first.
    pub row_starts: Vec<u64>,
}

/// Writes a sheet as CSV: the one with this name, or the first one that a user sees.
///
/// Dates are written as `YYYY-MM-DD`, whole numbers without `.0`, and texts as they are. A number
/// of 16 or more digits is written as the spreadsheet shows it, in scientific notation, because its
/// last digits are lost: the rules of the service refuse such an id instead of importing a wrong
/// one.
///
/// # Errors
///
/// Fails if the workbook cannot be opened, if it has no such sheet, or if `out` cannot be written.
pub fn write_csv(
    workbook: impl Read + Seek + Clone,
    sheet: Option<&str>,
    out: impl Write,
) -> Result<Sheet, SpreadsheetError> {
    let mut workbook = open_workbook_auto_from_rs(workbook)?;
    let name = choose_sheet(&workbook, sheet)?;
    let range = workbook.worksheet_range(&name)?;
    let others = workbook.sheet_names().into_iter().filter(|other| *other != name).collect();
    Ok(Sheet { row_starts: write_rows(&range, out)?, name, others })
}

fn choose_sheet<R: Read + Seek>(
    workbook: &Sheets<R>,
    wanted: Option<&str>,
) -> Result<String, SpreadsheetError> {
    let sheets = workbook.sheet_names();
    match wanted {
        None => {
            let is_seen = |sheet: &&Metadata| {
                sheet.typ == SheetType::WorkSheet && sheet.visible == SheetVisible::Visible
            };
            let seen = workbook.sheets_metadata().iter().find(is_seen);
            seen.map(|sheet| sheet.name.clone())
                .or(sheets.into_iter().next())
                .ok_or(SpreadsheetError::NoSheet)
        }
        Some(name) if sheets.iter().any(|sheet| sheet == name) => Ok(name.to_owned()),
        Some(name) => Err(SpreadsheetError::NoSuchSheet { name: name.to_owned(), sheets }),
    }
}

/// Writes the rows and returns the byte at which each of them begins.
fn write_rows(range: &Range<Data>, out: impl Write) -> std::io::Result<Vec<u64>> {
    let mut out = CountingWriter { out, bytes: 0 };
    let mut starts = Vec::new();
    // The range begins at the first cell that is not empty.
    let (first_row, _) = range.start().unwrap_or_default();
    for _ in 0..first_row {
        starts.push(out.bytes);
        out.write_all(b"\n")?;
    }
    for row in range.rows() {
        starts.push(out.bytes);
        for (column, cell) in row.iter().enumerate() {
            if column > 0 {
                out.write_all(b",")?;
            }
            write_cell(&mut out, &text_of(cell))?;
        }
        out.write_all(b"\n")?;
    }
    out.flush()?;
    Ok(starts)
}

/// Writes a cell, in quotes where RFC 4180 asks for them.
fn write_cell(out: &mut impl Write, text: &str) -> std::io::Result<()> {
    if text.contains(['"', ',', ';', '\t', '|', '\n', '\r']) {
        write!(out, "\"{}\"", text.replace('"', "\"\""))
    } else {
        out.write_all(text.as_bytes())
    }
}

/// Returns what a cell says.
fn text_of(cell: &Data) -> String {
    match cell {
        Data::Empty => String::new(),
        Data::String(text) | Data::DurationIso(text) => text.clone(),
        Data::Int(number) => number.to_string(),
        Data::Float(number) => number_text(*number),
        Data::Bool(value) => value.to_string(),
        Data::DateTime(time) => time_text(time),
        Data::DateTimeIso(text) => text.strip_suffix("T00:00:00").unwrap_or(text).to_owned(),
        Data::Error(error) => error.to_string(),
    }
}

/// A spreadsheet keeps 15 significant digits of a number (Microsoft: "Excel specifications and
/// limits").
const EXACT_BELOW: f64 = 1e15;

fn number_text(number: f64) -> String {
    if number.abs() < EXACT_BELOW {
        format!("{number}")
    } else {
        format!("{number:E}").replace('E', "E+")
    }
}

/// Returns a date as `YYYY-MM-DD`, with its time of day only if that is not midnight, and a time
/// span in hours.
fn time_text(time: &ExcelDateTime) -> String {
    if time.is_duration() {
        return number_text(time.as_f64() * 24.0);
    }
    let (year, month, day, hour, minute, second, _) = time.to_ymd_hms_milli();
    let date = format!("{year:04}-{month:02}-{day:02}");
    if (hour, minute, second) == (0, 0, 0) {
        date
    } else {
        format!("{date}T{hour:02}:{minute:02}:{second:02}")
    }
}

fn quoted(names: &[String]) -> String {
    names.iter().map(|name| format!("“{name}”")).collect::<Vec<_>>().join(", ")
}

/// Counts the bytes that are written.
struct CountingWriter<W> {
    out: W,
    bytes: u64,
}

impl<W: Write> Write for CountingWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    const XLSX: &[u8] = include_bytes!("../../../../tests/fixtures/spreadsheets/patients.xlsx");
    const XLS: &[u8] = include_bytes!("../../../../tests/fixtures/spreadsheets/patients.xls");
    const ODS: &[u8] = include_bytes!("../../../../tests/fixtures/spreadsheets/patients.ods");

    fn csv_of(workbook: &[u8], sheet: Option<&str>) -> (String, Sheet) {
        let mut csv = Vec::new();
        let sheet = write_csv(Cursor::new(workbook), sheet, &mut csv).unwrap();
        (String::from_utf8(csv).unwrap(), sheet)
    }

    #[test]
    fn each_kind_of_spreadsheet_becomes_the_same_csv() {
        let expected = "\
externalId,firstName,lastName,dob,gender,addressLine1,city,state,zip,hieOptOut
007,Ada,Lovelace,1985-12-10,F,1 Main St,Boston,MA,2139,true
,,,,,,,,,
123456789012,Alan,Turing,1912-06-23,M,\"2 Main St\nApt 3\",Boston,MA,02139,false
1.5E+17,José,de la Cruz,1990-01-31,Z,3 Main St,Boston,MA,2139,
";
        for workbook in [XLSX, XLS, ODS] {
            assert_eq!(csv_of(workbook, None).0, expected);
        }
    }

    #[test]
    fn the_starts_of_rows_are_those_of_the_sheet() {
        let (csv, sheet) = csv_of(XLSX, None);
        let firsts: Vec<_> = sheet
            .row_starts
            .iter()
            .map(|start| &csv[usize::try_from(*start).unwrap()..][..4])
            .collect();
        assert_eq!(firsts, ["exte", "007,", ",,,,", "1234", "1.5E"]);
    }

    #[test]
    fn the_first_sheet_is_read_unless_another_is_named() {
        let (_, first) = csv_of(XLSX, None);
        assert_eq!((first.name.as_str(), first.others), ("Patients", vec!["Notes".to_owned()]));
        let (csv, _) = csv_of(XLSX, Some("Notes"));
        assert_eq!(csv, "not a patient\n");
    }

    #[test]
    fn a_hidden_sheet_is_read_if_it_is_named() {
        let workbook =
            include_bytes!("../../../../tests/fixtures/spreadsheets/hidden-sheet.xlsx").as_slice();
        assert_eq!(csv_of(workbook, None).0, "firstName,lastName\nAda,Lovelace\n");
        assert_eq!(csv_of(workbook, Some("Lists")).0, "F\n");
    }

    #[test]
    fn a_sheet_that_is_not_there_is_refused_with_the_names_of_those_that_are() {
        let error = write_csv(Cursor::new(XLSX), Some("Patient"), Vec::new()).unwrap_err();
        assert_eq!(error.to_string(), "there is no sheet “Patient”, but: “Patients”, “Notes”");
    }

    #[test]
    fn a_time_of_day_is_kept_and_midnight_is_not() {
        let at = |value| {
            time_text(&ExcelDateTime::new(value, calamine::ExcelDateTimeType::DateTime, false))
        };
        assert_eq!([at(31391.0), at(31391.5)], ["1985-12-10", "1985-12-10T12:00:00"]);
    }

    #[test]
    fn a_cell_that_csv_would_cut_is_quoted() {
        let mut out = Vec::new();
        for cell in ["a,b", "say \"x\"", "plain"] {
            write_cell(&mut out, cell).unwrap();
            out.push(b'|');
        }
        assert_eq!(String::from_utf8(out).unwrap(), "\"a,b\"|\"say \"\"x\"\"\"|plain|");
    }
}
