//! The closed loop: whole lives of commands, as many at a time as there are devices.

use std::collections::{BTreeMap, VecDeque};
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::timeout;

use super::device::{DeviceLink, Happened};
use super::post::{Head, PostLink, is_accepted};
use super::{DRAIN_MAX, Histogram, LoadError, Target};
use crate::clock::passed_us;
use crate::credentials::Credentials;

/// Devices that one task looks after. Each wake looks at all of them, so they are few.
const DEVICES_PER_TASK: usize = 32;

/// A closed loop whose connections stand.
#[derive(Debug)]
pub struct Lives {
    workers: Vec<Worker>,
}

/// What a closed loop measured.
#[derive(Clone, Debug, Default)]
pub struct LivesReport {
    /// Lives that ended: SUCCESSFUL is committed.
    pub lives: u64,
    /// From the first POST to the end of the last life.
    pub elapsed: Duration,
    /// Answers other than 201, by status. A life that is refused is not counted and not repeated.
    pub refused: BTreeMap<u16, u64>,
    /// POST to 201.
    pub accepted: Histogram,
    /// POST to the arrival at the device.
    pub arrived: Histogram,
    /// POST to the end of the life.
    pub ended: Histogram,
}

impl LivesReport {
    /// Lives per second.
    pub fn rate(&self) -> u64 {
        let us = u64::try_from(self.elapsed.as_micros()).unwrap_or(u64::MAX);
        self.lives.saturating_mul(1_000_000) / us.max(1)
    }

    fn merge(&mut self, other: Self) {
        self.lives += other.lives;
        self.accepted.merge(&other.accepted);
        self.arrived.merge(&other.arrived);
        self.ended.merge(&other.ended);
        for (status, count) in other.refused {
            *self.refused.entry(status).or_default() += count;
        }
    }
}

impl Lives {
    /// Opens `connections` HTTP connections, and one MQTT connection per device, each of which has at most one command open.
    pub async fn connect(
        target: &Target,
        devices: &[Credentials],
        connections: usize,
    ) -> Result<Self, LoadError> {
        let tasks = devices.len().div_ceil(DEVICES_PER_TASK).min(connections);
        if tasks == 0 {
            return Err(LoadError::Nothing);
        }
        let head = Arc::new(Head::of(target));
        let mut workers: Vec<Worker> = (0..tasks).map(|_| Worker::new(head.clone())).collect();
        for index in 0..connections {
            workers[index % tasks].posts.push(Post {
                link: PostLink::open(target).await?,
                under_way: None,
            });
        }
        for (index, credentials) in devices.iter().enumerate() {
            let link = DeviceLink::open(target.mqtt(), credentials).await?;
            workers[index % tasks].add(link);
        }
        Ok(Self { workers })
    }

    /// Begins lives for `time`, one as soon as another has ended, and waits for those that have begun. May be called again.
    pub async fn run(&mut self, time: Duration) -> Result<LivesReport, LoadError> {
        let begun = passed_us();
        let stop = begun.saturating_add(u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
        let mut tasks = JoinSet::new();
        for mut worker in self.workers.drain(..) {
            tasks.spawn(async move {
                worker.stop_us = stop;
                let run = timeout(time + DRAIN_MAX, poll_fn(|cx| worker.poll(cx)));
                let ran = run.await.unwrap_or(Err(LoadError::Stuck(0)));
                (worker, ran)
            });
        }
        let mut report = LivesReport::default();
        let mut failed = None;
        while let Some(joined) = tasks.join_next().await {
            let (mut worker, ran) = joined.expect("a worker does not panic");
            report.merge(std::mem::take(&mut worker.report));
            if let Err(error) = ran {
                failed = Some(match error {
                    LoadError::Stuck(_) => LoadError::Stuck(worker.open),
                    other => other,
                });
            }
            self.workers.push(worker);
        }
        report.elapsed = Duration::from_micros(passed_us() - begun);
        failed.map_or(Ok(report), Err)
    }
}

/// One task: some HTTP connections and some devices.
#[derive(Debug)]
struct Worker {
    head: Arc<Head>,
    posts: Vec<Post>,
    devices: Vec<DeviceLink>,
    /// The life of each device.
    lives: Vec<Option<Life>>,
    /// Devices without one.
    free: VecDeque<usize>,
    open: usize,
    next: u64,
    stop_us: u64,
    report: LivesReport,
}

/// An HTTP connection, and the device for which a request is under way.
#[derive(Debug)]
struct Post {
    link: PostLink,
    under_way: Option<usize>,
}

/// A life that has begun. Its 201 and what its device says come on different connections, in any order.
#[derive(Clone, Copy, Debug)]
struct Life {
    n: u64,
    begun_us: u64,
    accepted: bool,
    arrived: bool,
    confirmed: bool,
}

impl Worker {
    fn new(head: Arc<Head>) -> Self {
        Self {
            head,
            posts: Vec::new(),
            devices: Vec::new(),
            lives: Vec::new(),
            free: VecDeque::new(),
            open: 0,
            next: 0,
            stop_us: 0,
            report: LivesReport::default(),
        }
    }

    fn add(&mut self, device: DeviceLink) {
        self.free.push_back(self.devices.len());
        self.devices.push(device);
        self.lives.push(None);
    }

    /// Goes on until nothing moves; ready when the time is over and no life is open.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), LoadError>> {
        loop {
            let mut moved = self.poll_devices(cx)?;
            moved |= self.poll_posts(cx)?;
            moved |= self.begin_lives();
            if !moved {
                break;
            }
        }
        if self.open == 0 && passed_us() >= self.stop_us {
            return Poll::Ready(Ok(()));
        }
        Poll::Pending
    }

    fn poll_devices(&mut self, cx: &mut Context<'_>) -> Result<bool, LoadError> {
        let mut moved = false;
        for index in 0..self.devices.len() {
            let (life, report) = (&mut self.lives[index], &mut self.report);
            let heard = |happened| hear(life, happened, report);
            if let Poll::Ready(polled) = self.devices[index].poll(cx, heard) {
                polled?;
                moved = true;
                self.end(index);
            }
        }
        Ok(moved)
    }

    fn poll_posts(&mut self, cx: &mut Context<'_>) -> Result<bool, LoadError> {
        let mut moved = false;
        for index in 0..self.posts.len() {
            let post = &mut self.posts[index];
            let Some(device) = post.under_way else {
                continue;
            };
            if let Poll::Ready(status) = post.link.poll_answer(cx) {
                let status = status?;
                post.under_way = None;
                moved = true;
                self.answered(device, status);
            }
        }
        Ok(moved)
    }

    fn answered(&mut self, device: usize, status: u16) {
        let Some(life) = &mut self.lives[device] else {
            return;
        };
        if is_accepted(status) {
            life.accepted = true;
            self.report.accepted.record_us(passed_us() - life.begun_us);
            self.end(device);
        } else {
            *self.report.refused.entry(status).or_default() += 1;
            self.lives[device] = None;
            self.open -= 1;
            self.free.push_back(device);
        }
    }

    fn begin_lives(&mut self) -> bool {
        let mut begun = false;
        for index in 0..self.posts.len() {
            if self.posts[index].under_way.is_some() || self.free.is_empty() {
                continue;
            }
            let now = passed_us();
            if now >= self.stop_us {
                return begun;
            }
            let device = self.free.pop_front().expect("just seen");
            let post = &mut self.posts[index];
            self.head
                .write(post.link.outbound(), &self.devices[device].id, self.next);
            post.under_way = Some(device);
            self.lives[device] = Some(Life {
                n: self.next,
                begun_us: now,
                accepted: false,
                arrived: false,
                confirmed: false,
            });
            self.next += 1;
            self.open += 1;
            begun = true;
        }
        begun
    }

    /// Ends a device's life if all of it has happened.
    fn end(&mut self, device: usize) {
        let life = self.lives[device].filter(|life| life.accepted && life.confirmed);
        if let Some(life) = life {
            self.report.lives += 1;
            self.report.ended.record_us(passed_us() - life.begun_us);
            self.lives[device] = None;
            self.open -= 1;
            self.free.push_back(device);
        }
    }
}

/// Notes what happened at a device; what belongs to an earlier command, repeated by the platform, is nothing new.
fn hear(life: &mut Option<Life>, happened: Happened, report: &mut LivesReport) {
    let Some(life) = life else {
        return;
    };
    match happened {
        Happened::Arrived(n) if n == life.n && !life.arrived => {
            life.arrived = true;
            report.arrived.record_us(passed_us() - life.begun_us);
        }
        Happened::Confirmed(n) if n == life.n => life.confirmed = true,
        Happened::Arrived(_) | Happened::Confirmed(_) => {}
    }
}
