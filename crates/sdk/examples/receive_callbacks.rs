//! Takes signed callbacks, and ends with the first command that has ended.

use std::sync::Arc;

use sdk::webhook::{Callback, Event, Receiver, Verifier, WebhookSecret};
use tokio::net::TcpListener;
use tokio::sync::Notify;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let setting = |name: &str| std::env::var(name).map_err(|_| format!("set {name}"));
    // `downlink app callback APPID --rotate-webhook-secret` shows it.
    let secret: WebhookSecret = setting("DOWNLINK_WEBHOOK_SECRET")?.parse()?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}/callbacks", listener.local_addr()?);

    let ended = Arc::new(Notify::new());
    let tell = ended.clone();
    let handler = move |event: Event| {
        let tell = tell.clone();
        async move {
            match event.callback {
                Callback::Status(change) => {
                    let status = change.result.result_code;
                    println!("{} is {}", change.command_id, status.as_str());
                    if status.as_str() == "SUCCESSFUL" {
                        tell.notify_one();
                    }
                }
                Callback::MessageConfirm(confirm) => println!("{}", confirm.header.status),
                Callback::CommandRsp(answer) => println!("{:?}", answer.body),
            }
            // An error here makes the platform repeat the callback later.
            Ok::<(), std::io::Error>(())
        }
    };
    Receiver::new(Verifier::new(secret))
        .serve(listener, handler, ended.notified())
        .await?;
    Ok(())
}
