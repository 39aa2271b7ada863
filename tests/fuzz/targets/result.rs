//! Fuzzes the result of an upload: another CSV reader finds the upload's cells in the result file,
//! and the result of a result file is the same file.
#![no_main]

use bulk_domain::csv::{ResultCells, ResultWriter, RowStatus, Separator};
use bulk_domain::ids::PatientId;
use fuzz::{each_row, parts};
use libfuzzer_sys::fuzz_target;
use uuid::Uuid;

type Table = Vec<Vec<Vec<u8>>>;

/// Returns the rows of a file and its result file, or `None` if the file cannot be read.
fn result(file: &[u8], option: usize) -> Option<(Table, Vec<u8>)> {
    let (mut table, mut out, mut writer) = (Table::new(), Vec::new(), None);
    let sound = each_row(file, Separator::Comma, 1 << 20, |row| {
        table.push(row.cells.iter().map(<[u8]>::to_vec).collect());
        let Some(writer) = &mut writer else {
            let new = ResultWriter::new(row, Separator::Comma);
            new.header(&mut out);
            writer = Some(new);
            return;
        };
        let cells = if (option + table.len()).is_multiple_of(2) {
            let id = PatientId::new(Uuid::from_u128(table.len() as u128));
            ResultCells { patient_id: Some(id), status: RowStatus::Succeeded, reason: None }
        } else {
            let reason = Some("gender: not M, F, O or U");
            ResultCells { patient_id: None, status: RowStatus::Failed, reason }
        };
        writer.row(row, cells, &mut out);
    });
    (sound && !table.is_empty()).then_some((table, out))
}

fuzz_target!(|input: &[u8]| {
    let Some((file, option)) = parts(input) else { return };
    let Some((table, out)) = result(&file, option) else { return };
    assert!(out.ends_with(b"\r\n"));

    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(&out[..]);
    let cells = |record: csv::ByteRecord| record.iter().map(<[u8]>::to_vec).collect::<Vec<_>>();
    let read: Table = reader.byte_records().map(|record| cells(record.expect("memory"))).collect();
    assert_eq!(read.len(), table.len());

    // The service's three columns are the last ones of the header. An upload that is a result file
    // has them already.
    let header = &read[0];
    let added: [&[u8]; 3] = [b"metriportId", b"status", b"reason"];
    assert!(header[header.len() - 3..].iter().eq(added));
    let kept = header.len() - 3;
    let width = table[0].len();
    assert!(kept == width || kept + 3 == width);
    for (i, (row, cells)) in read.iter().zip(&table).enumerate() {
        // Every row has the header's columns. Further cells come last, without the blank ones at
        // the end.
        let beyond = &cells[width.min(cells.len())..];
        let last = beyond
            .iter()
            .rposition(|cell| !cell.trim_ascii().is_empty())
            .map_or(0, |last| last + 1);
        assert_eq!(row[header.len()..], beyond[..last]);
        if i > 0 {
            assert!([&b"succeeded"[..], b"failed"].contains(&row[kept + 1].as_slice()));
        }
        if kept == width {
            let mut filled = cells[..width.min(cells.len())].to_vec();
            filled.resize(width, Vec::new());
            assert_eq!(row[..kept], filled);
        }
    }
    let (_, again) = result(&out, option).expect("a result can be uploaded");
    assert_eq!(again, out);
});
