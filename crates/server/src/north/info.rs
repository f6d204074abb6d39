//! What is known of a device beyond its record's own columns, in the server's own writing, and how answers show it.

use super::error::Error;
use api::devices::{DeviceInfo, ModifyDeviceRequest};
use api::registration::{
    CustomField, NewDeviceInfo, RegisterRequest, RegisterWithSecretRequest, Tag,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::Device;

/// `Device::info`, as JSON. What is unset is left out; members that a later version adds do no harm to an earlier one.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Info {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
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
}

impl Info {
    /// What a registration with a verification code tells.
    pub(super) fn of_registration(request: &RegisterRequest) -> Self {
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
    pub(super) fn of_secret_mode(request: &RegisterWithSecretRequest) -> Self {
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
    pub(super) fn change(&mut self, request: ModifyDeviceRequest) {
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
    pub(super) fn is_secure(&self) -> bool {
        self.is_secure == Some(true)
    }

    /// The key of the product model, if both halves are known.
    pub(super) fn model_key(&self) -> Option<(String, String)> {
        self.manufacturer_id.clone().zip(self.model.clone())
    }

    /// Writes it for the record.
    pub(super) fn write(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("strings, booleans and JSON are JSON")
    }

    /// Reads it from a record.
    ///
    /// # Errors
    /// It does not decode (100023).
    pub(super) fn read(device: &Device) -> Result<Self, Error> {
        let read = serde_json::from_slice(&device.info);
        read.map_err(|error| Error::Row(format!("what is known of device {}: {error}", device.id)))
    }

    /// As answers show it. A device that never connected is OFFLINE, NOT_ACTIVE (contract §15.31).
    pub(super) fn shown(self, device: &Device, online: bool, with_imsi: bool) -> DeviceInfo {
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
