//! Settings that are valid and probably not meant.

use super::Notes;
use crate::config::{Behind, Config};

const TOPIC: &str = "settings";
/// Variables that are no settings.
const OTHERS: [&str; 1] = ["DOWNLINK_CONFIG"];

pub(super) fn examine(config: &Config, variables: &[String], notes: &mut Notes) {
    let before = notes.0.len();
    unknown(variables, notes);
    in_the_clear(config, notes);
    unsafe_for_good(config, notes);
    if config.tls.cert_file.is_some() && !config.tls.names.is_empty() {
        notes.warning(
            TOPIC,
            "tls.names is given, but the certificate is your own: the names are not used",
            "remove tls.names, or tls.cert_file and tls.key_file",
        );
    }
    if !config.mqtt.plain && !config.mqtt.tls {
        notes.warning(
            TOPIC,
            "mqtt.plain and mqtt.tls are both off: no device can connect",
            "switch one of them on",
        );
    }
    if notes.is_well_since(before) {
        notes.ok(TOPIC, "they are valid and do not contradict each other");
    }
}

/// A variable whose section there is not is taken for somebody else's, and says nothing.
fn unknown(variables: &[String], notes: &mut Notes) {
    let sections = Config::sections();
    let is_known = |name: &str| {
        let setting = name.trim_start_matches("DOWNLINK_").to_lowercase();
        sections.iter().any(|section| {
            let key = setting.strip_prefix(section.name);
            key.is_some_and(|key| key.starts_with('_'))
        })
    };
    for name in variables {
        if name.starts_with("DOWNLINK_") && !OTHERS.contains(&name.as_str()) && !is_known(name) {
            let names: Vec<_> = sections.iter().map(|section| section.name).collect();
            notes.warning(
                TOPIC,
                format!("the variable {name} is not used: there is no such section"),
                format!(
                    "variables are DOWNLINK_<SECTION>_<KEY>; sections are {}",
                    names.join(", ")
                ),
            );
        }
    }
}

fn in_the_clear(config: &Config, notes: &mut Notes) {
    if !config.north.tls && !config.north.address.is_loopback() {
        let address = config.north.listen();
        notes.warning(
            TOPIC,
            format!("applications' secrets and tokens travel in the clear on {address}"),
            "set north.tls = true, or let a proxy on this machine end TLS and set north.address = \"127.0.0.1\"",
        );
    }
    let plain = config.mqtt.listen_plain();
    if let Some(address) = plain.filter(|address| !address.ip().is_loopback()) {
        notes.warning(
            TOPIC,
            format!("what devices say and hear travels in the clear on {address}"),
            "set mqtt.plain = false, or mqtt.address = \"127.0.0.1\"",
        );
    }
}

fn unsafe_for_good(config: &Config, notes: &mut Notes) {
    if config.clock.test {
        notes.warning(
            TOPIC,
            "clock.test is on: time stands still until it is moved",
            "this is for tests; switch it off for real devices",
        );
    }
    if config.clock.behind == Behind::Continue {
        notes.warning(
            TOPIC,
            "clock.behind is `continue`: a start with a wrong clock is not refused",
            "set it for one start only",
        );
    }
    if config.north.private_callbacks {
        notes.warning(
            TOPIC,
            "north.private_callbacks is on: applications can have the server call addresses of your own network",
            "leave it on only if you trust every application",
        );
    } else {
        notes.ok(
            TOPIC,
            "callbacks to private and loopback addresses are refused (north.private_callbacks is off)",
        );
    }
    if config.north.calls_per_minute_max == 0 {
        notes.warning(
            TOPIC,
            "north.calls_per_minute_max is 0: no application is throttled",
            "switch it off for single applications instead: `downlink app throttle APPID off`",
        );
    }
}
