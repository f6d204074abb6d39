//! Opening what is kept, in an order that refuses early: folder, database, key file, token, clock, certificate.

use crate::admin::{Token, TokenError};
use crate::backup::UNFINISHED_FILE;
use crate::clock::{self, Clock};
use crate::config::{Behind, ClientCerts, Config};
use crate::files;
use crate::secrets::{NotSealed, Vault, VaultError};
use crate::shutdown::Shutdown;
use crate::tls::{self, Clients, Source, Tls, TlsError, Trust};
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc;
use store::{Failed, Marks, OpenError, Sqlite, SqliteOptions, Store, Unit, Write};

/// The database, in the data folder.
pub const DATABASE_FILE: &str = "downlink.db";
/// Further files of the data folder.
pub(crate) const KEY_FILE: &str = "key";
pub(crate) const TLS_FOLDER: &str = "tls";
/// The record by which the right key file is known, and what it seals.
pub(crate) const KEY_CHECK: &str = "key-check";
pub(crate) const KEY_CHECKED: &[u8] = b"downlink";

/// Why the server did not start. Written for whoever starts it.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data folder cannot be made or written.
    #[error("the data folder {} cannot be used: {source}; choose another one with --data", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The database was not opened.
    #[error("the database was not opened: {0}{hint}", hint = database_hint(.0))]
    Database(#[from] OpenError),
    /// The database cannot be read or written.
    #[error(transparent)]
    Store(#[from] Failed),
    /// The key file cannot be used.
    #[error(transparent)]
    Key(#[from] VaultError),
    /// The key file is gone.
    #[error("the key file {} is missing, and the database holds secrets that only it opens: restore it from a backup", path.display())]
    KeyMissing {
        /// Where it should be.
        path: PathBuf,
    },
    /// The key file is another one's.
    #[error("the key file {} is not the one that this database's secrets were sealed with: restore the right one", path.display())]
    KeyWrong {
        /// The file.
        path: PathBuf,
    },
    /// A restore was cut off while it put its files in place.
    #[error("a restore into {} was not finished: run `downlink restore` once more", folder.display())]
    RestoreUnfinished {
        /// The data folder.
        folder: PathBuf,
    },
    /// The operator's token cannot be used.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The machine's clock is behind the database (R1.16).
    #[error(transparent)]
    Clock(#[from] clock::Behind),
    /// There is no certificate.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// An address cannot be listened on.
    #[error("{listener} cannot listen on {address}: {source}{hint}", hint = bind_hint(source, setting))]
    Bind {
        /// What should listen there.
        listener: &'static str,
        /// The setting that names the port.
        setting: &'static str,
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The file that tells the ports cannot be written.
    #[error("{} cannot be written: {source}", path.display())]
    Ports {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The machine gives no thread or no address.
    #[error("the machine does not let the server start: {0}")]
    Machine(String),
}

fn database_hint(error: &OpenError) -> &'static str {
    match error {
        OpenError::InUse(_) => "; is a server running on this data folder already?",
        OpenError::NewerSchema { .. } => {
            "; start the newer version, or restore a backup of the older one"
        }
        OpenError::Damaged { .. } => "; restore a backup",
        OpenError::NotOurs(_) => "; choose another data folder with --data",
        OpenError::Unusable { .. } => "",
    }
}

fn bind_hint(error: &io::Error, setting: &str) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => format!(
            "; something else listens there: choose another port with `{setting}`, 0 for a free one"
        ),
        io::ErrorKind::PermissionDenied => {
            format!("; ports below 1024 need a privilege: choose another one with `{setting}`")
        }
        io::ErrorKind::AddrNotAvailable => "; this machine does not have that address".to_owned(),
        _ => String::new(),
    }
}

/// What was opened.
pub(super) struct Opened {
    pub(super) database: Arc<Sqlite>,
    pub(super) marks: Marks,
    pub(super) vault: Vault,
    pub(super) token: Token,
    pub(super) clock: Clock,
    pub(super) tls: Option<Tls>,
    pub(super) shutdown: Shutdown,
}

impl Opened {
    /// Opens everything; blocks.
    pub(super) fn open(config: &Config) -> Result<Self, StartError> {
        let folder = &config.data.folder;
        files::make_folder(folder).map_err(|source| StartError::Folder {
            path: folder.clone(),
            source,
        })?;
        writable(folder)?;
        if folder.join(UNFINISHED_FILE).exists() {
            return Err(StartError::RestoreUnfinished {
                folder: folder.clone(),
            });
        }
        let shutdown = Shutdown::default();
        let failed = shutdown.clone();
        let mut options = SqliteOptions::new(folder.join(DATABASE_FILE));
        options.on_stop = Some(Box::new(move |why| failed.fail(&why.to_string())));
        let database = Arc::new(Sqlite::open(options)?);
        let marks = database.marks()?;
        let clock = if config.clock.test {
            Clock::test(marks.last_moment)
        } else {
            Clock::real(marks.last_moment, config.clock.behind == Behind::Continue)?
        };
        let vault = vault(&database, folder, &clock)?;
        let token = Token::open(folder)?;
        let tls = if config.north.tls || config.mqtt.tls {
            Some(Tls::open(tls_settings(config), clock::wall().as_millis())?)
        } else {
            None
        };
        Ok(Self {
            database,
            marks,
            vault,
            token,
            clock,
            tls,
            shutdown,
        })
    }
}

/// Tries the folder with a file, so that the error names the folder and not the first thing that failed in it.
fn writable(folder: &Path) -> Result<(), StartError> {
    let probe = folder.join(".writable");
    let tried = files::write(&probe, b"", files::Readable::ByOwner)
        .and_then(|()| std::fs::remove_file(&probe));
    tried.map_err(|source| StartError::Folder {
        path: folder.to_owned(),
        source,
    })
}

/// Opens the key file, and makes sure that it is the one that belongs to the database (R2.7).
fn vault(database: &Sqlite, folder: &Path, clock: &Clock) -> Result<Vault, StartError> {
    let path = folder.join(KEY_FILE);
    let check = database.setting(KEY_CHECK)?;
    if check.is_some() && !path.exists() {
        return Err(StartError::KeyMissing { path });
    }
    let vault = Vault::open(&path)?;
    match check.map(|sealed| vault.unseal(&sealed)) {
        Some(Ok(opened)) if opened == KEY_CHECKED => Ok(vault),
        Some(Ok(_) | Err(NotSealed)) => Err(StartError::KeyWrong { path }),
        None => {
            let value = vault.seal(KEY_CHECKED);
            keep(
                database,
                Write::Setting {
                    name: KEY_CHECK.into(),
                    value,
                },
                clock,
            )?;
            Ok(vault)
        }
    }
}

/// Keeps one thing before there is a dispatcher; blocks.
fn keep(database: &Sqlite, write: Write, clock: &Clock) -> Result<(), Failed> {
    let (tell, told) = mpsc::channel();
    let done = move |outcome: Result<Vec<_>, Failed>| drop(tell.send(outcome.map(drop)));
    database.commit(
        vec![Unit {
            turn: None,
            writes: vec![write],
        }],
        clock.now(),
        Box::new(done),
    );
    told.recv().map_err(|_| Failed::Stopped)?
}

/// What TLS is made of.
pub fn tls_settings(config: &Config) -> tls::Settings {
    let clients = |certs, ca: &Option<PathBuf>, crl: &Option<PathBuf>| {
        let trust = ca.clone().map(|ca| Trust {
            ca,
            crl: crl.clone(),
        });
        match (certs, trust) {
            (ClientCerts::Optional, Some(trust)) => Clients::Optional(trust),
            (ClientCerts::Required, Some(trust)) => Clients::Required(trust),
            // The check of the configuration refuses who asks and has no authority.
            (ClientCerts::Off | ClientCerts::Optional | ClientCerts::Required, _) => Clients::Off,
        }
    };
    let (north, mqtt) = (&config.north, &config.mqtt);
    tls::Settings {
        source: source(config),
        north: clients(
            north.client_certs,
            &north.client_ca_file,
            &north.client_crl_file,
        ),
        mqtt: clients(
            mqtt.client_certs,
            &mqtt.client_ca_file,
            &mqtt.client_crl_file,
        ),
    }
}

fn source(config: &Config) -> Source {
    match (&config.tls.cert_file, &config.tls.key_file) {
        (Some(cert), Some(key)) => Source::Own {
            cert: cert.clone(),
            key: key.clone(),
        },
        (Some(_) | None, None) | (None, Some(_)) => Source::Generated {
            folder: config.data.folder.join(TLS_FOLDER),
            names: config.tls.names.clone(),
        },
    }
}
