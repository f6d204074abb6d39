//! Retention: what is old goes, and nothing else does (R2.8).

use super::Broken;
use crate::crash::kept::Kept;

/// Of what was kept a day `before`, all of it ended, nothing is kept `after` a whole run of retention.
///
/// That nothing younger goes, and that what is forgotten counts on, the other checks say, which take both together.
pub(crate) fn check_forgetting(before: &Kept, after: &Kept) -> Vec<Broken> {
    let both = before.commands.keys();
    let both = both.filter_map(|id| after.commands.get(id));
    both.map(|command| {
        let how = "it ended more than a day ago, and is still kept";
        Broken::of("what is old is forgotten", command, how)
    })
    .collect()
}
