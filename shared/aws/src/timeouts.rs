//! How long each program waits for AWS: one table, because a function that waits for longer than
//! Lambda lets it run never gets to handle the failure.
//!
//! Lambda freezes a function between two invocations, and a connection that was kept alive may be
//! dead when the function runs again ([Lambda execution environment lifecycle]). Nothing answers on
//! such a connection, so that the first call after a freeze can cost one `read` timeout. Every
//! `read` is therefore a small part of the function's own timeout, and [`crate::http_client`] sees
//! to it that the next attempt gets a new connection.
//!
//! [Lambda execution environment lifecycle]:
//! https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html

use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::timeout::TimeoutConfig;

/// Time in which the API function answers any request, besides [`RECORD_WITHIN`]. Lambda ends the
/// function after 20 seconds (`Timeout` of `Api` in template.yaml), and API Gateway would answer
/// the caller in its place. Three seconds are left for a slow start of the handler and for the
/// answer itself.
pub const ANSWER_WITHIN: Duration = Duration::from_secs(12);

/// Time in which the API function has to store the event that a request has ended.
pub const RECORD_WITHIN: Duration = Duration::from_secs(5);

/// A program that calls AWS: a function, named as in template.yaml, or `bulk-admin`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "each variant is the name of a program")]
pub enum Program {
    Api,
    FanOut,
    ImportRows,
    QueryDocuments,
    Finalize,
    UndoChunk,
    DeliverWebhook,
    Abandon,
    Sweep,
    BulkAdmin,
}

/// How long the calls of a program may take.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Timeouts {
    /// The longest time for a TCP connection and its TLS handshake.
    pub connect: Duration,
    /// The longest time from the beginning of a request to the first byte of its response. The body
    /// of a response may pause for as long.
    pub read: Duration,
    /// The longest time for one attempt of a call, with its whole response unless that is a stream.
    pub attempt: Duration,
    /// The number of attempts of one call.
    pub attempts: u32,
    /// The longest pause before the second attempt. It doubles with each further attempt, and the
    /// SDK waits for a random part of it.
    pub first_pause: Duration,
}

impl Program {
    /// Returns how long the program waits for a call and each part of it.
    pub const fn timeouts(self) -> Timeouts {
        let seconds = Duration::from_secs;
        match self {
            // Three attempts fit into `ANSWER_WITHIN`. The pauses are short, because a caller
            // waits. A call that is throttled for longer is answered 503, so that the caller
            // decides about a retry.
            Self::Api => Timeouts {
                connect: seconds(2),
                read: seconds(3),
                attempt: Duration::from_millis(3500),
                attempts: 3,
                first_pause: Duration::from_millis(250),
            },
            // 15 minutes. An attempt may have to send a plan of 100,000 rows: some megabytes.
            Self::FanOut => Timeouts {
                connect: seconds(4),
                read: seconds(10),
                attempt: seconds(30),
                attempts: 6,
                first_pause: seconds(1),
            },
            // Two minutes. The calls are small, and a new table throttles for seconds while it
            // scales: six attempts bridge up to 31 s of that, and after that the message is
            // received again.
            Self::ImportRows | Self::UndoChunk => Timeouts {
                connect: seconds(3),
                read: seconds(5),
                attempt: seconds(8),
                attempts: 6,
                first_pause: seconds(1),
            },
            // Four minutes, of which two searches or one content take up to three. The rest is for
            // storing what was found. The completion of a multipart upload may take longer than
            // another call of S3.
            Self::QueryDocuments => Timeouts {
                connect: seconds(3),
                read: seconds(5),
                attempt: seconds(12),
                attempts: 4,
                first_pause: seconds(1),
            },
            // 15 minutes. S3 answers the completion of a multipart upload at once, but may take
            // minutes to send the end of the response (CompleteMultipartUpload in Amazon S3's API
            // reference).
            Self::Finalize => Timeouts {
                connect: seconds(4),
                read: seconds(10),
                attempt: seconds(150),
                attempts: 4,
                first_pause: seconds(1),
            },
            // A minute, of which the customer's server takes up to 40 s for ten webhooks of one
            // job.
            Self::DeliverWebhook => Timeouts {
                connect: seconds(2),
                read: seconds(3),
                attempt: seconds(4),
                attempts: 3,
                first_pause: Duration::from_millis(500),
            },
            // Two and a half minutes. The function imports a chunk, as ImportRows does, or abandons
            // work with a few calls.
            Self::Abandon => Timeouts {
                connect: seconds(3),
                read: seconds(4),
                attempt: seconds(6),
                attempts: 4,
                first_pause: seconds(1),
            },
            // Five minutes. Looks at jobs begin in the first minute only, 50 at the same time, and
            // a call that hangs must not keep the others waiting for long. The next run, a minute
            // later, looks again at the jobs that failed.
            Self::Sweep => Timeouts {
                connect: seconds(3),
                read: seconds(5),
                attempt: seconds(8),
                attempts: 3,
                first_pause: seconds(1),
            },
            // An operator waits, perhaps on a slow line.
            Self::BulkAdmin => Timeouts {
                connect: seconds(10),
                read: seconds(20),
                attempt: seconds(25),
                attempts: 3,
                first_pause: seconds(1),
            },
        }
    }
}

impl Timeouts {
    /// Returns the longest time that one call takes: all attempts, and the pauses between them.
    pub fn longest_call(self) -> Duration {
        let pauses = (1..self.attempts).map(|retry| self.first_pause * (1 << (retry - 1)));
        self.attempt * self.attempts + pauses.sum::<Duration>()
    }

    /// Sets these times for all clients that are made from the configuration.
    pub(crate) fn apply(self, config: SdkConfig) -> SdkConfig {
        config
            .into_builder()
            .retry_config(
                RetryConfig::standard()
                    .with_max_attempts(self.attempts)
                    .with_initial_backoff(self.first_pause),
            )
            .timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(self.connect)
                    .read_timeout(self.read)
                    .operation_attempt_timeout(self.attempt)
                    // A service may ask for longer pauses than the SDK chooses itself.
                    .operation_timeout(self.longest_call())
                    .build(),
            )
            // The timeout of an attempt does not include the body of a response that is read as a
            // stream.
            .stalled_stream_protection(
                StalledStreamProtectionConfig::enabled().grace_period(self.read).build(),
            )
            .build()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use bulk_domain::person::deletion::ATTEMPT_ENDS;
    use std::collections::BTreeMap;

    use yaml_rust2::{Yaml, YamlLoader};

    use super::*;

    pub(crate) const FUNCTIONS: [Program; 9] = [
        Program::Api,
        Program::FanOut,
        Program::ImportRows,
        Program::QueryDocuments,
        Program::Finalize,
        Program::UndoChunk,
        Program::DeliverWebhook,
        Program::Abandon,
        Program::Sweep,
    ];

    pub(crate) fn template() -> Yaml {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../template.yaml");
        YamlLoader::load_from_str(&std::fs::read_to_string(path).unwrap()).unwrap().remove(0)
    }

    /// The `Timeout` of each function in template.yaml.
    fn lambda_timeouts() -> BTreeMap<String, Duration> {
        let template = template();
        let resources = template["Resources"].as_hash().unwrap();
        resources
            .iter()
            .filter(|(_, resource)| resource["Type"].as_str() == Some("AWS::Serverless::Function"))
            .map(|(name, function)| {
                let seconds = function["Properties"]["Timeout"].as_i64().unwrap();
                (
                    name.as_str().unwrap().to_owned(),
                    Duration::from_secs(seconds.try_into().unwrap()),
                )
            })
            .collect()
    }

    #[test]
    fn one_call_never_takes_as_long_as_lambda_lets_its_function_run() {
        let lambda = lambda_timeouts();
        let names: Vec<_> = FUNCTIONS.iter().map(|function| format!("{function:?}")).collect();
        assert_eq!(lambda.len(), names.len(), "template.yaml has {lambda:?}");
        for (function, name) in FUNCTIONS.into_iter().zip(names) {
            let (longest, limit) = (function.timeouts().longest_call(), lambda[&name]);
            assert!(longest <= limit * 4 / 5, "{name}: {longest:?} of {limit:?}");
        }
    }

    #[test]
    fn an_attempt_at_a_chunk_ends_before_deletions_count_on_it() {
        let lambda = lambda_timeouts();
        for function in ["ImportRows", "Abandon"] {
            // 10 s for clocks that differ and for a request on its way.
            assert!(lambda[function] + Duration::from_secs(10) < ATTEMPT_ENDS, "{function}");
        }
    }

    #[test]
    fn a_connection_that_died_in_a_freeze_costs_a_fraction_of_the_function_s_time() {
        for (name, limit) in lambda_timeouts() {
            let function =
                FUNCTIONS.into_iter().find(|function| format!("{function:?}") == name).unwrap();
            let Timeouts { connect, read, attempt, .. } = function.timeouts();
            assert!(read <= limit / 5, "{name}");
            assert!(connect <= read && read <= attempt, "{name}");
        }
    }

    #[test]
    fn the_api_answers_before_lambda_ends_it_and_after_its_longest_call() {
        assert!(Program::Api.timeouts().longest_call() < ANSWER_WITHIN);
        let seconds = Duration::from_secs;
        assert!(ANSWER_WITHIN + RECORD_WITHIN + seconds(2) < lambda_timeouts()["Api"]);
        assert!(Program::Api.timeouts().attempt < RECORD_WITHIN);
    }

    #[test]
    fn the_longest_call_has_all_attempts_and_the_pauses_between_them() {
        let second = Duration::from_secs(1);
        let timeouts = Timeouts {
            connect: second,
            read: second,
            attempt: second * 8,
            attempts: 6,
            first_pause: second,
        };
        assert_eq!(timeouts.longest_call(), second * (6 * 8 + 1 + 2 + 4 + 8 + 16));
        assert_eq!(Timeouts { attempts: 1, ..timeouts }.longest_call(), second * 8);
    }
}
