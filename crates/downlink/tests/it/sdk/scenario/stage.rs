//! What a scenario is played on: the real server, the client, a receiver of callbacks, devices, and what was saved.

use super::Scenario;
use super::arguments::Arguments;
use super::calls::{Ended, typed};
use super::steps::{Call, Expect, Kind, Step};
use super::values::{differs, filled, found};
use crate::process::{Server, downlink, wait};
use sdk::api::Operation;
use sdk::api::callbacks::ResultCodes;
use sdk::webhook::{Callback, Event, Receiver, Verifier, WebhookSecret};
use sdk::{Client, Error};
use serde_json::{Map, Value};
use std::collections::{BTreeSet, HashMap};
use std::io::{BufRead, BufReader};
use std::process::{Child, ExitStatus, Stdio};
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

const PROFILES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../profile/samples");
/// The longest that a callback is waited for.
const WITHIN: Duration = Duration::from_secs(30);

/// A stage.
pub(super) struct Stage {
    client: Client,
    variables: Map<String, Value>,
    awake: HashMap<String, Child>,
    /// All callbacks, in the order of their arrival.
    told: watch::Receiver<Vec<Value>>,
    /// How many of each command or call were compared.
    heard: HashMap<String, usize>,
    /// Operations that were called by their method, with success.
    typed: BTreeSet<Operation>,
    _receiver: JoinSet<()>,
    _server: Server,
    folder: TempDir,
}

impl Stage {
    /// Starts all that the first step needs.
    pub(super) async fn set(scenario: &Scenario) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut flags = vec!["--test-clock"];
        flags.extend(scenario.server.iter().map(String::as_str));
        let server = Server::start(folder.path(), &flags);
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("bound");
        let address = listener.local_addr().expect("bound");
        let given = [
            ("profiles", PROFILES.to_owned()),
            ("receiver", format!("http://{address}")),
        ];
        let mut variables: Map<String, Value> = given
            .map(|(name, value)| (name.to_owned(), value.into()))
            .into_iter()
            .collect();
        for step in &scenario.setup {
            let step = Step::read(step).expect("a step");
            let Kind::Cli(args) = &step.kind else {
                panic!("setup is of commands alone")
            };
            let answer = operator(&folder, args, &variables).expect("it succeeds");
            save(&step.save, &answer, &mut variables).expect("it is there");
        }
        let saved = |name: &str| {
            variables[name]
                .as_str()
                .expect("setup leaves it")
                .to_owned()
        };
        let secret = saved("webhookSecret").parse().expect("a secret");
        let (told, receiver) = receive(listener, secret);
        let client = Client::builder(server.ports.north_url(), "app", saved("secret"));
        Self {
            client: client.build().expect("settings that work"),
            variables,
            awake: HashMap::new(),
            told,
            heard: HashMap::new(),
            typed: BTreeSet::new(),
            _receiver: receiver,
            _server: server,
            folder,
        }
    }

    /// Does a step.
    ///
    /// # Errors
    /// What is not as it should be.
    pub(super) async fn act(&mut self, step: &Step) -> Result<(), String> {
        match &step.kind {
            Kind::Cli(args) => {
                let answer = operator(&self.folder, args, &self.variables)?;
                save(&step.save, &answer, &mut self.variables)
            }
            Kind::Awake(args, name) => {
                let child = wake(&self.folder, args, &self.variables)?;
                let before = self.awake.insert(name.clone(), child);
                if before.is_some() {
                    Err(format!("{name} is awake already"))
                } else {
                    Ok(())
                }
            }
            Kind::Asleep(name, exit) => {
                let mut child = self
                    .awake
                    .remove(name)
                    .ok_or(format!("{name} is not awake"))?;
                // One that ends badly ends by itself: the platform has ended its connection.
                if *exit == 0 {
                    drop(child.stdin.take());
                }
                let status = ended(&mut child)?;
                if status.code() == Some(*exit) {
                    Ok(())
                } else {
                    Err(format!("{name} ended with {status}"))
                }
            }
            Kind::Call(call) => {
                for _ in 0..call.repeat {
                    let answer = self.call(call).await?;
                    save(&step.save, &answer, &mut self.variables)?;
                }
                Ok(())
            }
            Kind::Callbacks(key, expect) => self.callbacks(key, expect).await,
        }
    }

    /// Makes a call, holds what comes of it against what is expected, and returns the answer.
    async fn call(&mut self, call: &Call) -> Result<Value, String> {
        let args = filled(&Value::Object(call.args.clone()), &self.variables)?;
        let Value::Object(args) = args else {
            return Err("`args` are no object".to_owned());
        };
        let args = Arguments::sort(&call.operation, args, call.bare)?;
        let ended = match typed(&self.client, &args).await {
            Some(ended) => {
                self.typed.extend(ended.is_ok().then_some(args.operation));
                ended
            }
            None => args
                .call(&self.client)
                .await
                .map(|reply| json_of(&reply.body)),
        };
        self.judge(&args, &call.expect, ended)
    }

    fn judge(&self, args: &Arguments, expect: &Expect, ended: Ended) -> Result<Value, String> {
        match (expect, ended) {
            (Expect::Success { status, body }, Ok(answer)) => {
                let is = args.operation.success().as_u16();
                if *status != is {
                    return Err(format!("its status is {is}, not {status}"));
                }
                if *status == 204 && !answer.is_null() {
                    return Err(format!("nothing was to be answered, not {answer}"));
                }
                let body = body
                    .as_ref()
                    .map(|body| filled(body, &self.variables))
                    .transpose()?;
                match body.and_then(|body| differs(&body, &answer)) {
                    None => Ok(answer),
                    Some(difference) => Err(difference),
                }
            }
            (Expect::Refusal { code, desc, status }, Err(Error::Contract(refusal))) => {
                let is = (&refusal.code, &refusal.desc, refusal.status.as_u16());
                let as_it_should = code == is.0
                    && desc.as_ref().is_none_or(|desc| desc == is.1)
                    && status.is_none_or(|status| status == is.2);
                if as_it_should {
                    Ok(Value::Null)
                } else {
                    Err(format!(
                        "the refusal is {is:?}, detail {:?}",
                        refusal.detail
                    ))
                }
            }
            (Expect::Refusal { code, .. }, ended) => {
                Err(format!("{code} was to come, not {ended:?}"))
            }
            (Expect::Success { .. }, Err(error)) => Err(format!("it fails: {error:?}")),
        }
    }

    /// Waits for the next callbacks of a command or call, and compares them.
    async fn callbacks(&mut self, key: &str, expect: &[Value]) -> Result<(), String> {
        let key = filled(&key.into(), &self.variables)?;
        let key = key
            .as_str()
            .ok_or("a command has a text for its id")?
            .to_owned();
        let from = self.heard.get(&key).copied().unwrap_or_default();
        let to = from + expect.len();
        let enough = self.told.wait_for(|told| of(told, &key).len() >= to);
        let came = timeout(WITHIN, enough).await.is_ok();
        let told = of(&self.told.borrow(), &key);
        if !came {
            return Err(format!(
                "of {key} {} callbacks came, not {to}: {told:?}",
                told.len()
            ));
        }
        for (expect, seen) in expect.iter().zip(&told[from..]) {
            if let Some(difference) = differs(&filled(expect, &self.variables)?, seen) {
                return Err(format!("{difference} in {seen}"));
            }
        }
        self.heard.insert(key, to);
        Ok(())
    }

    /// No device is awake, and every callback was expected.
    pub(super) fn nothing_is_left(&self) {
        assert!(self.awake.is_empty(), "a device is awake");
        for told in &*self.told.borrow() {
            let key = key_of(told);
            let count = of(&self.told.borrow(), key).len();
            assert_eq!(self.heard.get(key), Some(&count), "callbacks of {key}");
        }
    }

    /// Every operation was called by its method.
    pub(super) fn every_method_was_used(&self) {
        let all: BTreeSet<Operation> = Operation::ALL.iter().copied().collect();
        assert_eq!(self.typed, all);
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        for child in self.awake.values_mut() {
            // A test failed: they wait for nobody any more.
            child.kill().ok();
            child.wait().ok();
        }
    }
}

/// Whom a callback tells of.
fn key_of(told: &Value) -> &str {
    let command = told
        .get("commandId")
        .or_else(|| told.pointer("/header/requestId"));
    command.and_then(Value::as_str).unwrap_or_default()
}

fn of(told: &[Value], key: &str) -> Vec<Value> {
    told.iter()
        .filter(|told| key_of(told) == key)
        .cloned()
        .collect()
}

/// Starts the receiver.
fn receive(
    listener: TcpListener,
    secret: WebhookSecret,
) -> (watch::Receiver<Vec<Value>>, JoinSet<()>) {
    let (tell, told) = watch::channel(Vec::new());
    let handler = move |event: Event| {
        let body = match event.callback {
            Callback::Status(change) => change.to_json(ResultCodes::Statuses),
            Callback::MessageConfirm(confirm) => confirm.to_json(),
            Callback::CommandRsp(answer) => answer.to_json(),
        };
        tell.send_modify(|told| told.push(json_of(&body)));
        std::future::ready(Ok::<(), std::io::Error>(()))
    };
    let mut task = JoinSet::new();
    task.spawn(async move {
        let receiver = Receiver::new(Verifier::new(secret).at_any_time());
        let served = receiver
            .serve(listener, handler, std::future::pending())
            .await;
        served.expect("a listener that works");
    });
    (told, task)
}

fn json_of(body: &[u8]) -> Value {
    if body.is_empty() {
        Value::Null
    } else {
        serde_json::from_slice(body).expect("JSON")
    }
}

fn save(
    save: &Map<String, Value>,
    answer: &Value,
    variables: &mut Map<String, Value>,
) -> Result<(), String> {
    for (name, path) in save {
        let value = found(answer, path.as_str().ok_or("a path is a text")?)?.clone();
        variables.insert(name.clone(), value);
    }
    Ok(())
}

fn words(args: &[Value], variables: &Map<String, Value>) -> Result<Vec<String>, String> {
    let word = |arg| match filled(arg, variables)? {
        Value::String(word) => Ok(word),
        other => Err(format!("{other} is no argument")),
    };
    args.iter().map(word).collect()
}

/// Runs a command of the operator, and returns what it printed, or null.
fn operator(
    folder: &TempDir,
    args: &[Value],
    variables: &Map<String, Value>,
) -> Result<Value, String> {
    let words = words(args, variables)?;
    let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
    words.push("--json");
    let output = downlink(folder.path(), &words)
        .output()
        .expect("the program runs");
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    Ok(serde_json::from_slice(&output.stdout).unwrap_or_default())
}

/// How a process ends, which is waited for.
fn ended(child: &mut Child) -> Result<ExitStatus, String> {
    let mut status = None;
    wait("the device's process ends", || {
        status = child.try_wait().expect("a child");
        status.is_some()
    });
    status.ok_or_else(|| "it does not end".to_owned())
}

/// Has a device wake, and waits until the platform has seen it.
fn wake(folder: &TempDir, args: &[Value], variables: &Map<String, Value>) -> Result<Child, String> {
    let words = words(args, variables)?;
    let mut all = vec!["device", "play"];
    all.extend(words.iter().map(String::as_str));
    let mut child = downlink(folder.path(), &all)
        .args(["--", "sh", "-c", "echo awake; exec cat"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program runs");
    let mut line = String::new();
    let mut lines = BufReader::new(child.stdout.take().expect("piped"));
    lines.read_line(&mut line).expect("text");
    if line != "awake\n" {
        let status = child.wait().expect("a child");
        return Err(format!("the device does not wake: {status}"));
    }
    Ok(child)
}
