//! What the cells of a header were taken for, and what cells with similar names may mean.

use bulk_domain::csv::{
    ColumnMapping, ColumnName, FileError, HeaderCell, NotAMapping, Slot, names,
};
use bulk_terminal::Output;
use serde::Serialize;

use crate::format::counted;

/// Header cells that are printed one by one. JSON has them all.
const SHOWN: usize = 20;

/// Letters for each letter that may differ between a name and a header cell that looks like it. A
/// shorter word differs from too many others.
const LETTERS_PER_TYPO: usize = 4;

/// Letters that may differ at most.
const TYPOS: usize = 2;

/// Letters of the shortest name that is looked for inside of a header cell, so that `unit` is not
/// found in `community`.
const SHORTEST_INSIDE: usize = 5;

/// Cells that name columns in a row that can be shown as a header. A file without a header begins
/// with a patient, who is not shown.
const NAMES_OF_A_HEADER: usize = 2;

/// Reads `--column`: a column, `=` and the text of a header cell.
///
/// # Errors
///
/// Says what the text should be.
pub fn mapping(text: &str) -> Result<ColumnMapping, String> {
    let form = || r#"it must be COLUMN=HEADER, such as dob="Birth Day""#.to_owned();
    let (column, header) = text.split_once('=').ok_or_else(form)?;
    format!("{column}:{header}").parse().map_err(|problem| match problem {
        NotAMapping::Form => form(),
        problem => format!("it {problem}"),
    })
}

/// A header cell that is ignored, and the column that its name looks like.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Suggestion {
    header: String,
    column: ColumnName,
}

/// The report about the cells of a header.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ColumnReport {
    /// The header cells in the order of the file.
    pub columns: Vec<HeaderCell>,
    /// The ignored cells that look like a column.
    pub suggestions: Vec<Suggestion>,
}

impl ColumnReport {
    /// Returns the report about a file that can be imported.
    pub fn of_file(columns: Vec<HeaderCell>) -> Self {
        let suggestions = suggestions(&columns, &[]);
        Self { columns, suggestions }
    }

    /// Returns the report about a file that lacks columns, and none if its error is not about the
    /// cells of its first row, or if that row is no header.
    pub fn of_rejected(error: &FileError, columns: Vec<HeaderCell>) -> Option<Self> {
        let missing = match error {
            FileError::MissingColumns { columns, header_line: None } => columns.clone(),
            FileError::MappedHeaderMissing { column, .. } => vec![*column],
            FileError::OptOutIgnored { .. } => Vec::new(),
            _ => return None,
        };
        let names = columns.iter().filter(|cell| cell.column.is_some()).count();
        let suggestions = suggestions(&columns, &missing);
        (names >= NAMES_OF_A_HEADER).then_some(Self { columns, suggestions })
    }

    /// Returns the lines that tell a person what was understood, what is ignored, and how to have
    /// more understood.
    pub fn lines(&self, output: Output) -> Vec<String> {
        let ignored: Vec<&str> = self
            .columns
            .iter()
            .filter(|cell| cell.column.is_none())
            .map(|cell| cell.header.as_str())
            .collect();
        let all = self.columns.len();
        let mut lines = vec![format!(
            "{} of {} understood",
            all - ignored.len(),
            counted(all as u64, "column")
        )];
        let renamed = |cell: &HeaderCell| {
            let column = cell.column?.to_string();
            (column != cell.header).then(|| format!("{} → {column}", quoted(&cell.header)))
        };
        lines.extend(listed("  taken for", self.columns.iter().filter_map(renamed)));
        let (blank, ignored): (Vec<&str>, Vec<&str>) =
            ignored.into_iter().partition(|header| header.is_empty());
        let blank = (!blank.is_empty())
            .then(|| format!("{} without a name", counted(blank.len() as u64, "column")));
        lines.extend(listed("  ignored  ", ignored.into_iter().map(quoted).chain(blank)));
        lines.extend(self.suggestions.iter().take(SHOWN).map(|Suggestion { header, column }| {
            output.strong(format_args!(
                "  {} looks like {column}; to import it: --column {column}={}",
                quoted(header),
                for_shell(header),
            ))
        }));
        lines
    }
}

/// Returns a line with the texts, if there are any.
fn listed(name: &str, texts: impl Iterator<Item = String>) -> Option<String> {
    let texts: Vec<String> = texts.collect();
    let more = match texts.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let shown = texts[..texts.len().min(SHOWN)].join(", ");
    (!texts.is_empty()).then(|| format!("{name} {shown}{more}"))
}

fn quoted(header: &str) -> String {
    format!("\"{header}\"")
}

/// Returns the text of a header cell as a shell takes it: in double quotes, which the shells of
/// Windows know, too, unless it has characters that mean something in them.
fn for_shell(header: &str) -> String {
    if header.contains(['"', '$', '`', '\\', '!', '%']) {
        format!("'{}'", header.replace('\'', r"'\''"))
    } else {
        quoted(header)
    }
}

/// Returns the ignored cells with names that look like those of columns that the file lacks.
fn suggestions(columns: &[HeaderCell], missing: &[ColumnName]) -> Vec<Suggestion> {
    let mut known: Vec<ColumnName> = columns.iter().filter_map(|cell| cell.column).collect();
    let mut suggestions = Vec::new();
    for cell in columns.iter().filter(|cell| cell.column.is_none()) {
        let column = looks_like(&cell.header, |column| !known.contains(&column))
            .or_else(|| contains(&cell.header, missing).filter(|column| !known.contains(column)));
        if let Some(column) = column {
            known.push(column);
            suggestions.push(Suggestion { header: cell.header.clone(), column });
        }
    }
    suggestions
}

/// Returns the column with the name that is nearest to a header's text, if one is near.
fn looks_like(header: &str, is_wanted: impl Fn(ColumnName) -> bool) -> Option<ColumnName> {
    let letters = letters(header);
    let (base, slot) = match letters.trim_end_matches(|c: char| c.is_ascii_digit()) {
        base if base.len() == letters.len() => (base, None),
        base => (base, Some(letters[base.len()..].parse().ok().and_then(Slot::new)?)),
    };
    let near = names().filter_map(|(field, name)| {
        let column = ColumnName::new(field, slot);
        let name = self::letters(name);
        let allowed = (base.len().max(name.len()) / LETTERS_PER_TYPO).min(TYPOS);
        // Typing errors seldom hit the first letter, and `name` does not mean `fname`.
        let begins_alike = base.chars().next() == name.chars().next();
        let is_possible = begins_alike && (slot.is_none() || field.is_grouped());
        let typos = strsim::damerau_levenshtein(base, &name);
        (is_possible && typos <= allowed && is_wanted(column)).then_some((typos, column))
    });
    near.min_by_key(|(typos, _)| *typos).map(|(_, column)| column)
}

/// Returns the missing column with a name that is a part of a header's text: `Legal First Name`.
fn contains(header: &str, missing: &[ColumnName]) -> Option<ColumnName> {
    let letters = letters(header);
    let inside = names().filter(|(field, name)| {
        let name = self::letters(name);
        name.len() >= SHORTEST_INSIDE
            && letters.contains(&name)
            && missing.iter().any(|column| column.field == *field)
    });
    let (field, _) = inside.max_by_key(|(_, name)| name.len())?;
    missing.iter().copied().find(|column| column.field == field)
}

/// Returns the letters and digits of a text in lower case.
fn letters(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(texts: &[(&str, Option<&str>)]) -> Vec<HeaderCell> {
        let cell = |&(header, column): &(&str, Option<&str>)| HeaderCell {
            header: header.to_owned(),
            column: column.map(|column| column.parse().unwrap()),
        };
        texts.iter().map(cell).collect()
    }

    fn suggested(texts: &[(&str, Option<&str>)], missing: &[&str]) -> Vec<String> {
        let missing: Vec<ColumnName> =
            missing.iter().map(|column| column.parse().unwrap()).collect();
        let suggested = suggestions(&cells(texts), &missing);
        suggested.iter().map(|found| format!("{}={}", found.column, found.header)).collect()
    }

    #[test]
    fn a_name_with_a_typing_error_is_suggested_for_its_column() {
        for (header, column) in [
            ("Fist Name", "firstName"),
            ("Zipp", "zip"),
            ("Zipp 2", "zip-2"),
            ("Gendre", "gender"),
            ("Brith Date", "dob"),
            ("Emial", "email"),
            ("Socail Security Number", "ssn"),
            ("Phone Nubmer 2", "phone-2"),
        ] {
            assert_eq!(suggested(&[(header, None)], &[]), [format!("{column}={header}")]);
        }
    }

    #[test]
    fn other_words_are_no_typing_errors() {
        for header in
            ["Name", "Race", "Status", "Notes", "Insurance", "Dod", "Six", "", "2", "Zipp 11"]
        {
            let found = suggested(&[(header, None)], &[]);
            assert!(found.is_empty(), "{header}: {found:?}");
        }
    }

    #[test]
    fn a_column_that_the_file_has_is_not_suggested() {
        assert!(suggested(&[("Zipp", None), ("Zip Code", Some("zip"))], &[]).is_empty());
        assert_eq!(suggested(&[("Zipp", None), ("Zpi", None)], &[]), ["zip=Zipp"]);
    }

    #[test]
    fn a_name_inside_of_another_is_suggested_only_for_a_missing_column() {
        let header = [("Legal First Name", None), ("Guarantor Address", None)];
        assert!(suggested(&header, &[]).is_empty());
        assert_eq!(
            suggested(&header, &["firstName", "addressLine1"]),
            ["firstName=Legal First Name", "addressLine1=Guarantor Address"]
        );
        assert!(suggested(&[("Community", None)], &["addressLine2"]).is_empty());
    }

    #[test]
    fn a_header_cell_is_quoted_so_that_a_shell_leaves_it_as_it_is() {
        assert_eq!(for_shell("Patient's Zipp"), "\"Patient's Zipp\"");
        assert_eq!(for_shell(r#"Patient's "$Zipp""#), r#"'Patient'\''s "$Zipp"'"#);
    }

    #[test]
    fn columns_without_a_name_are_counted() {
        let report = ColumnReport::of_file(cells(&[("x", None), ("", None), ("", None)]));
        let lines = report.lines(Output::new(false, false));
        assert_eq!(
            lines,
            ["0 of 3 columns understood", "  ignored   \"x\", 2 columns without a name"]
        );
    }

    #[test]
    fn a_first_row_that_is_a_patient_is_not_shown() {
        let error = FileError::MissingColumns { columns: Vec::new(), header_line: None };
        let report = |texts: &[_]| ColumnReport::of_rejected(&error, cells(texts));
        assert_eq!(report(&[("Ada", None), ("King", None), ("Unit", Some("addressLine2"))]), None);
        assert!(report(&[("Zip", Some("zip")), ("City", Some("city")), ("x", None)]).is_some());
    }

    #[test]
    fn a_mapping_is_typed_with_an_equals_sign() {
        assert_eq!(mapping("dob=Birth = Day").unwrap().to_string(), "dob:Birth = Day");
        for text in ["dob", "dob=", "dob:Birth Day"] {
            assert_eq!(
                mapping(text),
                Err(r#"it must be COLUMN=HEADER, such as dob="Birth Day""#.to_owned())
            );
        }
        assert_eq!(
            mapping("born=Birth Day").unwrap_err(),
            "it does not begin with a column of the import, such as dob or zip-2"
        );
    }
}
