//! The headers that files have, and what their cells mean.

/// The texts of a file's header cells.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Header {
    /// The names of the columns.
    Ours,
    /// Texts of which two have to be mapped to columns. The remark has the name of a column, which
    /// another cell is mapped to.
    Theirs,
}

const OURS: [&str; 20] = [
    "externalId",
    "firstName",
    "lastName",
    "dob",
    "gender",
    "addressLine1",
    "city",
    "state",
    "zip",
    "addressLine1-2",
    "city-2",
    "state-2",
    "zip-2",
    "phone",
    "email",
    "ssn",
    "hieOptOut",
    "cohort",
    "facilityId",
    REMARK,
];

/// The last cell, which names no column.
const REMARK: &str = "Remark";

/// The number of cells of every header.
pub const WIDTH: usize = OURS.len();

/// The columns that every file must have.
const REQUIRED: [&str; 8] =
    ["firstName", "lastName", "dob", "gender", "addressLine1", "city", "state", "zip"];

/// A column, and the text of the header cell that is mapped to it.
type Mapping = (&'static str, &'static str);

impl Header {
    pub fn cells(self) -> [&'static str; WIDTH] {
        match self {
            Self::Ours => OURS,
            Self::Theirs => OURS.map(|cell| match cell {
                "dob" => "Früh & \"pünktlich\", 100% am",
                "email" => "Kontakt +1; @",
                REMARK => "email",
                cell => cell,
            }),
        }
    }

    /// Returns the mappings with which a client creates the job for a file with this header. Upper
    /// and lower case do not matter.
    pub fn mappings(self) -> &'static [Mapping] {
        match self {
            Self::Ours => &[],
            Self::Theirs => &[("email", "KONTAKT +1; @"), ("dob", "FRÜH & \"pünktlich\", 100% am")],
        }
    }

    /// Returns the column of each cell, if the job was created with these mappings.
    ///
    /// # Errors
    ///
    /// Why the file fails: the name of a column or the text of a header cell that is missing.
    pub fn columns(self, mappings: &[Mapping]) -> Result<[Option<&'static str>; WIDTH], String> {
        let cells = self.cells();
        let is = |cell: &str, text: &str| cell.to_lowercase() == text.to_lowercase();
        let missing = mappings.iter().find(|(_, text)| !cells.iter().any(|cell| is(cell, text)));
        if let Some((_, text)) = missing {
            return Err((*text).to_owned());
        }
        let columns = cells.map(|cell| {
            let mapped = mappings.iter().find(|(_, text)| is(cell, text));
            let is_taken = mappings.iter().any(|(column, _)| *column == cell);
            let named = (cell != REMARK && OURS.contains(&cell) && !is_taken).then_some(cell);
            mapped.map(|(column, _)| *column).or(named)
        });
        match REQUIRED.iter().find(|column| !columns.contains(&Some(**column))) {
            Some(column) => Err((*column).to_owned()),
            None => Ok(columns),
        }
    }
}
