//! Commands for devices that are asleep: what lies in the store while something else is measured.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::task::JoinSet;

use super::post::{Head, PostLink, is_accepted};
use super::{LoadError, Target};

/// Posts commands and leaves them.
#[derive(Debug)]
pub struct Backlog;

impl Backlog {
    /// Posts `each` commands for every device, over so many connections. Returns how many were accepted; one that is refused is not
    /// repeated (a device takes at most 20 PENDING ones, R1.12).
    pub async fn post(
        target: &Target,
        device_ids: Arc<[String]>,
        each: usize,
        connections: usize,
    ) -> Result<u64, LoadError> {
        let head = Arc::new(Head::of(target));
        let next = Arc::new(AtomicUsize::new(0));
        let mut tasks = JoinSet::new();
        for _ in 0..connections {
            let mut link = PostLink::open(target).await?;
            let (head, next, ids) = (head.clone(), next.clone(), device_ids.clone());
            tasks.spawn(async move {
                let mut accepted = 0;
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= ids.len() * each {
                        return Ok(accepted);
                    }
                    let number = u64::try_from(n).unwrap_or(u64::MAX);
                    head.write(link.outbound(), &ids[n % ids.len()], number);
                    let status = poll_fn(|cx| link.poll_answer(cx)).await?;
                    accepted += u64::from(is_accepted(status));
                }
            });
        }
        let mut accepted = 0;
        while let Some(joined) = tasks.join_next().await {
            accepted += joined.expect("posting does not panic")?;
        }
        Ok(accepted)
    }
}
