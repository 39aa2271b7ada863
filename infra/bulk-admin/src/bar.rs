//! The count of what a command has done: a line that is redrawn on a terminal, and nothing
//! elsewhere.

use std::time::Duration;

use bulk_terminal::Output;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How often the line is redrawn while nothing is counted.
const TICK: Duration = Duration::from_millis(120);

/// The line with the count, if it is drawn.
pub struct Bar(Option<ProgressBar>);

impl Bar {
    /// Draws a line for what has this name, on a terminal.
    pub fn new(name: &'static str, output: Output) -> Self {
        Self(output.has_bars().then(|| {
            let bar = ProgressBar::new_spinner();
            bar.set_draw_target(ProgressDrawTarget::stderr());
            // Without a style of its own, a line without an end shows no count.
            if let Ok(style) = ProgressStyle::with_template("{spinner} {human_pos} {msg}") {
                bar.set_style(style);
            }
            bar.set_message(name);
            bar.enable_steady_tick(TICK);
            bar
        }))
    }

    /// Redraws the line with this count.
    pub fn tell(&self, done: u64) {
        if let Some(bar) = &self.0 {
            bar.set_position(done);
        }
    }

    /// Removes the line from the terminal.
    pub fn end(self) {
        if let Some(bar) = self.0 {
            bar.finish_and_clear();
        }
    }
}
