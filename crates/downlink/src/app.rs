//! `downlink app`: applications.

use crate::show;
use anyhow::{Context, Result};
use clap::{Subcommand, ValueEnum};
use server::admin::client::{Client, Method};
use server::admin::wire::{ApplicationChange, ApplicationView, NewApplication};
use std::io::Read;
use std::path::{Path, PathBuf};

const PATH: &str = "/downlink/v1/applications";
/// Bytes of a secret's file.
const SECRET_BYTES_MAX: u64 = 4_096;

#[derive(Subcommand)]
pub(crate) enum App {
    /// Create an application; its secret is shown once.
    #[command(
        after_help = "Examples:\n  downlink app create --id meters --name 'Water meters'\n  downlink app create --id bench --unthrottled --json"
    )]
    Create {
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
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// List the applications.
    #[command(after_help = "Examples:\n  downlink app list")]
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Limit an application's calls, or stop limiting them.
    #[command(after_help = "Examples:\n  downlink app throttle meters off")]
    Throttle {
        /// The application.
        app_id: String,
        /// Whether its calls are limited.
        throttled: Switch,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Switch {
    On,
    Off,
}

impl App {
    pub(crate) async fn run(self, client: &Client) -> Result<()> {
        match self {
            Self::Create {
                id,
                secret_file,
                name,
                unthrottled,
                json,
            } => {
                let secret = secret_file.map(|file| secret(&file)).transpose()?;
                let asked = NewApplication {
                    app_id: id,
                    secret,
                    name,
                    throttled: Some(!unthrottled),
                };
                let app: ApplicationView = client.send(Method::POST, PATH, &asked).await?;
                if json {
                    show::json(&app)
                } else {
                    created(&app)
                }
            }
            Self::List { json } => {
                let apps: Vec<ApplicationView> = client.read(PATH).await?;
                if json {
                    show::json(&apps)
                } else {
                    listed(&apps)
                }
            }
            Self::Throttle {
                app_id,
                throttled,
                json,
            } => {
                let change = ApplicationChange {
                    throttled: Some(throttled == Switch::On),
                    name: None,
                };
                let path = format!("{PATH}/{}", show::escape(&app_id));
                let app: ApplicationView = client.send(Method::PATCH, &path, &change).await?;
                if json {
                    show::json(&app)
                } else {
                    listed(&[app])
                }
            }
        }
    }
}

fn secret(file: &Path) -> Result<String> {
    let mut text = String::new();
    let read = if file == Path::new("-") {
        std::io::stdin()
            .take(SECRET_BYTES_MAX)
            .read_to_string(&mut text)
    } else {
        std::fs::File::open(file)
            .and_then(|opened| opened.take(SECRET_BYTES_MAX).read_to_string(&mut text))
    };
    read.with_context(|| format!("the secret cannot be read from {}", file.display()))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

fn created(app: &ApplicationView) -> Result<()> {
    show::pairs(&[
        ("appId", Some(app.app_id.clone())),
        ("secret", app.secret.clone()),
        ("throttled", Some(show::yes(app.throttled))),
    ])?;
    show::line(format_args!("Keep the secret now: it is not shown again."))
}

fn listed(apps: &[ApplicationView]) -> Result<()> {
    let rows: Vec<_> = apps
        .iter()
        .map(|app| {
            [
                app.app_id.clone(),
                app.name.clone(),
                show::yes(app.throttled),
                app.created.utc.clone(),
            ]
        })
        .collect();
    show::table(["APPID", "NAME", "THROTTLED", "CREATED"], &rows)
}
