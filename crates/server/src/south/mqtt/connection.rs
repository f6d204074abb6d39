//! One connection: its task owns the stream and the session, carries out orders, and tells the dispatcher what the device says.

use super::{South, session_ms};
use crate::clock::{self, Clock};
use crate::dispatch::Heard;
use crate::limits::{READ_BYTES, SESSION_HELD_MAX, SESSION_HELD_MS_MAX};
use crate::south::admission::Admitted;
use crate::south::{CloseReason, Mailbox, Order, encode};
use delivery::{CommandId, DeviceId, Downlink, Input, SessionId};
use metrics::counter;
use mqtt::{Access, Event, Qos, Refusal, SendError, Session};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::task::ready;
use std::time::Duration;
use store::Device;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::time::Sleep;

/// Runs a connection to its end. `names` is what its certificate calls the device, if that is to be judged.
pub(super) async fn run<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    names: Option<Box<[String]>>,
    south: &South,
) {
    let mut connection = Connection {
        names,
        session: Session::new(south.settings.limits, session_ms()),
        mailbox: Arc::default(),
        device: None,
        unacknowledged: Vec::new(),
        held: VecDeque::new(),
        held_since: 0,
        over: false,
    };
    let timer = tokio::time::sleep(Duration::ZERO);
    tokio::pin!(timer);
    loop {
        if connection.work(&mut stream, south).await.is_err() {
            // What it said before the stream broke is still to be handled, and the end itself.
            connection.session.connection_lost();
            continue;
        }
        if connection.over {
            break;
        }
        connection.wait(&mut stream, timer.as_mut(), south).await;
    }
    connection.leave(south).await;
    // What is left to say was written; a device that hangs on is cut off.
    tokio::time::timeout(south.settings.write_within, stream.shutdown())
        .await
        .ok();
}

struct Connection {
    /// What the device must be among, because its certificate says so.
    names: Option<Box<[String]>>,
    session: Session,
    mailbox: Arc<Mailbox>,
    device: Option<Box<Present>>,
    /// Commands whose PUBACK is to be expected.
    unacknowledged: Vec<CommandId>,
    /// Attempts that wait because the device has not acknowledged enough of those before.
    held: VecDeque<Downlink>,
    /// When the first of them began to wait.
    held_since: mqtt::Millis,
    over: bool,
}

/// The device at the other end.
pub(super) struct Present {
    pub(super) device: Arc<Device>,
    pub(super) session: SessionId,
    pub(super) subscribed: bool,
    /// Hashes of the services that this session reported.
    pub(super) services: Vec<u64>,
}

impl Connection {
    /// Writes what there is to write and handles what has happened, until nothing of either is left.
    async fn work<S: AsyncWrite + Unpin>(
        &mut self,
        stream: &mut S,
        south: &South,
    ) -> std::io::Result<()> {
        let mut out = Vec::new();
        loop {
            if self.session.poll_transmit(&mut out) {
                let write = async {
                    stream.write_all(&out).await?;
                    // TLS may hold some of it back until it is told to let go.
                    stream.flush().await
                };
                let written = tokio::time::timeout(south.settings.write_within, write).await;
                written.map_err(|_| std::io::ErrorKind::TimedOut)??;
                out.clear();
            }
            match self.session.poll_event() {
                Some(event) => self.handle(event, south).await,
                None => return Ok(()),
            }
        }
    }

    /// Waits for bytes, an order, or the session's deadline.
    async fn wait<S: AsyncRead + Unpin>(
        &mut self,
        stream: &mut S,
        mut timer: Pin<&mut Sleep>,
        south: &South,
    ) {
        let deadline = self.session.poll_timeout();
        if timer.is_elapsed() {
            // The deadline moves with every packet; the timer follows only when it has fired.
            let left = deadline
                .map_or(3_600_000, |at| at.saturating_sub(session_ms()))
                .max(1);
            let next = clock::tokio_instant_in(Duration::from_millis(left));
            timer.as_mut().reset(next);
        }
        let wants_bytes = self.session.wants_bytes();
        let holds = !self.held.is_empty();
        let hold_left =
            SESSION_HELD_MS_MAX.saturating_sub(session_ms().saturating_sub(self.held_since));
        let session = &mut self.session;
        let read = poll_fn(|cx| {
            let mut bytes = [MaybeUninit::uninit(); READ_BYTES];
            let mut buffer = ReadBuf::uninit(&mut bytes);
            let outcome = ready!(Pin::new(&mut *stream).poll_read(cx, &mut buffer));
            match outcome {
                Ok(()) if !buffer.filled().is_empty() => {
                    session.handle_bytes(buffer.filled(), session_ms());
                }
                Ok(()) | Err(_) => session.connection_lost(),
            }
            std::task::Poll::Ready(())
        });
        tokio::select! {
            () = read, if wants_bytes => {}
            () = self.mailbox.arrival() => self.carry_out(south),
            () = tokio::time::sleep(Duration::from_millis(hold_left)), if holds => {
                // What waits would leave too late; it is lost, and its commands wait for the device's next session.
                self.session.close(mqtt::CloseReason::Quota);
            }
            () = timer => self.session.handle_timeout(session_ms()),
        }
    }

    async fn handle(&mut self, event: Event, south: &South) {
        match event {
            Event::Connect(connect) => match south.admission.admit(&connect).await {
                Ok(admitted) => self.enter(admitted, south).await,
                Err(refusal) => self.session.refuse(refusal),
            },
            Event::Subscribed { qos } => self.subscribed(qos == Qos::AtLeastOnce, south).await,
            Event::Unsubscribed => self.unsubscribed(south).await,
            Event::FiltersRefused { first, count } => {
                counter!("downlink_mqtt_refused_total", "cause" => "filter").increment(1);
                let first: String = first.chars().take(128).collect();
                tracing::info!(device = %self.name(), filter = ?first, count, "subscriptions were refused");
            }
            Event::Published(published) => {
                south.counts.published.increment(1);
                if let Some(present) = &mut self.device {
                    let unheard =
                        super::hearing::hear(present, published, &self.mailbox, south).await;
                    if let Some(promise) = unheard {
                        self.session.acknowledge(promise, session_ms());
                    }
                }
            }
            Event::Acked { tag, refused } => self.acked(tag, refused, south).await,
            Event::Closed { cause } => {
                self.over = true;
                counter!("downlink_mqtt_closed_total", "cause" => cause.label()).increment(1);
                tracing::info!(device = %self.name(), cause = cause.label(), "an MQTT connection ended");
            }
        }
    }

    async fn enter(&mut self, admitted: Admitted, south: &South) {
        let Admitted { device, name } = admitted;
        if self.is_anothers(&device) {
            counter!("downlink_mqtt_refused_total", "cause" => "certificate").increment(1);
            tracing::info!(device = %device.id, names = ?self.names, "a device showed another one's certificate");
            self.session.refuse(Refusal::NotAuthorised);
            return;
        }
        let Some((session, first)) = south.hub.open(device.id, &self.mailbox) else {
            self.session.refuse(Refusal::Busy);
            return;
        };
        let id = device.id;
        if !south.registry.stands(&device).await {
            south.hub.closed(id, session);
            self.session.refuse(Refusal::Credentials);
            return;
        }
        let access = Access::device(&name)
            .or(&id.to_string())
            .or(&device.node_id);
        self.device = Some(Box::new(Present {
            device,
            session,
            subscribed: false,
            services: Vec::new(),
        }));
        if !self.session.accept(access, session_ms()) {
            return;
        }
        tracing::info!(device = %id, session = session.0, "a device connected over MQTT");
        tell(south, id, Input::Heard).await;
        if first {
            note_presence(south, id).await;
        }
    }

    /// Whether the certificate of this connection names other devices only.
    fn is_anothers(&self, device: &Device) -> bool {
        let id = device.id.to_string();
        self.names.as_ref().is_some_and(|names| {
            !names
                .iter()
                .any(|name| *name == id || *name == device.node_id)
        })
    }

    async fn subscribed(&mut self, confirms: bool, south: &South) {
        let Some(present) = &mut self.device else {
            return;
        };
        present.subscribed = true;
        let (id, session) = (present.device.id, present.session);
        south.hub.subscribed(id, session);
        tell(south, id, Input::Reachable { session, confirms }).await;
    }

    async fn unsubscribed(&mut self, south: &South) {
        let Some(present) = &mut self.device else {
            return;
        };
        present.subscribed = false;
        let (id, session) = (present.device.id, present.session);
        south.hub.unsubscribed(id, session);
        tell(south, id, Input::Unreachable { session }).await;
    }

    async fn acked(&mut self, tag: u64, refused: Option<u8>, south: &South) {
        let Some(at) = self.unacknowledged.iter().position(|id| id.seq == tag) else {
            return;
        };
        let command = self.unacknowledged.swap_remove(at);
        if let Some(reason) = refused {
            tracing::warn!(device = %self.name(), %command, reason, "the device took a command and says that it cannot use it");
        }
        if let Some(present) = &self.device {
            tell(south, present.device.id, Input::Acked { command }).await;
        }
        while let Some(downlink) = self.held.pop_front() {
            if let Some(back) = self.send(downlink, south) {
                self.held.push_front(back);
                break;
            }
            self.held_since = session_ms();
        }
    }

    /// Carries out every order that waits.
    fn carry_out(&mut self, south: &South) {
        for order in self.mailbox.take() {
            match order {
                Order::Deliver(downlink) => {
                    if !self.held.is_empty() {
                        self.hold(downlink);
                    } else if let Some(back) = self.send(downlink, south) {
                        self.hold(back);
                    }
                }
                Order::Acknowledge(promise) => self.session.acknowledge(promise, session_ms()),
                Order::Close(reason) => self.session.close(match reason {
                    CloseReason::TakenOver => mqtt::CloseReason::TakenOver,
                    CloseReason::DeviceDeleted | CloseReason::CredentialsChanged => {
                        mqtt::CloseReason::Administrative
                    }
                    CloseReason::TooSlow => mqtt::CloseReason::Quota,
                    CloseReason::ShuttingDown => mqtt::CloseReason::ShuttingDown,
                }),
            }
        }
    }

    fn hold(&mut self, downlink: Downlink) {
        if self.held.is_empty() {
            self.held_since = session_ms();
        }
        self.held.push_back(downlink);
        if self.held.len() > SESSION_HELD_MAX {
            self.session.close(mqtt::CloseReason::Quota);
        }
    }

    /// Hands an attempt to the session; gives it back if it has to wait. One that the session cannot take at all ends the
    /// connection, and is told to the heart as lost when that has ended: no byte of it left.
    fn send(&mut self, downlink: Downlink, south: &South) -> Option<Downlink> {
        let Ok(payload) = encode(&downlink.body, downlink.mid) else {
            // It was encoded when it was accepted; the same bytes encode again.
            tracing::error!(command = %downlink.command, "an accepted command does not encode");
            self.session.close(mqtt::CloseReason::Quota);
            return Some(downlink);
        };
        let qos = if downlink.confirm {
            Qos::AtLeastOnce
        } else {
            Qos::AtMostOnce
        };
        match self
            .session
            .send_command(&payload, qos, downlink.command.seq)
        {
            Ok(Qos::AtLeastOnce) => {
                if !self.unacknowledged.contains(&downlink.command) {
                    self.unacknowledged.push(downlink.command);
                }
                None
            }
            Ok(Qos::AtMostOnce) => None,
            Err(SendError::Full) => Some(downlink),
            Err(error @ (SendError::NotSubscribed | SendError::TooLarge)) => {
                tracing::warn!(device = %self.name(), command = %downlink.command, %error, "a command was not handed over");
                counter!("downlink_mqtt_not_sent_total", "cause" => send_error_label(error))
                    .increment(1);
                if let Some(present) = &self.device {
                    let hub = &south.hub;
                    hub.unsubscribed(present.device.id, downlink.session);
                }
                self.session.close(mqtt::CloseReason::Quota);
                Some(downlink)
            }
        }
    }

    /// Tells everybody that the session is over.
    async fn leave(mut self, south: &South) {
        let undelivered = self.mailbox.close();
        let Some(present) = self.device.take() else {
            return;
        };
        let id = present.device.id;
        let last = south.hub.closed(id, present.session);
        let waiting = undelivered.into_iter().filter_map(|order| match order {
            Order::Deliver(downlink) => Some(downlink),
            Order::Acknowledge(_) | Order::Close(_) => None,
        });
        for Downlink {
            command,
            attempt,
            session,
            ..
        } in self.held.drain(..).chain(waiting)
        {
            tell(
                south,
                id,
                Input::Lost {
                    command,
                    attempt,
                    session,
                },
            )
            .await;
        }
        if present.subscribed {
            tell(
                south,
                id,
                Input::Unreachable {
                    session: present.session,
                },
            )
            .await;
        }
        if last {
            note_presence(south, id).await;
        }
    }

    fn name(&self) -> Name {
        Name(self.device.as_ref().map(|present| present.device.id))
    }
}

/// A device's id for the log, or a dash before it is known.
struct Name(Option<DeviceId>);

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(id) => id.fmt(f),
            None => f.write_str("-"),
        }
    }
}

const fn send_error_label(error: SendError) -> &'static str {
    match error {
        SendError::NotSubscribed => "not_subscribed",
        SendError::Full => "full",
        SendError::TooLarge => "too_large",
    }
}

/// Tells the heart what the link saw. When the platform stops nobody hears it any more, and a restart begins with every
/// device away.
async fn tell(south: &South, device: DeviceId, input: Input) {
    let heard = Heard {
        input: Some(input),
        ..Heard::default()
    };
    south.dispatch.hear(device, heard).await.ok();
}

async fn note_presence(south: &South, device: DeviceId) {
    let now = Clock::now(&south.dispatch.parts().clock);
    if let Err(error) = south.registry.note_presence(device, now).await {
        tracing::warn!(%device, %error, "a device's presence was not kept");
    }
}
