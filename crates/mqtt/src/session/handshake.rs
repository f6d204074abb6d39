//! The beginning of a session: CONNECT, the server's decision, CONNACK.

use super::{Phase, Session};
use crate::codec::{self, Welcome, Will};
use crate::event::{Cause, Event, Refusal, Version};
use crate::limits::Millis;
use crate::topic::Access;

impl Session {
    /// Lets the device of an [`Event::Connect`] in, with access to its own topics, and goes on with what it sent meanwhile.
    /// `false` if it is not in: its will is not for its own data topic, or the session ended before; then
    /// [`Event::Closed`] says why.
    #[must_use]
    pub fn accept(&mut self, access: Access, now: Millis) -> bool {
        let Phase::Deciding = self.phase else {
            return false;
        };
        if self
            .will
            .as_ref()
            .is_some_and(|will| access.publish(&will.topic).is_err())
        {
            self.put_connack(Refusal::NotAuthorised.code(self.version));
            self.end(Cause::Will);
            return false;
        }
        if !self.welcome() {
            self.end(Cause::TooLarge);
            return false;
        }
        self.phase = Phase::Open(access);
        self.heard = now;
        self.take_kept(now);
        true
    }

    /// Turns the CONNECT of an [`Event::Connect`] down. The session is over.
    pub fn refuse(&mut self, refusal: Refusal) {
        if let Phase::Deciding = self.phase {
            self.put_connack(refusal.code(self.version));
            self.end(Cause::Refused(refusal));
        }
    }

    /// Reads the CONNECT and asks the server about it.
    pub(super) fn on_connect(&mut self, body: &[u8]) -> Result<(), Cause> {
        let connecting = codec::connect(body).map_err(|bad| {
            if let Some(version) = bad.answer_in {
                let code = if version == Version::V5 {
                    bad.cause.reason()
                } else {
                    Some(1)
                };
                codec::put_connack(&mut self.outbox, version, code.unwrap_or(0x80));
            }
            bad.cause
        })?;
        self.version = connecting.connect.version;
        self.peer_bytes_max = connecting.packet_bytes_max;
        self.outstanding_max = self.outstanding_max.min(connecting.receive_maximum);
        self.keep_alive_s = self.enforced_keep_alive_s(connecting.connect.keep_alive_s);
        if let Err(cause) = self.check_will(connecting.will.as_deref()) {
            self.put_connack(cause.reason().unwrap_or(0x80));
            return Err(cause);
        }
        self.will = connecting.will;
        self.phase = Phase::Deciding;
        self.events
            .push_back(Event::Connect(Box::new(connecting.connect)));
        Ok(())
    }

    /// The keep-alive that is enforced. One of 0 is bounded (R6.6); one above the bound is lowered where the device can be told,
    /// which is in MQTT 5, else it stands.
    fn enforced_keep_alive_s(&self, asked: u16) -> u16 {
        match (asked, self.version) {
            (0, Version::V31 | Version::V311 | Version::V5) => self.limits.keep_alive_s_max,
            (_, Version::V5) => asked.min(self.limits.keep_alive_s_max),
            (_, Version::V31 | Version::V311) => asked,
        }
    }

    /// An MQTT 5 will must keep to what the CONNACK would have said (MQTT 5, 3.1.2.6 and 3.1.2.7).
    fn check_will(&self, will: Option<&Will>) -> Result<(), Cause> {
        let Some(will) = will.filter(|_| self.version == Version::V5) else {
            return Ok(());
        };
        if will.qos > 1 {
            Err(Cause::Qos2)
        } else if will.retain {
            Err(Cause::Retained)
        } else {
            Ok(())
        }
    }

    /// Writes the CONNACK that lets the device in; `false` if it is larger than the device takes.
    fn welcome(&mut self) -> bool {
        let before = self.outbox.len();
        match self.version {
            Version::V31 | Version::V311 => codec::put_connack(&mut self.outbox, self.version, 0),
            Version::V5 => codec::put_welcome(
                &mut self.outbox,
                Welcome {
                    receive_maximum: self.limits.reports_unacknowledged_max,
                    packet_bytes_max: self.limits.packet_bytes_max,
                    keep_alive_s: self.keep_alive_s,
                },
            ),
        }
        let fits = self.outbox.len() - before <= self.peer_bytes_max as usize;
        if !fits {
            self.outbox.truncate(before);
        }
        fits
    }

    /// Writes a CONNACK that is only a code, if the device takes it.
    pub(super) fn put_connack(&mut self, code: u8) {
        if self.peer_bytes_max >= 5 {
            codec::put_connack(&mut self.outbox, self.version, code);
        }
    }
}
