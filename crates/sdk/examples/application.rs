//! An application: it queues a command and another one that it takes back, hears what becomes of the first from callbacks, and then calls
//! the device directly. It ends when the device has answered that.

use std::io;

use sdk::api::Code;
use sdk::api::commands::{Command, PostCommandRequest};
use sdk::api::invoke::{InvokeHeader, InvokeRequest, Mode, ToType};
use sdk::webhook::{Callback, Event, Receiver, Verifier, WebhookSecret};
use sdk::{Client, Proxy, Retry};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn setting(name: &str) -> Result<String, String> {
    std::env::var(name).map_err(|_| format!("set {name}"))
}

#[tokio::main]
async fn main() -> Outcome<()> {
    let secret: WebhookSecret = setting("DOWNLINK_WEBHOOK_SECRET")?.parse()?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = format!("http://{}/callbacks", listener.local_addr()?);
    let (tell, told) = unbounded_channel();
    // What is told here comes again if it fails: so it is only noted down, and worked at elsewhere.
    let note = move |event: Event| {
        let noted = tell.send(event.callback).map_err(io::Error::other);
        std::future::ready(noted)
    };
    let receiver = Receiver::new(Verifier::new(secret));
    let client = client()?;
    tokio::select! {
        served = receiver.serve(listener, note, std::future::pending()) => Ok(served?),
        done = work(&client, address, told) => done,
    }
}

fn client() -> Outcome<Client> {
    let mut builder = Client::builder(
        setting("DOWNLINK_URL")?, // https://platform.example:8743
        setting("DOWNLINK_APP")?,
        setting("DOWNLINK_SECRET")?,
    )
    .retry(Retry::standard())
    .proxy(Proxy::Environment);
    if let Ok(ca) = setting("DOWNLINK_CA") {
        builder = builder.ca_pem(std::fs::read(ca)?);
    }
    Ok(builder.build()?)
}

async fn work(
    client: &Client,
    address: String,
    mut told: UnboundedReceiver<Callback>,
) -> Outcome<()> {
    let device = setting("DOWNLINK_DEVICE")?;
    let set_period = |hours: u32| PostCommandRequest {
        device_id: device.clone(),
        command: Command {
            service_id: "WaterMeter".into(),
            method: "SET_PERIOD".into(),
            paras: serde_json::Map::from_iter([("value".into(), hours.into())]),
        },
        callback_url: Some(address.clone()),
        ..PostCommandRequest::default()
    };
    let wanted = client.post_device_command(&set_period(12)).await?;
    println!("{} is queued", wanted.command_id);
    let mistake = client.post_device_command(&set_period(1)).await?;
    match client.update_device_command(&mistake.command_id).await {
        Ok(command) => println!("{} is {}", command.command_id, command.status.as_str()),
        Err(error) if error.code() == Some(Code::CommandNotCancellable) => {
            println!("{}: the meter may have it already", mistake.command_id);
        }
        Err(error) => return Err(error.into()),
    }
    println!("waits for the meter");

    while let Some(callback) = told.recv().await {
        let Callback::Status(change) = callback else {
            continue;
        };
        let status = change.result.result_code.as_str();
        println!("{} is {status}", change.command_id);
        if change.command_id == wanted.command_id && status == "SUCCESSFUL" {
            break;
        }
    }

    // It is awake now: a direct call reaches it, or is refused with 100428. It is never kept for later.
    let call = InvokeRequest {
        header: InvokeHeader {
            request_id: Some("read-1".into()),
            mode: Mode::Ack,
            from: None,
            to_type: Some(ToType::Cloud),
            to: None,
            method: "CLOSE_VALVE".into(),
            callback_url: Some(address.clone()),
        },
        body: serde_json::Map::new(),
    };
    let answer = client
        .invoke_device_service(&device, "WaterMeter", &call)
        .await?;
    println!("the call is {:?}", answer.status);
    while let Some(callback) = told.recv().await {
        if let Callback::CommandRsp(answer) = callback {
            println!("the meter answers {:?}", answer.header.method);
            break;
        }
    }
    Ok(())
}
