mod any_file;

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
    read_with(RowReader::new(Separator::Comma), &[file])
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
    for blank in [
        "",
        " \n\t",
        ",",
        ", ,\t,",
        "\"\"",
        "\"\",\" \"",
        "\u{a0},\u{3000}",
        "\u{200b}\u{feff}",
        "\"\n\",\n",
    ] {
        assert!(cells(blank).is_empty(), "{blank:?}");
    }
    assert!(read(b"\xa0,\xa0\n").0.is_empty());
    assert_eq!(read(b"\xa0,\xe9\n").0.len(), 1);
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
    let (rows, _) = read_with(RowReader::at(100, Separator::Comma), &[b"\xef\xbb\xbfb\n"]);
    assert_eq!(rows, [(100, b"\xef\xbb\xbfb".to_vec(), vec![b"\xef\xbb\xbfb".to_vec()])]);
    let (rows, result) = read(b"\xef\xbb\xbf");
    assert_eq!((rows, result), (vec![], Ok(())));
    assert_eq!(read(b"\xef\xbb").0[0].1, b"\xef\xbb");
}

#[test]
fn a_row_says_whether_a_byte_order_mark_came_before() {
    for (file, bom) in [(&b"\xef\xbb\xbfa\nb"[..], true), (b"a\nb", false)] {
        let mut reader = RowReader::new(Separator::Comma);
        reader.push(file);
        assert_eq!(reader.next_row().unwrap().unwrap().after_bom, bom);
    }
}

/// Every row of a file, and whether it could be split.
fn rows(file: &str) -> Vec<(String, bool)> {
    let mut reader = RowReader::new(Separator::Comma);
    reader.push(file.as_bytes());
    reader.finish();
    let mut rows = Vec::new();
    while let Some(row) = reader.next_row().unwrap() {
        rows.push((String::from_utf8(row.raw.to_vec()).unwrap(), row.is_split));
    }
    rows
}

fn good(row: &str) -> (String, bool) {
    (row.to_owned(), true)
}

fn bad(row: &str) -> (String, bool) {
    (row.to_owned(), false)
}

#[test]
fn a_row_with_a_misplaced_quote_fails_alone() {
    assert_eq!(rows("a,\"b\"c\nd,e\n"), [bad("a,\"b\"c"), good("d,e")]);
    // The quote that is never closed meets the first quote of the next row.
    assert_eq!(
        rows("1,\"open\n2,\"x\"\n3,\"y\"\n"),
        [bad("1,\"open"), good("2,\"x\""), good("3,\"y\"")]
    );
    assert_eq!(rows("\"a\" ,b\nc"), [bad("\"a\" ,b"), good("c")]);
}

#[test]
fn a_quote_that_is_never_closed_takes_no_row_with_it() {
    assert_eq!(
        rows("1,2\n3,\"4\n5,6\n7,8\n"),
        [good("1,2"), bad("3,\"4"), good("5,6"), good("7,8")]
    );
    assert_eq!(rows("\"a,\"\"1"), [bad("\"a,\"\"1")]);
    assert_eq!(rows("\"\n"), [bad("\"")]);
    assert_eq!(rows("a\n\""), [good("a"), bad("\"")]);
}

#[test]
fn reading_goes_on_at_the_line_after_the_first() {
    // The first row begins two lines before its misplaced quote.
    assert_eq!(rows("a,\"b\nc\nd\"e\nf"), [bad("a,\"b"), good("c"), good("d\"e"), good("f")]);
    // The second line leaves a quote open as well, and is closed properly.
    assert_eq!(rows("a,\"b\nc,\"d\ne\",f\ng"), [bad("a,\"b"), good("c,\"d\ne\",f"), good("g")]);
}

#[test]
fn quotes_in_a_cell_that_does_not_begin_with_one_are_text() {
    assert_eq!(cells("a\"b,\"c\"\n"), [["a\"b", "c"]]);
    assert_eq!(cells("5' 2\",x\"\n"), [["5' 2\"", "x\""]]);
}

#[test]
fn another_separator_parts_cells() {
    let mut reader = RowReader::new(Separator::Tab);
    reader.push(b"a,b\t\"c\td\"\n");
    let row = reader.next_row().unwrap().unwrap();
    assert_eq!(row.cells.iter().collect::<Vec<_>>(), [&b"a,b"[..], b"c\td"]);
}

#[test]
fn a_line_that_names_the_separator_is_skipped() {
    for begin in ["sep=,", "SEP=;", "\"sep=,\"", "sep=", "\u{feff}sep=,", "sep=,,,"] {
        for end in ["\n", "\r\n", "\r"] {
            assert_eq!(cells(&format!("{begin}{end}a,b")), [["a", "b"]], "{begin:?}");
        }
    }
    for header in ["sep", "sep=x,b", "separator", "sep=1", "s", "sex", "\"sep=a\""] {
        assert_eq!(cells(&format!("{header}\n")).len(), 1, "{header}");
    }
}

#[test]
fn end_of_file_characters_at_the_end_are_ignored() {
    for file in ["a\nb\u{1a}", "a\nb\n\u{1a}", "a\nb\r\n\u{1a}\u{1a}"] {
        assert_eq!(cells(file), [["a"], ["b"]], "{file:?}");
    }
    assert_eq!(cells("a\u{1a}\nb"), [["a\u{1a}"], ["b"]]);
    // In a part of a file they are as good as any other.
    let (rows, _) = read_with(RowReader::at(0, Separator::Comma), &[b"a\x1a"]);
    assert_eq!(rows[0].1, b"a\x1a");
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
    for (file, byte) in [(&b"\0"[..], 0), (b"sep=\0,\nh\na\n", 4), (b"\"sep=;\"\0\nh\"a\n", 7)] {
        assert_eq!(error(file), FileError::Nul { byte, place: RowPlace::Header { byte: 0 } });
    }
}

#[test]
fn a_row_may_be_as_long_as_the_limit() {
    let limited = |file: &[u8]| read_with(RowReader::new(Separator::Comma).row_limit(4), &[file]);
    for file in [&b"abcd"[..], b"abcd\n", b"abcd\r\n", b"abcd\nef", b"\"ab\""] {
        assert_eq!(limited(file).1, Ok(()), "{file:?}");
    }
    for file in [&b"h\nabcde"[..], b"h\nabcde\n", b"h\n\"abc\""] {
        let place = RowPlace::Data { number: RowNumber::FIRST, byte: 2 };
        let (rows, result) = limited(file);
        assert_eq!(
            (rows.len(), result),
            (1, Err(FileError::RowTooLong { place, limit: 4 })),
            "{file:?}"
        );
    }
}

#[test]
fn a_row_of_several_lines_that_is_longer_than_the_limit_has_a_quote_that_is_never_closed() {
    let limited = |file: &[u8]| {
        let (rows, result) = read_with(RowReader::new(Separator::Comma).row_limit(6), &[file]);
        assert_eq!(result, Ok(()));
        rows.into_iter().map(|(_, raw, _)| String::from_utf8(raw).unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(limited(b"\"a\nb\"\nc"), ["\"a\nb\"", "c"]);
    assert_eq!(limited(b"\"a\nbc\"\nd"), ["\"a\nbc\"", "d"]);
    assert_eq!(limited(b"\"a\nbcd\"\ne"), ["\"a", "bcd\"", "e"]);
}

#[test]
fn a_row_that_is_too_long_is_refused_before_its_end_is_seen() {
    let mut reader = RowReader::new(Separator::Comma).row_limit(1000);
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
    let mut reader = RowReader::new(Separator::Comma);
    reader.push(b"Ada,Lovelace\nrest");
    let row = format!("{:?}", reader.next_row().unwrap().unwrap());
    assert_eq!(row, "RawRow(0..12, Cells(2))");
    assert_eq!(format!("{reader:?}"), "RowReader(at 12, Some(1))");
}

#[test]
fn an_error_is_final() {
    let mut reader = RowReader::new(Separator::Comma);
    reader.push(b"a\0");
    let error = reader.next_row().unwrap_err();
    reader.push(b"\nb\nc\n");
    reader.finish();
    assert_eq!(reader.next_row().unwrap_err(), error);
}

#[test]
fn what_is_read_is_forgotten() {
    let mut reader = RowReader::new(Separator::Comma);
    for _ in 0..10_000 {
        reader.push(b"abc,def\nghi,");
        while reader.next_row().unwrap().is_some() {}
    }
    assert!(reader.buffer.capacity() < 1000);
    assert_eq!(reader.base + reader.buffer.len() as u64, 120_000);
}
