//! What the operator's door says and hears, as JSON. Moments are milliseconds since 1970, and beside them a text for people.

mod applications;
mod groups;

pub use applications::{
    ApplicationChange, ApplicationView, GrantView, GrantedGroup, NewApplication, NewGrant,
    NewSecret, RevokedView,
};
pub use groups::{
    DeviceGroupChange, DeviceGroupPage, DeviceGroupShown, DeviceGroupView, GroupDevices,
    GroupMember, GroupOfDevice, NewDeviceGroup,
};

use api::Timestamp;
use delivery::{Kind, Moment, Status};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::{BTreeMap, BTreeSet};

/// An error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProblemView {
    /// Its kind, for programs.
    pub error: String,
    /// What is wrong, for people.
    pub message: String,
    /// The code of the contract, where an application would have been refused with one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

/// A moment: for programs and for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MomentView {
    /// Milliseconds since 1970.
    pub ms: u64,
    /// The same in UTC, `20151212T121212Z`.
    pub utc: String,
}

impl From<Moment> for MomentView {
    fn from(moment: Moment) -> Self {
        Self {
            ms: moment.as_millis(),
            utc: Timestamp::from_unix_millis_u64(moment.as_millis()).to_string(),
        }
    }
}

/// A backup that is to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewBackup {
    /// The folder, an absolute path on the server's machine; it must not exist, or be empty.
    pub folder: std::path::PathBuf,
}

/// A product model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProfileView {
    /// The version's number on this platform.
    pub version: u64,
    /// With the model, its key.
    pub manufacturer_id: String,
    /// With the manufacturer's id, its key.
    pub model: String,
    /// The device type.
    pub device_type: String,
    /// The manufacturer's name.
    pub manufacturer_name: String,
    /// The protocol, in the manufacturer's spelling.
    pub protocol_type: String,
    /// What it offers: services, with their commands.
    pub services: Vec<ServiceView>,
}

/// A service of a product model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceView {
    /// What commands call it.
    pub service_id: String,
    /// The names of its commands.
    pub commands: Vec<String>,
}

/// A product model with its document.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ProfileShown {
    /// In short.
    pub profile: ProfileView,
    /// In full, in the canonical form: `devices` and `services`.
    pub document: Box<RawValue>,
}

/// The answer to a product model that was added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProfileAdded {
    /// The model as it is now.
    pub profile: ProfileView,
    /// Whether there was a version of it before.
    pub replaced: bool,
}

/// Asks for a new device.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct NewDevice {
    /// Its application; that of its gateway, or the only one there is, if absent.
    pub app_id: Option<String>,
    /// Its own mark, 1 to 256 characters; unique on the platform.
    pub node_id: String,
    /// Its secret for MQTT, 20 hex digits; made up if absent.
    pub secret: Option<String>,
    /// The gateway that it is a child of: `deviceId` or `nodeId`. A child has no secret.
    pub gateway: Option<String>,
    /// With the model, the key of its product model.
    pub manufacturer_id: Option<String>,
    /// The manufacturer's name.
    pub manufacturer_name: Option<String>,
    /// With the manufacturer's id, the key of its product model.
    pub model: Option<String>,
    /// What kind of device it is.
    pub device_type: Option<String>,
    /// How it speaks.
    pub protocol_type: Option<String>,
    /// A name for people.
    pub name: Option<String>,
}

/// A device that was registered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeviceMade {
    /// Its id.
    pub device_id: String,
    /// Its own mark.
    pub node_id: String,
    /// Its application.
    pub app_id: String,
    /// The gateway that it is a child of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway_id: Option<String>,
    /// Its secret for MQTT; in this answer only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

/// A device in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeviceLine {
    /// Its id.
    pub device_id: String,
    /// Its own mark.
    pub node_id: String,
    /// Its application.
    pub app_id: String,
    /// The gateway that it is a child of.
    pub gateway_id: Option<String>,
    /// Manufacturer id and model, if known.
    pub model: Option<(String, String)>,
    /// When it was registered.
    pub registered: MomentView,
    /// When it first connected.
    pub activated: Option<MomentView>,
    /// Whether it has a session now.
    pub online: bool,
}

/// A part of the list of devices.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DevicePage {
    /// How many there are in all that the filter shows.
    pub total: u64,
    /// Those that were asked for.
    pub devices: Vec<DeviceLine>,
}

/// A device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeviceView {
    /// Its id.
    pub device_id: String,
    /// Its own mark.
    pub node_id: String,
    /// Its application.
    pub app_id: Option<String>,
    /// The gateway that it is a child of.
    pub gateway_id: Option<String>,
    /// When it was registered.
    pub registered: MomentView,
    /// When it first connected.
    pub activated: Option<MomentView>,
    /// By when it must have connected.
    pub bind_by: Option<MomentView>,
    /// When it was deleted.
    pub deleted: Option<MomentView>,
    /// Whether it has a session now.
    pub online: bool,
    /// Whether it takes commands now.
    pub reachable: bool,
    /// When it was last heard.
    pub last_contact: Option<MomentView>,
    /// Manufacturer id and model, if known.
    pub model: Option<(String, String)>,
    /// The version of its product model, if there is one.
    pub profile_version: Option<u64>,
    /// The groups that it is in, the newest first; at most 1,000.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<GroupOfDevice>,
    /// Commands that are refused (100432), by service.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub muted_commands: BTreeMap<String, BTreeSet<String>>,
    /// Commands that have not ended.
    pub open_commands: usize,
    /// Those of them that are PENDING.
    pub pending_commands: usize,
}

/// Mutes or unmutes a command of a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MuteOrder {
    /// The service; it need not be known.
    pub service_id: String,
    /// The command's name.
    pub method: String,
    /// Whether it is refused from now on.
    pub muted: bool,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MuteView {
    /// The device.
    pub device_id: String,
    /// The service.
    pub service_id: String,
    /// The command's name.
    pub method: String,
    /// Whether it is refused now.
    pub muted: bool,
    /// Whether it was otherwise before.
    pub changed: bool,
}

/// A command.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CommandView {
    /// Its id.
    pub command_id: String,
    /// Its device.
    pub device_id: String,
    /// The device's application.
    pub app_id: Option<String>,
    /// `queued`, `immediate` or `direct`.
    pub kind: String,
    /// The service.
    pub service_id: String,
    /// The command's name.
    pub method: String,
    /// The parameters.
    pub paras: Box<RawValue>,
    /// The status, by the contract's name.
    pub status: String,
    /// Whether nothing changes its status any more.
    #[serde(rename = "final")]
    pub is_final: bool,
    /// When it was accepted.
    pub created: MomentView,
    /// When it expires, for a queued one.
    pub expires: Option<MomentView>,
    /// Attempts that were committed and not given back.
    pub issued_times: u8,
    /// Repeats that it may have.
    pub retransmit_max: u8,
    /// Its id on the link.
    pub mid: u16,
    /// The device's answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Box<RawValue>>,
    /// Attempts that the link lost.
    pub lost: u32,
    /// What arrived after its end.
    pub late: u32,
}

/// A part of the list of commands, newest first.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct CommandPage {
    /// Those that were found.
    pub commands: Vec<CommandView>,
    /// Before which command the list goes on (`before`); absent at its end. With a filter a page may be short, even empty, and
    /// still not be the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// One line of a command's history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryView {
    /// The status from then on.
    pub status: String,
    /// When.
    pub at: MomentView,
    /// Why.
    pub cause: String,
    /// Attempts by then.
    pub attempt: u8,
    /// Who: `platform`, `device`, `operator`, or `application` and its id.
    pub who: String,
    /// Whether it came after the end and changed nothing.
    pub late: bool,
}

/// A command's history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HistoryView {
    /// The command.
    pub command_id: String,
    /// Its entries, oldest first.
    pub history: Vec<EntryView>,
    /// What its callback address was told of them; absent if its creator named none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callbacks: Option<ToldView>,
}

/// How far a command's callbacks have come (R2.2, R5.2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ToldView {
    /// So many of its entries, from the oldest on, were told or are none that is told.
    pub up_to: u32,
    /// So many changes of status are still to be told.
    pub owed: u32,
    /// What is beyond was given up for this reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given_up: Option<String>,
}

/// Why a command is where it is, in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// The command.
    pub command_id: String,
    /// Its status.
    pub status: String,
    /// Sentences.
    pub explanation: Vec<String>,
}

/// Callbacks of a command that were given up (R5.2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeadCallbackView {
    /// The command.
    pub command_id: String,
    /// The application that was to be told.
    pub app_id: Option<String>,
    /// The first entry of the command's history that was not told, counted from 0.
    pub from: u32,
    /// Scheme, host and port; empty if the address cannot be read.
    pub endpoint: String,
    /// When they were given up; for a replay, when that began.
    pub since: MomentView,
    /// How often the first of them was tried.
    pub attempts: u32,
    /// Why the last attempt failed, or why there was none.
    pub reason: String,
    /// Whether they are being told again.
    pub replaying: bool,
}

/// An endpoint of callbacks: scheme, host and port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EndpointView {
    /// Its name.
    pub endpoint: String,
    /// `up` or `down`.
    pub state: String,
    /// Commands whose callbacks wait for it.
    pub waiting: usize,
    /// Callbacks under way to it.
    pub under_way: u32,
    /// Failures since its last success.
    pub failures: u32,
    /// Since when it is down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub down_since: Option<MomentView>,
    /// When it is probed next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_probe: Option<MomentView>,
    /// Its last failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_failure: Option<LastFailure>,
}

/// A failure of an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastFailure {
    /// When.
    pub at: MomentView,
    /// Why.
    pub reason: String,
}

/// Asks that callbacks which were given up be told after all; exactly one member says which.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ReplayOrder {
    /// Those of one command.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command_id: Option<String>,
    /// Those of an application.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app_id: Option<String>,
    /// Those for an endpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// All of them.
    pub all: bool,
}

/// What came of that: commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReplayView {
    /// They are being told again.
    pub begun: u64,
    /// Their application has too many waiting already; ask again later.
    pub no_room: u64,
}

/// Moves the test clock: by a span, or to a moment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClockMove {
    /// By how many milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advance_ms: Option<u64>,
    /// To which moment, in milliseconds since 1970 or as `20151212T121212Z`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<ClockTarget>,
}

/// A moment, written in either way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ClockTarget {
    /// Milliseconds since 1970.
    Millis(u64),
    /// UTC.
    Text(String),
}

/// What the clock shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClockView {
    /// Now.
    pub now: MomentView,
    /// Whether it stands still until it is moved.
    pub test: bool,
    /// The next deadline of a command, if there is one.
    pub next_deadline: Option<MomentView>,
    /// Deadlines that the move stopped at.
    pub stops: u64,
}

/// Asks for something to go wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultOrder {
    /// What: a name of [`Fault`](crate::faults::Fault), or `commit`.
    pub fault: String,
    /// How often; 0 takes it back. `commit` happens once.
    #[serde(default = "once")]
    pub times: u32,
}

/// A fault that can be asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultView {
    /// Its name.
    pub fault: String,
    /// How often it is still to happen. Always 0 for `commit`, which happens at the next one.
    pub left: u32,
    /// What it causes, for people.
    pub meaning: String,
}

const fn once() -> u32 {
    1
}

/// What kind of command it is.
pub(super) const fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Queued { .. } => "queued",
        Kind::Immediate => "immediate",
        Kind::Direct { .. } => "direct",
    }
}

/// The contract's name of a status.
pub(super) const fn status_name(status: Status) -> &'static str {
    crate::north::wire::status(status).as_str()
}
