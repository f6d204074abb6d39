//! A command against the product model of its device (checks 11 and 12 of R3.1, R3.10).

use super::North;
use super::error::Error;
use crate::info::Info;
use api::Code;
use profile::Map;
use serde_json::value::RawValue;
use store::Device;

/// A command that fits, or that nothing is known about.
pub(super) struct Checked {
    /// The paras with every value in its type, if that changed any.
    pub(super) coerced: Option<Map>,
    /// The product model's version that it was checked against.
    pub(super) model_version: Option<u64>,
    /// Whether the device is expected to answer (R1.7).
    pub(super) answer_expected: bool,
}

/// Why a command does not fit.
pub(super) enum Misfit {
    /// The device has no product model, and must have one.
    NoModel,
    /// There is no such service.
    Service(String),
    /// The service has no such command.
    Method(String),
    /// A para is wrong.
    Para(profile::Fault),
}

/// A command as it is asked for.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) service_id: &'a str,
    pub(super) method: &'a str,
    pub(super) paras: &'a Map,
}

impl Checked {
    /// Nothing is known about it; an answer may come.
    pub(super) const UNCHECKED: Self = Self {
        coerced: None,
        model_version: None,
        answer_expected: true,
    };

    /// The paras as the device gets them, and as they were asked for if that differs.
    pub(super) fn paras(&self, asked: &Map) -> (Box<RawValue>, Option<Box<RawValue>>) {
        match &self.coerced {
            Some(coerced) => (raw(coerced), Some(raw(asked))),
            None => (raw(asked), None),
        }
    }
}

impl North {
    /// Checks service, command and paras.
    pub(super) fn check(&self, device: &Device, asked: Asked<'_>) -> Result<Checked, Misfit> {
        let Some(model) = self.registry.model_of(device) else {
            return if self.settings.strict_profile {
                Err(Misfit::NoModel)
            } else {
                Ok(Checked::UNCHECKED)
            };
        };
        let service = model.profile.service(asked.service_id);
        let service = service.ok_or_else(|| Misfit::Service(asked.service_id.to_owned()))?;
        let command = service
            .command(asked.method)
            .ok_or_else(|| Misfit::Method(asked.method.to_owned()))?;
        let admitted = command.check(asked.paras).map_err(Misfit::Para)?;
        Ok(Checked {
            coerced: (admitted != *asked.paras).then_some(admitted),
            model_version: Some(model.version),
            answer_expected: command.expects_answer(),
        })
    }
}

/// Refuses a command that the operator has muted (check 12 of R3.1). It is so for a queued command too: the order of checks has
/// it before 100612, which queued commands alone get.
pub(super) fn not_muted(device: &Device, service_id: &str, method: &str) -> Result<(), Error> {
    match Info::read_muted(device)? {
        Some(info) if info.is_muted(service_id, method) => Err(Error::code(Code::CommandMuted)),
        Some(_) | None => Ok(()),
    }
}

impl Misfit {
    /// The error of a command that is created: 100431 or 100022.
    pub(super) fn queued(self) -> Error {
        let code = if self.is_of_service() {
            Code::ServiceUnknown
        } else {
            Code::InvalidInput
        };
        Error::detailed(code, self.detail("command.paras: "))
    }

    /// The error of a direct call: 100444 or 102203.
    pub(super) fn direct(self) -> Error {
        let code = if self.is_of_service() {
            Code::CalledServiceUnknown
        } else {
            Code::CommandNameInvalid
        };
        Error::detailed(code, self.detail("body: "))
    }

    const fn is_of_service(&self) -> bool {
        match self {
            Self::NoModel | Self::Service(_) => true,
            Self::Method(_) | Self::Para(_) => false,
        }
    }

    fn detail(&self, place: &str) -> String {
        match self {
            Self::NoModel => "the device has no profile".to_owned(),
            Self::Service(id) => format!("the device's profile has no service `{id}`"),
            Self::Method(name) => format!("the service has no command `{name}`"),
            Self::Para(fault) => format!("{place}{fault}"),
        }
    }
}

fn raw(map: &Map) -> Box<RawValue> {
    serde_json::value::to_raw_value(map).expect("JSON is JSON")
}
