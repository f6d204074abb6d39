//! The real server as a child process: started, killed, started again on the same folder, and never left behind, not even by a process
//! that is killed itself.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use server::admin::client::{Client, ClientError};
use server::assembly::{PORTS_FILE, Ports};
use server::config::Config;

use super::Counters;
use crate::clock::passed;

const CONFIG_FILE: &str = "downlink.toml";
const LOG_FILE: &str = "server.log";
/// How often a start, or an end, is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(2);
/// How much of the server's log an error shows.
const LOG_TAIL_BYTES: usize = 4_096;

/// Where servers are started, one after the other: a data folder, a configuration and the program.
#[derive(Clone, Debug)]
pub struct Ground {
    program: PathBuf,
    folder: PathBuf,
    start_within: Duration,
}

/// A server that runs. Dropped, it is killed.
pub struct Server {
    process: Process,
    /// Where it listens.
    pub ports: Ports,
    /// Its operator's door.
    pub admin: Client,
    /// From its start until it said that it is ready.
    pub start_took: Duration,
    folder: PathBuf,
}

/// A child process. Dropped, wherever that is, it is killed, and its end is waited for.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // A child that has ended cannot be killed, and one that was waited for cannot be waited for: both are well.
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// Why there is no server. Written for whoever sits at the terminal.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// Its files cannot be written.
    #[error("{} cannot be prepared: {source}", path.display())]
    Prepare {
        /// Which.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The program cannot be started.
    #[error("{} cannot be started: {source}", program.display())]
    Spawn {
        /// Which.
        program: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// It ended by itself.
    #[error("the server ended by itself with {status}; its log ends:\n{log}")]
    Ended {
        /// How.
        status: ExitStatus,
        /// The last lines of its log.
        log: String,
    },
    /// It did not become ready in time, or does not answer.
    #[error("the server does not answer: {why}; its log ends:\n{log}")]
    Silent {
        /// What was tried last.
        why: String,
        /// The last lines of its log.
        log: String,
    },
    /// Its end cannot be waited for.
    #[error("the server cannot be watched: {0}")]
    Watch(#[from] io::Error),
}

impl Ground {
    /// A ground in `folder`, which exists, for servers of `program` with `config`; its data folder is taken from there.
    ///
    /// # Errors
    /// [`ServerError::Prepare`].
    pub fn new(
        program: PathBuf,
        config: &Config,
        start_within: Duration,
    ) -> Result<Self, ServerError> {
        let folder = config.data.folder.clone();
        let path = folder.join(CONFIG_FILE);
        let text = toml::to_string(config).expect("a configuration is TOML");
        let written =
            server::files::make_folder(&folder).and_then(|()| std::fs::write(&path, text));
        written.map_err(|source| ServerError::Prepare { path, source })?;
        Ok(Self {
            program,
            folder,
            start_within,
        })
    }

    /// The program.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// The data folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Starts a server and waits until it is ready.
    ///
    /// # Errors
    /// [`ServerError`].
    pub async fn start(&self) -> Result<Server, ServerError> {
        let began = passed();
        let ports = self.folder.join(PORTS_FILE);
        match std::fs::remove_file(&ports) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(ServerError::Prepare {
                    path: ports,
                    source: error,
                });
            }
            Ok(()) | Err(_) => {}
        }
        let mut process = self.spawn()?;
        let (ports, admin) = self.ready(&mut process, began).await?;
        Ok(Server {
            process,
            ports,
            admin,
            start_took: passed().saturating_sub(began),
            folder: self.folder.clone(),
        })
    }

    /// Starts a server and kills it (SIGKILL) when `until` is over, whether it is ready by then or not.
    ///
    /// # Errors
    /// It cannot be started, or had ended by itself before.
    pub async fn cut_short(&self, until: impl Future<Output = ()>) -> Result<(), ServerError> {
        let mut process = self.spawn()?;
        until.await;
        match process.0.try_wait()? {
            Some(status) => Err(ServerError::Ended {
                status,
                log: tail(&self.folder),
            }),
            None => Ok(()),
        }
    }

    fn spawn(&self) -> Result<Process, ServerError> {
        let path = self.folder.join(LOG_FILE);
        let prepare = |source| ServerError::Prepare {
            path: path.clone(),
            source,
        };
        let log = File::options()
            .create(true)
            .append(true)
            .open(&path)
            .map_err(prepare)?;
        let spawned = Command::new(&self.program)
            .arg("serve")
            .arg("--config")
            .arg(self.folder.join(CONFIG_FILE))
            // Nothing is written there. It closes with this process, killed or not, and the server does not outlive it.
            .arg("--until-stdin-closes")
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn();
        let child = spawned.map_err(|source| ServerError::Spawn {
            program: self.program.clone(),
            source,
        });
        child.map(Process)
    }

    async fn ready(
        &self,
        process: &mut Process,
        began: Duration,
    ) -> Result<(Ports, Client), ServerError> {
        let mut why = format!("there is no {PORTS_FILE}");
        while passed().saturating_sub(began) < self.start_within {
            if let Some(status) = process.0.try_wait()? {
                return Err(ServerError::Ended {
                    status,
                    log: tail(&self.folder),
                });
            }
            if let Some(ports) = ports(&self.folder) {
                match Client::of_folder(&self.folder) {
                    Ok(admin) => match admin.read::<serde_json::Value>("/readyz").await {
                        Ok(_) => return Ok((ports, admin)),
                        Err(error) => why = error.to_string(),
                    },
                    Err(error) => why = error.to_string(),
                }
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Err(ServerError::Silent {
            why,
            log: tail(&self.folder),
        })
    }
}

impl Server {
    /// The number of its process.
    pub fn pid(&self) -> u32 {
        self.process.0.id()
    }

    /// Fails if it has ended by itself.
    ///
    /// # Errors
    /// [`ServerError::Ended`].
    pub fn must_run(&mut self) -> Result<(), ServerError> {
        match self.process.0.try_wait()? {
            Some(status) => Err(ServerError::Ended {
                status,
                log: tail(&self.folder),
            }),
            None => Ok(()),
        }
    }

    /// Kills it (SIGKILL) and waits for its end.
    ///
    /// # Errors
    /// It had ended by itself before.
    pub fn kill(mut self) -> Result<(), ServerError> {
        self.must_run()?;
        drop(self);
        Ok(())
    }

    /// Asks it to end (SIGTERM) and waits for its end, at most `within`.
    ///
    /// # Errors
    /// It does not end in time, or says that something went wrong.
    pub async fn stop(mut self, within: Duration) -> Result<(), ServerError> {
        self.must_run()?;
        let pid = rustix::process::Pid::from_child(&self.process.0);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM)
            .map_err(io::Error::from)?;
        let began = passed();
        while passed().saturating_sub(began) < within {
            match self.process.0.try_wait()? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => {
                    return Err(ServerError::Ended {
                        status,
                        log: tail(&self.folder),
                    });
                }
                None => tokio::time::sleep(LOOK_EVERY).await,
            }
        }
        Err(ServerError::Silent {
            why: format!("{} s after SIGTERM it still runs", within.as_secs()),
            log: tail(&self.folder),
        })
    }

    /// What it has counted.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn counters(&self) -> Result<Counters, ClientError> {
        let page = self
            .admin
            .call(http::Method::GET, "/metrics", bytes::Bytes::new())
            .await?;
        Ok(Counters::parse(&String::from_utf8_lossy(&page)))
    }
}

fn ports(folder: &Path) -> Option<Ports> {
    let bytes = std::fs::read(folder.join(PORTS_FILE)).ok()?;
    serde_json::from_slice(&bytes).ok()
}

/// The last lines of the server's log.
fn tail(folder: &Path) -> String {
    let log = std::fs::read(folder.join(LOG_FILE)).unwrap_or_default();
    let from = log.len().saturating_sub(LOG_TAIL_BYTES);
    String::from_utf8_lossy(&log[from..]).into_owned()
}
