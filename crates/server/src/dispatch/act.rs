//! Acting: what follows from a turn once it is on disk, and nothing before.

use super::inbox::{Item, ReplyTo, What};
use super::shard::{Pending, Shard, Slot};
use super::{Heard, Refused, Told};
use crate::limits::LATE_SEARCH_MAX;
use crate::south::{CloseReason, Order};
use delivery::{
    Arrival, Change, Command, CommandId, DeviceId, Downlink, Granted, Input, Kind, Lane, Reply,
    Ticket, Unmatched,
};
use std::collections::HashMap;
use store::Failed;
use tokio::sync::mpsc::UnboundedSender;

/// Where somebody sees a command after each of its changes.
type Follower = UnboundedSender<Command>;

/// Followers are looked through for ones that left whenever their number is a multiple of this.
const FOLLOWERS_SWEPT_AT: usize = 256;

impl Shard {
    /// Sends, answers, acknowledges: everything that the turn decided.
    pub(super) fn act(&mut self, pending: Pending) {
        let Pending {
            turn,
            changes,
            to,
            promises,
            follows,
            ..
        } = pending;
        let device = turn.lane.device;
        let seq = device.seq();
        let lost = self.deliver(device, turn.downlinks);
        self.begin_to_follow(follows, &turn.replies);
        let changes = changes.as_deref().map_or(&[][..], Vec::as_slice);
        self.tell_followers(changes);
        let mut refused = self.answer(device, turn.replies, to, &lost);
        for promise in promises {
            // A session that is gone will hear its own publish again.
            promise.mailbox.leave(Order::Acknowledge(promise.owed)).ok();
        }
        if let Some(session) = turn.close {
            let hub = &self.parts.hub;
            hub.close(device, session, CloseReason::DeviceDeleted);
        }
        self.parts.metrics.committed(changes);
        self.owe(changes);
        let reachable = turn.lane.is_reachable();
        if let Some(slot) = self.lanes.get_mut(&seq) {
            slot.lane = Some(turn.lane);
            slot.busy = false;
        }
        self.alarms.set(seq, turn.wake_at);
        for unmatched in turn.unmatched {
            self.seek(device, unmatched);
        }
        for downlink in lost {
            let input = Input::Lost {
                command: downlink.command,
                attempt: downlink.attempt,
                session: downlink.session,
            };
            let heard = Heard {
                input: Some(input),
                ..Heard::default()
            };
            let to = refused.remove(&downlink.command);
            let what = What::Heard(heard);
            self.push(seq, Item { what, to });
        }
        self.make_ready(seq);
        if !reachable {
            self.note_away(seq);
        }
    }

    /// Leaves what changes owe to applications with the outbox.
    fn owe(&self, changes: &[Change]) {
        for change in changes.iter().filter(|change| change.command.callback) {
            self.parts.outbox.offer(change, self.parts.clock.now());
        }
    }

    /// Lets a lane know what its command's owner was told. A lane that is not in memory will read it.
    pub(super) fn told(&mut self, told: Told) {
        let seq = told.device.seq();
        match self.lanes.get_mut(&seq) {
            Some(slot) if slot.busy => self.push(seq, Item::of(What::Told(told))),
            Some(Slot {
                lane: Some(lane), ..
            }) => {
                lane.told(told.command, told.up_to);
                self.parts.outbox.caught_up(told.command);
            }
            Some(_) | None => self.parts.outbox.caught_up(told.command),
        }
    }

    /// As [`told`](Self::told), for a lane that was busy then.
    pub(super) fn note_told(&self, lane: &mut Lane, told: Told) {
        lane.told(told.command, told.up_to);
        self.parts.outbox.caught_up(told.command);
    }

    /// Tells everybody who waits what became of the request. A reply's ticket is the place of its item in the inbox.
    ///
    /// Returns the callers of direct calls whose frames were lost: they hear so when that is on disk (R4.6).
    fn answer(
        &self,
        device: DeviceId,
        replies: Vec<Reply>,
        mut to: Vec<Option<ReplyTo>>,
        lost: &[Downlink],
    ) -> HashMap<CommandId, ReplyTo> {
        let mut refused = HashMap::new();
        for Reply { ticket, outcome } in replies {
            let place = usize::try_from(ticket.0).expect("a ticket is a place in the inbox");
            let Some(to) = to.get_mut(place).and_then(Option::take) else {
                continue;
            };
            match (outcome, to) {
                (Ok(Granted::Accepted(command)), ReplyTo::Submit(reply))
                    if refused_by_link(&command.kind, command.id, lost) =>
                {
                    refused.insert(command.id, ReplyTo::LinkRefused(reply));
                }
                (Ok(granted), to) => {
                    if matches!(granted, Granted::Deleted) {
                        let hub = &self.parts.hub;
                        hub.close_device(device, CloseReason::DeviceDeleted);
                    }
                    to.grant(granted);
                }
                (Err(refusal), to) => to.refuse(Refused::Heart(refusal)),
            }
        }
        // What is left waits for this turn alone: its command's end is on disk now.
        for to in to.into_iter().flatten() {
            to.refuse(Refused::LinkRefused);
        }
        refused
    }

    fn begin_to_follow(&mut self, follows: Vec<(Ticket, Follower)>, replies: &[Reply]) {
        for (ticket, follower) in follows {
            let reply = replies.iter().find(|reply| reply.ticket == ticket);
            if let Some(Ok(Granted::Accepted(command))) = reply.map(|reply| &reply.outcome) {
                self.follow(command.id, follower);
            }
        }
    }

    /// Hands attempts to their sessions; returns those that were not taken.
    fn deliver(&self, device: DeviceId, downlinks: Vec<Downlink>) -> Vec<Downlink> {
        let hub = &self.parts.hub;
        let metrics = &self.parts.metrics;
        let given = |downlink: &Downlink| hub.deliver(device, downlink.clone()).is_ok();
        downlinks
            .into_iter()
            .inspect(|_| metrics.attempts.increment(1))
            .filter(|downlink| !given(downlink))
            .inspect(|_| metrics.lost.increment(1))
            .collect()
    }

    /// Looks for the ended command that something belongs to, and lets the heart keep it there (R1.8, R6.7).
    fn seek(&mut self, device: DeviceId, unmatched: Unmatched) {
        let store = &self.parts.store;
        let (found, arrival) = match unmatched {
            Unmatched::Ack(id) => (store.command(id), Arrival::Ack),
            Unmatched::Answer(mid, answer) => (
                store.ended_by_mid(device, mid, LATE_SEARCH_MAX),
                Arrival::Answer(answer),
            ),
        };
        match found {
            Ok(Some(command)) if command.has_ended() && command.device == device => {
                self.parts.metrics.late.increment(1);
                let command = Box::new(command);
                self.push(
                    device.seq(),
                    Item::of(What::Late(Input::Late { command, arrival })),
                );
            }
            Ok(_) => {
                self.parts.metrics.unmatched.increment(1);
                tracing::info!(%device, ?arrival, "what a device said matches no command");
            }
            Err(
                error @ (Failed::Read(_) | Failed::Row(_) | Failed::Write(_) | Failed::Stopped),
            ) => {
                tracing::error!(%device, %error, "an ended command cannot be read");
            }
        }
    }

    fn follow(&mut self, id: CommandId, follower: Follower) {
        if self.followers.len() % FOLLOWERS_SWEPT_AT == FOLLOWERS_SWEPT_AT - 1 {
            self.followers.retain(|_, follower| !follower.is_closed());
        }
        self.followers.insert(id, follower);
    }

    fn tell_followers(&mut self, changes: &[Change]) {
        if self.followers.is_empty() {
            return;
        }
        for Change { command, .. } in changes {
            let Some(follower) = self.followers.get(&command.id) else {
                continue;
            };
            if follower.send(command.clone()).is_err() || command.has_ended() {
                self.followers.remove(&command.id);
            }
        }
    }
}

fn refused_by_link(kind: &Kind, id: CommandId, lost: &[Downlink]) -> bool {
    matches!(kind, Kind::Direct { .. }) && lost.iter().any(|downlink| downlink.command == id)
}
