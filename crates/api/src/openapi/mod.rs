//! What the interface looks like to a machine: the OpenAPI 3.1 document, made of the types and of what their readers ask.
//!
//! Nothing in it is written twice. Names, types and descriptions are derived from the wire types; bounds are those that the readers
//! themselves apply ([`asked`](crate::asked)); statuses, codes and texts are those of the tables. What is said here and nowhere else is
//! what only people need: a sentence for each operation, a page for each code, an example of each answer.
//!
//! To add an operation: derive `JsonSchema` for its types, and follow the compiler through `operations.rs` and `articles`.

mod about;
mod articles;
mod components;
mod operations;
mod parameters;
mod probe;
mod responses;
mod rules;
mod samples;
mod types;
mod webhooks;
mod write;

pub use articles::{Article, Who, concerns, happens, never};

use serde_json::{Map, Value, json};

use crate::paths::ROUTES;
use crate::query::Query;
use crate::{Invalid, Operation};
use about::{About, Class};
use components::Components;
use operations::{Reader, Wire};
use write::Order;

/// What stands before the operations.
const DESCRIPTION: &str = "\
Downlink gets a command from an application to a device that may be asleep, and tells the application truthfully what became of it.

**Errors.** Many errors are a 200, as in the old platform: look at `error_code` before the status. The setting `error_status = http` gives 404, \
403 and 409 instead; each response says which codes it carries under which setting (`x-error-codes`, `x-error-codes-http`). `x-never-sent` are \
codes that the contract's table lists and Downlink never sends. `components.x-codes` lists every code: whether the same request may succeed \
later (`retryable`), and whether it is certain that nothing happened (`surelyHarmless`).

**Requests.** Null stands for absent. Unknown members and keys are ignored. `x-also-accepts` names other spellings that are read; write the one \
of the schema.

**Lengths** are in characters, and `x-unit` is the unit of a number. Numbers in brackets are sections of `docs/northbound-api.md`, R3.1 is a \
ruling in `docs/rulings.md`.";

/// The document as it is committed: JSON, its members in reading order.
pub fn document() -> String {
    let mut order = Order::default();
    let document = build(&mut order);
    write::text(&document, &order)
}

/// Has an operation's reader read a body: JSON, or a form where that is what the operation reads. `None` if it reads none.
pub fn read_body(operation: Operation, body: &[u8]) -> Option<Result<(), Invalid>> {
    let (Reader::Json(read) | Reader::Form(read)) = operations::reader(operation)?;
    Some(read(body))
}

/// Has an operation's reader read a query. `None` if it reads none.
pub fn read_query(operation: Operation, query: &Query) -> Option<Result<(), Invalid>> {
    operations::query(operation).map(|read| read(query))
}

/// The unique id of an operation at its main path.
pub fn operation_id(operation: Operation) -> &'static str {
    about::about(operation).id
}

fn build(order: &mut Order) -> Value {
    let mut components = Components::new();
    responses::add_error(&mut components);
    let webhooks = webhooks::all(&mut components);
    let mut responses = responses::response_components();
    let paths = paths(&mut components, order, &mut responses);
    let mut schemas = components.finish(order);
    responses::refine_error(&mut schemas["ErrorBody"]);
    let tags: Vec<Value> = Class::ALL
        .iter()
        .map(|class| json!({"name": class.name(), "description": class.description()}))
        .collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Downlink",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "Commands for devices that may be asleep",
            "description": DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"}
        },
        "servers": [{
            "url": "https://{host}:{port}",
            "description": "The northbound listener (`[north]` in the configuration).",
            "variables": {"host": {"default": "localhost"}, "port": {"default": "8743"}}
        }],
        "tags": tags,
        "paths": paths,
        "webhooks": webhooks,
        "components": {
            "securitySchemes": {"bearer": {
                "type": "http",
                "scheme": "bearer",
                "description": "The `accessToken` of a login, the scheme in any case. A header `access_token` with the bare token is read too."
            }},
            "headers": responses::header_components(),
            "responses": responses,
            "schemas": schemas,
            "x-codes": responses::codes()
        },
        "x-unrouted": {
            "description": "Any other path, and any other method of a path, is answered so (R3.4).",
            "path": {"$ref": "#/components/responses/NoSuchPath"},
            "method": {"$ref": "#/components/responses/MethodNotAllowed"}
        }
    })
}

fn paths(components: &mut Components, order: &mut Order, responses: &mut Value) -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for &operation in Operation::ALL {
        let about = about::about(operation);
        let wire = operations::wire(operation, components);
        for (status, response) in responses::of(operation, wire.answer.as_ref()) {
            responses[format!("{}.{status}", about.id)] = response;
        }
        let mut main: Option<&str> = None;
        for &(_, path) in ROUTES.iter().filter(|(served, _)| *served == operation) {
            if !order.paths.iter().any(|known| known == path) {
                order.paths.push(path.to_owned());
            }
            let mut described = describe(operation, &about, &wire, path);
            if let Some(main) = main {
                described["operationId"] = format!("{}{}", about.name, version(path)).into();
                described["deprecated"] = true.into();
                described["x-alias-of"] = main.into();
            }
            main = main.or(Some(path));
            let method = operation.method().as_str().to_ascii_lowercase();
            let item = paths.entry(path.to_owned()).or_insert_with(|| json!({}));
            item[method] = described;
        }
    }
    // Main paths first, in the order of the contract; old ones after them.
    let is_alias = |path: &String| {
        let mains = Operation::ALL
            .iter()
            .filter_map(|operation| ROUTES.iter().find(|(served, _)| served == operation));
        !mains.into_iter().any(|(_, main)| main == path)
    };
    order.paths.sort_by_key(is_alias);
    Value::Object(paths)
}

fn describe(operation: Operation, about: &About, wire: &Wire, path: &str) -> Value {
    let mut described = json!({
        "operationId": about.id,
        "x-contract-name": about.name,
        "x-section": about.section,
        "tags": [about.class.name()],
        "summary": about.summary,
        "description": format!("{} [{}]", about.description, about.section),
        "security": if operation.needs_token() { json!([{"bearer": []}]) } else { json!([]) },
        "responses": responses::references(operation, about.id, wire.answer.as_ref()),
        "x-success": operation.success().as_u16()
    });
    let parameters = parameters::of(operation, path, &wire.query);
    if !parameters.is_empty() {
        described["parameters"] = parameters.into();
    }
    if let Some(successor) = about::successor(operation) {
        described["deprecated"] = true.into();
        described["x-replaced-by"] = about::about(successor).id.into();
    }
    if let Some((schema, media)) = &wire.body {
        let may_be_empty = read_body(operation, b"").is_some_and(|outcome| outcome.is_ok());
        let content: Map<String, Value> = media
            .iter()
            .map(|media| ((*media).to_owned(), json!({"schema": schema})))
            .collect();
        described["requestBody"] =
            json!({"required": !may_be_empty, "content": content, "x-media": media[0]});
    }
    described
}

/// `V12` of a path with `/v1.2.0/`: what makes an old path's id unique.
fn version(path: &str) -> String {
    let segment = path.split('/').find_map(|segment| {
        let digits = segment.strip_prefix('v')?;
        digits.contains('.').then_some(digits)
    });
    let mut parts = segment.unwrap_or_default().split('.');
    let (major, minor) = (
        parts.next().unwrap_or_default(),
        parts.next().unwrap_or_default(),
    );
    format!("V{major}{minor}")
}
