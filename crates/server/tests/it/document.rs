//! What the server really answers, held against `openapi.json`: [`check`] judges every answer of every northbound test of this binary,
//! and one story walks all operations so that each success is among them.

use crate::north_support::{
    Bench, CANCEL_TASKS, COMMANDS, DEVICES, GROUPS, Got, JOIN, LEAVE, LOGIN, LOGOUT, MEMBERS,
    REFRESH, REGISTER, REGISTER_V2, command, invoke,
};
use api::paths::{ROUTES, Route, find};
use api::{Code, ErrorStatus, Operation};
use delivery::DeviceId;
use http::Method;
use jsonschema::Validator;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::LazyLock;

const TEXT: &str = include_str!("../../../../openapi.json");

/// The document with the schemas of its responses, by component.
struct Document {
    whole: Value,
    schemas: BTreeMap<String, Validator>,
    /// The schemas of callbacks, by component.
    callbacks: BTreeMap<&'static str, Validator>,
}

static DOCUMENT: LazyLock<Document> = LazyLock::new(|| {
    let whole: Value = serde_json::from_str(TEXT).expect("the document is JSON");
    let responses = whole["components"]["responses"]
        .as_object()
        .expect("responses");
    let compile = |(name, response): (&String, &Value)| {
        let mut schema = response["content"]["application/json"]
            .get("schema")?
            .clone();
        schema["components"] = whole["components"].clone();
        let validator = jsonschema::draft202012::new(&schema);
        Some((name.clone(), validator.expect("a schema")))
    };
    let schemas = responses.iter().filter_map(compile).collect();
    let callback = |name: &'static str| {
        let mut schema = whole["components"]["schemas"][name].clone();
        schema["components"] = whole["components"].clone();
        let validator = jsonschema::draft202012::new(&schema);
        (name, validator.expect("a schema"))
    };
    let callbacks = ["StatusCallback", "MessageConfirm", "CommandRsp"].map(callback);
    Document {
        schemas,
        callbacks: callbacks.into(),
        whole,
    }
});

/// Fails unless the document says that this request may be answered so.
pub(crate) fn check(method: &str, path: &str, setting: ErrorStatus, got: &Got) {
    let (path, place) = (
        path.split('?').next().unwrap_or_default(),
        format!("{method} {path}"),
    );
    let method: Method = method.parse().expect("a method");
    let (name, response) = match find(&method, path) {
        Route::Found(operation, _) => described(operation, got, &place),
        Route::WrongMethod(_) => component("MethodNotAllowed"),
        Route::Unknown => component("NoSuchPath"),
    };
    for (header, of) in response["headers"].as_object().into_iter().flatten() {
        let of = DOCUMENT.pointer(of);
        let is_asked = of["required"] == true && is_error(got);
        assert!(
            !is_asked || got.headers.contains_key(header),
            "{place}: no {header}"
        );
    }
    let Some(schema) = DOCUMENT.schemas.get(&name) else {
        assert!(got.text.is_empty(), "{place}: {}", got.text);
        return;
    };
    // A body that is empty is an empty text.
    let json = match got.text.as_str() {
        "" => Value::from(""),
        _ => got.json(),
    };
    let errors: Vec<String> = schema.iter_errors(&json).map(|e| e.to_string()).collect();
    assert!(
        errors.is_empty(),
        "{place} {}: {json} is not as {name} says: {errors:?}",
        got.status
    );
    let code = json.get("error_code").or_else(|| json.get("resultcode"));
    if let Some(code) = code {
        let of_http = response.get("x-error-codes-http").is_some();
        let codes = if setting == ErrorStatus::Http && of_http {
            "x-error-codes-http"
        } else {
            "x-error-codes"
        };
        let has = |list: &str| {
            response[list]
                .as_array()
                .is_some_and(|all| all.contains(code))
        };
        assert!(
            has(codes),
            "{place} {}: {code} is not among {codes} of {name}",
            got.status
        );
        assert!(
            !has("x-never-sent"),
            "{place}: {code} is said to be never sent in {name}"
        );
    }
}

/// Fails unless the document has this callback among its webhooks.
pub(crate) fn check_callback(body: &str) {
    let mut json: Value = serde_json::from_str(body).expect("a callback is JSON");
    let webhook = json["notifyType"]
        .as_str()
        .unwrap_or("commandStatus")
        .to_owned();
    let post = &DOCUMENT.whole["webhooks"][&webhook]["post"];
    let schema = &post["requestBody"]["content"]["application/json"]["schema"];
    let component = schema["$ref"].as_str().and_then(|at| at.rsplit('/').next());
    let component = component.unwrap_or_else(|| panic!("{webhook} is no webhook of the document"));
    let words =
        &DOCUMENT.whole["components"]["schemas"]["CallbackResult"]["properties"]["resultCode"];
    if let Some(code) = json.pointer_mut("/result/resultCode") {
        let modern = &words["x-legacy-words"][code.as_str().expect("a word")];
        if modern.is_string() {
            *code = modern.clone();
        }
    }
    let errors: Vec<String> = DOCUMENT.callbacks[component]
        .iter_errors(&json)
        .map(|error| error.to_string())
        .collect();
    assert!(
        errors.is_empty(),
        "{body} is not as {webhook} says: {errors:?}"
    );
}

impl Document {
    fn pointer<'a>(&'a self, value: &'a Value) -> &'a Value {
        let reference = value["$ref"].as_str();
        reference.map_or(value, |reference| {
            self.whole
                .pointer(&reference[1..])
                .expect("it leads somewhere")
        })
    }
}

fn is_error(got: &Got) -> bool {
    got.status != 204 && got.text.contains("\"error_desc\"")
}

fn described(operation: Operation, got: &Got, place: &str) -> (String, &'static Value) {
    let (_, path) = ROUTES
        .iter()
        .find(|(served, _)| *served == operation)
        .expect("every operation has a path");
    let method = operation.method().as_str().to_ascii_lowercase();
    let responses = &DOCUMENT.whole["paths"][path][method]["responses"];
    let response = &responses[got.status.to_string()];
    let reference = response["$ref"].as_str();
    let reference = reference
        .unwrap_or_else(|| panic!("{place}: {} is not described: {}", got.status, got.text));
    component(reference.rsplit('/').next().expect("a name"))
}

fn component(name: &str) -> (String, &'static Value) {
    let response = &DOCUMENT.whole["components"]["responses"][name];
    assert!(response.is_object(), "{name} is a response");
    (name.to_owned(), response)
}

/// A call, which must succeed; the operation that it was of.
async fn succeed(bench: &Bench, method: &str, path: &str, body: &str) -> (Operation, Got) {
    let got = bench.call(method, path, body).await;
    let path = path.split('?').next().unwrap_or_default();
    let Route::Found(operation, _) = find(&method.parse().expect("a method"), path) else {
        panic!("{method} {path} is an operation")
    };
    assert_eq!(
        got.status,
        operation.success().as_u16(),
        "{method} {path}: {}",
        got.text
    );
    assert!(!is_error(&got), "{method} {path}: {}", got.text);
    (operation, got)
}

/// Each operation that is about groups.
async fn succeed_with_groups(bench: &Bench, device: DeviceId) -> Vec<Operation> {
    let mut done = Vec::new();
    let group = bench.group("n", &[]).await;
    let one = format!("{GROUPS}/{group}");
    let devices = format!(r#"{{"devGroupId":"{group}","deviceIds":["{device}"]}}"#);
    for (method, path, body) in [
        ("POST", GROUPS, r#"{"name":"other","description":"d"}"#),
        ("POST", JOIN, devices.as_str()),
        ("PUT", &one, r#"{"maxDevNum":7}"#),
        ("GET", &one, ""),
        ("GET", GROUPS, ""),
        ("GET", &format!("{MEMBERS}?devGroupId={group}"), ""),
        ("POST", LEAVE, &devices),
        ("DELETE", &one, ""),
    ] {
        done.push(succeed(bench, method, path, body).await.0);
    }
    done
}

/// Every operation's success, through the check that all answers pass.
#[tokio::test]
async fn every_operation_succeeds_as_the_document_says() {
    let bench = Bench::start().await;
    let mut done = Vec::new();
    let device = bench.device("n").await;
    let old = format!("/iocm/app/cmd/v1.2.0/devices/{device}/commands");
    let credentials = format!("{REGISTER}/{device}");
    let call = |method: &'static str, path: String, body: &str| {
        let (bench, body) = (&bench, body.to_owned());
        async move { succeed(bench, method, &path, &body).await }
    };
    let (operation, got) = call("POST", COMMANDS.into(), &command(device)).await;
    done.push(operation);
    let id = got.json()["commandId"].as_str().expect("an id").to_owned();
    let body = format!(r#"{{"deviceId":"{device}"}}"#);
    for (method, path, body) in [
        ("POST", REGISTER.into(), r#"{"nodeId":"other"}"#),
        (
            "POST",
            REGISTER_V2.into(),
            r#"{"deviceInfo":{"nodeId":"third"},"mqttConnect":false}"#,
        ),
        ("GET", credentials.clone(), ""),
        (
            "PUT",
            format!("{DEVICES}/{device}"),
            r#"{"name":"Meter","mute":"TRUE"}"#,
        ),
        ("GET", format!("{DEVICES}/{device}?select=imsi"), ""),
        ("GET", format!("{COMMANDS}?deviceId={device}"), ""),
        (
            "PUT",
            format!("{COMMANDS}/{id}"),
            r#"{"status":"CANCELED"}"#,
        ),
        (
            "POST",
            old,
            r#"{"command":{"serviceId":"Light","method":"SET"}}"#,
        ),
        (
            "GET",
            format!("/iocm/app/cmd/v1.2.0/queryCmd?deviceId={device}"),
            "",
        ),
        (
            "POST",
            "/iocm/app/cmd/v1.2.0/cancelCmd".into(),
            body.as_str(),
        ),
        ("POST", CANCEL_TASKS.into(), body.as_str()),
        ("GET", CANCEL_TASKS.into(), ""),
        ("GET", format!("{DEVICES}?pageNo=0"), ""),
    ] {
        done.push(call(method, path, body).await.0);
    }
    done.extend(succeed_with_groups(&bench, device).await);
    let session = bench.subscribe(device).await;
    let body = r#"{"header":{"mode":"ACK","method":"SET"}}"#;
    done.push(call("POST", invoke(device), body).await.0);
    bench.disconnect(&session).await;
    done.push(call("PUT", credentials, "{}").await.0);
    let again = bench.subscribe(device).await;
    bench.disconnect(&again).await;
    done.push(call("PUT", format!("{REGISTER_V2}/{device}"), "").await.0);
    done.push(call("DELETE", format!("{DEVICES}/{device}"), "").await.0);
    let form = "appId=app&secret=secret-of-app";
    let (operation, login) = call("POST", LOGIN.into(), form).await;
    done.push(operation);
    let refresh = login.json()["refreshToken"].clone();
    let body =
        serde_json::json!({"appId": "app", "secret": "secret-of-app", "refreshToken": refresh});
    let (operation, tokens) = call("POST", REFRESH.into(), &body.to_string()).await;
    done.push(operation);
    let body = serde_json::json!({"accessToken": tokens.json()["accessToken"]});
    done.push(call("POST", LOGOUT.into(), &body.to_string()).await.0);
    let missing: Vec<&Operation> = Operation::ALL
        .iter()
        .filter(|one| !done.contains(one))
        .collect();
    assert!(missing.is_empty(), "{missing:?} were not tried");
}

/// Faults in every operation, in both settings: the document has each of them, with its status.
#[tokio::test]
async fn every_operation_fails_as_the_document_says() {
    use server::faults::Fault;
    for error_status in [ErrorStatus::Documented, ErrorStatus::Http] {
        let settings = server::north::Settings {
            error_status,
            throttle_calls_max: 0,
            ..server::north::Settings::default()
        };
        let bench = Bench::with(settings, delivery::Rules::default()).await;
        for &(operation, template) in ROUTES {
            let method = operation.method();
            let path = template
                .split('/')
                .map(|part| if part.starts_with('{') { "none" } else { part })
                .collect::<Vec<_>>()
                .join("/");
            // No application key, a wrong token, another's resources, a body that is none, a fault inside, an overload.
            bench.raw(method.as_str(), &path, &[], "").await;
            let wrong = [("app_key", "app"), ("authorization", "Bearer wrong")];
            bench.raw(method.as_str(), &path, &wrong, "{}").await;
            for app in ["other", "nobody"] {
                let path = format!("{path}?appId={app}");
                bench
                    .call(method.as_str(), &path, r#"{"deviceId":"none"}"#)
                    .await;
            }
            bench.call(method.as_str(), &path, "no JSON").await;
            bench.faults.set(Fault::Handler, 1);
            let got = bench.call(method.as_str(), &path, "{}").await;
            assert_eq!(got.error().1, operation.internal().number());
            bench.faults.set(Fault::Overload, 1);
            let got = bench.call(method.as_str(), &path, "{}").await;
            assert_eq!(got.error().1, Code::FlowControlled.number());
        }
        bench.call("GET", "/nowhere", "").await;
        bench.call("PATCH", COMMANDS, "").await;
    }
}

/// The operator's door shows the document and the page without a token.
#[tokio::test]
async fn the_admin_listener_shows_the_document_and_the_page_that_draws_it() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let folder = tempfile::tempdir().expect("a folder");
    let config = server::config::Config::local(folder.path());
    let running = server::assembly::Server::new(config)
        .start()
        .await
        .expect("started");
    let get = |path: &'static str| {
        let address = running.ports.admin;
        async move {
            let mut stream = tokio::net::TcpStream::connect(address)
                .await
                .expect("connected");
            let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
            stream.write_all(request.as_bytes()).await.expect("written");
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.expect("read");
            let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
            (head.to_ascii_lowercase(), body.to_owned())
        }
    };
    let (head, body) = get("/openapi.json").await;
    assert!(head.starts_with("http/1.1 200") && head.contains("content-type: application/json"));
    assert_eq!(body, TEXT);
    let (head, page) = get("/reference").await;
    assert!(head.starts_with("http/1.1 200") && head.contains("content-type: text/html"));
    assert!(head.contains("default-src 'none'") && head.contains("nosniff"));
    // It stands on its own: nothing is fetched but the document.
    assert!(page.contains("fetch(\"/openapi.json\")"));
    for outside in ["http://", "<link", "@import", "src="] {
        assert!(!page.contains(outside), "{outside}");
    }
    running.stop().await.expect("stopped");
}
