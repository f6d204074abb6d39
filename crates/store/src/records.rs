//! The records that are kept beside commands.

use delivery::{AppKey, CommandId, DeviceId, Moment, Status};
use std::fmt;
use std::str::FromStr;

/// An application: a customer of the northbound interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Application {
    /// Its key on this platform.
    pub key: AppKey,
    /// The `appId` by which it is known outside.
    pub app_id: String,
    /// A name for people.
    pub name: String,
    /// argon2id hash of its secret, in PHC form (R2.7).
    pub secret_hash: String,
    /// When it was created.
    pub created: Moment,
    /// Whether its calls are counted and limited (R3.5).
    pub throttled: bool,
}

/// What a token is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// Calls.
    Access,
    /// A new access token.
    Refresh,
}

/// A token as it is kept: never itself, only its digest (R2.7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// SHA-256 of the token's text.
    pub digest: [u8; 32],
    /// Whose it is.
    pub app: AppKey,
    /// What it is good for.
    pub kind: TokenKind,
    /// When it ceases to be accepted.
    pub valid_until: Moment,
}

/// A device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Its id.
    pub id: DeviceId,
    /// The application that it belongs to.
    pub app: AppKey,
    /// Its own mark (IMEI, MAC, serial number); unique among devices that are not deleted (R3.9).
    pub node_id: String,
    /// When it was registered.
    pub registered: Moment,
    /// When its record last changed.
    pub modified: Moment,
    /// When it first connected.
    pub activated: Option<Moment>,
    /// By when it must have connected for the first time or its registration lapses; `None` = never.
    pub bind_by: Option<Moment>,
    /// When it was deleted.
    pub deleted: Option<Moment>,
    /// Its secret, encrypted (R2.7).
    pub secret: Option<Vec<u8>>,
    /// Its pre-shared key, encrypted (R2.7).
    pub psk: Option<Vec<u8>>,
    /// SHA-256 of its verification code, lower-cased.
    pub verify_code: Option<[u8; 32]>,
    /// Manufacturer id and model: the key of its product model, if known.
    pub model: Option<(String, String)>,
    /// Whatever else is known of it, in the server's own writing (JSON).
    pub info: Vec<u8>,
    /// Whether it was connected when last seen, and since when.
    pub presence: Presence,
}

/// Whether a device is connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Presence {
    /// Whether it has a session.
    pub online: bool,
    /// Since when; `None` if it never had one.
    pub since: Option<Moment>,
}

/// One version of a product model (a "profile").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProductModel {
    /// The version's number on this platform; rises.
    pub version: u64,
    /// With the model, its key.
    pub manufacturer_id: String,
    /// With the manufacturer id, its key.
    pub model: String,
    /// The model in the profile's canonical form (JSON).
    pub document: Vec<u8>,
    /// When it was added.
    pub added: Moment,
    /// When a later version took its place.
    pub replaced: Option<Moment>,
}

/// The last report of one service of a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The device.
    pub device: DeviceId,
    /// The service.
    pub service_id: String,
    /// When the platform heard it.
    pub at: Moment,
    /// When the device says it happened.
    pub event_time: Option<Moment>,
    /// The properties, in the server's own writing (JSON object).
    pub properties: Vec<u8>,
    /// Whether they are not what the device's profile says.
    pub off_profile: bool,
}

/// The id of a cancel task: 32 hex digits outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskId(pub u128);

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl FromStr for TaskId {
    type Err = delivery::IdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() != 32 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(delivery::IdError);
        }
        u128::from_str_radix(text, 16)
            .map(Self)
            .map_err(|_| delivery::IdError)
    }
}

/// A cancel task: every queued command of a device, called back in one turn (R1.10).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CancelTask {
    /// Its id. Ids rise with time: the high 64 bits are the creation's milliseconds.
    pub id: TaskId,
    /// The device's application.
    pub app: AppKey,
    /// The device.
    pub device: DeviceId,
    /// When it was created.
    pub created: Moment,
    /// What it cancelled.
    pub commands: Vec<CommandId>,
}

/// Which commands a list shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandFilter {
    /// Of this application.
    pub app: AppKey,
    /// Of this device only.
    pub device: Option<DeviceId>,
    /// Created at this moment or later.
    pub from: Option<Moment>,
    /// Created at this moment or earlier.
    pub to: Option<Moment>,
    /// How many to pass over.
    pub skip: u64,
    /// How many at the most.
    pub take: usize,
}

/// Which cancel tasks a list shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CancelTaskFilter {
    /// Of this application.
    pub app: AppKey,
    /// This one only.
    pub task: Option<TaskId>,
    /// Of this device only.
    pub device: Option<DeviceId>,
    /// Only those that cancelled something (`true`), or found nothing (`false`).
    pub succeeded: Option<bool>,
    /// Created at this moment or later.
    pub from: Option<Moment>,
    /// Created at this moment or earlier.
    pub to: Option<Moment>,
    /// How many to pass over.
    pub skip: u64,
    /// How many at the most.
    pub take: usize,
}

/// A part of a list, with the length of the whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// How many there are in all.
    pub total: u64,
    /// Those that were asked for.
    pub items: Vec<T>,
}

/// Where ids and time go on from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Marks {
    /// The highest sequence number of a command.
    pub command_seq: u64,
    /// The highest sequence number of a device.
    pub device_seq: u64,
    /// The highest key of an application.
    pub app_key: u64,
    /// The highest version of a product model.
    pub model_version: u64,
    /// The latest moment of a commit.
    pub last_moment: Moment,
}

/// How many commands are where: accepted = open + ended, always.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tally {
    /// Accepted since the beginning.
    pub accepted: u64,
    /// Open, by status: queued, sent, delivered.
    pub open: Vec<(Status, u64)>,
    /// Ended, by status; settled ones stand under delivered.
    pub ended: Vec<(Status, u64)>,
}
