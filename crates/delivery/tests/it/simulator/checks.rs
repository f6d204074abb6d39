//! The promises that can be checked only from outside: what the world saw, against what the platform says.

use super::device::Device;
use super::disk::Disk;
use delivery::{Cause, Command, CommandId, Downlink, Entry, Kind, Status};
use std::collections::BTreeMap;

/// What the world saw.
#[derive(Default)]
pub(crate) struct Checks {
    /// How many entries of which command were acknowledged to an application.
    acknowledged: BTreeMap<CommandId, Vec<Entry>>,
    /// How often a frame of a command was handed to a link.
    handed_over: BTreeMap<CommandId, u8>,
    /// What owners were told, by place in the history.
    told: BTreeMap<CommandId, BTreeMap<usize, Entry>>,
}

impl Checks {
    /// An application was told that this command stands so.
    pub(crate) fn acknowledged(&mut self, command: &Command) {
        self.acknowledged
            .insert(command.id, command.history.clone());
    }

    /// After a crash, everything that was acknowledged is there.
    pub(crate) fn survived(&self, disk: &Disk) {
        for (id, history) in &self.acknowledged {
            let kept = disk
                .commands
                .get(id)
                .expect("an acknowledged command survives");
            assert_eq!(
                kept.history[..history.len()],
                history[..],
                "and so does its history"
            );
        }
    }

    /// A link took over a frame.
    pub(crate) fn handed_over(&mut self, disk: &Disk, frame: &Downlink) {
        let command = disk
            .commands
            .get(&frame.command)
            .expect("what leaves is on disk");
        assert!(
            command.history.iter().any(|e| e.cause == Cause::Attempt),
            "SENT is on disk"
        );
        let times = self.handed_over.entry(frame.command).or_default();
        *times += 1;
        assert!(
            *times <= 1 + command.retransmit_max,
            "attempts are bounded (R1.5)"
        );
        if matches!(command.kind, Kind::Direct { .. }) {
            assert_eq!(*times, 1, "a direct call is never repeated (R1.5)");
        }
        if matches!(command.kind, Kind::Queued { .. }) {
            in_line(disk, command);
        }
    }

    /// A device received a frame.
    pub(crate) fn took(&self, disk: &Disk, frame: &Downlink) {
        let command = disk
            .commands
            .get(&frame.command)
            .expect("what arrives is on disk");
        assert!(self.handed_over.contains_key(&frame.command));
        let unseen = matches!(
            command.status(),
            Status::Queued | Status::Cancelled | Status::Expired
        );
        assert!(
            !unseen,
            "the device saw what it was not to see: {command:?}"
        );
    }

    /// The owner of a command is told the oldest entry that is owed.
    pub(crate) fn told(&mut self, disk: &Disk, id: CommandId) -> u32 {
        let command = &disk.commands[&id];
        let (at, entry) = command.owed().next().expect("something is owed");
        let told = self.told.entry(id).or_default();
        let before = told.insert(at, *entry);
        assert!(
            before.is_none_or(|b| b == *entry),
            "a repeated callback says the same"
        );
        let wanted = command.history.windows(2).enumerate();
        let wanted = wanted
            .filter(|(_, pair)| pair[0].status != pair[1].status)
            .map(|(n, _)| n + 1);
        let wanted: Vec<_> = wanted.take_while(|n| *n <= at).collect();
        assert!(
            wanted.iter().all(|n| told.contains_key(n)),
            "callbacks are in order and complete"
        );
        u32::try_from(at + 1).expect("histories are short")
    }

    /// At the end: what is unseen was never received, and every owner knows everything.
    pub(crate) fn at_the_end(&self, disk: &Disk, devices: &[Device]) {
        for command in disk.commands.values() {
            assert!(
                command.has_ended(),
                "a healthy world ends everything: {command:?}"
            );
            let seen = devices.iter().any(|d| d.received.contains(&command.id));
            let cause = command.history.last().map(|e| e.cause);
            let unseen = matches!(command.status(), Status::Cancelled | Status::Expired)
                || matches!(cause, Some(Cause::NotEncodable | Cause::LinkRefused));
            assert!(
                !(seen && unseen),
                "CANCELED and EXPIRED mean unseen (R1.3): {command:?}"
            );
            assert!(command.is_closed(), "everybody was told");
        }
        self.survived(disk);
    }
}

/// Every queued command that was accepted before this one has been delivered or has ended (R1.4).
fn in_line(disk: &Disk, command: &Command) {
    let before = disk.commands.values().filter(|c| {
        c.device == command.device
            && matches!(c.kind, Kind::Queued { .. })
            && (c.created, c.id) < (command.created, command.id)
    });
    for earlier in before {
        let waits = matches!(earlier.status(), Status::Queued | Status::Sent);
        assert!(!waits, "{} leaves before {}", command.id, earlier.id);
    }
}
