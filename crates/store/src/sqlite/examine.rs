//! A look at a database file from outside: nothing of it is changed, and a server may run on it.

use super::{OpenError, files, reads, schema};
use crate::contract::Failed;
use delivery::Moment;
use std::path::Path;

/// What a database file says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Examined {
    /// The version of its schema; 0 if nothing was ever written to it.
    pub schema: u32,
    /// The version that this program knows; a start brings an older file up to it.
    pub known: u32,
    /// The last moment that was committed.
    pub last_moment: Moment,
    /// The value of the setting that was asked for.
    pub setting: Option<Vec<u8>>,
}

/// Looks at the database file at `path`, which exists, and reads one setting of it. It is checked for damage: about 1 s for 300 MB.
///
/// # Errors
/// The file is not ours, newer, damaged, or cannot be read.
pub fn examine(path: &Path, setting: &str) -> Result<Examined, OpenError> {
    let unusable = |why: String| OpenError::Unusable {
        path: path.to_owned(),
        why,
    };
    let conn = schema::open_reader(path).map_err(|error| schema::refused(path, &error))?;
    let (schema, known) = schema::version(&conn, path)?;
    files::check_now(&conn, path)?;
    if schema == 0 {
        return Ok(Examined {
            schema,
            known,
            last_moment: Moment::default(),
            setting: None,
        });
    }
    let failed = |failed: Failed| unusable(failed.to_string());
    Ok(Examined {
        schema,
        known,
        last_moment: reads::last_moment(&conn).map_err(failed)?,
        setting: reads::setting(&conn, setting).map_err(failed)?,
    })
}
