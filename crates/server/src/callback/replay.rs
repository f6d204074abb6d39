//! Replays: callbacks that were given up are told after all, from where they were given up (R5.2).
//!
//! The row stays, marked, until everything of its command is told, and goes on from where it was after a restart. What happens to the
//! command meanwhile is told as part of the replay.

use super::sender::{Callbacks, READ_AT_ONCE};
use delivery::{AppKey, CommandId};
use store::{DeadCallback, Failed, Write};

/// Which callbacks are to be told after all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// Those of one command.
    Command(CommandId),
    /// Those that an application is owed.
    Application(AppKey),
    /// Those for one endpoint, `scheme://host:port`.
    Endpoint(String),
    /// All of them.
    All,
}

/// What came of a request for a replay: commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Replayed {
    /// Their callbacks are told again from now on.
    pub begun: u64,
    /// Their application has no room: too many of its callbacks wait.
    pub no_room: u64,
}

impl Which {
    fn names(&self, row: &DeadCallback) -> bool {
        match self {
            Self::Command(id) => row.command == *id,
            Self::Application(app) => row.app == *app,
            Self::Endpoint(endpoint) => row.endpoint.eq_ignore_ascii_case(endpoint),
            Self::All => true,
        }
    }

    const fn app(&self) -> Option<AppKey> {
        match self {
            Self::Application(app) => Some(*app),
            Self::Command(_) | Self::Endpoint(_) | Self::All => None,
        }
    }
}

impl Callbacks {
    /// Begins to tell what was given up. It returns when that is kept; the telling goes on.
    ///
    /// # Errors
    /// The store cannot be read or written.
    pub async fn replay(&self, which: Which) -> Result<Replayed, Failed> {
        let _one = self.replaying.lock().await;
        let mut replayed = Replayed::default();
        if let Which::Command(id) = which {
            let row = self
                .registry
                .ask(move |store| store.dead_callback(id))
                .await?;
            self.begin(row.into_iter().collect(), &mut replayed).await?;
            return Ok(replayed);
        }
        let mut after = None;
        loop {
            let app = which.app();
            let read =
                move |store: &dyn store::Store| store.dead_callbacks(app, after, READ_AT_ONCE);
            let mut rows = self.registry.ask(read).await?;
            let Some(last) = rows.last() else {
                return Ok(replayed);
            };
            after = Some(last.command);
            rows.retain(|row| which.names(row));
            self.begin(rows, &mut replayed).await?;
        }
    }

    /// Goes on with the replays that were under way when the platform stopped.
    pub(super) async fn load_replays(&self) -> Result<(), Failed> {
        let mut after = None;
        loop {
            let read =
                move |store: &dyn store::Store| store.dead_callbacks(None, after, READ_AT_ONCE);
            let rows = self.registry.ask(read).await?;
            let Some(last) = rows.last() else {
                return Ok(());
            };
            after = Some(last.command);
            for row in rows.into_iter().filter(|row| row.replaying) {
                let id = row.command;
                if let Some(command) = self.registry.ask(move |store| store.command(id)).await? {
                    self.outbox.replay(&command, row, self.clock().now());
                }
            }
        }
    }

    /// Marks rows as being replayed, durably, and then takes their commands on.
    async fn begin(&self, rows: Vec<DeadCallback>, replayed: &mut Replayed) -> Result<(), Failed> {
        let since = self.clock().now();
        let (mut writes, mut taken) = (Vec::new(), Vec::new());
        for row in rows.into_iter().filter(|row| !row.replaying) {
            let id = row.command;
            let Some(command) = self.registry.ask(move |store| store.command(id)).await? else {
                writes.push(Write::ForgetDeadCallback(id));
                continue;
            };
            if !self.outbox.has_room(&command) {
                replayed.no_room += 1;
                continue;
            }
            let row = DeadCallback {
                replaying: true,
                since,
                ..row
            };
            writes.push(Write::DeadCallback(row.clone()));
            taken.push((command, row));
        }
        let kept = self.dispatch.keep(writes).await;
        kept.map_err(|error| Failed::Write(error.to_string()))?;
        for (command, row) in taken {
            self.outbox.replay(&command, row, since);
            replayed.begun += 1;
        }
        Ok(())
    }
}
