//! The second day of a round: everything of the first is old, and is forgotten by servers that are killed meanwhile (R2.8).

use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use server::assembly::DATABASE_FILE;
use store::{Failed, Sqlite, SqliteOptions, Store};

use super::{Round, RoundError, STOP_WITHIN, place};
use crate::clock::passed;
use crate::crash::kept::Kept;
use crate::crash::plan::Plan;
use crate::crash::world::Phase;
use crate::rig::{Account, Server};

/// How long a server that starts may take to its first commit.
const WRITTEN_WITHIN: Duration = Duration::from_millis(500);
/// How often the log is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(1);
/// How far the database is brought on: retention keeps for a day.
const A_DAY_ON: Duration = Duration::from_hours(25);

impl Round {
    /// A second day, if the plan has one: what was kept at the end of the first, in which everything has ended and been told of.
    pub(super) async fn age(
        &mut self,
        server: Server,
        plan: &Plan,
        account: &mut Account,
    ) -> Result<(Server, Kept), RoundError> {
        let Some(ageing) = &plan.ageing else {
            return Ok((server, Kept::default()));
        };
        let devices = self.over().await;
        let kept = Kept::read(&server, account, &self.devices).await?;
        // It drains: what was told stands in the database, and nothing is owed a day later.
        server.stop(STOP_WITHIN).await?;
        a_day_on(self.ground.folder())?;
        for cut in &ageing.cuts {
            let log = self.ground.folder().join(format!("{DATABASE_FILE}-wal"));
            self.ground.cut_short(written(&log, *cut)).await?;
        }
        let server = self.ground.start().await?;
        *account = Account::login(server.ports.north, &account.app_id).await?;
        self.place.send_replace(Some(place(&server)));
        self.phase.send_replace(Phase::Storm);
        for device in devices {
            self.players.spawn(device.restarted().run());
        }
        self.applications_of(plan, account, 1);
        let server = self.storm(server, &ageing.kills, &[], ageing.after).await?;
        Ok((self.calm(server, true).await?, kept))
    }
}

/// Returns a while after something was written to this log: what is old is forgotten as soon as a server starts. Nothing may be
/// left to be forgotten, so it does not wait for ever.
async fn written(log: &Path, and_after: Duration) {
    let state = || {
        let file = log.metadata().ok();
        let begun = file.filter(|file| file.len() > 0);
        begun.map(|file| (file.len(), file.modified().ok()))
    };
    let (before, began) = (state(), passed());
    while state() == before && passed().saturating_sub(began) < WRITTEN_WITHIN {
        tokio::time::sleep(LOOK_EVERY).await;
    }
    tokio::time::sleep(and_after).await;
}

/// Brings the database of a server that has ended a day on; the next one goes on from there (R1.16).
fn a_day_on(folder: &Path) -> Result<(), RoundError> {
    let store = Sqlite::open(SqliteOptions::new(folder.join(DATABASE_FILE)))?;
    let later = store.marks()?.last_moment + A_DAY_ON;
    let (tell, told) = mpsc::sync_channel(1);
    // Nobody listens only if this thread is gone.
    store.commit(
        Vec::new(),
        later,
        Box::new(move |done| drop(tell.send(done))),
    );
    told.recv().map_err(|_| Failed::Stopped)??;
    store.close();
    Ok(())
}
