//! The audit trail in a log group of CloudWatch Logs: one stream, to which all functions and
//! `bulk-admin` add events.
//!
//! One stream is enough, because `PutLogEvents` needs no sequence tokens any more and has no limit
//! for each stream ([API reference]). The stream is a resource of the template, so that no function
//! needs the right to create one.
//!
//! [API reference]:
//! https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html

use aws_sdk_cloudwatchlogs::Client;
use aws_sdk_cloudwatchlogs::types::InputLogEvent;
use bulk_domain::audit::{Action, AuditEvent};
use bulk_domain::time::Timestamp;
use bulk_pipeline::ports::{AuditTrail, PortError, PortResult};

use crate::error::{failed, malformed};

const PUT: &str = "logs.PutLogEvents";
const FILTER: &str = "logs.FilterLogEvents";

/// The stream of the audit trail, as template.yaml names it.
const STREAM: &str = "events";

/// The log group of the audit trail.
#[derive(Clone, Debug)]
pub struct AuditLog {
    client: Client,
    group: String,
}

/// An event that was read, with its text as it was stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredAuditEvent {
    /// The event, read from `text`.
    pub event: AuditEvent,
    /// One line of JSON.
    pub text: String,
}

impl AuditLog {
    /// Returns the log group of this name.
    pub fn new(client: Client, group: String) -> Self {
        Self { client, group }
    }

    /// Calls `each` with the events from `since` on that contain all these texts, oldest first.
    /// CloudWatch Logs shows an event a few seconds after it was added. Only operators may read.
    ///
    /// # Errors
    ///
    /// A call failed, or a stored event is none that this program knows.
    pub async fn read(
        &self,
        since: Timestamp,
        texts: &[String],
        each: impl FnMut(StoredAuditEvent),
    ) -> PortResult<()> {
        // Quoted terms have to be in the event, all of them ("Filter pattern syntax").
        let pattern: Vec<String> = texts.iter().map(|text| format!("\"{text}\"")).collect();
        self.read_matching(since, pattern.join(" "), each).await
    }

    /// Calls `each` with the events from `since` on that have one of these actions, oldest first,
    /// as [`AuditLog::read`] does. An emulator may return others, too.
    ///
    /// # Errors
    ///
    /// As [`AuditLog::read`].
    pub async fn read_actions(
        &self,
        since: Timestamp,
        actions: &[Action],
        each: impl FnMut(StoredAuditEvent),
    ) -> PortResult<()> {
        // An action is written as an object with one text.
        let condition = |action: &Action| {
            let action = serde_json::to_value(action).ok()?;
            let (kind, name) = action.as_object()?.iter().next()?;
            Some(format!("($.action.{kind} = {name})"))
        };
        let conditions: Option<Vec<String>> = actions.iter().map(condition).collect();
        let conditions = conditions.ok_or_else(|| malformed(FILTER, "action"))?;
        self.read_matching(since, format!("{{ {} }}", conditions.join(" || ")), each).await
    }

    async fn read_matching(
        &self,
        since: Timestamp,
        pattern: String,
        mut each: impl FnMut(StoredAuditEvent),
    ) -> PortResult<()> {
        let filter = self
            .client
            .filter_log_events()
            .log_group_name(&self.group)
            .log_stream_names(STREAM)
            .start_time(since.as_millis())
            .set_filter_pattern(Some(pattern).filter(|pattern| !pattern.is_empty()));
        let mut found = filter.into_paginator().send();
        while let Some(page) = found.next().await {
            for stored in page.map_err(failed(FILTER))?.events.unwrap_or_default() {
                let text = stored.message.unwrap_or_default();
                let event =
                    serde_json::from_str(&text).map_err(|_| malformed(FILTER, "audit event"))?;
                each(StoredAuditEvent { event, text });
            }
        }
        Ok(())
    }
}

impl AuditTrail for AuditLog {
    /// Every error is transient: work waits until its event can be stored.
    async fn record(&self, event: &AuditEvent) -> PortResult<()> {
        let refused =
            |code: &str| PortError { operation: PUT, code: code.to_owned(), transient: true };
        let text = serde_json::to_string(event).map_err(|_| refused("unwritable event"))?;
        let event = InputLogEvent::builder().timestamp(event.time.as_millis()).message(text);
        let put = self
            .client
            .put_log_events()
            .log_group_name(&self.group)
            .log_stream_name(STREAM)
            .log_events(event.build().map_err(|_| refused("incomplete event"))?);
        let answer = put.send().await.map_err(failed(PUT));
        let answer = answer.map_err(|error| PortError { transient: true, ..error })?;
        // An event that is too old or too new is rejected in an answer without an error.
        match answer.rejected_log_events_info {
            None => Ok(()),
            Some(_) => Err(refused("rejected event")),
        }
    }
}
