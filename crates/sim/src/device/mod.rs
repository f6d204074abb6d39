//! A simulated device over TCP: it sleeps and wakes when told, and keeps a record of every command that reached it.

mod core;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

pub use self::core::{Core, Ended, Received, State};
use crate::behaviour::{Behaviour, Reaction};
use crate::clock::passed_ms;
use crate::credentials::Credentials;

/// How long a connection with CONNECT and SUBSCRIBE may take.
const WAKE_MAX: Duration = Duration::from_secs(10);
/// How long the last bytes before a sleep may take.
const SLEEP_MAX: Duration = Duration::from_secs(2);
const READ_BYTES: usize = 4096;

/// Why a device could not wake.
#[derive(Debug, thiserror::Error)]
pub enum WakeError {
    /// No connection.
    #[error("no connection to {address}")]
    Connect {
        /// Where to.
        address: SocketAddr,
        /// Why not.
        source: std::io::Error,
    },
    /// The platform turned it away, or spoke nonsense.
    #[error(transparent)]
    Ended(#[from] Ended),
    /// The connection ended before the subscription stood.
    #[error("the connection ended before the subscription stood")]
    Closed,
    /// It took longer than 10 s.
    #[error("no subscription within 10 s")]
    Timeout,
}

/// A simulated device. Dropped, its connection ends without a word.
#[derive(Debug)]
pub struct Device {
    shared: Arc<Shared>,
    task: JoinSet<()>,
}

#[derive(Debug)]
struct Shared {
    core: Mutex<Core>,
    /// Counts what happened, for those who wait.
    changed: watch::Sender<u64>,
    /// Set when there may be something to write.
    stirred: tokio::sync::Notify,
    ended: Mutex<Option<Ended>>,
}

impl Device {
    /// A device that is asleep. Its luck comes from `seed`.
    pub fn new(credentials: Credentials, behaviour: Behaviour, seed: u64) -> Self {
        Self {
            shared: Arc::new(Shared {
                core: Mutex::new(Core::new(credentials, behaviour, seed)),
                changed: watch::Sender::new(0),
                stirred: tokio::sync::Notify::new(),
                ended: Mutex::new(None),
            }),
            task: JoinSet::new(),
        }
    }

    /// Connects to the platform's plain MQTT listener and subscribes. A connection that it has is cut first.
    pub async fn wake(&mut self, address: SocketAddr) -> Result<(), WakeError> {
        self.cut().await;
        let awake = timeout(WAKE_MAX, async {
            let connected = TcpStream::connect(address).await;
            let stream = connected.map_err(|source| WakeError::Connect { address, source })?;
            // A device answers at once; without it the kernel waits for more to send.
            stream
                .set_nodelay(true)
                .map_err(|source| WakeError::Connect { address, source })?;
            self.shared.core().connect(passed_ms());
            *self.shared.ended() = None;
            let mut changes = self.shared.changed.subscribe();
            self.task.spawn(drive(stream, self.shared.clone()));
            let woken = changes.wait_for(|_| self.shared.core().state() != State::Waking);
            drop(woken.await);
            match self.shared.core().state() {
                State::Awake => Ok(()),
                State::Waking | State::Asleep => {
                    let ended = *self.shared.ended();
                    Err(ended.map_or(WakeError::Closed, WakeError::Ended))
                }
            }
        });
        let woken = awake.await.unwrap_or(Err(WakeError::Timeout));
        if woken.is_err() {
            self.cut().await;
        }
        woken
    }

    /// Says DISCONNECT and closes.
    pub async fn sleep(&mut self) {
        self.shared.core().disconnect();
        self.shared.stirred.notify_one();
        // The platform closes once it has read the DISCONNECT; if it does not, the connection is cut.
        drop(timeout(SLEEP_MAX, self.task.join_next()).await);
        self.cut().await;
    }

    /// Ends the connection without a word, as a device does that loses its network.
    pub async fn cut(&mut self) {
        self.task.shutdown().await;
        self.shared.lost();
    }

    /// Where its connection stands.
    pub fn state(&self) -> State {
        self.shared.core().state()
    }

    /// Every command that reached it, in order of arrival.
    pub fn received(&self) -> Vec<Received> {
        self.shared.core().received().to_vec()
    }

    /// How many of its answers and reports the platform has acknowledged.
    pub fn confirmed(&self) -> u64 {
        self.shared.core().confirmed()
    }

    /// Returns as soon as `is` holds of the device. The caller sets a bound in time.
    pub async fn until(&self, mut is: impl FnMut(&Core) -> bool) {
        let mut changes = self.shared.changed.subscribe();
        let holds = changes.wait_for(|_| is(&self.shared.core())).await;
        holds.map(drop).expect("the device holds the sender");
    }

    /// Reports data of a service; if asleep, after it wakes.
    pub fn report(&self, service_id: &str, data: &Map<String, Value>) {
        self.shared.core().report(service_id, data, passed_ms());
        self.shared.stirred.notify_one();
    }

    /// Takes its next commands in these ways, one after the other, and all further ones in the last of them.
    pub fn follow(&self, script: impl IntoIterator<Item = Reaction>) {
        self.shared.core().follow(script);
    }

    /// Takes on other habits from its next command on.
    pub fn behave(&self, behaviour: Behaviour) {
        self.shared.core().behave(behaviour);
    }
}

impl Shared {
    fn core(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ended(&self) -> MutexGuard<'_, Option<Ended>> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lost(&self) {
        self.core().lost(passed_ms());
        self.tell();
    }

    fn tell(&self) {
        self.changed.send_modify(|count| *count += 1);
    }
}

/// Carries bytes and time between a connection and its device until one of them ends it.
async fn drive(mut stream: TcpStream, shared: Arc<Shared>) {
    let mut inbound = [0; READ_BYTES];
    let mut outbound = Vec::new();
    loop {
        let wait = {
            let mut core = shared.core();
            let now = passed_ms();
            core.handle_timeout(now);
            core.poll_transmit(&mut outbound, now);
            core.poll_timeout().map_or(Duration::MAX, |at| {
                Duration::from_millis(at.saturating_sub(now))
            })
        };
        if stream.write_all(&outbound).await.is_err() {
            break;
        }
        outbound.clear();
        tokio::select! {
            read = stream.read(&mut inbound) => match read {
                Ok(0) | Err(_) => break,
                Ok(count) => {
                    let handled = shared.core().handle_bytes(&inbound[..count], passed_ms());
                    shared.tell();
                    if let Err(ended) = handled {
                        *shared.ended() = Some(ended);
                        break;
                    }
                }
            },
            () = shared.stirred.notified() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
    shared.lost();
}
