//! What a native MQTT device shows at CONNECT (`southbound.md` §2).

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// With signType 0 the time is the password's key and nothing else: any hour will do.
const TIME: &str = "2018102510";

/// Who a device is. Not printed: the secret is one.
#[derive(Clone)]
pub struct Credentials {
    /// Its deviceId or nodeId.
    pub id: String,
    /// Which of the two.
    pub kind: IdKind,
    /// The secret of its registration.
    pub secret: String,
}

/// What the id of a device is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdKind {
    /// The platform's deviceId: authType 0.
    DeviceId,
    /// The nodeId: authType 2.
    NodeId,
}

impl Credentials {
    /// A device under its deviceId.
    pub fn of_device(device_id: impl Into<String>, secret: impl Into<String>) -> Self {
        Self {
            id: device_id.into(),
            kind: IdKind::DeviceId,
            secret: secret.into(),
        }
    }

    /// `{id}_{authType}_{signType}_{YYYYMMDDHH}`.
    pub fn client_id(&self) -> String {
        let auth_type = match self.kind {
            IdKind::DeviceId => 0,
            IdKind::NodeId => 2,
        };
        format!("{}_{auth_type}_0_{TIME}", self.id)
    }

    /// The lower-case hex of HMAC-SHA256, its key the time's text, its message the secret.
    pub fn password(&self) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(TIME.as_bytes())
            .expect("HMAC takes a key of any length");
        mac.update(self.secret.as_bytes());
        let digest = mac.finalize().into_bytes();
        let nibbles = digest.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        nibbles
            .filter_map(|nibble| char::from_digit(nibble.into(), 16))
            .collect()
    }
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials")
            .field("id", &self.id)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_is_keyed_by_the_time_and_says_the_secret() {
        let credentials = Credentials::of_device("d_1", "s3cret");
        assert_eq!(credentials.client_id(), "d_1_0_0_2018102510");
        assert_eq!(credentials.password(), PASSWORD);
        assert!(!format!("{credentials:?}").contains("s3cret"));
        let by_node = Credentials {
            kind: IdKind::NodeId,
            ..credentials
        };
        assert_eq!(by_node.client_id(), "d_1_2_0_2018102510");
    }

    /// `printf s3cret | openssl dgst -sha256 -hmac 2018102510`
    const PASSWORD: &str = "5a9ad7b7d534f57b8ada5e8a159881b95f9210821aedad616549beaa72539376";
}
