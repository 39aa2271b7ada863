//! The cells of one row on their way to values, and the problems found on the way.

use crate::csv::{CELL_CHARS, Cells};
use crate::patient::Value;
use crate::problem::{Problem, ProblemColumn, RowProblem, RowProblems};
use crate::row::layout::{Column, Layout};
use crate::text::decode;

/// One row being read.
pub(super) struct RowCells<'a> {
    cells: &'a Cells<'a>,
    /// Problems with where they go in the list.
    problems: Vec<(u32, RowProblem)>,
}

/// What a cell turned out to be.
pub(super) enum Cell<T> {
    /// Nothing, or only white space; also when the file has no such column.
    Blank,
    /// Something that is not valid. That is already reported.
    Bad,
    /// A value.
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
    /// Begins to read a row; fails if it does not have the cells that the header promises.
    pub(super) fn new(cells: &'a Cells<'a>, layout: &Layout) -> Result<Self, RowProblems> {
        let row = RowProblem::of_row;
        if cells.len() < layout.width() {
            return Err(RowProblems::of_row(Problem::TooFewCells));
        }
        if cells.len() > layout.width() {
            return Err(RowProblems::of_row(Problem::TooManyCells));
        }
        let mut problems: Vec<(u32, RowProblem)> = Vec::new();
        // The cells of columns that are not imported must be sound text too. A look at the whole row
        // says that nearly all are.
        let all = cells.concatenated();
        if !all.is_ascii() || all.len() > CELL_CHARS {
            let unknown = cells.iter().enumerate().filter(|(index, _)| !layout.is_known(*index));
            for problem in unknown.filter_map(|(_, cell)| decode(cell).err()) {
                if !problems.contains(&(0, row(problem))) {
                    problems.push((0, row(problem)));
                }
            }
        }
        Ok(Self { cells, problems })
    }

    /// Reads a cell with `read`, which gives `None` for blank text.
    pub(super) fn cell<T>(
        &mut self,
        column: &Column,
        read: impl FnOnce(&str) -> Result<Option<T>, Problem>,
    ) -> Cell<T> {
        let cell = column.index.and_then(|index| self.cells.get(index)).unwrap_or_default();
        if cell.is_empty() {
            return Cell::Blank;
        }
        match decode(cell).and_then(read) {
            Ok(None) => Cell::Blank,
            Ok(Some(value)) => Cell::Good(value),
            Err(problem) => {
                self.report(column, problem);
                Cell::Bad
            }
        }
    }

    /// Reads a cell that holds a patient's value.
    pub(super) fn value<T: Value>(&mut self, column: &Column) -> Cell<T> {
        self.cell(column, T::read)
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

    /// Whether nothing has been reported.
    pub(super) fn is_good(&self) -> bool {
        self.problems.is_empty()
    }

    /// What has been reported, in the order of the file's columns.
    pub(super) fn into_problems(mut self) -> RowProblems {
        self.problems.sort_by_key(|&(order, _)| order);
        RowProblems::new(self.problems.into_iter().map(|(_, problem)| problem).collect())
    }
}
