//! What a type cannot say of a setting: bounds, and what goes together.

use super::{Callback, ClientCerts, Config, ConfigError, North};

/// The open commands of a device need a mid each, of 65535, beside those that are kept from being used again (R6.7).
const OPEN_MAX: usize = 60_000;
/// No span of the heart is longer: a year, in seconds.
const SPAN_S_MAX: u64 = 31_536_000;
const MIB: usize = 1_048_576;

/// Checks every setting.
///
/// # Errors
/// The first one that cannot be.
pub(super) fn check(config: &Config) -> Result<(), ConfigError> {
    listeners(config)?;
    commands(config)?;
    callback(&config.callback)?;
    north(&config.north)?;
    within(
        "mqtt.connections_max",
        config.mqtt.connections_max,
        1,
        10_000_000,
    )?;
    within(
        "mqtt.packet_bytes_max",
        config.mqtt.packet_bytes_max,
        8_192,
        1_048_576,
    )?;
    within(
        "mqtt.keep_alive_s_max",
        config.mqtt.keep_alive_s_max,
        10,
        u16::MAX,
    )?;
    within(
        "mqtt.commands_unacknowledged_max",
        config.mqtt.commands_unacknowledged_max,
        1,
        1_000,
    )?;
    within("shutdown.drain_s", config.shutdown.drain_s, 0, 600)?;
    within(
        "store.free_mib_min",
        config.store.free_mib_min,
        0,
        1_048_576,
    )?;
    within("retention.days", config.retention.days, 0, 36_500)?;
    if config.data.folder.as_os_str().is_empty() {
        return refuse("data.folder", "must not be empty");
    }
    match (&config.tls.cert_file, &config.tls.key_file) {
        (Some(_), None) => refuse("tls.key_file", "must be given with tls.cert_file"),
        (None, Some(_)) => refuse("tls.cert_file", "must be given with tls.key_file"),
        (Some(_), Some(_)) | (None, None) => client_certs(config),
    }
}

/// A listener that is to check certificates needs what it checks them by, and one that has that is to check them.
fn client_certs(config: &Config) -> Result<(), ConfigError> {
    let (north, mqtt) = (&config.north, &config.mqtt);
    let north_asks = north.client_certs != ClientCerts::Off;
    let mqtt_asks = mqtt.client_certs != ClientCerts::Off;
    let needs_tls = "asks for client certificates, which there are with TLS only";
    let needs_ca = "must be given when client certificates are asked for";
    let unasked = "is given, but client_certs is off: nobody would be checked by it";
    let cases = [
        ("north.client_certs", north_asks && !north.tls, needs_tls),
        ("mqtt.client_certs", mqtt_asks && !mqtt.tls, needs_tls),
        (
            "north.client_ca_file",
            north_asks && north.client_ca_file.is_none(),
            needs_ca,
        ),
        (
            "mqtt.client_ca_file",
            mqtt_asks && mqtt.client_ca_file.is_none(),
            needs_ca,
        ),
        (
            "north.client_ca_file",
            !north_asks && north.client_ca_file.is_some(),
            unasked,
        ),
        (
            "mqtt.client_ca_file",
            !mqtt_asks && mqtt.client_ca_file.is_some(),
            unasked,
        ),
        (
            "north.client_crl_file",
            !north_asks && north.client_crl_file.is_some(),
            unasked,
        ),
        (
            "mqtt.client_crl_file",
            !mqtt_asks && mqtt.client_crl_file.is_some(),
            unasked,
        ),
        (
            "mqtt.client_cert_names_device",
            !mqtt_asks && mqtt.client_cert_names_device,
            unasked,
        ),
    ];
    match cases.into_iter().find(|(_, wrong, _)| *wrong) {
        Some((key, _, why)) => refuse(key, why),
        None => Ok(()),
    }
}

fn listeners(config: &Config) -> Result<(), ConfigError> {
    if !config.admin.address.is_loopback() {
        return refuse(
            "admin.address",
            "must be a loopback address: the operator's interface is not for the network",
        );
    }
    if !config.clock.test {
        return Ok(());
    }
    let test = "must be a loopback address with the test clock";
    let addresses = [
        ("north.address", Some(config.north.address)),
        (
            "mqtt.address",
            config.mqtt.plain.then_some(config.mqtt.address),
        ),
        (
            "mqtt.tls_address",
            config.mqtt.tls.then_some(config.mqtt.tls_address),
        ),
    ];
    match addresses
        .iter()
        .find(|(_, address)| address.is_some_and(|address| !address.is_loopback()))
    {
        Some((key, _)) => refuse(key, test),
        None => Ok(()),
    }
}

fn commands(config: &Config) -> Result<(), ConfigError> {
    let commands = &config.commands;
    let windows = commands
        .resend_after_s
        .iter()
        .map(|window| ("commands.resend_after_s", window));
    for (key, [min, max]) in
        windows.chain([("commands.timeout_after_s", &commands.timeout_after_s)])
    {
        if min > max || *min == 0 {
            return refuse(
                key,
                "must be pairs [from, to] of seconds, from at least 1 and not after to",
            );
        }
        within(key, *max, 1, SPAN_S_MAX)?;
    }
    within(
        "commands.start_grace_s",
        commands.start_grace_s,
        0,
        SPAN_S_MAX,
    )?;
    within(
        "commands.immediate_life_s",
        commands.immediate_life_s,
        1,
        SPAN_S_MAX,
    )?;
    within(
        "commands.result_within_s",
        commands.result_within_s,
        1,
        SPAN_S_MAX,
    )?;
    within(
        "commands.settle_after_s",
        commands.settle_after_s,
        1,
        SPAN_S_MAX,
    )?;
    within(
        "commands.zombie_after_s",
        commands.zombie_after_s,
        0,
        SPAN_S_MAX,
    )?;
    within("commands.open_max", commands.open_max, 0, OPEN_MAX)
}

fn north(config: &North) -> Result<(), ConfigError> {
    within(
        "north.body_bytes_max",
        config.body_bytes_max,
        1_024,
        64 * MIB,
    )?;
    within(
        "north.header_bytes_max",
        config.header_bytes_max,
        8_192,
        MIB,
    )?;
    within(
        "north.connections_max",
        config.connections_max,
        1,
        1_000_000,
    )?;
    within("north.requests_max", config.requests_max, 1, 100_000)?;
    within("north.create_ms", config.create_ms, 0, 60_000)?;
    within(
        "north.bodies_mib_max",
        config.bodies_mib_max,
        config.body_bytes_max.div_ceil(MIB),
        1_048_576,
    )?;
    within("north.client_s", config.client_s, 1, 3_600)?;
    within("north.idle_s", config.idle_s, 1, 86_400)?;
    within("north.bind_s", config.bind_s, 1, 31_536_000)?;
    within("north.groups_max", config.groups_max, 0, 1_000_000)?;
    within(
        "north.group_devices_max",
        config.group_devices_max,
        0,
        10_000_000,
    )?;
    within("north.cloud_wait_s", config.cloud_wait_s, 1, 60)?;
    within("north.token_s", config.token_s, 60, 31_536_000)
}

fn callback(config: &Callback) -> Result<(), ConfigError> {
    within("callback.answer_s", config.answer_s, 1, 60)?;
    within("callback.give_up_s", config.give_up_s, 1, SPAN_S_MAX)?;
    within("callback.retry_first_s", config.retry_first_s, 1, 3_600)?;
    within(
        "callback.retry_max_s",
        config.retry_max_s,
        config.retry_first_s,
        86_400,
    )?;
    within("callback.failures_max", config.failures_max, 1, 1_000)?;
    within("callback.probe_s", config.probe_s, 1, 86_400)?;
    within(
        "callback.endpoint_posts_max",
        config.endpoint_posts_max,
        1,
        256,
    )?;
    within("callback.posts_max", config.posts_max, 0, 10_000)?;
    within("callback.waiting_max", config.waiting_max, 1, 10_000_000)?;
    within("callback.endpoints_max", config.endpoints_max, 1, 10_000)
}

fn within<N: PartialOrd + Copy + std::fmt::Display>(
    key: &'static str,
    value: N,
    min: N,
    max: N,
) -> Result<(), ConfigError> {
    if value < min || value > max {
        let message = format!("{value} is not between {min} and {max}");
        return Err(ConfigError::Setting { key, message });
    }
    Ok(())
}

fn refuse(key: &'static str, message: &str) -> Result<(), ConfigError> {
    Err(ConfigError::Setting {
        key,
        message: message.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_go_together_is_refused_by_its_key() {
        let refused = |change: fn(&mut Config)| {
            let mut config = Config::default();
            change(&mut config);
            check(&config).expect_err("refused").to_string()
        };
        assert!(refused(|c| c.tls.cert_file = Some("c".into())).starts_with("tls.key_file: "));
        assert!(refused(|c| c.tls.key_file = Some("k".into())).starts_with("tls.cert_file: "));
        assert!(
            refused(|c| c.commands.timeout_after_s = [5, 4])
                .starts_with("commands.timeout_after_s: ")
        );
        assert!(
            refused(|c| c.commands.resend_after_s[1] = [0, 4])
                .starts_with("commands.resend_after_s: ")
        );
        assert!(refused(|c| c.commands.open_max = OPEN_MAX + 1).starts_with("commands.open_max: "));
        assert!(refused(|c| c.north.body_bytes_max = 1_023).starts_with("north.body_bytes_max: "));
        assert!(refused(|c| c.data.folder = "".into()).starts_with("data.folder: "));
        assert!(
            refused(|c| c.north.client_certs = ClientCerts::Required)
                .starts_with("north.client_ca_file: must be given")
        );
        assert!(
            refused(|c| c.mqtt.client_ca_file = Some("ca".into()))
                .starts_with("mqtt.client_ca_file: is given, but")
        );
        assert!(
            refused(|c| (c.mqtt.tls, c.mqtt.client_certs) = (false, ClientCerts::Optional))
                .starts_with("mqtt.client_certs: ")
        );
        assert!(check(&Config::default()).is_ok() && check(&Config::local("x")).is_ok());
    }
}
