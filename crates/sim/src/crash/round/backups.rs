//! Backups of a round: begun shortly before a kill, so that some become whole and others are cut off (R2.8).

use std::path::PathBuf;
use std::time::Duration;

use http::Method;
use server::admin::client::{Client, ClientError};
use server::admin::wire::NewBackup;
use server::backup::{Made, restore};
use tokio::task::JoinError;

use super::{Round, RoundError, START_WITHIN, settings};
use crate::clock::passed_us;
use crate::crash::checks::Copy;
use crate::crash::kept::Kept;
use crate::rig::{Account, Ground};

/// A backup that was begun.
pub(super) struct Backup {
    folder: PathBuf,
    /// When, in microseconds.
    begun: u64,
}

/// A backup, and what the server says of it.
pub(super) type Said = (Backup, Result<Made, ClientError>);

impl Backup {
    /// Whether it became whole, whatever became of the server's word.
    pub(super) fn is_whole(&self) -> bool {
        self.folder.exists()
    }
}

impl Round {
    /// Begins a backup of the server that runs, after a while.
    pub(super) fn back_up(&mut self, after: Duration) {
        let data = self.ground.folder().to_owned();
        let folder = data.join(format!("backup-{}", self.backups.len()));
        self.backing_up.spawn(async move {
            tokio::time::sleep(after).await;
            let begun = passed_us();
            let asked = NewBackup {
                folder: folder.clone(),
            };
            let said = match Client::of_folder(&data) {
                Ok(client) => {
                    let path = "/downlink/v1/backup";
                    client.send(Method::POST, path, &asked).await
                }
                Err(error) => Err(error),
            };
            (Backup { folder, begun }, said)
        });
    }

    /// Takes the backup of a server that was killed, if one was begun; it may have been `answered` before, and is cut off if not.
    pub(super) async fn backed_up(&mut self, answered: Option<Result<Said, JoinError>>) {
        let in_time = answered.is_some();
        let said = match answered {
            Some(said) => Some(said),
            None => self.backing_up.join_next().await,
        };
        match said {
            None => {}
            Some(Err(error)) => self.record.odd(format!("a backup broke off: {error}")),
            Some(Ok((backup, said))) => {
                match said {
                    Ok(_) if !backup.is_whole() => {
                        self.record.odd("a backup was made, and is not there");
                    }
                    Err(error) if in_time => {
                        self.record.odd(format!("a backup was refused: {error}"));
                    }
                    Ok(_) | Err(_) => {}
                }
                self.backups.push(backup);
            }
        }
    }

    /// The last backup that became whole, restored elsewhere, as a server finds it whose clock stands still at the end of it.
    pub(super) async fn restored(&self, account: &Account) -> Result<Option<Copy>, RoundError> {
        let Some(backup) = self.backups.iter().rfind(|backup| backup.is_whole()) else {
            return Ok(None);
        };
        let data = self.ground.folder().join("restored");
        let restored = restore(&backup.folder, &data, false)?;
        let mut config = settings(&data);
        config.clock.test = true;
        let program = self.ground.program().to_owned();
        let ground = Ground::new(program, &config, START_WITHIN)?;
        let server = ground.start().await?;
        let kept = Kept::read(&server, account, &self.devices).await?;
        server.kill()?;
        Ok(Some(Copy {
            begun: backup.begun,
            until_ms: restored.manifest.until.ms,
            kept,
        }))
    }
}
