//! Calls a device that sleeps, and decides by the error what to do next.

use sdk::api::Code;
use sdk::api::invoke::{InvokeHeader, InvokeRequest, Mode};
use sdk::{Client, Error};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let setting = |name: &str| std::env::var(name).map_err(|_| format!("set {name}"));
    let client = Client::builder(
        setting("DOWNLINK_URL")?,
        setting("DOWNLINK_APP")?,
        setting("DOWNLINK_SECRET")?,
    )
    .build()?;

    let call = InvokeRequest {
        header: InvokeHeader {
            request_id: None,
            mode: Mode::Ack,
            from: None,
            to_type: None,
            to: None,
            method: "SET_PERIOD".into(),
            callback_url: None,
        },
        body: serde_json::Map::from_iter([("value".into(), 15.into())]),
    };
    let device = setting("DOWNLINK_DEVICE")?;
    match client
        .invoke_device_service(&device, "WaterMeter", &call)
        .await
    {
        Ok(answer) => println!("the call is {:?}", answer.status),
        Err(error) => println!("{}", advice(&error)),
    }
    Ok(())
}

fn advice(error: &Error) -> String {
    match error.code() {
        // Known codes are an enum: the compiler helps to spell them.
        Some(Code::DeviceOffline) => "it sleeps: queue a command instead".to_owned(),
        Some(Code::Throttled) => format!("wait {:?}", error.retry_after()),
        _ if error.is_retryable() && error.surely_harmless() => "try again later".to_owned(),
        _ if error.is_retryable() => "look what became of it before trying again".to_owned(),
        _ => format!(
            "{error}; for the operator: {}",
            error.request_id().unwrap_or("no request id")
        ),
    }
}
