//! Counts the reasons of failed rows while a result file is downloaded.

use bulk_domain::csv::Cells;

use crate::problems::ProblemCounts;

/// The reasons of the failed rows so far.
#[derive(Debug, Default)]
pub struct Reasons {
    /// Positions of the status and reason columns, once the header was read.
    columns: Option<Columns>,
    counts: ProblemCounts,
}

impl Reasons {
    /// Takes the next row. The first one is the header.
    pub fn take(&mut self, row: &Cells<'_>) {
        let Some(columns) = self.columns else {
            self.columns = Some(Columns::of(row));
            return;
        };
        let cell = |column: Option<usize>| row.get(column?);
        let failed = cell(columns.status).is_some_and(|cell| cell == b"failed");
        if let Some(text) = cell(columns.reason).filter(|_| failed)
            && let Ok(text) = std::str::from_utf8(text)
        {
            self.counts.add_text(text);
        }
    }

    pub fn into_counts(self) -> ProblemCounts {
        self.counts
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
            let json = serde_json::to_value(reasons.into_counts()).unwrap();
            assert_eq!(json[0]["problem"], "zip: missing");
            assert_eq!(json[0]["rows"], 2);
            assert_eq!(json[1]["rows"], 1);
            assert_eq!(json.as_array().unwrap().len(), 2);
        }
    }
}
