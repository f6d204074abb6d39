//! The bodies of requests: whole, bounded in bytes and in time (R3.4).

use super::Settings;
use super::error::Error;
use api::Code;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::Body;
use std::fmt;
use std::pin::{Pin, pin};
use tokio::time::timeout;

/// Bytes that are read and thrown away, beyond those that are allowed, so that a sender lives to see its refusal.
const DISCARDED_BYTES_MAX: usize = 8 * 1_048_576;

/// Takes the body.
///
/// # Errors
/// It is too large, too slow, or does not arrive whole.
pub(super) async fn take<B>(body: B, settings: &Settings) -> Result<Bytes, Error>
where
    B: Body<Data = Bytes>,
    B::Error: fmt::Display,
{
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    let mut body = pin!(body);
    let taken = timeout(
        settings.client_time,
        gather(body.as_mut(), settings.body_bytes_max),
    )
    .await;
    match taken.map_err(|_| Error::BodyTooSlow)? {
        Err(error @ Error::BodyTooLarge) => {
            timeout(settings.client_time, skip(body)).await.ok();
            Err(error)
        }
        outcome => outcome,
    }
}

/// Reads the body and throws it away.
///
/// # Errors
/// It is too large or too slow: the connection cannot go on.
pub(super) async fn discard<B>(body: B, settings: &Settings) -> Result<(), Error>
where
    B: Body<Data = Bytes>,
    B::Error: fmt::Display,
{
    if body.is_end_stream() {
        return Ok(());
    }
    let skipped = timeout(settings.client_time, skip(pin!(body))).await;
    if skipped.map_err(|_| Error::BodyTooSlow)? {
        Ok(())
    } else {
        Err(Error::BodyTooLarge)
    }
}

async fn gather<B>(mut body: Pin<&mut B>, bytes_max: usize) -> Result<Bytes, Error>
where
    B: Body<Data = Bytes>,
    B::Error: fmt::Display,
{
    let announced = body.size_hint().lower();
    if announced > u64::try_from(bytes_max).unwrap_or(u64::MAX) {
        return Err(Error::BodyTooLarge);
    }
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| {
            Error::detailed(
                Code::BadRequest,
                format!("the body cannot be read: {error}"),
            )
        })?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if first.len() + rest.len() + data.len() > bytes_max {
            return Err(Error::BodyTooLarge);
        }
        if first.is_empty() {
            first = data;
        } else {
            rest.extend_from_slice(&data);
        }
    }
    if rest.is_empty() {
        return Ok(first);
    }
    let mut whole = BytesMut::with_capacity(first.len() + rest.len());
    whole.extend_from_slice(&first);
    whole.extend_from_slice(&rest);
    Ok(whole.freeze())
}

/// Reads to the end; false if that does not come soon.
async fn skip<B>(mut body: Pin<&mut B>) -> bool
where
    B: Body<Data = Bytes>,
{
    let mut skipped = 0_usize;
    while let Some(Ok(frame)) = body.frame().await {
        skipped += frame.data_ref().map_or(0, Bytes::len);
        if skipped > DISCARDED_BYTES_MAX {
            return false;
        }
    }
    true
}
