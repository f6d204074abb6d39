//! What the machine allows.

use super::{Notes, Server};
use crate::config::Config;
use rustix::process::{Resource, getrlimit};

const TOPIC: &str = "open files";
/// Files that a server needs beside its connections.
const OTHERS: u64 = 64;

pub(super) fn examine(config: &Config, server: Server, notes: &mut Notes) {
    let asked = config
        .north
        .connections_max
        .saturating_add(config.mqtt.connections_max);
    let wanted = u64::try_from(asked)
        .unwrap_or(u64::MAX)
        .saturating_add(OTHERS);
    let allowed = match server {
        Server::Runs(Some(pid)) => of_process(pid),
        Server::Runs(None) | Server::Stopped => None,
    };
    // A server raises its soft bound to the hard one by itself.
    let Some(allowed) = allowed.or(getrlimit(Resource::Nofile).maximum) else {
        notes.ok(TOPIC, "the machine sets no bound");
        return;
    };
    if allowed < wanted {
        notes.warning(
            TOPIC,
            format!(
                "the machine allows {allowed}, and {asked} connections may come (north.connections_max + mqtt.connections_max): \
                 from then on no connection is accepted"
            ),
            "raise it (systemd: LimitNOFILE=, shell: ulimit -Hn), or lower the two settings",
        );
    } else {
        notes.ok(
            TOPIC,
            format!("the machine allows {allowed}, enough for {asked} connections"),
        );
    }
}

/// The soft bound of a process: `Max open files            1024                 4096                 files`.
fn of_process(pid: u32) -> Option<u64> {
    let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).ok()?;
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}
