//! What a device says on its data topic: reports, and answers to commands.

use super::South;
use super::connection::Present;
use crate::dispatch::{Heard, Promise};
use crate::limits::SERVICES_PER_SESSION_MAX;
use crate::south::Mailbox;
use delivery::{Answer, Input, Mid, Moment, Verdict};
use mqtt::Published;
use profile::Map;
use profile::codec::{DecodeError, DeviceMessage, ReportItem};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use store::Report;

/// Takes a message to the dispatcher. Returns the promise of one that nothing is to be kept of: it can be kept at once.
pub(super) async fn hear(
    present: &mut Present,
    published: Published,
    mailbox: &Arc<Mailbox>,
    south: &South,
) -> Option<mqtt::Promise> {
    let device = present.device.id;
    let heard = match profile::codec::decode(&published.payload) {
        Ok(DeviceMessage::Report { items, .. }) => Heard {
            reports: reports(present, items, south).await,
            ..Heard::default()
        },
        Ok(DeviceMessage::Answer {
            mid, errcode, body, ..
        }) => {
            let verdict = if errcode == 0 {
                Verdict::Success
            } else {
                Verdict::Failure
            };
            answer(mid, verdict, body.as_ref())
        }
        Err(DecodeError::Answer { mid, problem }) => {
            tracing::info!(%device, mid, %problem, "a device's answer cannot be decoded");
            answer(mid, Verdict::Undecodable, None)
        }
        Err(DecodeError::Message(problem)) => {
            south.counts.garbage.increment(1);
            tracing::info!(%device, %problem, bytes = published.payload.len(), "a device's message cannot be decoded");
            Heard::default()
        }
    };
    if heard.input.is_none() && heard.reports.is_empty() {
        return published.promise;
    }
    let promise = published.promise.map(|owed| Promise {
        mailbox: mailbox.clone(),
        owed,
    });
    // When the platform stops, nobody acknowledges: the device will say it again.
    south
        .dispatch
        .hear(device, Heard { promise, ..heard })
        .await
        .ok();
    None
}

fn answer(mid: u16, verdict: Verdict, body: Option<&Map>) -> Heard {
    let detail = body.map(|body| Arc::from(serde_json::to_vec(body).expect("a map is JSON")));
    let answer = Answer {
        verdict,
        detail,
        off_profile: false,
    };
    let input = Mid::new(mid).map(|mid| Input::Answered { mid, answer });
    Heard {
        input,
        ..Heard::default()
    }
}

/// What is to be kept of a report. Services beyond the bound are left out, counted and logged.
async fn reports(present: &mut Present, items: Vec<ReportItem>, south: &South) -> Vec<Report> {
    let device = present.device.id;
    let now = south.dispatch.parts().clock.now();
    // The record may have changed since the device connected.
    let record = south.registry.device(device).await.ok().flatten();
    let model = record
        .as_deref()
        .and_then(|record| south.registry.model_of(record));
    let mut kept: Vec<Report> = Vec::with_capacity(items.len());
    for item in items {
        if !may_report(present, &item.service_id) {
            south.counts.garbage.increment(1);
            tracing::warn!(%device, "a device reports more services than it may");
            continue;
        }
        let off_profile = model.as_ref().is_some_and(|model| {
            let service = model.profile.service(&item.service_id);
            service.is_none_or(|service| !service.check_report(&item.service_data).is_empty())
        });
        let event_time = item.event_time.as_deref().and_then(moment);
        let properties = serde_json::to_vec(&item.service_data).expect("a map is JSON");
        kept.push(Report {
            device,
            service_id: item.service_id,
            at: now,
            event_time,
            properties,
            off_profile,
        });
    }
    kept
}

fn may_report(present: &mut Present, service_id: &str) -> bool {
    let mut hasher = DefaultHasher::new();
    service_id.hash(&mut hasher);
    let hash = hasher.finish();
    if present.services.contains(&hash) {
        return true;
    }
    let room = present.services.len() < SERVICES_PER_SESSION_MAX;
    if room {
        present.services.push(hash);
    }
    room
}

/// The moment that a device wrote, if it is one.
fn moment(text: &str) -> Option<Moment> {
    api::Timestamp::parse(text).map(|time| Moment::from_millis(time.unix_millis_u64()))
}
