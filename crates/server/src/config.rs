//! The settings: one struct per section of `downlink.toml`.
//!
//! The doc comments here are the comments of the template that `downlink config` prints, and the defaults here are its
//! values: text and default cannot diverge. [`Layers`] joins the file, `DOWNLINK_<SECTION>_<KEY>` variables and flags.

mod check;
mod layers;
mod template;

pub use layers::{ConfigError, Layers};
pub use template::{Key, Section, template};

use crate::callback::{self, Wording};
use api::callbacks::ResultCodes;
use delivery::{Moment, Retransmit, Rules, Window};
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;
use template::sections;

const ANYWHERE: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

sections! {
    /// Where everything is kept.
    data: Data {
        /// The folder of the database, the key file, the generated certificates and the admin token.
        /// It is made if it does not exist. The key file in it (`key`) belongs in every backup: without it,
        /// device secrets cannot be read again.
        folder: PathBuf = "downlink-data".into();
    }

    /// The interface for applications: HTTP with JSON.
    north: North {
        /// The address to listen on.
        address: IpAddr = ANYWHERE;
        /// The port to listen on; 0 takes a free one and writes it to `ports.json` in the data folder.
        port: u16 = 8743;
        /// `true`: HTTPS, TLS 1.2 and 1.3. `false`: plain HTTP, for a proxy that ends TLS, or for a loopback address.
        tls: bool = true;
        /// Whether clients are asked for a certificate (mutual TLS). `off`: never, for clients with an old vendor certificate break
        /// off when they are asked; `optional`: one that is shown must be good; `required`: no connection without a good one.
        client_certs: ClientCerts = ClientCerts::Off;
        /// The authorities whose client certificates are good (PEM).
        client_ca_file: Option<PathBuf> = None, e.g. "\"/etc/downlink/applications-ca.pem\"";
        /// What they have revoked (PEM, one list for each authority).
        client_crl_file: Option<PathBuf> = None, e.g. "\"/etc/downlink/applications-crl.pem\"";
        /// HTTP status of errors. `documented`: the one that the contract's tables give, often 200; `http`: one that says
        /// what happened.
        error_status: ErrorStatus = ErrorStatus::Documented;
        /// Whether the two errors of the old platform's gateway (1010005, 1010009) carry `resultcode` and `resultmsg` only,
        /// as it sent them, instead of both shapes.
        gateway_exact: bool = false;
        /// Whether a device without a product model gets no commands (100431) instead of unchecked ones.
        strict_profile: bool = false;
        /// Calls that an application may make within 60 s (1010009); 0 = no limit.
        calls_per_minute_max: u32 = 100;
        /// Failed logins that an address may make within 60 s; 0 = no limit.
        login_failures_max: u32 = 20;
        /// Seconds for which an access token is valid, as told to the application; it is accepted 120 s longer.
        token_s: u32 = 3600;
        /// Seconds within which a device must connect for the first time when its registration names no `timeout`.
        bind_s: u64 = 180;
        /// Bytes of a request's body.
        body_bytes_max: usize = 1_048_576;
        /// MiB of the bodies of all requests that are under way; what goes beyond is refused (100501, 503).
        bodies_mib_max: usize = 64;
        /// Requests that are worked on at the same time: so many that take something new on (commands, calls, devices), and as
        /// many others beside them. What goes beyond is refused at once (100501, 503): who is served does not wait behind it.
        requests_max: usize = 128;
        /// Milliseconds that a create may take: while every one takes longer, fewer are worked on at the same time, down to 8, and
        /// while requests wait so long until they are read, down to 1. Set it above three syncs of your disk; the lower it is, the
        /// shorter is the wait of those who are served while too much comes, and the sooner a burst is refused. 0 = always `requests_max`.
        create_ms: u64 = 20;
        /// Bytes of a request's line and headers; at least 8192.
        header_bytes_max: usize = 32_768;
        /// Connections at the same time; further ones wait to be accepted.
        connections_max: usize = 4_096;
        /// Seconds that a client may take for a TLS handshake, for its headers, or for its body.
        client_s: u64 = 30;
        /// Seconds for which a kept-alive connection may be idle.
        idle_s: u64 = 75;
        /// Devices that there may be (100412); 0 = no limit.
        devices_max: u64 = 0;
        /// Devices registered without `isSecure` that there may be (100441); 0 = no limit.
        nonsecure_devices_max: u64 = 0;
        /// Device groups that an application may have (100607).
        groups_max: u64 = 1_000;
        /// Devices that a group may have (100601, 100609), whatever its own `maxDevNum` says. A group that a grant names
        /// stands in memory, about 24 bytes a device.
        group_devices_max: u64 = 1_000_000;
        /// Seconds for which a direct call with `toType` CLOUD waits for the acknowledgement.
        cloud_wait_s: u64 = 20;
        /// Whether a callback address may be a private one.
        private_callbacks: bool = false;
    }

    /// The interface for devices: MQTT 3.1.1 and 5.
    mqtt: Mqtt {
        /// Whether to listen without TLS.
        plain: bool = true;
        /// The address of the plain port. Whoever listens in sees everything: loopback unless you know better.
        address: IpAddr = LOOPBACK;
        /// The plain port; 0 takes a free one.
        port: u16 = 1883;
        /// Whether to listen with TLS.
        tls: bool = true;
        /// The address of the TLS port.
        tls_address: IpAddr = ANYWHERE;
        /// The TLS port; 0 takes a free one.
        tls_port: u16 = 8883;
        /// Whether devices are asked for a certificate on the TLS port: `off`, `optional` or `required`, as for applications.
        client_certs: ClientCerts = ClientCerts::Off;
        /// The authorities whose device certificates are good (PEM).
        client_ca_file: Option<PathBuf> = None, e.g. "\"/etc/downlink/devices-ca.pem\"";
        /// What they have revoked (PEM, one list for each authority).
        client_crl_file: Option<PathBuf> = None, e.g. "\"/etc/downlink/devices-crl.pem\"";
        /// Whether a device's certificate must name it: its deviceId or nodeId as common name, DNS name or URI. Otherwise any good
        /// certificate will do, and the password alone says which device it is.
        client_cert_names_device: bool = false;
        /// Connections at the same time, plain and TLS together; further ones wait to be accepted.
        connections_max: usize = 100_000;
        /// Bytes of one packet from a device.
        packet_bytes_max: u32 = 65_536;
        /// Seconds of keep-alive that stand in for 0, and the most that an MQTT 5 device gets.
        keep_alive_s_max: u16 = 1_200;
        /// Commands that may wait for a device's PUBACK at the same time.
        commands_unacknowledged_max: u16 = 64;
    }

    /// What applications are told: callbacks to the address that came with a command.
    callback: Callback {
        /// Whether a cancellation is told (`CANCELED`).
        canceled: bool = false;
        /// Whether `resultCode` says `SUCCESS` and `FAIL` instead of `SUCCESSFUL` and `FAILED`.
        legacy_result_code: bool = false;
        /// Seconds that a receiver may take to answer.
        answer_s: u64 = 15;
        /// Seconds, from the change that it tells, after which a callback is given up.
        give_up_s: u64 = 86_400;
        /// Seconds until the second attempt; the wait doubles with every further one, and up to half of it is added.
        retry_first_s: u64 = 5;
        /// The longest such wait, before that half is added.
        retry_max_s: u64 = 3_600;
        /// Failures in a row after which an endpoint (scheme, host and port) is down: its callbacks wait.
        failures_max: u32 = 10;
        /// Seconds between two probes of an endpoint that is down.
        probe_s: u64 = 180;
        /// Callbacks under way to one endpoint at the same time; only one that answers quickly gets more than one.
        endpoint_posts_max: u32 = 16;
        /// Callbacks under way at the same time, beyond one per endpoint.
        posts_max: u32 = 512;
        /// Commands of an application whose callbacks wait; those of further ones are given up at once.
        waiting_max: usize = 100_000;
        /// Endpoints that callbacks of an application wait for; those for further ones are given up at once.
        endpoints_max: usize = 256;
    }

    /// The certificate that is made at the first start, or your own.
    tls: Tls {
        /// Your certificate chain (PEM), the server's first. Needs `key_file`.
        cert_file: Option<PathBuf> = None, e.g. "\"/etc/downlink/cert.pem\"";
        /// Its private key (PEM: PKCS#8, PKCS#1 or SEC1).
        key_file: Option<PathBuf> = None, e.g. "\"/etc/downlink/key.pem\"";
        /// Names and addresses that the generated certificate holds beside localhost, 127.0.0.1 and ::1.
        names: Vec<String> = Vec::new(), e.g. "[\"iot.example.org\", \"192.0.2.7\"]";
    }

    /// The numbers of a command's life.
    commands: Commands {
        /// Seconds after a start within which no command times out: the platform's own outage is not the device's silence.
        start_grace_s: u64 = 120;
        /// Seconds, from and to, after the first, the second and the third attempt until the next one.
        resend_after_s: [[u64; 2]; 3] = [[10, 15], [20, 30], [40, 60]];
        /// Seconds, from and to, after the last attempt until TIMEOUT.
        timeout_after_s: [u64; 2] = [80, 120];
        /// Seconds after which an immediate command (`expireTime` 0) has timed out at the latest.
        immediate_life_s: u64 = 200;
        /// What becomes of an attempt that is due while the device sleeps. `patient`: it leaves when the device wakes;
        /// `strict`: it is skipped, and the command times out when the schedule has run out, asleep or not.
        retransmit: Resending = Resending::Patient;
        /// Seconds for which a result is awaited after DELIVERED.
        result_within_s: u64 = 172_800;
        /// Seconds after DELIVERED until a command counts as final whose device is not expected to answer.
        settle_after_s: u64 = 60;
        /// PENDING commands per device (100223); 0 = no cap.
        pending_max: usize = 20;
        /// Open commands per device; beyond that the oldest DELIVERED one is settled; 0 = no cap, at most 60000.
        open_max: usize = 1_000;
        /// Seconds of silence after which a device gets no queued commands (100612); 0 = never.
        zombie_after_s: u64 = 604_800;
    }

    /// The database.
    store: Stored {
        /// MiB of free disk space below which no command, device or report is accepted (100501, 503).
        /// Cancellations, answers and deadlines are still kept.
        free_mib_min: u64 = 64;
    }

    /// What is forgotten.
    retention: Retention {
        /// Days after the end of a command until it is forgotten, with its history, its key, and callbacks that were given up;
        /// cancel tasks and deleted devices go after the same time. What is open, or still owed to an application, stays.
        /// 0 = everything is kept for good, and the database grows.
        days: u32 = 90;
    }

    /// The operator's interface. It listens on loopback only; its token stands in `admin.token` in the data folder.
    admin: Admin {
        /// The address; a loopback one.
        address: IpAddr = LOOPBACK;
        /// The port; 0 takes a free one.
        port: u16 = 8744;
    }

    /// What is written to stderr.
    log: Log {
        /// The least level: `error`, `warn`, `info`, `debug` or `trace`; or directives such as `info,server::south=debug`.
        level: String = "info".into();
        /// Whether each line is a JSON object.
        json: bool = false;
    }

    /// The clock.
    clock: ClockSettings {
        /// What to do at a start when the machine's clock is more than 60 s behind the last moment in the database.
        /// `refuse`: stop and say so; `continue`: go on from that moment.
        behind: Behind = Behind::Refuse;
        /// Whether time stands still until it is moved through the admin interface. For tests: every listener must be on
        /// loopback then, and those without an address are.
        test: bool = false;
    }

    /// The end.
    shutdown: Stopping {
        /// Seconds that requests and sessions get to finish after SIGTERM.
        drain_s: u64 = 10;
    }
}

/// What HTTP status an error has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ErrorStatus {
    /// The contract's.
    Documented,
    /// One that says what happened.
    Http,
}

/// Whether a listener asks its clients for certificates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClientCerts {
    /// Never.
    Off,
    /// One that is shown must be good.
    Optional,
    /// No connection without a good one.
    Required,
}

/// What becomes of an attempt that is due while the device cannot be reached (R1.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Resending {
    /// It waits for the next window.
    Patient,
    /// It is skipped.
    Strict,
}

/// What to do when the machine's clock is behind the database (R1.16).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Behind {
    /// Refuse to start.
    Refuse,
    /// Go on from the last moment in the database.
    Continue,
}

impl Config {
    /// Everything on free ports of loopback under `folder`, HTTP in the clear and no TLS for devices: a server for tests, the
    /// demo and measurements.
    pub fn local(folder: impl Into<PathBuf>) -> Self {
        let mut config = Self::default();
        config.data.folder = folder.into();
        config.north = North {
            address: LOOPBACK,
            port: 0,
            tls: false,
            private_callbacks: true,
            ..config.north
        };
        config.mqtt = Mqtt {
            port: 0,
            tls: false,
            tls_address: LOOPBACK,
            tls_port: 0,
            ..config.mqtt
        };
        config.admin.port = 0;
        config
    }
}

impl Commands {
    /// The heart's rules for a platform that started at `started`.
    pub fn rules(&self, started: Moment) -> Rules {
        let window = |[min, max]: [u64; 2]| Window::seconds(min, max);
        Rules {
            started,
            start_grace: Duration::from_secs(self.start_grace_s),
            resend_after: self.resend_after_s.map(window),
            timeout_after: window(self.timeout_after_s),
            immediate_life_max: Duration::from_secs(self.immediate_life_s),
            retransmit: match self.retransmit {
                Resending::Patient => Retransmit::Patient,
                Resending::Strict => Retransmit::Strict,
            },
            result_within: Duration::from_secs(self.result_within_s),
            settle_after: Duration::from_secs(self.settle_after_s),
            pending_max: self.pending_max,
            open_max: self.open_max,
            zombie_after: Duration::from_secs(self.zombie_after_s),
        }
    }
}

impl Callback {
    /// The rules of the outbox.
    pub fn rules(&self) -> callback::Rules {
        let codes = if self.legacy_result_code {
            ResultCodes::Legacy
        } else {
            ResultCodes::Statuses
        };
        callback::Rules {
            wording: Wording {
                canceled: self.canceled,
                codes,
            },
            give_up_after: Duration::from_secs(self.give_up_s),
            retry_first: Duration::from_secs(self.retry_first_s),
            retry_max: Duration::from_secs(self.retry_max_s),
            failures_max: self.failures_max,
            probe_after: Duration::from_secs(self.probe_s),
            slots_max: self.endpoint_posts_max,
            extra_max: self.posts_max,
            waiting_max: self.waiting_max,
            endpoints_max: self.endpoints_max,
        }
    }
}

impl North {
    /// Where to listen.
    pub fn listen(&self) -> SocketAddr {
        SocketAddr::new(self.address, self.port)
    }
}

impl Mqtt {
    /// Where to listen without TLS, if at all.
    pub fn listen_plain(&self) -> Option<SocketAddr> {
        self.plain.then(|| SocketAddr::new(self.address, self.port))
    }

    /// Where to listen with TLS, if at all.
    pub fn listen_tls(&self) -> Option<SocketAddr> {
        self.tls
            .then(|| SocketAddr::new(self.tls_address, self.tls_port))
    }
}

impl Admin {
    /// Where to listen.
    pub fn listen(&self) -> SocketAddr {
        SocketAddr::new(self.address, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_numbers_are_those_of_the_rulings() {
        let rules = Config::default().commands.rules(Moment::default());
        assert_eq!(rules, Rules::default());
        let callback = Config::default().callback;
        assert_eq!(callback.rules(), callback::Rules::default());
        let within = callback::Settings::default().answer_within;
        assert_eq!(Duration::from_secs(callback.answer_s), within);
    }
}
