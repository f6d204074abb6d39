//! Secrets at rest (R2.7): those that are only compared are hashed, those that must be recovered are encrypted under a key
//! file that lies beside the data.

use crate::random;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::aead::{Aead, KeyInit};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use secrecy::SecretString;
use sha2::{Digest, Sha256};
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;
/// Memory of one hash in KiB, its passes and lanes: the second choice of RFC 9106 scaled to a server that logs in often.
const ARGON2: (u32, u32, u32) = (19_456, 2, 1);

/// The key under which secrets are encrypted. It never prints itself.
pub struct Vault {
    cipher: XChaCha20Poly1305,
}

/// The key file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// It cannot be read or written.
    #[error("the key file {path} cannot be used")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is not a key.
    #[error("the key file {path} does not hold a key of {KEY_BYTES} bytes")]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// Others may read it.
    #[error("the key file {path} can be read by others: set its mode to 0600")]
    Open {
        /// The file.
        path: PathBuf,
    },
}

/// A sealed secret does not open: it was changed, or the key file is not the one it was sealed under.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a sealed secret does not open; is this the key file that belongs to the data?")]
pub struct NotSealed;

impl Vault {
    /// Reads the key file, or makes one (mode 0600) if there is none.
    ///
    /// # Errors
    /// [`VaultError`].
    pub fn open(path: &Path) -> Result<Self, VaultError> {
        let io = |source| VaultError::Io {
            path: path.to_owned(),
            source,
        };
        let key = match File::open(path) {
            Ok(mut file) => {
                if file.metadata().map_err(io)?.permissions().mode() & 0o077 != 0 {
                    return Err(VaultError::Open {
                        path: path.to_owned(),
                    });
                }
                let mut key = Vec::with_capacity(KEY_BYTES);
                Read::by_ref(&mut file)
                    .take(1 + KEY_BYTES as u64)
                    .read_to_end(&mut key)
                    .map_err(io)?;
                <[u8; KEY_BYTES]>::try_from(key).map_err(|_| VaultError::NoKey {
                    path: path.to_owned(),
                })?
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let key = random::bytes::<KEY_BYTES>();
                let mut file = OpenOptions::new()
                    .write(true)
                    .create_new(true)
                    .mode(0o600)
                    .open(path)
                    .map_err(io)?;
                file.write_all(&key)
                    .and_then(|()| file.sync_all())
                    .map_err(io)?;
                if let Some(folder) = path.parent() {
                    File::open(folder)
                        .and_then(|folder| folder.sync_all())
                        .map_err(io)?;
                }
                key
            }
            Err(error) => return Err(io(error)),
        };
        Ok(Self {
            cipher: XChaCha20Poly1305::new(&Key::from(key)),
        })
    }

    /// Encrypts a secret for the store.
    pub fn seal(&self, secret: &[u8]) -> Vec<u8> {
        let nonce = random::bytes::<NONCE_BYTES>();
        let sealed = self
            .cipher
            .encrypt(&XNonce::from(nonce), secret)
            .expect("a secret is short");
        [&nonce[..], &sealed].concat()
    }

    /// Decrypts what [`seal`](Self::seal) made.
    ///
    /// # Errors
    /// [`NotSealed`].
    pub fn unseal(&self, sealed: &[u8]) -> Result<Vec<u8>, NotSealed> {
        let (nonce, sealed) = sealed.split_at_checked(NONCE_BYTES).ok_or(NotSealed)?;
        let nonce = <[u8; NONCE_BYTES]>::try_from(nonce).map_err(|_| NotSealed)?;
        self.cipher
            .decrypt(&XNonce::from(nonce), sealed)
            .map_err(|_| NotSealed)
    }
}

/// The argon2id hash of an application's secret, in PHC form. Takes some ten milliseconds of a processor.
pub fn hash_secret(secret: &SecretString) -> String {
    use secrecy::ExposeSecret as _;
    let salt = random::bytes::<16>();
    let hashed = hasher().hash_password_with_salt(secret.expose_secret().as_bytes(), &salt);
    hashed.expect("the parameters are valid").to_string()
}

/// Whether `secret` is the one that was hashed. Takes as long as the hashing, whatever the answer.
pub fn verify_secret(secret: &SecretString, hash: &str) -> bool {
    use secrecy::ExposeSecret as _;
    let Ok(parsed) = argon2::PasswordHash::new(hash) else {
        return false;
    };
    hasher()
        .verify_password(secret.expose_secret().as_bytes(), &parsed)
        .is_ok()
}

/// The digest under which a token is kept.
pub fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

fn hasher() -> Argon2<'static> {
    let (memory, passes, lanes) = ARGON2;
    let params = Params::new(memory, passes, lanes, None).expect("the parameters are valid");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_secret_opens_under_its_own_key_only() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("key");
        let sealed = Vault::open(&path).expect("a new key").seal(b"secret");
        assert_eq!(
            Vault::open(&path)
                .expect("the same key")
                .unseal(&sealed)
                .as_deref(),
            Ok(&b"secret"[..])
        );
        let mut changed = sealed.clone();
        changed[30] ^= 1;
        let vault = Vault::open(&folder.path().join("other")).expect("another key");
        assert_eq!(vault.unseal(&sealed), Err(NotSealed));
        assert_eq!(
            Vault::open(&path).expect("the same key").unseal(&changed),
            Err(NotSealed)
        );
        assert_eq!(vault.unseal(b"short"), Err(NotSealed));
    }

    #[test]
    fn a_key_that_others_may_read_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("key");
        std::fs::write(&path, [7; KEY_BYTES]).expect("written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).expect("set");
        assert!(matches!(Vault::open(&path), Err(VaultError::Open { .. })));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("set");
        assert!(Vault::open(&path).is_ok());
        std::fs::write(&path, [7; KEY_BYTES + 1]).expect("written");
        assert!(matches!(Vault::open(&path), Err(VaultError::NoKey { .. })));
    }

    #[test]
    fn a_secret_is_known_again_by_its_hash() {
        let hash = hash_secret(&"right".into());
        assert!(hash.starts_with("$argon2id$"));
        assert!(verify_secret(&"right".into(), &hash));
        assert!(!verify_secret(&"wrong".into(), &hash));
        assert!(!verify_secret(&"right".into(), "no hash"));
    }
}
