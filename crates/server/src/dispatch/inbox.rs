//! Inboxes: what arrives at a shard, and what waits for a lane's next turn.

use super::{Accepted, Ask, Heard, Refused, Told};
use delivery::{AppKey, Command, CommandId, DeviceId, Granted, Input, Lane, Moment, Who};
use store::{CancelTask, Device, TaskId, Write};
use tokio::sync::oneshot;

/// What arrives at a shard.
pub(super) enum Message {
    Submit {
        device: DeviceId,
        ask: Box<Ask>,
        reply: oneshot::Sender<Result<Accepted, Refused>>,
    },
    Request {
        device: DeviceId,
        request: Request,
        reply: oneshot::Sender<Result<Granted, Refused>>,
    },
    Heard {
        device: DeviceId,
        heard: Heard,
    },
    Look {
        device: DeviceId,
        reply: oneshot::Sender<Option<Lane>>,
    },
    Told(Vec<Told>),
    Alarms(Vec<(u64, Moment)>),
    Settle {
        reply: oneshot::Sender<Option<Moment>>,
    },
    Stop {
        reply: oneshot::Sender<()>,
    },
}

impl Message {
    /// The device it is about; 0 if it is about none.
    pub(super) fn device_seq(&self) -> u64 {
        match self {
            Self::Submit { device, .. }
            | Self::Request { device, .. }
            | Self::Heard { device, .. }
            | Self::Look { device, .. } => device.seq(),
            Self::Told(_) | Self::Alarms(_) | Self::Settle { .. } | Self::Stop { .. } => 0,
        }
    }
}

/// A request other than a submission.
#[derive(Debug, Clone)]
pub(super) enum Request {
    Cancel {
        command: CommandId,
        who: Who,
    },
    CancelAll {
        task: TaskId,
        app: AppKey,
        created: Moment,
        who: Who,
    },
    Delete {
        record: Box<Device>,
        who: Who,
    },
    Revoke {
        grantee: AppKey,
        who: Who,
    },
}

/// What waits for a lane's next turn. It can be repeated if the turn could not be committed (R1.15).
#[derive(Debug, Clone)]
pub(super) enum What {
    Heard(Heard),
    Submit(Box<Ask>),
    Request(Request),
    Late(Input),
    /// What was told of a command, where its lane was busy when that came.
    Told(Told),
    /// A deadline has passed.
    Wake,
}

/// Who waits for the outcome.
pub(super) enum ReplyTo {
    Submit(oneshot::Sender<Result<Accepted, Refused>>),
    Request(oneshot::Sender<Result<Granted, Refused>>),
    /// A direct call whose frame the link refused: its caller hears so once its end is on disk (R4.6).
    LinkRefused(oneshot::Sender<Result<Accepted, Refused>>),
}

impl ReplyTo {
    /// Tells whoever waits that it did not succeed.
    pub(super) fn refuse(self, why: Refused) {
        match self {
            Self::Submit(reply) | Self::LinkRefused(reply) => drop(reply.send(Err(why))),
            Self::Request(reply) => drop(reply.send(Err(why))),
        }
    }

    /// Tells whoever waits that it was granted.
    pub(super) fn grant(self, granted: Granted) {
        match (self, granted) {
            (Self::Submit(reply), Granted::Accepted(command)) => {
                drop(reply.send(Ok(Accepted {
                    command: *command,
                    repeated: false,
                })));
            }
            (Self::Request(reply), granted) => drop(reply.send(Ok(granted))),
            (Self::Submit(_) | Self::LinkRefused(_), other) => {
                unreachable!("a submission is granted as one, not as {other:?}")
            }
        }
    }

    /// Tells whoever submitted that the key was used before.
    pub(super) fn repeat(self, command: Command) {
        if let Self::Submit(reply) = self {
            drop(reply.send(Ok(Accepted {
                command,
                repeated: true,
            })));
        }
    }
}

/// An item of a lane's inbox, with whoever waits for its outcome.
pub(super) struct Item {
    pub(super) what: What,
    pub(super) to: Option<ReplyTo>,
}

impl Item {
    pub(super) fn of(what: What) -> Self {
        Self { what, to: None }
    }
}

/// The record of a cancel task, as it is kept with the turn that carried it out.
pub(super) fn task_record(request: &Request, device: DeviceId, granted: &Granted) -> Option<Write> {
    match (request, granted) {
        (
            Request::CancelAll {
                task, app, created, ..
            },
            Granted::CancelledAll(before),
        ) => {
            let commands = before.iter().map(|c| c.id).collect();
            Some(Write::CancelTask(CancelTask {
                id: *task,
                app: *app,
                device,
                created: *created,
                commands,
            }))
        }
        (Request::Delete { record, .. }, Granted::Deleted) => {
            Some(Write::Device(Device::clone(record)))
        }
        (
            Request::Cancel { .. }
            | Request::CancelAll { .. }
            | Request::Delete { .. }
            | Request::Revoke { .. },
            _,
        ) => None,
    }
}
