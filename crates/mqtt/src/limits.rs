//! The bounds of one session: whatever a peer sends meets one of these.

/// Milliseconds on the caller's clock. Only differences matter, and it may stand still, but never step back.
pub type Millis = u64;

/// The bounds of one session. Every number is a setting of the server; [`Limits::default`] holds the documented ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Milliseconds from the start of the connection until the whole CONNECT must have arrived.
    pub connect_ms_max: Millis,
    /// Bytes of the CONNECT packet, fixed header and will included. Nothing larger is buffered for a stranger.
    pub connect_bytes_max: u32,
    /// Bytes of any later packet from the device, fixed header included. MQTT 5 clients are told.
    pub packet_bytes_max: u32,
    /// Seconds of keep-alive that stand in for 0, and the most an MQTT 5 client gets (R6.6). At least 1.
    pub keep_alive_s_max: u16,
    /// Commands that may wait for the device's PUBACK at once; MQTT 5 clients may lower it. At least 1.
    pub commands_unacknowledged_max: u16,
    /// QoS 1 reports that may wait for our PUBACK at once. MQTT 5 clients are told (Receive Maximum) and cut off when they
    /// exceed it; from older ones the session takes no further packet until it is below. At least 1.
    pub reports_unacknowledged_max: u16,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect_ms_max: 10_000,
            connect_bytes_max: 8 * 1024,
            packet_bytes_max: 64 * 1024,
            keep_alive_s_max: 1_200,
            commands_unacknowledged_max: 64,
            reports_unacknowledged_max: 32,
        }
    }
}

impl Limits {
    /// The same, with 1 for a bound of 0, which MQTT cannot express.
    pub(crate) fn at_least_one(self) -> Self {
        Self {
            connect_ms_max: self.connect_ms_max,
            connect_bytes_max: self.connect_bytes_max.max(1),
            packet_bytes_max: self.packet_bytes_max.max(1),
            keep_alive_s_max: self.keep_alive_s_max.max(1),
            commands_unacknowledged_max: self.commands_unacknowledged_max.max(1),
            reports_unacknowledged_max: self.reports_unacknowledged_max.max(1),
        }
    }
}
