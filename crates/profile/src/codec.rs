//! The JSON on either side of a codec (`southbound.md` §2 and §5): commands to devices, reports and answers from them.
//!
//! Devices with the json topics speak it on the wire; for the others it stands between the platform and their codec. It
//! needs no profile. What a device sends is read strictly in its shape and leniently in its spelling (`mid` as a string,
//! `hasMore` as a number or a truth value). A fault never panics and never guesses: an answer is believed only as far as
//! its members are whole.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use crate::Map;
use crate::limits;
use crate::number;
use crate::text::{cut, deeper_than, longer_than};

/// A command on its way to a device, message `cloudReq`.
///
/// `paras` is a [`Map`], or anything else that serialises to a JSON object, such as the text that was stored.
#[derive(Clone, Copy, Debug)]
pub struct CloudReq<'a, P: ?Sized = Map> {
    /// The service as the device calls it.
    pub service_id: &'a str,
    /// The command's name.
    pub cmd: &'a str,
    /// The parameters, an object.
    pub paras: &'a P,
    /// Ties the answer to the command: 1 to 65535.
    pub mid: u16,
    /// Further commands follow at once, so the device should stay awake.
    pub has_more: bool,
}

/// Why a command has no message. It fails before a byte leaves (ruling 1.14).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EncodeError {
    /// The message would have this many bytes, more than [`limits::MESSAGE_BYTES_MAX`].
    TooLong(usize),
    /// The parameters do not serialise; a [`Map`] always does.
    Paras(String),
}

/// A message from a device.
#[derive(Clone, Debug, PartialEq)]
pub enum DeviceMessage {
    /// `deviceReq`: the device reports data.
    Report {
        /// What it reports, in its order.
        items: Vec<ReportItem>,
        /// Further reports follow.
        has_more: bool,
    },
    /// `deviceRsp`: the answer to a command.
    Answer {
        /// The command's `mid`, 1 to 65535.
        mid: u16,
        /// 0 is success, anything else failure.
        errcode: i64,
        /// The answer's members.
        body: Option<Map>,
        /// Further messages follow.
        has_more: bool,
    },
}

/// Data of one service within a report.
#[derive(Clone, Debug, PartialEq)]
pub struct ReportItem {
    /// The service as the device calls it, 1 to 64 characters.
    pub service_id: String,
    /// The properties reported.
    pub service_data: Map,
    /// When it happened, as the device writes it: meant to be `yyyyMMddTHHmmssZ`, unchecked, at most 64 characters.
    pub event_time: Option<String>,
}

/// Why a message from a device was not understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// It is an answer to the command with this `mid`, and nothing more is certain: the command has failed (ruling 1.7).
    Answer {
        /// The command's `mid`, 1 to 65535.
        mid: u16,
        /// What is wrong with the rest.
        problem: Problem,
    },
    /// It concerns no command that could be named.
    Message(Problem),
}

/// What is wrong with a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// It has this many bytes, more than [`limits::MESSAGE_BYTES_MAX`].
    TooLong(usize),
    /// Its arrays and objects nest deeper than [`limits::NESTING_MAX`].
    TooDeep,
    /// It is no JSON object; the reader's words, which repeat nothing of the message.
    NotJson(String),
    /// Its `msgType` is neither `deviceReq` nor `deviceRsp`.
    Type(String),
    /// This member is missing or null.
    Missing(&'static str),
    /// This member is not what it must be.
    Wrong {
        /// The member.
        member: &'static str,
        /// What it must be.
        must_be: &'static str,
    },
    /// The report has this many items, more than [`limits::REPORT_ITEMS_MAX`].
    TooManyItems(usize),
    /// Something is wrong with one item of the report.
    Item {
        /// Its place in `data`, from 0.
        index: usize,
        /// What it is.
        problem: Box<Problem>,
    },
}

impl<P: Serialize + ?Sized> CloudReq<'_, P> {
    /// The message as compact JSON, its members in the order of the vendor's documents.
    pub fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Wire<'a, P: ?Sized> {
            msg_type: &'static str,
            service_id: &'a str,
            cmd: &'a str,
            paras: &'a P,
            mid: u16,
            has_more: u8,
        }
        let wire = Wire {
            msg_type: "cloudReq",
            service_id: self.service_id,
            cmd: self.cmd,
            paras: self.paras,
            mid: self.mid,
            has_more: u8::from(self.has_more),
        };
        let message =
            serde_json::to_vec(&wire).map_err(|error| EncodeError::Paras(error.to_string()))?;
        if message.len() > limits::MESSAGE_BYTES_MAX {
            return Err(EncodeError::TooLong(message.len()));
        }
        Ok(message)
    }
}

/// Reads a message from a device: one JSON object of at most [`limits::MESSAGE_BYTES_MAX`] bytes.
///
/// A report is taken whole or not at all. Unknown members are passed over, null is absent, and a member of ours that
/// comes twice is refused.
pub fn decode(message: &[u8]) -> Result<DeviceMessage, DecodeError> {
    let (envelope, problem) = Envelope::read(message);
    match (envelope.kind(), problem) {
        (Ok(Kind::Answer), problem) => {
            let mid = envelope
                .mid()
                .map_err(|fault| DecodeError::Message(problem.clone().unwrap_or(fault)))?;
            let answer = problem.map_or_else(|| envelope.answer(mid), Err);
            answer.map_err(|problem| DecodeError::Answer { mid, problem })
        }
        (Ok(Kind::Report) | Err(_), Some(problem)) | (Err(problem), None) => {
            Err(DecodeError::Message(problem))
        }
        (Ok(Kind::Report), None) => envelope.report().map_err(DecodeError::Message),
    }
}

enum Kind {
    Report,
    Answer,
}

/// The members of a message, still as text: a fault in one leaves the others readable.
#[derive(Default)]
struct Envelope<'a> {
    msg_type: Option<&'a RawValue>,
    mid: Option<&'a RawValue>,
    errcode: Option<&'a RawValue>,
    has_more: Option<&'a RawValue>,
    body: Option<&'a RawValue>,
    data: Option<&'a RawValue>,
}

impl<'a> Envelope<'a> {
    /// Reads the members as far as the text is whole; the problem is with the rest.
    fn read(message: &'a [u8]) -> (Self, Option<Problem>) {
        let mut envelope = Self::default();
        if message.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'{') {
            return (envelope, Some(Problem::NotJson("no object".to_owned())));
        }
        let head = message.get(..limits::MESSAGE_BYTES_MAX).unwrap_or(message);
        let mut reader = serde_json::Deserializer::from_slice(head);
        let read = Members(&mut envelope)
            .deserialize(&mut reader)
            .and_then(|()| reader.end());
        let problem = if message.len() > limits::MESSAGE_BYTES_MAX {
            Some(Problem::TooLong(message.len()))
        } else if let Err(error) = read {
            Some(Problem::NotJson(error.to_string()))
        } else {
            deeper_than(message, limits::NESTING_MAX).then_some(Problem::TooDeep)
        };
        (envelope, problem)
    }

    fn kind(&self) -> Result<Kind, Problem> {
        let raw = self.msg_type.ok_or(Problem::Missing("msgType"))?;
        let name = string(raw).ok_or(Problem::Wrong {
            member: "msgType",
            must_be: "a string",
        })?;
        match name.as_ref() {
            "deviceReq" => Ok(Kind::Report),
            "deviceRsp" => Ok(Kind::Answer),
            other => Err(Problem::Type(cut(other))),
        }
    }

    fn mid(&self) -> Result<u16, Problem> {
        let raw = self.mid.ok_or(Problem::Missing("mid"))?;
        let mid = integer(raw)
            .and_then(|mid| u16::try_from(mid).ok())
            .filter(|mid| *mid > 0);
        mid.ok_or(Problem::Wrong {
            member: "mid",
            must_be: "a whole number from 1 to 65535",
        })
    }

    fn answer(&self, mid: u16) -> Result<DeviceMessage, Problem> {
        let errcode = self.errcode.ok_or(Problem::Missing("errcode"))?;
        let errcode = integer(errcode).ok_or(Problem::Wrong {
            member: "errcode",
            must_be: "a whole number",
        })?;
        let body = self.body.map(|raw| object(raw, "body")).transpose()?;
        Ok(DeviceMessage::Answer {
            mid,
            errcode,
            body,
            has_more: self.has_more()?,
        })
    }

    fn report(&self) -> Result<DeviceMessage, Problem> {
        let raw = self.data.ok_or(Problem::Missing("data"))?;
        let wrong = Problem::Wrong {
            member: "data",
            must_be: "an array",
        };
        let entries: Vec<&RawValue> = serde_json::from_str(raw.get()).map_err(|_| wrong)?;
        if entries.len() > limits::REPORT_ITEMS_MAX {
            return Err(Problem::TooManyItems(entries.len()));
        }
        let numbered = entries.into_iter().enumerate();
        let items = numbered.map(|(index, entry)| {
            item(entry).map_err(|problem| Problem::Item {
                index,
                problem: Box::new(problem),
            })
        });
        Ok(DeviceMessage::Report {
            items: items.collect::<Result<_, _>>()?,
            has_more: self.has_more()?,
        })
    }

    fn has_more(&self) -> Result<bool, Problem> {
        let Some(raw) = self.has_more else {
            return Ok(false);
        };
        match string(raw).as_deref().unwrap_or(raw.get()) {
            "true" => Ok(true),
            "false" | "" => Ok(false),
            text => number::integer_text(text)
                .map(|more| more != 0)
                .ok_or(Problem::Wrong {
                    member: "hasMore",
                    must_be: "0 or 1",
                }),
        }
    }
}

fn item(entry: &RawValue) -> Result<ReportItem, Problem> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Item<'a> {
        #[serde(borrow)]
        service_id: Option<&'a RawValue>,
        #[serde(borrow)]
        service_data: Option<&'a RawValue>,
        #[serde(borrow)]
        event_time: Option<&'a RawValue>,
    }
    if !entry.get().starts_with('{') {
        return Err(Problem::NotJson("no object".to_owned()));
    }
    let item: Item<'_> =
        serde_json::from_str(entry.get()).map_err(|error| Problem::NotJson(error.to_string()))?;
    let service_id = item.service_id.ok_or(Problem::Missing("serviceId"))?;
    let service_id = string(service_id)
        .filter(|id| !id.is_empty() && !longer_than(id, limits::SERVICE_ID_CHARS_MAX))
        .ok_or(Problem::Wrong {
            member: "serviceId",
            must_be: "a string of 1 to 64 characters",
        })?;
    let service_data = item.service_data.ok_or(Problem::Missing("serviceData"))?;
    let event_time = item.event_time.map(|raw| {
        string(raw)
            .filter(|time| !longer_than(time, limits::EVENT_TIME_CHARS_MAX))
            .map(Cow::into_owned)
            .ok_or(Problem::Wrong {
                member: "eventTime",
                must_be: "a string of at most 64 characters",
            })
    });
    Ok(ReportItem {
        service_id: service_id.into_owned(),
        service_data: object(service_data, "serviceData")?,
        event_time: event_time.transpose()?,
    })
}

fn object(raw: &RawValue, member: &'static str) -> Result<Map, Problem> {
    serde_json::from_str(raw.get()).map_err(|_| Problem::Wrong {
        member,
        must_be: "an object",
    })
}

/// The text of a string; borrowed unless it holds escapes.
fn string(raw: &RawValue) -> Option<Cow<'_, str>> {
    let inner = raw.get().strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') {
        return serde_json::from_str(raw.get()).ok().map(Cow::Owned);
    }
    Some(Cow::Borrowed(inner))
}

/// The whole number that is meant: 12, 12.0, "12".
fn integer(raw: &RawValue) -> Option<i64> {
    number::integer_text(string(raw).as_deref().unwrap_or(raw.get()))
}

/// Fills an envelope member by member, so that what was read before a fault stays.
struct Members<'e, 'a>(&'e mut Envelope<'a>);

#[derive(Clone, Copy, Deserialize)]
#[serde(field_identifier, rename_all = "camelCase")]
enum Member {
    MsgType,
    Mid,
    Errcode,
    HasMore,
    Body,
    Data,
    #[serde(other)]
    Other,
}

impl<'de> DeserializeSeed<'de> for Members<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Members<'_, 'de> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let mut next: Option<Member> = members.next_key()?;
        while let Some(member) = next {
            let slot = match member {
                Member::MsgType => &mut self.0.msg_type,
                Member::Mid => &mut self.0.mid,
                Member::Errcode => &mut self.0.errcode,
                Member::HasMore => &mut self.0.has_more,
                Member::Body => &mut self.0.body,
                Member::Data => &mut self.0.data,
                Member::Other => {
                    members.next_value::<IgnoredAny>()?;
                    next = members.next_key()?;
                    continue;
                }
            };
            let value: Option<&'de RawValue> = members.next_value()?;
            // Only what follows proves that the value is whole: a message cut within 1234 must not be an answer to 12.
            next = members.next_key()?;
            if slot.is_some() {
                *slot = None;
                return Err(A::Error::custom("a member comes twice"));
            }
            *slot = value;
        }
        Ok(())
    }
}

impl fmt::Display for EncodeError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong(bytes) => {
                write!(
                    out,
                    "the message has {bytes} bytes, more than {}",
                    limits::MESSAGE_BYTES_MAX
                )
            }
            Self::Paras(why) => write!(out, "the parameters do not serialise: {why}"),
        }
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answer { mid, problem } => write!(out, "answer to mid {mid}: {problem}"),
            Self::Message(problem) => problem.fmt(out),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong(bytes) => write!(
                out,
                "{bytes} bytes, more than {}",
                limits::MESSAGE_BYTES_MAX
            ),
            Self::TooDeep => write!(out, "nested deeper than {} levels", limits::NESTING_MAX),
            Self::NotJson(why) => write!(out, "not a JSON object: {why}"),
            Self::Type(found) => {
                write!(out, "msgType `{found}` is neither deviceReq nor deviceRsp")
            }
            Self::Missing(member) => write!(out, "`{member}` is missing"),
            Self::Wrong { member, must_be } => write!(out, "`{member}` must be {must_be}"),
            Self::TooManyItems(count) => {
                write!(out, "{count} items, more than {}", limits::REPORT_ITEMS_MAX)
            }
            Self::Item { index, problem } => write!(out, "data[{index}]: {problem}"),
        }
    }
}

impl std::error::Error for EncodeError {}
impl std::error::Error for DecodeError {}
impl std::error::Error for Problem {}
