//! Gathering: what waits at a lane, made into the inputs of its next turn.

use super::inbox::{Item, ReplyTo, Request, What};
use super::shard::Shard;
use super::{Ask, Heard, Promise, Refused};
use crate::limits::IDEMPOTENCY_HOURS;
use crate::random;
use crate::registry::{Deed, Standing};
use api::Operation;
use delivery::{AppKey, Command, CommandId, Input, Kind, Lane, Moment, Submission, Ticket, Who};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use store::Write;
use tokio::sync::mpsc;

/// A turn's inputs in the making.
#[derive(Default)]
pub(super) struct Gathered {
    pub(super) inputs: Vec<Input>,
    pub(super) to: Vec<Option<ReplyTo>>,
    pub(super) promises: Vec<Promise>,
    pub(super) follows: Vec<(Ticket, mpsc::UnboundedSender<Command>)>,
    pub(super) requests: Vec<(Ticket, Request)>,
    pub(super) writes: Vec<Write>,
    pub(super) kept: Vec<What>,
    pub(super) keys: Vec<(AppKey, Arc<str>)>,
}

impl Shard {
    /// Makes the heart's inputs of the items of an inbox. The place of an item is its ticket. What is not allowed any more is
    /// refused: it may have passed the gate long ago (R1.11).
    pub(super) fn gather(
        &mut self,
        mut lane: Lane,
        items: Vec<Item>,
        (standing, now): (&Standing<'_>, Moment),
    ) -> (Lane, Gathered) {
        let mut gathered = Gathered::default();
        let keyed = items
            .iter()
            .any(|item| matches!(&item.what, What::Submit(ask) if ask.key.is_some()));
        for item in items {
            if deed(&lane, &item.what).is_some_and(|deed| !standing.allows(&deed, now)) {
                item.to
                    .into_iter()
                    .for_each(|to| to.refuse(Refused::NotAuthorised));
                continue;
            }
            let ticket = Ticket(u64::try_from(gathered.to.len()).expect("an inbox is short"));
            let Some(item) = self.unused(item, &mut gathered, (lane.device.seq(), now)) else {
                continue;
            };
            if keyed {
                gathered.kept.push(item.what.clone());
            }
            let refused = match item.what {
                What::Told(told) => {
                    self.note_told(&mut lane, told);
                    None
                }
                What::Submit(ask) => self
                    .take_submission(&mut lane, &mut gathered, (ticket, *ask))
                    .err(),
                mut what => {
                    self.judge(&lane, &mut what);
                    gathered.take(ticket, what);
                    None
                }
            };
            match (refused, item.to) {
                (Some(why), Some(to)) => {
                    to.refuse(why);
                    gathered.to.push(None);
                }
                (_, to) => gathered.to.push(to),
            }
        }
        (lane, gathered)
    }

    /// Gives an item back unless it is a submission under a key that was used before: its first use is told then (R1.15).
    fn unused(
        &mut self,
        item: Item,
        gathered: &mut Gathered,
        (lane, now): (u64, Moment),
    ) -> Option<Item> {
        let What::Submit(ask) = &item.what else {
            return Some(item);
        };
        let Some(key) = &ask.key else {
            return Some(item);
        };
        let used = |(app, other): &(AppKey, Arc<str>)| *app == ask.app && other == key;
        if gathered.keys.iter().any(used) {
            // The same key twice at once: the second one sees what became of the first.
            self.lanes.entry(lane).or_default().waiting.push(item);
            return None;
        }
        let store = &self.parts.store;
        match store.command_by_key(ask.app, key, key_horizon(now)) {
            Ok(None) => {
                gathered.keys.push((ask.app, key.clone()));
                return Some(item);
            }
            Ok(Some(command)) => item
                .to
                .into_iter()
                .for_each(|to| to.repeat(command.clone())),
            Err(error) => {
                let refused = Refused::Store(error);
                item.to
                    .into_iter()
                    .for_each(|to| to.refuse(refused.clone()));
            }
        }
        None
    }

    /// Flags an answer that is not what the command's product model says.
    fn judge(&self, lane: &Lane, what: &mut What) {
        if let What::Heard(Heard {
            input: Some(Input::Answered { mid, answer }),
            ..
        }) = what
            && let Some(command) = lane.open.iter().find(|command| command.mid == *mid)
        {
            answer.off_profile = self.parts.models.is_off_profile(command, answer);
        }
    }

    /// Gives a command its id and its mid, and encodes it (R1.14).
    fn take_submission(
        &self,
        lane: &mut Lane,
        gathered: &mut Gathered,
        asked: (Ticket, Ask),
    ) -> Result<(), Refused> {
        let (ticket, ask) = asked;
        let mid = lane.take_mid().ok_or(Refused::Overload)?;
        let seq = self.parts.command_seq.fetch_add(1, Ordering::Relaxed) + 1;
        let encodable = crate::south::is_encodable(&ask.body, mid);
        let submission = Submission {
            id: CommandId {
                seq,
                tag: random::number(),
            },
            app: ask.app,
            who: ask.who,
            kind: ask.kind,
            mid,
            encodable,
            retransmit_max: ask.retransmit_max,
            answer_expected: ask.answer_expected,
            callback: ask.callback,
            key: ask.key,
            body: ask.body,
        };
        gathered
            .follows
            .extend(ask.follow.map(|follower| (ticket, follower)));
        gathered
            .inputs
            .push(Input::Submit(ticket, Box::new(submission)));
        Ok(())
    }
}

impl Gathered {
    /// Takes an item other than a submission.
    fn take(&mut self, ticket: Ticket, what: What) {
        match what {
            What::Heard(heard) => {
                let input = heard
                    .input
                    .or_else(|| (!heard.reports.is_empty()).then_some(Input::Heard));
                self.inputs.extend(input);
                self.writes
                    .extend(heard.reports.into_iter().map(Write::Report));
                self.promises.extend(heard.promise);
            }
            What::Request(request) => {
                self.inputs.push(match &request {
                    Request::Cancel { command, who } => Input::Cancel {
                        ticket,
                        command: *command,
                        who: *who,
                    },
                    Request::CancelAll { who, .. } => Input::CancelAll { ticket, who: *who },
                    Request::Delete { who, .. } => Input::Delete { ticket, who: *who },
                    Request::Revoke { grantee, who } => Input::Revoke {
                        ticket,
                        app: *grantee,
                        who: *who,
                    },
                });
                self.requests.push((ticket, request));
            }
            What::Late(input) => self.inputs.push(input),
            What::Wake => {}
            What::Submit(_) | What::Told(_) => unreachable!("these are taken by the shard"),
        }
    }
}

/// What an application is about to do in a lane, if it is an application and a right is needed: the creator of a command
/// cancels it without one (R1.13).
fn deed(lane: &Lane, what: &What) -> Option<Deed> {
    let (who, owner, operation) = match what {
        What::Submit(ask) => match ask.kind {
            Kind::Direct { .. } => (ask.who, ask.app, Operation::InvokeDeviceService),
            Kind::Queued { .. } | Kind::Immediate => {
                (ask.who, ask.app, Operation::PostDeviceCommand)
            }
        },
        What::Request(Request::Cancel { command, who }) => {
            let command = lane.find(*command)?;
            if command.history.first().map(|entry| entry.who) == Some(*who) {
                return None;
            }
            (*who, command.app, Operation::UpdateDeviceCommand)
        }
        What::Request(Request::CancelAll { app, who, .. }) => {
            (*who, *app, Operation::CreateDeviceCmdCancelTask)
        }
        What::Request(Request::Delete { record, who }) => {
            (*who, record.app, Operation::DeleteDirectDevice)
        }
        What::Request(Request::Revoke { .. })
        | What::Heard(_)
        | What::Late(_)
        | What::Told(_)
        | What::Wake => return None,
    };
    let Who::Application(caller) = who else {
        return None;
    };
    Some(Deed {
        owner,
        caller,
        operation,
        device: Some(lane.device),
    })
}

/// Keys that were used at this moment or later count (R1.15).
pub(crate) fn key_horizon(now: Moment) -> Moment {
    let day = Duration::from_hours(IDEMPOTENCY_HOURS).as_millis();
    Moment::from_millis(
        now.as_millis()
            .saturating_sub(u64::try_from(day).unwrap_or(u64::MAX)),
    )
}
