//! Admission: which device a connection speaks for, and whether it may.

use crate::clock::Clock;
use crate::random;
use crate::registry::Registry;
use crate::secrets::Vault;
use hmac::{Hmac, KeyInit, Mac};
use mqtt::{AuthType, ClientId, Connect, Refusal};
use sha2::Sha256;
use std::sync::Arc;
use store::Device;
use subtle::ConstantTimeEq;

/// Lets MQTT devices in by the password rule: the client id names the device and a time, and the password is the HMAC-SHA256
/// of the device's secret under that time's text, in hex.
pub struct Admission {
    registry: Arc<Registry>,
    vault: Arc<Vault>,
    clock: Clock,
    /// Stands in for the secret of a device that is not known, so that it takes as long to refuse.
    decoy: [u8; 20],
}

/// A device that was let in.
pub struct Admitted {
    /// The device.
    pub device: Arc<Device>,
    /// The name by which it came; its topics carry it.
    pub name: String,
}

impl Admission {
    /// Admits devices of `registry`, whose secrets `vault` opens.
    pub fn new(registry: Arc<Registry>, vault: Arc<Vault>, clock: Clock) -> Self {
        Self {
            registry,
            vault,
            clock,
            decoy: random::bytes(),
        }
    }

    /// Decides about a CONNECT.
    ///
    /// # Errors
    /// Why it is refused. Unknown devices and wrong passwords look the same.
    pub async fn admit(&self, connect: &Connect) -> Result<Admitted, Refusal> {
        let id = ClientId::parse(&connect.client_id).map_err(|_| Refusal::ClientId)?;
        let now = self.clock.now();
        let found = match id.auth {
            AuthType::DeviceId => match id.id.parse() {
                Ok(device) => self.registry.device(device).await,
                Err(_) => Ok(None),
            },
            AuthType::NodeId => self.registry.device_by_node(id.id).await,
        };
        let found = found.map_err(|error| {
            tracing::error!(%error, "a device cannot be looked up");
            Refusal::Unavailable
        })?;
        let known =
            found.filter(|d| d.activated.is_some() || d.bind_by.is_none_or(|until| now < until));
        let sealed = known.as_ref().and_then(|device| device.secret.as_deref());
        let opened = sealed.and_then(|sealed| match self.vault.unseal(sealed) {
            Ok(secret) => Some(secret),
            Err(error) => {
                tracing::error!(%error, "a device's secret cannot be used");
                None
            }
        });
        let secret = opened.as_deref().unwrap_or(&self.decoy);
        let given = connect.password.as_deref().unwrap_or_default();
        let right = password(secret, id.time).as_bytes().ct_eq(given);
        let named = connect.user_name.as_deref() == Some(id.id);
        match known {
            Some(device)
                if opened.is_some()
                    && bool::from(right)
                    && named
                    && id.is_timely(now.as_millis()) =>
            {
                Ok(Admitted {
                    device,
                    name: id.id.to_owned(),
                })
            }
            Some(_) | None => Err(Refusal::Credentials),
        }
    }
}

/// The password of a device for a time's text: lower-case hex.
fn password(secret: &[u8], time: &str) -> String {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(time.as_bytes()).expect("HMAC takes keys of every length");
    mac.update(secret);
    random::to_hex(&mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_is_the_one_that_openssl_computes() {
        // printf %s 52f6b7cd9faebba66f26 | openssl dgst -sha256 -hmac 2026102123
        let openssl = "87b2addfb63db22b0315cce25a4bc713db94e24974794306297f8b1c7f4204b6";
        assert_eq!(password(b"52f6b7cd9faebba66f26", "2026102123"), openssl);
        assert_ne!(password(b"52f6b7cd9faebba66f26", "2026102122"), openssl);
    }
}
