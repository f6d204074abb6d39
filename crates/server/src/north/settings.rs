//! What an operator may set about the northbound interface. The defaults are the rulings' figures.

use api::ErrorStatus;
use api::failure::GatewayBody;
use std::time::Duration;

/// Settings of the northbound interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// How errors map to HTTP statuses (contract §15.1).
    pub error_status: ErrorStatus,
    /// The body of the two gateway codes (contract §15.2).
    pub gateway_body: GatewayBody,
    /// Whether a device without a product model takes no commands (R3.10).
    pub strict_profile: bool,
    /// Whether a callback address may be a private address literal (R3.8).
    pub private_callbacks: bool,
    /// Calls per application and window (R3.5); 0 = no limit.
    pub throttle_calls_max: u32,
    /// The length of a throttle window.
    pub throttle_window: Duration,
    /// Failed logins per address and throttle window; 0 = no limit.
    pub login_failures_max: u32,
    /// Secrets that are verified at the same time: each takes a processor and 19 MiB.
    pub secret_checks_max: usize,
    /// Logins that may wait for such a place; further ones are refused (100501).
    pub secret_checks_waiting_max: usize,
    /// How long an access token is good for, as told to the application (R3.6).
    pub token_life: Duration,
    /// How much longer it is accepted.
    pub token_grace: Duration,
    /// How long the old access token is accepted after a refresh.
    pub refresh_overlap: Duration,
    /// How long a refresh token is good for.
    pub refresh_token_life: Duration,
    /// The time for a device's first contact when its registration names none (contract §15.10).
    pub bind_within: Duration,
    /// Devices that there may be (100412); 0 = no limit.
    pub devices_max: u64,
    /// Devices without `isSecure` that there may be (100441); 0 = no limit.
    pub nonsecure_devices_max: u64,
    /// How long a direct call with toType CLOUD waits for the acknowledgement, in real time (R4.2).
    pub cloud_wait: Duration,
    /// Free disk space below which nothing new is taken on (R2.5).
    pub free_bytes_min: u64,
    /// Bytes of a request's body.
    pub body_bytes_max: usize,
    /// Bytes of the bodies of all requests that are under way (100501).
    pub all_bodies_bytes_max: usize,
    /// Requests that are worked on at the same time: so many that take something new on, and so many others (100501).
    pub requests_max: usize,
    /// What a create may take before fewer are taken on at the same time; zero = any time.
    pub create_time: Duration,
    /// Bytes of a request's line and headers; at least 8,192.
    pub head_bytes_max: usize,
    /// Headers of a request.
    pub headers_max: usize,
    /// Connections at the same time; further ones wait to be accepted.
    pub connections_max: usize,
    /// How long a client may take to send a head, to send a body, or to make a TLS handshake.
    pub client_time: Duration,
    /// How long a kept-alive connection may be idle.
    pub idle_time: Duration,
    /// How long running requests may take to finish when the platform stops.
    pub drain_time: Duration,
}

impl Settings {
    /// The time for a device's first contact when nothing else is said, in seconds.
    pub(super) fn bind_within_s(&self) -> u32 {
        u32::try_from(self.bind_within.as_secs()).unwrap_or(u32::MAX)
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            error_status: ErrorStatus::Documented,
            gateway_body: GatewayBody::Both,
            strict_profile: false,
            private_callbacks: false,
            throttle_calls_max: 100,
            throttle_window: Duration::from_mins(1),
            login_failures_max: 20,
            secret_checks_max: 2,
            secret_checks_waiting_max: 64,
            token_life: Duration::from_hours(1),
            token_grace: Duration::from_mins(2),
            refresh_overlap: Duration::from_secs(30),
            refresh_token_life: Duration::from_hours(30 * 24),
            bind_within: Duration::from_secs(u64::from(
                api::registration::BIND_TIMEOUT_DEFAULT_SECONDS,
            )),
            devices_max: 0,
            nonsecure_devices_max: 0,
            cloud_wait: Duration::from_secs(20),
            free_bytes_min: 64 * 1_048_576,
            body_bytes_max: 1_048_576,
            all_bodies_bytes_max: 64 * 1_048_576,
            requests_max: 128,
            create_time: Duration::from_millis(20),
            head_bytes_max: 32_768,
            headers_max: 100,
            connections_max: 4_096,
            client_time: Duration::from_secs(30),
            idle_time: Duration::from_secs(75),
            drain_time: Duration::from_secs(10),
        }
    }
}
