//! What holds for any file, however it is cut into pieces.

use proptest::prelude::*;

use super::*;

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

/// Tables with cells that need quoting.
fn tables() -> impl Strategy<Value = Vec<Vec<Vec<u8>>>> {
    let byte = prop_oneof![4 => prop::sample::select(&b"\",\r\n ab"[..]), 1 => 1..=u8::MAX];
    let cell = prop::collection::vec(byte, 0..8);
    prop::collection::vec(prop::collection::vec(cell, 1..6), 1..8)
}

/// A row on one line as RFC 4180 has it, or a line with a quote in the wrong place. A quote that is
/// followed by a separator or a line end closes an open one by any rule, so that no cell here
/// begins so.
fn row_or_wreck() -> impl Strategy<Value = (String, bool)> {
    let cell = prop_oneof![
        "[a-z ]{1,5}",
        "\"[a-z][a-z, ]{0,5}\"",
        "\"[a-z]\"\"[a-z]\"",
        Just("\"\"".to_owned())
    ];
    let row = prop::collection::vec(cell, 0..4).prop_map(|cells| format!("x,{}", cells.join(",")));
    let wreck =
        prop_oneof!["[a-z],\"[a-z]{1,5}", "\"[a-z]{1,3}\"[a-z]{1,3}", "\"[a-z]\",\"[a-z]{1,4}"];
    prop_oneof![2 => row.prop_map(|row| (row, true)), 1 => wreck.prop_map(|row| (row, false))]
}

/// The line ends that files have.
const LINE_ENDS: [&str; 3] = ["\n", "\r\n", "\r"];

/// Returns a line with another separator in the place of its commas.
fn separated_by(line: &str, separator: Separator) -> String {
    line.replace(',', &char::from(separator.byte()).to_string())
}

/// What the reader promises, told in the plainest way: each row is followed by itself, however far
/// that is. Returns the rows with their places, and whether no line was too long.
fn rows_one_by_one(file: &[u8], limit: usize) -> (Vec<(u64, Vec<u8>)>, bool) {
    let is_break = |at: usize| matches!(file.get(at), None | Some(b'\n' | b'\r'));
    let mut rows = Vec::new();
    let mut at = 0;
    while at < file.len() {
        if is_break(at) {
            at += 1;
            continue;
        }
        let line_end = (at..=file.len()).find(|&at| is_break(at)).unwrap();
        if line_end - at > limit {
            return (rows, false);
        }
        let end = end_of_row(file, at).filter(|end| end - at <= limit);
        let row = &file[at..end.unwrap_or(line_end)];
        let mut cells = Vec::new();
        let whole = split(row, b',', |span| {
            let cell = span.quoted.unwrap_or(span.whole);
            cells.extend(row[cell].iter().filter(|&&byte| byte != b'"').copied().chain([b',']));
        });
        let quotes_are_content =
            row.windows(3).any(|three| three == b"\"\"\"") || whole != Split::Complete;
        let is_text =
            |row: &[u8]| row.contains(&b'"') && (quotes_are_content || has_quote_in_cell(row));
        if !is_blank(&cells, b',') || is_text(row) {
            rows.push((at as u64, row.to_vec()));
        }
        at += row.len();
    }
    (rows, true)
}

/// Whether a cell of a row that can be split holds a quote.
fn has_quote_in_cell(row: &[u8]) -> bool {
    let mut found = false;
    split(row, b',', |span| {
        let cell = span.quoted.unwrap_or(span.whole);
        found |= row[cell].contains(&b'"');
    });
    found
}

/// The end of a row that begins at a place, if its quotes are in their places.
fn end_of_row(file: &[u8], mut at: usize) -> Option<usize> {
    loop {
        while file.get(at) == Some(&b' ') {
            at += 1;
        }
        if file.get(at) == Some(&b'"') {
            at += 1;
            loop {
                match (file.get(at)?, file.get(at + 1)) {
                    (b'"', Some(b'"')) => at += 2,
                    (b'"', None | Some(b',' | b'\n' | b'\r')) => break,
                    (b'"', Some(_)) => return None,
                    _ => at += 1,
                }
            }
            at += 1;
        } else {
            while !matches!(file.get(at), None | Some(b',' | b'\n' | b'\r')) {
                at += 1;
            }
        }
        if file.get(at) != Some(&b',') {
            return Some(at);
        }
        at += 1;
    }
}

/// A row of the file, or a blank line, with any number of cells; and whether it is a row.
fn row_or_blank() -> impl Strategy<Value = (String, bool)> {
    let row = row_or_wreck().prop_map(|(row, _)| (row, true));
    let blank = prop::sample::select(&["", " ", ",", ",,", " , \u{a0},", "\"\"", "\"\",\" \""][..]);
    prop_oneof![3 => row, 1 => blank.prop_map(|line| (line.to_owned(), false))]
}

proptest! {
    #[test]
    fn lines_in_are_rows_out_and_blank_rows(
        lines in prop::collection::vec(row_or_blank(), 1..30),
        separator in prop::sample::select(&Separator::ALL[..]),
        line_end in prop::sample::select(&LINE_ENDS[..]),
        has_last_line_end: bool,
    ) {
        let file: Vec<String> = lines.iter().map(|(line, _)| separated_by(line, separator)).collect();
        let end = if has_last_line_end { line_end } else { "" };
        let file = file.join(line_end) + end;
        let (read, result) = read_with(RowReader::at(0, separator), &[file.as_bytes()]);
        prop_assert_eq!(result, Ok(()));
        prop_assert_eq!(read.len(), lines.iter().filter(|(_, is_row)| *is_row).count(), "{:?}", file);
    }

    #[test]
    fn rows_do_not_depend_on_how_the_input_is_cut(
        file in csv_bytes(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        limit in 1..60_usize,
    ) {
        let whole = read_with(RowReader::new(Separator::Comma).row_limit(limit), &[&file]);
        let cut = read_with(RowReader::new(Separator::Comma).row_limit(limit), &pieces(&file, &cuts));
        prop_assert_eq!(whole, cut);
    }

    #[test]
    fn cells_of_sound_files_are_those_of_the_csv_crate(table in tables()) {
        let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
        for row in &table {
            writer.write_record(row).unwrap();
        }
        let file = writer.into_inner().unwrap();
        if file.starts_with(&BOM) || file.to_ascii_lowercase().starts_with(b"sep=") {
            return Ok(());
        }
        let (rows, result) = read(&file);
        prop_assert_eq!(result, Ok(()));
        let is_blank = |row: &Vec<Vec<u8>>| row.iter().all(|cell| is_blank(cell, b','));
        let ours = rows.into_iter().map(|row| row.2);
        prop_assert!(ours.eq(table.into_iter().filter(|row| !is_blank(row))));
    }

    #[test]
    fn rows_are_those_of_a_reader_that_follows_each_row_by_itself(
        file in csv_bytes().prop_map(without_nul),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        limit in 1..60_usize,
    ) {
        let reader = RowReader::at(0, Separator::Comma).row_limit(limit);
        let (rows, result) = read_with(reader, &pieces(&file, &cuts));
        let (expected, sound) = rows_one_by_one(&file, limit);
        prop_assert_eq!(rows.into_iter().map(|(start, raw, _)| (start, raw)).collect::<Vec<_>>(), expected);
        prop_assert_eq!(result.is_ok(), sound);
    }

    #[test]
    fn no_well_formed_row_is_lost_because_of_a_malformed_one(
        rows in prop::collection::vec(row_or_wreck(), 1..30),
        separator in prop::sample::select(&Separator::ALL[..]),
        line_end in prop::sample::select(&LINE_ENDS[..]),
    ) {
        let rows: Vec<(String, bool)> =
            rows.into_iter().map(|(row, is_good)| (separated_by(&row, separator), is_good)).collect();
        let lines: Vec<&str> = rows.iter().map(|(row, _)| row.as_str()).collect();
        let file = lines.join(line_end);
        let (read, result) = read_with(RowReader::at(0, separator), &[file.as_bytes()]);
        prop_assert_eq!(result, Ok(()));
        let mut at = 0;
        for (row, is_well_formed) in &rows {
            if *is_well_formed {
                let found = read.iter().find(|(start, ..)| *start == at);
                prop_assert!(found.is_some_and(|(_, raw, _)| raw == row.as_bytes()), "{row:?} in {file:?}");
            }
            at += (row.len() + line_end.len()) as u64;
        }
        // And no row appears that the file does not have.
        prop_assert!(read.len() <= rows.len());
    }

    #[test]
    fn rows_and_the_blanks_between_them_are_the_file(
        file in csv_bytes(),
        separator in prop::sample::select(&Separator::ALL[..]),
    ) {
        let commas_become = |byte| if byte == b',' { separator.byte() } else { byte };
        let file: Vec<u8> = file.into_iter().map(commas_become).collect();
        let (rows, result) = read_with(RowReader::new(separator), &[&file]);
        let mut at = if file.starts_with(&BOM) { BOM.len() } else { 0 };
        let is_blank = |bytes: &[u8]| {
            bytes.iter().all(|b| *b == separator.byte() || b"\r\n \t\x0b\x0c\"\xa0\x1a".contains(b))
        };
        for (start, raw, _) in rows {
            let start = usize::try_from(start).unwrap();
            prop_assert!(is_blank(&file[at..start]));
            prop_assert_eq!(&file[start..start + raw.len()], &raw[..]);
            at = start + raw.len();
        }
        if result.is_ok() {
            prop_assert!(is_blank(&file[at..]));
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
            // A part never holds the end-of-file characters, which belong to no row.
            let end = file.iter().rposition(|byte| *byte != END_OF_FILE).map_or(0, |last| last + 1);
            let part = &file[usize::try_from(start).unwrap()..end];
            prop_assert_eq!(read_with(RowReader::at(start, Separator::Comma), &[part]).0, &rows[from..]);
        }
    }
}
