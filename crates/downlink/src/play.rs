//! `downlink device play`: a device for tests, which does with each command what it is told to.

use crate::fail::{Exit, Fault};
use crate::{Desk, show};
use anyhow::{Context, Result, anyhow, bail};
use clap::Args;
use serde_json::{Map, Value, json};
use server::admin::client::Client;
use server::admin::wire::DeviceView;
use sim::behaviour::{Acknowledges, Answers, Behaviour, Reaction};
use sim::credentials::Credentials;
use sim::device::{Device, Received, State};
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// How long the platform may take to see the device, and to confirm what it said.
const SOON: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(5);
const SEED: u64 = 1;

/// Be a device: wake, take commands as told, and go back to sleep.
///
/// It connects over MQTT to the server that runs on the data folder on this machine, prints each command that reaches it, and ends when so
/// many have come, or when the command after `--` has ended. What the platform has confirmed by then is on disk there.
///
/// The n-th command that arrives, repeated attempts included, is taken in the n-th way of --answers, and all further ones in the last:
///   ok          acknowledged, answered with errcode 0 and --body
///   error=N     acknowledged, answered with errcode N (1 to 255)
///   silent      acknowledged, never answered
///   deaf        neither acknowledged nor answered
///   early       answered, and acknowledged only then
///   twice       acknowledged, answered twice
///   garbage     acknowledged, answered with what is no JSON
#[derive(Args)]
#[command(
    verbatim_doc_comment,
    group = clap::ArgGroup::new("secrets").args(["secret", "secret_file"]).required(true).multiple(true),
    after_help = "\
Examples:
  downlink device play meter-1 --secret-file meter-1.secret --commands 1
  downlink device play meter-1 --secret-file meter-1.secret --commands 2 --answers error=7,ok --body '{\"result\":0}'
  printf %s \"$SECRET\" | downlink device play meter-1 --secret-file - --answers silent -- ./call-the-meter.sh"
)]
pub(crate) struct Play {
    /// Its deviceId, or its nodeId.
    device: String,
    /// The secret of its registration. Others on this machine see it in the list of processes, unlike --secret-file and the variable.
    #[arg(long, env = "DOWNLINK_DEVICE_SECRET", hide_env_values = true)]
    secret: Option<String>,
    /// A file with its secret, `-` for stdin; goes before --secret and the variable.
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// What it does with its commands.
    #[arg(long, value_delimiter = ',', default_value = "ok", value_parser = way)]
    answers: Vec<Reaction>,
    /// The body of its answers, a JSON object.
    #[arg(long, value_name = "JSON", default_value = "{}", value_parser = body)]
    body: Map<String, Value>,
    /// Stay awake until so many commands have come.
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    commands: usize,
    /// The longest wait for them, in real time.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = crate::clock::span)]
    within: u64,
    /// Go without a word, as a device that loses its network.
    #[arg(long)]
    cut: bool,
    /// A command to run while it is awake; its exit status becomes this one's.
    #[arg(last = true, value_name = "COMMAND")]
    meanwhile: Vec<String>,
}

impl Play {
    pub(crate) async fn run(self, desk: &Desk) -> Result<()> {
        let ports = Client::ports(&desk.folder)?;
        let mqtt = ports.mqtt.ok_or_else(|| {
            Fault::usage(
                "the server has no plain MQTT listener",
                "start it with `mqtt.address` on loopback",
            )
        })?;
        let path = format!("/downlink/v1/devices/{}", show::escape(&self.device));
        let known: DeviceView = desk.client.read(&path).await?;
        let behaviour = Behaviour {
            body: self.body.clone(),
            ..Behaviour::default()
        };
        let credentials = Credentials::of_device(known.device_id, self.secret()?);
        let mut device = Device::new(credentials, behaviour, SEED);
        device.follow(self.answers.iter().copied());
        device
            .wake(mqtt)
            .await
            .context("the device cannot wake; is its secret right?")?;
        reachable(&desk.client, &path).await?;
        let ended = self.live(desk, &device).await;
        if self.cut {
            device.cut().await;
        } else {
            device.sleep().await;
        }
        ended
    }

    fn secret(&self) -> Result<String> {
        match (&self.secret_file, &self.secret) {
            (Some(file), _) => crate::secret::of_file(file),
            (None, Some(secret)) => Ok(secret.clone()),
            (None, None) => bail!("a device wakes with its secret, and there is none"),
        }
    }

    /// Its time awake.
    async fn live(&self, desk: &Desk, device: &Device) -> Result<()> {
        let mut shown = 0;
        let status = {
            let meanwhile = self.meanwhile();
            tokio::pin!(meanwhile);
            loop {
                tokio::select! {
                    status = &mut meanwhile => break status?,
                    told = self.tell_next(desk, device, &mut shown) => told?,
                }
            }
        };
        let all = async {
            while shown < self.commands {
                self.tell_next(desk, device, &mut shown).await?;
            }
            Ok::<(), anyhow::Error>(())
        };
        let came = timeout(Duration::from_millis(self.within), all).await;
        came.map_err(|_| self.too_few(shown))??;
        let confirmed =
            device.until(|core| core.unconfirmed() == 0 || core.state() == State::Asleep);
        timeout(SOON, confirmed)
            .await
            .map_err(|_| anyhow!("the platform does not confirm what the device said"))?;
        for received in device.received().into_iter().skip(shown) {
            self.tell(desk, &received)?;
        }
        match status {
            Some(status) if !status.success() => Err(anyhow!("the command ended with {status}")),
            Some(_) | None => Ok(()),
        }
    }

    /// Runs the command to its end, if there is one.
    async fn meanwhile(&self) -> Result<Option<ExitStatus>> {
        let Some((program, args)) = self.meanwhile.split_first() else {
            return Ok(None);
        };
        let status = tokio::process::Command::new(program)
            .args(args)
            .kill_on_drop(true)
            .status()
            .await;
        Ok(Some(
            status.with_context(|| format!("{program} cannot be started"))?,
        ))
    }

    /// Waits for a command that was not told yet, and tells it.
    async fn tell_next(&self, desk: &Desk, device: &Device, shown: &mut usize) -> Result<()> {
        device
            .until(|core| core.received().len() > *shown || core.state() == State::Asleep)
            .await;
        let Some(received) = device.received().into_iter().nth(*shown) else {
            return Err(anyhow!("the platform has ended the device's connection"));
        };
        *shown += 1;
        self.tell(desk, &received)
    }

    /// Prints a command: on stderr where another program has stdout.
    fn tell(&self, desk: &Desk, received: &Received) -> Result<()> {
        let paras = Value::Object(received.paras.clone());
        let line = if desk.show.json {
            let Received {
                mid,
                service_id,
                cmd,
                ..
            } = received;
            json!({"mid": mid, "serviceId": service_id, "cmd": cmd, "paras": paras}).to_string()
        } else {
            format!("{} {} {paras}", received.service_id, received.cmd)
        };
        if self.meanwhile.is_empty() {
            return show::line(format_args!("{line}"));
        }
        eprintln!("{line}");
        Ok(())
    }

    fn too_few(&self, came: usize) -> Fault {
        Fault {
            exit: Exit::Otherwise,
            kind: "too_few_commands",
            message: format!("{came} commands came, not {}", self.commands),
            advice:
                "`downlink command list` shows where the others are; --within gives them more time"
                    .to_owned(),
        }
    }
}

/// Waits until the platform has seen that the device takes commands.
async fn reachable(client: &Client, path: &str) -> Result<()> {
    let looked = timeout(SOON, async {
        loop {
            let view: DeviceView = client.read(path).await?;
            if view.reachable {
                return Ok::<(), anyhow::Error>(());
            }
            sleep(LOOK_EVERY).await;
        }
    });
    looked
        .await
        .map_err(|_| anyhow!("the platform does not see the device"))?
}

/// Reads a way to take a command.
fn way(text: &str) -> Result<Reaction, String> {
    let right = Reaction::default();
    let errcode = text.strip_prefix("error=").map(str::parse::<u8>);
    Ok(match (text, errcode) {
        ("ok", _) => right,
        (_, Some(Ok(errcode))) if errcode > 0 => Reaction {
            answers: Answers::Error(errcode),
            ..right
        },
        ("silent", _) => Reaction {
            answers: Answers::Nothing,
            ..right
        },
        ("deaf", _) => Reaction {
            acknowledges: Acknowledges::Never,
            answers: Answers::Nothing,
            ..right
        },
        ("early", _) => Reaction {
            acknowledges: Acknowledges::AfterAnswer,
            ..right
        },
        ("twice", _) => Reaction { times: 2, ..right },
        ("garbage", _) => Reaction {
            answers: Answers::Garbage,
            ..right
        },
        (_, _) => {
            return Err("ways are ok, error=N, silent, deaf, early, twice and garbage".to_owned());
        }
    })
}

fn body(text: &str) -> Result<Map<String, Value>, serde_json::Error> {
    serde_json::from_str(text)
}
