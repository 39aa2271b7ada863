//! Answers in time: a 503 asks the caller to retry. Without it, Lambda ends the function, and API
//! Gateway answers with an error that says nothing.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use tracing::error;

use crate::error::ApiError;

/// Runs the request, and answers 503 after this time. The request then ends at any of its calls, as
/// after a crash.
pub async fn in_time(State(limit): State<Duration>, request: Request, next: Next) -> Response {
    tokio::time::timeout(limit, next.run(request)).await.unwrap_or_else(|_| {
        error!(after_s = limit.as_secs(), "Request timed out");
        ApiError::TimedOut.into_response()
    })
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::Body;
    use axum::http::StatusCode;
    use axum::http::header::RETRY_AFTER;
    use axum::middleware::from_fn_with_state;
    use axum::routing::get;
    use tokio::time::Instant;
    use tower::ServiceExt as _;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(12);

    async fn answer(path: &str) -> Response {
        let router = Router::new()
            .route("/slow", get(std::future::pending::<()>))
            .route("/fast", get(async || "done"))
            .layer(from_fn_with_state(LIMIT, in_time));
        router.oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_takes_too_long_is_answered_503() {
        let start = Instant::now();
        let response = answer("/slow").await;
        assert_eq!(start.elapsed(), LIMIT);
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.headers()[RETRY_AFTER], "5");
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_is_answered_in_time_is_left_alone() {
        assert_eq!(answer("/fast").await.status(), StatusCode::OK);
    }
}
