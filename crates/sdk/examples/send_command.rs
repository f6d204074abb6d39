//! Sends a command to a device, asks what became of it, and takes it back.

use sdk::api::commands::{Command, CommandsQuery, PostCommandRequest};
use sdk::{Client, Retry};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let setting = |name: &str| std::env::var(name).map_err(|_| format!("set {name}"));
    let client = Client::builder(
        setting("DOWNLINK_URL")?, // https://platform.example:8743
        setting("DOWNLINK_APP")?,
        setting("DOWNLINK_SECRET")?,
    )
    .retry(Retry::standard())
    .build()?;

    let request = PostCommandRequest {
        device_id: setting("DOWNLINK_DEVICE")?,
        command: Command {
            service_id: "WaterMeter".into(),
            method: "SET_PERIOD".into(),
            paras: serde_json::Map::from_iter([("value".into(), 15.into())]),
        },
        expire_time: Some(3600),
        ..PostCommandRequest::default()
    };
    // Under a random key: if the answer is lost on the way, it is sent again and still exists once.
    let command = client.post_device_command(&request).await?;
    println!("{} is {}", command.command_id, command.status.as_str());

    let query = CommandsQuery {
        device_id: Some(command.device_id),
        ..CommandsQuery::default()
    };
    for known in client.query_device_command_pages(&query).all().await? {
        println!("{} is {}", known.command_id, known.status.as_str());
    }

    let cancelled = client.update_device_command(&command.command_id).await?;
    println!("{} is {}", cancelled.command_id, cancelled.status.as_str());
    Ok(())
}
