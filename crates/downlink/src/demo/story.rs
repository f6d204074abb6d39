//! The story, act by act. Each act checks what the platform says and what the device saw, and fails at the first difference.

use super::act::{self, SERVICE, SET_PERIOD, SET_PRESSURE};
use super::burst;
use super::ear::Subject;
use super::stage::{Stage, expect};
use anyhow::{Context, Result};
use api::commands::CommandAnswer;
use serde_json::{Map, Value, json};
use server::admin::client::Method;
use server::admin::wire::{Explanation, ProfileAdded};
use sim::credentials::Credentials;
use std::time::Duration;

const PLATFORM: &str = "platform";
const OPERATOR: &str = "operator";
const APPLICATION: &str = "application";
const DEVICE: &str = "meter";
const TWO_DAYS_S: u32 = 172_800;
const ONE_HOUR_S: u32 = 3_600;
pub(super) const WHOLE_LIFE: &str = "PENDING → SENT → DELIVERED → SUCCESSFUL";

/// Plays all acts.
pub(super) async fn play(stage: &mut Stage) -> Result<()> {
    beginning(stage).await?;
    first_contact(stage).await?;
    queued(stage).await?;
    cancelled_and_expired(stage).await?;
    direct(stage).await?;
    burst::play(stage).await?;
    end(stage).await
}

/// An application, a product model, a login, a device.
async fn beginning(stage: &mut Stage) -> Result<()> {
    let server = stage.server()?;
    let what = format!(
        "runs as process {} since {} ms: HTTP on {}, MQTT on {}",
        server.pid(),
        server.start_took.as_millis(),
        server.ports.north,
        stage.mqtt()?
    );
    stage.step(PLATFORM, what).await?;
    let app_id = stage.new_application("demo").await?;
    stage
        .step(OPERATOR, format!("creates the application {app_id}"))
        .await?;
    let url = stage.listen().await?;
    let what =
        format!("gives it a secret for callbacks; it listens on {url} and believes what is signed");
    stage.step(OPERATOR, what).await?;
    let added = stage
        .server()?
        .admin
        .call(
            Method::POST,
            "/downlink/v1/profiles",
            act::PROFILE.as_bytes(),
        )
        .await?;
    let added: ProfileAdded =
        serde_json::from_slice(&added).context("the product model's answer")?;
    expect(
        "the product model that was added",
        "WM1",
        &added.profile.model,
    )?;
    stage
        .step(OPERATOR, "adds the product model of the water meter WM1")
        .await?;
    let client = stage.client()?;
    let tokens = client.get_auth_token().await?;
    expect("how long the access token lasts", 3600, tokens.expires_in)?;
    stage
        .step(APPLICATION, "logs in; its token lasts an hour")
        .await?;
    let registered = client
        .reg_direct_device_with_secret(&act::registration())
        .await?;
    let status = client.query_device_status(&registered.device_id).await?;
    expect(
        "whether the meter was ever in contact",
        false,
        status.activated,
    )?;
    stage.enter(Credentials::of_device(
        &registered.device_id,
        registered.secret.expose(),
    ));
    let what = format!(
        "registers the meter in secret mode: {}",
        registered.device_id
    );
    stage.step(APPLICATION, what).await
}

/// The device comes, reports, and sleeps.
async fn first_contact(stage: &mut Stage) -> Result<()> {
    let client = stage.client()?;
    stage.wake().await?;
    let data = json!({"volume": 12.345, "flow": 0.5, "period": 24, "valve": "open"});
    let data: Map<String, Value> = serde_json::from_value(data)?;
    let actor = stage.actor()?;
    let id = actor.id.clone();
    actor.device.report(SERVICE, &data);
    // The platform's PUBACK is its word that the report is kept (R6.4).
    let kept = actor.device.until(|core| core.confirmed() == 1);
    tokio::time::timeout(Duration::from_secs(5), kept)
        .await
        .context("the platform does not acknowledge the meter's report")?;
    let device = client.query_single_device_info(&id).await?;
    let service = device
        .services
        .iter()
        .find(|service| service.service_id == SERVICE);
    let volume = service.and_then(|service| service.data.as_ref()?.get("volume").cloned());
    expect(
        "the volume that the platform shows",
        12.345,
        volume.unwrap_or_default(),
    )?;
    expect(
        "the meter's status",
        "ONLINE",
        device.device_info.status.unwrap_or_default(),
    )?;
    let status = client.query_device_status(&id).await?;
    expect(
        "whether the meter was ever in contact",
        true,
        status.activated,
    )?;
    stage
        .step(
            DEVICE,
            "connects over MQTT and reports its volume: 12.345 m3",
        )
        .await?;
    stage.sleep().await?;
    let device = client.query_single_device_info(&id).await?;
    expect(
        "the meter's status",
        "OFFLINE",
        device.device_info.status.unwrap_or_default(),
    )?;
    stage.step(DEVICE, "falls asleep").await
}

/// A command waits for a device that sleeps, reaches it, and is answered.
async fn queued(stage: &mut Stage) -> Result<()> {
    let from = stage.received(0)?.len();
    let command = post(stage, SET_PERIOD, 6, TWO_DAYS_S).await?;
    expect("the command's status", "PENDING", command.status.as_str())?;
    stage
        .step(
            APPLICATION,
            "sends a command to the sleeping meter: measure every 6 hours",
        )
        .await?;
    stage.pass(Duration::from_hours(6)).await?;
    expect(
        "the status six hours later",
        "PENDING",
        stage.path_of(&command.command_id).await?,
    )?;
    expect(
        "what the sleeping meter saw",
        "nothing",
        act::shown(&stage.received(from)?),
    )?;
    stage
        .step(PLATFORM, "keeps the command for six hours")
        .await?;
    let words: Explanation = stage
        .read(&format!("/commands/{}/explain", command.command_id))
        .await?;
    for sentence in &words.explanation {
        stage.teller.more(sentence)?;
    }
    stage.wake().await?;
    stage.await_arrivals(from + 1).await?;
    stage
        .await_status(&command.command_id, "SUCCESSFUL")
        .await?;
    expect(
        "the command's life",
        WHOLE_LIFE,
        stage.path_of(&command.command_id).await?,
    )?;
    expect(
        "what the meter saw",
        "SET_PERIOD 6",
        act::shown(&stage.received(from)?),
    )?;
    let shown = find(stage, &command.command_id).await?;
    let result = shown.result.map(|result| json!(result));
    let expected = json!({"resultCode": "SUCCESSFUL", "resultDetail": {"result": 0}});
    expect(
        "the result that the application reads",
        expected,
        result.unwrap_or_default(),
    )?;
    stage
        .step(
            DEVICE,
            "wakes, gets the command at once, acknowledges it and answers",
        )
        .await?;
    stage.sleep().await
}

/// Of three commands one is cancelled and one expires; the device sees the third alone.
async fn cancelled_and_expired(stage: &mut Stage) -> Result<()> {
    let from = stage.received(0)?.len();
    let cancelled = post(stage, SET_PRESSURE, 7, TWO_DAYS_S).await?;
    let expiring = post(stage, SET_PRESSURE, 8, ONE_HOUR_S).await?;
    let third = post(stage, SET_PERIOD, 3, TWO_DAYS_S).await?;
    stage
        .step(APPLICATION, "sends three commands to the sleeping meter")
        .await?;
    let answer = stage
        .client()?
        .update_device_command(&cancelled.command_id)
        .await?;
    expect(
        "the status after cancelling",
        "CANCELED",
        answer.status.as_str(),
    )?;
    stage.step(APPLICATION, "cancels the first").await?;
    stage.pass(Duration::from_hours(1)).await?;
    expect(
        "the second one's life",
        "PENDING → EXPIRED",
        stage.path_of(&expiring.command_id).await?,
    )?;
    stage
        .step(PLATFORM, "lets the second expire: it was to wait an hour")
        .await?;
    stage.wake().await?;
    stage.await_status(&third.command_id, "SUCCESSFUL").await?;
    // A device's commands leave in order: had one of the others left, it would stand before the third.
    expect(
        "what the meter saw",
        "SET_PERIOD 3",
        act::shown(&stage.received(from)?),
    )?;
    expect(
        "the first one's life",
        "PENDING → CANCELED",
        stage.path_of(&cancelled.command_id).await?,
    )?;
    for id in [&cancelled.command_id, &expiring.command_id] {
        let attempts = stage
            .history(id)
            .await?
            .iter()
            .map(|entry| entry.attempt)
            .max();
        expect("attempts in the history", 0, attempts.unwrap_or_default())?;
        let refused = stage.client()?.update_device_command(id).await;
        let code = refused.err().and_then(|error| error.code());
        expect(
            "the answer to a late cancel",
            "100435",
            code.map_or("a success", api::Code::number),
        )?;
    }
    stage
        .step(
            DEVICE,
            "wakes and sees only the third; its own record proves it",
        )
        .await
}

/// A call reaches a device that is awake, and is refused for one that is not.
async fn direct(stage: &mut Stage) -> Result<()> {
    let from = stage.received(0)?.len();
    let id = stage.actor()?.id.clone();
    let url = stage.ear()?.url();
    let client = stage.client()?;
    let before = stage.listed().await?.len();
    let answer = client
        .invoke_device_service(&id, SERVICE, &act::call(SET_PRESSURE, 2, url.clone()))
        .await?;
    expect(
        "the answer to the call",
        "\"delivered\"",
        json!(answer.status),
    )?;
    expect(
        "what the meter saw",
        "SET_PRESSURE_READ_PERIOD 2",
        act::shown(&stage.received(from)?),
    )?;
    let listed = stage.listed().await?;
    expect("commands that the call made", 1, listed.len() - before)?;
    let call = listed.last().context("the call is in the list")?;
    expect("its kind", "direct", &call.kind)?;
    let call_id = call.command_id.clone();
    stage.await_status(&call_id, "SUCCESSFUL").await?;
    let heard = stage.ear()?;
    let heard = heard
        .of(&Subject::Call(act::REQUEST_ID.to_owned()), 2)
        .await;
    expect(
        "callbacks of the call",
        "messageConfirm delivered, commandRsp",
        heard.join(", "),
    )?;
    stage
        .step(
            APPLICATION,
            "calls the meter directly: it hears at once that it was delivered",
        )
        .await?;
    stage.sleep().await?;
    let refused = client
        .invoke_device_service(&id, SERVICE, &act::call(SET_PRESSURE, 2, url.clone()))
        .await;
    let code = refused.err().and_then(|error| error.code());
    expect(
        "the answer to a call while it sleeps",
        "100428",
        code.map_or("a success", api::Code::number),
    )?;
    expect(
        "commands that the refused call made",
        0,
        stage.listed().await?.len() - listed.len(),
    )?;
    stage
        .step(
            APPLICATION,
            "calls again while the meter sleeps: refused at once (100428), nothing is kept",
        )
        .await
}

/// Nothing is missing, and nothing is open.
async fn end(stage: &mut Stage) -> Result<()> {
    let listed = stage.listed().await?;
    let open = listed.iter().filter(|command| !command.is_final).count();
    expect("commands that are still open", 0, open)?;
    let counters = stage.server()?.counters().await?;
    let accepted = counters.value("downlink_commands_accepted").unwrap_or(0.0);
    let counted: usize = stage.statuses().values().sum();
    expect("commands that the platform counts", counted, accepted)?;
    for command in stage.received(0)? {
        let refused = command.cmd == SET_PRESSURE && [7, 8].contains(&act::value(&command));
        expect(
            "whether the meter ever saw a cancelled or expired command",
            false,
            refused,
        )?;
    }
    stage
        .step(
            PLATFORM,
            "has lost nothing: accepted = final + open, and none is open",
        )
        .await?;
    // Every change was called back in its order, as each step has seen; nothing beyond them was, and nothing twice.
    let mut called_back = 0;
    for command in &listed {
        called_back += if command.kind == "direct" {
            2
        } else {
            let path = stage.path_of(&command.command_id).await?;
            let changes = path.split(" → ").skip(1);
            changes.filter(|status| *status != "CANCELED").count()
        };
    }
    expect("callbacks in all", called_back, stage.callbacks())
}

async fn post(
    stage: &Stage,
    method: &str,
    value: u64,
    expire_time_s: u32,
) -> Result<CommandAnswer> {
    let id = stage.actor()?.id.clone();
    let url = stage.ear()?.url();
    let client = stage.client()?;
    Ok(client
        .post_device_command(&act::command(&id, method, value, expire_time_s, url))
        .await?)
}

/// A command as the application's list shows it.
async fn find(stage: &Stage, command_id: &str) -> Result<CommandAnswer> {
    let query = api::commands::CommandsQuery {
        device_id: Some(stage.actor()?.id.clone()),
        ..Default::default()
    };
    let listed = stage.client()?.query_device_command(&query).await?.data;
    let found = listed
        .into_iter()
        .find(|command| command.command_id == command_id);
    found.context("the application's list does not show the command")
}
