//! Who may come in: whoever can read the token in the data folder.

use super::{Admin, Problem};
use crate::files::{self, Readable};
use crate::random;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::header::AUTHORIZATION;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use subtle::ConstantTimeEq;

/// The file of the token, in the data folder.
pub const TOKEN_FILE: &str = "admin.token";
const TOKEN_BYTES: usize = 24;
const FILE_BYTES_MAX: u64 = 1_024;

/// The operator's token. It never prints itself.
pub struct Token(secrecy::SecretString);

/// The token cannot be read or made.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The file cannot be used.
    #[error("the token file {} cannot be used: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is empty, or no text.
    #[error("the token file {} holds no token; remove it, and the next start makes one", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// Others may read it.
    #[error("the token file {} can be read by others: set its mode to 0600", path.display())]
    Open {
        /// The file.
        path: PathBuf,
    },
}

impl Token {
    /// Reads the token of a data folder, or makes one (mode 0600).
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn open(folder: &Path) -> Result<Self, TokenError> {
        if let Some(token) = Self::read(folder)? {
            return Ok(token);
        }
        let path = folder.join(TOKEN_FILE);
        let token = random::hex::<TOKEN_BYTES>();
        let written = files::write(&path, format!("{token}\n").as_bytes(), Readable::ByOwner);
        written.map_err(|source| TokenError::Io { path, source })?;
        Ok(Self(token.into()))
    }

    /// Reads the token of a data folder; `None` if there is none.
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn read(folder: &Path) -> Result<Option<Self>, TokenError> {
        let path = folder.join(TOKEN_FILE);
        let io = |source| TokenError::Io {
            path: path.clone(),
            source,
        };
        let Some(bytes) = files::read(&path, FILE_BYTES_MAX).map_err(io)? else {
            return Ok(None);
        };
        if files::is_open(&path).map_err(io)? {
            return Err(TokenError::Open { path });
        }
        let text = String::from_utf8(bytes).unwrap_or_default();
        match text.trim() {
            "" => Err(TokenError::Empty { path }),
            token => Ok(Some(Self(token.into()))),
        }
    }

    /// The header that shows it.
    pub(super) fn header(&self) -> String {
        use secrecy::ExposeSecret as _;
        format!("Bearer {}", self.0.expose_secret())
    }

    fn is(&self, header: &[u8]) -> bool {
        self.header().as_bytes().ct_eq(header).into()
    }
}

/// Lets a request pass that shows the token.
pub(super) async fn guard(
    State(admin): State<Arc<Admin>>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let shown = request.headers().get(AUTHORIZATION);
    if shown.is_some_and(|shown| admin.token.is(shown.as_bytes())) {
        return Ok(next.run(request).await);
    }
    Err(Problem::Token)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_token_is_made_once_and_kept_from_others() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(Token::read(folder.path()).expect("none").is_none());
        let made = Token::open(folder.path()).expect("made").header();
        assert_eq!(made.len(), "Bearer ".len() + 2 * TOKEN_BYTES);
        let token = Token::open(folder.path()).expect("read");
        assert!(token.is(made.as_bytes()));
        assert!(
            !token.is(b"Bearer ")
                && !token.is(b"")
                && !token.is(&made.as_bytes()[..made.len() - 1])
        );
        let path = folder.path().join(TOKEN_FILE);
        std::fs::write(&path, " \n").expect("written");
        assert!(matches!(
            Token::open(folder.path()),
            Err(TokenError::Empty { .. })
        ));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).expect("set");
        assert!(matches!(
            Token::open(folder.path()),
            Err(TokenError::Open { .. })
        ));
    }
}
