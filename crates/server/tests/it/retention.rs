//! R2.8: what ended long ago is forgotten while everything goes on.

use serde_json::{Value, json};
use server::admin::client::{Client, ClientError, Method, StatusCode};
use server::admin::wire::{
    ApplicationView, ClockView, CommandPage, CommandView, DeviceMade, DeviceView,
};
use server::assembly::{Running, Server};
use server::config::Config;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tempfile::TempDir;
use tokio::task::JoinSet;

const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 24 * HOUR_MS;

/// A server with the test clock and an application, and what speaks to it.
struct Local {
    running: Running,
    admin: Client,
    _folder: TempDir,
}

impl Local {
    async fn start(days: u32) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut config = Config::local(folder.path());
        config.clock.test = true;
        config.retention.days = days;
        config.commands.zombie_after_s = 0;
        let running = Server::new(config).start().await.expect("started");
        let admin = running.admin().expect("its door");
        let local = Self {
            running,
            admin,
            _folder: folder,
        };
        let app = json!({"appId": "app"});
        let _: ApplicationView = local.send("/downlink/v1/applications", &app).await;
        local
    }

    async fn send<T: serde::de::DeserializeOwned>(&self, path: &str, body: &Value) -> T {
        let sent = self.admin.send(Method::POST, path, body).await;
        sent.expect("it is done")
    }

    async fn device(&self, node_id: &str) -> String {
        let body = json!({"appId": "app", "nodeId": node_id});
        let made: DeviceMade = self.send("/downlink/v1/devices", &body).await;
        made.device_id
    }

    async fn advance(&self, ms: u64) -> ClockView {
        self.send("/downlink/v1/clock", &json!({"advance_ms": ms}))
            .await
    }

    async fn is_kept(&self, what: &str, id: &str) -> bool {
        match self
            .admin
            .read::<Value>(&format!("/downlink/v1/{what}/{id}"))
            .await
        {
            Ok(_) => true,
            Err(error) => {
                assert_eq!(status_of(&error), Some(StatusCode::NOT_FOUND), "{error}");
                false
            }
        }
    }

    /// The number of a line of the metrics.
    async fn figure(&self, line: &str) -> u64 {
        let (_, page) = self
            .admin
            .exchange(Method::GET, "/metrics", Vec::new().into())
            .await
            .expect("the metrics");
        let page = String::from_utf8(page.to_vec()).expect("text");
        let found = page
            .lines()
            .find_map(|l| l.strip_prefix(line))
            .unwrap_or("0");
        found.trim().parse().expect("a number")
    }

    /// Accepted, open and final: the first is always the sum of the others.
    async fn tally(&self) -> (u64, u64, u64) {
        let accepted = self.figure("downlink_commands_accepted ").await;
        let (mut open, mut ended) = (0, 0);
        for state in ["PENDING", "SENT", "DELIVERED"] {
            open += self
                .figure(&format!(
                    "downlink_commands{{state=\"{state}\",phase=\"open\"}} "
                ))
                .await;
        }
        for state in [
            "DELIVERED",
            "SUCCESSFUL",
            "FAILED",
            "CANCELED",
            "EXPIRED",
            "TIMEOUT",
        ] {
            ended += self
                .figure(&format!(
                    "downlink_commands{{state=\"{state}\",phase=\"final\"}} "
                ))
                .await;
        }
        (accepted, open, ended)
    }

    async fn end(self) {
        self.running.stop().await.expect("an orderly end");
    }
}

fn status_of(error: &ClientError) -> Option<StatusCode> {
    match error {
        ClientError::Refused { status, .. } => Some(*status),
        _ => None,
    }
}

fn command(expire_s: u64) -> Value {
    json!({"command": {"serviceId": "Valve", "method": "SET", "paras": {"open": 1}}, "expireTime": expire_s})
}

async fn queue(admin: &Client, device: &str, expire_s: u64) -> String {
    let path = format!("/downlink/v1/devices/{device}/commands");
    let queued: CommandView = admin
        .send(Method::POST, &path, &command(expire_s))
        .await
        .expect("accepted");
    queued.command_id
}

#[tokio::test(flavor = "multi_thread")]
async fn r2_8_what_ended_90_days_ago_is_forgotten_and_nothing_else() {
    let local = Local::start(90).await;
    let (stays, goes) = (local.device("stays").await, local.device("goes").await);
    let old = queue(&local.admin, &stays, 3_600).await;
    let of_deleted = queue(&local.admin, &goes, 3_600).await;
    // It is open until day 89, and ends a day before the look.
    let long = queue(&local.admin, &stays, 89 * 86_400).await;
    // Days 1 to 91: after the end of day 1, and on the way.
    local.advance(DAY_MS).await;
    let recent = queue(&local.admin, &stays, 3_600).await;
    local
        .admin
        .call(Method::DELETE, &format!("/downlink/v1/devices/{goes}"), "")
        .await
        .expect("deleted");
    assert!(local.is_kept("devices", &goes).await);
    local.advance(89 * DAY_MS + 2 * HOUR_MS).await;
    assert!(!local.is_kept("commands", &old).await);
    assert!(!local.is_kept("commands", &of_deleted).await);
    assert!(local.is_kept("commands", &recent).await && local.is_kept("commands", &long).await);
    assert!(local.is_kept("devices", &goes).await, "deleted 89 days ago");
    let clock = local.advance(DAY_MS).await;
    assert!(!local.is_kept("commands", &recent).await);
    assert!(
        !local.is_kept("devices", &goes).await,
        "deleted 90 days ago"
    );
    assert!(local.is_kept("commands", &long).await && local.is_kept("devices", &stays).await);
    assert!(clock.next_deadline.is_some());
    assert_eq!(
        local.tally().await,
        (4, 0, 4),
        "what was forgotten counts on"
    );
    let page: CommandPage = local
        .admin
        .read("/downlink/v1/commands")
        .await
        .expect("a list");
    let left: Vec<&str> = page
        .commands
        .iter()
        .map(|c| c.command_id.as_str())
        .collect();
    assert_eq!(left, [&long]);
    local.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r2_8_with_0_days_everything_is_kept() {
    let local = Local::start(0).await;
    let device = local.device("meter").await;
    let old = queue(&local.admin, &device, 60).await;
    local.advance(5_000 * DAY_MS).await;
    assert!(local.is_kept("commands", &old).await);
    local.end().await;
}

/// Posts commands on these devices until it is told to stop; what it was acknowledged.
async fn post(admin: Client, devices: Vec<String>, stop: Arc<AtomicBool>) -> Vec<String> {
    let mut accepted = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        for device in &devices {
            accepted.push(queue(&admin, device, 1).await);
        }
    }
    accepted
}

#[tokio::test(flavor = "multi_thread")]
async fn r2_8_commands_are_accepted_while_old_ones_are_forgotten() {
    const POSTERS: usize = 4;
    let local = Local::start(90).await;
    let mut devices = Vec::new();
    for n in 0..20 {
        devices.push(local.device(&format!("meter-{n}")).await);
    }
    let mut old = Vec::new();
    for _ in 0..8 {
        for device in &devices {
            old.push(queue(&local.admin, device, 1).await);
        }
        local.advance(2_000).await;
    }
    let stop = Arc::new(AtomicBool::new(false));
    let mut posters = JoinSet::new();
    for part in devices.chunks(devices.len() / POSTERS) {
        let admin = local.running.admin().expect("its door");
        posters.spawn(post(admin, part.to_vec(), stop.clone()));
    }
    // Small moves on the way give the posters' commands moments of their own; the last ones make the first commands old.
    for _ in 0..4 {
        local.advance(1_000).await;
    }
    for _ in 0..14 {
        local.advance(7 * DAY_MS).await;
    }
    stop.store(true, Ordering::Relaxed);
    let mut posted: Vec<String> = posters.join_all().await.concat();
    assert!(posted.len() > 40, "only {} were posted", posted.len());
    for id in &old {
        assert!(!local.is_kept("commands", id).await);
    }
    // What is left is what was posted in the last 90 days; lists, lanes and counters agree.
    let mut kept: u64 = 0;
    for device in &devices {
        let page: CommandPage = local
            .admin
            .read(&format!(
                "/downlink/v1/commands?deviceId={device}&limit=1000"
            ))
            .await
            .expect("a list");
        kept += u64::try_from(page.commands.len()).expect("a short list");
        let view: DeviceView = local
            .admin
            .read(&format!("/downlink/v1/devices/{device}"))
            .await
            .expect("a device");
        let open = page.commands.iter().filter(|c| !c.is_final).count();
        assert_eq!(view.open_commands, open);
    }
    posted.retain(|id| !old.contains(id));
    let accepted = u64::try_from(old.len() + posted.len()).expect("small");
    let (counted, open, ended) = local.tally().await;
    assert_eq!((counted, open + ended), (accepted, accepted));
    assert!(kept < counted && kept <= u64::try_from(posted.len()).expect("small"));
    // A further 91 days leave nothing.
    local.advance(91 * DAY_MS).await;
    let page: CommandPage = local
        .admin
        .read("/downlink/v1/commands")
        .await
        .expect("a list");
    assert_eq!(page.commands.len(), 0);
    assert_eq!(local.tally().await, (accepted, 0, accepted));
    local.end().await;
}
