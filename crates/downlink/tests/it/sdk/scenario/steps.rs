//! The steps of a scenario, read: what is not known is an error.

use serde::Deserialize;
use serde_json::{Map, Value};

/// A step.
pub(super) struct Step {
    pub(super) note: Option<String>,
    pub(super) kind: Kind,
    /// Names, and where in the answer their values are.
    pub(super) save: Map<String, Value>,
}

/// What a step does.
pub(super) enum Kind {
    /// A command of the operator.
    Cli(Vec<Value>),
    /// A device wakes, under a name.
    Awake(Vec<Value>, String),
    /// It goes back to sleep; where this status is not 0 it is lost instead, and its process ends with that.
    Asleep(String, i32),
    /// A call of the client.
    Call(Call),
    /// So many further callbacks of a command, or of a direct call.
    Callbacks(String, Vec<Value>),
}

/// A call.
#[derive(Clone)]
pub(super) struct Call {
    pub(super) operation: String,
    pub(super) args: Map<String, Value>,
    /// Without `app_key` and token.
    pub(super) bare: bool,
    pub(super) repeat: u32,
    pub(super) expect: Expect,
}

/// How a call ends.
#[derive(Clone)]
pub(super) enum Expect {
    Success {
        status: u16,
        body: Option<Value>,
    },
    Refusal {
        code: String,
        desc: Option<String>,
        status: Option<u16>,
    },
}

/// All members that a step may have.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Written {
    note: Option<String>,
    cli: Option<Vec<Value>>,
    awake: Option<Vec<Value>>,
    #[serde(rename = "as")]
    name: Option<String>,
    asleep: Option<String>,
    exit: Option<i32>,
    call: Option<String>,
    args: Option<Map<String, Value>>,
    credentials: Option<String>,
    repeat: Option<u32>,
    callbacks: Option<String>,
    expect: Option<Value>,
    save: Option<Map<String, Value>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenEnd {
    status: Option<u16>,
    body: Option<Value>,
    code: Option<String>,
    desc: Option<String>,
}

impl Step {
    /// Reads a step of the file.
    ///
    /// # Errors
    /// Words for a person.
    pub(super) fn read(step: &Value) -> Result<Self, String> {
        let written: Written =
            serde_json::from_value(step.clone()).map_err(|wrong| wrong.to_string())?;
        Ok(Self {
            note: written.note.clone(),
            save: written.save.clone().unwrap_or_default(),
            kind: written.kind()?,
        })
    }
}

impl Written {
    fn kind(self) -> Result<Kind, String> {
        let Self {
            note: _,
            cli,
            awake,
            name,
            asleep,
            exit,
            call,
            args,
            credentials,
            repeat,
            callbacks,
            expect,
            save,
        } = self;
        let of_call = args.is_some() || credentials.is_some() || repeat.is_some();
        if exit.is_some() && asleep.is_none() {
            return Err("`exit` is of a device that goes to sleep".to_owned());
        }
        Ok(match (cli, awake, asleep, call, callbacks) {
            (Some(args), None, None, None, None)
                if !of_call && name.is_none() && expect.is_none() =>
            {
                Kind::Cli(args)
            }
            (None, Some(args), None, None, None)
                if !of_call && expect.is_none() && save.is_none() =>
            {
                Kind::Awake(args, name.ok_or("`as` is missing")?)
            }
            (None, None, Some(who), None, None)
                if !of_call && expect.is_none() && save.is_none() =>
            {
                Kind::Asleep(who, exit.unwrap_or_default())
            }
            (None, None, None, Some(operation), None) if name.is_none() => Kind::Call(Call {
                operation,
                args: args.unwrap_or_default(),
                bare: match credentials.as_deref() {
                    None => false,
                    Some("none") => true,
                    Some(other) => return Err(format!("credentials `{other}`")),
                },
                repeat: repeat.unwrap_or(1),
                expect: Expect::read(expect.ok_or("`expect` is missing")?)?,
            }),
            (None, None, None, None, Some(key)) if !of_call && save.is_none() => match expect {
                Some(Value::Array(expect)) => Kind::Callbacks(key, expect),
                _ => return Err("`expect` is no list".to_owned()),
            },
            _ => return Err("it is none of the steps that there are".to_owned()),
        })
    }
}

impl Expect {
    fn read(written: Value) -> Result<Self, String> {
        let end: WrittenEnd = serde_json::from_value(written).map_err(|wrong| wrong.to_string())?;
        Ok(match end {
            WrittenEnd {
                status: Some(status),
                body,
                code: None,
                desc: None,
            } => Self::Success { status, body },
            WrittenEnd {
                status,
                body: None,
                code: Some(code),
                desc,
            } => Self::Refusal { code, desc, status },
            _ => return Err("`expect` is neither a success nor a refusal".to_owned()),
        })
    }
}
