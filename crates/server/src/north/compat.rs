//! What field clients do that no page says (tolerances 1 to 7): addresses and headers, brought into one form before anything is decided.
//!
//! Absolute-form request targets need nothing here: the address's path is the same. Odd queries are read by `api::query`, odd members
//! by the request types of `api`.

use api::headers::{ACCESS_TOKEN, APP_KEY, APP_KEY_OLD, bearer_token};
use api::paths::{self, Route};
use api::{Operation, Secret};
use http::Method;
use http::header::{AUTHORIZATION, HeaderMap, HeaderName};
use smallvec::SmallVec;
use std::collections::HashMap;

const NAME_APP_KEY: HeaderName = HeaderName::from_static(APP_KEY);
const NAME_APP_KEY_OLD: HeaderName = HeaderName::from_static(APP_KEY_OLD);
const NAME_ACCESS_TOKEN: HeaderName = HeaderName::from_static(ACCESS_TOKEN);

/// Finds operations by address.
pub(super) struct Router {
    /// Addresses without variables, as they are documented: one look-up for the calls that come most often.
    exact: HashMap<&'static str, SmallVec<[Operation; 2]>>,
}

impl Router {
    pub(super) fn new() -> Self {
        let mut exact: HashMap<_, SmallVec<[Operation; 2]>> = HashMap::new();
        for &(operation, template) in paths::ROUTES
            .iter()
            .filter(|(_, template)| !template.contains('{'))
        {
            exact.entry(template).or_default().push(operation);
        }
        Self { exact }
    }

    /// What lies at a path, double and trailing slashes and old versions included (tolerances 4, 7).
    pub(super) fn find(&self, method: &Method, path: &str) -> Route {
        let direct = self
            .exact
            .get(path)
            .and_then(|there| there.iter().find(|o| o.method() == *method));
        match direct {
            Some(operation) => Route::Found(*operation, Vec::new()),
            None => paths::find(method, path),
        }
    }
}

/// The token of a request: from `Authorization`, scheme in any case and with any number of blanks, or else from the header that
/// clients of 2017 use (tolerance 1).
pub(super) fn token(headers: &HeaderMap) -> Option<Secret> {
    let bearer = headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(bearer_token);
    bearer.or_else(|| text(headers, &NAME_ACCESS_TOKEN).map(Secret::new))
}

/// The application that a request names.
pub(super) fn app_key(headers: &HeaderMap) -> Option<&str> {
    text(headers, &NAME_APP_KEY).or_else(|| text(headers, &NAME_APP_KEY_OLD))
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let value = headers.get(name)?.to_str().ok()?.trim();
    (!value.is_empty()).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn the_short_way_leads_where_the_long_way_does() {
        let router = Router::new();
        for &(operation, template) in paths::ROUTES {
            for method in [
                Method::GET,
                Method::POST,
                Method::PUT,
                Method::DELETE,
                Method::PATCH,
            ] {
                assert_eq!(
                    router.find(&method, template),
                    paths::find(&method, template),
                    "{method} {template}"
                );
            }
            let direct = template.contains('{') || router.exact[template].contains(&operation);
            assert!(direct, "{template}");
        }
    }

    #[test]
    fn a_token_stands_in_either_header() {
        let headers = |name: &'static str, value: &'static str| {
            HeaderMap::from_iter([(
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )])
        };
        for value in ["Bearer x", "bearer x", "Bearer  x"] {
            assert_eq!(
                token(&headers("authorization", value))
                    .expect("a token")
                    .expose(),
                "x"
            );
        }
        assert_eq!(
            token(&headers("access_token", " x "))
                .expect("a token")
                .expose(),
            "x"
        );
        assert!(token(&headers("authorization", "x")).is_none());
        assert!(token(&headers("access_token", " ")).is_none());
        assert_eq!(app_key(&headers("x-app-key", "a")), Some("a"));
        assert_eq!(app_key(&headers("app_key", "")), None);
    }
}
