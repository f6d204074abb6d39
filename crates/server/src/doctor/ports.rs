//! Addresses: whether each can be listened on, and who has those that cannot.

use super::Notes;
use crate::config::Config;
use std::collections::HashSet;
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::path::Path;

const TOPIC: &str = "ports";
/// A line of `/proc/net/tcp` in the state LISTEN.
const LISTENS: &str = "0A";

struct Listener {
    what: &'static str,
    setting: &'static str,
    address: SocketAddr,
}

pub(super) fn examine(config: &Config, notes: &mut Notes) {
    let all = listeners(config);
    let mut clashing = HashSet::new();
    for (at, one) in all.iter().enumerate() {
        for other in all.iter().skip(at + 1) {
            if clash(one.address, other.address) {
                clashing.insert(other.setting);
                notes.problem(
                    TOPIC,
                    format!(
                        "{} and {} are both to listen on port {}",
                        one.what,
                        other.what,
                        one.address.port()
                    ),
                    format!("give {} or {} another port", one.setting, other.setting),
                );
            }
        }
    }
    for one in all.iter().filter(|one| !clashing.contains(one.setting)) {
        bind(one, notes);
    }
}

fn listeners(config: &Config) -> Vec<Listener> {
    let of = |what, setting, address: Option<SocketAddr>| {
        address.map(|address| Listener {
            what,
            setting,
            address,
        })
    };
    let all = [
        of(
            "the interface for applications",
            "north.port",
            Some(config.north.listen()),
        ),
        of("MQTT", "mqtt.port", config.mqtt.listen_plain()),
        of("MQTT over TLS", "mqtt.tls_port", config.mqtt.listen_tls()),
        of(
            "the admin interface",
            "admin.port",
            Some(config.admin.listen()),
        ),
    ];
    all.into_iter().flatten().collect()
}

fn clash(one: SocketAddr, other: SocketAddr) -> bool {
    let everywhere = one.ip().is_unspecified() || other.ip().is_unspecified();
    one.port() != 0 && one.port() == other.port() && (everywhere || one.ip() == other.ip())
}

fn bind(listener: &Listener, notes: &mut Notes) {
    let Listener {
        what,
        setting,
        address,
    } = listener;
    let Err(error) = TcpListener::bind(address) else {
        notes.ok(TOPIC, format!("{what} can listen on {address}"));
        return;
    };
    let taken = || {
        let who = who_listens(*address);
        who.map_or_else(|| "something else".to_owned(), |who| format!("`{who}`"))
    };
    let (why, advice) = match error.kind() {
        ErrorKind::AddrInUse => (
            format!("{} listens there", taken()),
            format!("end it, or choose another port with {setting}; 0 takes a free one"),
        ),
        ErrorKind::PermissionDenied => (
            "ports below 1024 need a privilege".to_owned(),
            format!(
                "choose another port with {setting}, or allow it: setcap cap_net_bind_service=+ep on the program"
            ),
        ),
        ErrorKind::AddrNotAvailable => (
            "this machine does not have that address".to_owned(),
            "`ip address` lists those that it has; 0.0.0.0 stands for all".to_owned(),
        ),
        _ => (
            error.to_string(),
            format!("change {setting} or its address"),
        ),
    };
    notes.problem(
        TOPIC,
        format!("{what} cannot listen on {address}: {why}"),
        advice,
    );
}

/// The program that listens on an address, with its process, if the machine tells.
fn who_listens(address: SocketAddr) -> Option<String> {
    let inodes: HashSet<String> = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|table| std::fs::read_to_string(table).ok())
        .flat_map(|table| {
            let lines = table.lines().filter_map(|line| listening(line, address));
            lines.collect::<Vec<_>>()
        })
        .map(|inode| format!("socket:[{inode}]"))
        .collect();
    let processes = std::fs::read_dir("/proc").ok()?.flatten();
    processes
        .filter(|entry| entry.file_name().to_string_lossy().parse::<u32>().is_ok())
        .map(|process| process.path())
        .find(|process| holds(process, &inodes))
        .map(|process| {
            let pid = process.file_name().unwrap_or_default().to_string_lossy();
            let name = std::fs::read_to_string(process.join("comm")).unwrap_or_default();
            format!("{}, process {pid}", name.trim())
        })
}

/// The inode of a socket that listens where `address` would: `sl local remote st tx:rx tr:when retrnsmt uid timeout inode …`.
fn listening(line: &str, address: SocketAddr) -> Option<String> {
    let cells: Vec<&str> = line.split_whitespace().collect();
    let (ip, port) = cells.get(1)?.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let is_it = *cells.get(3)? == LISTENS && port == address.port();
    // An address is written as the machine keeps it; all zeros stand for every one.
    let everywhere = ip.bytes().all(|digit| digit == b'0') || address.ip().is_unspecified();
    let same = match address.ip() {
        IpAddr::V4(v4) => {
            let kept = u32::from_ne_bytes(v4.octets());
            ip == format!("{kept:08X}") || ip.ends_with(&format!("FFFF0000{kept:08X}"))
        }
        IpAddr::V6(_) => true,
    };
    (is_it && (everywhere || same)).then(|| cells.get(9).map(|inode| (*inode).to_owned()))?
}

fn holds(process: &Path, sockets: &HashSet<String>) -> bool {
    let files = std::fs::read_dir(process.join("fd")).into_iter().flatten();
    files.flatten().any(|file| {
        let target = std::fs::read_link(file.path());
        target.is_ok_and(|target| sockets.contains(&*target.to_string_lossy()))
    })
}
