//! The open loop: POSTs leave when they are meant to, however slow the platform is, and each time is counted from then.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::timeout;

use super::device::{DeviceLink, Happened};
use super::post::{Head, answer, is_accepted};
use super::{DRAIN_MAX, Histogram, LoadError, Target};
use crate::clock::{passed, passed_us};
use crate::credentials::Credentials;

/// A thread waits in the kernel until so many microseconds before its moment, and turns in circles for the rest: the kernel is late
/// by about 50 µs.
const SPIN_US: u64 = 150;
/// From the start to the first request, so that all threads are there.
pub(super) const LEAD_US: u64 = 10_000;
pub(super) const DEVICES_PER_TASK: usize = 32;
const READ_BYTES: usize = 4096;
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// An open loop whose connections stand.
#[derive(Debug)]
pub struct Paced {
    head: Arc<Head>,
    streams: Vec<TcpStream>,
    devices: Vec<DeviceLink>,
}

/// What an open loop measured.
#[derive(Clone, Debug, Default)]
pub struct PacedReport {
    /// Requests that were meant to leave, and did.
    pub sent: u64,
    /// Answers other than 201, by status.
    pub refused: BTreeMap<u16, u64>,
    /// How late requests left: what the generator itself adds to the rest.
    pub late: Histogram,
    /// From the moment a POST was meant to leave to its 201.
    pub accepted: Histogram,
    /// From that moment to the arrival at the device.
    pub arrived: Histogram,
    /// Commands whose answers the platform has committed.
    pub ended: u64,
    /// When the first request was meant to leave, by [`passed_us`].
    pub start_us: u64,
}

impl PacedReport {
    /// When request `n` was meant to leave, at `rate` a second.
    pub fn moment_us(&self, n: u64, rate: u32) -> u64 {
        let plan = Plan {
            start_us: self.start_us,
            rate: rate.max(1).into(),
            count: 0,
        };
        plan.moment_us(n)
    }
}

/// When which request is to leave.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    pub(super) start_us: u64,
    pub(super) rate: u64,
    pub(super) count: u64,
}

impl Plan {
    pub(super) fn moment_us(self, n: u64) -> u64 {
        self.start_us + n * 1_000_000 / self.rate
    }
}

impl Paced {
    /// Opens `connections` HTTP connections, which is how many requests may be under way, and one MQTT connection per device. With so
    /// many devices that each has ended one command before its next, none waits in line.
    pub async fn connect(
        target: &Target,
        devices: &[Credentials],
        connections: usize,
    ) -> Result<Self, LoadError> {
        if devices.is_empty() || connections == 0 {
            return Err(LoadError::Nothing);
        }
        let mut streams = Vec::with_capacity(connections);
        for _ in 0..connections {
            let stream =
                super::wire::plain(target.http, "no HTTP connection to the platform").await?;
            let blocking = stream.into_std().and_then(|stream| {
                stream.set_nonblocking(false)?;
                stream.set_read_timeout(Some(ANSWER_WITHIN))?;
                Ok(stream)
            });
            streams.push(blocking.map_err(LoadError::connection("an HTTP connection broke"))?);
        }
        let mut links = Vec::with_capacity(devices.len());
        for credentials in devices {
            links.push(DeviceLink::open((target.mqtt, None), credentials).await?);
        }
        Ok(Self {
            head: Arc::new(Head::of(target)),
            streams,
            devices: links,
        })
    }

    /// Sends `rate` commands a second for `time`, to the devices in turn, and waits for what has begun.
    pub async fn run(self, rate: u32, time: Duration) -> Result<PacedReport, LoadError> {
        let rate = u64::from(rate.max(1));
        let time_us = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let plan = Plan {
            start_us: passed_us() + LEAD_US,
            rate,
            count: rate.saturating_mul(time_us) / 1_000_000,
        };
        let ids: Arc<[Box<str>]> = self
            .devices
            .iter()
            .map(|device| device.id.clone())
            .collect();
        let accepted = Arc::new(AtomicU64::new(u64::MAX));
        let ended = Arc::new(AtomicU64::new(0));
        let mut listeners = JoinSet::new();
        let mut devices = self.devices;
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
        let (head, streams) = (self.head, self.streams);
        let posting = tokio::task::spawn_blocking(move || post_all(&head, streams, &ids, plan));
        let mut report = posting.await.expect("posting does not panic")?;
        report.start_us = plan.start_us;
        // From now on the listeners know for how many answers they wait; one of them has to look.
        accepted.store(report.accepted.count(), Ordering::Release);
        while let Some(joined) = listeners.join_next().await {
            let listened = joined.expect("a listener does not panic");
            let open = || {
                usize::try_from(report.sent - ended.load(Ordering::Acquire)).unwrap_or(usize::MAX)
            };
            report
                .arrived
                .merge(&listened.map_err(|_| LoadError::Stuck(open()))??);
        }
        report.ended = ended.load(Ordering::Acquire);
        Ok(report)
    }
}

/// Some devices, and what was heard of them.
pub(super) struct Listener {
    pub(super) devices: Vec<DeviceLink>,
    pub(super) plan: Plan,
    pub(super) arrived: Histogram,
    pub(super) ended: Arc<AtomicU64>,
    /// How many commands were accepted; the greatest number until it is known.
    pub(super) accepted: Arc<AtomicU64>,
}

impl Listener {
    pub(super) async fn run(mut self) -> Result<Histogram, LoadError> {
        let mut look = tokio::time::interval(Duration::from_millis(20));
        loop {
            tokio::select! {
                heard = poll_fn(|cx| self.poll(cx)) => heard?,
                _ = look.tick() => {}
            }
            if self.ended.load(Ordering::Acquire) >= self.accepted.load(Ordering::Acquire) {
                return Ok(self.arrived);
            }
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), LoadError>> {
        let mut moved = false;
        for device in &mut self.devices {
            let heard = |happened| match happened {
                Happened::Arrived(n) => {
                    let since = passed_us().saturating_sub(self.plan.moment_us(n));
                    self.arrived.record_us(since);
                }
                Happened::Confirmed(_) => {
                    self.ended.fetch_add(1, Ordering::AcqRel);
                }
            };
            if let Poll::Ready(polled) = device.poll(cx, heard) {
                polled?;
                moved = true;
            }
        }
        if moved {
            Poll::Ready(Ok(()))
        } else {
            Poll::Pending
        }
    }
}

/// A thread per connection; the next request is taken by whichever is free.
fn post_all(
    head: &Head,
    streams: Vec<TcpStream>,
    ids: &[Box<str>],
    plan: Plan,
) -> Result<PacedReport, LoadError> {
    let next = AtomicU64::new(0);
    std::thread::scope(|scope| {
        let posters: Vec<_> = streams
            .into_iter()
            .map(|stream| scope.spawn(|| post_some(head, stream, ids, (plan, &next))))
            .collect();
        let mut report = PacedReport::default();
        for poster in posters {
            let posted = poster.join().expect("a poster does not panic")?;
            report.sent += posted.sent;
            report.late.merge(&posted.late);
            report.accepted.merge(&posted.accepted);
            for (status, count) in posted.refused {
                *report.refused.entry(status).or_default() += count;
            }
        }
        Ok(report)
    })
}

fn post_some(
    head: &Head,
    mut stream: TcpStream,
    ids: &[Box<str>],
    (plan, next): (Plan, &AtomicU64),
) -> Result<PacedReport, LoadError> {
    let mut report = PacedReport::default();
    let (mut request, mut inbound) = (Vec::new(), Vec::new());
    let broke = LoadError::connection;
    loop {
        let n = next.fetch_add(1, Ordering::Relaxed);
        if n >= plan.count {
            return Ok(report);
        }
        let place = usize::try_from(n).unwrap_or(usize::MAX) % ids.len();
        request.clear();
        head.write(&mut request, &ids[place], n);
        let meant = plan.moment_us(n);
        wait_until(meant);
        report.late.record_us(passed_us() - meant);
        stream
            .write_all(&request)
            .map_err(broke("an HTTP connection broke"))?;
        report.sent += 1;
        let status = loop {
            let mut chunk = [0; READ_BYTES];
            let count = stream
                .read(&mut chunk)
                .map_err(broke("an HTTP connection broke"))?;
            if count == 0 {
                return Err(broke("an HTTP connection ended")(
                    std::io::ErrorKind::UnexpectedEof.into(),
                ));
            }
            inbound.extend_from_slice(&chunk[..count]);
            if let Some((status, length)) = answer(&inbound)? {
                inbound.drain(..length);
                break status;
            }
        };
        if is_accepted(status) {
            report.accepted.record_us(passed_us() - meant);
        } else {
            *report.refused.entry(status).or_default() += 1;
        }
    }
}

/// Returns at a moment, as exactly as a thread can.
fn wait_until(moment_us: u64) {
    let moment = Duration::from_micros(moment_us);
    while let Some(wait) = moment.checked_sub(passed()).filter(|wait| !wait.is_zero()) {
        match wait.checked_sub(Duration::from_micros(SPIN_US)) {
            Some(long) if !long.is_zero() => std::thread::park_timeout(long),
            Some(_) | None => std::hint::spin_loop(),
        }
    }
}
