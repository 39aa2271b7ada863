//! All pages of a search, followed from link to link.

use std::collections::HashSet;
use std::ops::ControlFlow;

use url::Url;

use crate::bundle::SearchSet;
use crate::error::Fault;
use crate::gateway_url::follow;
use crate::http::Http;
use crate::search::Request;
use crate::secret::ReadSecret;

/// Calls `visit` with every page of a search, in order, until `visit` breaks. `base` is the URL of
/// the resource type, which relative links of the gateway refer to.
///
/// # Errors
///
/// A page cannot be fetched or read, leads to another server or back to an earlier page, or there
/// are more than `limit` pages.
pub(crate) async fn each_page<S: ReadSecret>(
    http: &Http<S>,
    first: Request,
    base: &Url,
    limit: u32,
    mut visit: impl FnMut(&SearchSet<'_>) -> Result<ControlFlow<()>, Fault> + Send,
) -> Result<(), Fault> {
    let mut seen = HashSet::new();
    let mut request = first;
    for _ in 0..limit {
        let body = http.fetch(&request).await?;
        let page = SearchSet::read(&body)?;
        if visit(&page)?.is_break() {
            return Ok(());
        }
        let Some(link) = page.next() else { return Ok(()) };
        let next = follow(link, base).ok_or(Fault::ForeignLink)?;
        seen.insert(request.url);
        if seen.contains(&next) {
            return Err(Fault::PageLoop);
        }
        request = Request::page(next);
    }
    Err(Fault::TooManyPages)
}
