//! Counts the reasons of failed rows, and of kept patients, while a result file is downloaded.

use std::collections::BTreeMap;

use bulk_domain::csv::Cells;

use crate::problems::ProblemCounts;

/// The reasons of the rows so far.
#[derive(Debug, Default)]
pub struct Reasons {
    /// Positions of the status and reason columns, once the header was read.
    columns: Option<Columns>,
    counts: ProblemCounts,
    /// The reasons of rows about patients that an undo keeps.
    kept: BTreeMap<String, u64>,
}

impl Reasons {
    /// Takes the next row. The first one is the header.
    pub fn take(&mut self, row: &Cells<'_>) {
        let Some(columns) = self.columns else {
            self.columns = Some(Columns::of(row));
            return;
        };
        let cell = |column: Option<usize>| row.get(column?);
        let Some(Ok(text)) = cell(columns.reason).map(std::str::from_utf8) else { return };
        match cell(columns.status) {
            Some(b"failed") => self.counts.add_text(text),
            Some(b"kept") => *self.kept.entry(text.to_owned()).or_default() += 1,
            _ => {}
        }
    }

    pub fn into_counts(self) -> (ProblemCounts, BTreeMap<String, u64>) {
        (self.counts, self.kept)
    }
}

/// Positions of the columns that the service added. They are the last ones of their names, because
/// the uploaded file may have columns of the same names.
#[derive(Clone, Copy, Debug)]
struct Columns {
    status: Option<usize>,
    reason: Option<usize>,
}

impl Columns {
    fn of(header: &Cells<'_>) -> Self {
        let last = |name: &[u8]| {
            header
                .iter()
                .enumerate()
                .filter(|(_, cell)| *cell == name)
                .last()
                .map(|(index, _)| index)
        };
        Self { status: last(b"status"), reason: last(b"reason") }
    }
}

#[cfg(test)]
mod tests {
    use crate::results::rows::ResultRows;

    use super::*;

    #[test]
    fn reasons_are_counted_whatever_pieces_the_file_comes_in() {
        let file = b"reason,Name,metriportId,status,reason\r\n\
            mine,\"A, B\",,failed,dob: missing; zip: missing\r\nmine,C,0199,succeeded,\r\nmine,D,,failed,zip: missing\r\n";
        for size in [1, 7, file.len()] {
            let (mut rows, mut reasons) = (ResultRows::default(), Reasons::default());
            for piece in file.chunks(size) {
                rows.push(piece);
                rows.each(|_, row| reasons.take(row)).unwrap();
            }
            let json = serde_json::to_value(reasons.into_counts().0).unwrap();
            assert_eq!(json[0]["problem"], "zip: missing");
            assert_eq!(json[0]["rows"], 2);
            assert_eq!(json[1]["rows"], 1);
            assert_eq!(json.as_array().unwrap().len(), 2);
        }
    }
}
