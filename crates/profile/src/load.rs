//! The two ways in: the vendor's package, already unpacked, and one document of ours.

use serde_json::Value;

use crate::Map;
use crate::error::Error;
use crate::limits;
use crate::model::{Device, Profile, ServiceType};
use crate::read;
use crate::text::{cut, deeper_than};

/// Some editors put this before UTF-8 text.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// What a file of the package holds.
enum Role {
    Device,
    Service,
}

impl Profile {
    /// Reads a package: `profile/devicetype-capability.json` and `service/{serviceType}/profile/servicetype-capability.json`
    /// (the contract, §14), at the top or below one folder, with either slash. Everything else in it is passed over.
    /// The content decides what a service type is called, not its folder.
    pub fn from_files<P, B>(files: impl IntoIterator<Item = (P, B)>) -> Result<Self, Error>
    where
        P: AsRef<str>,
        B: AsRef<[u8]>,
    {
        let mut device: Option<Device> = None;
        let mut types: Vec<ServiceType> = Vec::new();
        let mut bytes_left = limits::PROFILE_BYTES_MAX;
        for (index, (path, bytes)) in files.into_iter().enumerate() {
            if index == limits::FILES_MAX {
                return Err(Error::new(format!(
                    "the package holds more than {} files",
                    limits::FILES_MAX
                )));
            }
            let (path, bytes) = (path.as_ref(), bytes.as_ref());
            let Some(role) = role(path) else { continue };
            let in_file = |error: Error| error.in_file(Some(path));
            let document = parse(bytes, limits::FILE_BYTES_MAX.min(bytes_left)).map_err(in_file)?;
            bytes_left = bytes_left.saturating_sub(bytes.len());
            match role {
                Role::Device if device.is_some() => {
                    return Err(in_file(Error::new(
                        "is the second devicetype-capability.json of the package",
                    )));
                }
                Role::Device => device = Some(read::device(&document).map_err(in_file)?),
                Role::Service => {
                    types.extend(read::service_types(&document).map_err(in_file)?);
                    whole(&types).map_err(in_file)?;
                }
            }
        }
        let device = device
            .ok_or_else(|| Error::new("the package holds no profile/devicetype-capability.json"))?;
        Self::join(device, types)
    }

    /// Reads one document that holds both: `{"devices":[…],"services":[…]}`, with exactly one device.
    pub fn from_json(bytes: &[u8]) -> Result<Self, Error> {
        let document = parse(bytes, limits::PROFILE_BYTES_MAX)?;
        let device = read::device(&document)?;
        let types = read::service_types(&document)?;
        whole(&types)?;
        Self::join(device, types)
    }
}

/// Bounds the service types of all files together, each described once.
fn whole(types: &[ServiceType]) -> Result<(), Error> {
    if types.len() > limits::SERVICES_MAX {
        return Err(Error::new(format!(
            "the profile has more than {} service types",
            limits::SERVICES_MAX
        )));
    }
    read::distinct(
        "service",
        types.iter().map(|kind| kind.service_type.as_str()),
    )
}

/// The role that a path gives to its file.
fn role(path: &str) -> Option<Role> {
    let parts: Vec<&str> = path
        .split(['/', '\\'])
        .filter(|part| !part.is_empty() && *part != ".")
        .take(6)
        .collect();
    let is = |part: &str, name: &str| part.eq_ignore_ascii_case(name);
    match parts.as_slice() {
        [folder, file] | [_, folder, file]
            if is(folder, "profile") && is(file, "devicetype-capability.json") =>
        {
            Some(Role::Device)
        }
        [services, _, folder, file] | [_, services, _, folder, file]
            if is(services, "service")
                && is(folder, "profile")
                && is(file, "servicetype-capability.json") =>
        {
            Some(Role::Service)
        }
        _ => None,
    }
}

fn parse(bytes: &[u8], bytes_max: usize) -> Result<Map, Error> {
    if bytes.len() > bytes_max {
        return Err(Error::new(format!(
            "has {} bytes, more than the {bytes_max} left for it",
            bytes.len()
        )));
    }
    let json = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    if deeper_than(json, limits::NESTING_MAX) {
        return Err(Error::new(format!(
            "nests deeper than {} levels",
            limits::NESTING_MAX
        )));
    }
    match serde_json::from_slice(json) {
        Ok(Value::Object(document)) => Ok(document),
        Ok(_) => Err(Error::new("must be a JSON object")),
        Err(error) => Err(Error::new(format!(
            "is not JSON: {}",
            cut(&error.to_string())
        ))),
    }
}
