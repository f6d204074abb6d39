//! Dispatch: every command's life passes through here.
//!
//! A request, like a device's answer or a deadline, is an input of its device's lane. A few shards own the lanes, each on a
//! thread of its own: a shard gathers inputs, has the heart decide a turn for every lane that has some, commits all of these
//! turns together, and only then answers and sends. While a lane's turn is being committed its further inputs wait for the
//! next one.

mod act;
mod alarm;
mod gather;
mod inbox;
mod shard;

use crate::callback::Outbox;
use crate::clock::Clock;
use crate::faults::Faults;
use crate::limits::{ALARMS_PER_READ, SHARD_INBOX_MAX};
use crate::metrics::Metrics;
use crate::registry::{Deed, Grants, Models};
use crate::shutdown::Shutdown;
use crate::south::{Hub, Mailbox};
use delivery::{
    AppKey, Command, CommandId, DeviceId, Input, Kind, Lane, Moment, Refusal, Rules, Who,
};
pub(crate) use gather::key_horizon;
use inbox::{Message, Request, What};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use store::{CancelTask, Conflict, Device, Failed, Report, Store, TaskId, Unit, Write};
use tokio::sync::{mpsc, oneshot, watch};

/// What the dispatcher works with.
pub struct Parts {
    /// Where everything is kept.
    pub store: Arc<dyn Store>,
    /// Where sessions are found.
    pub hub: Arc<Hub>,
    /// What time it is.
    pub clock: Clock,
    /// The heart's rules.
    pub rules: Rules,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Whom to tell that nothing may be acknowledged any more.
    pub shutdown: Shutdown,
    /// What answers are judged by.
    pub models: Arc<Models>,
    /// Which application may act on whose devices.
    pub grants: Arc<Grants>,
    /// What is to go wrong on demand.
    pub faults: Arc<Faults>,
    /// Where what is owed to applications is left.
    pub outbox: Arc<Outbox>,
    /// The highest sequence number of a command.
    pub command_seq: AtomicU64,
}

/// The door to every lane. Cheap to clone.
#[derive(Clone)]
pub struct Dispatch {
    shards: Arc<[mpsc::Sender<Message>]>,
    parts: Arc<Parts>,
    alarms_loaded: watch::Receiver<bool>,
}

/// A command that is asked for; the dispatcher gives it its id and its mid.
#[derive(Debug, Clone)]
pub struct Ask {
    /// The device's application.
    pub app: AppKey,
    /// Who asks.
    pub who: Who,
    /// How it is to be delivered.
    pub kind: Kind,
    /// How often an attempt is repeated at the most, 0 to 3.
    pub retransmit_max: u8,
    /// Whether the device is expected to answer.
    pub answer_expected: bool,
    /// Whether somebody is to be told of its changes.
    pub callback: bool,
    /// The caller's idempotency key (R1.15).
    pub key: Option<Arc<str>>,
    /// What is asked: see [`Body`](crate::body::Body).
    pub body: Arc<[u8]>,
    /// Who wants to see the command after each of its changes while it is open.
    pub follow: Option<mpsc::UnboundedSender<Command>>,
}

/// A submission that was granted.
#[derive(Debug, Clone)]
pub struct Accepted {
    /// The command as it was committed; for a repeated key, as it is now.
    pub command: Command,
    /// Whether the idempotency key was used before: nothing leaves again (R1.15).
    pub repeated: bool,
}

/// Why a request did not succeed. It changed nothing, except where a variant says otherwise.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Refused {
    /// The heart refused it.
    #[error("refused: {0:?}")]
    Heart(Refusal),
    /// The link refused the frame of a direct call; the command is FAILED (50252, R4.6).
    #[error("the link refused the frame")]
    LinkRefused,
    /// The application has no right to it, or none any more when the request's turn came (100217, R1.11).
    #[error("not authorised")]
    NotAuthorised,
    /// Too much waits already (100501).
    #[error("too many requests wait")]
    Overload,
    /// The store could not be read, or a row of it does not decode.
    #[error("{0}")]
    Store(Failed),
    /// The platform stops; whether the request was carried out is not known.
    #[error("the platform stops")]
    Stopped,
}

/// Something that came from a device.
#[derive(Debug, Clone, Default)]
pub struct Heard {
    /// What the heart is to hear.
    pub input: Option<Input>,
    /// What the device reported; kept in the same commit.
    pub reports: Vec<Report>,
    /// Who waits for the commit (R6.4).
    pub promise: Option<Promise>,
}

/// An acknowledgement that is owed to a device once what it said is on disk.
#[derive(Debug, Clone)]
pub struct Promise {
    /// The session.
    pub mailbox: Arc<Mailbox>,
    /// What the session owes.
    pub owed: mqtt::Promise,
}

/// How much of its history a command's owner was told, for the lane that has it in memory (R2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    /// The device.
    pub device: DeviceId,
    /// The command.
    pub command: CommandId,
    /// Entries told.
    pub up_to: u32,
}

/// Why something that is not a command was not kept.
#[derive(Debug, Clone, thiserror::Error)]
pub enum KeepError {
    /// It conflicts with what is there.
    #[error(transparent)]
    Conflict(#[from] Conflict),
    /// The application has no right to it, or none any more (100217, R1.11).
    #[error("not authorised")]
    NotAuthorised,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] Failed),
}

impl Dispatch {
    /// Starts `shards` threads and the reading of alarms.
    ///
    /// # Errors
    /// The machine gives no thread.
    pub fn start(parts: Parts, shards: usize) -> std::io::Result<Self> {
        let parts = Arc::new(parts);
        let mut doors = Vec::with_capacity(shards);
        for number in 0..shards.max(1) {
            let (door, inbox) = mpsc::channel(SHARD_INBOX_MAX);
            doors.push(door);
            shard::spawn(number, parts.clone(), inbox)?;
        }
        let (loaded, alarms_loaded) = watch::channel(false);
        let dispatch = Self {
            shards: doors.into(),
            parts,
            alarms_loaded,
        };
        let reader = dispatch.clone();
        let read = move || {
            if let Err(error) = reader.read_alarms() {
                tracing::error!(%error, "the deadlines of open commands cannot be read");
                reader.parts.shutdown.fail(&error.to_string());
            }
            loaded.send_replace(true);
        };
        std::thread::Builder::new()
            .name("alarms".into())
            .spawn(read)?;
        Ok(dispatch)
    }

    /// Submits a command.
    pub async fn submit(&self, device: DeviceId, ask: Ask) -> Result<Accepted, Refused> {
        let (reply, answer) = oneshot::channel();
        self.ask(Message::Submit {
            device,
            ask: Box::new(ask),
            reply,
        })?;
        answer.await.map_err(|_| Refused::Stopped)?
    }

    /// Cancels one command; it is returned as it is then.
    pub async fn cancel(
        &self,
        device: DeviceId,
        command: CommandId,
        who: Who,
    ) -> Result<Command, Refused> {
        match self
            .request(device, Request::Cancel { command, who })
            .await?
        {
            delivery::Granted::Cancelled(command) => Ok(*command),
            other => unreachable!("a cancellation is granted as one, not as {other:?}"),
        }
    }

    /// Cancels every queued command of a device and keeps the task; the commands are returned as they were before (R1.10).
    pub async fn cancel_all(
        &self,
        device: DeviceId,
        task: (TaskId, AppKey),
        who: Who,
    ) -> Result<(CancelTask, Vec<Command>), Refused> {
        let (id, app) = task;
        let created = self.parts.clock.now();
        match self
            .request(
                device,
                Request::CancelAll {
                    task: id,
                    app,
                    created,
                    who,
                },
            )
            .await?
        {
            delivery::Granted::CancelledAll(before) => {
                let commands = before.iter().map(|c| c.id).collect();
                Ok((
                    CancelTask {
                        id,
                        app,
                        device,
                        created,
                        commands,
                    },
                    before,
                ))
            }
            other => unreachable!("a cancel task is granted as one, not as {other:?}"),
        }
    }

    /// Deletes a device: decides about its open commands, keeps `record`, and closes its sessions, in one turn (R1.11).
    pub async fn delete(&self, record: Device, who: Who) -> Result<(), Refused> {
        let device = record.id;
        self.request(
            device,
            Request::Delete {
                record: Box::new(record),
                who,
            },
        )
        .await
        .map(drop)
    }

    /// Takes what came from a device; waits while the shard has too much to do, so that a session stops reading.
    pub async fn hear(&self, device: DeviceId, heard: Heard) -> Result<(), Refused> {
        let door = self.door(device.seq());
        door.send(Message::Heard { device, heard })
            .await
            .map_err(|_| Refused::Stopped)
    }

    /// Cancels the queued commands that an application created on these devices (R1.11); says how many they were.
    ///
    /// It waits while shards have too much to do, and decides about all of these devices at once: give it a few at a time.
    pub async fn revoke(
        &self,
        devices: &[DeviceId],
        grantee: AppKey,
        who: Who,
    ) -> Result<usize, Refused> {
        let mut answers = Vec::with_capacity(devices.len());
        for device in devices {
            let (reply, answer) = oneshot::channel();
            let message = Message::Request {
                device: *device,
                request: Request::Revoke { grantee, who },
                reply,
            };
            let sent = self.door(device.seq()).send(message).await;
            sent.map_err(|_| Refused::Stopped)?;
            answers.push(answer);
        }
        let mut cancelled = 0;
        for answer in answers {
            match answer.await.map_err(|_| Refused::Stopped)? {
                Ok(delivery::Granted::Revoked(count)) => cancelled += count,
                Ok(other) => unreachable!("a revocation is granted as one, not as {other:?}"),
                // Whoever deleted the device has decided about its commands.
                Err(Refused::Heart(Refusal::DeviceDeleted)) => {}
                Err(why) => return Err(why),
            }
        }
        Ok(cancelled)
    }

    /// Keeps what is not a command, durably.
    pub async fn keep(&self, writes: Vec<Write>) -> Result<(), KeepError> {
        let answer = self.give(writes);
        kept(answer).await
    }

    /// As [`keep`](Self::keep): the store has been given the writes when this returns, and what it returns waits until they are
    /// durable.
    pub(crate) fn begin_to_keep(
        &self,
        writes: Vec<Write>,
    ) -> impl Future<Output = Result<(), KeepError>> + use<> {
        kept(self.give(writes))
    }

    /// As [`keep`](Self::keep), if the deed is allowed at the moment at which the store is given the writes.
    ///
    /// # Errors
    /// [`KeepError::NotAuthorised`] if it is not.
    pub async fn keep_if_allowed(&self, deed: Deed, writes: Vec<Write>) -> Result<(), KeepError> {
        let answer = {
            let standing = self.parts.grants.hold();
            if !standing.allows(&deed, self.parts.clock.now()) {
                return Err(KeepError::NotAuthorised);
            }
            self.give(writes)
        };
        kept(answer).await
    }

    /// Gives the store what is to be written; the outcome arrives when it is durable.
    fn give(&self, writes: Vec<Write>) -> oneshot::Receiver<CommitOutcome> {
        let (reply, answer) = oneshot::channel();
        let shutdown = self.parts.shutdown.clone();
        let done = move |result: CommitOutcome| {
            if let Err(error) = &result {
                shutdown.fail(&error.to_string());
            }
            // Nobody may wait any more; what was written is written.
            reply.send(result).ok();
        };
        self.parts.store.commit(
            vec![Unit { turn: None, writes }],
            self.parts.clock.now(),
            Box::new(done),
        );
        answer
    }

    /// Lets lanes know what was told and is on disk; the outbox hears when they do.
    pub async fn told(&self, told: Vec<Told>) {
        let mut by_shard: Vec<Vec<Told>> = vec![Vec::new(); self.shards.len()];
        for told in told {
            by_shard[self.place(told.device.seq())].push(told);
        }
        for (door, told) in self.shards.iter().zip(by_shard) {
            if !told.is_empty() {
                // A shard that has ended knows nothing any more.
                door.send(Message::Told(told)).await.ok();
            }
        }
    }

    /// A device's lane as its shard has it; for the operator.
    pub async fn look(&self, device: DeviceId) -> Result<Option<Lane>, Refused> {
        let (reply, answer) = oneshot::channel();
        self.ask(Message::Look { device, reply })?;
        answer.await.map_err(|_| Refused::Stopped)
    }

    /// Waits until nothing is left to decide at the present moment; returns the earliest deadline ahead (R9.1).
    pub async fn settle(&self) -> Result<Option<Moment>, Refused> {
        let mut loaded = self.alarms_loaded.clone();
        loaded
            .wait_for(|done| *done)
            .await
            .map_err(|_| Refused::Stopped)?;
        let mut earliest: Option<Moment> = None;
        for door in &*self.shards {
            let (reply, answer) = oneshot::channel();
            door.send(Message::Settle { reply })
                .await
                .map_err(|_| Refused::Stopped)?;
            let first = answer.await.map_err(|_| Refused::Stopped)?;
            earliest = [earliest, first].into_iter().flatten().min();
        }
        Ok(earliest)
    }

    /// Decides and commits what has arrived, then ends the shards.
    pub async fn stop(&self) {
        for door in &*self.shards {
            let (reply, ended) = oneshot::channel();
            if door.send(Message::Stop { reply }).await.is_ok() {
                ended.await.ok();
            }
        }
    }

    /// What the dispatcher works with.
    pub fn parts(&self) -> &Parts {
        &self.parts
    }

    async fn request(
        &self,
        device: DeviceId,
        request: Request,
    ) -> Result<delivery::Granted, Refused> {
        let (reply, answer) = oneshot::channel();
        self.ask(Message::Request {
            device,
            request,
            reply,
        })?;
        answer.await.map_err(|_| Refused::Stopped)?
    }

    /// Gives a shard a request, or refuses it if too many wait.
    fn ask(&self, message: Message) -> Result<(), Refused> {
        if self.parts.faults.strikes(crate::faults::Fault::Overload) {
            return Err(Refused::Overload);
        }
        let door = self.door(message.device_seq());
        door.try_send(message).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => Refused::Overload,
            mpsc::error::TrySendError::Closed(_) => Refused::Stopped,
        })
    }

    fn door(&self, device_seq: u64) -> &mpsc::Sender<Message> {
        &self.shards[self.place(device_seq)]
    }

    fn place(&self, device_seq: u64) -> usize {
        let count = u64::try_from(self.shards.len()).expect("a few shards");
        usize::try_from(device_seq % count).expect("below the number of shards")
    }

    /// Gives every shard the deadlines of its lanes. Commands are accepted meanwhile.
    fn read_alarms(&self) -> Result<(), Failed> {
        let count = u64::try_from(self.shards.len()).expect("a few shards");
        let mut after = 0;
        loop {
            let alarms = self.parts.store.alarms(after, ALARMS_PER_READ)?;
            let Some((last, ..)) = alarms.last() else {
                return Ok(());
            };
            after = *last;
            for (number, door) in (0..count).zip(&*self.shards) {
                let its = alarms
                    .iter()
                    .filter(|(_, device, _)| device % count == number);
                let its: Vec<(u64, Moment)> = its.map(|(_, device, at)| (*device, *at)).collect();
                if !its.is_empty() && door.blocking_send(Message::Alarms(its)).is_err() {
                    return Ok(());
                }
            }
        }
    }
}

/// What the store says of a commit.
type CommitOutcome = Result<Vec<Result<(), Conflict>>, Failed>;

/// Waits until writes are durable.
async fn kept(answer: oneshot::Receiver<CommitOutcome>) -> Result<(), KeepError> {
    let outcomes = answer.await.map_err(|_| Failed::Stopped)??;
    outcomes
        .into_iter()
        .try_for_each(|outcome| outcome.map_err(KeepError::Conflict))
}

/// What a lane's inbox takes from a device.
impl From<Heard> for What {
    fn from(heard: Heard) -> Self {
        Self::Heard(heard)
    }
}
