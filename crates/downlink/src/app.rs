//! `downlink app`: applications, what they may do with each other's devices, and how their callbacks are sent.

mod grants;

use crate::fail::confirm;
use crate::{Desk, show};
use anyhow::{Context, Result};
use clap::{Args, Subcommand, ValueEnum};
use grants::{Grant, Grants, Revoke};
use serde_json::json;
use server::admin::client::Method;
use server::admin::wire::{ApplicationChange, ApplicationView, NewApplication, NewSecret};
use std::path::{Path, PathBuf};

const PATH: &str = "/downlink/v1/applications";
/// Bytes of a file of certificates.
const CA_BYTES_MAX: u64 = 65_536;

#[derive(Subcommand)]
pub(crate) enum App {
    /// Create an application; its secret is shown once.
    #[command(after_help = "\
Examples:
  downlink app create --id meters --name 'Water meters'
  downlink app create --id bench --unthrottled --json
  printf %s \"$SECRET\" | downlink app create --id meters --secret-file -")]
    Create(Create),
    /// List the applications.
    #[command(after_help = "Examples:\n  downlink app list\n  downlink app list --json")]
    List,
    /// Show an application: what it may do, how many devices it has, how its callbacks are sent.
    #[command(
        after_help = "Examples:\n  downlink app show meters\n  downlink app show meters --json"
    )]
    Show {
        /// The application.
        app_id: String,
    },
    Grant(Grant),
    Revoke(Revoke),
    Grants(Grants),
    /// Refuse an application: its tokens die at once, and it cannot log in. Its devices and commands stay as they are.
    #[command(after_help = "Examples:\n  downlink app freeze meters")]
    Freeze {
        /// The application.
        app_id: String,
    },
    /// Let a frozen application log in again.
    #[command(after_help = "Examples:\n  downlink app unfreeze meters")]
    Unfreeze {
        /// The application.
        app_id: String,
    },
    RotateSecret(RotateSecret),
    Delete(Delete),
    /// Limit an application's calls to what the configuration says, or stop limiting them.
    #[command(after_help = "Examples:\n  downlink app throttle meters off")]
    Throttle {
        /// The application.
        app_id: String,
        /// Whether its calls are limited.
        throttled: Switch,
    },
    Callback(Callback),
}

#[derive(Args)]
pub(crate) struct Create {
    /// Its appId; made up if absent.
    #[arg(long, value_name = "APPID")]
    id: Option<String>,
    /// A file with its secret, `-` for stdin; made up if absent.
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// A name for people.
    #[arg(long)]
    name: Option<String>,
    /// Do not limit its calls to 100 a minute.
    #[arg(long)]
    unthrottled: bool,
}

/// Give an application another secret, shown once. Tokens it has live on unless it is logged out.
#[derive(Args)]
#[command(after_help = "\
Examples:
  downlink app rotate-secret meters
  downlink app rotate-secret meters --log-out")]
pub(crate) struct RotateSecret {
    /// The application.
    app_id: String,
    /// A file with the new secret, `-` for stdin; made up if absent.
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// End its tokens too: for a secret that others may have.
    #[arg(long)]
    log_out: bool,
}

/// Delete an application with its tokens and grants. One that has devices is refused unless they go with it.
#[derive(Args)]
#[command(after_help = "\
Examples:
  downlink app delete meters
  downlink app delete meters --with-devices --yes")]
pub(crate) struct Delete {
    /// The application.
    app_id: String,
    /// Delete its devices too: what waits for them is cancelled, their sessions are closed.
    #[arg(long)]
    with_devices: bool,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
}

/// Say how an application's callbacks are signed, and which certificates of its endpoints are trusted.
#[derive(Args)]
#[command(after_help = "\
Without a flag it shows how they are sent. A new secret, `whsec_…`, is shown once; from then on every callback
carries the headers of Standard Webhooks.

Examples:
  downlink app callback meters --rotate-webhook-secret
  downlink app callback meters --ca ca.pem
  downlink app callback meters --no-webhook-secret --no-ca")]
pub(crate) struct Callback {
    /// The application.
    app_id: String,
    /// Sign its callbacks with a new secret, which is shown once.
    #[arg(long, conflicts_with = "no_webhook_secret")]
    rotate_webhook_secret: bool,
    /// Sign its callbacks no longer.
    #[arg(long)]
    no_webhook_secret: bool,
    /// Trust the certificate authorities in this file (PEM) for its endpoints, beside the public ones.
    #[arg(long, value_name = "FILE", conflicts_with = "no_ca")]
    ca: Option<PathBuf>,
    /// Trust the public certificate authorities alone.
    #[arg(long)]
    no_ca: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Switch {
    On,
    Off,
}

impl App {
    pub(crate) async fn run(self, desk: &Desk) -> Result<()> {
        let frozen = |frozen| ApplicationChange {
            frozen: Some(frozen),
            ..ApplicationChange::default()
        };
        match self {
            Self::Create(create) => create.run(desk).await,
            Self::List => {
                let apps: Vec<ApplicationView> = desk.client.read(PATH).await?;
                desk.show.either(apps, |apps| listed(&apps))
            }
            Self::Show { app_id } => {
                let app: ApplicationView = desk.client.read(&path(&app_id)).await?;
                desk.show.either(app, |app| shown(&app))
            }
            Self::Grant(grant) => grant.run(desk).await,
            Self::Revoke(revoke) => revoke.run(desk).await,
            Self::Grants(grants) => grants.run(desk).await,
            Self::Freeze { app_id } => change(desk, &app_id, &frozen(true)).await,
            Self::Unfreeze { app_id } => change(desk, &app_id, &frozen(false)).await,
            Self::RotateSecret(rotate) => rotate.run(desk).await,
            Self::Delete(delete) => delete.run(desk).await,
            Self::Throttle { app_id, throttled } => {
                let asked = ApplicationChange {
                    throttled: Some(throttled == Switch::On),
                    ..ApplicationChange::default()
                };
                change(desk, &app_id, &asked).await
            }
            Self::Callback(callback) => callback.run(desk).await,
        }
    }
}

impl Create {
    async fn run(self, desk: &Desk) -> Result<()> {
        let asked = NewApplication {
            app_id: self.id,
            secret: self
                .secret_file
                .map(|file| crate::secret::of_file(&file))
                .transpose()?,
            name: self.name,
            throttled: Some(!self.unthrottled),
        };
        let app: ApplicationView = desk.client.send(Method::POST, PATH, &asked).await?;
        desk.show.either(app, |app| {
            show::pairs(&[
                ("appId", Some(app.app_id.clone())),
                ("secret", app.secret.clone()),
                ("throttled", Some(show::yes(app.throttled))),
            ])?;
            show::line(format_args!("Keep the secret now: it is not shown again."))
        })
    }
}

impl RotateSecret {
    async fn run(self, desk: &Desk) -> Result<()> {
        let asked = NewSecret {
            secret: self
                .secret_file
                .map(|file| crate::secret::of_file(&file))
                .transpose()?,
            log_out: self.log_out,
        };
        let path = format!("{}/secret", path(&self.app_id));
        let app: ApplicationView = desk.client.send(Method::POST, &path, &asked).await?;
        desk.show.either(app, |app| {
            show::pairs(&[
                ("appId", Some(app.app_id.clone())),
                ("secret", app.secret.clone()),
            ])?;
            show::line(format_args!(
                "Keep the secret now: it is not shown again. {}",
                if self.log_out {
                    "The application must log in with it now."
                } else {
                    "Tokens that the application has live on to their ends."
                }
            ))
        })
    }
}

impl Delete {
    async fn run(self, desk: &Desk) -> Result<()> {
        let at = path(&self.app_id);
        let app: ApplicationView = desk.client.read(&at).await?;
        let devices = app.devices.unwrap_or_default();
        let question = if self.with_devices {
            format!("Delete application {} with {devices} devices?", app.app_id)
        } else {
            format!("Delete application {}?", app.app_id)
        };
        confirm(&question, self.yes)?;
        let at = format!("{at}?withDevices={}", self.with_devices);
        desk.client.call(Method::DELETE, &at, "").await?;
        let deleted = json!({ "appId": app.app_id, "deleted": true });
        desk.show.either(deleted, |_| {
            show::line(format_args!("application {} is deleted", app.app_id))
        })
    }
}

impl Callback {
    async fn run(self, desk: &Desk) -> Result<()> {
        let at = path(&self.app_id);
        let ca = match &self.ca {
            Some(file) => Some(certificates(file)?),
            None => self.no_ca.then(String::new),
        };
        if ca.is_some() {
            let asked = ApplicationChange {
                callback_ca: ca,
                ..ApplicationChange::default()
            };
            let _: ApplicationView = desk.client.send(Method::PATCH, &at, &asked).await?;
        }
        let secret_at = format!("{at}/webhook-secret");
        let mut made = None;
        if self.rotate_webhook_secret {
            let app: ApplicationView = desk
                .client
                .send(Method::POST, &secret_at, &json!({}))
                .await?;
            made = app.webhook_secret;
        } else if self.no_webhook_secret {
            desk.client.call(Method::DELETE, &secret_at, "").await?;
        }
        let app: ApplicationView = desk.client.read(&at).await?;
        let app = ApplicationView {
            webhook_secret: made,
            ..app
        };
        desk.show.either(app, |app| {
            show::pairs(&[
                ("appId", Some(app.app_id.clone())),
                ("webhook secret", app.webhook_secret.clone()),
                ("signed", Some(show::yes(app.signs_callbacks))),
                ("own CA", Some(show::yes(app.callback_ca.is_some()))),
            ])?;
            match app.webhook_secret {
                Some(_) => show::line(format_args!(
                    "Keep the webhook secret now: it is not shown again."
                )),
                None => Ok(()),
            }
        })
    }
}

async fn change(desk: &Desk, app_id: &str, asked: &ApplicationChange) -> Result<()> {
    let app: ApplicationView = desk
        .client
        .send(Method::PATCH, &path(app_id), asked)
        .await?;
    desk.show.either(app, |app| listed(&[app]))
}

fn path(app_id: &str) -> String {
    format!("{PATH}/{}", show::escape(app_id))
}

fn certificates(file: &Path) -> Result<String> {
    server::files::text(file, CA_BYTES_MAX)
        .with_context(|| format!("the certificates cannot be read from {}", file.display()))
}

fn listed(apps: &[ApplicationView]) -> Result<()> {
    let rows: Vec<_> = apps
        .iter()
        .map(|app| {
            [
                app.app_id.clone(),
                app.name.clone(),
                show::yes(app.throttled),
                show::yes(app.frozen),
                app.created.utc.clone(),
            ]
        })
        .collect();
    show::table(["APPID", "NAME", "THROTTLED", "FROZEN", "CREATED"], &rows)
}

fn shown(app: &ApplicationView) -> Result<()> {
    show::pairs(&[
        ("appId", Some(app.app_id.clone())),
        (
            "name",
            Some(app.name.clone()).filter(|name| !name.is_empty()),
        ),
        ("created", Some(app.created.utc.clone())),
        ("throttled", Some(show::yes(app.throttled))),
        ("frozen", Some(show::yes(app.frozen))),
        ("devices", app.devices.map(|count| count.to_string())),
        ("callbacks signed", Some(show::yes(app.signs_callbacks))),
        ("callback CA", Some(show::yes(app.callback_ca.is_some()))),
    ])
}
