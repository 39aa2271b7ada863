//! What the functions log: our own events at the level that the template sets, those of libraries only from
//! `WARN` on. At lower levels the AWS SDK logs whole requests, and these hold patient data; no setting can
//! turn that on.

use std::str::FromStr as _;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::registry;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Crates of this project that run in a function.
const OURS: [&str; 8] =
    ["api", "aws", "deliver_webhook", "domain", "fan_out", "finalize", "import_rows", "pipeline"];

/// Starts logging to standard output, in the format and from the level that Lambda's logging configuration
/// names (`AWS_LAMBDA_LOG_FORMAT`, `AWS_LAMBDA_LOG_LEVEL`).
pub fn init() {
    let level = std::env::var("AWS_LAMBDA_LOG_LEVEL").ok();
    let filter = filter(level.as_deref());
    let lines = fmt::layer().with_ansi(false).with_target(false);
    // Lambda notes the time of a plain line, but not of a JSON one.
    let lines = match std::env::var("AWS_LAMBDA_LOG_FORMAT").as_deref() {
        Ok("JSON") => lines.json().flatten_event(true).boxed(),
        _ => lines.without_time().boxed(),
    };
    registry().with(lines.with_filter(filter)).init();
}

fn filter(level: Option<&str>) -> Targets {
    let level = level.and_then(|level| LevelFilter::from_str(level).ok()).unwrap_or(LevelFilter::INFO);
    Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        // Its spans carry the id of the invocation.
        .with_target("lambda_runtime", level.min(LevelFilter::INFO))
        .with_targets(OURS.map(|name| (name, level)))
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn no_level_makes_libraries_log_requests() {
        for level in [None, Some("TRACE"), Some("DEBUG"), Some("INFO")] {
            let filter = filter(level);
            for library in ["aws_sdk_dynamodb", "aws_smithy_runtime", "hyper_util", "lambda_http"] {
                assert!(!filter.would_enable(library, &Level::INFO), "{library} at {level:?}");
                assert!(filter.would_enable(library, &Level::WARN));
            }
            assert!(!filter.would_enable("lambda_runtime", &Level::DEBUG));
        }
    }

    #[test]
    fn our_own_events_follow_the_level() {
        assert!(filter(Some("DEBUG")).would_enable("pipeline::fan_out", &Level::DEBUG));
        assert!(!filter(Some("WARN")).would_enable("pipeline::fan_out", &Level::INFO));
        assert!(filter(None).would_enable("import_rows", &Level::INFO));
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
