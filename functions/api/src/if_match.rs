//! The header `If-Match`: a call changes an object only in the state that its caller has seen.

use axum::extract::FromRequestParts;
use axum::http::header::IF_MATCH;
use axum::http::request::Parts;
use bulk_domain::e_tag::ETag;

use crate::error::ApiError;
use crate::request::header;

/// The entity tags that a call expects: those of `If-Match`, or the `eTag` of its body. Without
/// both, the call changes the object in any state.
#[derive(Clone, Default, Debug)]
pub struct IfMatch(Option<String>);

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        const PROBLEM: &str = "If-Match must be the eTag of the object";
        let tags = header(&parts.headers, IF_MATCH.as_str(), PROBLEM)?;
        Ok(Self(tags.map(str::trim).filter(|tags| !tags.is_empty()).map(str::to_owned)))
    }
}

impl IfMatch {
    /// Returns what the call expects, given the `eTag` of its body, which counts without a header.
    #[must_use]
    pub fn or(self, e_tag: Option<String>) -> Self {
        Self(self.0.or(e_tag))
    }

    /// Checks that the call expects the object in this state.
    ///
    /// # Errors
    ///
    /// [`ApiError::PreconditionFailed`] if the object has changed since its caller has read it.
    pub fn check(&self, current: &ETag) -> Result<(), ApiError> {
        let Some(tags) = &self.0 else { return Ok(()) };
        // Clients of the public API send the tag without quotes.
        let names_it = |tag: &str| {
            let tag = tag.trim().trim_start_matches("W/").trim_matches('"');
            tag == current.as_str() || tag == "*"
        };
        if tags.split(',').any(names_it) { Ok(()) } else { Err(ApiError::PreconditionFailed) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_expected_with_and_without_quotes_or_among_others() {
        let current = ETag::of(&"object");
        let is_met = |tags: &str| IfMatch(Some(tags.to_owned())).check(&current).is_ok();
        for tags in
            [format!("{current}"), format!("\"{current}\""), format!("\"x\", W/\"{current}\"")]
        {
            assert!(is_met(&tags), "{tags}");
        }
        assert!(is_met("*"));
        for tags in ["x", "\"\"", "W/\"x\", y"] {
            assert!(!is_met(tags), "{tags}");
        }
    }

    #[test]
    fn the_header_counts_before_the_body_and_without_both_every_state_is_right() {
        let (current, other) = (ETag::of(&"object"), ETag::of(&"other"));
        let expected = |header: Option<&ETag>, body: Option<&ETag>| {
            let header = IfMatch(header.map(ToString::to_string));
            header.or(body.map(ToString::to_string)).check(&current).is_ok()
        };
        assert!(expected(None, None));
        assert!(expected(None, Some(&current)));
        assert!(!expected(None, Some(&other)));
        assert!(expected(Some(&current), Some(&other)));
        assert!(!expected(Some(&other), Some(&current)));
    }
}
