//! `bulk listen`: a webhook receiver for integrators. It prints each message, checks both
//! signatures, and answers as its options say.

mod message;

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use bulk_domain::webhook::WebhookKey;
use bulk_terminal::{Exit, Failure, Output};
use clap::Args;
use tokio::net::TcpListener;
use tokio::sync::Notify;

use crate::context::{Context, now};
use message::Message;

#[derive(Clone, Debug, Args)]
#[command(after_help = HELP)]
pub struct Listen {
    /// Port to listen on; 0 for any that is free
    #[arg(long, default_value_t = 8787)]
    port: u16,
    /// Address to listen on
    #[arg(long, default_value = "127.0.0.1")]
    host: IpAddr,
    /// HTTP status to answer with, to see when the service retries
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u16).range(200..600))]
    status: u16,
    /// Seconds that the answer asks for by `Retry-After`
    #[arg(long, value_name = "SECONDS")]
    retry_after: Option<u64>,
    /// Seconds to wait before answering; the service times out after 4
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    delay: u64,
    /// Environment variable with the webhook key
    #[arg(long, value_name = "NAME", default_value = "WEBHOOK_KEY")]
    key_env: String,
    /// File with the webhook key. It is read for each message, because the key is known only after
    /// the URL is set
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// Exit after this many messages; pings do not count
    #[arg(long)]
    count: Option<u64>,
    /// Print download links in full. A link gives access to the result for 3 minutes
    #[arg(long)]
    links: bool,
}

const HELP: &str = "\
A deployed stack posts to public https addresses only, so put a tunnel in front of this receiver. A stack on this
machine (make up) accepts http://127.0.0.1:8787. The command exits on Ctrl-C or after --count messages, with status 1
if a signature was wrong.";

#[derive(Debug)]
struct Listener {
    output: Output,
    options: Listen,
    seen: Mutex<Seen>,
    done: Notify,
}

#[derive(Debug, Default)]
struct Seen {
    messages: u64,
    forged: u64,
    /// How often each message was received, by message id.
    times: HashMap<String, u32>,
}

impl Listen {
    pub async fn run(self, context: &Context) -> anyhow::Result<Exit> {
        let listener = TcpListener::bind((self.host, self.port)).await.map_err(|error| {
            Failure::new(format!("cannot listen on {}:{}: {error}", self.host, self.port))
                .next("give another --port; 0 takes any that is free")
        })?;
        let (address, output) = (listener.local_addr()?, context.output);
        output.note(format_args!("Listening on http://{address}/, answering {}.", self.status));
        let shared = Arc::new(Listener {
            output,
            options: self,
            seen: Mutex::default(),
            done: Notify::new(),
        });
        let router = Router::new()
            .route("/", post(receive))
            .route("/{*path}", post(receive))
            .with_state(Arc::clone(&shared));
        let ended = Arc::clone(&shared);
        let end = async move {
            tokio::select! {
                () = ended.done.notified() => {}
                // If the signal handler cannot be set, Ctrl-C ends the process anyway.
                Ok(()) = tokio::signal::ctrl_c() => {}
            }
        };
        axum::serve(listener, router).with_graceful_shutdown(end).await?;
        match shared.seen.lock().unwrap_or_else(PoisonError::into_inner).forged {
            0 => Ok(Exit::Done),
            forged => Err(Failure::new(format!("messages with a wrong signature: {forged}"))
                .next("compare the key with webhookKey of GET /settings")
                .into()),
        }
    }

    /// Returns the key, if it is known yet.
    fn key(&self) -> Option<WebhookKey> {
        let text = match &self.key_file {
            Some(file) => std::fs::read_to_string(file).ok(),
            None => std::env::var(&self.key_env).ok(),
        };
        let text = text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        text.map(WebhookKey::from_stored)
    }
}

async fn receive(
    State(listener): State<Arc<Listener>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let options = &listener.options;
    let mut message = Message::read(&headers, &body, options.key().as_ref(), now());
    message.answered = options.status;
    let (repeat, is_last) = listener.note(&message);
    message.delivery = repeat;
    listener.print(&message);
    tokio::time::sleep(Duration::from_secs(options.delay)).await;
    if is_last {
        listener.done.notify_one();
    }
    let status = StatusCode::from_u16(options.status).unwrap_or(StatusCode::OK);
    let mut answer = match &message.ping {
        Some(ping) => (status, axum::Json(serde_json::json!({"pong": ping}))).into_response(),
        None => status.into_response(),
    };
    if let Some(seconds) = options.retry_after {
        answer.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    answer
}

impl Listener {
    /// Counts a message. Returns how often it was received, and whether it is the last one to wait
    /// for.
    fn note(&self, message: &Message) -> (u32, bool) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.forged += u64::from(message.is_forged());
        seen.messages += u64::from(message.ping.is_none());
        let is_last = message.ping.is_none() && Some(seen.messages) == self.options.count;
        let times = seen.times.entry(message.message_id.clone().unwrap_or_default()).or_default();
        *times += 1;
        (*times, is_last)
    }

    fn print(&self, message: &Message) {
        // Messages are answered even if standard output is closed.
        let _ = if self.output.json {
            self.output.value(message)
        } else {
            self.output.line(message.describe(self.options.links)).map_err(anyhow::Error::from)
        };
    }
}
