//! Names: what addresses a callback's host has. A trait, so that a test can let a name change its answer.

use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::net::{IpAddr, ToSocketAddrs};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;

/// Names that are looked up at the same time; each has a thread of its own.
const LOOKUPS_MAX: usize = 1_024;
/// A thread that looks a name up does little else.
const LOOKUP_STACK_BYTES: usize = 262_144;

/// What [`Resolve::resolve`] returns.
pub type Resolving<'a> = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send + 'a>>;

/// Looks names up.
pub trait Resolve: Send + Sync {
    /// Every address of `host`, a name.
    fn resolve<'a>(&'a self, host: &'a str) -> Resolving<'a>;
}

/// Names that lead where a function says.
impl<F: Fn(&str) -> Vec<IpAddr> + Send + Sync> Resolve for F {
    fn resolve<'a>(&'a self, host: &'a str) -> Resolving<'a> {
        let found = self(host);
        Box::pin(async move { Ok(found) })
    }
}

/// The machine's own resolver. Every name that is being looked up has a thread of its own, and only one, however many wait for it: a name
/// server that does not answer for one delays no other.
#[derive(Default)]
pub struct SystemResolver {
    lookups: Arc<Mutex<HashMap<String, watch::Receiver<Option<Found>>>>>,
}

type Found = Result<Vec<IpAddr>, String>;

impl Resolve for SystemResolver {
    fn resolve<'a>(&'a self, host: &'a str) -> Resolving<'a> {
        Box::pin(async move {
            let mut lookup = self.join(host)?;
            let found = lookup.wait_for(Option::is_some).await;
            let found = found.map(|found| found.clone());
            match found {
                Ok(Some(Ok(addresses))) => Ok(addresses),
                Ok(Some(Err(why))) => Err(io::Error::other(why)),
                Ok(None) | Err(_) => Err(io::Error::other("the lookup ended without an answer")),
            }
        })
    }
}

impl SystemResolver {
    /// The lookup of this name, begun unless it is under way.
    fn join(&self, host: &str) -> io::Result<watch::Receiver<Option<Found>>> {
        let mut lookups = self.lookups.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lookup) = lookups.get(host) {
            return Ok(lookup.clone());
        }
        if lookups.len() >= LOOKUPS_MAX {
            return Err(io::Error::other("too many names are being looked up"));
        }
        let (answer, lookup) = watch::channel(None);
        let (name, done) = (host.to_owned(), self.lookups.clone());
        let look = move || {
            let found = (name.as_str(), 0).to_socket_addrs();
            let found = found
                .map(|addresses| addresses.map(|address| address.ip()).collect())
                .map_err(|error| error.to_string());
            done.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .remove(&name);
            answer.send_replace(Some(found));
        };
        std::thread::Builder::new()
            .name("lookup".into())
            .stack_size(LOOKUP_STACK_BYTES)
            .spawn(look)?;
        lookups.insert(host.to_owned(), lookup.clone());
        Ok(lookup)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_name_is_looked_up_once_for_all_who_wait() {
        let resolver = SystemResolver::default();
        let (one, two) = tokio::join!(resolver.resolve("localhost"), resolver.resolve("localhost"));
        let (one, two) = (one.expect("this machine"), two.expect("this machine"));
        assert!(!one.is_empty() && one == two);
        assert!(one.iter().all(IpAddr::is_loopback));
        assert!(resolver.lookups.lock().expect("no panic").is_empty());
        assert!(resolver.resolve("no name at all").await.is_err());
    }
}
