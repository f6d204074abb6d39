//! What is kept at the end of a round, as the platform tells it: to the operator, and to the application.

use std::collections::BTreeMap;

use api::paths;
use serde_json::Value;
use server::admin::client::ClientError;
use server::admin::wire::{CommandPage, CommandView, EntryView, Explanation, HistoryView};

use super::record::Token;
use crate::rig::{Account, AccountError, Counters, Http, Registered, Request, Server};

/// The operator's list shows so many at the most.
const LISTED_MAX: usize = 1_000;
/// A page of the application's list.
const PAGE: usize = 200;

/// Everything that is kept.
#[derive(Clone, Debug, Default)]
pub(crate) struct Kept {
    /// The commands, by id: the oldest first.
    pub(crate) commands: BTreeMap<String, Command>,
    /// The number of the last report that is known, by device and service.
    pub(crate) reports: BTreeMap<(usize, String), u64>,
    /// The counters.
    pub(crate) counters: Counters,
}

/// A command as it is kept.
#[derive(Clone, Debug)]
pub(crate) struct Command {
    /// As the operator sees it.
    pub(crate) view: CommandView,
    /// Its history.
    pub(crate) history: Vec<EntryView>,
    /// As the application sees it in its list; direct calls are not listed.
    pub(crate) listed: Option<Value>,
    /// Why it is where it is, if it has not ended.
    pub(crate) explanation: Vec<String>,
}

/// It cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    /// Over the operator's door.
    #[error("what is kept cannot be read: {0}")]
    Admin(#[from] ClientError),
    /// Over the application's.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// There is more than fits.
    #[error("a device has {0} commands or more: the round is too large to be checked")]
    TooMany(usize),
}

impl Command {
    /// The mark by which it was asked for.
    pub(crate) fn token(&self) -> Option<Token> {
        let paras: Value = serde_json::from_str(self.view.paras.get()).ok()?;
        paras["token"].as_u64()
    }
}

impl Kept {
    /// Reads everything.
    ///
    /// # Errors
    /// [`ReadError`].
    pub(crate) async fn read(
        server: &Server,
        account: &Account,
        devices: &[Registered],
    ) -> Result<Self, ReadError> {
        let mut kept = Self {
            counters: server.counters().await?,
            ..Self::default()
        };
        let mut http = Http::connect(server.ports.north)
            .await
            .map_err(AccountError::from)?;
        let mut listed = BTreeMap::new();
        for (number, device) in devices.iter().enumerate() {
            kept.read_device(server, device).await?;
            list(&mut http, account, device, &mut listed).await?;
            for (service, count) in reported(&mut http, account, device).await? {
                kept.reports.insert((number, service), count);
            }
        }
        for (id, command) in &mut kept.commands {
            command.listed = listed.remove(id);
        }
        Ok(kept)
    }

    /// Adds what was kept before and is not any more.
    pub(crate) fn with(mut self, before: &Self) -> Self {
        for (id, command) in &before.commands {
            let kept = self.commands.entry(id.clone());
            kept.or_insert_with(|| command.clone());
        }
        self
    }

    async fn read_device(&mut self, server: &Server, device: &Registered) -> Result<(), ReadError> {
        let path = format!(
            "/downlink/v1/commands?limit={LISTED_MAX}&deviceId={}",
            device.device_id
        );
        let views = server.admin.read::<CommandPage>(&path).await?.commands;
        if views.len() >= LISTED_MAX {
            return Err(ReadError::TooMany(views.len()));
        }
        for view in views {
            let path = format!("/downlink/v1/commands/{}", view.command_id);
            let HistoryView { history, .. } = server.admin.read(&format!("{path}/history")).await?;
            let explanation = if view.is_final {
                Vec::new()
            } else {
                let said: Explanation = server.admin.read(&format!("{path}/explain")).await?;
                said.explanation
            };
            let id = view.command_id.clone();
            self.commands.insert(
                id,
                Command {
                    view,
                    history,
                    listed: None,
                    explanation,
                },
            );
        }
        Ok(())
    }
}

/// The application's list of a device's commands, page by page.
async fn list(
    http: &mut Http,
    account: &Account,
    device: &Registered,
    listed: &mut BTreeMap<String, Value>,
) -> Result<(), AccountError> {
    for page in 0.. {
        let path = format!(
            "{}?pageNo={page}&pageSize={PAGE}&deviceId={}",
            paths::DEVICE_COMMANDS,
            device.device_id
        );
        let body = read(http, account, &path).await?;
        let items = body["data"].as_array().cloned().unwrap_or_default();
        let last = items.len() < PAGE;
        for item in items {
            let id = item["commandId"].as_str().unwrap_or_default().to_owned();
            listed.insert(id, item);
        }
        if last {
            break;
        }
    }
    Ok(())
}

/// The numbers of the device's last reports, by service.
async fn reported(
    http: &mut Http,
    account: &Account,
    device: &Registered,
) -> Result<Vec<(String, u64)>, AccountError> {
    let path = paths::fill(paths::DEVICE, &[&device.device_id]);
    let body = read(http, account, &path).await?;
    let services = body["services"].as_array().into_iter().flatten();
    let number = |service: &Value| {
        let name = service["serviceId"].as_str()?.to_owned();
        Some((name, service["data"]["count"].as_u64()?))
    };
    Ok(services.filter_map(number).collect())
}

async fn read(http: &mut Http, account: &Account, path: &str) -> Result<Value, AccountError> {
    let request = Request {
        method: "GET",
        path,
        headers: &account.headers,
        body: b"",
    };
    let answer = http.call(request).await?;
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    if answer.status != 200 || !body["error_code"].is_null() {
        let body = String::from_utf8_lossy(&answer.body).into_owned();
        return Err(AccountError::Refused {
            operation: "a query",
            status: answer.status,
            body,
        });
    }
    Ok(body)
}
