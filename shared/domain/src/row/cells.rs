//! The cells of one row on their way to values, and the problems and warnings found on the way.

use std::borrow::Cow;

use crate::column::Field;
use crate::csv::{Cells, RawRow};
use crate::limits::CELL_CHARS;
use crate::patient::Value;
use crate::problem::{Problem, ProblemColumn, RowProblem, RowProblems};
use crate::row::layout::{Column, Layout};
use crate::text::{
    Encoding, clean, clean_plain, is_damaged, is_nothing, is_null, is_null_name, is_plain,
    is_scientific,
};
use crate::warning::{RowWarning, RowWarnings, Warning};

/// One row being read.
pub(super) struct RowCells<'a> {
    cells: Cells<'a>,
    /// All cells, if they are UTF-8.
    text: Option<&'a str>,
    /// Whether all cells are plain text, of which at most the ends are cleaned.
    is_plain: bool,
    is_ascii: bool,
    encoding: Encoding,
    /// Problems with where they go in the list.
    problems: Vec<(usize, RowProblem)>,
    /// Warnings with where they go in the list.
    warnings: Vec<(usize, RowWarning)>,
}

/// What a cell turned out to be.
pub(super) enum Cell<T> {
    /// Nothing, or only white space; also when the file has no such column.
    Blank,
    /// Something that is not valid. That is already reported.
    Bad,
    /// The cell holds a valid value.
    Good(T),
}

impl<T> Cell<T> {
    pub(super) fn is_blank(&self) -> bool {
        matches!(self, Self::Blank)
    }

    pub(super) fn good(self) -> Option<T> {
        match self {
            Self::Good(value) => Some(value),
            Self::Blank | Self::Bad => None,
        }
    }
}

impl<'a> RowCells<'a> {
    /// Begins to read a row; fails if its cells cannot be told apart or do not fit the header.
    pub(super) fn new(row: &RawRow<'a>, layout: &Layout) -> Result<Self, Problem> {
        if !row.is_split {
            return Err(Problem::MisplacedQuote);
        }
        let cells = row.cells;
        if cells.len() < layout.width() && layout.needs_cell_from(cells.len()) {
            return Err(Problem::TooFewCells);
        }
        // One look at the whole row spares one at each cell.
        let text = cells.as_text();
        let encoding = if text.is_some() { Encoding::Utf8 } else { Encoding::of_row(row.raw) };
        let is_plain = text.is_some_and(|text| is_plain(text.as_bytes()));
        let is_ascii = is_plain || text.is_some_and(str::is_ascii);
        let mut read = Self {
            cells,
            text,
            is_plain,
            is_ascii,
            encoding,
            problems: Vec::new(),
            warnings: Vec::new(),
        };
        let mut surplus = layout.width()..cells.len();
        if surplus.any(|index| !read.clean(index).is_ok_and(|text| text.is_empty())) {
            return Err(Problem::TooManyCells);
        }
        if encoding == Encoding::Windows1252 {
            read.warnings.push((0, RowWarning::of_row(Warning::ReadAsWindows1252)));
        }
        // The cells of columns that are not imported must be sound text too. A look at the whole
        // row says that nearly all are.
        if encoding == Encoding::Unknown || row.raw.len() > CELL_CHARS {
            let ignored = cells.iter().enumerate().filter(|(index, _)| !layout.is_known(*index));
            for problem in ignored.filter_map(|(_, cell)| encoding.decode(cell).err()) {
                let problem = (0, RowProblem::of_row(problem));
                if !read.problems.contains(&problem) {
                    read.problems.push(problem);
                }
            }
        }
        Ok(read)
    }

    /// Returns the text of a cell, cleaned. This is the one place in which cells are cleaned.
    #[inline]
    fn clean(&self, index: usize) -> Result<Cow<'a, str>, Problem> {
        let Some(range) = self.cells.range(index).filter(|range| !range.is_empty()) else {
            return Ok(Cow::Borrowed(""));
        };
        match self.text.and_then(|text| text.get(range)) {
            Some(text) if text.len() <= CELL_CHARS => {
                if self.is_plain {
                    clean_plain(text)
                } else {
                    clean(text)
                }
            }
            _ => {
                let text = self.encoding.decode(self.cells.get(index).unwrap_or_default())?;
                Ok(Cow::Owned(clean(&text)?.into_owned()))
            }
        }
    }

    /// Returns the clean text of a column's cell; empty if the cell is blank, says that there is
    /// nothing, or is not there.
    fn text(&self, column: &Column) -> Result<Cow<'a, str>, Problem> {
        let Some(index) = column.index else { return Ok(Cow::Borrowed("")) };
        let text = self.clean(index)?;
        if text.is_empty() {
            return Ok(text);
        }
        let field = column.name.field;
        let is_placeholder = match field {
            Field::FirstName | Field::LastName if is_null_name(&text) => {
                return Err(Problem::Placeholder);
            }
            Field::FirstName | Field::LastName => false,
            // What was declined in `hieOptOut` is sharing, and must not be taken for nothing.
            Field::HieOptOut => is_null(&text),
            _ => is_null(&text) || (column.is_optional && is_nothing(&text)),
        };
        if is_placeholder {
            return Ok(Cow::Borrowed(""));
        }
        let may_be_damaged = !self.is_ascii || matches!(text, Cow::Owned(_));
        if may_be_damaged && is_damaged(&text) {
            return Err(Problem::Damaged);
        }
        let is_number = matches!(
            field,
            Field::ExternalId | Field::DriversLicenceNo | Field::Zip | Field::Phone | Field::Ssn
        );
        if is_number && is_scientific(&text) {
            return Err(Problem::DamagedBySpreadsheet);
        }
        Ok(text)
    }

    /// Reads a cell with `read`, which is given clean text that is not blank.
    pub(super) fn cell<T>(
        &mut self,
        column: &Column,
        read: impl FnOnce(Cow<'_, str>) -> Result<T, Problem>,
    ) -> Cell<T> {
        // In wide files most cells are empty.
        if column.index.is_none_or(|index| self.cells.get(index).is_none_or(<[u8]>::is_empty)) {
            return Cell::Blank;
        }
        match self.text(column) {
            Ok(text) if text.is_empty() => Cell::Blank,
            Ok(text) => match read(text) {
                Ok(value) => Cell::Good(value),
                // Text without a letter or digit, in which nothing is written.
                Err(Problem::Missing) => Cell::Blank,
                Err(problem) => self.bad(column, problem),
            },
            Err(problem) => self.bad(column, problem),
        }
    }

    fn bad<T>(&mut self, column: &Column, problem: Problem) -> Cell<T> {
        self.report(column, problem);
        Cell::Bad
    }

    /// Reads a cell that holds a patient's value.
    pub(super) fn value<T: Value>(&mut self, column: &Column) -> Cell<T> {
        self.cell(column, T::from_owned)
    }

    /// Reads a cell that must not be blank.
    pub(super) fn required<T: Value>(&mut self, column: &Column) -> Option<T> {
        let cell = self.value(column);
        self.require(column, cell)
    }

    /// Reports a cell that is blank and must not be.
    pub(super) fn require<T>(&mut self, column: &Column, cell: Cell<T>) -> Option<T> {
        if cell.is_blank() {
            self.report(column, Problem::Missing);
        }
        cell.good()
    }

    /// Reports a problem with a column.
    pub(super) fn report(&mut self, column: &Column, problem: Problem) {
        let named = RowProblem { column: ProblemColumn::Column(column.name), problem };
        self.problems.push((column.order, named));
    }

    /// Warns of something in a column, once.
    pub(super) fn warn(&mut self, column: &Column, warning: Warning) {
        let named =
            (column.order, RowWarning { column: ProblemColumn::Column(column.name), warning });
        if !self.warnings.contains(&named) {
            self.warnings.push(named);
        }
    }

    /// Whether no problem has been reported.
    pub(super) fn is_good(&self) -> bool {
        self.problems.is_empty()
    }

    /// Returns what has been reported, in the order of the file's columns.
    pub(super) fn finish(mut self) -> (Vec<RowProblem>, RowWarnings) {
        self.problems.sort_by_key(|&(order, _)| order);
        self.warnings.sort_by_key(|&(order, _)| order);
        let warnings = self.warnings.into_iter().map(|(_, warning)| warning).collect();
        (
            self.problems.into_iter().map(|(_, problem)| problem).collect(),
            RowWarnings::new(warnings),
        )
    }
}

impl From<Problem> for RowProblems {
    fn from(problem: Problem) -> Self {
        Self::of_row(problem)
    }
}
