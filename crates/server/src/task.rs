//! Work that is carried through though whoever asked for it leaves in the middle.

/// Runs work to its end even if its client goes away: memory and store would disagree otherwise.
///
/// # Errors
/// In words, if the work panicked or the runtime ends.
#[expect(
    clippy::disallowed_methods,
    reason = "whoever asked waits for the task; only one who leaves lets it run on alone"
)]
pub(crate) async fn to_the_end<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> Result<T, String> {
    tokio::spawn(work).await.map_err(|error| error.to_string())
}
