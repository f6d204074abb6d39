//! A shard: the thread that owns some of the lanes, and its loop.

use super::alarm::Alarms;
use super::gather::Gathered;
use super::inbox::{Item, Message, ReplyTo, What, task_record};
use super::{Parts, Promise, Refused};
use crate::limits::{SHARD_AWAY_LANES_MAX, SHARD_BATCH_MAX, SHARD_COMMITS_MAX};
use crate::registry::Standing;
use crate::shutdown::Shutdown;
use delivery::{Change, Command, CommandId, Input, Lane, Moment, Refusal, Ticket, Turn};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use store::{Conflict, Failed, LaneWrite, Unit, Write};
use tokio::sync::{mpsc, oneshot};

/// What the store says of a commit.
type Outcome = Result<Vec<Result<(), Conflict>>, Failed>;

/// The lanes of one shard and everything that is under way with them.
pub(super) struct Shard {
    pub(super) parts: Arc<Parts>,
    inbox: mpsc::Receiver<Message>,
    committed: mpsc::UnboundedReceiver<(Vec<Pending>, Outcome)>,
    commit_done: mpsc::UnboundedSender<(Vec<Pending>, Outcome)>,
    pub(super) lanes: HashMap<u64, Slot>,
    /// Lanes with items that wait and no turn under way, each once.
    ready: VecDeque<u64>,
    pub(super) alarms: Alarms,
    commits: usize,
    pub(super) followers: HashMap<CommandId, mpsc::UnboundedSender<Command>>,
    /// Lanes whose device is away, the one that was so for longest first; those that came back are skipped.
    away: VecDeque<u64>,
    settlers: Vec<oneshot::Sender<Option<Moment>>>,
    stopping: Option<oneshot::Sender<()>>,
    failed: bool,
}

/// A lane's place in its shard.
#[derive(Default)]
pub(super) struct Slot {
    /// The lane, unless a turn of it is under way or it has not been read.
    pub(super) lane: Option<Lane>,
    pub(super) busy: bool,
    pub(super) waiting: Vec<Item>,
    ready: bool,
    listed_away: bool,
}

/// A turn that was decided, with what is to be done once it is on disk.
pub(super) struct Pending {
    pub(super) turn: Turn,
    /// The turn's changes, which the store reads too; `None` if there are none.
    pub(super) changes: Option<Arc<Vec<Change>>>,
    /// Who waits for the outcome of the item with this place in the inbox.
    pub(super) to: Vec<Option<ReplyTo>>,
    pub(super) promises: Vec<Promise>,
    pub(super) follows: Vec<(Ticket, mpsc::UnboundedSender<Command>)>,
    /// The items, where the turn may have to be decided again.
    kept: Vec<What>,
}

/// Starts a shard's thread. It ends when told to, or when the store fails.
pub(super) fn spawn(
    number: usize,
    parts: Arc<Parts>,
    inbox: mpsc::Receiver<Message>,
) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()?;
    let thread = std::thread::Builder::new().name(format!("shard-{number}"));
    let run = move || {
        let _watch = Watch(parts.shutdown.clone());
        runtime.block_on(Shard::new(parts, inbox).run());
    };
    thread.spawn(run).map(drop)
}

/// A shard that panics takes the platform with it: nobody would decide about its lanes any more.
struct Watch(Shutdown);

impl Drop for Watch {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.fail("a shard panicked");
        }
    }
}

impl Shard {
    fn new(parts: Arc<Parts>, inbox: mpsc::Receiver<Message>) -> Self {
        let (commit_done, committed) = mpsc::unbounded_channel();
        Self {
            parts,
            inbox,
            committed,
            commit_done,
            lanes: HashMap::new(),
            ready: VecDeque::new(),
            alarms: Alarms::default(),
            commits: 0,
            followers: HashMap::new(),
            away: VecDeque::new(),
            settlers: Vec::new(),
            stopping: None,
            failed: false,
        }
    }

    async fn run(mut self) {
        let mut messages = Vec::with_capacity(SHARD_BATCH_MAX);
        while !self.failed {
            self.wait(&mut messages).await;
            for message in messages.drain(..) {
                self.place(message);
            }
            while let Ok((pending, outcome)) = self.committed.try_recv() {
                self.after_commit(pending, outcome);
            }
            self.ring();
            if self.commits < SHARD_COMMITS_MAX {
                self.round();
            }
            if self.is_quiet() {
                self.settle();
                if self.stopping.is_some() {
                    break;
                }
            }
        }
        // Whoever still waits sees its channel close: the outcome is not known.
        if let Some(reply) = self.stopping.take() {
            reply.send(()).ok();
        }
    }

    /// Waits until something has arrived, a commit is over, or an alarm rings.
    async fn wait(&mut self, messages: &mut Vec<Message>) {
        if !self.ready.is_empty() && self.commits < SHARD_COMMITS_MAX {
            while messages.len() < SHARD_BATCH_MAX {
                let Ok(message) = self.inbox.try_recv() else {
                    return;
                };
                messages.push(message);
            }
            return;
        }
        let alarm = self.alarms.first();
        let clock = self.parts.clock.clone();
        let rings = async move {
            match alarm {
                Some(at) => clock.reaches(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            Some((pending, outcome)) = self.committed.recv() => {
                self.after_commit(pending, outcome);
                while messages.len() < SHARD_BATCH_MAX {
                    let Ok(message) = self.inbox.try_recv() else { return };
                    messages.push(message);
                }
            }
            taken = self.inbox.recv_many(messages, SHARD_BATCH_MAX) => {
                if taken == 0 {
                    // Every door is gone: nobody can ask or report any more.
                    self.failed = true;
                }
            }
            () = rings => {}
        }
    }

    fn place(&mut self, message: Message) {
        match message {
            Message::Submit { device, ask, reply } => {
                self.push(
                    device.seq(),
                    Item {
                        what: What::Submit(ask),
                        to: Some(ReplyTo::Submit(reply)),
                    },
                );
            }
            Message::Request {
                device,
                request,
                reply,
            } => {
                self.push(
                    device.seq(),
                    Item {
                        what: What::Request(request),
                        to: Some(ReplyTo::Request(reply)),
                    },
                );
            }
            Message::Heard { device, heard } => self.push(device.seq(), Item::of(heard.into())),
            Message::Look { device, reply } => drop(reply.send(self.look(device.seq()))),
            Message::Alarms(alarms) => {
                for (lane, at) in alarms {
                    self.alarms.no_later(lane, at);
                }
            }
            Message::Told(told) => told.into_iter().for_each(|told| self.told(told)),
            Message::Settle { reply } => self.settlers.push(reply),
            Message::Stop { reply } => self.stopping = Some(reply),
        }
    }

    /// Puts an item into a lane's inbox.
    pub(super) fn push(&mut self, lane: u64, item: Item) {
        let slot = self.lanes.entry(lane).or_default();
        slot.waiting.push(item);
        if !slot.busy && !slot.ready {
            slot.ready = true;
            self.ready.push_back(lane);
        }
    }

    fn look(&self, lane: u64) -> Option<Lane> {
        let kept = self.lanes.get(&lane).and_then(|slot| slot.lane.clone());
        kept.or_else(|| self.parts.store.lane(lane).ok().flatten())
    }

    /// Makes an input of every alarm that has passed.
    fn ring(&mut self) {
        let now = self.parts.clock.now();
        while let Some(lane) = self.alarms.take_due(now) {
            self.push(lane, Item::of(What::Wake));
        }
    }

    /// Decides a turn for every lane that is ready, and commits them together.
    fn round(&mut self) {
        let parts = self.parts.clone();
        // Held until the store has what was decided: the end of a grant reaches it before or after this, never in between.
        let standing = parts.grants.hold();
        let now = parts.clock.now();
        let mut units = Vec::new();
        let mut under_way = Vec::new();
        for _ in 0..self.ready.len().min(SHARD_BATCH_MAX) {
            let Some(lane) = self.ready.pop_front() else {
                break;
            };
            let Some((mut pending, writes)) = self.decide(lane, &standing, now) else {
                continue;
            };
            let turn = LaneWrite::take(&mut pending.turn);
            pending.changes = turn.as_ref().map(|write| write.changes.clone());
            if turn.is_none() && writes.is_empty() {
                self.act(pending);
                continue;
            }
            units.push(Unit { turn, writes });
            under_way.push(pending);
        }
        if units.is_empty() {
            return;
        }
        self.commits += 1;
        let done = self.commit_done.clone();
        let tell = move |outcome: Outcome| drop(done.send((under_way, outcome)));
        self.parts.store.commit(units, now, Box::new(tell));
    }

    /// Has the heart decide one lane's turn; `None` if there is nothing to decide.
    fn decide(
        &mut self,
        seq: u64,
        standing: &Standing<'_>,
        now: Moment,
    ) -> Option<(Pending, Vec<Write>)> {
        let slot = self.lanes.get_mut(&seq)?;
        slot.ready = false;
        let items = std::mem::take(&mut slot.waiting);
        let lane = match slot
            .lane
            .take()
            .map_or_else(|| self.parts.store.lane(seq), |lane| Ok(Some(lane)))
        {
            Ok(Some(lane)) => lane,
            Ok(None) => {
                self.lanes.remove(&seq);
                refuse_all(items, &Refused::Heart(Refusal::DeviceDeleted));
                return None;
            }
            Err(error) => {
                self.lanes.remove(&seq);
                tracing::error!(%error, device_seq = seq, "a lane cannot be read");
                refuse_all(items, &Refused::Store(error));
                return None;
            }
        };
        let (lane, mut gathered) = self.gather(lane, items, (standing, now));
        let device = lane.device;
        let inputs = std::mem::take(&mut gathered.inputs);
        let turn = delivery::turn(lane, inputs, &self.parts.rules, now);
        for (ticket, request) in &gathered.requests {
            let granted = turn
                .replies
                .iter()
                .find(|r| r.ticket == *ticket)
                .and_then(|r| r.outcome.as_ref().ok());
            gathered
                .writes
                .extend(granted.and_then(|granted| task_record(request, device, granted)));
        }
        let slot = self.lanes.entry(seq).or_default();
        slot.busy = true;
        let Gathered {
            to,
            promises,
            follows,
            writes,
            kept,
            ..
        } = gathered;
        Some((
            Pending {
                turn,
                changes: None,
                to,
                promises,
                follows,
                kept,
            },
            writes,
        ))
    }

    fn after_commit(&mut self, pending: Vec<Pending>, outcome: Outcome) {
        self.commits -= 1;
        let outcomes = match outcome {
            Ok(outcomes) => outcomes,
            Err(error) => {
                // Nothing is acknowledged any more, lanes in memory are dropped, the process ends (R2.5).
                tracing::error!(%error, "a commit failed");
                self.parts.shutdown.fail(&error.to_string());
                self.failed = true;
                return;
            }
        };
        for (pending, outcome) in pending.into_iter().zip(outcomes) {
            match outcome {
                Ok(()) => self.act(pending),
                Err(Conflict::KeyTaken) => self.decide_again(pending),
                Err(conflict) => {
                    tracing::error!(%conflict, device = %pending.turn.lane.device, "a lane has two owners");
                    self.parts.shutdown.fail("a lane has two owners");
                    self.failed = true;
                }
            }
        }
    }

    /// Another lane took the idempotency key in the meantime: the turn goes back to its start (R1.15).
    fn decide_again(&mut self, pending: Pending) {
        let seq = pending.turn.lane.device.seq();
        let items = pending
            .kept
            .into_iter()
            .zip(pending.to)
            .map(|(what, to)| Item { what, to });
        let slot = self.lanes.entry(seq).or_default();
        slot.lane = None;
        slot.busy = false;
        let later = std::mem::take(&mut slot.waiting);
        slot.waiting = items.chain(later).collect();
        // Sessions outlive the turn, but the lane that is read anew knows none.
        if let delivery::Link::Reachable { session, confirms } = pending.turn.lane.link {
            let heard = super::Heard {
                input: Some(Input::Reachable { session, confirms }),
                ..Default::default()
            };
            slot.waiting.insert(0, Item::of(What::Heard(heard)));
        }
        self.make_ready(seq);
    }

    /// Lets the lane have its next turn if something waits for one.
    pub(super) fn make_ready(&mut self, seq: u64) {
        let Some(slot) = self.lanes.get_mut(&seq) else {
            return;
        };
        if !slot.waiting.is_empty() && !slot.ready && !slot.busy {
            slot.ready = true;
            self.ready.push_back(seq);
        }
    }

    /// Forgets lanes of devices that are away when too many are in memory; they are read again when they are needed.
    pub(super) fn note_away(&mut self, seq: u64) {
        if let Some(slot) = self.lanes.get_mut(&seq)
            && !slot.listed_away
        {
            slot.listed_away = true;
            self.away.push_back(seq);
        }
        while self.away.len() > SHARD_AWAY_LANES_MAX {
            let Some(oldest) = self.away.pop_front() else {
                return;
            };
            let Some(slot) = self.lanes.get_mut(&oldest) else {
                continue;
            };
            slot.listed_away = false;
            let idle = !slot.busy && slot.waiting.is_empty();
            if idle && slot.lane.as_ref().is_none_or(|lane| !lane.is_reachable()) {
                self.lanes.remove(&oldest);
            }
        }
    }

    fn is_quiet(&self) -> bool {
        let due = self
            .alarms
            .first()
            .is_some_and(|at| at <= self.parts.clock.now());
        self.ready.is_empty() && self.commits == 0 && self.inbox.is_empty() && !due
    }

    fn settle(&mut self) {
        let first = self.alarms.first();
        for settler in self.settlers.drain(..) {
            settler.send(first).ok();
        }
    }
}

fn refuse_all(items: Vec<Item>, why: &Refused) {
    for to in items.into_iter().filter_map(|item| item.to) {
        to.refuse(why.clone());
    }
}
