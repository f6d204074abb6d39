//! One round: a server, applications, devices, kills; then a calm, perhaps a second day, and the reckoning.

mod ageing;
mod backups;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use server::backup::BackupError;
use server::config::{Behind, Config};
use store::{Failed, OpenError};
use tempfile::TempDir;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::application::Application;
use super::checks::{Broken, check, check_copy, check_forgetting};
use super::device::Device;
use super::kept::{Kept, ReadError};
use super::plan::{APPLICATIONS, End, Kill, Moment, Plan};
use super::receiver;
use super::record::{Notes, Record};
use super::world::{Phase, Place, World};
use crate::clock::{passed, passed_us};
use crate::rig::{Account, AccountError, Ground, Http, Receiver, Registered, Server, ServerError};
use backups::{Backup, Said};

/// A start is given up after so long.
const START_WITHIN: Duration = Duration::from_secs(20);
/// How long commands may take to end once the devices are well: by the settings of a round it takes some 2 s.
const CALM_MAX: Duration = Duration::from_secs(10);
/// How long a request that was begun may take to its end in the calm.
const APPLICATIONS_WITHIN: Duration = Duration::from_secs(10);
const STOP_WITHIN: Duration = Duration::from_secs(10);
/// How long a kill waits for somebody to stir.
const STIRRED_WITHIN: Duration = Duration::from_millis(300);
/// How often the end of all commands is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(40);

/// What a round showed.
#[derive(Debug)]
pub(crate) struct Report {
    /// The plan.
    pub(crate) plan: Plan,
    /// How long it took.
    pub(crate) took: Duration,
    /// Commands that were accepted.
    pub(crate) accepted: usize,
    /// Those that ended.
    pub(crate) ended: usize,
    /// Commands by their status at the end.
    pub(crate) statuses: BTreeMap<String, usize>,
    /// Frames that reached devices.
    pub(crate) received: usize,
    /// Callbacks that were taken.
    pub(crate) told: usize,
    /// Commands that were forgotten.
    pub(crate) forgotten: usize,
    /// Backups that were begun, and those of them that became whole.
    pub(crate) backups: (usize, usize),
    /// Promises that were broken.
    pub(crate) broken: Vec<Broken>,
    /// What is kept, for whoever asks about a broken promise.
    pub(crate) kept: Kept,
}

/// A round that could not be played to its end: the server does not start, ends by itself, or does not answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RoundError {
    /// There is no folder for it.
    #[error("there is no folder for the round: {0}")]
    Folder(#[from] std::io::Error),
    /// The server failed.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// An application or a device could not be made.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// What is kept cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Its database cannot be brought a day on.
    #[error("the database cannot be opened: {0}")]
    Open(#[from] OpenError),
    /// Its database fails.
    #[error(transparent)]
    Store(#[from] Failed),
    /// A backup that was made cannot be restored.
    #[error("a backup cannot be restored: {0}")]
    Backup(#[from] BackupError),
}

/// Plays the round of a plan with servers of `program`.
///
/// # Errors
/// [`RoundError`]; like a broken promise it is a failure of the round.
pub(crate) async fn play(program: &Path, plan: Plan) -> Result<Report, RoundError> {
    let began = passed();
    let folder = TempDir::with_prefix("downlink-crash-")?;
    let ground = Ground::new(program.to_owned(), &settings(folder.path()), START_WITHIN)?;
    let server = ground.start().await?;
    let mut account = Account::open(&server, "crash").await?;
    let devices = register(&server, &account, &plan).await?;
    let record: Arc<Record> = Arc::default();
    let receiver = receiver::start(record.clone(), plan.receiver()).await?;
    let mut round = Round {
        ground,
        place: watch::Sender::new(Some(place(&server))),
        phase: watch::Sender::new(Phase::Storm),
        asked: Arc::default(),
        said: Arc::default(),
        record,
        receiver,
        devices: devices.into(),
        applications: JoinSet::new(),
        players: JoinSet::new(),
        backups: Vec::new(),
        backing_up: JoinSet::new(),
    };
    round.devices_of(&plan);
    round.applications_of(&plan, &account, 0);
    let server = round
        .storm(server, &plan.kills, &plan.backups, plan.after)
        .await?;
    let server = round.calm(server, false).await?;
    let first_login = account.clone();
    let (server, yesterday) = round.age(server, &plan, &mut account).await?;
    round.over().await;
    let kept = round.reckon(server, &plan, &account).await?;
    let notes = round.record.notes().clone();
    let mut broken = check_forgetting(&yesterday, &kept);
    let today = kept.commands.len();
    let kept = kept.with(&yesterday);
    broken.extend(round.broken(&notes, &kept, &first_login).await?);
    let mut statuses: BTreeMap<String, usize> = BTreeMap::new();
    for command in kept.commands.values() {
        *statuses.entry(command.view.status.clone()).or_default() += 1;
    }
    Ok(Report {
        plan,
        took: passed().saturating_sub(began),
        accepted: kept.commands.len(),
        ended: kept
            .commands
            .values()
            .filter(|command| command.view.is_final)
            .count(),
        statuses,
        received: notes.received.len(),
        told: notes.told.len(),
        forgotten: kept.commands.len().saturating_sub(today),
        backups: (
            round.backups.len(),
            round.backups.iter().filter(|b| b.is_whole()).count(),
        ),
        broken,
        kept,
    })
}

/// The settings of a round: every wait of a command's life is as short as it can be said, so that all of them happen.
fn settings(folder: &Path) -> Config {
    let mut config = Config::local(folder);
    config.commands.start_grace_s = 1;
    config.commands.resend_after_s = [[1, 1]; 3];
    config.commands.timeout_after_s = [1, 1];
    config.commands.immediate_life_s = 2;
    config.commands.result_within_s = 1;
    config.commands.settle_after_s = 1;
    config.callback.retry_first_s = 1;
    config.callback.retry_max_s = 1;
    config.callback.probe_s = 1;
    config.north.calls_per_minute_max = 0;
    config.north.cloud_wait_s = 1;
    config.shutdown.drain_s = 2;
    // A round may go on a day later by its database, and the machine's clock is behind it then.
    config.retention.days = 1;
    config.clock.behind = Behind::Continue;
    config
}

/// One that plays, with everything that it started. Dropped, everything of it ends.
struct Round {
    ground: Ground,
    place: watch::Sender<Option<Place>>,
    phase: watch::Sender<Phase>,
    asked: Arc<Notify>,
    said: Arc<Notify>,
    record: Arc<Record>,
    receiver: Receiver,
    devices: Arc<[Registered]>,
    applications: JoinSet<()>,
    players: JoinSet<Device>,
    backups: Vec<Backup>,
    backing_up: JoinSet<Said>,
}

impl Round {
    fn world(&self) -> World {
        World {
            place: self.place.subscribe(),
            phase: self.phase.subscribe(),
            asked: self.asked.clone(),
            said: self.said.clone(),
            record: self.record.clone(),
            devices: self.devices.clone(),
            callback_url: self.receiver.url().into(),
        }
    }

    /// Starts the applications of a day.
    fn applications_of(&mut self, plan: &Plan, account: &Account, day: u64) {
        for number in (0..APPLICATIONS).map(|number| day * APPLICATIONS + number) {
            let application = Application::new(
                number,
                account.clone(),
                self.world(),
                plan.application(number),
            );
            self.applications.spawn(application.run());
        }
    }

    /// Starts the devices.
    fn devices_of(&mut self, plan: &Plan) {
        for (number, (device, luck)) in plan.devices.iter().zip(0..).enumerate() {
            let device = Device::new(
                number,
                *device,
                &node_id(luck),
                self.world(),
                plan.device(luck),
            );
            self.players.spawn(device.run());
        }
    }

    /// Load, and kills; a backup is begun some time before each, if it is said how long, and the load goes on for a while `after`.
    async fn storm(
        &mut self,
        mut server: Server,
        kills: &[Kill],
        backups: &[Duration],
        after: Duration,
    ) -> Result<Server, RoundError> {
        let leads = backups.iter().map(Some).chain(std::iter::repeat(None));
        for (kill, lead) in kills.iter().zip(leads) {
            if let Some(lead) = lead {
                self.back_up(kill.after.saturating_sub(*lead));
            }
            tokio::time::sleep(kill.after).await;
            self.wait_for(kill.at).await;
            let answered = self.backing_up.try_join_next();
            server.kill()?;
            self.place.send_replace(None);
            self.backed_up(answered).await;
            server = self.ground.start().await?;
            self.place.send_replace(Some(place(&server)));
        }
        tokio::time::sleep(after).await;
        Ok(server)
    }

    /// Waits for the moment of a kill; not for ever, because everybody may be silent.
    async fn wait_for(&self, moment: Moment) {
        let (stirred, passed) = match moment {
            Moment::Any => return,
            Moment::Asked(passed) => (&self.asked, passed),
            Moment::Said(passed) => (&self.said, passed),
        };
        if timeout(STIRRED_WITHIN, stirred.notified()).await.is_ok() {
            let until = passed_us() + passed;
            // Timers are coarser than a commit is long. Nobody else of the round moves meanwhile; the server does.
            while passed_us() < until {
                std::hint::spin_loop();
            }
        }
    }

    /// No new commands, and devices that are well, until every command has ended and been told of, or had the time for it; and
    /// if something is old, until the server has looked for it.
    async fn calm(&mut self, mut server: Server, forgets: bool) -> Result<Server, RoundError> {
        self.phase.send_replace(Phase::Calm);
        let began = passed();
        let wait = async { while self.applications.join_next().await.is_some() {} };
        if timeout(APPLICATIONS_WITHIN, wait).await.is_err() {
            self.record.odd("an application still waits for its answer");
            self.applications.shutdown().await;
        }
        while passed().saturating_sub(began) < CALM_MAX {
            server.must_run()?;
            let counters = server.counters().await.map_err(ReadError::from)?;
            let open: f64 = counters
                .all("downlink_commands")
                .filter(|(labels, _)| labels.contains("\"open\""))
                .map(|(_, n)| n)
                .sum();
            let untold = ["waiting", "loading"].map(|what| {
                let name = format!("downlink_callbacks_{what}");
                counters.value(&name).unwrap_or_default()
            });
            let looked = counters.value("downlink_retention_runs_total");
            let has_forgotten = !forgets || looked.is_some_and(|runs| runs > 0.5);
            if open < 0.5 && untold.iter().all(|count| *count < 0.5) && has_forgotten {
                break;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(server)
    }

    /// Everybody goes; the devices that were there.
    async fn over(&mut self) -> Vec<Device> {
        self.phase.send_replace(Phase::Over);
        std::mem::take(&mut self.players).join_all().await
    }

    /// Ends the server once more, and reads what the next one finds.
    async fn reckon(
        &mut self,
        server: Server,
        plan: &Plan,
        account: &Account,
    ) -> Result<Kept, RoundError> {
        match plan.end {
            End::Kill => server.kill()?,
            End::Stop => server.stop(STOP_WITHIN).await?,
        }
        let mut server = self.ground.start().await?;
        let kept = Kept::read(&server, account, &self.devices).await?;
        server.must_run()?;
        Ok(kept)
    }

    /// Which promises were broken, by what was seen, by what is kept, and by the last backup.
    async fn broken(
        &self,
        notes: &Notes,
        kept: &Kept,
        account: &Account,
    ) -> Result<Vec<Broken>, RoundError> {
        let devices = self.devices.iter();
        let ids: Vec<String> = devices.map(|device| device.device_id.clone()).collect();
        let mut broken = check(notes, kept, &ids);
        if let Some(copy) = self.restored(account).await? {
            broken.extend(check_copy(notes, kept, &copy, &ids));
        }
        Ok(broken)
    }
}

fn place(server: &Server) -> Place {
    Place {
        north: server.ports.north,
        mqtt: server
            .ports
            .mqtt
            .expect("a local configuration listens for devices in the clear"),
    }
}

async fn register(
    server: &Server,
    account: &Account,
    plan: &Plan,
) -> Result<Vec<Registered>, AccountError> {
    let mut http = Http::connect(server.ports.north).await?;
    let mut devices = Vec::new();
    for number in 0..plan.devices.len() {
        devices.push(
            account
                .register(
                    &mut http,
                    &node_id(u64::try_from(number).unwrap_or_default()),
                )
                .await?,
        );
    }
    Ok(devices)
}

fn node_id(number: u64) -> String {
    format!("meter_{number}")
}
