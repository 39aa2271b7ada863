//! What the functions log: our own events at the level that the template sets, those of libraries only from
//! `WARN` on. At lower levels the AWS SDK logs whole requests, and these hold patient data; no setting can
//! turn that on. A panic is logged with its place alone, because its text can hold a value, too.

use std::panic::PanicHookInfo;
use std::str::FromStr as _;

use tracing::level_filters::LevelFilter;
use tracing::{Level, error};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::fmt;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::registry;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Crates of this project that run in a function.
const OURS: [&str; 12] = [
    "abandon",
    "api",
    "aws",
    "deliver_webhook",
    "domain",
    "fan_out",
    "fhir",
    "finalize",
    "import_rows",
    "pipeline",
    "query_documents",
    "sweep",
];

/// Starts logging to standard output, in the format and from the level that Lambda's logging configuration
/// names (`AWS_LAMBDA_LOG_FORMAT`, `AWS_LAMBDA_LOG_LEVEL`). From then on a panic ends the process.
pub fn init() {
    let level = level_of(std::env::var("AWS_LAMBDA_LOG_LEVEL").ok().as_deref());
    let filter = filter_fn(move |event| is_logged(level, event.target(), *event.level()));
    let lines = fmt::layer().with_ansi(false).with_target(false);
    // Lambda notes the time of a plain line, but not of a JSON one.
    let lines = match std::env::var("AWS_LAMBDA_LOG_FORMAT").as_deref() {
        Ok("JSON") => lines.json().flatten_event(true).boxed(),
        _ => lines.without_time().boxed(),
    };
    registry().with(lines.with_filter(filter.with_max_level_hint(level))).init();
    std::panic::set_hook(Box::new(end_after_panic));
}

/// Logs where the panic is and ends the process, as the release profile does anyway (`panic = "abort"`). Where panics
/// unwind, `lambda_runtime` would catch this one and send its text to Lambda.
fn end_after_panic(panic: &PanicHookInfo<'_>) {
    if let Some(place) = panic.location() {
        let (file, line, column) = (place.file(), place.line(), place.column());
        error!(panic.file = file, panic.line = line, panic.column = column, "A panic ended the function");
    } else {
        error!("A panic ended the function");
    }
    std::process::abort();
}

fn level_of(name: Option<&str>) -> LevelFilter {
    name.and_then(|name| LevelFilter::from_str(name).ok()).unwrap_or(LevelFilter::INFO)
}

/// Whether an event of this target and level is logged. A target is a path that starts with the crate's
/// name: the whole name counts, or `aws` would be the beginning of the whole SDK.
fn is_logged(level: LevelFilter, target: &str, event: Level) -> bool {
    let name = target.split("::").next().unwrap_or_default();
    let most = match name {
        name if OURS.contains(&name) => level,
        // Its spans carry the id of the invocation.
        "lambda_runtime" => level.min(LevelFilter::INFO),
        _ => level.min(LevelFilter::WARN),
    };
    event <= most
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_level_makes_libraries_log_requests() {
        for level in [None, Some("TRACE"), Some("DEBUG"), Some("INFO")].map(level_of) {
            for library in ["aws_sdk_dynamodb::operation", "aws_smithy_runtime", "hyper_util", "lambda_http"]
            {
                assert!(!is_logged(level, library, Level::INFO), "{library} at {level:?}");
                assert!(is_logged(level, library, Level::WARN));
            }
            assert!(!is_logged(level, "lambda_runtime", Level::DEBUG));
        }
    }

    #[test]
    fn our_own_events_follow_the_level() {
        assert!(is_logged(level_of(Some("DEBUG")), "pipeline::fan_out", Level::DEBUG));
        assert!(!is_logged(level_of(Some("WARN")), "pipeline::fan_out", Level::INFO));
        assert!(is_logged(level_of(None), "import_rows", Level::INFO));
    }

    #[test]
    fn every_function_is_known_to_be_ours() {
        let folders = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../functions")).unwrap();
        for folder in folders {
            let name = folder.unwrap().file_name().into_string().unwrap().replace('-', "_");
            assert!(OURS.contains(&name.as_str()), "{name}");
        }
    }
}
