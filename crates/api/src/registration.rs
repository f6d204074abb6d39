//! Registration of devices, in both modes, and the query of their activation [3.1, 3.2, 3.4].

use serde::{Deserialize, Serialize, Serializer};

use crate::fields::{Fields, json_object};
use crate::limits::{DESCRIPTION, IMSI, INTEGER, ITEMS_MAX, PSK_DIGITS, SECRET_DIGITS, TEXT};
use crate::{Invalid, Secret};

/// Seconds a device has for its first contact when the request names none (§15.10).
pub const BIND_TIMEOUT_DEFAULT_SECONDS: u32 = 180;

/// What a registration tells of the device beyond its mark [3.1, 3.2]; all texts up to 256 characters, `description` up to 2048.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct NewDeviceInfo {
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
    /// How the device speaks: `MQTT`, `CoAP`, `LWM2M`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol_type: Option<String>,
    /// A name for display.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What the device is for, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Where the device stands, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// The region the device belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The time zone of the device, such as `Asia/Shanghai`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    /// Frozen: what the device reports is not kept.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "upper_case")]
    pub mute: Option<bool>,
    /// Whether the device speaks over DTLS or TLS.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "upper_case")]
    pub is_security: Option<bool>,
    /// Whether the device could.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "upper_case")]
    pub supported_security: Option<bool>,
}

impl NewDeviceInfo {
    fn read(fields: &Fields<'_>) -> Result<Self, Invalid> {
        Ok(Self {
            manufacturer_id: fields.text("manufacturerId", TEXT)?,
            manufacturer_name: fields.text("manufacturerName", TEXT)?,
            device_type: fields.text("deviceType", TEXT)?,
            model: fields.text("model", TEXT)?,
            protocol_type: fields.text("protocolType", TEXT)?,
            name: fields.text("name", TEXT)?,
            description: fields.text("description", DESCRIPTION)?,
            location: fields.text("location", TEXT)?,
            region: fields.text("region", TEXT)?,
            timezone: fields.text("timezone", TEXT)?,
            mute: fields.boolean("mute")?,
            is_security: fields.boolean("isSecurity")?,
            supported_security: fields.boolean("supportedSecurity")?,
        })
    }
}

/// A field an application adds to a device [3.1, 3.5]; all texts up to 256 characters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct CustomField {
    /// The name of the field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field_name: Option<String>,
    /// Its type, in the application's own words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field_type: Option<String>,
    /// Its value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field_value: Option<String>,
}

impl CustomField {
    pub(crate) fn read_all(fields: &Fields<'_>) -> Result<Vec<Self>, Invalid> {
        let maps = fields.objects("customFields", ITEMS_MAX)?;
        let read = |map| {
            let fields = Fields::at("customFields.", map);
            Ok(Self {
                field_name: fields.text("fieldName", TEXT)?,
                field_type: fields.text("fieldType", TEXT)?,
                field_value: fields.text("fieldValue", TEXT)?,
            })
        };
        maps.into_iter().map(read).collect()
    }
}

/// A label of a device [3.5].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Tag {
    /// The name of the label.
    pub tag_name: String,
    /// Its value.
    pub tag_value: String,
    /// An undocumented number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag_type: Option<u32>,
}

impl Tag {
    pub(crate) fn read_all(fields: &Fields<'_>) -> Result<Vec<Self>, Invalid> {
        let maps = fields.objects("tags", ITEMS_MAX)?;
        let read = |map| {
            let fields = Fields::at("tags.", map);
            Ok(Self {
                tag_name: fields.required_text("tagName", TEXT)?,
                tag_value: fields.required_text("tagValue", TEXT)?,
                tag_type: fields.integer("tagType", INTEGER, "")?,
            })
        };
        maps.into_iter().map(read).collect()
    }
}

/// Registration with a verification code [3.1].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct RegisterRequest {
    /// The code the device shows at first contact, up to 256 characters; generated when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verify_code: Option<Secret>,
    /// The device's unique mark (IMEI, MAC, serial number), 1 to 256 characters.
    pub node_id: String,
    /// Up to 256 characters; the IMSI of an NB-IoT device.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_user_id: Option<String>,
    /// An even number of hexadecimal digits, 8 to 32 (R3.9); generated when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub psk: Option<Secret>,
    /// Seconds for the first contact, 0 = without end, absent = 180.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(extend("default" = BIND_TIMEOUT_DEFAULT_SECONDS)))]
    pub timeout: Option<u32>,
    /// Whether the device must use DTLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(extend("default" = false)))]
    pub is_secure: Option<bool>,
    /// 1 to 64 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub imsi: Option<String>,
    /// The profile by its id, up to 256 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub product_id: Option<String>,
    /// The profile by manufacturer, model and type, and more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_info: Option<NewDeviceInfo>,
    /// The name in the requests of old clients, up to 256 characters; `device_info.name` goes first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_name: Option<String>,
    /// Fields the application adds, at most 64.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub custom_fields: Vec<CustomField>,
}

impl RegisterRequest {
    /// Reads the JSON body.
    pub fn from_json(body: &[u8]) -> Result<Self, Invalid> {
        let map = json_object(body)?;
        let fields = Fields::of(&map);
        let device_info = fields
            .object("deviceInfo")?
            .map(|map| NewDeviceInfo::read(&Fields::at("deviceInfo.", map)));
        Ok(Self {
            verify_code: fields.secret("verifyCode", TEXT)?,
            node_id: fields.required_text("nodeId", TEXT)?,
            end_user_id: fields.text("endUserId", TEXT)?,
            psk: fields.hex_key("psk", PSK_DIGITS)?,
            timeout: fields.integer("timeout", INTEGER, "seconds")?,
            is_secure: fields.boolean("isSecure")?,
            imsi: fields.text("imsi", IMSI)?,
            product_id: fields.text("productId", TEXT)?,
            device_info: device_info.transpose()?,
            device_name: fields.text("deviceName", TEXT)?,
            custom_fields: CustomField::read_all(&fields)?,
        })
    }
}

/// The answer to a registration with a verification code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct RegisterAnswer {
    /// The new device, in UUID form.
    #[cfg_attr(feature = "openapi", schemars(extend("format" = "uuid")))]
    pub device_id: String,
    /// The code of the request, or the one generated.
    pub verify_code: Secret,
    /// Seconds for the first contact.
    #[cfg_attr(feature = "openapi", schemars(extend("x-unit" = "seconds")))]
    pub timeout: u32,
    /// The key of the request, or the one generated.
    #[cfg_attr(feature = "openapi", schemars(regex(pattern = r"^[0-9A-Fa-f]{8,32}$")))]
    pub psk: Secret,
}

/// Registration with a secret, for MQTT devices [3.2].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RegisterWithSecretRequest {
    /// The device's unique mark, 1 to 256 characters; within `deviceInfo` on the wire.
    pub node_id: String,
    /// The rest of `deviceInfo`.
    pub device_info: NewDeviceInfo,
    /// Up to 256 characters.
    pub end_user_id: Option<String>,
    /// Up to 256 characters.
    pub organization: Option<String>,
    /// Up to 256 characters.
    pub region: Option<String>,
    /// Up to 256 characters.
    pub timezone: Option<String>,
    /// True for one secret per device; false for the old mode, in which the device fetches it.
    pub mqtt_connect: Option<bool>,
    /// The profile by its id, up to 256 characters.
    pub product_id: Option<String>,
    /// 20 hexadecimal digits; generated when absent.
    pub secret: Option<Secret>,
}

impl RegisterWithSecretRequest {
    /// Reads the JSON body.
    pub fn from_json(body: &[u8]) -> Result<Self, Invalid> {
        let map = json_object(body)?;
        let fields = Fields::of(&map);
        let info = Fields::at("deviceInfo.", fields.required_object("deviceInfo")?);
        Ok(Self {
            node_id: info.required_text("nodeId", TEXT)?,
            device_info: NewDeviceInfo::read(&info)?,
            end_user_id: fields.text("endUserId", TEXT)?,
            organization: fields.text("organization", TEXT)?,
            region: fields.text("region", TEXT)?,
            timezone: fields.text("timezone", TEXT)?,
            mqtt_connect: fields.boolean("mqttConnect")?,
            product_id: fields.text("productId", TEXT)?,
            secret: fields.hex_key("secret", SECRET_DIGITS)?,
        })
    }
}

impl Serialize for RegisterWithSecretRequest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let wire = SecretModeWire {
            device_info: SecretModeInfo {
                node_id: &self.node_id,
                rest: &self.device_info,
            },
            end_user_id: self.end_user_id.as_deref(),
            organization: self.organization.as_deref(),
            region: self.region.as_deref(),
            timezone: self.timezone.as_deref(),
            mqtt_connect: self.mqtt_connect,
            product_id: self.product_id.as_deref(),
            secret: self.secret.as_ref(),
        };
        wire.serialize(serializer)
    }
}

#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "openapi", schemars(rename = "RegisterWithSecretRequest"))]
#[serde(rename_all = "camelCase")]
/// Registration with a secret, for MQTT devices [3.2].
pub(crate) struct SecretModeWire<'a> {
    /// What is told of the device, its mark included.
    device_info: SecretModeInfo<'a>,
    /// The end user the device belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    end_user_id: Option<&'a str>,
    /// The organisation the device belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    organization: Option<&'a str>,
    /// The region the device belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<&'a str>,
    /// The time zone of the device, such as `Asia/Shanghai`.
    #[serde(skip_serializing_if = "Option::is_none")]
    timezone: Option<&'a str>,
    /// True for one secret per device; false for the old mode, in which the device fetches it.
    #[serde(skip_serializing_if = "Option::is_none")]
    mqtt_connect: Option<bool>,
    /// The profile by its id.
    #[serde(skip_serializing_if = "Option::is_none")]
    product_id: Option<&'a str>,
    /// The device's password: 20 hexadecimal digits; generated when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<&'a Secret>,
}

#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
/// `deviceInfo` of a registration with a secret: the mark beside what every registration may tell.
#[serde(rename_all = "camelCase")]
struct SecretModeInfo<'a> {
    /// The device's unique mark (IMEI, MAC, serial number).
    node_id: &'a str,
    #[serde(flatten)]
    rest: &'a NewDeviceInfo,
}

/// The answer to a registration with a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct RegisterWithSecretAnswer {
    /// The new device, in UUID form.
    #[cfg_attr(feature = "openapi", schemars(extend("format" = "uuid")))]
    pub device_id: String,
    /// The device's password; absent in the old mode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<Secret>,
    /// The device's key for DTLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub psk: Option<Secret>,
    /// The code with which a device of the old mode (`mqttConnect` false) fetches its secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verify_code: Option<Secret>,
}

/// The answer of [3.4].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct DeviceStatusAnswer {
    /// The device.
    #[cfg_attr(feature = "openapi", schemars(extend("format" = "uuid")))]
    pub device_id: String,
    /// False until the first contact, true ever after.
    pub activated: bool,
    /// The device's name; null when it has none.
    pub name: Option<String>,
}

/// Booleans of device information stand as `"TRUE"` and `"FALSE"`.
#[expect(clippy::ref_option, reason = "serde passes fields by reference")]
#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes fields by reference"
)]
pub(crate) fn upper_case<S: Serializer>(
    value: &Option<bool>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match value {
        Some(true) => serializer.serialize_str("TRUE"),
        Some(false) => serializer.serialize_str("FALSE"),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(body: &str) -> String {
        RegisterRequest::from_json(body.as_bytes())
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn a_registration_of_an_old_client_with_strings_and_nulls_is_read() {
        let body = r#"{"nodeId":"n","verifyCode":null,"timeout":"0","isSecure":"TRUE","imsi":null,"groupId":"g",
            "deviceInfo":{"model":"M","mute":"false","name":""},"customFields":[{"fieldName":"f"},null]}"#;
        let request = RegisterRequest::from_json(body.as_bytes()).unwrap();
        let expected = RegisterRequest {
            node_id: "n".to_owned(),
            timeout: Some(0),
            is_secure: Some(true),
            device_info: Some(NewDeviceInfo {
                model: Some("M".to_owned()),
                mute: Some(false),
                ..Default::default()
            }),
            custom_fields: vec![CustomField {
                field_name: Some("f".to_owned()),
                ..Default::default()
            }],
            ..Default::default()
        };
        assert_eq!(request, expected);
        let written = serde_json::to_vec(&request).unwrap();
        assert_eq!(RegisterRequest::from_json(&written).unwrap(), expected);
    }

    #[test]
    fn every_bound_of_a_registration_holds() {
        let long = "a".repeat(257);
        for (member, text) in [
            ("\"nodeId\":null", "`nodeId` is required".to_owned()),
            (
                "\"nodeId\":\"\"",
                "`nodeId` must have 1 to 256 characters".to_owned(),
            ),
            (
                &format!("\"nodeId\":\"{long}\""),
                "`nodeId` must have 1 to 256 characters".to_owned(),
            ),
            (
                &format!("\"verifyCode\":\"{long}\""),
                "`verifyCode` must have at most 256 characters".to_owned(),
            ),
            (
                "\"nodeId\":\"n\",\"timeout\":-1",
                "`timeout` must be an integer from 0 to 2147483647 seconds".to_owned(),
            ),
            (
                "\"nodeId\":\"n\",\"psk\":\"abc\"",
                "`psk` must be an even number of hexadecimal digits, 8 to 32".to_owned(),
            ),
            (
                "\"nodeId\":\"n\",\"imsi\":\"\"",
                "`imsi` must have 1 to 64 characters".to_owned(),
            ),
            (
                "\"nodeId\":\"n\",\"isSecure\":1",
                "`isSecure` must be true or false".to_owned(),
            ),
            (
                "\"nodeId\":\"n\",\"deviceInfo\":\"x\"",
                "`deviceInfo` must be an object".to_owned(),
            ),
            (
                "\"nodeId\":\"n\",\"deviceInfo\":{\"model\":1}",
                "`deviceInfo.model` must be a string".to_owned(),
            ),
        ] {
            assert_eq!(reason(&format!("{{{member}}}")), text);
        }
    }

    #[test]
    fn secret_mode_keeps_the_node_id_within_device_info() {
        let body = r#"{"deviceInfo":{"nodeId":"n","manufacturerId":"m","isSecurity":"TRUE"},"mqttConnect":true,
            "secret":"0123456789abcdef0123"}"#;
        let request = RegisterWithSecretRequest::from_json(body.as_bytes()).unwrap();
        assert_eq!(request.node_id, "n");
        assert_eq!(request.device_info.is_security, Some(true));
        assert_eq!(
            serde_json::to_string(&request).unwrap(),
            r#"{"deviceInfo":{"nodeId":"n","manufacturerId":"m","isSecurity":"TRUE"},"mqttConnect":true,"secret":"0123456789abcdef0123"}"#
        );
        let reason = |body: &str| {
            RegisterWithSecretRequest::from_json(body.as_bytes())
                .unwrap_err()
                .to_string()
        };
        assert_eq!(reason("{}"), "`deviceInfo` is required");
        assert_eq!(
            reason("{\"deviceInfo\":{}}"),
            "`deviceInfo.nodeId` is required"
        );
        let short = "{\"deviceInfo\":{\"nodeId\":\"n\"},\"secret\":\"0123456789\"}";
        assert_eq!(reason(short), "`secret` must be 20 hexadecimal digits");
    }

    #[test]
    fn answers_have_their_members_in_the_order_of_the_documentation() {
        let answer = RegisterAnswer {
            device_id: "d".to_owned(),
            verify_code: Secret::new("v"),
            timeout: 180,
            psk: Secret::new("00"),
        };
        let text = serde_json::to_string(&answer).unwrap();
        assert_eq!(
            text,
            r#"{"deviceId":"d","verifyCode":"v","timeout":180,"psk":"00"}"#
        );
        let answer = RegisterWithSecretAnswer {
            device_id: "d".to_owned(),
            secret: Some(Secret::new("s")),
            psk: Some(Secret::new("00")),
            verify_code: None,
        };
        assert_eq!(
            serde_json::to_string(&answer).unwrap(),
            r#"{"deviceId":"d","secret":"s","psk":"00"}"#
        );
        let answer = DeviceStatusAnswer {
            device_id: "d".to_owned(),
            activated: false,
            name: None,
        };
        assert_eq!(
            serde_json::to_string(&answer).unwrap(),
            r#"{"deviceId":"d","activated":false,"name":null}"#
        );
    }
}
