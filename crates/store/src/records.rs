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
    /// Whether the operator has frozen it: its calls are refused, and nothing of it is lost.
    pub frozen: bool,
    /// The secret with which its callbacks are signed, encrypted (R2.7, R5.4).
    pub webhook_secret: Option<Vec<u8>>,
    /// The certificate authority that its callback endpoints are trusted by, beside the public ones: PEM (R5.4).
    pub callback_ca: Option<String>,
}

/// An application lets another one act on its devices. There is one grant of a pair; granting again replaces it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Whose devices they are.
    pub owner: AppKey,
    /// Who may act on them.
    pub grantee: AppKey,
    /// When it was granted, or last granted anew.
    pub created: Moment,
    /// When it ends; `None` = when it is revoked.
    pub until: Option<Moment>,
    /// On which devices; if `groups` is empty too, on all of the owner's.
    pub devices: Vec<DeviceId>,
    /// On which groups' devices, beside `devices`. A group that is no more has none.
    pub groups: Vec<GroupId>,
    /// For which operations, by their names in the contract; none = for all of them.
    pub operations: Vec<String>,
    /// When it was revoked: it grants nothing any more, and is kept until what is pending was called back (R1.11).
    pub revoked: Option<Moment>,
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
    /// The gateway that it is a child of.
    pub gateway: Option<DeviceId>,
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
    /// Whether it must use a secured link (`isSecure`).
    pub secure: bool,
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

/// The id of a device group: 32 hex digits outside. Ids rise with time: the high 64 bits are the creation's milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupId(pub u128);

/// Ids that are 32 hex digits outside: written in lower case, read in either.
macro_rules! hex_ids {
    ($($id:ident)*) => {
        $(impl fmt::Display for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:032x}", self.0)
            }
        }

        impl FromStr for $id {
            type Err = delivery::IdError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                from_hex(text).map(Self)
            }
        })*
    };
}

hex_ids! { TaskId GroupId }

fn from_hex(text: &str) -> Result<u128, delivery::IdError> {
    if text.len() != 32 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(delivery::IdError);
    }
    u128::from_str_radix(text, 16).map_err(|_| delivery::IdError)
}

/// A group of an application's devices. A device may be in many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceGroup {
    /// Its id.
    pub id: GroupId,
    /// The application whose devices it holds; it stays the same.
    pub app: AppKey,
    /// Its name, unique among the groups of its application.
    pub name: String,
    /// What it is for, in its creator's words.
    pub description: Option<String>,
    /// How many devices it may have; `None` = no bound of its own. `Some(0)` is never kept.
    pub devices_max: Option<u32>,
    /// The `appId` that created it.
    pub creator: String,
    /// When it was created.
    pub created: Moment,
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

/// A command whose callbacks were given up (R5.2): its entries from `from` on are untold, though it counts as told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadCallback {
    /// The command.
    pub command: CommandId,
    /// Who was to be told: the application that created it.
    pub app: AppKey,
    /// The first place of its history that was not told.
    pub from: u32,
    /// Where to: scheme, host and port.
    pub endpoint: String,
    /// When they were given up.
    pub since: Moment,
    /// How often they were tried.
    pub attempts: u32,
    /// Why they were given up, in words.
    pub reason: String,
    /// Whether they are being told again.
    pub replaying: bool,
}

/// How many devices there are that are not deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DeviceCounts {
    /// All of them.
    pub registered: u64,
    /// Those that may use a link in the clear.
    pub nonsecure: u64,
}

/// Which devices a list shows; deleted ones never.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceFilter {
    /// Of this application.
    pub app: AppKey,
    /// Children of this gateway only.
    pub gateway: Option<DeviceId>,
    /// Only those that are connected (`true`), or are not.
    pub online: Option<bool>,
    /// Registered at this moment or later.
    pub from: Option<Moment>,
    /// Registered at this moment or earlier.
    pub to: Option<Moment>,
    /// Whether the oldest registration comes first; else the newest does.
    pub ascending: bool,
    /// How many to pass over.
    pub skip: u64,
    /// How many at the most.
    pub take: usize,
}

/// Which device groups a list shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupFilter {
    /// Of this application.
    pub app: AppKey,
    /// Of exactly this name.
    pub name: Option<String>,
    /// How many to pass over.
    pub skip: u64,
    /// How many at the most.
    pub take: usize,
}

/// Which commands a list shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandFilter {
    /// Of this application.
    pub app: AppKey,
    /// Of these devices only.
    pub devices: Option<Vec<DeviceId>>,
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
    /// Of these devices only.
    pub devices: Option<Vec<DeviceId>>,
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

/// A stretch of a search for what is old enough to be forgotten (R2.8).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stretch<T> {
    /// What may be forgotten.
    pub old: Vec<T>,
    /// After which the search goes on; `None` = it is over.
    pub next: Option<T>,
    /// Of what stays and was looked at: the earliest moment from which age may count.
    pub oldest_kept: Option<Moment>,
}

/// Where ids and time go on from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Marks {
    /// The highest sequence number of a command.
    pub command_seq: u64,
    /// The highest sequence number that a device ever had.
    pub device_seq: u64,
    /// The highest key that an application ever had.
    pub app_key: u64,
    /// The highest version of a product model.
    pub model_version: u64,
    /// The latest moment of a commit.
    pub last_moment: Moment,
}

/// How many commands are where: accepted = open + ended, always. Forgotten ones count on as ended (R2.8).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tally {
    /// Accepted since the beginning.
    pub accepted: u64,
    /// Open, by status: queued, sent, delivered.
    pub open: Vec<(Status, u64)>,
    /// Ended, by status; settled ones stand under delivered.
    pub ended: Vec<(Status, u64)>,
}
