//! The bodies of requests: whole, bounded in bytes and in time (R3.4), each and all together.

use super::Settings;
use super::error::Error;
use super::load::Share;
use api::{Code, Operation};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::Body;
use std::fmt;
use std::pin::{Pin, pin};
use tokio::time::timeout;

/// Bytes that are read and thrown away, beyond those that are allowed, so that a sender lives to see its refusal.
const DISCARDED_BYTES_MAX: usize = 8 * 1_048_576;
/// Bytes that somebody may send who has not shown yet who it is: strangers must not fill the memory that all bodies share.
const STRANGERS_BYTES_MAX: usize = 8_192;

/// Takes the body; `share` counts it as it arrives.
///
/// # Errors
/// It is too large, too slow, does not arrive whole, or there is no memory for it.
pub(super) async fn take<B>(
    body: B,
    operation: Operation,
    settings: &Settings,
    share: &mut Share,
) -> Result<Bytes, Error>
where
    B: Body<Data = Bytes>,
    B::Error: fmt::Display,
{
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    let bytes_max = if operation.needs_token() {
        settings.body_bytes_max
    } else {
        settings.body_bytes_max.min(STRANGERS_BYTES_MAX)
    };
    let mut body = pin!(body);
    let gathered = gather(body.as_mut(), bytes_max, share);
    let taken = timeout(settings.client_time, gathered).await;
    match taken.map_err(|_| Error::BodyTooSlow)? {
        Err(error @ (Error::BodyTooLarge { .. } | Error::Overload(_))) => {
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
        let bytes_max = settings.body_bytes_max;
        Err(Error::BodyTooLarge { bytes_max })
    }
}

async fn gather<B>(
    mut body: Pin<&mut B>,
    bytes_max: usize,
    share: &mut Share,
) -> Result<Bytes, Error>
where
    B: Body<Data = Bytes>,
    B::Error: fmt::Display,
{
    let announced = body.size_hint().lower();
    if announced > u64::try_from(bytes_max).unwrap_or(u64::MAX) {
        return Err(Error::BodyTooLarge { bytes_max });
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
            return Err(Error::BodyTooLarge { bytes_max });
        }
        share.grow(data.len())?;
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
