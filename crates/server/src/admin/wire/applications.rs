//! Applications and grants.

use super::MomentView;
use serde::{Deserialize, Serialize};

/// Asks for a new application.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct NewApplication {
    /// Its id, 1 to 256 visible ASCII characters; made up if absent.
    pub app_id: Option<String>,
    /// Its secret, 1 to 256 characters; made up if absent.
    pub secret: Option<String>,
    /// A name for people.
    pub name: Option<String>,
    /// Whether its calls are limited (R3.5); yes if absent.
    pub throttled: Option<bool>,
}

/// Changes an application; what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ApplicationChange {
    /// Whether its calls are limited (R3.5).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub throttled: Option<bool>,
    /// A name for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether it is refused, and its tokens with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frozen: Option<bool>,
    /// The certificate authorities that its callback endpoints are trusted by beside the public ones, PEM; an empty text
    /// removes them (R5.4).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub callback_ca: Option<String>,
}

/// Asks for another secret of an application.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct NewSecret {
    /// The secret, 1 to 256 characters; made up if absent.
    pub secret: Option<String>,
    /// Whether its tokens die; without it they live on to their ends.
    pub log_out: bool,
}

/// An application.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApplicationView {
    /// Its id.
    pub app_id: String,
    /// A name for people.
    pub name: String,
    /// Whether its calls are limited.
    pub throttled: bool,
    /// Whether it is refused.
    pub frozen: bool,
    /// When it was created.
    pub created: MomentView,
    /// How many devices it has; not in lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub devices: Option<u64>,
    /// Whether its callbacks are signed (R5.4).
    pub signs_callbacks: bool,
    /// The certificate authorities that its callback endpoints are trusted by beside the public ones, PEM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callback_ca: Option<String>,
    /// Its secret; in the answer that made it only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// The secret that its callbacks are signed with, `whsec_…`; in the answer that made it only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook_secret: Option<String>,
}

/// Asks for a grant; it replaces the one that the pair has.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct NewGrant {
    /// The devices that it is limited to, at most 1,000, by deviceId or nodeId; no devices and no groups = all.
    pub devices: Vec<String>,
    /// The device groups that it is limited to, at most 100, by id or name: whatever is in them at the time.
    pub groups: Vec<String>,
    /// The operations that it is limited to, by their names in the contract; none = all.
    pub operations: Vec<String>,
    /// When it ends, UTC: `20261231T235959Z`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// Or after how many seconds it ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub for_seconds: Option<u64>,
}

/// A grant: one application lets another one act on its devices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GrantView {
    /// Whose devices they are.
    pub owner: String,
    /// Who may act on them.
    pub grantee: String,
    /// `active`, or `ending`: it allows nothing any more, and what is pending is being cancelled.
    pub state: String,
    /// When it was given.
    pub granted: MomentView,
    /// When it ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<MomentView>,
    /// The devices that it is limited to; no devices and no groups = all.
    pub devices: Vec<String>,
    /// The device groups that it is limited to.
    #[serde(default)]
    pub groups: Vec<GrantedGroup>,
    /// The operations that it is limited to; none = all.
    pub operations: Vec<String>,
}

/// A device group that a grant is limited to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GrantedGroup {
    /// Its id.
    pub group_id: String,
    /// Its name; absent if it was deleted, so that the grant reaches nothing through it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// What became of a revocation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RevokedView {
    /// Whose devices they are.
    pub owner: String,
    /// Who may no longer act on them.
    pub grantee: String,
    /// Whether every command that was pending is cancelled; else that goes on.
    pub finished: bool,
}
