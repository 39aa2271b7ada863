//! Problems of the rows of a file, counted by kind.

use std::collections::HashMap;
use std::fmt;
use std::io;

use bulk_domain::problem::RowProblem;
use bulk_terminal::Output;
use serde::{Serialize, Serializer};

use crate::format;

/// Rows that are listed as examples of a problem.
const SAMPLES: usize = 5;

/// Columns that are listed for a problem that several columns have.
const COLUMNS: usize = 4;

/// Most kinds that are counted, so that no result file can exhaust the memory. A file with usual
/// columns cannot have as many.
const KINDS: usize = 2000;

/// Kinds that are printed as text.
const SHOWN: usize = 15;

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Reason {
    /// A problem of the closed list.
    Problem(RowProblem),
    /// Another reason, in the service's words: `canceled`.
    Other(String),
}

/// How many rows have a problem, and the first of them.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Count {
    rows: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    samples: Vec<u32>,
}

/// Problems, with the number of rows that have each.
#[derive(Clone, Debug, Default)]
pub struct ProblemCounts(HashMap<Reason, Count>);

impl ProblemCounts {
    /// Counts a problem of a row. `row` is its number, if that is known.
    pub fn add(&mut self, reason: Reason, row: Option<u32>) {
        if self.0.len() >= KINDS && !self.0.contains_key(&reason) {
            return;
        }
        let count = self.0.entry(reason).or_default();
        count.rows += 1;
        if let Some(row) = row.filter(|_| count.samples.len() < SAMPLES) {
            count.samples.push(row);
        }
    }

    /// Counts the problems in the `reason` cell of a result file.
    pub fn add_text(&mut self, reasons: &str) {
        for text in reasons.split("; ") {
            let reason =
                text.parse().map_or_else(|_| Reason::Other(text.to_owned()), Reason::Problem);
            self.add(reason, None);
        }
    }

    /// Returns the problems, most frequent first.
    fn sorted(&self) -> Vec<(&Reason, &Count)> {
        let mut all: Vec<_> = self.0.iter().collect();
        all.sort_by_cached_key(|(reason, count)| (u64::MAX - count.rows, reason.to_string()));
        all
    }

    /// Prints the problems with their columns, examples of rows, and how to fix them.
    pub fn print(&self, output: Output) -> io::Result<()> {
        let all = self.by_code();
        for code in all.iter().take(SHOWN) {
            let samples = output.faint(code.samples_shown());
            output.line(format_args!(
                "{:>9}  {}{samples}",
                format::number(code.times),
                code.shown()
            ))?;
            if let Some(fix) = code.fix {
                output.line(output.faint(format_args!("{:>9}  → {fix}", "")))?;
            }
        }
        if let Some(more) = all.len().checked_sub(SHOWN).filter(|more| *more > 0) {
            output.line(output.faint(format_args!(
                "{:>9}  and {}",
                "…",
                format::counted(more as u64, "more problem")
            )))?;
        }
        Ok(())
    }

    /// Groups the problems by code, because the same problem in several columns has the same fix.
    fn by_code(&self) -> Vec<Code> {
        let mut codes: Vec<Code> = Vec::new();
        for (reason, count) in self.sorted() {
            let (text, column, fix) = match reason {
                Reason::Problem(p) => {
                    (p.problem.text().to_owned(), Some(p.column.to_string()), Some(p.problem.fix()))
                }
                Reason::Other(text) => (text.clone(), None, None),
            };
            let index = codes.iter().position(|code| code.text == text).unwrap_or_else(|| {
                codes.push(Code { text, fix, ..Code::default() });
                codes.len() - 1
            });
            let code = &mut codes[index];
            code.times += count.rows;
            code.columns.extend(column.map(|column| (column, count.rows)));
            code.samples.extend(&count.samples);
        }
        for code in &mut codes {
            code.samples.sort_unstable();
            code.samples.dedup();
            code.samples.truncate(SAMPLES);
        }
        codes.sort_by(|a, b| b.times.cmp(&a.times).then_with(|| a.text.cmp(&b.text)));
        codes
    }
}

/// One code, with all columns that have it.
#[derive(Debug, Default)]
struct Code {
    text: String,
    fix: Option<&'static str>,
    times: u64,
    /// Columns with their number of rows, most frequent first.
    columns: Vec<(String, u64)>,
    samples: Vec<u32>,
}

impl Code {
    fn shown(&self) -> String {
        match self.columns.as_slice() {
            [] => self.text.clone(),
            [(column, _)] => format!("{column}: {}", self.text),
            columns => {
                let each: Vec<String> = columns
                    .iter()
                    .take(COLUMNS)
                    .map(|(name, times)| format!("{name} {}", format::number(*times)))
                    .collect();
                let more = match columns.len().saturating_sub(COLUMNS) {
                    0 => String::new(),
                    more => format!(" and {}", format::counted(more as u64, "more column")),
                };
                format!("{}: {}{more}", self.text, each.join(", "))
            }
        }
    }

    fn samples_shown(&self) -> String {
        if self.samples.is_empty() {
            return String::new();
        }
        let rows: Vec<String> =
            self.samples.iter().map(|row| format::number(u64::from(*row))).collect();
        let noun = if self.times == 1 { "row" } else { "rows" };
        let more = if self.times > rows.len() as u64 { ", …" } else { "" };
        format!("   {noun} {}{more}", rows.join(", "))
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Problem(problem) => problem.fmt(f),
            Self::Other(text) => f.write_str(text),
        }
    }
}

impl Serialize for ProblemCounts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Entry<'a> {
            problem: String,
            #[serde(skip_serializing_if = "Option::is_none")]
            fix: Option<&'static str>,
            #[serde(flatten)]
            count: &'a Count,
        }
        serializer.collect_seq(self.sorted().into_iter().map(|(reason, count)| Entry {
            problem: reason.to_string(),
            fix: match reason {
                Reason::Problem(problem) => Some(problem.problem.fix()),
                Reason::Other(_) => None,
            },
            count,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_with_several_problems_counts_for_each() {
        let mut counts = ProblemCounts::default();
        counts.add_text("dob: no such day; zip: missing");
        counts.add_text("zip: missing");
        counts.add_text("canceled");
        let shown: Vec<_> =
            counts.sorted().into_iter().map(|(r, c)| format!("{} {r}", c.rows)).collect();
        assert_eq!(shown, ["2 zip: missing", "1 canceled", "1 dob: no such day"]);
    }

    #[test]
    fn memory_is_bounded_whatever_the_reasons_are() {
        let mut counts = ProblemCounts::default();
        for number in 0..KINDS * 2 {
            counts.add_text(&format!("strange {number}"));
        }
        assert_eq!(counts.0.len(), KINDS);
    }
}
