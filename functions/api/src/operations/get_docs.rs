//! `GET /docs`: the API reference as a page. Swagger UI renders openapi.json in the browser.
//!
//! The function embeds Swagger UI compressed, and decompresses it for each answer: API Gateway
//! passes bytes on only if a stage declares binary media types, and then hands over every request
//! body in Base64. `make docs-page` writes the compressed files from the npm package that
//! `functions/api/docs/package-lock.json` pins.

use std::io::Read as _;

use axum::extract::Path;
use axum::http::HeaderName;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{Html, IntoResponse};
use flate2::read::GzDecoder;

use crate::error::ApiError;
use crate::query_parameters::KnownParameters;

const PAGE: &str = include_str!("../../docs/page.html");
const PAGE_SCRIPT: &str = include_str!("../../docs/page.js");
const PAGE_STYLE: &str = include_str!("../../docs/page.css");
const SWAGGER_UI_SCRIPT: &[u8] = include_bytes!("../../docs/swagger-ui-bundle.js.gz");
const SWAGGER_UI_STYLE: &[u8] = include_bytes!("../../docs/swagger-ui.css.gz");

/// Scripts, styles and calls are limited to the API's own host, so that the page sends nothing to
/// another one. The icons of Swagger UI are `data:` URLs.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; \
    frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/// A day: the page itself is not kept, so that a deployment changes what it asks for at once.
const ASSET_KEPT: &str = "public, max-age=86400";

/// Read this description as a page
#[utoipa::path(
    get, path = "/docs", operation_id = "getDocs", tag = "service",
    responses((status = 200, description = "The page.", body = String, content_type = "text/html")),
    security(()),
)]
pub async fn handle(_: KnownParameters) -> impl IntoResponse {
    ([(CONTENT_SECURITY_POLICY, POLICY)], Html(PAGE))
}

/// Returns a file that the page loads: `GET /docs/{file}`.
pub async fn asset(Path(file): Path<String>) -> Result<impl IntoResponse, ApiError> {
    const SCRIPT: &str = "text/javascript; charset=utf-8";
    const STYLE: &str = "text/css; charset=utf-8";
    let (media_type, text) = match file.as_str() {
        "page.js" => (SCRIPT, PAGE_SCRIPT.to_owned()),
        "page.css" => (STYLE, PAGE_STYLE.to_owned()),
        "swagger-ui.js" => (SCRIPT, decompressed(SWAGGER_UI_SCRIPT)?),
        "swagger-ui.css" => (STYLE, decompressed(SWAGGER_UI_STYLE)?),
        _ => return Err(ApiError::NoSuchPath),
    };
    let headers: [(HeaderName, &str); 2] =
        [(CONTENT_TYPE, media_type), (CACHE_CONTROL, ASSET_KEPT)];
    Ok((headers, text))
}

fn decompressed(file: &[u8]) -> Result<String, ApiError> {
    let mut text = String::new();
    GzDecoder::new(file)
        .read_to_string(&mut text)
        .map_err(|_| ApiError::Bug("an embedded file of the API reference is damaged"))?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::{Body, to_bytes};
    use axum::http::{Request, StatusCode};
    use axum::routing::get;
    use tower::ServiceExt as _;

    use super::*;

    /// Lambda refuses to return more than 6 MB (AWS Lambda Developer Guide, "Lambda quotas"), of an
    /// answer as a string in JSON. Escaping adds less than half.
    const LARGEST_ANSWER: usize = 4 * 1024 * 1024;

    async fn asset_of(path: &str) -> (StatusCode, String) {
        let router = Router::new().route("/docs/{file}", get(asset));
        let answer = router.oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap();
        let status = answer.status();
        let body = to_bytes(answer.into_body(), LARGEST_ANSWER).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn every_file_that_the_page_loads_is_answered() {
        let loaded: Vec<&str> = PAGE.split('"').filter(|part| part.starts_with("docs/")).collect();
        assert_eq!(loaded.len(), 4, "{PAGE}");
        for file in loaded {
            let (status, body) = asset_of(&format!("/{file}")).await;
            assert_eq!(status, StatusCode::OK, "{file}");
            assert!(!body.is_empty(), "{file}");
        }
        assert_eq!(asset_of("/docs/other.js").await.0, StatusCode::NOT_FOUND);
    }

    #[test]
    fn the_page_runs_no_script_of_its_own_and_loads_nothing_from_another_host() {
        assert_eq!(PAGE.matches("<script ").count(), PAGE.matches("defer></script>").count());
        for refused in ["<script>", "<style", "style=", "onload", "//"] {
            assert!(!PAGE.contains(refused), "{refused}");
        }
    }
}
