use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::csv::RowReader;

const FAILED: ResultCells<'_> = ResultCells {
    patient_id: None,
    status: RowStatus::Failed,
    reason: Some("dob: no such day; zip: missing"),
};

fn succeeded() -> ResultCells<'static> {
    let id = PatientId::new(Uuid::from_u128(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef));
    ResultCells { patient_id: Some(id), status: RowStatus::Succeeded, reason: None }
}

/// The result file for an upload, each of its rows with the same outcome.
fn result(upload: &[u8], outcome: ResultCells<'_>) -> Vec<u8> {
    let mut reader = RowReader::new(Separator::Comma);
    reader.push(upload);
    reader.finish();
    let mut out = Vec::new();
    let mut writer = ResultWriter::new(&reader.next_row().unwrap().unwrap(), Separator::Comma);
    writer.header(&mut out);
    while let Some(row) = reader.next_row().unwrap() {
        writer.row(&row, outcome, &mut out);
    }
    out
}

fn failed(upload: &str) -> String {
    String::from_utf8(result(upload.as_bytes(), FAILED)).unwrap()
}

/// The table in a file, read by another reader than ours.
fn table(file: &[u8]) -> Vec<Vec<Vec<u8>>> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(file);
    let row = |record: csv::ByteRecord| record.iter().map(<[u8]>::to_vec).collect();
    reader.byte_records().map(|record| row(record.unwrap())).collect()
}

#[test]
fn three_cells_are_added_to_every_row() {
    assert_eq!(
        String::from_utf8(result(b"a,b\nc,d\n", succeeded())).unwrap(),
        "a,b,metriportId,status,reason\r\nc,d,01234567-89ab-cdef-0123-456789abcdef,succeeded,\r\n"
    );
    assert_eq!(
        failed("a,b\nc,d"),
        "a,b,metriportId,status,reason\r\nc,d,,failed,dob: no such day; zip: missing\r\n"
    );
}

#[test]
fn a_reason_is_quoted_where_it_needs_to_be() {
    let outcome = ResultCells { reason: Some("x, \"y\""), ..FAILED };
    let result = String::from_utf8(result(b"a\nb", outcome)).unwrap();
    assert!(result.ends_with("b,,failed,\"x, \"\"y\"\"\"\r\n"));
}

#[test]
fn cells_and_their_quotes_are_kept_and_rows_end_in_crlf() {
    for end in ["\n", "\r\n", "\r"] {
        let upload = format!("a,\"b\"{end}{end}\"c\",\"d\ne,\"\"f\"\"\"{end}");
        assert_eq!(
            failed(&upload),
            "a,\"b\",metriportId,status,reason\r\n\"c\",\"d\ne,\"\"f\"\"\",,failed,dob: no such day; zip: missing\r\n"
        );
    }
}

#[test]
fn a_byte_order_mark_is_kept() {
    assert!(failed("\u{feff}a\nb").starts_with("\u{feff}a,metriportId"));
    assert!(failed("a\nb").starts_with("a,metriportId"));
}

#[test]
fn a_byte_order_mark_in_a_cell_does_not_become_one_of_the_file() {
    let result = failed("\n\u{feff}a,b\n1,2");
    assert!(result.starts_with("\"\u{feff}a\",b,metriportId"));
    assert_eq!(failed(&result), result);
    assert!(failed("\u{feff}\u{feff}a\n1").starts_with("\u{feff}\u{feff}a,metriportId"));
}

#[test]
fn bytes_that_are_not_utf8_are_kept() {
    let result = result(b"a,b\ncaf\xe9,d\"\xff", FAILED);
    assert!(result.windows(6).any(|w| w == b"caf\xe9,\""));
    assert_eq!(table(&result)[1][..2], [b"caf\xe9".to_vec(), b"d\"\xff".to_vec()]);
}

#[test]
fn a_row_that_only_lenient_readers_understand_is_quoted_again() {
    for (row, written) in [
        ("a\"b,c", "\"a\"\"b\",c"),
        ("a\"b,\"c\"\"\"", "\"a\"\"b\",\"c\"\"\""),
        ("\"a\", \"b,c\"", "\"a\",\"b,c\""),
        ("\"a\",  \"b\"", "\"a\",b"),
    ] {
        assert_eq!(
            failed(&format!("x,y\n{row}")).lines().nth(1).unwrap().split(",,failed").next(),
            Some(written)
        );
    }
}

#[test]
fn a_short_row_is_filled_up_and_what_a_long_row_has_more_comes_last() {
    assert_eq!(
        failed("a,b,c\n1\n1,2,3,4,\"5,5\"\n"),
        "a,b,c,metriportId,status,reason\r\n\
         1,,,,failed,dob: no such day; zip: missing\r\n\
         1,2,3,,failed,dob: no such day; zip: missing,4,\"5,5\"\r\n"
    );
    // Separators at the end of a row are no cells.
    assert_eq!(
        failed("a,b\n1,2,, \n").lines().nth(1),
        Some("1,2,,failed,dob: no such day; zip: missing")
    );
}

#[test]
fn a_row_that_cannot_be_split_stands_in_the_first_column() {
    assert_eq!(
        failed("a,b,c\n1,\"2\"x,3\n"),
        "a,b,c,metriportId,status,reason\r\n\"1,\"\"2\"\"x,3\",,,,failed,dob: no such day; zip: missing\r\n"
    );
    assert_eq!(
        failed("a,metriportId,status,reason\n\"1\n2\n"),
        "a,metriportId,status,reason\r\n\"\"\"1\",,failed,dob: no such day; zip: missing\r\n\
         2,,failed,dob: no such day; zip: missing\r\n"
    );
}

#[test]
fn the_separator_of_the_upload_is_kept() {
    let mut reader = RowReader::new(Separator::Semicolon);
    reader.push(b"sep=;\na;b\n\"1;1\";2,2\n");
    reader.finish();
    let mut out = Vec::new();
    let mut writer = ResultWriter::new(&reader.next_row().unwrap().unwrap(), Separator::Semicolon);
    writer.header(&mut out);
    writer.row(&reader.next_row().unwrap().unwrap(), FAILED, &mut out);
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "a;b;metriportId;status;reason\r\n\"1;1\";2,2;;failed;\"dob: no such day; zip: missing\"\r\n"
    );
}

#[test]
fn the_columns_of_an_earlier_result_are_replaced() {
    assert_eq!(
        failed("status,a,Metriport ID,STATUS,\"b\",reason\n1,2,3,4,\"5\",6\n1\n1,2,3,4,5,6,7\n"),
        "status,a,\"b\",metriportId,status,reason\r\n\
         1,2,\"5\",,failed,dob: no such day; zip: missing\r\n\
         1,,,,failed,dob: no such day; zip: missing\r\n\
         1,2,5,,failed,dob: no such day; zip: missing,7\r\n"
    );
}

#[test]
fn a_status_column_of_the_customers_own_is_kept() {
    assert!(
        failed("status,reason\nx,y")
            .starts_with("status,reason,metriportId,status,reason\r\nx,y,,failed,")
    );
}

#[test]
fn a_result_of_a_result_is_the_same_result() {
    let once = failed("\u{feff}a,b\n1,\"2\n2\"\n,\n");
    assert_eq!(failed(&once), once);
}

/// Tables with cells that need quoting, and rows that differ in length.
fn tables() -> impl Strategy<Value = Vec<Vec<Vec<u8>>>> {
    let byte = prop_oneof![4 => prop::sample::select(&b"\",\r\n ab"[..]), 1 => 1..=u8::MAX];
    let cell = prop::collection::vec(byte, 0..8);
    prop::collection::vec(prop::collection::vec(cell, 1..6), 1..8)
}

proptest! {
    #[test]
    fn without_the_added_cells_the_result_is_the_upload(table_in in tables(), always_quote: bool) {
        let style = if always_quote { csv::QuoteStyle::Always } else { csv::QuoteStyle::Necessary };
        let mut writer = csv::WriterBuilder::new().flexible(true).quote_style(style).from_writer(Vec::new());
        let is_blank = |cell: &[u8]| cell.iter().all(|b| b" \t\r\n,\x0b\x0c\xa0\xc2".contains(b) || !b.is_ascii());
        // What is blank is no row, and blank cells behind the header's are left out.
        let table_in: Vec<_> = table_in.into_iter().filter(|row| !is_blank(row.last().unwrap())).collect();
        if table_in.is_empty() {
            return Ok(());
        }
        for row in &table_in {
            writer.write_record(row).unwrap();
        }
        let upload = writer.into_inner().unwrap();
        if upload.starts_with(b"\xef\xbb\xbf") || upload.ends_with(b"\x1a") {
            return Ok(());
        }
        let width = table_in[0].len();
        let table_out = table(&result(&upload, FAILED));
        prop_assert_eq!(table_out.len(), table_in.len());
        for (out, row) in table_out.iter().zip(&table_in) {
            let mut kept = out.clone();
            kept.drain(width..width + 3);
            let mut filled = row.clone();
            filled.resize(row.len().max(width), Vec::new());
            prop_assert_eq!(kept, filled);
        }
    }

    #[test]
    fn any_upload_keeps_its_rows_and_cells(upload in prop::collection::vec(prop::sample::select(&b"\"\",,\n\rab "[..]), 1..80)) {
        let mut reader = RowReader::new(Separator::Comma);
        reader.push(&upload);
        reader.finish();
        let mut rows = Vec::new();
        while let Some(row) = reader.next_row().unwrap() {
            rows.push(row.cells.iter().map(<[u8]>::to_vec).collect::<Vec<_>>());
        }
        if rows.is_empty() {
            return Ok(());
        }
        let width = rows[0].len();
        let table_out = table(&result(&upload, FAILED));
        prop_assert_eq!(table_out.len(), rows.len());
        for (row, mut out) in rows.iter_mut().zip(table_out) {
            while row.len() > width && row.last().unwrap().trim_ascii().is_empty() {
                row.pop();
            }
            row.resize(row.len().max(width), Vec::new());
            out.drain(width..width + 3);
            prop_assert_eq!(row, &mut out);
        }
    }
}
