//! Independent MQTT clients play the device: Debian's mosquitto clients and paho for Python, MQTT 3.1.1 and 5.

use crate::harness::{Login, PATIENCE, Platform, path};
use delivery::{DeviceId, Status};
use serde_json::Value;
use std::process::Stdio;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};

const LIFE: [Status; 4] = [
    Status::Queued,
    Status::Sent,
    Status::Delivered,
    Status::Succeeded,
];

/// A device in Python that answers every command until its connection ends.
const PAHO_DEVICE: &str = r#"
import json, sys
import paho.mqtt.client as mqtt

host, port, client_id, name, password, version = sys.argv[1:7]
protocol = mqtt.MQTTv5 if version == "5" else mqtt.MQTTv311
data = f"/huawei/v1/devices/{name}/data/json"
device = mqtt.Client(client_id=client_id, protocol=protocol)
device.username_pw_set(name, password)

def on_connect(client, *_):
    client.subscribe(f"/huawei/v1/devices/{name}/command/json", qos=1)

def on_message(client, _, message):
    command = json.loads(message.payload)
    answer = {"msgType": "deviceRsp", "mid": command["mid"], "errcode": 0, "hasMore": 0,
              "body": {"echo": command["paras"]}}
    client.publish(data, json.dumps(answer), qos=1)

device.on_connect = on_connect
device.on_message = on_message
device.connect(host, int(port), keepalive=30)
device.loop_forever(retry_first_connection=False)
"#;

fn client(program: &str, platform: &Platform, login: &Login, version: &str) -> Command {
    let mut command = Command::new(program);
    command.args([
        "-h",
        "127.0.0.1",
        "-p",
        &platform.mqtt.port().to_string(),
        "-V",
        version,
        "-q",
        "1",
    ]);
    command.args([
        "-i",
        &login.client_id,
        "-u",
        &login.user_name,
        "-P",
        &login.password,
    ]);
    command
        .kill_on_drop(true)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit());
    command
}

/// Runs a client to its end; gives what it printed.
async fn printed(mut child: Child) -> String {
    let mut text = String::new();
    let read = async {
        child
            .stdout
            .take()
            .expect("piped")
            .read_to_string(&mut text)
            .await
            .expect("text");
        child.wait().await.expect("it ends")
    };
    let status = tokio::time::timeout(PATIENCE, read)
        .await
        .expect("it ends in time");
    assert!(status.success(), "{status}");
    text
}

async fn mosquitto_lives_a_command(version: &str) {
    let platform = Platform::start().await;
    let id = platform.device("mosquitto").await;
    let command = platform.queue(id, r#"{"value":12}"#).await;
    let login = Login::of("mosquitto", 2);
    let mut sub = client("mosquitto_sub", &platform, &login, version);
    sub.args(["-t", &mqtt::command_json("mosquitto"), "-C", "1"]);
    let sub = sub
        .spawn()
        .expect("mosquitto_sub is installed (make setup)");
    let received: Value = serde_json::from_str(&printed(sub).await).expect("JSON");
    assert_eq!(received["paras"]["value"], 12);
    platform.until(&command, Status::Delivered).await;
    let answer = serde_json::json!({"msgType": "deviceRsp", "mid": received["mid"], "errcode": 0, "body": {}});
    let mut publish = client("mosquitto_pub", &platform, &login, version);
    publish.args([
        "-t",
        &mqtt::data_json("mosquitto"),
        "-m",
        &answer.to_string(),
    ]);
    printed(
        publish
            .spawn()
            .expect("mosquitto_pub is installed (make setup)"),
    )
    .await;
    let done = platform.until(&command, Status::Succeeded).await;
    assert_eq!(path(&done), LIFE);
}

#[tokio::test]
async fn mosquitto_clients_live_a_command_over_mqtt_3_1_1() {
    mosquitto_lives_a_command("mqttv311").await;
}

#[tokio::test]
async fn mosquitto_clients_live_a_command_over_mqtt_5() {
    mosquitto_lives_a_command("mqttv5").await;
}

#[tokio::test]
async fn r6_5_mosquitto_pub_answers_beside_mosquitto_sub_under_the_same_client_id() {
    let platform = Platform::start().await;
    let id = platform.device("mosquitto").await;
    let login = Login::of("mosquitto", 2);
    let mut sub = client("mosquitto_sub", &platform, &login, "mqttv311");
    sub.args(["-t", &mqtt::command_json("mosquitto"), "-C", "2"]);
    let sub = sub
        .spawn()
        .expect("mosquitto_sub is installed (make setup)");
    platform.until_reachable(id, true).await;
    let first = platform.queue(id, r#"{"value":1}"#).await;
    platform.until(&first, Status::Delivered).await;
    let answer = format!(
        r#"{{"msgType":"deviceRsp","mid":{},"errcode":0,"body":{{}}}}"#,
        first.mid
    );
    let mut publish = client("mosquitto_pub", &platform, &login, "mqttv311");
    publish.args(["-t", &mqtt::data_json("mosquitto"), "-m", &answer]);
    printed(
        publish
            .spawn()
            .expect("mosquitto_pub is installed (make setup)"),
    )
    .await;
    platform.until(&first, Status::Succeeded).await;
    assert!(
        platform.hub.is_reachable(id),
        "the subscribed session was not disturbed"
    );
    let second = platform.queue(id, r#"{"value":2}"#).await;
    platform.until(&second, Status::Delivered).await;
    assert_eq!(printed(sub).await.lines().count(), 2);
}

/// Starts a paho device; it ends with the test.
async fn paho(platform: &Platform, id: DeviceId, version: &str) -> Child {
    let login = Login::of(&id.to_string(), 0);
    let port = platform.mqtt.port().to_string();
    let mut child = Command::new("/usr/bin/python3")
        .args([
            "-",
            "127.0.0.1",
            &port,
            &login.client_id,
            &login.user_name,
            &login.password,
            version,
        ])
        .stdin(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("Debian's python3 is installed (make setup)");
    let mut script = child.stdin.take().expect("piped");
    script
        .write_all(PAHO_DEVICE.as_bytes())
        .await
        .expect("it reads its script");
    drop(script);
    platform.until_reachable(id, true).await;
    child
}

async fn paho_lives_commands(version: &str) {
    let platform = Platform::start().await;
    let id = platform.device("paho").await;
    let waiting = platform.queue(id, r#"{"value":"asleep"}"#).await;
    let _device = paho(&platform, id, version).await;
    let at_once = platform.queue(id, r#"{"value":"awake"}"#).await;
    for (command, echo) in [(waiting, "asleep"), (at_once, "awake")] {
        let done = platform.until(&command, Status::Succeeded).await;
        assert_eq!(path(&done), LIFE);
        let detail = done
            .answer
            .and_then(|answer| answer.detail)
            .expect("an answer with a body");
        let detail: Value = serde_json::from_slice(&detail).expect("JSON");
        assert_eq!(detail["echo"]["value"], echo);
    }
}

#[tokio::test]
async fn a_paho_device_lives_commands_over_mqtt_3_1_1() {
    paho_lives_commands("3").await;
}

#[tokio::test]
async fn a_paho_device_lives_commands_over_mqtt_5() {
    paho_lives_commands("5").await;
}

#[tokio::test]
async fn a_wrong_password_ends_mosquitto_with_a_clear_code() {
    let platform = Platform::start().await;
    platform.device("mosquitto").await;
    let login = Login {
        password: "wrong".into(),
        ..Login::of("mosquitto", 2)
    };
    let mut publish = client("mosquitto_pub", &platform, &login, "mqttv311");
    publish
        .args(["-t", &mqtt::data_json("mosquitto"), "-m", "{}"])
        .stderr(Stdio::null());
    let status = publish
        .spawn()
        .expect("mosquitto_pub is installed (make setup)")
        .wait()
        .await
        .expect("it ends");
    assert!(!status.success());
}
