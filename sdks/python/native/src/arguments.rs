//! What Python gives, read.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use sdk::api::Secret;
use sdk::api::headers::IdempotencyKey;
use sdk::{ClientBuilder, Proxy, Retry, Token};

/// Whose token a call carries, and under which key it goes.
#[derive(Default)]
pub(crate) struct Options {
    /// None: as the core has it for the operation.
    pub(crate) token: Option<Token>,
    pub(crate) key: Key,
    /// Who is told when it is done.
    pub(crate) done: Option<Py<PyAny>>,
}

/// Under which key a create goes.
#[derive(Default)]
pub(crate) enum Key {
    /// A random one.
    #[default]
    Random,
    Given(IdempotencyKey),
    Without,
}

impl Options {
    /// Reads `token`, `key` and `done`; None and absent are the same.
    pub(crate) fn read(options: Option<&Bound<'_, PyDict>>) -> PyResult<Self> {
        let mut read = Self::default();
        for (name, value) in options.into_iter().flatten() {
            if value.is_none() {
                continue;
            }
            match name.extract::<String>()?.as_str() {
                "token" => read.token = Some(token(&value)?),
                "key" => read.key = key(&value)?,
                "done" => read.done = Some(value.unbind()),
                other => {
                    let reason = format!("there is no argument `{other}`");
                    return Err(PyTypeError::new_err(reason));
                }
            }
        }
        Ok(read)
    }
}

/// A text is a token; False is none.
fn token(value: &Bound<'_, PyAny>) -> PyResult<Token> {
    if is_false(value) {
        return Ok(Token::None);
    }
    let text: String = value.extract()?;
    Ok(Token::Given(Secret::new(text)))
}

/// A text is a key; False is none.
fn key(value: &Bound<'_, PyAny>) -> PyResult<Key> {
    if is_false(value) {
        return Ok(Key::Without);
    }
    let text: String = value.extract()?;
    let key = IdempotencyKey::parse(text.as_bytes());
    let key = key.map_err(|_| PyValueError::new_err("key: 1 to 255 visible ASCII characters"))?;
    Ok(Key::Given(key))
}

fn is_false(value: &Bound<'_, PyAny>) -> bool {
    value.extract::<bool>().is_ok_and(|value| !value)
}

/// The settings of a client, by name. Names that are not known are refused.
pub(crate) fn configured(
    mut builder: ClientBuilder,
    settings: Option<&Bound<'_, PyDict>>,
) -> PyResult<ClientBuilder> {
    let mut retry = Retry::none();
    let (mut certificate, mut key): (Option<Vec<u8>>, Option<String>) = (None, None);
    for (name, value) in settings.into_iter().flatten() {
        if value.is_none() {
            continue;
        }
        builder = match name.extract::<String>()?.as_str() {
            "ca_pem" => builder.ca_pem(value.extract::<Vec<u8>>()?),
            "extra_root_pem" => builder.extra_root_pem(value.extract::<Vec<u8>>()?),
            "certificate_pem" => {
                certificate = Some(value.extract()?);
                builder
            }
            "key_pem" => {
                key = Some(value.extract()?);
                builder
            }
            "proxy" => builder.proxy(proxy(&value.extract::<String>()?)),
            "timeout" => builder.timeout(seconds("timeout", &value)?),
            "connect_timeout" => builder.connect_timeout(seconds("connect_timeout", &value)?),
            "call_timeout" => builder.call_timeout(seconds("call_timeout", &value)?),
            "retry" => {
                let (tries, first, longest, patience) = value.extract()?;
                retry = repeated(tries, [first, longest, patience])?;
                builder
            }
            other => {
                let reason = format!("there is no setting `{other}`");
                return Err(PyTypeError::new_err(reason));
            }
        };
    }
    builder = match (certificate, key) {
        (None, None) => builder,
        (Some(certificate), Some(key)) => builder.client_certificate(certificate, key),
        _ => {
            let reason = "a client certificate needs certificate_pem and key_pem";
            return Err(PyValueError::new_err(reason));
        }
    };
    Ok(builder.retry(retry))
}

/// The environment's proxy, or one at an address.
fn proxy(text: &str) -> Proxy {
    match text {
        "environment" => Proxy::Environment,
        address => Proxy::Through(Secret::new(address)),
    }
}

/// How often, and how many seconds the first wait, the longest one and all together take.
fn repeated(tries: u32, [first, longest, patience]: [f64; 3]) -> PyResult<Retry> {
    Ok(Retry::none()
        .tries_max(tries)
        .waits(duration("retry", first)?, duration("retry", longest)?)
        .patience(duration("retry", patience)?))
}

fn seconds(name: &str, value: &Bound<'_, PyAny>) -> PyResult<Duration> {
    duration(name, value.extract()?)
}

fn duration(name: &str, seconds: f64) -> PyResult<Duration> {
    Duration::try_from_secs_f64(seconds)
        .map_err(|_| PyValueError::new_err(format!("{name}: seconds, not negative")))
}

/// The headers of a request. What cannot be one is left out: then it does not verify.
pub(crate) fn headers(pairs: Vec<(String, String)>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        let name = HeaderName::from_bytes(name.as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(&value)) {
            headers.append(name, value);
        }
    }
    headers
}
