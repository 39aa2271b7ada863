use proptest::prelude::*;

use super::*;

/// A row as tests compare it: where it is, its bytes, its cells.
type Row = (u64, Vec<u8>, Vec<Vec<u8>>);

fn owned(row: &RawRow<'_>) -> Row {
    (row.start, row.raw.to_vec(), row.cells.iter().map(<[u8]>::to_vec).collect())
}

/// All rows of a file that arrives in these pieces, and how reading ended.
fn read_with(mut reader: RowReader, pieces: &[&[u8]]) -> (Vec<Row>, Result<(), FileError>) {
    let mut rows = Vec::new();
    let mut drain = |reader: &mut RowReader| -> Result<(), FileError> {
        while let Some(row) = reader.next_row()? {
            rows.push(owned(&row));
        }
        Ok(())
    };
    let mut result = Ok(());
    for piece in pieces {
        reader.push(piece);
        result = drain(&mut reader);
    }
    if result.is_ok() {
        reader.finish();
        result = drain(&mut reader);
    }
    (rows, result)
}

fn read(file: &[u8]) -> (Vec<Row>, Result<(), FileError>) {
    read_with(RowReader::new(), &[file])
}

fn cells(file: &str) -> Vec<Vec<String>> {
    let (rows, result) = read(file.as_bytes());
    assert_eq!(result, Ok(()));
    let text = |cell: Vec<u8>| String::from_utf8(cell).unwrap();
    rows.into_iter().map(|(_, _, cells)| cells.into_iter().map(text).collect()).collect()
}

fn error(file: &[u8]) -> FileError {
    read(file).1.unwrap_err()
}

#[test]
fn rows_end_with_lf_or_crlf_or_cr_also_mixed() {
    let rows = [vec!["a", "b"], vec!["c", "d"], vec!["e", "f"]];
    for file in [
        "a,b\nc,d\ne,f\n",
        "a,b\r\nc,d\r\ne,f\r\n",
        "a,b\rc,d\re,f\r",
        "a,b\nc,d\r\ne,f",
        "a,b\rc,d\ne,f\r\n",
    ] {
        assert_eq!(cells(file), rows, "{file:?}");
    }
}

#[test]
fn quoted_cells_hold_commas_quotes_and_line_breaks() {
    assert_eq!(cells("\"a,\"\"b\"\"\r\nc\",\"\",d\n"), [["a,\"b\"\r\nc", "", "d"]]);
}

#[test]
fn blank_lines_are_no_rows() {
    assert_eq!(cells("\n\r\n \t \na\n\n\t\nb\r\r  "), [["a"], ["b"]]);
    assert_eq!(cells("\"\"\n"), [[""]]);
    assert_eq!(cells(",\n"), [["", ""]]);
    assert!(cells("").is_empty());
    assert!(cells(" \n\t").is_empty());
}

#[test]
fn a_row_says_where_it_is_in_the_file() {
    let (rows, _) = read(b"\xef\xbb\xbfa,b\r\n\r\n\"c\nd\",e\nf,g");
    let places: Vec<_> = rows.iter().map(|(start, raw, _)| (*start, raw.as_slice())).collect();
    assert_eq!(places, [(3, &b"a,b"[..]), (10, b"\"c\nd\",e"), (18, b"f,g")]);
}

#[test]
fn a_byte_order_mark_is_dropped_from_the_start_of_a_file_only() {
    let (rows, _) = read(b"\xef\xbb\xbfa\n\xef\xbb\xbfb\n");
    assert_eq!(rows[0].1, b"a");
    assert_eq!(rows[1].1, b"\xef\xbb\xbfb");
    let (rows, _) = read_with(RowReader::at(100), &[b"\xef\xbb\xbfb\n"]);
    assert_eq!(rows, [(100, b"\xef\xbb\xbfb".to_vec(), vec![b"\xef\xbb\xbfb".to_vec()])]);
    let (rows, result) = read(b"\xef\xbb\xbf");
    assert_eq!((rows, result), (vec![], Ok(())));
    assert_eq!(read(b"\xef\xbb").0[0].1, b"\xef\xbb");
}

#[test]
fn a_row_says_whether_a_byte_order_mark_came_before() {
    for (file, bom) in [(&b"\xef\xbb\xbfa\nb"[..], true), (b"a\nb", false)] {
        let mut reader = RowReader::new();
        reader.push(file);
        assert_eq!(reader.next_row().unwrap().unwrap().after_bom, bom);
        assert_eq!(reader.had_bom(), bom);
    }
}

#[test]
fn a_quote_that_never_closes_is_an_error_at_the_start_of_its_row() {
    let place = RowPlace::Data { number: RowNumber::new(2), byte: 6 };
    assert_eq!(error(b"h\nr,1\nr,\"2\nr,3\n"), FileError::UnclosedQuote { place });
    assert_eq!(
        error(b"h\n\"r,\"\"1"),
        FileError::UnclosedQuote { place: RowPlace::Data { number: RowNumber::FIRST, byte: 2 } }
    );
    assert_eq!(error(b"\"h"), FileError::UnclosedQuote { place: RowPlace::Header { byte: 0 } });
    assert_eq!(
        read_with(RowReader::at(7), &[b"a\n\""]).1,
        Err(FileError::UnclosedQuote { place: RowPlace::Unnumbered { byte: 9 } })
    );
    assert_eq!(cells("\"a\""), [["a"]]);
    assert_eq!(cells("a\"b"), [["a\"b"]]);
    assert_eq!(cells("\"a\"b\""), [["ab\""]]);
}

#[test]
fn a_nul_byte_is_an_error_with_its_position_after_the_rows_before_it() {
    let (rows, result) = read(b"h\na\nb\0\nc\n");
    assert_eq!(rows.len(), 2);
    let place = RowPlace::Data { number: RowNumber::new(2), byte: 4 };
    assert_eq!(result, Err(FileError::Nul { byte: 5, place }));
    assert_eq!(
        error(b"h\n\"\0\""),
        FileError::Nul { byte: 3, place: RowPlace::Data { number: RowNumber::FIRST, byte: 2 } }
    );
    assert_eq!(error(b"\0"), FileError::Nul { byte: 0, place: RowPlace::Header { byte: 0 } });
}

#[test]
fn a_row_may_be_as_long_as_the_limit() {
    let limited = |file: &[u8]| read_with(RowReader::new().row_limit(4), &[file]);
    for file in [&b"abcd"[..], b"abcd\n", b"abcd\r\n", b"abcd\nef", b"\"ab\""] {
        assert_eq!(limited(file).1, Ok(()), "{file:?}");
    }
    for file in [&b"h\nabcde"[..], b"h\nabcde\n", b"h\n\"abc\"", b"h\n\"a\n\n\n"] {
        let place = RowPlace::Data { number: RowNumber::FIRST, byte: 2 };
        let (rows, result) = limited(file);
        assert_eq!((rows.len(), result), (1, Err(FileError::RowTooLong { place, limit: 4 })), "{file:?}");
    }
}

#[test]
fn a_row_that_is_too_long_is_refused_before_its_end_is_seen() {
    let mut reader = RowReader::new().row_limit(1000);
    reader.push(b"h\n\"");
    let mut result = Ok(());
    for pushed in 0.. {
        reader.push(&[b'x'; 100]);
        result = (|| {
            while reader.next_row()?.is_some() {}
            Ok(())
        })();
        if result.is_err() {
            assert_eq!(pushed, 9);
            break;
        }
    }
    assert!(matches!(result, Err(FileError::RowTooLong { .. })));
    assert!(reader.buffer.len() <= 1100);
}

#[test]
fn debug_shows_nothing_of_the_file() {
    let mut reader = RowReader::new();
    reader.push(b"Ada,Lovelace\nrest");
    let row = format!("{:?}", reader.next_row().unwrap().unwrap());
    assert_eq!(row, "RawRow(0..12, Cells(2))");
    assert_eq!(format!("{reader:?}"), "RowReader(at 13, Some(1))");
}

#[test]
fn an_error_is_final() {
    let mut reader = RowReader::new();
    reader.push(b"a\0");
    let error = reader.next_row().unwrap_err();
    reader.push(b"\nb\nc\n");
    reader.finish();
    assert_eq!(reader.next_row().unwrap_err(), error);
}

#[test]
fn what_is_read_is_forgotten() {
    let mut reader = RowReader::new();
    for _ in 0..10_000 {
        reader.push(b"abc,def\nghi,");
        while reader.next_row().unwrap().is_some() {}
    }
    assert!(reader.buffer.capacity() < 1000);
    assert_eq!(reader.base + reader.buffer.len() as u64, 120_000);
}

/// Bytes with many of those that mean something in CSV.
fn csv_bytes() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        8 => prop::sample::select(&b"\"\",,\n\r \tab"[..]),
        1 => any::<u8>(),
    ];
    prop::collection::vec(byte, 0..200)
}

fn without_nul(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.retain(|&b| b != 0);
    bytes
}

/// Cuts a file at arbitrary places.
fn pieces<'a>(file: &'a [u8], cuts: &[prop::sample::Index]) -> Vec<&'a [u8]> {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(file.len() + 1)).collect();
    cuts.sort_unstable();
    let mut pieces = Vec::new();
    let mut rest = file;
    let mut at = 0;
    for cut in cuts {
        let (piece, after) = rest.split_at(cut - at);
        pieces.push(piece);
        (rest, at) = (after, cut);
    }
    pieces.push(rest);
    pieces
}

proptest! {
    #[test]
    fn rows_do_not_depend_on_how_the_input_is_cut(
        file in csv_bytes(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        limit in 1..60_usize,
    ) {
        let whole = read_with(RowReader::new().row_limit(limit), &[&file]);
        let cut = read_with(RowReader::new().row_limit(limit), &pieces(&file, &cuts));
        prop_assert_eq!(whole, cut);
    }

    #[test]
    fn cells_are_those_of_the_csv_crate(file in csv_bytes().prop_map(without_nul)) {
        let (rows, result) = read(&file);
        // The csv crate closes a quote that is still open at the end of the file.
        if result.is_err() {
            return Ok(());
        }
        // It takes a line of spaces for a row, and cannot tell that from a quoted cell of spaces.
        let is_blank = |cells: &[Vec<u8>]| cells.len() == 1 && cells[0].iter().all(|b| b" \t".contains(b));
        let ours: Vec<_> = rows.into_iter().map(|row| row.2).filter(|cells| !is_blank(cells)).collect();
        let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(&file[..]);
        let cells = |record: csv::ByteRecord| record.iter().map(<[u8]>::to_vec).collect::<Vec<_>>();
        let theirs = reader.byte_records().map(|record| cells(record.unwrap()));
        prop_assert_eq!(ours, theirs.filter(|cells| !is_blank(cells)).collect::<Vec<_>>());
    }

    #[test]
    fn rows_and_the_blanks_between_them_are_the_file(file in csv_bytes()) {
        let (rows, result) = read(&file);
        let mut at = if file.starts_with(&BOM) { BOM.len() } else { 0 };
        for (start, raw, _) in rows {
            let start = usize::try_from(start).unwrap();
            prop_assert!(file[at..start].iter().all(|b| b"\r\n \t".contains(b)));
            prop_assert_eq!(&file[start..start + raw.len()], &raw[..]);
            at = start + raw.len();
        }
        if result.is_ok() {
            prop_assert!(file[at..].iter().all(|b| b"\r\n \t".contains(b)));
        }
    }

    #[test]
    fn a_part_of_a_file_has_the_rows_that_the_whole_has_there(
        file in csv_bytes(),
        from in any::<prop::sample::Index>(),
    ) {
        let (rows, result) = read(&file);
        if !rows.is_empty() && result.is_ok() {
            let from = from.index(rows.len());
            let start = rows[from].0;
            let part = &file[usize::try_from(start).unwrap()..];
            prop_assert_eq!(read_with(RowReader::at(start), &[part]).0, &rows[from..]);
        }
    }
}
