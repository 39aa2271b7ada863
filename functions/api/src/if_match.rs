//! The header `If-Match`: a call changes an object only in the state that its caller has seen.

use axum::extract::FromRequestParts;
use axum::http::HeaderValue;
use axum::http::header::IF_MATCH;
use axum::http::request::Parts;
use bulk_domain::e_tag::ETag;
use serde_json::{Map, Value};
use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};

use crate::error::ApiError;
use crate::fields::Fields;

/// The entity tags that a call expects: those of `If-Match`, or the `eTag` of its body. Without
/// both, the call changes the object in any state.
#[derive(Clone, Default, Debug)]
pub struct IfMatch(Option<String>);

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        const PROBLEM: ApiError = ApiError::BadRequest("If-Match must be the eTag of the object");
        let lines = parts.headers.get_all(IF_MATCH).iter().map(HeaderValue::to_str);
        let lines = lines.collect::<Result<Vec<&str>, _>>().map_err(|_| PROBLEM)?;
        // RFC 9110, section 5.3: several lines are one list. A blank one names no state.
        Ok(Self((!lines.is_empty()).then(|| lines.join(","))))
    }
}

impl IntoParams for IfMatch {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        const ABOUT: &str = "The `eTag` that the object must have. Default: the `eTag` in the body of a `PUT` or \
            `PATCH`, or any.";
        let tag = ParameterBuilder::new().name("If-Match").parameter_in(ParameterIn::Header);
        let text = ObjectBuilder::new().schema_type(Type::String);
        vec![tag.description(Some(ABOUT)).schema(Some(text)).build()]
    }
}

impl IfMatch {
    /// Returns what a call expects that names no state.
    pub const fn any() -> Self {
        Self(None)
    }

    /// Returns what a call expects that names the state with this tag.
    pub fn tag(tag: &ETag) -> Self {
        Self(Some(tag.to_string()))
    }

    /// Returns what the call expects, given the `eTag` of its body, which counts without a header.
    /// Returns also the fields of the body.
    pub fn or_in(self, body: &Map<String, Value>) -> (Self, Fields<'_>) {
        let mut fields = Fields::of(body);
        let e_tag = fields.optional("eTag");
        (Self(self.0.or(e_tag)), fields)
    }

    /// Checks that the call expects the object in this state.
    ///
    /// # Errors
    ///
    /// [`ApiError::PreconditionFailed`] if the object has changed since its caller has read it.
    pub fn check(&self, current: &ETag) -> Result<(), ApiError> {
        let Some(tags) = &self.0 else { return Ok(()) };
        // Clients of the public API send the tag without quotes. A weak tag (`W/"…"`) names no
        // state, because RFC 9110, section 13.1.1, asks for the strong comparison.
        let names_it = |tag: &str| {
            let tag = tag.trim();
            let quoted = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"'));
            quoted.unwrap_or(tag) == current.as_str()
        };
        let is_met = tags.trim() == "*" || tags.split(',').any(names_it);
        if is_met { Ok(()) } else { Err(ApiError::PreconditionFailed) }
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
            [format!("{current}"), format!("\"{current}\""), format!("\"x\", \"{current}\"")]
        {
            assert!(is_met(&tags), "{tags}");
        }
        assert!(is_met("*"));
        let weak = format!("W/\"{current}\"");
        for tags in ["x", "", "\"\"", "\"x\", y", "\"*\"", "x, *", &weak] {
            assert!(!is_met(tags), "{tags}");
        }
    }

    #[test]
    fn the_header_counts_before_the_body_and_without_both_every_state_is_right() {
        let (current, other) = (ETag::of(&"object"), ETag::of(&"other"));
        let expected = |header: Option<&ETag>, body: Option<&ETag>| {
            let header = IfMatch(header.map(ToString::to_string));
            let body = body.map(|tag| ("eTag".to_owned(), tag.to_string().into()));
            header.or_in(&body.into_iter().collect()).0.check(&current).is_ok()
        };
        assert!(expected(None, None));
        assert!(expected(None, Some(&current)));
        assert!(!expected(None, Some(&other)));
        assert!(expected(Some(&current), Some(&other)));
        assert!(!expected(Some(&other), Some(&current)));
    }
}
