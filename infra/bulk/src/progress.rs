//! Progress: a bar on a terminal, a line every 10 seconds elsewhere, nothing with `--quiet`.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bulk_terminal::Output;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use crate::format;

/// Time between two lines if there is no bar, so that the log of an hour's import stays readable.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// What a progress counts, which decides how its numbers are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unit {
    Bytes,
    Rows,
    Patients,
}

/// The progress of one step of a command.
#[derive(Debug)]
pub struct Progress {
    label: &'static str,
    unit: Unit,
    total: u64,
    bar: Option<ProgressBar>,
    output: Output,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Time and position at the beginning, for the estimated speed.
    began: (Instant, u64),
    /// Time of the last printed line.
    line_at: Instant,
    done: u64,
}

impl Progress {
    /// Shows a new progress at `done` of `total`.
    pub fn new(label: &'static str, unit: Unit, done: u64, total: u64, output: Output) -> Self {
        let began = (Instant::now(), done);
        // The text is derived from the position that is drawn, so that bar and text always agree.
        let words = move |state: &ProgressState, line: &mut dyn fmt::Write| {
            let moved = state.pos().saturating_sub(began.1);
            let _ = line.write_str(&describe(unit, state.pos(), total, moved, began.0.elapsed()));
        };
        let bar = output.has_bars().then(|| {
            let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
            if let Ok(style) =
                ProgressStyle::with_template("{prefix:<9} {bar:28} {percent:>3}%  {words}")
            {
                bar.set_style(style.progress_chars("█▌░").with_key("words", words));
            }
            bar.set_prefix(label);
            bar
        });
        let state = Mutex::new(State { began, line_at: began.0, done });
        let progress = Self { label, unit, total, bar, output, state };
        progress.set(done);
        progress
    }

    /// Sets the position. A line is printed only if the last one is old enough.
    pub fn set(&self, done: u64) {
        let mut state = self.state();
        state.done = done;
        let now = Instant::now();
        if let Some(bar) = &self.bar {
            bar.set_position(done);
        } else if !self.output.is_quiet() && now - state.line_at >= LINE_EVERY {
            state.line_at = now;
            self.print(&self.describe(&state, now));
        }
    }

    pub fn finish(&self) {
        self.set(self.total);
        match &self.bar {
            Some(bar) => bar.finish(),
            None if !self.output.is_quiet() => {
                self.print(&self.describe(&self.state(), Instant::now()));
            }
            None => {}
        }
    }

    /// Leaves the bar as it is, because the step failed.
    pub fn abandon(&self) {
        if let Some(bar) = &self.bar {
            bar.abandon();
        }
    }

    /// Prints a note without damaging the bar.
    pub fn note(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| self.output.note(text)),
            None => self.output.note(text),
        }
    }

    fn print(&self, text: &str) {
        self.output.note(format_args!("{:<9} {text}", self.label));
    }

    fn describe(&self, state: &State, now: Instant) -> String {
        let (since, from) = state.began;
        describe(self.unit, state.done, self.total, state.done.saturating_sub(from), now - since)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A number stays valid if its holder panicked.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns a line such as `11,500 of 20,000 rows, 480 rows/s, 18 s left`. The speed is `moved`
/// within `time`.
fn describe(unit: Unit, done: u64, total: u64, moved: u64, time: Duration) -> String {
    let show = |value| match unit {
        Unit::Bytes => format::bytes(value),
        Unit::Rows | Unit::Patients => format::number(value),
    };
    let noun = match unit {
        Unit::Bytes => "",
        Unit::Rows => " rows",
        Unit::Patients => " patients",
    };
    let mut parts = vec![format!("{} of {}{noun}", show(done), show(total))];
    if let Some(speed) = format::per_second(moved, time).filter(|speed| *speed > 0) {
        parts.push(format!("{}{noun}/s", show(speed)));
        if done < total {
            parts.push(format!("{} left", format::about((total - done).div_ceil(speed))));
        }
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_tells_how_far_how_fast_and_how_long() {
        assert_eq!(
            describe(Unit::Rows, 11_500, 20_000, 11_500, Duration::from_secs(23)),
            "11,500 of 20,000 rows, 500 rows/s, 17 s left"
        );
        assert_eq!(
            describe(Unit::Bytes, 4_912_345, 4_912_345, 4_912_345, Duration::from_secs(2)),
            "4.91 MB of 4.91 MB, 2.46 MB/s"
        );
    }

    #[test]
    fn speed_counts_only_what_was_seen_to_move() {
        assert_eq!(
            describe(Unit::Rows, 15_000, 20_000, 1_000, Duration::from_secs(10)),
            "15,000 of 20,000 rows, 100 rows/s, 50 s left"
        );
        assert_eq!(describe(Unit::Rows, 0, 20_000, 0, Duration::from_secs(10)), "0 of 20,000 rows");
    }
}
