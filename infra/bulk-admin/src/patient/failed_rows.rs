//! Rows in the failed-rows files of imports that seem to be about a patient.
//!
//! A row that failed has created and updated no patient, so that neither a table nor the audit
//! trail knows which patient it is about. Its cells tell: they have the patient's external id, or
//! both names. Columns do not matter, because a row may have failed for a wrong column.

use bulk_aws::{Objects, StoredVersion};
use bulk_domain::csv::{RowReader, Separator};
use bulk_domain::hash_key::{ExternalIdHash, HashKey};
use bulk_domain::identity::is_same_name;
use bulk_domain::ids::CustomerId;
use bulk_domain::patient::{Dob, ExternalId, Patient};
use bulk_pipeline::find_patient::FoundPatient;
use bulk_terminal::Failure;
use futures::StreamExt as _;

use crate::failed;

/// The folder with the result files, and the end of the keys of failed-rows files.
const RESULTS: &str = "results/";
const FAILURES: &str = "/failures.csv";

/// A header cell that every result file has, and that tells with which separator it is written.
const ADDED_CELL: &[u8] = b"metriportId";

/// The longest row of a failed-rows file in bytes. A row of an upload has 1 MiB at most. Here it
/// has three more cells, and each of its quotes may be doubled.
const LONGEST_ROW: usize = 4 * 1024 * 1024;

/// What a row is looked for by. Of a deleted patient only the hash of the external id is known.
pub struct Wanted<'a> {
    key: &'a HashKey,
    external_id: Option<ExternalIdHash>,
    patient: Option<&'a Patient>,
}

/// A row that seems to be about the patient.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FailedRow {
    /// The version of the file.
    pub file: StoredVersion,
    /// The number of the row in this file, from 1.
    pub row: u64,
    /// What the row has in common with the patient: `externalId`, `names`, `dob`.
    pub matches: Vec<&'static str>,
}

impl<'a> Wanted<'a> {
    /// Returns what is known of a patient.
    pub fn of(found: &'a FoundPatient, key: &'a HashKey) -> Self {
        let patient = found.record.as_ref().map(|record| &record.patient);
        let external_id = patient.and_then(|patient| patient.external_id.as_ref());
        let external_id = external_id.map(|id| key.external_id(id));
        let remembered = found.deleted.as_ref().and_then(|deleted| deleted.external_id);
        Self { key, external_id: external_id.or(remembered), patient }
    }

    /// Returns the rows that seem to be about the patient, in all failed-rows files of a customer.
    pub async fn search(
        &self,
        objects: &Objects,
        customer: CustomerId,
    ) -> anyhow::Result<Vec<FailedRow>> {
        let mut found = Vec::new();
        let versions = objects.versions(customer, RESULTS, "").await.map_err(failed)?;
        for file in versions.into_iter().filter(|version| version.key.ends_with(FAILURES)) {
            let mut body = objects.read_version(&file).await.map_err(failed)?;
            let mut rows = Rows::new(self);
            while let Some(piece) = body.next().await {
                rows.push(&piece.map_err(failed)?)?;
            }
            let of_file = rows.finish()?.into_iter();
            found.extend(of_file.map(|(row, matches)| FailedRow {
                file: file.clone(),
                row,
                matches,
            }));
        }
        Ok(found)
    }

    /// Returns what cells have in common with the patient; nothing if that is too little.
    fn matches<'b>(&self, cells: impl Iterator<Item = &'b [u8]>) -> Vec<&'static str> {
        let (mut has_id, mut has_first, mut has_last, mut has_dob) = (false, false, false, false);
        for cell in cells.flat_map(with_pieces) {
            let text = text(cell);
            let text = text.trim();
            let is_id = |wanted| {
                text.parse::<ExternalId>().is_ok_and(|id| self.key.external_id(&id) == wanted)
            };
            has_id |= self.external_id.is_some_and(is_id);
            if let Some(patient) = self.patient {
                has_first |= is_same_name(text, &patient.first_name);
                has_last |= is_same_name(text, &patient.last_name);
                has_dob |= text.parse::<Dob>().is_ok_and(|dob| dob == patient.dob);
            }
        }
        let has_names = has_first && has_last;
        let all = [("externalId", has_id), ("names", has_names), ("dob", has_dob)];
        let matching = all.into_iter().filter(|(_, has)| *has && (has_id || has_names));
        matching.map(|(what, _)| what).collect()
    }
}

/// Returns a cell and the pieces between its separators. A row with a misplaced double quote is one
/// cell of its file, with the text of the whole row.
fn with_pieces(cell: &[u8]) -> impl Iterator<Item = &[u8]> {
    let is_separator = |byte: &u8| Separator::ALL.iter().any(|one| one.byte() == *byte);
    let pieces = cell.split(is_separator).map(|piece| {
        let piece = piece.trim_ascii();
        let piece = piece.strip_prefix(b"\"").unwrap_or(piece);
        piece.strip_suffix(b"\"").unwrap_or(piece)
    });
    std::iter::once(cell).chain(pieces.filter(move |piece| piece.len() < cell.len()))
}

/// Returns the text of a cell: files are UTF-8, or in a one-byte encoding like ISO 8859-1.
fn text(cell: &[u8]) -> String {
    let of_bytes = || cell.iter().map(|byte| char::from(*byte)).collect();
    std::str::from_utf8(cell).map_or_else(|_| of_bytes(), str::to_owned)
}

/// The rows of one file, while it is being read.
struct Rows<'a> {
    wanted: &'a Wanted<'a>,
    /// The bytes before the end of the header.
    beginning: Vec<u8>,
    reader: Option<RowReader>,
    row: u64,
    found: Vec<(u64, Vec<&'static str>)>,
}

impl<'a> Rows<'a> {
    fn new(wanted: &'a Wanted<'a>) -> Self {
        Self { wanted, beginning: Vec::new(), reader: None, row: 0, found: Vec::new() }
    }

    fn push(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        let Some(reader) = &mut self.reader else {
            self.beginning.extend_from_slice(bytes);
            self.reader = reader_after_header(&self.beginning);
            return self.take_rows();
        };
        reader.push(bytes);
        self.take_rows()
    }

    fn finish(mut self) -> anyhow::Result<Vec<(u64, Vec<&'static str>)>> {
        if let Some(reader) = &mut self.reader {
            reader.finish();
        }
        self.take_rows()?;
        Ok(self.found)
    }

    fn take_rows(&mut self) -> anyhow::Result<()> {
        let Some(reader) = &mut self.reader else { return Ok(()) };
        // An error of the reader names a place and no content.
        while let Some(row) = reader.next_row().map_err(|error| Failure::new(error.to_string()))? {
            self.row += 1;
            let matches = self.wanted.matches(row.cells.iter());
            if !matches.is_empty() {
                self.found.push((self.row, matches));
            }
        }
        Ok(())
    }
}

/// Returns a reader of the rows after the header, once the beginning of the file has it.
fn reader_after_header(beginning: &[u8]) -> Option<RowReader> {
    Separator::ALL.into_iter().find_map(|separator| {
        let mut reader = RowReader::new(separator).row_limit(LONGEST_ROW);
        reader.push(beginning);
        let header = reader.next_row().ok().flatten()?;
        header.cells.iter().any(|cell| cell == ADDED_CELL).then_some(())?;
        Some(reader)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn patient() -> Patient {
        serde_json::from_value(json!({
            "id": "6496bec1-d4cd-879b-9f0b-e62698adc474", "externalId": "MRN-7", "firstName": "Zoë",
            "lastName": "O'Neil", "dob": "1980-02-03", "genderAtBirth": "F", "address": [],
            "contact": [], "personalIdentifiers": [], "facilityIds": [], "cohortIds": [],
            "hieOptOut": false, "dateCreated": "2027-01-15T08:00:00.000Z",
            "dateUpdated": "2027-01-15T08:00:00.000Z",
        }))
        .unwrap()
    }

    fn found(file: &str, wanted: &Wanted<'_>) -> Vec<(u64, Vec<&'static str>)> {
        let all_at_once = {
            let mut rows = Rows::new(wanted);
            rows.push(file.as_bytes()).unwrap();
            rows.finish().unwrap()
        };
        let mut rows = Rows::new(wanted);
        file.as_bytes().chunks(3).for_each(|piece| rows.push(piece).unwrap());
        assert_eq!(rows.finish().unwrap(), all_at_once, "in small pieces");
        all_at_once
    }

    #[test]
    fn rows_with_the_external_id_or_with_both_names_are_found_whatever_their_columns_are() {
        let (key, patient) = (HashKey::new([7; 32]), patient());
        let external_id = patient.external_id.as_ref().map(|id| key.external_id(id));
        let wanted = Wanted { key: &key, external_id, patient: Some(&patient) };
        for separator in [",", ";", "\t", "|"] {
            let file = "id,first,last,born,metriportId,status,reason\n\
                mrn,Ada,King,1980-02-03,,failed,zip: missing\n\
                MRN-7,,,,,failed,row: incomplete\n\
                ,ZOE,O NEIL,2/3/1980,,failed,canceled\n\
                ,\"Zoë\",Smith,1980-02-03,,failed,canceled\n\
                1981-01-01,zoe,oneil,MRN-7,,failed,canceled\n";
            let expected = [
                (2, vec!["externalId"]),
                (3, vec!["names", "dob"]),
                (5, vec!["externalId", "names"]),
            ];
            assert_eq!(found(&file.replace(',', separator), &wanted), expected, "{separator:?}");
        }
        assert_eq!(found("id,first\nMRN-7,Zoe\n", &wanted), [], "no result file");
        let misplaced = "id,first,last,metriportId,status,reason\n\
            \"MRN-9,\"\"Zoe\"\",O'Neil\",,,,failed,row: misplaced double quote\n";
        assert_eq!(found(misplaced, &wanted), [(1, vec!["names"])]);
    }

    #[test]
    fn of_a_deleted_patient_rows_are_found_by_the_hash_of_its_external_id() {
        let key = HashKey::new([7; 32]);
        let external_id = Some(key.external_id(&"MRN-7".parse().unwrap()));
        let wanted = Wanted { key: &key, external_id, patient: None };
        let file = "a,metriportId,status,reason\nMRN-8,,failed,x\n MRN-7 ,,failed,x\n";
        assert_eq!(found(file, &wanted), [(2, vec!["externalId"])]);
        let nothing = Wanted { key: &key, external_id: None, patient: None };
        assert_eq!(found(file, &nothing), []);
    }
}
