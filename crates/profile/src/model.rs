//! The product model itself: types that are valid by construction, lookups, and the canonical document.

use std::collections::HashMap;
use std::fmt;

use serde::Serialize;
use serde_json::Value;

use crate::error::Error;
use crate::rule::Rule;

/// A product model. Read it with [`Profile::from_files`] or [`Profile::from_json`].
///
/// Two profiles are equal when their documents are: use it to tell a new version from a repeated upload (ruling 10.4).
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    device: Device,
    types: Vec<ServiceType>,
    /// From a serviceId to its place in `device.capabilities` and in `types`.
    by_id: HashMap<String, (usize, usize)>,
}

/// What makes a profile unique (the contract, §14).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Key {
    /// The manufacturer's id.
    pub manufacturer_id: String,
    /// The product's model.
    pub model: String,
}

/// The kind of device: the content of `devicetype-capability.json`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Device {
    /// Manufacturer and model.
    #[serde(flatten)]
    pub key: Key,
    /// The manufacturer's name.
    pub manufacturer_name: String,
    /// `MQTT`, `CoAP`, `LWM2M`, `Z-Wave` …, in the file's spelling.
    pub protocol_type: String,
    /// The device type, such as `WaterMeter`.
    pub device_type: String,
    /// Upgrade and configuration abilities, as the file gives them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub om_capability: Option<Value>,
    /// The services that a device offers, in the file's order.
    #[serde(rename = "serviceTypeCapabilities")]
    pub capabilities: Vec<ServiceCapability>,
}

/// One service of the device: an instance of a service type.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceCapability {
    /// What commands and reports call the service.
    pub service_id: String,
    /// The service type that describes it.
    pub service_type: String,
    /// `Master`, `Mandatory` or `Optional`; it only describes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub option: Option<String>,
}

/// What a service can do: the content of `servicetype-capability.json`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceType {
    /// The type's name.
    pub service_type: String,
    /// A text for people; may be empty.
    pub description: String,
    /// The commands that it takes.
    pub commands: Vec<Command>,
    /// The properties that it reports.
    pub properties: Vec<Property>,
}

/// A command of a service type.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Command {
    /// The name: `method` of a command on the northbound side, `cmd` on the device's.
    #[serde(rename = "commandName")]
    pub name: String,
    /// Its parameters.
    pub paras: Vec<Para>,
    /// What the device may answer; none when no answer is expected.
    pub responses: Vec<Response>,
}

/// One shape of a device's answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Response {
    /// The name, by custom `{command}_RSP`. It does not travel.
    #[serde(rename = "responseName")]
    pub name: String,
    /// The members of the answer's body.
    pub paras: Vec<Para>,
}

/// A parameter of a command or a member of an answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Para {
    /// The name.
    #[serde(rename = "paraName")]
    pub name: String,
    /// What its value may be.
    #[serde(flatten)]
    pub rule: Rule,
}

/// A property that a service reports.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Property {
    /// The name.
    #[serde(rename = "propertyName")]
    pub name: String,
    /// Letters of `R` (read), `W` (write), `E` (reported on change), as the file gives them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// What its value may be.
    #[serde(flatten)]
    pub rule: Rule,
}

/// A service of a profile: the capability together with the type that describes it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Service<'a> {
    capability: &'a ServiceCapability,
    kind: &'a ServiceType,
}

impl Profile {
    /// Joins the device and the service types; every service must have its type.
    pub(crate) fn join(device: Device, types: Vec<ServiceType>) -> Result<Self, Error> {
        let mut by_id = HashMap::with_capacity(device.capabilities.len());
        for (place, capability) in device.capabilities.iter().enumerate() {
            let id = &capability.service_id;
            let Some(kind) = types
                .iter()
                .position(|kind| kind.service_type == capability.service_type)
            else {
                let what = format!(
                    "its serviceType `{}` is not described",
                    crate::text::cut(&capability.service_type)
                );
                return Err(Error::new(what).within("service", id));
            };
            by_id.insert(id.clone(), (place, kind));
        }
        Ok(Self {
            device,
            types,
            by_id,
        })
    }

    /// What makes it unique.
    pub fn key(&self) -> &Key {
        &self.device.key
    }

    /// The kind of device.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The service that commands and reports call `service_id`.
    pub fn service(&self, service_id: &str) -> Option<Service<'_>> {
        let (place, kind) = *self.by_id.get(service_id)?;
        Some(Service {
            capability: self.device.capabilities.get(place)?,
            kind: self.types.get(kind)?,
        })
    }

    /// The services of a device, in the file's order.
    pub fn services(&self) -> impl Iterator<Item = Service<'_>> {
        self.device
            .capabilities
            .iter()
            .filter_map(|capability| self.service(&capability.service_id))
    }

    /// The canonical document, compact, with the members in a fixed order. [`Profile::from_json`] reads it back to an
    /// equal profile.
    #[expect(clippy::missing_panics_doc, reason = "a profile always serialises")]
    pub fn to_json(&self) -> Vec<u8> {
        #[derive(Serialize)]
        struct Document<'a> {
            devices: [&'a Device; 1],
            services: &'a [ServiceType],
        }
        let document = Document {
            devices: [&self.device],
            services: &self.types,
        };
        serde_json::to_vec(&document)
            .expect("a profile holds only strings, finite numbers and string keys")
    }
}

impl<'a> Service<'a> {
    /// What commands and reports call it.
    pub fn service_id(&self) -> &'a str {
        &self.capability.service_id
    }

    /// The type that describes it.
    pub fn service_type(&self) -> &'a str {
        &self.kind.service_type
    }

    /// `Master`, `Mandatory` or `Optional`.
    pub fn option(&self) -> Option<&'a str> {
        self.capability.option.as_deref()
    }

    /// A text for people; may be empty.
    pub fn description(&self) -> &'a str {
        &self.kind.description
    }

    /// The commands that it takes.
    pub fn commands(&self) -> &'a [Command] {
        &self.kind.commands
    }

    /// The properties that it reports.
    pub fn properties(&self) -> &'a [Property] {
        &self.kind.properties
    }

    /// The command of that name.
    pub fn command(&self, method: &str) -> Option<&'a Command> {
        self.kind
            .commands
            .iter()
            .find(|command| command.name == method)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}/{}", self.manufacturer_id, self.model)
    }
}
