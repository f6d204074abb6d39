//! Of a list, what its caller may see, where the store's own filter cannot say it.

use crate::limits::LIST_SCANNED_MAX;
use store::{Failed, PAGE_ITEMS_MAX, Page};

/// A page of those items of a list that are `wanted`. `part` reads the list: so many items to pass over, so many at the most.
///
/// No more than [`LIST_SCANNED_MAX`] items are looked at; what lies beyond is neither shown nor counted.
pub(super) fn picked<T>(
    part: impl Fn(u64, usize) -> Result<Page<T>, Failed>,
    wanted: impl Fn(&T) -> bool,
    (skip, take): (u64, usize),
) -> Result<Page<T>, Failed> {
    let mut found = Page {
        total: 0,
        items: Vec::new(),
    };
    let mut looked_at = 0;
    while looked_at < LIST_SCANNED_MAX {
        let items = part(looked_at, PAGE_ITEMS_MAX)?.items;
        if items.is_empty() {
            break;
        }
        looked_at += u64::try_from(items.len()).unwrap_or(u64::MAX);
        for item in items.into_iter().filter(&wanted) {
            if found.total >= skip && found.items.len() < take {
                found.items.push(item);
            }
            found.total += 1;
        }
    }
    Ok(found)
}
