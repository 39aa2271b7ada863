//! The metrics of a function, which it writes to its log in CloudWatch's [embedded metric format].
//! CloudWatch Logs reads them from there, so that a metric takes no call and no right.
//!
//! An event of the log that has a field `metric.NAME` also counts for the metric `NAME`, and every
//! event of the level ERROR counts for `ErrorsLogged`. The metrics have no dimensions: their
//! namespace is the stack, and an alarm watches one without a sum.
//!
//! [embedded metric format]: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html

use std::io::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value, json};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Context, Layer};

/// With what the field of an event begins that has the value of a metric.
const METRIC: &str = "metric.";

const ERRORS: &str = "ErrorsLogged";

/// The metrics that have a unit of their own. All others are counts.
const UNITS: [(&str, &str); 1] = [("ImportSeconds", "Seconds")];

/// Writes the metrics of each event as one line of JSON.
pub(crate) struct MetricsLayer<W> {
    namespace: String,
    out: W,
}

impl<W> MetricsLayer<W> {
    /// `None` without a namespace: a stack without alarms has no metrics, either.
    pub(crate) fn new(namespace: Option<String>, out: W) -> Option<Self> {
        let namespace = namespace.filter(|namespace| !namespace.is_empty())?;
        Some(Self { namespace, out })
    }
}

impl<S: Subscriber, W: for<'a> MakeWriter<'a> + 'static> Layer<S> for MetricsLayer<W> {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut values = Values::default();
        event.record(&mut values);
        if *event.metadata().level() == Level::ERROR {
            values.0.insert(ERRORS.to_owned(), 1.into());
        }
        if !values.0.is_empty() {
            let line = format!("{}\n", document(&self.namespace, values.0, SystemTime::now()));
            // If standard output is closed, there is no place to say so.
            let _ = self.out.make_writer().write_all(line.as_bytes());
        }
    }
}

/// Returns a document of the embedded metric format.
fn document(namespace: &str, values: Map<String, Value>, now: SystemTime) -> Value {
    let metrics: Vec<Value> =
        values.keys().map(|name| json!({"Name": name, "Unit": unit(name)})).collect();
    let ms = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
    let directive = json!({"Namespace": namespace, "Dimensions": [[]], "Metrics": metrics});
    let mut document = values;
    let about = json!({"Timestamp": ms, "CloudWatchMetrics": [directive]});
    document.insert("_aws".to_owned(), about);
    Value::Object(document)
}

fn unit(metric: &str) -> &'static str {
    UNITS.iter().find(|(name, _)| *name == metric).map_or("Count", |(_, unit)| unit)
}

/// The values of the metrics of an event, by their names.
#[derive(Default)]
struct Values(Map<String, Value>);

impl Values {
    fn add(&mut self, field: &Field, value: impl Into<Value>) {
        if let Some(name) = field.name().strip_prefix(METRIC) {
            self.0.insert(name.to_owned(), value.into());
        }
    }
}

impl Visit for Values {
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field, value);
    }

    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use tracing::{error, info, subscriber};
    use tracing_subscriber::layer::SubscriberExt as _;
    use tracing_subscriber::registry;

    use super::*;

    /// The bytes that the layer has written so far.
    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Returns the documents that the layer writes while `log` runs.
    fn written(namespace: &str, log: impl FnOnce()) -> Vec<Value> {
        let written = Written::default();
        let out = written.clone();
        let layer = MetricsLayer::new(Some(namespace.to_owned()), move || out.clone());
        subscriber::with_default(registry().with(layer), log);
        let bytes = written.0.lock().unwrap();
        let lines = std::str::from_utf8(&bytes).unwrap().lines();
        lines.map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn the_metrics_of_an_event_are_one_document_with_their_units() {
        let before = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
        let documents = written("stack", || {
            let (rows, seconds) = (3_u32, 1.5);
            info!(metric.RowsFailed = rows, metric.ImportSeconds = seconds, rows = 4, "Handled");
        });
        let [document] = documents.as_slice() else { panic!("{documents:?}") };
        assert!(u128::from(document["_aws"]["Timestamp"].as_u64().unwrap()) >= before);
        assert_eq!(
            document["_aws"]["CloudWatchMetrics"],
            json!([{"Namespace": "stack", "Dimensions": [[]], "Metrics": [
                {"Name": "ImportSeconds", "Unit": "Seconds"}, {"Name": "RowsFailed", "Unit": "Count"}]}])
        );
        assert_eq!((&document["RowsFailed"], &document["ImportSeconds"]), (&json!(3), &json!(1.5)));
        assert_eq!(document.as_object().unwrap().len(), 3, "no other field of the event is copied");
    }

    #[test]
    fn an_error_counts_for_the_errors_of_the_stack() {
        let documents = written("stack", || error!(metric.WorkAbandoned = 1, "Work abandoned"));
        assert_eq!(documents[0][ERRORS], 1);
        assert_eq!(documents[0]["WorkAbandoned"], 1);
    }

    #[test]
    fn other_events_write_nothing() {
        assert_eq!(written("stack", || info!(rows = 3, "Handled")), [Value::Null; 0]);
        assert_eq!(written("", || error!("Not handled")), [Value::Null; 0]);
    }
}
