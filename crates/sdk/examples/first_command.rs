//! Queues a command for a device. The five minutes of docs/sdk-rust.md.

use sdk::Client;
use sdk::api::commands::{Command, PostCommandRequest};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let setting = |name: &str| std::env::var(name).map_err(|_| format!("set {name}"));
    let client = Client::builder(
        setting("DOWNLINK_URL")?, // https://localhost:8743
        setting("DOWNLINK_APP")?,
        setting("DOWNLINK_SECRET")?,
    )
    .ca_pem(std::fs::read(setting("DOWNLINK_CA")?)?)
    .build()?;
    let request = PostCommandRequest {
        device_id: setting("DOWNLINK_DEVICE")?,
        command: Command {
            service_id: "WaterMeter".into(),
            method: "CLOSE_VALVE".into(),
            ..Command::default()
        },
        ..PostCommandRequest::default()
    };
    let command = client.post_device_command(&request).await?;
    println!("{} is {}", command.command_id, command.status.as_str());
    Ok(())
}
