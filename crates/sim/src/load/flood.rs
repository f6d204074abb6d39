//! The flood: an open loop that may offer more than the platform serves, and what became of each request.
//!
//! Every connection has one request under way at the most. A request leaves when its moment has come and a connection is free;
//! its time is counted from the moment on which it was meant to leave. What finds no free connection until the end never leaves,
//! and is counted too.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::device::DeviceLink;
use super::paced::{DEVICES_PER_TASK, LEAD_US, Listener, Plan};
use super::post::{Head, PostLink, is_accepted};
use super::{DRAIN_MAX, Histogram, LoadError, Target};
use crate::clock::passed_us;
use crate::credentials::Credentials;

/// How often requests that are due are let go.
const TICK: Duration = Duration::from_millis(1);

/// After so long a platform has seen what comes.
const SETTLED_US: u64 = 1_000_000;

/// A flood whose connections stand.
#[derive(Debug)]
pub struct Flood {
    head: Arc<Head>,
    posts: Vec<PostLink>,
    devices: Vec<DeviceLink>,
}

/// What a flood measured.
#[derive(Clone, Debug, Default)]
pub struct FloodReport {
    /// Requests that were meant to leave.
    pub due: u64,
    /// Those that never left, because no connection was free until the end.
    pub unsent: u64,
    /// Answers other than 201, by status.
    pub refused: BTreeMap<u16, u64>,
    /// How late requests left: because no connection was free, or because the generator was slow.
    pub late: Histogram,
    /// From the moment a POST was meant to leave to its 201.
    pub accepted: Histogram,
    /// The same of those that were meant to leave after the first second, when the platform knows what comes.
    pub settled: Histogram,
    /// From the moment a POST was meant to leave to any other answer.
    pub turned_away: Histogram,
    /// From the moment a POST was meant to leave to its command's arrival at the device.
    pub arrived: Histogram,
    /// Commands whose answers the platform has committed.
    pub ended: u64,
}

/// What the connections share.
struct Shared {
    head: Arc<Head>,
    ids: Box<[Box<str>]>,
    plan: Plan,
    /// One permit for each request whose moment has come and that has not left; closed at the end.
    due: Semaphore,
    next: AtomicU64,
}

impl Flood {
    /// Opens `connections` HTTP connections, and one MQTT connection per device.
    pub async fn connect(
        target: &Target,
        devices: &[Credentials],
        connections: usize,
    ) -> Result<Self, LoadError> {
        if devices.is_empty() || connections == 0 {
            return Err(LoadError::Nothing);
        }
        let mut posts = Vec::with_capacity(connections);
        for _ in 0..connections {
            posts.push(PostLink::open(target).await?);
        }
        let mut links = Vec::with_capacity(devices.len());
        for credentials in devices {
            links.push(DeviceLink::open(target.mqtt(), credentials).await?);
        }
        Ok(Self {
            head: Arc::new(Head::of(target)),
            posts,
            devices: links,
        })
    }

    /// Offers `rate` commands a second for `time`, to the devices in turn, and waits for what was accepted.
    pub async fn run(self, rate: u64, time: Duration) -> Result<FloodReport, LoadError> {
        let rate = rate.max(1);
        let time_us = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let plan = Plan {
            start_us: passed_us() + LEAD_US,
            rate,
            count: rate.saturating_mul(time_us) / 1_000_000,
        };
        let shared = Arc::new(Shared {
            head: self.head,
            ids: self.devices.iter().map(|one| one.id.clone()).collect(),
            plan,
            due: Semaphore::new(0),
            next: AtomicU64::new(0),
        });
        let accepted = Arc::new(AtomicU64::new(u64::MAX));
        let ended = Arc::new(AtomicU64::new(0));
        let mut listeners = listen(self.devices, plan, (&accepted, &ended), time);
        let mut posters = JoinSet::new();
        for link in self.posts {
            posters.spawn(post(shared.clone(), link));
        }
        pace(&shared).await;
        let mut report = FloodReport::default();
        while let Some(posted) = posters.join_next().await {
            report.merge(&posted.expect("a poster does not panic")?);
        }
        report.due = plan.count;
        report.unsent = plan.count - shared.next.load(Ordering::Relaxed).min(plan.count);
        // From now on the listeners know for how many answers they wait; one of them has to look.
        accepted.store(report.accepted.count(), Ordering::Release);
        while let Some(joined) = listeners.join_next().await {
            let listened = joined.expect("a listener does not panic");
            let open = report.accepted.count() - ended.load(Ordering::Acquire);
            let stuck = LoadError::Stuck(usize::try_from(open).unwrap_or(usize::MAX));
            report.arrived.merge(&listened.map_err(|_| stuck)??);
        }
        report.ended = ended.load(Ordering::Acquire);
        Ok(report)
    }
}

impl FloodReport {
    fn merge(&mut self, other: &Self) {
        self.late.merge(&other.late);
        self.accepted.merge(&other.accepted);
        self.settled.merge(&other.settled);
        self.turned_away.merge(&other.turned_away);
        for (status, count) in &other.refused {
            *self.refused.entry(*status).or_default() += count;
        }
    }
}

type Heard = Result<Result<Histogram, LoadError>, tokio::time::error::Elapsed>;

/// Has the devices answer, in tasks of some each.
fn listen(
    mut devices: Vec<DeviceLink>,
    plan: Plan,
    (accepted, ended): (&Arc<AtomicU64>, &Arc<AtomicU64>),
    time: Duration,
) -> JoinSet<Heard> {
    let mut listeners = JoinSet::new();
    while !devices.is_empty() {
        let rest = devices.split_off(devices.len().min(DEVICES_PER_TASK));
        let listener = Listener {
            devices: std::mem::replace(&mut devices, rest),
            plan,
            arrived: Histogram::default(),
            ended: ended.clone(),
            accepted: accepted.clone(),
        };
        listeners.spawn(timeout(time + DRAIN_MAX, listener.run()));
    }
    listeners
}

/// Lets requests go when they are due, until the last one was.
async fn pace(shared: &Shared) {
    let Plan {
        start_us,
        rate,
        count,
    } = shared.plan;
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut let_go = 0;
    while let_go < count {
        ticks.tick().await;
        let passed = passed_us().saturating_sub(start_us);
        let due = (passed.saturating_mul(rate) / 1_000_000).min(count);
        shared
            .due
            .add_permits(usize::try_from(due - let_go).expect("a second's worth at the most"));
        let_go = due;
    }
    // What waits for a connection still leaves if there is one just now.
    tokio::task::yield_now().await;
    shared.due.close();
}

/// Sends over one connection, one request after the other.
async fn post(shared: Arc<Shared>, mut link: PostLink) -> Result<FloodReport, LoadError> {
    let mut report = FloodReport::default();
    while let Ok(permit) = shared.due.acquire().await {
        permit.forget();
        let n = shared.next.fetch_add(1, Ordering::Relaxed);
        let place = usize::try_from(n).unwrap_or(usize::MAX) % shared.ids.len();
        shared.head.write(link.outbound(), &shared.ids[place], n);
        let meant = shared.plan.moment_us(n);
        report.late.record_us(passed_us().saturating_sub(meant));
        let status = poll_fn(|cx| link.poll_answer(cx)).await?;
        let took = passed_us().saturating_sub(meant);
        if is_accepted(status) {
            report.accepted.record_us(took);
            if meant >= shared.plan.start_us + SETTLED_US {
                report.settled.record_us(took);
            }
        } else {
            report.turned_away.record_us(took);
            *report.refused.entry(status).or_default() += 1;
        }
    }
    Ok(report)
}
