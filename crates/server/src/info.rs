//! What is known of a device beyond its record's own columns, in the server's own writing, and how answers show it.

use api::devices::{DeviceInfo, ModifyDeviceRequest};
use api::registration::{
    CustomField, NewDeviceInfo, RegisterRequest, RegisterWithSecretRequest, Tag,
};
use profile::Profile;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use store::{Device, Failed};

/// `Device::info`, as JSON. What is unset is left out; members that a later version adds do no harm to an earlier one.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Info {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    manufacturer_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    manufacturer_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    protocol_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    location: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timezone: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    organization: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    imsi: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    product_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ip: Option<String>,
    /// Frozen: what the device reports is not kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    mute: Option<bool>,
    /// Whether the device must use DTLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    is_secure: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    supported_security: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data_aging_days: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    custom_fields: Option<Value>,
    /// By service: commands that the operator has forbidden to be sent (100432).
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    muted: BTreeMap<String, BTreeSet<String>>,
}

/// What stands in a record that has muted commands.
const MUTED_MARK: &[u8] = b"\"muted\":";

impl Info {
    /// What a registration with a verification code tells.
    pub(crate) fn of_registration(request: &RegisterRequest) -> Self {
        let told = request.device_info.clone().unwrap_or_default();
        Self {
            end_user: request.end_user_id.clone(),
            imsi: request.imsi.clone(),
            product_id: request.product_id.clone(),
            is_secure: request.is_secure.or(told.is_security),
            custom_fields: custom_fields(&request.custom_fields),
            name: told.name.clone().or_else(|| request.device_name.clone()),
            ..Self::of_told(told)
        }
    }

    /// What a registration with a secret tells.
    pub(crate) fn of_secret_mode(request: &RegisterWithSecretRequest) -> Self {
        let told = Self::of_told(request.device_info.clone());
        Self {
            end_user: request.end_user_id.clone(),
            organization: request.organization.clone(),
            region: request.region.clone().or(told.region),
            timezone: request.timezone.clone().or(told.timezone),
            product_id: request.product_id.clone(),
            ..told
        }
    }

    fn of_told(told: NewDeviceInfo) -> Self {
        Self {
            name: told.name,
            description: told.description,
            manufacturer_id: told.manufacturer_id,
            manufacturer_name: told.manufacturer_name,
            device_type: told.device_type,
            model: told.model,
            protocol_type: told.protocol_type,
            location: told.location,
            region: told.region,
            timezone: told.timezone,
            mute: told.mute,
            is_secure: told.is_security,
            supported_security: told.supported_security,
            ..Self::default()
        }
    }

    /// Takes in what a request changes; what it leaves out stays.
    pub(crate) fn change(&mut self, request: ModifyDeviceRequest) {
        set(&mut self.name, request.name);
        set(&mut self.end_user, request.end_user);
        set(&mut self.mute, request.mute);
        set(&mut self.manufacturer_id, request.manufacturer_id);
        set(&mut self.manufacturer_name, request.manufacturer_name);
        set(&mut self.device_type, request.device_type);
        set(&mut self.model, request.model);
        set(&mut self.location, request.location);
        set(&mut self.protocol_type, request.protocol_type);
        set(&mut self.region, request.region);
        set(&mut self.organization, request.organization);
        set(&mut self.timezone, request.timezone);
        set(&mut self.imsi, request.imsi);
        set(&mut self.product_id, request.product_id);
        set(&mut self.ip, request.ip);
        set(&mut self.is_secure, request.is_secure);
        set(
            &mut self.data_aging_days,
            request
                .device_config
                .and_then(|config| config.data_config.data_aging_time),
        );
        set(&mut self.tags, tags(&request.tags));
        set(
            &mut self.custom_fields,
            custom_fields(&request.custom_fields),
        );
    }

    /// Whether it must use a secured link; a registration that does not say so leaves it free.
    pub(crate) fn is_secure(&self) -> bool {
        self.is_secure == Some(true)
    }

    /// The key of the product model, if both halves are known.
    pub(crate) fn model_key(&self) -> Option<(String, String)> {
        self.manufacturer_id.clone().zip(self.model.clone())
    }

    /// Writes it for the record.
    pub(crate) fn write(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("strings, booleans and JSON are JSON")
    }

    /// Reads it from a record.
    ///
    /// # Errors
    /// It does not decode (100023).
    pub(crate) fn read(device: &Device) -> Result<Self, Failed> {
        let read = serde_json::from_slice(&device.info);
        read.map_err(|error| Failed::Row(format!("what is known of device {}: {error}", device.id)))
    }

    /// As [`Info::read`], but only where commands may be muted: every command asks, and few devices have any.
    ///
    /// # Errors
    /// It does not decode (100023).
    pub(crate) fn read_muted(device: &Device) -> Result<Option<Self>, Failed> {
        let marked = device
            .info
            .windows(MUTED_MARK.len())
            .any(|bytes| bytes == MUTED_MARK);
        marked.then(|| Self::read(device)).transpose()
    }

    /// Whether a command of a service is muted.
    pub(crate) fn is_muted(&self, service_id: &str, command: &str) -> bool {
        self.muted
            .get(service_id)
            .is_some_and(|commands| commands.contains(command))
    }

    /// How many commands are muted.
    pub(crate) fn muted_count(&self) -> usize {
        self.muted.values().map(BTreeSet::len).sum()
    }

    /// The muted commands, by service.
    pub(crate) fn muted(&self) -> &BTreeMap<String, BTreeSet<String>> {
        &self.muted
    }

    /// Mutes or unmutes a command of a service.
    pub(crate) fn mute(&mut self, service_id: &str, command: &str, muted: bool) {
        if muted {
            let commands = self.muted.entry(service_id.to_owned()).or_default();
            commands.insert(command.to_owned());
        } else if let Some(commands) = self.muted.get_mut(service_id) {
            commands.remove(command);
            if commands.is_empty() {
                self.muted.remove(service_id);
            }
        }
    }

    /// The product that it was registered as.
    pub(crate) fn product_id(&self) -> Option<&str> {
        self.product_id.as_deref()
    }

    /// Takes over from a product model what the request did not tell.
    pub(crate) fn complete(&mut self, profile: &Profile) {
        let places = [
            &mut self.manufacturer_id,
            &mut self.model,
            &mut self.manufacturer_name,
            &mut self.device_type,
            &mut self.protocol_type,
        ];
        complete(places, profile);
    }

    /// What lists are asked for: name, type and place.
    pub(crate) fn is_listed_as(
        &self,
        name: Option<&str>,
        device_type: Option<&str>,
        location: Option<&str>,
    ) -> bool {
        let is = |wanted: Option<&str>, known: &Option<String>| {
            wanted.is_none_or(|wanted| known.as_deref() == Some(wanted))
        };
        is(name, &self.name) && is(device_type, &self.device_type) && is(location, &self.location)
    }

    /// As answers show it. A device that never connected is OFFLINE, NOT_ACTIVE (contract §15.31).
    pub(crate) fn shown(self, device: &Device, online: bool, with_imsi: bool) -> DeviceInfo {
        let (status, detail) = match (online, device.activated.is_some()) {
            (true, _) => ("ONLINE", "NONE"),
            (false, true) => ("OFFLINE", "NONE"),
            (false, false) => ("OFFLINE", "NOT_ACTIVE"),
        };
        DeviceInfo {
            node_id: Some(device.node_id.clone()),
            name: self.name,
            description: self.description,
            manufacturer_id: self.manufacturer_id,
            manufacturer_name: self.manufacturer_name,
            location: self.location,
            device_type: self.device_type,
            model: self.model,
            protocol_type: self.protocol_type,
            status: Some(status.to_owned()),
            status_detail: Some(detail.to_owned()),
            mute: self.mute.map(word),
            supported_security: self.supported_security.map(word),
            is_security: self.is_secure.map(word),
            imsi: self.imsi.filter(|_| with_imsi),
            ..DeviceInfo::default()
        }
    }
}

fn set<T>(place: &mut Option<T>, value: Option<T>) {
    if value.is_some() {
        *place = value;
    }
}

/// Takes over from a product model what a change does not tell.
pub(crate) fn complete_change(request: &mut ModifyDeviceRequest, profile: &Profile) {
    let places = [
        &mut request.manufacturer_id,
        &mut request.model,
        &mut request.manufacturer_name,
        &mut request.device_type,
        &mut request.protocol_type,
    ];
    complete(places, profile);
}

/// Fills what is unset of the places of a model's manufacturer id, model, manufacturer name, device type and protocol.
fn complete(places: [&mut Option<String>; 5], profile: &Profile) {
    let (key, told) = (profile.key(), profile.device());
    let values = [
        &key.manufacturer_id,
        &key.model,
        &told.manufacturer_name,
        &told.device_type,
        &told.protocol_type,
    ];
    for (place, value) in places.into_iter().zip(values) {
        if place.is_none() && !value.is_empty() {
            *place = Some(value.clone());
        }
    }
}

fn word(value: bool) -> String {
    if value { "TRUE" } else { "FALSE" }.to_owned()
}

fn custom_fields(fields: &[CustomField]) -> Option<Value> {
    (!fields.is_empty()).then(|| json(fields))
}

fn tags(tags: &[Tag]) -> Option<Value> {
    (!tags.is_empty()).then(|| json(tags))
}

fn json(list: &(impl Serialize + ?Sized)) -> Value {
    serde_json::to_value(list).expect("strings and integers are JSON")
}
