//! Groups of devices.

use super::MomentView;
use serde::{Deserialize, Serialize};

/// Asks for a new group.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct NewDeviceGroup {
    /// Its application; the only one there is, if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app_id: Option<String>,
    /// Its name, 1 to 64 letters and digits; unique within the application.
    pub name: String,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// How many devices it may have; absent or 0 = as many as the platform allows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub devices_max: Option<u32>,
    /// The devices that it has from the start, by `deviceId` or `nodeId`; at most 1,000.
    pub devices: Vec<String>,
}

/// Changes a group; what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct DeviceGroupChange {
    /// Its name, 1 to 64 letters and digits; unique within the application.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// How many devices it may have; 0 = as many as the platform allows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub devices_max: Option<u32>,
}

/// Devices that are to join a group, or to leave it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GroupDevices {
    /// By `deviceId` or `nodeId`; 1 to 1,000.
    pub devices: Vec<String>,
}

/// A group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeviceGroupView {
    /// Its id, `devGroupId` in the contract.
    pub group_id: String,
    /// Its name.
    pub name: String,
    /// Its application.
    pub app_id: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// How many devices it has.
    pub devices: u64,
    /// How many devices it may have; absent = as many as the platform allows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub devices_max: Option<u32>,
    /// The application that created it.
    pub creator: String,
    /// When it was created.
    pub created: MomentView,
}

/// A part of the list of groups.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceGroupPage {
    /// How many there are in all that the filter shows.
    pub total: u64,
    /// Those that were asked for.
    pub groups: Vec<DeviceGroupView>,
}

/// A group, with a part of its devices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceGroupShown {
    /// The group.
    pub group: DeviceGroupView,
    /// Its devices that were asked for, in the order of their registration.
    pub members: Vec<GroupMember>,
}

/// A device of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupMember {
    /// Its id.
    pub device_id: String,
    /// Its own mark.
    pub node_id: String,
    /// Whether it has a session now.
    pub online: bool,
}

/// A group that a device is in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupOfDevice {
    /// Its id.
    pub group_id: String,
    /// Its name.
    pub name: String,
}
