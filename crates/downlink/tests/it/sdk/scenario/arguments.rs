//! The arguments of a call, sorted by where they travel, and the call as texts.

use sdk::api::headers::IdempotencyKey;
use sdk::api::query::{Query, percent_encode};
use sdk::api::{Operation, Secret, paths};
use sdk::{Client, Error, Reply, Token};
use serde_json::{Map, Value};

/// Arguments of a call.
pub(super) struct Arguments {
    pub(super) operation: Operation,
    /// Variables of the path, in its order.
    pub(super) path: Vec<String>,
    /// Without the owner.
    pub(super) query: Vec<(String, String)>,
    pub(super) owner: Option<String>,
    pub(super) body: Option<Value>,
    pub(super) token: Token,
    pub(super) key: Option<IdempotencyKey>,
}

impl Arguments {
    /// Sorts the arguments of a step.
    ///
    /// # Errors
    /// One is missing, or of no type that travels there.
    pub(super) fn sort(id: &str, mut args: Map<String, Value>, bare: bool) -> Result<Self, String> {
        let operation = Operation::from_id(id).ok_or(format!("`{id}` is no operation"))?;
        args.retain(|_, value| !value.is_null());
        let body = args.remove("body");
        let given = args.remove("accessToken").map(text).transpose()?;
        let token = match given.map(Secret::new) {
            _ if bare || !operation.needs_token() => Token::None,
            Some(given) => Token::Given(given),
            None => Token::Own,
        };
        let key = args.remove("Idempotency-Key").map(text).transpose()?;
        let key = key.map(|key| IdempotencyKey::parse(key.as_bytes()).expect("a key"));
        let names = paths::template(operation)
            .split('/')
            .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
        let mut path = Vec::new();
        for name in names {
            path.push(text(
                args.remove(name).ok_or(format!("`{name}` is missing"))?,
            )?);
        }
        let owner = args.remove(owner_key(operation)).map(text).transpose()?;
        let query = args
            .into_iter()
            .map(|(name, value)| Ok::<_, String>((name, text(value)?)));
        let query = query.collect::<Result<_, _>>()?;
        Ok(Self {
            operation,
            path,
            query,
            owner,
            body,
            token,
            key,
        })
    }

    /// Whether nothing is given.
    pub(super) fn are_none(&self) -> bool {
        self.path.is_empty() && self.query.is_empty() && self.owner.is_none() && self.body.is_none()
    }

    /// Whether a typed method can say all of it, but for the body and the query.
    pub(super) fn are_usual(&self) -> bool {
        let needs = self.operation.needs_token();
        self.token == if needs { Token::Own } else { Token::None }
    }

    /// The query, without the owner.
    pub(super) fn asked(&self) -> Query {
        Query::parse(&encoded(&self.query))
    }

    /// Makes the call with texts as they are.
    pub(super) async fn call(&self, client: &Client) -> Result<Reply, Error> {
        let mut query = self.query.clone();
        let key = owner_key(self.operation).to_owned();
        query.extend(self.owner.clone().map(|owner| (key, owner)));
        let mut call = client
            .raw(self.operation)
            .query(&encoded(&query))
            .token(self.token.clone());
        for variable in &self.path {
            call = call.variable(variable);
        }
        call = match &self.body {
            None => call,
            Some(Value::Object(form)) if self.operation == Operation::GetAuthToken => {
                let pairs = form.iter().map(|(name, value)| {
                    (name.clone(), value.as_str().expect("a text").to_owned())
                });
                call.body(encoded(&pairs.collect::<Vec<_>>()))
            }
            Some(json) => call.body(json.to_string()),
        };
        call = match &self.key {
            None => call,
            Some(key) => call.key(key.clone()),
        };
        call.send().await
    }
}

/// What the owner is called in the query.
fn owner_key(operation: Operation) -> &'static str {
    if operation.is_about_groups() {
        "accessAppId"
    } else {
        "appId"
    }
}

fn encoded(pairs: &[(String, String)]) -> String {
    let pairs = pairs
        .iter()
        .map(|(name, value)| format!("{}={}", percent_encode(name), percent_encode(value)));
    pairs.collect::<Vec<_>>().join("&")
}

/// A text, number or truth as it stands in a path or a query.
fn text(value: Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text),
        Value::Number(_) | Value::Bool(_) => Ok(value.to_string()),
        other => Err(format!("{other} is no argument")),
    }
}
