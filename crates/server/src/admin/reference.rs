//! What the northbound interface is, for people and for programs. It tells nothing private, so it needs no token.

use axum::response::{IntoResponse, Response};
use http::HeaderName;
use http::header::{
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};

/// The document, as it is committed; a test of `api` compares it with the code.
const DOCUMENT: &str = include_str!("../../../../openapi.json");
/// A page that draws itself from the document.
const PAGE: &str = include_str!("reference.html");
/// The page loads nothing but the document, and nobody may frame it.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// `GET /openapi.json`.
pub(super) async fn document() -> Response {
    served("application/json", DOCUMENT)
}

/// `GET /reference`.
pub(super) async fn page() -> Response {
    served("text/html; charset=utf-8", PAGE)
}

fn served(kind: &'static str, text: &'static str) -> Response {
    let header = |name: HeaderName, value: &'static str| (name, HeaderValue::from_static(value));
    let headers = [
        header(CONTENT_TYPE, kind),
        header(CONTENT_SECURITY_POLICY, POLICY),
        header(X_CONTENT_TYPE_OPTIONS, "nosniff"),
        header(REFERRER_POLICY, "no-referrer"),
    ];
    (headers, text).into_response()
}
