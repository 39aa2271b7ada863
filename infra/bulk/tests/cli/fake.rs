//! A service that does what a test says, and remembers what it was asked.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};

/// The customer's key. It must be seen in no output and by no storage.
pub const KEY: &str = "bpi_canary-key";

/// Stands in every signed link. It must be seen in no output.
pub const SIGNATURE: &str = "canary-signature";

/// The n-th import that a fake made.
pub fn id(number: u32) -> String {
    format!("01998c4e-0000-7000-8000-{number:012}")
}

pub const FACILITY: &str = "01998c4e-0000-7000-8000-00000000f001";

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Asked {
    pub method: Method,
    pub path: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// What a fake answers next.
#[derive(Clone, Debug)]
pub enum Answer {
    Status(u16),
    Json(u16, Value),
    Text(String),
}

#[derive(Default)]
struct Script {
    /// Answers by `METHOD path`, each given once, the last one for ever.
    answers: HashMap<String, VecDeque<Answer>>,
    asked: Vec<Asked>,
    made: u32,
    by_idempotency_key: HashMap<String, u32>,
}

/// The service, on a loopback port of its own; it ends with the test.
pub struct Fake {
    pub url: String,
    script: Arc<Mutex<Script>>,
    _runtime: tokio::runtime::Runtime,
}

#[derive(Clone)]
struct Shared {
    url: String,
    script: Arc<Mutex<Script>>,
}

impl Fake {
    pub fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let script = Arc::<Mutex<Script>>::default();
        let shared = Shared { url: origin.clone(), script: Arc::clone(&script) };
        let router = Router::new().fallback(answer).with_state(shared);
        runtime.spawn(async { axum::serve(listener, router).await });
        // Deployed services have a stage in their path.
        Self { url: format!("{origin}/live"), script, _runtime: runtime }
    }

    /// Has the fake give these answers, one after the other, and the last one for ever.
    pub fn answers(&self, what: &str, answers: impl IntoIterator<Item = Answer>) {
        self.script.lock().unwrap().answers.insert(what.to_owned(), answers.into_iter().collect());
    }

    /// Has the n-th import go through these states.
    pub fn job(&self, number: u32, states: impl IntoIterator<Item = Value>) {
        let states: Vec<Answer> =
            states.into_iter().map(|state| Answer::Json(200, with(job(number), state))).collect();
        self.answers(&format!("GET {JOBS}/{}", id(number)), states);
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.script.lock().unwrap().asked.clone()
    }

    pub fn clear_requests(&self) {
        self.script.lock().unwrap().asked.clear();
    }

    /// The requests of one kind.
    pub fn asked_for(&self, method: &Method, path: &str) -> Vec<Asked> {
        self.asked()
            .into_iter()
            .filter(|asked| asked.method == method && asked.path.starts_with(path))
            .collect()
    }

    /// A link that is signed.
    pub fn link(&self, name: &str) -> String {
        format!("{}/storage/{name}?X-Amz-Signature={SIGNATURE}", self.url.trim_end_matches("/live"))
    }
}

pub const JOBS: &str = "/live/medical/v1/patient/bulk";

/// An import that waits for its file.
pub fn job(number: u32) -> Value {
    json!({
        "requestId": id(number), "facilityId": FACILITY, "status": "waiting", "params": {"dryRun": false},
        "createdAt": "2026-01-05T10:00:00.000Z", "uploadExpiresAt": "2026-01-05T10:10:00.000Z",
        "total": 0, "successful": 0, "created": 0, "updated": 0, "unchanged": 0, "failed": 0, "progress": 0.0,
    })
}

/// An object with some of its fields changed.
pub fn with(mut object: Value, changes: Value) -> Value {
    let (Value::Object(object_fields), Value::Object(changes)) = (&mut object, changes) else {
        panic!("objects")
    };
    object_fields.extend(changes);
    object
}

/// Two rows under way.
pub fn processing(done: u32) -> Value {
    json!({"status": "processing", "total": 2, "successful": done, "created": done, "startedAt": "2026-01-05T10:00:01.000Z"})
}

/// Two rows that ended, some of them as failed.
pub fn completed(fake: &Fake, failed: u32) -> Value {
    let failures = (failed > 0).then(|| fake.link("failures"));
    let mut state = json!({
        "status": "completed", "total": 2, "successful": 2 - failed, "created": 1, "updated": 1 - failed,
        "failed": failed, "progress": 1.0,
        "startedAt": "2026-01-05T10:00:01.000Z", "finishedAt": "2026-01-05T10:00:05.000Z",
        "result": fake.link("result"),
    });
    if let Some(link) = failures {
        state["failures"] = json!(link);
    }
    state
}

async fn answer(State(shared): State<Shared>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
    let path = parts.uri.path().to_owned();
    let full = parts.uri.path_and_query().map_or_else(String::new, ToString::to_string);
    let mut script = shared.script.lock().unwrap();
    script.asked.push(Asked {
        method: parts.method.clone(),
        path: full,
        headers: parts.headers.clone(),
        body: body.clone(),
    });
    let is_api = path.starts_with("/live/");
    if is_api && parts.headers.get("x-api-key").is_none_or(|key| key != KEY) {
        return problem(403, "FORBIDDEN", "Missing or unknown API key");
    }
    let what = format!("{} {path}", parts.method);
    if let Some(answers) = script.answers.get_mut(&what)
        && let Some(answer) =
            if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() }
    {
        match answer {
            // Does what it does without a script.
            Answer::Status(0) => {}
            Answer::Status(status) => return StatusCode::from_u16(status).unwrap().into_response(),
            Answer::Json(status, value) => return json_of(status, &value),
            Answer::Text(text) => return text.into_response(),
        }
    }
    if what == format!("POST {JOBS}") {
        let key = parts
            .headers
            .get("idempotency-key")
            .map_or_else(String::new, |key| key.to_str().unwrap().into());
        let next = script.made + 1;
        let number = *script.by_idempotency_key.entry(key).or_insert(next);
        script.made = script.made.max(number);
        let link = format!("{}/storage/upload-{number}?X-Amz-Signature={SIGNATURE}", shared.url);
        return json_of(200, &with(job(number), json!({"uploadUrl": link})));
    }
    if parts.method == Method::PUT && path.starts_with("/storage/") {
        return StatusCode::OK.into_response();
    }
    problem(404, "NOT_FOUND", "There is nothing at this path")
}

fn json_of(status: u16, value: &Value) -> Response {
    let headers = [("content-type", "application/json")];
    (StatusCode::from_u16(status).unwrap(), headers, value.to_string()).into_response()
}

/// The service's error body.
pub fn problem_json(status: u16, name: &str, detail: &str) -> Answer {
    Answer::Json(
        status,
        json!({"status": status, "title": "Error", "detail": detail, "name": name}),
    )
}

fn problem(status: u16, name: &str, detail: &str) -> Response {
    json_of(status, &json!({"status": status, "title": "Error", "detail": detail, "name": name}))
}
