//! Measurements of the real server, a child process on a folder of a real disk; the generator is this process (R11).
//!
//! Each part starts the server anew, so that what one part leaves in memory is not counted in the next. Latencies stand beside
//! the disk's own fsync (append 512 bytes, fdatasync), measured in the same run, and their goals are made of it: the median of a
//! latency against the median fsync, its 99th percentile against that of the fsync.

mod backlog;
mod callbacks;
mod disk;
mod machine;
mod measure;
mod overload;
mod parts;
mod scene;
mod tls;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

pub use backlog::FillError;

use crate::load::LoadError;
use crate::rig::{AccountError, ServerError};
use disk::Disk;
use measure::{Goal, Measure, Teller};
use scene::Scene;

/// What can be measured alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Start-up time and memory of an empty store.
    Start,
    /// Full lives and their costs.
    Lives,
    /// Latencies at 300/s.
    Latency,
    /// Latencies of those who are served while three times as much comes.
    Overload,
    /// Full lives over TLS.
    Tls,
    /// Memory of idle connections.
    Idle,
    /// Full lives with callbacks, and the latency of callbacks beside endpoints that are dead and slow.
    Callbacks,
    /// Start-up and full lives on a store full of open commands.
    Full,
}

/// What is to be measured, and where.
#[derive(Clone, Debug)]
pub struct Options {
    /// An object a line instead of a table.
    pub json: bool,
    /// Shorter and smaller, for a first look.
    pub quick: bool,
    /// This part only.
    pub only: Option<Part>,
    /// A folder on the disk that is to be measured; what is made in it is removed.
    pub folder: PathBuf,
    /// The program whose `serve` is measured.
    pub program: PathBuf,
}

/// Why there is no measurement.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The folder cannot be used, or the measures cannot be told.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The folder lies in memory.
    #[error("{} lies in memory, where a sync costs nothing: choose a folder on a disk with --folder", .0.display())]
    InMemory(PathBuf),
    /// Too few open files.
    #[error("{0}")]
    Files(String),
    /// The server failed.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// Its counters cannot be read.
    #[error(transparent)]
    Admin(#[from] server::admin::client::ClientError),
    /// The application or its devices could not be made.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// The load broke.
    #[error("the load broke: {0}")]
    Load(#[from] LoadError),
    /// The store was not filled.
    #[error(transparent)]
    Fill(#[from] FillError),
    /// Requests were refused: what was measured is not what was meant.
    #[error("{count} requests were answered with status {status}")]
    Refused {
        /// The status.
        status: u16,
        /// How often.
        count: u64,
    },
    /// The server and the devices count differently.
    #[error("the devices had {lives} lives, and the server counts {counted} successes")]
    Counts {
        /// By the devices.
        lives: u64,
        /// By the server.
        counted: f64,
    },
    /// Callbacks are missing.
    #[error("{owed} callbacks were owed, and {told} arrived")]
    Untold {
        /// By the lives.
        owed: u64,
        /// At the receiver.
        told: u64,
    },
    /// The server's process is gone.
    #[error("the server's process is gone")]
    Gone,
}

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    warm: Duration,
    lives: Duration,
    paced: Duration,
    flood: Duration,
    disk: Duration,
    lives_devices: usize,
    idle_devices: usize,
    backlog_devices: u64,
    backlog_each: u64,
}

impl Size {
    const WHOLE: Self = Self {
        warm: Duration::from_secs(3),
        lives: Duration::from_secs(15),
        paced: Duration::from_secs(20),
        flood: Duration::from_secs(8),
        disk: Duration::from_secs(3),
        lives_devices: 2_000,
        idle_devices: 10_000,
        backlog_devices: 100_000,
        backlog_each: 10,
    };
    const QUICK: Self = Self {
        warm: Duration::from_secs(1),
        lives: Duration::from_secs(4),
        paced: Duration::from_secs(4),
        flood: Duration::from_secs(3),
        disk: Duration::from_secs(1),
        lives_devices: 1_000,
        idle_devices: 2_000,
        backlog_devices: 10_000,
        backlog_each: 10,
    };

    /// Files and connections of this process and of the server's.
    fn files(&self) -> u64 {
        let connections = self.idle_devices.max(self.lives_devices) + 2_000;
        u64::try_from(connections).unwrap_or(u64::MAX)
    }
}

/// Measures, and tells each measure as soon as it is known. Dropped on the way, it ends and removes everything that it started.
///
/// # Errors
/// [`BenchError`]; a goal that is missed is none.
pub async fn run(options: Options, out: &mut dyn Write) -> Result<(), BenchError> {
    let size = if options.quick {
        Size::QUICK
    } else {
        Size::WHOLE
    };
    machine::allow_files(size.files()).map_err(BenchError::Files)?;
    std::fs::create_dir_all(&options.folder)?;
    if machine::is_in_memory(&options.folder)? {
        return Err(BenchError::InMemory(options.folder));
    }
    let folder = TempDir::with_prefix_in("downlink-bench-", &options.folder)?;
    let bench = Bench {
        size,
        only: options.only,
        program: options.program,
    };
    bench
        .run(folder.path(), &mut Teller::new(out, options.json)?)
        .await
}

struct Bench {
    size: Size,
    only: Option<Part>,
    program: PathBuf,
}

impl Bench {
    async fn run(&self, folder: &Path, teller: &mut Teller<'_>) -> Result<(), BenchError> {
        let stolen = machine::stolen_s();
        basis(teller, folder, self.size.disk, "before")?;
        let mut scene = Scene::new(self.program.clone(), folder)?;
        if self.wants(Part::Start) {
            tell(teller, &parts::starts(&scene, "empty store").await?)?;
        }
        if self.only != Some(Part::Start) {
            scene.furnish(self.devices()).await?;
        }
        if self.wants(Part::Idle) {
            tell(teller, &parts::idle(&scene, &self.size).await?)?;
        }
        if self.wants(Part::Latency) {
            tell(teller, &parts::latency(&scene, &self.size).await?)?;
        }
        if self.wants(Part::Overload) {
            tell(teller, &overload::overload(&scene, &self.size).await?)?;
        }
        if self.wants(Part::Callbacks) {
            tell(teller, &callbacks::lives(&scene, &self.size).await?)?;
            tell(teller, &callbacks::latency(&scene, &self.size).await?)?;
        }
        if self.wants(Part::Tls) {
            tell(teller, &tls::tls(&scene, &self.size).await?)?;
        }
        if self.wants(Part::Lives) || self.wants(Part::Full) {
            let first = parts::lives(&scene, &self.size, "").await?;
            teller.tell(
                &Measure::new("full lives", first.rate, "lives/s").with(Goal::AtLeast(10_000.0)),
            )?;
            tell(teller, &first.measures)?;
            if self.wants(Part::Full) {
                self.full(&scene, first.rate, teller).await?;
            }
        }
        basis(teller, folder, self.size.disk, "after")?;
        let stolen = machine::stolen_s() - stolen;
        teller.tell(&Measure::new(
            "processor time taken by other guests",
            stolen,
            "s",
        ))?;
        Ok(())
    }

    /// The same on a store full of open commands.
    async fn full(
        &self,
        scene: &Scene,
        first: f64,
        teller: &mut Teller<'_>,
    ) -> Result<(), BenchError> {
        tell(teller, &parts::fill_up(scene, &self.size).await?)?;
        tell(teller, &parts::starts(scene, "full store").await?)?;
        let full = parts::lives(scene, &self.size, ", full store").await?;
        let goal = Goal::AtLeast(0.9 * first);
        teller.tell(&Measure::new("full lives, full store", full.rate, "lives/s").with(goal))?;
        tell(teller, &full.measures)
    }

    fn wants(&self, part: Part) -> bool {
        self.only.is_none_or(|only| only == part)
    }

    fn devices(&self) -> usize {
        if self.wants(Part::Idle) {
            self.size.idle_devices.max(self.size.lives_devices)
        } else {
            self.size.lives_devices
        }
    }
}

fn tell(teller: &mut Teller<'_>, measures: &[Measure]) -> Result<(), BenchError> {
    measures
        .iter()
        .try_for_each(|measure| teller.tell(measure))?;
    Ok(())
}

/// What every other measure stands on: the disk's speed, and the processor's.
fn basis(
    teller: &mut Teller<'_>,
    folder: &Path,
    time: Duration,
    when: &str,
) -> Result<(), BenchError> {
    let disk = Disk::measure(folder, time)?;
    let measures = [
        Measure::new(format!("bare fsync rate, {when}"), disk.rate, "fsyncs/s"),
        Measure::new(format!("bare fsync p50, {when}"), disk.p50_ms, "ms"),
        Measure::new(format!("bare fsync p99, {when}"), disk.p99_ms, "ms"),
        Measure::new(
            format!("one processor's SHA-256, {when}"),
            machine::hashed_mib_per_s(),
            "MiB/s",
        ),
    ];
    tell(teller, &measures)
}
