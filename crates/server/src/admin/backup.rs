//! A backup of the server while it runs (R2.8).

use super::problem::Checked;
use super::wire::NewBackup;
use super::{Admin, Problem};
use crate::backup::{self, BackupError, Made};
use axum::Json;
use axum::extract::State;
use http::StatusCode;
use std::sync::Arc;
use store::CopyError;

/// Makes a backup in a folder on this machine, and answers when it is whole and checked.
pub(super) async fn make(
    State(admin): State<Arc<Admin>>,
    Checked(Json(asked)): Checked<Json<NewBackup>>,
) -> Result<(StatusCode, Json<Made>), Problem> {
    let now = admin.dispatch.parts().clock.now();
    let (database, data) = (admin.database.clone(), admin.folder.clone());
    let making = move || backup::of_running(&database, &data, &asked.folder, now);
    let made = tokio::task::spawn_blocking(making).await;
    let made = made.map_err(|error| Problem::Store(format!("the backup broke off: {error}")))?;
    let made = made.map_err(problem)?;
    let folder = made.folder.display();
    let accepted = made.manifest.counts.accepted;
    tracing::info!(%folder, accepted, "a backup was made");
    Ok((StatusCode::CREATED, Json(made)))
}

#[expect(clippy::needless_pass_by_value, reason = "it stands in `map_err`")]
fn problem(error: BackupError) -> Problem {
    let text = error.to_string();
    match error {
        // What cannot be written is where the operator said.
        BackupError::Relative(_) | BackupError::Io { .. } => Problem::Invalid(text),
        BackupError::Exists(_) | BackupError::Copy(CopyError::Busy | CopyError::Full { .. }) => {
            Problem::Conflict(text)
        }
        BackupError::Copy(CopyError::Stopped) => Problem::Stopping,
        BackupError::Copy(CopyError::Exists(_) | CopyError::Failed(_) | CopyError::Damaged(_))
        | BackupError::NoDatabase(_)
        | BackupError::Occupied(_)
        | BackupError::NoBackup { .. }
        | BackupError::Altered { .. }
        | BackupError::KeyWrong(_)
        | BackupError::Key(_)
        | BackupError::Database(_)
        | BackupError::Read(_) => Problem::Store(text),
    }
}
