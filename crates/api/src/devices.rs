//! Change, deletion and query of one device [3.5, 3.6, 4.1].

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::asked::asked;
use crate::fields::{Fields, json_object};
use crate::limits::{DATA_AGING_DAYS, IMSI, NAME, PSK_DIGITS, TEXT};
use crate::query::{Query, QueryWriter};
use crate::registration::{CustomField, Tag, upper_case};
use crate::{Invalid, Secret, Timestamp};

/// What changes about a device [3.5]; what is absent stays. All texts up to 256 characters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ModifyDeviceRequest {
    /// The new name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The end user the device belongs to; the IMSI of an NB-IoT device.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_user: Option<String>,
    /// Frozen: what the device reports is not kept.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "upper_case")]
    pub mute: Option<bool>,
    /// The manufacturer's id, which names the profile together with `model` and `deviceType`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manufacturer_id: Option<String>,
    /// The manufacturer's name, for display.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manufacturer_name: Option<String>,
    /// The type of the device, as in its profile: `WaterMeter`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_type: Option<String>,
    /// The model, as in its profile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Where the device stands, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// How the device speaks: `MQTT`, `CoAP`, `LWM2M`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol_type: Option<String>,
    /// The region the device belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The organisation the device belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
    /// The time zone of the device, such as `Asia/Shanghai`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    /// The IMSI of its card.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub imsi: Option<String>,
    /// What is configured for the device.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_config: Option<DeviceConfig>,
    /// The profile by its id, which must be there: the manufacturer's id and name, the model, the type and the protocol become the profile's
    /// where this request does not tell them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub product_id: Option<String>,
    /// The address of the device, for display.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
    /// Whether the device must use DTLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_secure: Option<bool>,
    /// A new key for DTLS: an even number of hexadecimal digits (R3.9).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub psk: Option<Secret>,
    /// Labels of the device; those given replace the old ones.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
    /// Fields the application adds; those given replace the old ones.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub custom_fields: Vec<CustomField>,
}

impl ModifyDeviceRequest {
    /// Reads the JSON body.
    pub fn from_json(body: &[u8]) -> Result<Self, Invalid> {
        let map = json_object(body)?;
        let fields = Fields::of(&map);
        Ok(Self {
            name: fields.text("name", NAME)?,
            end_user: fields.text("endUser", TEXT)?,
            mute: fields.boolean("mute")?,
            manufacturer_id: fields.text("manufacturerId", TEXT)?,
            manufacturer_name: fields.text("manufacturerName", TEXT)?,
            device_type: fields.text("deviceType", TEXT)?,
            model: fields.text("model", TEXT)?,
            location: fields.text("location", TEXT)?,
            protocol_type: fields.text("protocolType", TEXT)?,
            region: fields.text("region", TEXT)?,
            organization: fields.text("organization", TEXT)?,
            timezone: fields.text("timezone", TEXT)?,
            imsi: fields.text("imsi", IMSI)?,
            device_config: DeviceConfig::read(&fields)?,
            product_id: fields.text("productId", TEXT)?,
            ip: fields.text("ip", TEXT)?,
            is_secure: fields.boolean("isSecure")?,
            psk: fields.hex_key("psk", PSK_DIGITS)?,
            tags: Tag::read_all(&fields)?,
            custom_fields: CustomField::read_all(&fields)?,
        })
    }
}

/// `deviceConfig` of [3.5].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct DeviceConfig {
    /// What is configured about reported data.
    pub data_config: DataConfig,
}

/// `dataConfig` of [3.5].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct DataConfig {
    /// Days that reported data are kept, 0 to 90.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_aging_time: Option<u8>,
}

impl DeviceConfig {
    fn read(fields: &Fields<'_>) -> Result<Option<Self>, Invalid> {
        let Some(config) = fields.object("deviceConfig")? else {
            return Ok(None);
        };
        let config = Fields::at("deviceConfig.", config);
        let Some(data) = config.object("dataConfig")? else {
            return Ok(None);
        };
        let data = Fields::at("deviceConfig.dataConfig.", data);
        let data_aging_time = data.integer("dataAgingTime", DATA_AGING_DAYS, "days")?;
        Ok(Some(Self {
            data_config: DataConfig { data_aging_time },
        }))
    }
}

/// The query of a deletion [3.6].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeleteDeviceQuery {
    /// The owner application; unset means the caller.
    pub app_id: Option<String>,
    /// Whether the devices behind a gateway go with it; the default is true.
    pub cascade: bool,
}

impl Default for DeleteDeviceQuery {
    fn default() -> Self {
        Self {
            app_id: None,
            cascade: true,
        }
    }
}

impl DeleteDeviceQuery {
    /// Reads the query.
    pub fn read(query: &Query) -> Result<Self, Invalid> {
        Ok(Self {
            app_id: query.app_id()?,
            cascade: query.boolean("cascade")?.unwrap_or(true),
        })
    }

    /// Writes the query, without its question mark.
    pub fn to_query(&self) -> String {
        QueryWriter::default()
            .pair("appId", self.app_id.as_ref())
            .pair("cascade", Some(self.cascade))
            .finish()
    }
}

/// The query of a device's information [4.1].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeviceQuery {
    /// The owner application; unset means the caller.
    pub app_id: Option<String>,
    /// `select=imsi`: the answer has the IMSI too. Any other selection is ignored.
    pub select_imsi: bool,
}

impl DeviceQuery {
    /// Reads the query.
    pub fn read(query: &Query) -> Result<Self, Invalid> {
        asked!("", "select", Select);
        let selected = query.first("select").unwrap_or_default();
        let select_imsi = selected
            .split(',')
            .any(|part| part.trim().eq_ignore_ascii_case("imsi"));
        Ok(Self {
            app_id: query.app_id()?,
            select_imsi,
        })
    }

    /// Writes the query, without its question mark.
    pub fn to_query(&self) -> String {
        let select = self.select_imsi.then_some("imsi");
        QueryWriter::default()
            .pair("select", select)
            .pair("appId", self.app_id.as_ref())
            .finish()
    }
}

/// What kind of device it is; a directly connected one is a `GATEWAY` (§15.32).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub enum NodeType {
    /// A device behind a gateway.
    #[serde(rename = "ENDPOINT")]
    Endpoint,
    /// A gateway, or any directly connected device.
    #[serde(rename = "GATEWAY")]
    Gateway,
    /// Not known.
    #[serde(rename = "UNKNOW")]
    Unknown,
}

/// The answer of the device query [4.1].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct DeviceAnswer {
    /// The device.
    #[cfg_attr(feature = "openapi", schemars(extend("format" = "uuid")))]
    pub device_id: String,
    /// Its gateway; a direct device is its own.
    #[cfg_attr(feature = "openapi", schemars(extend("format" = "uuid")))]
    pub gateway_id: String,
    /// Direct device or not.
    pub node_type: NodeType,
    /// The moment of registration.
    #[serde(default)]
    pub create_time: Option<Timestamp>,
    /// Its name in answers of v1.1.0, beside the other one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub creation_time: Option<Timestamp>,
    /// The moment of the last change of its information.
    #[serde(default)]
    pub last_modified_time: Option<Timestamp>,
    /// What is known of it.
    pub device_info: DeviceInfo,
    /// What it reported last, per service; an empty list when nothing.
    #[serde(default)]
    pub services: Vec<DeviceService>,
}

/// Device information, in answers and pushes: texts, explicit nulls for what is unknown [4.1, 8].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct DeviceInfo {
    /// The device's unique mark.
    pub node_id: Option<String>,
    /// Its name.
    pub name: Option<String>,
    /// What it is for, in words.
    pub description: Option<String>,
    /// The manufacturer's id.
    pub manufacturer_id: Option<String>,
    /// The manufacturer's name.
    pub manufacturer_name: Option<String>,
    /// Its MAC address.
    pub mac: Option<String>,
    /// Where it stands, in words.
    pub location: Option<String>,
    /// Its type, as in its profile.
    pub device_type: Option<String>,
    /// Its model, as in its profile.
    pub model: Option<String>,
    /// The version of its software.
    pub sw_version: Option<String>,
    /// The version of its firmware.
    pub fw_version: Option<String>,
    /// The version of its hardware.
    pub hw_version: Option<String>,
    /// How it speaks: `MQTT`, `CoAP`, `LWM2M`.
    pub protocol_type: Option<String>,
    /// The bridge it comes through.
    pub bridge_id: Option<String>,
    /// `ONLINE`, `OFFLINE`, `ABNORMAL` or `INACTIVE`.
    pub status: Option<String>,
    /// More about the status, `NONE` or `NOT_ACTIVE` among others: for display only.
    pub status_detail: Option<String>,
    /// Frozen, `TRUE` or `FALSE`.
    pub mute: Option<String>,
    /// Whether it could speak over DTLS or TLS, `TRUE` or `FALSE`.
    pub supported_security: Option<String>,
    /// Whether it does, `TRUE` or `FALSE`.
    pub is_security: Option<String>,
    /// The strength of its signal.
    pub signal_strength: Option<String>,
    /// The version of its modem.
    pub sig_version: Option<String>,
    /// Its serial number.
    pub serial_number: Option<String>,
    /// The level of its battery.
    pub battery_level: Option<String>,
    /// Whether it is a camera of high definition.
    #[serde(rename = "isHD")]
    pub is_hd: Option<String>,
    /// Only when it was selected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub imsi: Option<String>,
}

/// The latest report of one service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct DeviceService {
    /// The service.
    pub service_id: String,
    /// Its type; null when there is no profile.
    #[serde(default)]
    pub service_type: Option<String>,
    /// Property name to value.
    #[serde(default)]
    pub data: Option<Map<String, Value>>,
    /// When the device measured, or else when the platform heard of it.
    #[serde(default)]
    pub event_time: Option<Timestamp>,
    /// Which commands are muted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_info: Option<ServiceInfo>,
}

/// `serviceInfo` of a service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ServiceInfo {
    /// Commands that may not be sent.
    pub mute_cmds: Vec<String>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_change_reads_what_is_set_and_leaves_the_rest() {
        let body = r#"{"name":"n","mute":"true","imsi":null,"deviceConfig":{"dataConfig":{"dataAgingTime":"90"}},
            "tags":[{"tagName":"t","tagValue":"v","tagType":null}]}"#;
        let request = ModifyDeviceRequest::from_json(body.as_bytes()).unwrap();
        let expected = ModifyDeviceRequest {
            name: Some("n".to_owned()),
            mute: Some(true),
            device_config: Some(DeviceConfig {
                data_config: DataConfig {
                    data_aging_time: Some(90),
                },
            }),
            tags: vec![Tag {
                tag_name: "t".to_owned(),
                tag_value: "v".to_owned(),
                tag_type: None,
            }],
            ..Default::default()
        };
        assert_eq!(request, expected);
        let written = serde_json::to_string(&request).unwrap();
        assert!(written.contains(r#""mute":"TRUE""#));
        assert_eq!(
            ModifyDeviceRequest::from_json(written.as_bytes()).unwrap(),
            expected
        );
        assert_eq!(
            ModifyDeviceRequest::from_json(b"{}").unwrap(),
            ModifyDeviceRequest::default()
        );
    }

    #[test]
    fn every_bound_of_a_change_holds() {
        for (member, text) in [
            (json!({"name": ""}), "`name` must have 1 to 256 characters"),
            (json!({"mute": "maybe"}), "`mute` must be true or false"),
            (
                json!({"model": "a".repeat(257)}),
                "`model` must have at most 256 characters",
            ),
            (
                json!({"imsi": "a".repeat(65)}),
                "`imsi` must have 1 to 64 characters",
            ),
            (
                json!({"deviceConfig": {"dataConfig": {"dataAgingTime": 91}}}),
                "`deviceConfig.dataConfig.dataAgingTime` must be an integer from 0 to 90 days",
            ),
            (
                json!({"tags": [{"tagName": "t"}]}),
                "`tags.tagValue` is required",
            ),
            (
                json!({"tags": vec![json!({}); 65]}),
                "`tags` must have at most 64 items",
            ),
            (
                json!({"isSecure": "maybe"}),
                "`isSecure` must be true or false",
            ),
        ] {
            let error = ModifyDeviceRequest::from_json(member.to_string().as_bytes()).unwrap_err();
            assert_eq!(error.to_string(), text);
        }
    }

    #[test]
    fn a_deletion_takes_the_children_along_unless_told_otherwise() {
        let read = |raw: &str| DeleteDeviceQuery::read(&Query::parse(raw));
        assert!(read("").unwrap().cascade);
        assert!(read("cascade=TRUE").unwrap().cascade);
        assert!(!read("cascade=false&appId=a").unwrap().cascade);
        assert_eq!(
            read("cascade=2").unwrap_err().to_string(),
            "`cascade` must be true or false"
        );
        let query = DeleteDeviceQuery {
            app_id: Some("a b".to_owned()),
            cascade: false,
        };
        assert_eq!(query.to_query(), "appId=a%20b&cascade=false");
        assert_eq!(read(&query.to_query()).unwrap(), query);
    }

    #[test]
    fn the_device_query_selects_the_imsi_and_ignores_other_selections() {
        let read = |raw: &str| DeviceQuery::read(&Query::parse(raw)).unwrap();
        assert!(read("select=IMSI&appId=a").select_imsi);
        assert!(!read("select=tag").select_imsi);
        let query = DeviceQuery {
            app_id: None,
            select_imsi: true,
        };
        assert_eq!(query.to_query(), "select=imsi");
        assert_eq!(read("select=imsi"), query);
    }

    #[test]
    fn unknown_device_information_is_an_explicit_null() {
        let info = DeviceInfo {
            node_id: Some("n".to_owned()),
            ..Default::default()
        };
        assert_eq!(
            serde_json::to_string(&info).unwrap(),
            r#"{"nodeId":"n","name":null,"description":null,"manufacturerId":null,"manufacturerName":null,"mac":null,"location":null,"deviceType":null,"model":null,"swVersion":null,"fwVersion":null,"hwVersion":null,"protocolType":null,"bridgeId":null,"status":null,"statusDetail":null,"mute":null,"supportedSecurity":null,"isSecurity":null,"signalStrength":null,"sigVersion":null,"serialNumber":null,"batteryLevel":null,"isHD":null}"#
        );
    }

    #[test]
    fn the_device_answer_reads_back_as_written() {
        let answer = DeviceAnswer {
            device_id: "d".to_owned(),
            gateway_id: "d".to_owned(),
            node_type: NodeType::Gateway,
            create_time: Some(Timestamp::from_unix_millis(0)),
            creation_time: None,
            last_modified_time: None,
            device_info: DeviceInfo::default(),
            services: vec![DeviceService {
                service_id: "Light".to_owned(),
                service_type: None,
                data: json!({"on": 1}).as_object().cloned(),
                event_time: Some(Timestamp::from_unix_millis(0)),
                service_info: Some(ServiceInfo::default()),
            }],
        };
        let text = serde_json::to_string(&answer).unwrap();
        assert!(text.starts_with(
            r#"{"deviceId":"d","gatewayId":"d","nodeType":"GATEWAY","createTime":"19700101T000000Z","lastModifiedTime":null,"deviceInfo":{"#
        ));
        assert!(text.ends_with(
            r#""services":[{"serviceId":"Light","serviceType":null,"data":{"on":1},"eventTime":"19700101T000000Z","serviceInfo":{"muteCmds":[]}}]}"#
        ));
        assert_eq!(serde_json::from_str::<DeviceAnswer>(&text).unwrap(), answer);
    }
}
