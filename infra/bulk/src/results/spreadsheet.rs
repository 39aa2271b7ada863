//! A result file in which a spreadsheet finds no formulas.
//!
//! Result files return the cells of the upload unchanged. A spreadsheet that opens such a file runs
//! a cell that begins as a formula does, and a formula can send the sheet's data to other hosts
//! (OWASP, "CSV Injection").

use bulk_domain::csv::{Cells, Separator};

/// What begins a formula in spreadsheets, also in their full-width forms.
const FORMULA: [char; 10] = ['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠'];

/// Appends a row to `out`, with an apostrophe before each cell that begins as a formula does.
/// Spreadsheets show the rest of such a cell as text.
pub fn push_row(out: &mut Vec<u8>, separator: Separator, row: &Cells<'_>) {
    for (index, cell) in row.iter().enumerate() {
        if index > 0 {
            out.push(separator.byte());
        }
        push_cell(out, separator, cell);
    }
    out.extend_from_slice(b"\r\n");
}

fn push_cell(out: &mut Vec<u8>, separator: Separator, cell: &[u8]) {
    let is_formula = begins_a_formula(cell);
    let is_quoted =
        cell.iter().any(|byte| *byte == separator.byte() || matches!(byte, b'"' | b'\r' | b'\n'));
    if is_quoted {
        out.push(b'"');
    }
    if is_formula {
        out.push(b'\'');
    }
    for &byte in cell {
        if byte == b'"' {
            out.push(b'"');
        }
        out.push(byte);
    }
    if is_quoted {
        out.push(b'"');
    }
}

fn begins_a_formula(cell: &[u8]) -> bool {
    // Some programs skip spaces before a formula.
    let text = String::from_utf8_lossy(cell);
    text.trim_start_matches(' ').starts_with(FORMULA)
}

#[cfg(test)]
mod tests {
    use crate::results::rows::ResultRows;

    use super::*;

    fn safe(file: &str) -> String {
        let (mut rows, mut out) = (ResultRows::default(), Vec::new());
        rows.push(file.as_bytes());
        rows.finish();
        rows.each(|separator, row| push_row(&mut out, separator, row)).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn no_cell_begins_as_a_formula() {
        let file = "name;phone;note;metriportId;status;reason\r\n\
            =1+1;+1 617;\"=HYPERLINK(\"\"http://x\"\";\"\"y\"\")\";id;succeeded;\r\n\
            \" @SUM(A1)\";-1;\u{ff1d}1;id;succeeded;\r\n";
        assert_eq!(
            safe(file),
            "name;phone;note;metriportId;status;reason\r\n\
             '=1+1;'+1 617;\"'=HYPERLINK(\"\"http://x\"\";\"\"y\"\")\";id;succeeded;\r\n\
             ' @SUM(A1);'-1;'\u{ff1d}1;id;succeeded;\r\n"
        );
    }

    #[test]
    fn other_cells_stay_as_they_are() {
        let file = "name,note,metriportId,status,reason\r\n\
            O'Neil,\"a, \"\"b\"\"\r\nc=d\",id,failed,zip: missing\r\n";
        assert_eq!(safe(file), file);
    }
}
