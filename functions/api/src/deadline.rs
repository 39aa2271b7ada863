//! Answers in time: a caller who is told to try again can do so, while one whom API Gateway answers in our place,
//! because Lambda ended the function, learns nothing.

use aws::ANSWER_WITHIN;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use tracing::error;

use crate::error::Problem;

/// Runs the request; answers 503 if that takes too long. What the request was about to do is then left undone, which
/// is as harmless as a crash at the same moment.
pub async fn in_time(request: Request, next: Next) -> Response {
    tokio::time::timeout(ANSWER_WITHIN, next.run(request)).await.unwrap_or_else(|_| {
        error!(after_s = ANSWER_WITHIN.as_secs(), "A request took too long and was given up");
        Problem::unavailable().into_response()
    })
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::Body;
    use axum::http::StatusCode;
    use axum::http::header::RETRY_AFTER;
    use axum::routing::get;
    use tokio::time::Instant;
    use tower::ServiceExt as _;

    use super::*;

    async fn answer(path: &str) -> Response {
        let router = Router::new()
            .route("/slow", get(std::future::pending::<()>))
            .route("/fast", get(async || "done"))
            .layer(axum::middleware::from_fn(in_time));
        router.oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_takes_too_long_is_answered_503() {
        let start = Instant::now();
        let response = answer("/slow").await;
        assert_eq!(start.elapsed().as_secs(), ANSWER_WITHIN.as_secs());
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.headers()[RETRY_AFTER], "5");
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_is_answered_in_time_is_left_alone() {
        assert_eq!(answer("/fast").await.status(), StatusCode::OK);
    }
}
