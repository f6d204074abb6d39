//! The topics of native MQTT devices as types, and what a device may do with them.
//!
//! ```text
//! /huawei/v1/devices/{id}/command/json     platform → device, subscribed by the device
//! /huawei/v1/devices/{id}/data/json        device → platform, reports and answers
//!                        …/binary          recognised, and refused until binary payloads are supported
//! ```
//!
//! `{id}` is the deviceId or the nodeId, as in the device's client id. A device may touch its own topics only, and a filter
//! must be its command topic to the letter: wildcards and shared subscriptions are refused.

const PREFIX: &str = "/huawei/v1/devices/";
const COMMAND_JSON: &str = "/command/json";
const DATA_JSON: &str = "/data/json";

/// How the payloads of a topic are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// JSON text.
    Json,
    /// Bytes for the product's codec.
    Binary,
}

/// What a topic name, or a filter without wildcards, stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic<'a> {
    /// Commands for the device `id`.
    Command {
        /// The deviceId or nodeId.
        id: &'a str,
        /// How payloads are written.
        encoding: Encoding,
    },
    /// Reports and answers of the device `id`.
    Data {
        /// The deviceId or nodeId.
        id: &'a str,
        /// How payloads are written.
        encoding: Encoding,
    },
    /// No topic of a native device.
    Foreign,
}

impl<'a> Topic<'a> {
    /// Reads a topic. Anything that is not exactly one of the four forms, wildcards included, is [`Topic::Foreign`].
    pub fn parse(topic: &'a str) -> Self {
        let Some((id, rest)) = topic
            .strip_prefix(PREFIX)
            .and_then(|rest| rest.split_once('/'))
        else {
            return Self::Foreign;
        };
        if id.is_empty() || id.contains(['+', '#', '\0']) {
            return Self::Foreign;
        }
        match rest {
            "command/json" => Self::Command {
                id,
                encoding: Encoding::Json,
            },
            "command/binary" => Self::Command {
                id,
                encoding: Encoding::Binary,
            },
            "data/json" => Self::Data {
                id,
                encoding: Encoding::Json,
            },
            "data/binary" => Self::Data {
                id,
                encoding: Encoding::Binary,
            },
            _ => Self::Foreign,
        }
    }
}

/// The topic on which a device called `id` receives JSON commands.
pub fn command_json(id: &str) -> String {
    [PREFIX, id, COMMAND_JSON].concat()
}

/// The topic on which a device called `id` sends JSON reports and answers.
pub fn data_json(id: &str) -> String {
    [PREFIX, id, DATA_JSON].concat()
}

/// The parts of [`command_json`], for writing it without building it.
pub(crate) fn command_json_parts(id: &str) -> [&str; 3] {
    [PREFIX, id, COMMAND_JSON]
}

/// Which topics a session may touch: those of the names that its device goes by. The server states it in
/// [`Session::accept`](crate::Session::accept).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    names: [Option<Box<str>>; 2],
}

impl Access {
    /// The topics of the device called `id`, the id of the client id.
    pub fn device(id: &str) -> Self {
        Self {
            names: [Some(id.into()), None],
        }
    }

    /// The same device under its other name too (the deviceId of one that came as nodeId, or the reverse).
    #[must_use]
    pub fn or(mut self, id: &str) -> Self {
        if self.names[0].as_deref() != Some(id) {
            self.names[1] = Some(id.into());
        }
        self
    }

    /// The name in `slot`, 0 being the one the device connected with.
    pub(crate) fn name(&self, slot: usize) -> Option<&str> {
        self.names.get(slot).and_then(|name| name.as_deref())
    }

    fn slot(&self, id: &str) -> Option<usize> {
        self.names
            .iter()
            .position(|name| name.as_deref() == Some(id))
    }

    /// Whether the device may publish on `topic`.
    pub(crate) fn publish(&self, topic: &str) -> Result<(), PublishRefusal> {
        match Topic::parse(topic) {
            Topic::Data { id, encoding } if self.slot(id).is_some() => match encoding {
                Encoding::Json => Ok(()),
                Encoding::Binary => Err(PublishRefusal::Binary),
            },
            Topic::Data { .. } | Topic::Command { .. } | Topic::Foreign => {
                Err(PublishRefusal::Foreign)
            }
        }
    }

    /// Which of the device's command topics `filter` is.
    pub(crate) fn subscribe(&self, filter: &str) -> Result<usize, FilterRefusal> {
        if filter.is_empty() || filter.contains('\0') {
            return Err(FilterRefusal::Invalid);
        }
        if filter.starts_with("$share/") {
            return Err(FilterRefusal::Shared);
        }
        if filter.contains(['+', '#']) {
            return Err(FilterRefusal::Wildcard);
        }
        match Topic::parse(filter) {
            Topic::Command { id, encoding } => match (self.slot(id), encoding) {
                (Some(slot), Encoding::Json) => Ok(slot),
                (Some(_), Encoding::Binary) => Err(FilterRefusal::Invalid),
                (None, Encoding::Json | Encoding::Binary) => Err(FilterRefusal::Foreign),
            },
            Topic::Data { .. } | Topic::Foreign => Err(FilterRefusal::Foreign),
        }
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        self.names.iter().flatten().map(|name| name.len()).sum()
    }
}

/// Why a PUBLISH was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PublishRefusal {
    /// Not a data topic of this device.
    Foreign,
    /// Its binary data topic.
    Binary,
}

/// Why a filter of a SUBSCRIBE was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FilterRefusal {
    /// Not a command topic of this device.
    Foreign,
    /// Empty, or the device's binary command topic: not allowed for this client.
    Invalid,
    /// A shared subscription.
    Shared,
    /// A filter with wildcards.
    Wildcard,
}

impl FilterRefusal {
    /// The MQTT 5 reason code in the SUBACK (MQTT 5, 3.9.3).
    pub(crate) fn reason(self) -> u8 {
        match self {
            Self::Foreign => 0x87,
            Self::Invalid => 0x8F,
            Self::Shared => 0x9E,
            Self::Wildcard => 0xA2,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_four_topics_of_a_device_are_recognised() {
        let command = Topic::Command {
            id: "d_1",
            encoding: Encoding::Json,
        };
        assert_eq!(Topic::parse("/huawei/v1/devices/d_1/command/json"), command);
        let data = Topic::Data {
            id: "d_1",
            encoding: Encoding::Binary,
        };
        assert_eq!(Topic::parse("/huawei/v1/devices/d_1/data/binary"), data);
        assert_eq!(Topic::parse(&command_json("d_1")), command);
        assert_eq!(
            Topic::parse(&data_json("x")),
            Topic::Data {
                id: "x",
                encoding: Encoding::Json
            }
        );
        assert_eq!(command_json("x"), command_json_parts("x").concat());
    }

    #[test]
    fn what_only_resembles_a_topic_is_foreign() {
        for topic in [
            "",
            "/",
            "huawei/v1/devices/d/command/json",
            "/huawei/v1/devices//command/json",
            "/huawei/v1/devices/d/command/json/",
            "/huawei/v1/devices/d/command/xml",
            "/huawei/v1/devices/d/e/command/json",
            "/huawei/v1/devices/+/command/json",
            "/huawei/v1/devices/d#/command/json",
            "/HUAWEI/v1/devices/d/command/json",
            "/huawei/v1/devices/d",
        ] {
            assert_eq!(Topic::parse(topic), Topic::Foreign, "{topic}");
        }
    }

    #[test]
    fn a_device_touches_its_own_topics_only_under_both_of_its_names() {
        let access = Access::device("node").or("dev");
        assert_eq!(access.subscribe(&command_json("node")), Ok(0));
        assert_eq!(access.subscribe(&command_json("dev")), Ok(1));
        assert_eq!(
            access.subscribe(&command_json("other")),
            Err(FilterRefusal::Foreign)
        );
        assert_eq!(
            access.subscribe(&data_json("node")),
            Err(FilterRefusal::Foreign)
        );
        assert_eq!(
            access.subscribe("/huawei/v1/devices/node/command/binary"),
            Err(FilterRefusal::Invalid)
        );
        assert_eq!(
            access.subscribe("/huawei/v1/devices/node/command/+"),
            Err(FilterRefusal::Wildcard)
        );
        assert_eq!(access.subscribe("#"), Err(FilterRefusal::Wildcard));
        assert_eq!(access.subscribe("$share/g/t"), Err(FilterRefusal::Shared));
        assert_eq!(access.subscribe(""), Err(FilterRefusal::Invalid));
        assert_eq!(access.publish(&data_json("dev")), Ok(()));
        assert_eq!(
            access.publish(&data_json("other")),
            Err(PublishRefusal::Foreign)
        );
        assert_eq!(
            access.publish(&command_json("dev")),
            Err(PublishRefusal::Foreign)
        );
        assert_eq!(
            access.publish("/huawei/v1/devices/dev/data/binary"),
            Err(PublishRefusal::Binary)
        );
        assert_eq!(access.name(0), Some("node"));
        assert_eq!(Access::device("same").or("same").name(1), None);
    }
}
