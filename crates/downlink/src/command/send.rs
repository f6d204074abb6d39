//! `downlink command send`: a command of the operator's own, followed to its end if so wished.

use super::{path, view::Shown};
use crate::fail::{Exit, Fault};
use crate::{Desk, show};
use anyhow::Result;
use clap::Args;
use serde_json::{Map, Value, json};
use server::admin::client::Method;
use server::admin::wire::{CommandView, EntryView, HistoryView};
use std::time::Duration;

pub(super) const EXAMPLES: &str = r#"Examples:
  downlink command send 860000000000001 WaterMeter SET_PERIOD --para value=12
  downlink command send 860000000000001 WaterMeter SET_PERIOD --paras '{"value":12}' --expire 3600 --wait
  downlink command send 860000000000001 WaterMeter SET_PERIOD --para value=12 --now --json"#;

/// How often a command that is waited for is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);

#[derive(Args)]
pub(crate) struct Send {
    /// The device: its deviceId, or its nodeId.
    device: String,
    /// The service of the device.
    service: String,
    /// The command's name.
    method: String,
    /// A parameter; may be repeated. A value that is JSON is taken as such, anything else as text.
    #[arg(long = "para", value_name = "NAME=VALUE", conflicts_with = "paras")]
    para: Vec<String>,
    /// All parameters, as a JSON object.
    #[arg(long, value_name = "JSON")]
    paras: Option<String>,
    /// How long it may wait for the device, in seconds [default: 172800, two days].
    #[arg(long, value_name = "SECONDS", conflicts_with = "now")]
    expire: Option<u32>,
    /// Send it now or never: it does not wait for a device that is away.
    #[arg(long)]
    now: bool,
    /// How often an attempt is repeated at the most, 0 to 3 [default: 3].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(0..=3))]
    retransmit: Option<u8>,
    /// Where changes of its status are told: an http or https address. Signed like the callbacks of the device's application.
    #[arg(long, value_name = "URL")]
    callback: Option<String>,
    /// Follow it to its end, a line for each change; the exit code is 5 unless it ended well.
    #[arg(long)]
    wait: bool,
}

impl Send {
    pub(super) async fn run(self, desk: &Desk) -> Result<()> {
        let to = format!(
            "/downlink/v1/devices/{}/commands",
            show::escape(&self.device)
        );
        let body = self.body()?;
        let sent: CommandView = desk.client.send(Method::POST, &to, &body).await?;
        if self.wait {
            return follow(desk, &sent.command_id).await;
        }
        desk.show.either(sent, |sent| {
            show::line(format_args!("{}  {}", sent.command_id, sent.status))
        })
    }

    /// The body of `postDeviceCommand`, but for the device.
    fn body(&self) -> Result<Map<String, Value>> {
        let paras = if let Some(text) = &self.paras {
            serde_json::from_str(text).map_err(|_| {
                let advice = r#"write them as in --paras '{"value":12}'"#;
                Fault::usage("--paras is no JSON object", advice)
            })?
        } else {
            let paras = self.para.iter().map(|text| para(text));
            paras.collect::<Result<Map<String, Value>>>()?
        };
        let command = json!({
            "serviceId": self.service,
            "method": self.method,
            "paras": paras,
        });
        let mut body = Map::from_iter([("command".to_owned(), command)]);
        let expire = if self.now { Some(0) } else { self.expire };
        for (name, value) in [
            ("expireTime", expire.map(Value::from)),
            ("maxRetransmit", self.retransmit.map(Value::from)),
            ("callbackUrl", self.callback.clone().map(Value::from)),
        ] {
            if let Some(value) = value {
                body.insert(name.to_owned(), value);
            }
        }
        Ok(body)
    }
}

/// `name=value`; a value that is JSON is taken as such.
fn para(text: &str) -> Result<(String, Value)> {
    let Some((name, value)) = text.split_once('=').filter(|(name, _)| !name.is_empty()) else {
        let wrong = format!("--para {text}: there is no name and no value in it");
        return Err(Fault::usage(wrong, "write it as in --para value=12").into());
    };
    let value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
    Ok((name.to_owned(), value))
}

/// Looks at a command until it has ended, and tells of each change.
async fn follow(desk: &Desk, command_id: &str) -> Result<()> {
    let path = path(command_id);
    if !desk.show.json {
        show::line(format_args!("command {command_id}"))?;
    }
    let mut told = 0;
    let ended: CommandView = loop {
        // The command is read first: an end that it shows is in the history that is read afterwards.
        let now: CommandView = desk.client.read(&path).await?;
        let view: HistoryView = desk.client.read(&format!("{path}/history")).await?;
        if !desk.show.json {
            view.history.iter().skip(told).try_for_each(change)?;
        }
        told = view.history.len();
        if now.is_final {
            break now;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    };
    let status = ended.status.clone();
    let answer = ended.answer.as_ref().map(|answer| answer.get().to_owned());
    if desk.show.json {
        let history = desk.client.read(&format!("{path}/history")).await?;
        let shown = Shown {
            command: ended,
            history: Some(history),
            why: None,
        };
        shown.print(desk.show)?;
    } else if let Some(answer) = answer {
        show::line(format_args!("answer {answer}"))?;
    }
    if matches!(status.as_str(), "SUCCESSFUL" | "DELIVERED") {
        return Ok(());
    }
    Err(Fault {
        exit: Exit::Otherwise,
        kind: "ended",
        message: format!("command {command_id} ended as {status}"),
        advice: format!("`downlink command explain {command_id}` says what that proves"),
    }
    .into())
}

fn change(entry: &EntryView) -> Result<()> {
    let late = if entry.late { ", too late" } else { "" };
    let attempt = match entry.attempt {
        0 => String::new(),
        attempt => format!(", attempt {attempt}"),
    };
    show::line(format_args!(
        "{}  {:10}  {}{attempt}{late}",
        entry.at.utc, entry.status, entry.cause
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_that_is_json_is_taken_as_such() {
        assert_eq!(para("a=12").unwrap().1, json!(12));
        assert_eq!(para("a=on").unwrap().1, json!("on"));
        assert_eq!(para("a=\"12\"").unwrap().1, json!("12"));
        assert_eq!(para("a={\"b\":true}").unwrap().1, json!({"b": true}));
        assert_eq!(para("a=b=c").unwrap(), ("a".to_owned(), json!("b=c")));
        assert_eq!(para("a=").unwrap().1, json!(""));
        assert!(para("a").is_err());
        assert!(para("=1").is_err());
    }
}
