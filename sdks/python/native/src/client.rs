//! A client: its settings, its calls.

use std::pin::Pin;
use std::sync::Mutex;
use std::time::Duration;

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use sdk::api::Operation;
use sdk::api::auth::AuthAnswer;
use sdk::{ClientBuilder, Error, StatusCode};
use tokio::task::AbortHandle;

use crate::arguments::{Key, Options, configured};
use crate::error::raised;
use crate::runtime::{self, Delivery, lock};

/// How often a thread that waits looks whether a signal came, such as that of Ctrl-C.
const SIGNALS_EVERY: Duration = Duration::from_millis(100);
/// Names, beside the operations, the token in hand.
const ACCESS_TOKEN: &str = "accessToken";

/// Status and text of a success.
type Answer = (u16, String);
type Work = Pin<Box<dyn Future<Output = Result<Answer, Error>> + Send>>;

/// A client of the northbound contract. Threads may share it.
#[pyclass(frozen, module = "downlink._native")]
pub(crate) struct Client {
    builder: ClientBuilder,
    /// Belongs to the process that built it; see `runtime`.
    built: Mutex<Option<Built>>,
}

struct Built {
    process: u32,
    client: sdk::Client,
}

/// A call in progress.
#[pyclass(frozen, module = "downlink._native")]
pub(crate) struct Pending(AbortHandle);

#[pymethods]
impl Client {
    /// A client of the platform at `base_url` for an application. Settings: see `_native.pyi`. Nothing is sent yet.
    #[new]
    #[pyo3(
        signature = (base_url, app_id, secret, **settings),
        text_signature = "(base_url, app_id, secret, *, ca_pem=None, extra_root_pem=None, certificate_pem=None, key_pem=None, proxy=None, \
                          timeout=None, connect_timeout=None, call_timeout=None, retry=None)"
    )]
    fn new(
        py: Python<'_>,
        base_url: String,
        app_id: String,
        secret: String,
        settings: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        let builder = sdk::Client::builder(base_url, app_id, secret);
        let client = Self {
            builder: configured(builder, settings)?,
            built: Mutex::new(None),
        };
        client.built(py)?;
        Ok(client)
    }

    /// Carries out an operation and returns status and text of its success. Blocks; other threads of Python run meanwhile. Raises
    /// `CallError`, or `KeyboardInterrupt` and the like when a signal came.
    #[pyo3(
        signature = (operation, variables=Vec::new(), query="", body=None, **options),
        text_signature = "(self, operation, variables=(), query='', body=None, *, token=None, key=None)"
    )]
    fn call(
        &self,
        operation: &Bound<'_, pyo3::types::PyString>,
        variables: Vec<String>,
        query: &str,
        body: Option<String>,
        options: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Answer> {
        let py = operation.py();
        let options = Options::read(options)?;
        if options.done.is_some() {
            return Err(PyTypeError::new_err("`done` is an argument of `start`"));
        }
        let client = self.built(py)?;
        let work = work(
            client,
            &operation.to_cow()?,
            (variables, query, body),
            options,
        )?;
        let answered = wait(py, work)?;
        answered.map_err(|error| raised(py, &error))
    }

    /// Begins an operation and returns at once. `done(answer, error)` is called once, in another thread, with one of the two; never after
    /// `Pending.cancel`, or once the interpreter ends.
    #[pyo3(
        signature = (operation, variables=Vec::new(), query="", body=None, **options),
        text_signature = "(self, operation, variables=(), query='', body=None, *, done, token=None, key=None)"
    )]
    fn start(
        &self,
        operation: &Bound<'_, pyo3::types::PyString>,
        variables: Vec<String>,
        query: &str,
        body: Option<String>,
        options: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Pending> {
        let py = operation.py();
        let mut options = Options::read(options)?;
        let Some(done) = options.done.take() else {
            return Err(PyTypeError::new_err("`start` needs `done`"));
        };
        let client = self.built(py)?;
        let work = work(
            client,
            &operation.to_cow()?,
            (variables, query, body),
            options,
        )?;
        let runtime::Shared { handle, deliveries } = runtime::shared(py)?;
        let task = handle.spawn(async move {
            let answered = work.await;
            // Nobody listens once the process ends.
            let _ = deliveries.send(Delivery::Tell(Box::new(move |py| {
                tell(py, &done, answered);
            })));
        });
        Ok(Pending(task.abort_handle()))
    }

    /// Never the secret.
    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let client = self.built(py)?;
        Ok(format!("{client:?}"))
    }
}

#[pymethods]
impl Pending {
    /// Gives the call up: its connection is closed, and whether the platform has carried it out is not known.
    fn cancel(&self) {
        self.0.abort();
    }
}

impl Client {
    /// The client of this process; built when it is first asked for.
    fn built(&self, py: Python<'_>) -> PyResult<sdk::Client> {
        let process = std::process::id();
        if let Some(built) = lock(&self.built)
            .as_ref()
            .filter(|it| it.process == process)
        {
            return Ok(built.client.clone());
        }
        let client = self.builder.clone().build();
        let client = client.map_err(|error| raised(py, &error))?;
        let before = lock(&self.built).replace(Built {
            process,
            client: client.clone(),
        });
        // The parent's connections hang on the parent's runtime.
        std::mem::forget(before);
        Ok(client)
    }
}

/// What is to be done: path variables, query and body are those of the operation.
fn work(
    client: sdk::Client,
    operation: &str,
    (variables, query, body): (Vec<String>, &str, Option<String>),
    options: Options,
) -> PyResult<Work> {
    if operation == ACCESS_TOKEN {
        return Ok(Box::pin(async move {
            let token = client.access_token().await?;
            Ok((StatusCode::OK.as_u16(), token.into_inner()))
        }));
    }
    let Some(known) = Operation::from_id(operation) else {
        let reason = format!("there is no operation `{operation}`");
        return Err(PyValueError::new_err(reason));
    };
    if body.is_none() && options.token.is_none() && !known.needs_token() {
        return Ok(session(client, known));
    }
    let mut call = client.raw(known).query(query);
    for variable in &variables {
        call = call.variable(variable);
    }
    if let Some(body) = body {
        call = call.body(body);
    }
    if let Some(token) = options.token {
        call = call.token(token);
    }
    call = match options.key {
        Key::Random => call,
        Key::Given(key) => call.key(key),
        Key::Without => call.without_key(),
    };
    Ok(Box::pin(async move {
        let reply = call.send().await?;
        text(reply.status, &reply.body)
    }))
}

/// Login, refresh and logout of the client itself: without a body they are about the token that its calls share.
fn session(client: sdk::Client, operation: Operation) -> Work {
    Box::pin(async move {
        let answer = match operation {
            Operation::GetAuthToken => client.get_auth_token().await?,
            Operation::RefreshAuthToken => client.refresh_auth_token().await?,
            _ => {
                client.logout_auth_token().await?;
                return Ok((operation.success().as_u16(), String::new()));
            }
        };
        written(operation, &answer)
    })
}

fn written(operation: Operation, answer: &AuthAnswer) -> Result<Answer, Error> {
    let json = serde_json::to_vec(answer).expect("its members are texts and numbers");
    text(operation.success(), &json)
}

fn text(status: StatusCode, body: &[u8]) -> Result<Answer, Error> {
    let text = std::str::from_utf8(body).map_err(|error| Error::Unexpected {
        status,
        reason: format!("the body is no text: {error}"),
        request_id: None,
    })?;
    Ok((status.as_u16(), text.to_owned()))
}

/// Drives the work on this thread until it is done or a signal came.
fn wait(py: Python<'_>, mut work: Work) -> PyResult<Result<Answer, Error>> {
    let runtime::Shared { handle, .. } = runtime::shared(py)?;
    loop {
        let round = py.detach(|| {
            let round = async { tokio::time::timeout(SIGNALS_EVERY, work.as_mut()).await };
            handle.block_on(round).ok()
        });
        if let Some(answered) = round {
            return Ok(answered);
        }
        py.check_signals()?;
    }
}

/// Calls `done`. What it raises goes where Python reports what nobody catches.
fn tell(py: Python<'_>, done: &Py<PyAny>, answered: Result<Answer, Error>) {
    let outcome = match answered {
        Ok(answer) => done.call1(py, (answer, py.None())),
        Err(error) => done.call1(py, (py.None(), raised(py, &error))),
    };
    if let Err(failure) = outcome {
        failure.write_unraisable(py, Some(done.bind(py)));
    }
}
