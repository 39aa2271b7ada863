//! The log of a function. The project's own events are logged at the level that the template sets,
//! and those of libraries only from `WARN` on. At lower levels the AWS SDK logs whole requests,
//! which hold patient data, and no setting can enable that. A panic is logged with its place alone,
//! because its text can hold a value, too.

use std::panic::PanicHookInfo;
use std::str::FromStr as _;

use tracing::error;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::registry;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::metrics::MetricsLayer;

/// With what the names of this project's crates begin.
const OURS: &str = "bulk_";

/// Starts the log on standard output, in the format and from the level of Lambda's logging
/// configuration (`AWS_LAMBDA_LOG_FORMAT`, `AWS_LAMBDA_LOG_LEVEL`), and the metrics with it if
/// there is a namespace for them (`METRICS_NAMESPACE`). From then on a panic ends the process.
pub fn init() {
    let level = level_of(std::env::var("AWS_LAMBDA_LOG_LEVEL").ok().as_deref());
    let lines = fmt::layer().with_ansi(false).with_target(false);
    // Lambda adds the time to a plain line, but not to a JSON one.
    let lines = match std::env::var("AWS_LAMBDA_LOG_FORMAT").as_deref() {
        Ok("JSON") => lines.json().flatten_event(true).boxed(),
        _ => lines.without_time().boxed(),
    };
    let namespace = std::env::var("METRICS_NAMESPACE").ok();
    // A level of the log that leaves events out does not make their metrics wrong.
    let metrics = MetricsLayer::new(namespace, std::io::stdout)
        .map(|metrics| metrics.with_filter(targets(LevelFilter::INFO)));
    registry().with(lines.with_filter(targets(level))).with(metrics).init();
    std::panic::set_hook(Box::new(end_after_panic));
}

/// Logs where the panic is and ends the process, as the release profile does anyway (`panic =
/// "abort"`). In a build in which panics unwind, `lambda_runtime` would catch this one and send its
/// text to Lambda.
fn end_after_panic(panic: &PanicHookInfo<'_>) {
    if let Some(place) = panic.location() {
        let (file, line, column) = (place.file(), place.line(), place.column());
        error!(
            panic.file = file,
            panic.line = line,
            panic.column = column,
            "A panic ended the function"
        );
    } else {
        error!("A panic ended the function");
    }
    std::process::abort();
}

fn level_of(name: Option<&str>) -> LevelFilter {
    name.and_then(|name| LevelFilter::from_str(name).ok()).unwrap_or(LevelFilter::INFO)
}

/// Returns the levels of the project's crates and of all others.
fn targets(level: LevelFilter) -> Targets {
    let libraries = level.min(LevelFilter::WARN);
    Targets::new()
        .with_default(libraries)
        .with_target(OURS, level)
        // The spans of the runtime carry the id of the invocation.
        .with_target("lambda_runtime", level.min(LevelFilter::INFO))
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn no_level_makes_libraries_log_requests() {
        for level in [None, Some("TRACE"), Some("DEBUG"), Some("INFO")].map(level_of) {
            for library in
                ["aws_sdk_dynamodb::operation", "aws_smithy_runtime", "hyper_util", "lambda_http"]
            {
                assert!(
                    !targets(level).would_enable(library, &Level::INFO),
                    "{library} at {level:?}"
                );
                assert!(targets(level).would_enable(library, &Level::WARN));
            }
            assert!(!targets(level).would_enable("lambda_runtime", &Level::DEBUG));
        }
    }

    #[test]
    fn our_own_events_follow_the_level() {
        assert!(
            targets(level_of(Some("DEBUG"))).would_enable("bulk_pipeline::fan_out", &Level::DEBUG)
        );
        assert!(
            !targets(level_of(Some("WARN"))).would_enable("bulk_pipeline::fan_out", &Level::INFO)
        );
        assert!(targets(level_of(None)).would_enable("bulk_import_rows", &Level::INFO));
    }

    #[test]
    fn the_crates_of_all_functions_are_ours() {
        let folders =
            std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../functions")).unwrap();
        for folder in folders {
            let manifest =
                std::fs::read_to_string(folder.unwrap().path().join("Cargo.toml")).unwrap();
            assert!(manifest.contains("name = \"bulk-"), "{manifest}");
        }
    }
}
