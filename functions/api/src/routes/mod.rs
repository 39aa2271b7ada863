//! The paths, and the file behind each.

mod cancel_job;
mod cohort_patients;
mod cohorts;
mod create_job;
mod document_query;
mod documents;
mod facilities;
mod get_job;
mod get_patient;
mod list_jobs;
mod list_patients;
mod match_patient;
mod settings;
mod webhook_status;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::handler::Handler;
use axum::routing::{MethodRouter, get};
use utoipa::Path as _;
use utoipa::openapi::HttpMethod;
use utoipa_axum::PathItemExt;

use crate::app::App;
use crate::deadline::in_time;
use crate::error::Problem;
use crate::respond::{AllowedOrigin, with_headers};
use crate::{docs, openapi};

/// The largest body that is read, in bytes: 64 KiB, many times a patient with all addresses.
const LARGEST_BODY: usize = 64 * 1024;

/// Every operation, those of one path together: `$routes!` makes of them what `$router` takes.
macro_rules! operations {
    ($router:expr, $routes:ident) => {
        $router
            .routes($routes!(openapi::health))
            .routes($routes!(openapi::handle))
            .routes($routes!(docs::handle))
            .routes($routes!(settings::read, settings::write))
            .routes($routes!(settings::rotate))
            .routes($routes!(webhook_status::read))
            .routes($routes!(webhook_status::retry))
            .routes($routes!(facilities::list, facilities::create))
            .routes($routes!(facilities::get))
            .routes($routes!(cohorts::list, cohorts::create))
            .routes($routes!(cohorts::get))
            .routes($routes!(cohort_patients::handle))
            .routes($routes!(list_patients::handle))
            .routes($routes!(get_patient::by_external_id))
            .routes($routes!(match_patient::handle))
            .routes($routes!(get_patient::handle))
            .routes($routes!(document_query::read, document_query::start))
            .routes($routes!(documents::handle))
            .routes($routes!(list_jobs::handle, create_job::handle))
            .routes($routes!(get_job::handle))
            .routes($routes!(cancel_job::handle))
    };
}

/// The path of operations and what answers them. `utoipa_axum::routes!` makes their description, too, which takes half
/// of a cold start and is there already: as a file.
macro_rules! undescribed {
    ($module:ident::$handler:ident $(, $other:ident::$another:ident)*) => {
        utoipa_axum::paste! {{
            let operations = MethodRouter::new();
            let operations =
                with(operations, &$module::[<__path_ $handler>]::methods(), &$module::$handler);
            $(let operations =
                with(operations, &$other::[<__path_ $another>]::methods(), &$other::$another);)*
            ($module::[<__path_ $handler>]::path(), operations)
        }}
    };
}

fn with<H, T>(operations: MethodRouter<App>, methods: &[HttpMethod], handler: &H) -> MethodRouter<App>
where
    H: Handler<T, App>,
    T: 'static,
{
    methods
        .iter()
        .fold(operations, |operations, method| operations.on(method.to_method_filter(), handler.clone()))
}

/// Takes operations as [`utoipa_axum::router::OpenApiRouter`] does.
trait Routes {
    fn routes(self, operations: (String, MethodRouter<App>)) -> Self;
}

impl Routes for Router<App> {
    fn routes(self, (path, operations): (String, MethodRouter<App>)) -> Self {
        self.route(&path, operations)
    }
}

/// The description of every operation.
#[cfg(test)]
pub fn described() -> utoipa::openapi::OpenApi {
    use utoipa::OpenApi as _;
    use utoipa_axum::router::OpenApiRouter;
    use utoipa_axum::routes;

    let router = OpenApiRouter::<App>::with_openapi(crate::openapi::Description::openapi());
    operations!(router, routes).to_openapi()
}

/// Every route of the API.
pub fn router(app: App, allowed: AllowedOrigin) -> Router {
    operations!(Router::new(), undescribed)
        .route("/docs/{file}", get(docs::asset))
        .fallback(async || Problem::no_such_route())
        .method_not_allowed_fallback(async || Problem::no_such_method())
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(axum::middleware::from_fn(in_time))
        .layer(axum::middleware::from_fn_with_state(allowed, with_headers))
        .with_state(app)
}
